//! Groups of users.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::{trail, users};
use crate::domain::names::{GroupName, UserName};
use crate::domain::trail::{Author, Event, Subject};
use crate::store::GroupRecord;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

pub(super) fn add(tx: &Connection, name: &GroupName, by: &Author) -> Result<(), Fault> {
    let sql = "INSERT INTO group_ (name, created_ms) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if tx.execute(sql, params![name.as_str(), by.at.as_millis()])? == 0 {
        return Err(Fault::Exists("group", name.to_string()));
    }
    note(tx, by, Event::GroupAdded, name, None)
}

pub(super) fn remove(tx: &Connection, name: &GroupName, by: &Author) -> Result<(), Fault> {
    let id = id_of(tx, name)?;
    tx.execute("DELETE FROM group_ WHERE id = ?1", [id])?;
    principals::renew_generation(tx)?;
    note(tx, by, Event::GroupRemoved, name, None)
}

pub(super) fn join(
    tx: &Connection,
    group: &GroupName,
    user: &UserName,
    by: &Author,
) -> Result<(), Fault> {
    let ids = (id_of(tx, group)?, users::id_of(tx, user)?);
    let sql = "INSERT INTO group_member (group_id, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if tx.execute(sql, ids)? == 0 {
        return Err(Fault::Exists("member", format!("{user} of {group}")));
    }
    principals::renew_generation(tx)?;
    note(tx, by, Event::GroupJoined, group, Some(user))
}

pub(super) fn leave(
    tx: &Connection,
    group: &GroupName,
    user: &UserName,
    by: &Author,
) -> Result<(), Fault> {
    let ids = (id_of(tx, group)?, users::id_of(tx, user)?);
    if tx.execute("DELETE FROM group_member WHERE group_id = ?1 AND user_id = ?2", ids)? == 0 {
        return Err(Fault::Missing("member", format!("{user} of {group}")));
    }
    principals::renew_generation(tx)?;
    note(tx, by, Event::GroupLeft, group, Some(user))
}

pub(super) fn list(tx: &rusqlite::Transaction<'_>) -> Result<Vec<GroupRecord>, Fault> {
    let mut groups = tx.prepare_cached("SELECT * FROM group_ ORDER BY name")?;
    let mut members = tx.prepare_cached(
        "SELECT u.* FROM group_member m JOIN user u ON u.id = m.user_id
         WHERE m.group_id = ?1 ORDER BY u.name",
    )?;
    let mut found = Vec::new();
    for group in groups.query_and_then([], rows::group)? {
        let (id, name, created) = group?;
        let names = members.query_and_then([id], rows::user)?.map(|user| user.map(|u| u.name));
        found.push(GroupRecord { name, members: names.collect::<Result<_, _>>()?, created });
    }
    Ok(found)
}

/// The row of a group.
pub(super) fn id_of(tx: &Connection, name: &GroupName) -> Result<i64, Fault> {
    let mut statement = tx.prepare_cached("SELECT id FROM group_ WHERE name = ?1")?;
    let found = statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| Fault::Missing("group", name.to_string()))
}

fn note(
    tx: &Connection,
    by: &Author,
    event: Event,
    group: &GroupName,
    user: Option<&UserName>,
) -> Result<(), Fault> {
    let subject = Subject { user: user.map(ToString::to_string), ..Subject::default() };
    trail::append(tx, by, event, subject, &json!({ "group": group.as_str() }))
}
