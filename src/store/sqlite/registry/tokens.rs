//! Tokens: made, found, edited, counted.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::listing::list;
use super::{settings, trail, users};
use crate::domain::names::UserName;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::principal::Owner;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Author, Event, Subject};
use crate::store::{NewToken, TokenEdit, TokenFilter, TokenRecord, UserRecord, Window};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// Every token, with its last use.
pub(super) const RECORDS: &str = "SELECT t.*, m.at_ms, m.from_address
     FROM token t LEFT JOIN token_use m ON m.token_id = t.id";

/// An owner, as the columns of a row tell it.
#[derive(Default)]
pub(super) struct Columns {
    user_id: Option<i64>,
    user_name: Option<String>,
    project: Option<String>,
    repository: Option<String>,
}

pub(super) fn add(tx: &Connection, token: &NewToken, by: &Author) -> Result<TokenRecord, Fault> {
    admit(tx, token, by.at)?;
    let added = insert(tx, token, by.at)?;
    trail::append(tx, by, Event::TokenCreated, about(&added), &facts(&added))?;
    Ok(added)
}

/// Holds a new token to the settings, in the transaction that makes it.
pub(super) fn admit(tx: &Connection, token: &NewToken, now: Timestamp) -> Result<(), Fault> {
    let settings = settings::read(tx)?;
    settings.admit(token.owner.kind(), token.permissions, now, token.expires)?;
    if let Owner::Repository(path) = &token.owner
        && !settings::of_project(tx, path.project())?.repository_tokens
    {
        let project = path.project().to_owned();
        return Err(crate::domain::settings::PolicyError::NoRepositoryTokens(project).into());
    }
    if settings.max_tokens.is_some() {
        settings.admit_one_more(live_of(tx, &token.owner, now)?, &token.owner.to_string())?;
    }
    Ok(())
}

/// How many tokens an owner has that are live, those in their overlap with a successor too: but for the one
/// that is being rotated, which is its own successor for that moment.
pub(super) fn live_of(tx: &Connection, owner: &Owner, now: Timestamp) -> Result<u64, Fault> {
    // In any case: a limit is not got round by another spelling.
    let filter = TokenFilter::of(owner.clone(), crate::domain::names::NameCase::Ignore);
    let tokens = list(tx, &filter, Window::ALL)?.values;
    let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    let live = tokens.iter().filter(|token| {
        !over(token.expires) && !over(token.retires) && token.successor != Some(token.id)
    });
    Ok(live.count() as u64)
}

pub(super) fn insert(
    tx: &Connection,
    token: &NewToken,
    now: Timestamp,
) -> Result<TokenRecord, Fault> {
    let owner = match &token.owner {
        Owner::User(name) => of_user(&active_user(tx, name)?),
        Owner::Project(_) | Owner::Repository(_) => columns(&token.owner),
    };
    insert_with(tx, token, &owner, now)
}

