//! Users.

use super::super::fault::Fault;
use super::super::{principals, rows};
use crate::domain::names::UserName;
use crate::domain::timestamp::Timestamp;
use crate::store::{NewUser, UserRecord};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn add(tx: &Connection, user: &NewUser) -> Result<(), Fault> {
    let name = user.name.as_str();
    if let Some(known) = find(tx, name)? {
        return Err(Fault::Exists("user", known.name.as_str().to_owned()));
    }
    let display_name = if user.display_name.is_empty() { name } else { &user.display_name };
    tx.execute(
        "INSERT INTO user (name, display_name, email, admin, password, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            name,
            display_name,
            user.email,
            user.admin,
            user.password,
            user.created.as_millis()
        ],
    )?;
    Ok(())
}

pub(super) fn find(tx: &Connection, name: &str) -> Result<Option<UserRecord>, Fault> {
    let mut statement = tx.prepare_cached("SELECT * FROM user WHERE name = ?1")?;
    statement.query_and_then([name], rows::user)?.next().transpose()
}

pub(super) fn list(tx: &rusqlite::Transaction<'_>) -> Result<Vec<UserRecord>, Fault> {
    let mut statement = tx.prepare_cached("SELECT * FROM user ORDER BY name")?;
    statement.query_and_then([], rows::user)?.collect()
}

pub(super) fn password_of(tx: &Connection, name: &UserName) -> Result<Option<String>, Fault> {
    let sql = "SELECT password FROM user WHERE name = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let found = statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| missing(name))
}

pub(super) fn set_active(tx: &Connection, name: &UserName, active: bool) -> Result<(), Fault> {
    let sql = "UPDATE user SET active = ?2 WHERE name = ?1";
    changed(tx.execute(sql, params![name.as_str(), active])?, name)?;
    principals::renew_generation(tx)
}

pub(super) fn set_password(tx: &Connection, name: &UserName, phc: &str) -> Result<(), Fault> {
    let sql = "UPDATE user SET password = ?2 WHERE name = ?1";
    changed(tx.execute(sql, [name.as_str(), phc])?, name)
}

pub(super) fn remove(tx: &Connection, name: &UserName, now: Timestamp) -> Result<u64, Fault> {
    let id = id_of(tx, name)?;
    let now = now.as_millis();
    let live: i64 = tx.query_row(
        "SELECT count(*) FROM token
         WHERE user_id = ?1 AND revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > ?2)",
        [id, now],
        |row| row.get(0),
    )?;
    let sql = "UPDATE token SET revoked_ms = ?2 WHERE user_id = ?1 AND revoked_ms IS NULL";
    tx.execute(sql, [id, now])?;
    // Takes the grants along, and leaves the tokens with the name alone.
    tx.execute("DELETE FROM user WHERE id = ?1", [id])?;
    principals::renew_generation(tx)?;
    Ok(live.unsigned_abs())
}

/// The row of a user.
pub(super) fn id_of(tx: &Connection, name: &UserName) -> Result<i64, Fault> {
    let mut statement = tx.prepare_cached("SELECT id FROM user WHERE name = ?1")?;
    let found = statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| missing(name))
}

pub(super) fn missing(name: &UserName) -> Fault {
    Fault::Missing("user", name.as_str().to_owned())
}

fn changed(rows: usize, name: &UserName) -> Result<(), Fault> {
    if rows == 0 { Err(missing(name)) } else { Ok(()) }
}
