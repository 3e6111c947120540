//! How tokens end: revoked, suspended, replaced by a successor.

use super::super::fault::Fault;
use super::super::principals;
use super::tokens::{self, about};
use super::{listing, trail};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Actor, Author, Event};
use crate::store::{NewToken, TokenFilter, TokenRecord, Window};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

pub(super) fn revoke(tx: &Connection, id: TokenId, by: &Author) -> Result<TokenRecord, Fault> {
    let before = tokens::unrevoked(tx, id)?;
    end(tx, &before, by, &json!({ "name": before.name }))?;
    principals::renew_generation(tx)?;
    Ok(before)
}

pub(super) fn revoke_all(
    tx: &Connection,
    filter: &TokenFilter,
    by: &Author,
) -> Result<Vec<TokenRecord>, Fault> {
    let filter = TokenFilter { revoked: false, ..filter.clone() };
    let found = listing::list(tx, &filter, Window::ALL)?.values;
    for token in &found {
        end(tx, token, by, &json!({ "name": token.name }))?;
    }
    // Readers forget nothing for a filter that let none through.
    if !found.is_empty() {
        principals::renew_generation(tx)?;
    }
    Ok(found)
}

/// Revokes a token, and leaves it to the caller to renew the generation.
pub(super) fn end(
    tx: &Connection,
    token: &TokenRecord,
    by: &Author,
    details: &Value,
) -> Result<(), Fault> {
    let sql = "UPDATE token SET revoked_ms = ?2 WHERE id = ?1";
    tx.execute(sql, [token.id.0, by.at.as_millis()])?;
    trail::append(tx, by, Event::TokenRevoked, about(token), details)
}

pub(in crate::store::sqlite) fn suspend_all(
    tx: &Connection,
    filter: &TokenFilter,
    by: &Author,
) -> Result<Vec<TokenRecord>, Fault> {
    let filter = TokenFilter { revoked: false, ..filter.clone() };
    let mut found = listing::list(tx, &filter, Window::ALL)?.values;
    found.retain(|token| token.suspended.is_none());
    for token in &found {
        suspend(tx, token, true, by)?;
    }
    Ok(found)
}

pub(super) fn set_suspended(
    tx: &Connection,
    id: TokenId,
    suspended: bool,
    by: &Author,
) -> Result<TokenRecord, Fault> {
    let before = tokens::unrevoked(tx, id)?;
    if before.suspended.is_some() == suspended {
        let why = if suspended { "is suspended already" } else { "is not suspended" };
        return Err(Fault::Settled(id, why.to_owned()));
    }
    suspend(tx, &before, suspended, by)?;
    tokens::known(tx, id)
}

fn suspend(
    tx: &Connection,
    token: &TokenRecord,
    suspended: bool,
    by: &Author,
) -> Result<(), Fault> {
    let since = suspended.then(|| by.at.as_millis());
    tx.execute("UPDATE token SET suspended_ms = ?2 WHERE id = ?1", params![token.id.0, since])?;
    principals::renew_generation(tx)?;
    let event = if suspended { Event::TokenSuspended } else { Event::TokenResumed };
    trail::append(tx, by, event, about(token), &json!({ "name": token.name }))
}

pub(super) fn rotate(
    tx: &Connection,
    id: TokenId,
    hash: TokenHash,
    end: Timestamp,
    by: &Author,
) -> Result<TokenRecord, Fault> {
    let before = tokens::known(tx, id)?;
    settled(&before, by.at)?;
    let after = NewToken {
        hash,
        name: before.name.clone(),
        owner: before.owner.clone(),
        permissions: before.permissions,
        limits: before.limits.clone(),
        expires: before.expires,
    };
    // Marked first, so that it does not count towards what its owner may have.
    let retires = end.max(by.at);
    let sql = "UPDATE token SET successor_id = id, retires_ms = ?2 WHERE id = ?1";
    tx.execute(sql, [id.0, retires.as_millis()])?;
    tokens::admit(tx, &after, by.at)?;
    let after = tokens::insert(tx, &after, by.at)?;
    let revoked = (retires <= by.at).then(|| by.at.as_millis());
    tx.execute(
        "UPDATE token SET successor_id = ?2, revoked_ms = ?3 WHERE id = ?1",
        params![id.0, after.id.0, revoked],
    )?;
    principals::renew_generation(tx)?;
    let details = json!({
        "name": before.name,
        "successor": after.id.to_string(),
        "endsDate": retires.as_millis(),
    });
    trail::append(tx, by, Event::TokenRotated, about(&before), &details)?;
    let mut details = tokens::facts(&after);
    details["predecessor"] = id.to_string().into();
    trail::append(tx, by, Event::TokenCreated, about(&after), &details)?;
    Ok(after)
}

/// Only a token that is honoured now, and that nothing took the place of, has a successor.
fn settled(token: &TokenRecord, now: Timestamp) -> Result<(), Fault> {
    let why = if token.revoked.is_some() {
        "is revoked, which is for good; make a new one".to_owned()
    } else if let Some(successor) = token.successor {
        format!("was rotated before: token {successor} has taken its place")
    } else if token.expires.is_some_and(|end| end <= now) {
        "has expired; make a new one".to_owned()
    } else if token.suspended.is_some() {
        "is suspended; resume it first".to_owned()
    } else {
        return Ok(());
    };
    Err(Fault::Settled(token.id, why))
}

/// Whether [`retire`] has anything to do.
pub(in crate::store::sqlite) fn any_to_retire(
    tx: &Connection,
    now: Timestamp,
) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM token
         WHERE revoked_ms IS NULL AND retires_ms IS NOT NULL AND retires_ms <= ?1";
    Ok(tx.prepare_cached(sql)?.exists([now.as_millis()])?)
}

/// Revokes the tokens whose overlap with their successors has ended: they are refused from that moment
/// on whether or not this was done.
pub(in crate::store::sqlite) fn retire(tx: &Connection, now: Timestamp) -> Result<usize, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT id FROM token
         WHERE revoked_ms IS NULL AND retires_ms IS NOT NULL AND retires_ms <= ?1",
    )?;
    let found: Result<Vec<i64>, _> =
        statement.query_map([now.as_millis()], |row| row.get(0))?.collect();
    let found = found?;
    let by = Author { who: Actor::Gitlatch, from: None, at: now };
    for id in &found {
        let token = tokens::known(tx, TokenId(*id))?;
        let successor = token.successor.map(|id| id.to_string());
        let why = "its successor has taken its place";
        end(tx, &token, &by, &json!({ "name": token.name, "why": why, "successor": successor }))?;
    }
    Ok(found.len())
}
