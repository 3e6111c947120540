//! Users.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::{endings, grants, listing, trail};
use crate::domain::names::{NameCase, UserName};
use crate::domain::principal::Owner;
use crate::domain::trail::{Author, Event};
use crate::store::{NewUser, TokenFilter, UserEdit, UserRecord, Window};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

pub(super) fn add(tx: &Connection, user: &NewUser, by: &Author) -> Result<UserRecord, Fault> {
    let name = user.name.as_str();
    if let Some(known) = find(tx, name)? {
        return Err(Fault::Exists("user", known.name.as_str().to_owned()));
    }
    let display_name = if user.display_name.is_empty() { name } else { &user.display_name };
    tx.execute(
        "INSERT INTO user (name, display_name, email, admin, password, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![name, display_name, user.email, user.admin, user.password, by.at.as_millis()],
    )?;
    let added = known(tx, &user.name)?;
    let event = if user.appeared { Event::UserAppeared } else { Event::UserAdded };
    trail::append(tx, by, event, trail::about_user(name), &facts(&added))?;
    Ok(added)
}

pub(in crate::store::sqlite) fn find(
    tx: &Connection,
    name: &str,
) -> Result<Option<UserRecord>, Fault> {
    let mut statement = tx.prepare_cached("SELECT * FROM user WHERE name = ?1")?;
    statement.query_and_then([name], rows::user)?.next().transpose()
}

pub(super) fn list(tx: &Connection) -> Result<Vec<UserRecord>, Fault> {
    let mut statement = tx.prepare_cached("SELECT * FROM user ORDER BY name")?;
    statement.query_and_then([], rows::user)?.collect()
}

pub(super) fn password_of(tx: &Connection, name: &UserName) -> Result<Option<String>, Fault> {
    let sql = "SELECT password FROM user WHERE name = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let found = statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| missing(name))
}

pub(super) fn edit(
    tx: &Connection,
    name: &UserName,
    edit: &UserEdit,
    by: &Author,
) -> Result<UserRecord, Fault> {
    let before = known(tx, name)?;
    let display_name = edit.display_name.as_ref().unwrap_or(&before.display_name);
    let email = edit.email.as_ref().unwrap_or(&before.email);
    let admin = edit.admin.unwrap_or(before.admin);
    tx.execute(
        "UPDATE user SET display_name = ?2, email = ?3, admin = ?4 WHERE id = ?1",
        params![before.id, display_name, email, admin],
    )?;
    let after = known(tx, name)?;
    if after == before {
        return Ok(after);
    }
    let details = json!({ "before": facts(&before), "after": facts(&after) });
    trail::append(tx, by, Event::UserEdited, trail::about_user(before.name.as_str()), &details)?;
    Ok(after)
}

pub(in crate::store::sqlite) fn set_active(
    tx: &Connection,
    name: &UserName,
    active: bool,
    by: &Author,
) -> Result<(), Fault> {
    let before = known(tx, name)?;
    if before.active == active {
        return Ok(());
    }
    tx.execute("UPDATE user SET active = ?2 WHERE id = ?1", params![before.id, active])?;
    principals::renew_generation(tx)?;
    let event = if active { Event::UserEnabled } else { Event::UserDisabled };
    let details = json!({ "before": { "active": before.active }, "after": { "active": active } });
    trail::append(tx, by, event, trail::about_user(before.name.as_str()), &details)
}

pub(super) fn set_password(
    tx: &Connection,
    name: &UserName,
    phc: &str,
    by: &Author,
) -> Result<(), Fault> {
    let before = known(tx, name)?;
    tx.execute("UPDATE user SET password = ?2 WHERE id = ?1", params![before.id, phc])?;
    let subject = trail::about_user(before.name.as_str());
    trail::append(tx, by, Event::UserPassword, subject, &json!({}))
}

pub(in crate::store::sqlite) fn remove(
    tx: &Connection,
    name: &UserName,
    by: &Author,
) -> Result<u64, Fault> {
    let before = known(tx, name)?;
    let filter = TokenFilter::of(Owner::User(before.name.clone()), NameCase::Exact);
    let tokens = listing::list(tx, &filter, Window::ALL)?.values;
    let live = tokens.iter().filter(|token| token.is_live(by.at)).count();
    let mut details = facts(&before);
    details["groups"] = groups_of(tx, before.id)?.into();
    let grants = principals::grants_of(tx, before.id, principals::Grants::Own)?;
    details["grants"] = grants.iter().map(grants::text).collect();
    // Revoked one by one, so that each token's own entries tell how it ended.
    for token in &tokens {
        let why = json!({ "name": token.name, "why": "its owner was removed" });
        endings::end(tx, token, by, &why)?;
    }
    // Takes grants, memberships and the stored credential along, and leaves the tokens with the name
    // alone.
    tx.execute("DELETE FROM user WHERE id = ?1", [before.id])?;
    principals::renew_generation(tx)?;
    details["revokedTokens"] = tokens.iter().map(|token| token.id.to_string()).collect();
    trail::append(tx, by, Event::UserRemoved, trail::about_user(before.name.as_str()), &details)?;
    Ok(live as u64)
}

/// The names of the groups that a user is in.
fn groups_of(tx: &Connection, id: i64) -> Result<Vec<String>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT g.name FROM group_member m JOIN group_ g ON g.id = m.group_id
         WHERE m.user_id = ?1 ORDER BY g.name",
    )?;
    let names = statement.query_map([id], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The row of a user.
pub(super) fn id_of(tx: &Connection, name: &UserName) -> Result<i64, Fault> {
    let mut statement = tx.prepare_cached("SELECT id FROM user WHERE name = ?1")?;
    let found = statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| missing(name))
}

pub(super) fn known(tx: &Connection, name: &UserName) -> Result<UserRecord, Fault> {
    find(tx, name.as_str())?.ok_or_else(|| missing(name))
}

pub(super) fn missing(name: &UserName) -> Fault {
    Fault::Missing("user", name.as_str().to_owned())
}

/// What the trail tells about a user.
fn facts(user: &UserRecord) -> Value {
    json!({
        "displayName": user.display_name,
        "email": user.email,
        "admin": user.admin,
        "active": user.active,
    })
}
