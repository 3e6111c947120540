//! Tokens by a filter: what the database can tell of it in SQL, the rest on the records.

use super::super::fault::Fault;
use super::super::rows;
use super::settings;
use super::tokens::{self, RECORDS};
use crate::domain::principal::Owner;
use crate::domain::settings::{PolicyError, Settings};
use crate::domain::timestamp::Timestamp;
use crate::store::{ExpiryFilter, Page, TokenFilter, TokenRecord, UseFilter, Window};
use rusqlite::types::Value as Column;
use rusqlite::{Connection, params_from_iter};
use std::collections::HashMap;

/// The conditions that the database can tell, and the values in them, in their order.
fn conditions(filter: &TokenFilter) -> (Vec<String>, Vec<Column>) {
    let mut conditions = Vec::new();
    let mut values: Vec<Column> = Vec::new();
    let mut put = |condition: &str, of: Vec<Column>| {
        conditions.push(condition.to_owned());
        values.extend(of);
    };
    // Each kind of owner has its own condition, so that each finds its index.
    match &filter.owner {
        None => {}
        // By the person and not by the name, which somebody else may have had before.
        Some(Owner::User(name)) => {
            put("t.user_id = (SELECT id FROM user WHERE name = ?)", vec![name.to_string().into()]);
        }
        Some(Owner::Project(scope)) => {
            let which = "t.project = ? COLLATE NOCASE AND t.repository IS NULL";
            put(which, vec![scope.to_string().into()]);
        }
        Some(Owner::Repository(path)) => {
            let which = "t.project = ? COLLATE NOCASE AND t.repository = ? COLLATE NOCASE";
            put(which, vec![path.project().to_owned().into(), path.name().to_owned().into()]);
        }
    }
    if let Some(project) = &filter.within {
        put("t.project = ? COLLATE NOCASE", vec![project.to_string().into()]);
    }
    if let Some(kind) = filter.kind {
        put("t.owner_kind = ?", vec![kind.name().to_owned().into()]);
    }
    if !filter.revoked {
        put("t.revoked_ms IS NULL", Vec::new());
    }
    match filter.expiry {
        None => {}
        Some(ExpiryFilter::Never) => {
            put("t.expires_ms IS NULL AND t.retires_ms IS NULL", Vec::new());
        }
        Some(ExpiryFilter::Between(from, to)) => {
            let end = "min(ifnull(t.expires_ms, t.retires_ms), ifnull(t.retires_ms, t.expires_ms))";
            let bounds = vec![from.as_millis().into(), to.as_millis().into()];
            put(&format!("{end} >= ? AND {end} < ?"), bounds);
        }
    }
    match filter.used {
        None => {}
        Some(UseFilter::Never) => put("m.at_ms IS NULL", Vec::new()),
        Some(UseFilter::Since(at)) => put("m.at_ms >= ?", vec![at.as_millis().into()]),
        Some(UseFilter::NotSince(at)) => {
            let at = at.as_millis();
            put("t.created_ms < ? AND ifnull(m.at_ms, 0) < ?", vec![at.into(), at.into()]);
        }
    }
    (conditions, values)
}

pub(super) fn list(
    tx: &Connection,
    filter: &TokenFilter,
    window: Window,
) -> Result<Page<TokenRecord>, Fault> {
    let (conditions, values) = conditions(filter);
    let which = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
    let mut statement = tx.prepare_cached(&format!("{RECORDS} WHERE {which} ORDER BY t.id"))?;
    let found = statement.query_and_then(params_from_iter(values), rows::token)?;
    let mut page = Page { values: Vec::new(), last: true };
    let mut skip = window.start;
    let mut judge = filter.breaks.map(|(settings, now)| Judge::new(settings, now));
    for token in found {
        let mut token = token?;
        // The index ignores case; the filter may not.
        if !filter.admits(&token) {
            continue;
        }
        if let Some(judge) = &mut judge {
            token.breaks = judge.breach(tx, &token)?.map(|breach| breach.to_string());
            if token.breaks.is_none() {
                continue;
            }
        }
        if skip > 0 {
            skip -= 1;
        } else if page.values.len() as u64 >= window.limit {
            page.last = false;
            break;
        } else {
            page.values.push(token);
        }
    }
    Ok(page)
}

/// Holds tokens that exist to settings.
struct Judge {
    settings: Settings,
    now: Timestamp,
    /// How many live tokens each owner has that was met so far.
    counts: HashMap<String, u64>,
}

impl Judge {
    fn new(settings: Settings, now: Timestamp) -> Self {
        Self { settings, now, counts: HashMap::new() }
    }

    /// The first that the token breaks: its permissions, its lifetime, its project's settings, its number.
    fn breach(
        &mut self,
        tx: &Connection,
        token: &TokenRecord,
    ) -> Result<Option<PolicyError>, Fault> {
        let kind = token.owner.kind();
        let admitted = self.settings.admit(kind, token.permissions, token.created, token.expires);
        if let Err(breach) = admitted {
            return Ok(Some(breach));
        }
        if let Owner::Repository(path) = &token.owner
            && !settings::of_project(tx, path.project())?.repository_tokens
        {
            return Ok(Some(PolicyError::NoRepositoryTokens(path.project().to_owned())));
        }
        let Some(most) = self.settings.max_tokens else { return Ok(None) };
        let owner = token.owner.to_string();
        let key = owner.to_lowercase();
        let count = if let Some(count) = self.counts.get(&key) {
            *count
        } else {
            let count = tokens::live_of(tx, &token.owner, self.now)?;
            self.counts.insert(key, count);
            count
        };
        Ok((count > u64::from(most)).then_some(PolicyError::TooMany { owner, count, most }))
    }
}
