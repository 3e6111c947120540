//! Groups of users.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::{grants, trail, users};
use crate::domain::names::{GroupName, UserName};
use crate::domain::principal::Grantee;
use crate::domain::trail::{Author, Event, Subject};
use crate::store::GroupRecord;
use rusqlite::{Connection, params};
use serde_json::json;

pub(super) fn add(tx: &Connection, name: &GroupName, by: &Author) -> Result<(), Fault> {
    let sql = "INSERT INTO group_ (name, created_ms) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if tx.execute(sql, params![name.as_str(), by.at.as_millis()])? == 0 {
        return Err(Fault::Exists("group", name.to_string()));
    }
    note(tx, by, Event::GroupAdded, name, None)
}

pub(super) fn remove(tx: &Connection, name: &GroupName, by: &Author) -> Result<(), Fault> {
    let (id, name) = known(tx, name)?;
    let grants = grants::list(tx, Some(&Grantee::Group(name.clone())))?;
    let details = json!({
        "group": name.as_str(),
        "members": members(tx, id)?.iter().map(UserName::as_str).collect::<Vec<_>>(),
        "grants": grants.iter().map(|record| grants::text(&record.grant)).collect::<Vec<_>>(),
    });
    tx.execute("DELETE FROM group_ WHERE id = ?1", [id])?;
    principals::renew_generation(tx)?;
    trail::append(tx, by, Event::GroupRemoved, Subject::default(), &details)
}

pub(super) fn join(
    tx: &Connection,
    group: &GroupName,
    user: &UserName,
    by: &Author,
) -> Result<(), Fault> {
    let ((id, group), user) = (known(tx, group)?, users::known(tx, user)?);
    let sql = "INSERT INTO group_member (group_id, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if tx.execute(sql, [id, user.id])? == 0 {
        return Err(Fault::Exists("member", format!("{} of {group}", user.name)));
    }
    principals::renew_generation(tx)?;
    note(tx, by, Event::GroupJoined, &group, Some(&user.name))
}

pub(super) fn leave(
    tx: &Connection,
    group: &GroupName,
    user: &UserName,
    by: &Author,
) -> Result<(), Fault> {
    let ((id, group), user) = (known(tx, group)?, users::known(tx, user)?);
    let sql = "DELETE FROM group_member WHERE group_id = ?1 AND user_id = ?2";
    if tx.execute(sql, [id, user.id])? == 0 {
        return Err(Fault::Missing("member", format!("{} of {group}", user.name)));
    }
    principals::renew_generation(tx)?;
    note(tx, by, Event::GroupLeft, &group, Some(&user.name))
}

pub(super) fn list(tx: &Connection) -> Result<Vec<GroupRecord>, Fault> {
    let mut groups = tx.prepare_cached("SELECT * FROM group_ ORDER BY name")?;
    let mut found = Vec::new();
    for group in groups.query_and_then([], rows::group)? {
        let (id, name, created) = group?;
        found.push(GroupRecord { name, members: members(tx, id)?, created });
    }
    Ok(found)
}

/// Who is in a group, by name.
fn members(tx: &Connection, id: i64) -> Result<Vec<UserName>, Fault> {
    let mut members = tx.prepare_cached(
        "SELECT u.* FROM group_member m JOIN user u ON u.id = m.user_id
         WHERE m.group_id = ?1 ORDER BY u.name",
    )?;
    let users = members.query_and_then([id], rows::user)?;
    users.map(|user| user.map(|user| user.name)).collect()
}

/// The row of a group, and its name as it was added.
pub(super) fn known(tx: &Connection, name: &GroupName) -> Result<(i64, GroupName), Fault> {
    let mut statement = tx.prepare_cached("SELECT * FROM group_ WHERE name = ?1")?;
    let found = statement.query_and_then([name.as_str()], rows::group)?.next().transpose()?;
    let (id, name, _) = found.ok_or_else(|| Fault::Missing("group", name.to_string()))?;
    Ok((id, name))
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
