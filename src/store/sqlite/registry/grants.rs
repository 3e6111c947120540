//! Grants: the rights that users have in gitlatch.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::users;
use crate::domain::names::{RepoName, UserName};
use crate::domain::principal::Grant;
use crate::store::GrantRecord;
use rusqlite::Connection;

pub(super) fn add(tx: &Connection, user: &UserName, grant: &Grant) -> Result<(), Fault> {
    let id = users::id_of(tx, user)?;
    let added = tx.execute(
        "INSERT INTO grant_ (user_id, project, repository, permission) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        columns(id, grant),
    )?;
    if added == 0 {
        return Err(Fault::Exists("grant", named(user, grant)));
    }
    principals::renew_generation(tx)
}

pub(super) fn remove(tx: &Connection, user: &UserName, grant: &Grant) -> Result<(), Fault> {
    let id = users::id_of(tx, user)?;
    let removed = tx.execute(
        "DELETE FROM grant_
         WHERE user_id = ?1 AND project = ?2 AND repository IS ?3 AND permission = ?4",
        columns(id, grant),
    )?;
    if removed == 0 {
        return Err(Fault::Missing("grant", named(user, grant)));
    }
    principals::renew_generation(tx)
}

pub(super) fn list(tx: &Connection, user: Option<&UserName>) -> Result<Vec<GrantRecord>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT g.*, u.name AS user_name FROM grant_ g JOIN user u ON u.id = g.user_id
         WHERE ?1 IS NULL OR u.name = ?1
         ORDER BY u.name, g.project, g.repository, g.permission",
    )?;
    statement.query_and_then([user.map(UserName::as_str)], rows::grant_record)?.collect()
}

/// The right of one user, as its row tells it.
fn columns(user: i64, grant: &Grant) -> (i64, String, Option<&str>, &'static str) {
    let repository = grant.repository.as_ref().map(RepoName::as_str);
    (user, grant.projects.to_string(), repository, grant.permission.name())
}

/// The right as a message names it.
fn named(user: &UserName, grant: &Grant) -> String {
    let Grant { projects, repository, permission } = grant;
    match repository {
        Some(repository) => format!("{user} {permission} {projects}/{repository}"),
        None => format!("{user} {permission} {projects}"),
    }
}