/// Adds a token of an owner who was looked up.
pub(super) fn insert_with(
    tx: &Connection,
    token: &NewToken,
    owner: &Columns,
    now: Timestamp,
) -> Result<TokenRecord, Fault> {
    let from: Vec<String> = token.limits.from.iter().map(ToString::to_string).collect();
    let (project, repository) = names(token.permissions);
    let refs = &token.limits.refs;
    let mut insert = tx.prepare_cached(
        "INSERT INTO token (
             hash, name, owner_kind, user_id, user_name, project, repository,
             project_permission, repository_permission, only_patterns, from_networks,
             created_ms, expires_ms, ref_patterns, no_delete, no_force, no_tags
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    insert.execute(params![
        token.hash.as_bytes().as_slice(),
        token.name,
        token.owner.kind().name(),
        owner.user_id,
        owner.user_name,
        owner.project,
        owner.repository,
        project,
        repository,
        Value::from(token.limits.only.texts()).to_string(),
        Value::from(from).to_string(),
        now.as_millis(),
        token.expires.map(Timestamp::as_millis),
        Value::from(refs.texts()).to_string(),
        refs.no_delete,
        refs.no_force,
        refs.no_tags,
    ])?;
    // Read back before it is committed: nothing is kept that a look-up could not understand. Nothing
    // in memory is wrong by it, since only tokens that exist are remembered.
    known(tx, TokenId(tx.last_insert_rowid()))
}

pub(super) fn find(tx: &Connection, id: TokenId) -> Result<Option<TokenRecord>, Fault> {
    let mut statement = tx.prepare_cached(&format!("{RECORDS} WHERE t.id = ?1"))?;
    statement.query_and_then([id.0], rows::token)?.next().transpose()
}

pub(in crate::store::sqlite) fn find_by_hash(
    tx: &Connection,
    hash: &TokenHash,
) -> Result<Option<TokenRecord>, Fault> {
    let mut statement = tx.prepare_cached(&format!("{RECORDS} WHERE t.hash = ?1"))?;
    statement.query_and_then([hash.as_bytes().as_slice()], rows::token)?.next().transpose()
}

pub(super) fn edit(
    tx: &Connection,
    id: TokenId,
    edit: &TokenEdit,
    by: &Author,
) -> Result<TokenRecord, Fault> {
    let before = unrevoked(tx, id)?;
    if let Some(permissions) = edit.permissions {
        settings::read(tx)?.admit_edit(before.owner.kind(), permissions)?;
    }
    let name = edit.name.as_ref().unwrap_or(&before.name);
    let permissions = edit.permissions.unwrap_or(before.permissions);
    if *name == before.name && permissions == before.permissions {
        return Ok(before);
    }
    let (project, repository) = names(permissions);
    tx.execute(
        "UPDATE token SET name = ?2, project_permission = ?3, repository_permission = ?4
         WHERE id = ?1",
        params![id.0, name, project, repository],
    )?;
    principals::renew_generation(tx)?;
    let after = known(tx, id)?;
    let details = json!({ "before": edited(&before), "after": edited(&after) });
    trail::append(tx, by, Event::TokenEdited, about(&before), &details)?;
    Ok(after)
}

/// Reads one entry of an index for each live token: 40 ms for a million.
pub(super) fn count(tx: &Connection, now: Timestamp) -> Result<u64, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT (SELECT count(*) FROM token WHERE revoked_ms IS NULL AND expires_ms IS NULL)
              + (SELECT count(*) FROM token WHERE revoked_ms IS NULL AND expires_ms > ?1)
              - (SELECT count(*) FROM token
                 WHERE revoked_ms IS NULL AND retires_ms IS NOT NULL AND retires_ms <= ?1
                   AND (expires_ms IS NULL OR expires_ms > ?1))",
    )?;
    let live: i64 = statement.query_row([now.as_millis()], |row| row.get(0))?;
    Ok(live.unsigned_abs())
}

/// The same index, and of it only what is asked for.
pub(super) fn count_expiring(
    tx: &Connection,
    now: Timestamp,
    until: Timestamp,
) -> Result<u64, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT count(*) FROM token
         WHERE revoked_ms IS NULL AND expires_ms > ?1 AND expires_ms < ?2
           AND (retires_ms IS NULL OR retires_ms > ?1)",
    )?;
    let found: i64 = statement.query_row([now.as_millis(), until.as_millis()], |row| row.get(0))?;
    Ok(found.unsigned_abs())
}

fn active_user(tx: &Connection, name: &UserName) -> Result<UserRecord, Fault> {
    let found = users::find(tx, name.as_str())?.filter(|user| user.active);
    found.ok_or_else(|| users::missing(name))
}

pub(super) fn of_user(user: &UserRecord) -> Columns {
    let user_name = Some(user.name.as_str().to_owned());
    Columns { user_id: Some(user.id), user_name, ..Columns::default() }
}

pub(super) fn columns(owner: &Owner) -> Columns {
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

pub(super) fn known(tx: &Connection, id: TokenId) -> Result<TokenRecord, Fault> {
    find(tx, id)?.ok_or_else(|| missing(id))
}

pub(super) fn unrevoked(tx: &Connection, id: TokenId) -> Result<TokenRecord, Fault> {
    let token = known(tx, id)?;
    if token.revoked.is_some() { Err(missing(id)) } else { Ok(token) }
}

pub(super) fn missing(id: TokenId) -> Fault {
    Fault::Missing("token", id.to_string())
}

/// A token as the subject of an entry.
pub(in crate::store::sqlite) fn about(token: &TokenRecord) -> Subject {
    Subject { token: Some(token.id), ..trail::about(&token.owner) }
}

/// What can be edited.
fn edited(token: &TokenRecord) -> Value {
    let permissions: Value = token.permissions.iter().map(Permission::name).collect();
    json!({ "name": token.name, "permissions": permissions })
}

/// What the trail tells about a new token.
pub(super) fn facts(token: &TokenRecord) -> Value {
    let mut facts = edited(token);
    facts["expiryDate"] = token.expires.map(Timestamp::as_millis).into();
    let limits = &token.limits;
    let lists = [
        ("only", limits.only.texts()),
        ("from", limits.from.iter().map(ToString::to_string).collect()),
        ("refs", limits.refs.texts()),
    ];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        facts[name] = list.into();
    }
    let flags = [
        ("noDelete", limits.refs.no_delete),
        ("noForce", limits.refs.no_force),
        ("noTags", limits.refs.no_tags),
    ];
    for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
        facts[name] = true.into();
    }
    facts
}
