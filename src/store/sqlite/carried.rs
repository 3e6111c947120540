//! What a store that is replaced knows and the backup cannot: which tokens and users ended since.

use super::fault::Fault;
use super::registry::{self, tokens, trail, users};
use super::restore::Carried;
use super::{backup, principals, schema};
use crate::domain::names::{NameCase, UserName};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenHash;
use crate::domain::trail::{Author, Event, Subject};
use crate::store::{Head, TokenFilter};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};
use serde_json::json;

/// What is to outlive the store that it is in.
pub(super) struct Known {
    ended: Vec<Ended>,
    /// Users who are disabled, and since when.
    disabled: Vec<(UserName, i64)>,
    /// Users who were removed, and when.
    removed: Vec<(UserName, i64)>,
    /// The highest numbers that were given out, by table.
    numbers: Vec<(String, i64)>,
    head: Option<Head>,
}

/// A token that is not what it was made as.
struct Ended {
    hash: TokenHash,
    revoked: Option<i64>,
    suspended: Option<i64>,
    retires: Option<i64>,
}

impl Known {
    /// Reads it from a store of any version.
    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let older = schema::is_older(connection)?;
        // The first version knew neither suspension nor successors.
        let sql = if older {
            "SELECT hash, revoked_ms, NULL, NULL FROM token WHERE revoked_ms IS NOT NULL"
        } else {
            "SELECT hash, revoked_ms, suspended_ms, retires_ms FROM token
             WHERE coalesce(revoked_ms, suspended_ms, retires_ms) IS NOT NULL"
        };
        let ended = all(connection, sql, |row| {
            let hash = TokenHash::from_bytes(row.get(0)?);
            let (revoked, suspended, retires) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(Ended { hash, revoked, suspended, retires })
        })?;
        let sql = if older {
            "SELECT name, NULL FROM user WHERE active = 0"
        } else {
            "SELECT name, (SELECT max(at_ms) FROM trail
                           WHERE event = 'user.disabled' AND user_name = user.name)
             FROM user WHERE active = 0"
        };
        // Who knows no moment knows it was before: the safe side is that it counts.
        let disabled: Vec<(String, i64)> = all(connection, sql, |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(i64::MAX)))
        })?;
        let sql = "SELECT user_name, at_ms FROM trail
                   WHERE event = 'user.removed' AND user_name IS NOT NULL";
        let removed: Vec<(String, i64)> = if older {
            Vec::new()
        } else {
            all(connection, sql, |row| Ok((row.get(0)?, row.get(1)?)))?
        };
        let numbers = all(connection, "SELECT name, seq FROM sqlite_sequence", |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let head = if older { None } else { Some(trail::head(connection)?) };
        let read = |name: String| UserName::new(&name).ok();
        Ok(Self {
            ended,
            disabled: disabled
                .into_iter()
                .filter_map(|(name, at)| Some((read(name)?, at)))
                .collect(),
            removed: removed.into_iter().filter_map(|(name, at)| Some((read(name)?, at))).collect(),
            numbers,
            head,
        })
    }
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Fault> {
    Ok(connection.prepare(sql)?.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// Writes what is known into the restored store, with an entry that it was restored. The number of
/// tokens that are not revoked and the head of the trail are returned.
pub(super) fn over(
    restored: &mut Connection,
    before: Option<&Known>,
    kept: &[Known],
    unreadable: bool,
    by: &Author,
) -> Result<(Carried, u64, Head), Fault> {
    let tx = restored.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut carried = Carried::default();
    // A revocation is for good. What can be taken back counts only if it came after the backup, which
    // knows of everything before.
    let sql = "SELECT coalesce(max(at_ms), 0) FROM trail";
    let written: i64 = tx.query_row(sql, [], |row| row.get(0))?;
    for known in before.into_iter().chain(kept) {
        for (user, at) in known.disabled.iter().filter(|(_, at)| *at >= written) {
            carried.disabled += u64::from(disable(&tx, user, *at, by)?);
        }
        for (user, at) in &known.removed {
            carried.removed += u64::from(remove(&tx, user, *at, by)?);
        }
        for ended in &known.ended {
            end(&tx, ended, written, by, &mut carried)?;
        }
        for (table, number) in &known.numbers {
            raise(&tx, table, *number)?;
        }
    }
    if unreadable {
        // Nobody knows what was revoked: each token waits for somebody who looks at it.
        let all = TokenFilter::all(NameCase::Exact);
        carried.suspended += registry::suspend_all(&tx, &all, by)?.len() as u64;
    }
    let tokens = backup::tokens(&tx)?;
    let replaced = before.and_then(|known| known.head);
    let details = json!({
        "tokens": tokens,
        "revokedTokens": carried.revoked,
        "suspendedTokens": carried.suspended,
        "endingTokens": carried.ending,
        "disabledUsers": carried.disabled,
        "removedUsers": carried.removed,
        "replaced": replaced.map(|head| json!({
            "entries": head.entries,
            "head": head.link.to_string(),
        })),
        "replacedUnreadable": unreadable,
    });
    trail::append(&tx, by, Event::StoreRestored, Subject::default(), &details)?;
    principals::renew_generation(&tx)?;
    let head = trail::head(&tx)?;
    tx.commit()?;
    Ok((carried, tokens, head))
}

fn disable(tx: &Transaction<'_>, user: &UserName, at: i64, by: &Author) -> Result<bool, Fault> {
    match users::find(tx, user.as_str())? {
        Some(found) if found.active && found.created.as_millis() <= at => {
            users::set_active(tx, user, false, by).map(|()| true)
        }
        _ => Ok(false),
    }
}

/// Removes the user who had the name when somebody was removed: one who was added under it later is
/// somebody else.
fn remove(tx: &Transaction<'_>, user: &UserName, at: i64, by: &Author) -> Result<bool, Fault> {
    match users::find(tx, user.as_str())? {
        Some(found) if found.created.as_millis() <= at => users::remove(tx, user, by).map(|_| true),
        _ => Ok(false),
    }
}

fn end(
    tx: &Transaction<'_>,
    ended: &Ended,
    written: i64,
    by: &Author,
    carried: &mut Carried,
) -> Result<(), Fault> {
    let Some(token) = tokens::find_by_hash(tx, &ended.hash)? else { return Ok(()) };
    if token.revoked.is_some() {
        return Ok(());
    }
    let why = "it was before the store was restored";
    let change = |column: &str, at: i64| {
        tx.execute(
            &format!("UPDATE token SET {column} = ?2 WHERE id = ?1"),
            params![token.id.0, at],
        )
    };
    let about = tokens::about(&token);
    if let Some(at) = ended.revoked {
        change("revoked_ms", at)?;
        carried.revoked += 1;
        let details = json!({ "name": token.name, "why": why, "revokedDate": at });
        return trail::append(tx, by, Event::TokenRevoked, about, &details);
    }
    // Its successor was made after the backup: it is lost, and the end that was set stays.
    if let Some(at) = ended.retires
        && token.retires.is_none_or(|own| own > Timestamp::from_millis(at))
    {
        change("retires_ms", at)?;
        carried.ending += 1;
        let details = json!({ "name": token.name, "successor": null, "endsDate": at });
        trail::append(tx, by, Event::TokenRotated, about.clone(), &details)?;
    }
    if let Some(at) = ended.suspended
        && at >= written
        && token.suspended.is_none()
    {
        change("suspended_ms", at)?;
        carried.suspended += 1;
        let details = json!({ "name": token.name, "why": why });
        trail::append(tx, by, Event::TokenSuspended, about, &details)?;
    }
    Ok(())
}

/// Numbers that were given out since are not given out again.
fn raise(tx: &Transaction<'_>, table: &str, number: i64) -> Result<(), Fault> {
    let sql = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
    if tx.execute(sql, params![table, number])? == 0 {
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
        tx.execute(sql, params![table, number])?;
    }
    Ok(())
}
