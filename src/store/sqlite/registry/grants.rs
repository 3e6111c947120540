//! Grants: the rights that users and groups have in gitlatch.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::{groups, trail, users};
use crate::domain::names::{RepoName, UserName};
use crate::domain::principal::{Grant, Grantee};
use crate::domain::trail::{Author, Event, Subject};
use crate::store::GrantRecord;
use rusqlite::{Connection, params};
use serde_json::json;

pub(super) fn add(tx: &Connection, to: &Grantee, grant: &Grant, by: &Author) -> Result<(), Fault> {
    let to = insert(tx, to, grant)?;
    principals::renew_generation(tx)?;
    note(tx, by, Event::GrantAdded, &to, grant)
}

/// Adds a right, and leaves the generation and the trail to the caller. Whose it is is returned, with the
/// name as it was added.
pub(super) fn insert(tx: &Connection, to: &Grantee, grant: &Grant) -> Result<Grantee, Fault> {
    let (user, group, to) = known(tx, to)?;
    let added = tx.execute(
        "INSERT INTO grant_ (user_id, group_id, project, repository, permission)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        params![
            user,
            group,
            grant.projects.to_string(),
            repository(grant),
            grant.permission.name()
        ],
    )?;
    if added == 0 {
        return Err(Fault::Exists("grant", named(&to, grant)));
    }
    Ok(to)
}

pub(super) fn remove(
    tx: &Connection,
    from: &Grantee,
    grant: &Grant,
    by: &Author,
) -> Result<(), Fault> {
    let (user, group, from) = known(tx, from)?;
    let removed = tx.execute(
        "DELETE FROM grant_
         WHERE user_id IS ?1 AND group_id IS ?2 AND project = ?3 AND repository IS ?4
           AND permission = ?5",
        params![
            user,
            group,
            grant.projects.to_string(),
            repository(grant),
            grant.permission.name()
        ],
    )?;
    if removed == 0 {
        return Err(Fault::Missing("grant", named(&from, grant)));
    }
    principals::renew_generation(tx)?;
    note(tx, by, Event::GrantRemoved, &from, grant)
}

pub(super) fn list(tx: &Connection, of: Option<&Grantee>) -> Result<Vec<GrantRecord>, Fault> {
    let (user, group) = match of {
        None => (None, None),
        Some(Grantee::User(name)) => (Some(name.as_str()), None),
        Some(Grantee::Group(name)) => (None, Some(name.as_str())),
    };
    let mut statement = tx.prepare_cached(
        "SELECT g.*, u.name AS user_name, p.name AS group_name
         FROM grant_ g
         LEFT JOIN user u ON u.id = g.user_id
         LEFT JOIN group_ p ON p.id = g.group_id
         WHERE (?1 IS NULL AND ?2 IS NULL) OR u.name = ?1 OR p.name = ?2
         ORDER BY g.user_id IS NULL, u.name, p.name, g.project, g.repository, g.permission",
    )?;
    statement.query_and_then([user, group], rows::grant_record)?.collect()
}

/// A user's own rights and those of the user's groups.
pub(super) fn of_user(tx: &Connection, name: &UserName) -> Result<Vec<Grant>, Fault> {
    principals::grants_of(tx, users::id_of(tx, name)?, principals::Grants::All)
}

/// The rows of whom a right is of, and the name as it was added.
fn known(tx: &Connection, of: &Grantee) -> Result<(Option<i64>, Option<i64>, Grantee), Fault> {
    Ok(match of {
        Grantee::User(name) => {
            let user = users::known(tx, name)?;
            (Some(user.id), None, Grantee::User(user.name))
        }
        Grantee::Group(name) => {
            let (id, name) = groups::known(tx, name)?;
            (None, Some(id), Grantee::Group(name))
        }
    })
}

fn repository(grant: &Grant) -> Option<&str> {
    grant.repository.as_ref().map(RepoName::as_str)
}

/// The right as a message names it.
fn named(of: &Grantee, grant: &Grant) -> String {
    format!("{of} {}", text(grant))
}

/// A right without whose it is: `REPO_READ team/app`.
pub(super) fn text(grant: &Grant) -> String {
    let Grant { projects, repository, permission } = grant;
    match repository {
        Some(repository) => format!("{permission} {projects}/{repository}"),
        None => format!("{permission} {projects}"),
    }
}

fn note(
    tx: &Connection,
    by: &Author,
    event: Event,
    of: &Grantee,
    grant: &Grant,
) -> Result<(), Fault> {
    let (user, group) = match of {
        Grantee::User(name) => (Some(name.to_string()), None),
        Grantee::Group(name) => (None, Some(name.to_string())),
    };
    let subject = Subject {
        user,
        project: Some(grant.projects.to_string()),
        repository: repository(grant).map(str::to_owned),
        token: None,
    };
    let details = json!({ "permission": grant.permission.name(), "group": group });
    trail::append(tx, by, event, subject, &details)
}
