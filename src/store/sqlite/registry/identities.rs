//! Credentials for the host, sealed.

use super::super::fault::Fault;
use super::super::{principals, rows};
use super::{trail, users};
use crate::domain::names::NameCase;
use crate::domain::principal::{Owner, Scheme, StoredIdentity};
use crate::domain::sealed::Sealed;
use crate::domain::trail::{Author, Event, Subject};
use crate::store::{IdentityRecord, NewIdentity, Reseal};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

pub(super) fn set(tx: &Connection, new: &NewIdentity, by: &Author) -> Result<(), Fault> {
    let StoredIdentity { owner, scheme, username, sealed } = &new.identity;
    let before = take(tx, owner, new.case)?;
    let (user, user_name, project, repository) = columns(tx, owner)?;
    tx.execute(
        "INSERT INTO identity (
             owner_kind, user_id, user_name, project, repository, scheme, username, key_id, sealed,
             set_ms
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            owner.kind().name(),
            user,
            user_name,
            project,
            repository,
            scheme.name(),
            username,
            sealed.key.0.as_slice(),
            sealed.bytes,
            by.at.as_millis(),
        ],
    )?;
    principals::renew_generation(tx)?;
    let before = before.map(|record| shown(record.scheme, &record.username));
    let details = json!({ "before": before, "after": shown(*scheme, username) });
    trail::append(tx, by, Event::IdentitySet, trail::about(owner), &details)
}

pub(super) fn remove(
    tx: &Connection,
    owner: &Owner,
    case: NameCase,
    by: &Author,
) -> Result<(), Fault> {
    let Some(before) = take(tx, owner, case)? else {
        return Err(Fault::Missing("stored credential", owner.to_string()));
    };
    principals::renew_generation(tx)?;
    let details = json!({ "before": shown(before.scheme, &before.username) });
    trail::append(tx, by, Event::IdentityRemoved, trail::about(&before.owner), &details)
}

pub(super) fn list(tx: &Connection) -> Result<Vec<IdentityRecord>, Fault> {
    all(tx).map(|found| found.into_iter().map(|(_, record, _)| record).collect())
}

pub(super) fn reseal(tx: &Connection, reseal: &mut Reseal<'_>, by: &Author) -> Result<u64, Fault> {
    let found = all(tx)?;
    for (id, record, sealed) in &found {
        let stored = StoredIdentity {
            owner: record.owner.clone(),
            scheme: record.scheme,
            username: record.username.clone(),
            sealed: sealed.clone(),
        };
        let sealed = reseal(&stored).map_err(Fault::Step)?;
        let sql = "UPDATE identity SET key_id = ?2, sealed = ?3 WHERE id = ?1";
        tx.execute(sql, params![id, sealed.key.0.as_slice(), sealed.bytes])?;
    }
    principals::renew_generation(tx)?;
    let details = json!({ "count": found.len() });
    trail::append(tx, by, Event::IdentityRekeyed, Subject::default(), &details)?;
    Ok(found.len() as u64)
}

/// What the trail tells of a credential. A Bearer one has no user name.
fn shown(scheme: Scheme, username: &str) -> Value {
    let username = (scheme == Scheme::Basic).then_some(username);
    json!({ "scheme": scheme.name(), "username": username })
}

/// Removes the one of this owner, if there is one.
fn take(tx: &Connection, owner: &Owner, case: NameCase) -> Result<Option<IdentityRecord>, Fault> {
    let same = |other: &Owner| match (owner, other) {
        (Owner::User(a), Owner::User(b)) => a == b,
        (Owner::Project(a), Owner::Project(b)) => case.equal(&a.to_string(), &b.to_string()),
        (Owner::Repository(a), Owner::Repository(b)) => case.equal(a.as_str(), b.as_str()),
        _ => false,
    };
    let mut taken = None;
    for (id, record, _) in all(tx)? {
        if same(&record.owner) {
            tx.execute("DELETE FROM identity WHERE id = ?1", [id])?;
            taken = Some(record);
        }
    }
    Ok(taken)
}

fn all(tx: &Connection) -> Result<Vec<(i64, IdentityRecord, Sealed)>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT * FROM identity ORDER BY owner_kind = 'user' DESC, user_name, project, repository",
    )?;
    statement.query_and_then([], rows::identity)?.collect()
}

type Columns = (Option<i64>, Option<String>, Option<String>, Option<String>);

/// The owner, as the columns of a row tell it.
fn columns(tx: &Connection, owner: &Owner) -> Result<Columns, Fault> {
    Ok(match owner {
        Owner::User(name) => (Some(users::id_of(tx, name)?), Some(name.to_string()), None, None),
        Owner::Project(scope) => (None, None, Some(scope.to_string()), None),
        Owner::Repository(path) => {
            (None, None, Some(path.project().to_owned()), Some(path.name().to_owned()))
        }
    })
}
