//! Tokens.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::users;
use crate::domain::names::UserName;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::principal::Owner;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::store::{NewToken, TokenEdit, TokenFilter, TokenRecord};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

/// Every token, with its last use.
const RECORDS: &str = "SELECT t.*, m.at_ms, m.from_address
     FROM token t LEFT JOIN token_use m ON m.token_id = t.id";

/// An owner, as the columns of a row tell it.
#[derive(Default)]
struct Columns {
    user_id: Option<i64>,
    user_name: Option<String>,
    project: Option<String>,
    repository: Option<String>,
}

pub(super) fn add(tx: &Connection, token: &NewToken) -> Result<TokenRecord, Fault> {
    let owner = match &token.owner {
        Owner::User(name) => active_user(tx, name)?,
        Owner::Project(_) | Owner::Repository(_) => columns(&token.owner),
    };
    let from: Vec<String> = token.limits.from.iter().map(ToString::to_string).collect();
    let (project, repository) = names(token.permissions);
    tx.execute(
        "INSERT INTO token (
             hash, name, owner_kind, user_id, user_name, project, repository,
             project_permission, repository_permission, only_patterns, from_networks,
             created_ms, expires_ms
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            token.hash.as_bytes().as_slice(),
            token.name,
            token.owner.kind().name(),
            owner.user_id,
            owner.user_name,
            owner.project,
            owner.repository,
            project,
            repository,
            serde_json::Value::from(token.limits.only.texts()).to_string(),
            serde_json::Value::from(from).to_string(),
            token.created.as_millis(),
            token.expires.map(Timestamp::as_millis),
        ],
    )?;
    // Read back before it is committed: nothing is kept that a look-up could not understand. Nothing
    // in memory is wrong by it, since only tokens that exist are remembered.
    known(tx, TokenId(tx.last_insert_rowid()))
}

pub(super) fn find(tx: &Connection, id: TokenId) -> Result<Option<TokenRecord>, Fault> {
    let mut statement = tx.prepare_cached(&format!("{RECORDS} WHERE t.id = ?1"))?;
    statement.query_and_then([id.0], rows::token)?.next().transpose()
}

/// Each kind of owner has its own condition, so that each finds its index.
pub(super) fn list(tx: &Connection, filter: &TokenFilter) -> Result<Vec<TokenRecord>, Fault> {
    let (which, names) = match &filter.owner {
        None => ("TRUE", Vec::new()),
        // By the person and not by the name, which somebody else may have had before.
        Some(Owner::User(name)) => {
            let which = "t.user_id = (SELECT id FROM user WHERE name = ?1)";
            (which, vec![name.to_string()])
        }
        Some(Owner::Project(scope)) => {
            let which = "t.project = ?1 COLLATE NOCASE AND t.repository IS NULL";
            (which, vec![scope.to_string()])
        }
        Some(Owner::Repository(path)) => {
            let which = "t.project = ?1 COLLATE NOCASE AND t.repository = ?2 COLLATE NOCASE";
            (which, vec![path.project().to_owned(), path.name().to_owned()])
        }
    };
    let revoked = if filter.revoked { "TRUE" } else { "t.revoked_ms IS NULL" };
    let sql = format!("{RECORDS} WHERE {which} AND {revoked} ORDER BY t.id");
    let mut statement = tx.prepare_cached(&sql)?;
    let found = statement.query_and_then(params_from_iter(names), rows::token)?;
    // The index ignores case; the filter may not.
    found.filter(|token| token.as_ref().map_or(true, |token| filter.names(&token.owner))).collect()
}

pub(super) fn edit(tx: &Connection, id: TokenId, edit: &TokenEdit) -> Result<TokenRecord, Fault> {
    let before = known(tx, id)?;
    if before.revoked.is_some() {
        return Err(missing(id));
    }
    let name = edit.name.as_ref().unwrap_or(&before.name);
    let (project, repository) = names(edit.permissions.unwrap_or(before.permissions));
    tx.execute(
        "UPDATE token SET name = ?2, project_permission = ?3, repository_permission = ?4
         WHERE id = ?1",
        params![id.0, name, project, repository],
    )?;
    principals::renew_generation(tx)?;
    known(tx, id)
}

pub(super) fn revoke(tx: &Connection, id: TokenId, now: Timestamp) -> Result<(), Fault> {
    let sql = "UPDATE token SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL";
    if tx.execute(sql, [id.0, now.as_millis()])? == 0 {
        return Err(missing(id));
    }
    principals::renew_generation(tx)
}

/// Reads one entry of an index for each live token: 40 ms for a million.
pub(super) fn count(tx: &Connection, now: Timestamp) -> Result<u64, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT (SELECT count(*) FROM token WHERE revoked_ms IS NULL AND expires_ms IS NULL)
              + (SELECT count(*) FROM token WHERE revoked_ms IS NULL AND expires_ms > ?1)",
    )?;
    let live: i64 = statement.query_row([now.as_millis()], |row| row.get(0))?;
    Ok(live.unsigned_abs())
}

fn active_user(tx: &Connection, name: &UserName) -> Result<Columns, Fault> {
    let sql = "SELECT id, name FROM user WHERE name = ?1 AND active = 1";
    let mut statement = tx.prepare_cached(sql)?;
    let found = statement.query_row([name.as_str()], |row| {
        Ok(Columns { user_id: row.get(0)?, user_name: row.get(1)?, ..Columns::default() })
    });
    found.optional()?.ok_or_else(|| users::missing(name))
}

fn columns(owner: &Owner) -> Columns {
    match owner {
        Owner::User(name) => {
            Columns { user_name: Some(name.as_str().to_owned()), ..Columns::default() }
        }
        Owner::Project(scope) => Columns { project: Some(scope.to_string()), ..Columns::default() },
        Owner::Repository(path) => Columns {
            project: Some(path.project().to_owned()),
            repository: Some(path.name().to_owned()),
            ..Columns::default()
        },
    }
}

/// The names of the permissions on the project and on its repositories.
fn names(permissions: Permissions) -> (Option<&'static str>, &'static str) {
    let project = permissions.project().map(|level| Permission::Project(level).name());
    (project, Permission::Repository(permissions.repository()).name())
}

fn known(tx: &Connection, id: TokenId) -> Result<TokenRecord, Fault> {
    find(tx, id)?.ok_or_else(|| missing(id))
}

fn missing(id: TokenId) -> Fault {
    Fault::Missing("token", id.to_string())
}
