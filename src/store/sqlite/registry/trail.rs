//! The trail: written by every change in the same transaction, and read.

use super::super::fault::Fault;
use super::super::rows;
use crate::domain::principal::Owner;
use crate::domain::timestamp::Timestamp;
use crate::domain::trail::{Author, Broken, Entry, Event, Link, Subject, Verifier};
use crate::store::{Head, TrailFilter};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

/// Writes the next entry.
pub(in crate::store::sqlite) fn append(
    tx: &Connection,
    by: &Author,
    event: Event,
    subject: Subject,
    details: &Value,
) -> Result<(), Fault> {
    let head = head(tx)?;
    let entry = Entry {
        number: head.entries + 1,
        at: by.at,
        event: event.name().to_owned(),
        actor_kind: by.who.kind().to_owned(),
        actor: by.who.name(),
        from: by.from.map(|from| from.to_string()),
        subject,
        details: details.to_string(),
    };
    let mut insert = tx.prepare_cached(
        "INSERT INTO trail (
             number, at_ms, event, actor_kind, actor, from_address,
             token_id, user_name, project, repository, details, previous, hash
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    insert.execute(params![
        entry.number,
        entry.at.as_millis(),
        entry.event,
        entry.actor_kind,
        entry.actor,
        entry.from,
        entry.subject.token.map(|id| id.0),
        entry.subject.user,
        entry.subject.project,
        entry.subject.repository,
        entry.details,
        head.link.0.as_slice(),
        entry.link(&head.link).0.as_slice(),
    ])?;
    Ok(())
}

/// The number and the hash of the last entry.
pub(in crate::store::sqlite) fn head(tx: &Connection) -> Result<Head, Fault> {
    let sql = "SELECT number, hash FROM trail ORDER BY number DESC LIMIT 1";
    let mut statement = tx.prepare_cached(sql)?;
    let found = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(match found {
        Some((entries, hash)) => Head { entries, link: Link(hash) },
        None => Head { entries: 0, link: Link::START },
    })
}

pub(super) fn list(tx: &Connection, filter: &TrailFilter) -> Result<Vec<Entry>, Fault> {
    let token = filter.token.map(|id| id.0);
    let user = filter.user.as_ref().map(|name| name.as_str().to_owned());
    let most = filter.last.and_then(|last| i64::try_from(last).ok()).unwrap_or(-1);
    // The last so many, in the order in which they were written.
    let mut statement = tx.prepare_cached(
        "SELECT * FROM (
             SELECT * FROM trail
             WHERE number > ?1
               AND (?2 IS NULL OR at_ms >= ?2)
               AND (?3 IS NULL OR event = ?3)
               AND (?4 IS NULL OR token_id = ?4 OR (actor_kind = 'token' AND actor = ?4 || ''))
               AND (?5 IS NULL OR user_name = ?5
                    OR (actor_kind = 'user' AND actor = ?5 COLLATE NOCASE))
             ORDER BY number DESC LIMIT ?6
         ) ORDER BY number",
    )?;
    let since = filter.since.map(Timestamp::as_millis);
    let event = filter.event.map(Event::name);
    let found = statement
        .query_and_then(params![filter.after, since, event, token, user, most], rows::entry)?;
    found.map(|row| row.map(|(entry, ..)| entry)).collect()
}

pub(in crate::store::sqlite) fn verify(
    tx: &Connection,
    kept: Option<Link>,
) -> Result<Result<Head, Broken>, Fault> {
    let mut verifier = Verifier::new(kept);
    let mut statement = tx.prepare_cached("SELECT * FROM trail ORDER BY number")?;
    for row in statement.query_and_then([], rows::entry)? {
        let (entry, previous, stored) = row?;
        if let Err(broken) = verifier.take(&entry, &previous, &stored) {
            return Ok(Err(broken));
        }
    }
    Ok(verifier.end().map(|(entries, link)| Head { entries, link }))
}

/// The owner of something as the subject of an entry.
pub(super) fn about(owner: &Owner) -> Subject {
    match owner {
        Owner::User(name) => Subject { user: Some(name.to_string()), ..Subject::default() },
        Owner::Project(scope) => Subject { project: Some(scope.to_string()), ..Subject::default() },
        Owner::Repository(path) => Subject {
            project: Some(path.project().to_owned()),
            repository: Some(path.name().to_owned()),
            ..Subject::default()
        },
    }
}

/// A user as the subject of an entry.
pub(super) fn about_user(name: &str) -> Subject {
    Subject { user: Some(name.to_owned()), ..Subject::default() }
}
