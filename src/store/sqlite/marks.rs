//! Marks of use on their way from the workers to the file: when and from where a token was last used,
//! and the places that it was never used from before, which the trail tells of.

use super::fault::Fault;
use super::registry::trail;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::domain::trail::{Actor, Author, Event, Note, Subject};
use crate::store::LastUse;
use ipnet::Ipv6Net;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most marks that one desk or the batch holds. Beyond it new ones are dropped: the token's next use
/// makes another.
const MOST: usize = 10_000;
/// Most notes for the trail that one desk or the batch holds; each is of some kilobytes.
const NOTES: usize = 2_000;
/// Notes in a transaction: whoever revokes meanwhile waits no longer than they take.
const NOTES_AT_ONCE: usize = 50;
/// Rows in a transaction: others who write wait no longer than that takes.
const CHUNK: usize = 1_000;
/// Most places remembered of one token. A token that is used from more of them is used from anywhere,
/// which the trail says once.
const PLACES: i64 = 1_000;

/// When a token was last used from each address.
type Marks = HashMap<(TokenId, Option<IpAddr>), Timestamp, foldhash::fast::RandomState>;

/// Where one worker puts its marks until the steward collects them, once a second. The lock is the
/// worker's alone but for that moment, in which a pointer is swapped.
#[derive(Default)]
pub(super) struct Desk(Mutex<Pile>);

/// What lies there.
#[derive(Default)]
struct Pile {
    marks: Marks,
    /// Of equal age as the marks, in the order in which they came.
    notes: Vec<(Note, Author)>,
    /// Notes for which there was no room.
    lost: u64,
}

impl Desk {
    pub(super) fn put(&self, token: TokenId, last: LastUse) {
        put(&mut self.lock().marks, (token, last.from), last.at);
    }

    pub(super) fn tell(&self, note: Note, by: Author) {
        let mut pile = self.lock();
        if pile.notes.len() < NOTES {
            pile.notes.push((note, by));
        } else {
            pile.lost += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was collected and is not written yet.
#[derive(Default)]
pub(super) struct Batch {
    marks: Marks,
    notes: VecDeque<(Note, Author)>,
}

impl Batch {
    /// Takes what lies on a desk.
    pub(super) fn collect(&mut self, desk: &Desk) {
        let taken = mem::take(&mut *desk.lock());
        for (mark, at) in taken.marks {
            put(&mut self.marks, mark, at);
        }
        let room = NOTES.saturating_sub(self.notes.len());
        let lost = taken.lost + taken.notes.len().saturating_sub(room) as u64;
        self.notes.extend(taken.notes.into_iter().take(room));
        if lost > 0 {
            tracing::error!(lost, "the trail could not take every push: it is written too slowly");
        }
    }

    /// Writes it all. What could not be written stays for the next time.
    pub(super) fn write(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        // In the order of the table, so that neighbours are written together; and in that of time, so
        // that the trail tells which address was the first.
        let mut marks: Vec<(TokenId, LastUse)> = self
            .marks
            .iter()
            .map(|((token, from), at)| (*token, LastUse { at: *at, from: *from }))
            .collect();
        marks.sort_unstable_by_key(|(token, last)| (*token, last.at, last.from));
        for chunk in marks.chunks(CHUNK) {
            write_chunk(connection, chunk)?;
            for (token, last) in chunk {
                self.marks.remove(&(*token, last.from));
            }
        }
        while !self.notes.is_empty() {
            let now = self.notes.len().min(NOTES_AT_ONCE);
            durably(connection, |tx| {
                self.notes.range(..now).try_for_each(|(note, by)| {
                    trail::append(tx, by, note.event, note.subject.clone(), &note.details)
                })
            })?;
            self.notes.drain(..now);
        }
        Ok(())
    }
}

fn put(marks: &mut Marks, mark: (TokenId, Option<IpAddr>), at: Timestamp) {
    match marks.get_mut(&mark) {
        Some(known) => *known = at.max(*known),
        None => {
            if marks.len() < MOST {
                marks.insert(mark, at);
            }
        }
    }
}

fn write_chunk(connection: &mut Connection, chunk: &[(TokenId, LastUse)]) -> Result<(), Fault> {
    // Looked for without the lock first: mostly there is nothing new.
    let mut new = Vec::new();
    for (token, last) in chunk {
        if !is_known(connection, *token, &place(last.from))? {
            new.push((*token, *last));
        }
    }
    if !new.is_empty() {
        durably(connection, |tx| {
            new.iter().try_for_each(|(token, last)| remember_place(tx, *token, last))
        })?;
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        // Another process may have written a later mark. A token that is not there, in a restored
        // file, is no reason to lose the marks of the others.
        let mut upsert = tx.prepare_cached(
            "INSERT INTO token_use (token_id, at_ms, from_address)
             SELECT id, ?2, ?3 FROM token WHERE id = ?1
             ON CONFLICT (token_id) DO UPDATE
             SET at_ms = excluded.at_ms, from_address = excluded.from_address
             WHERE excluded.at_ms >= token_use.at_ms",
        )?;
        for (token, last) in chunk {
            let from = last.from.map(|address| address.to_string());
            upsert.execute(params![token.0, last.at.as_millis(), from])?;
        }
    }
    Ok(tx.commit()?)
}

/// One transaction that is on disk when it returns, on a connection whose others are not. Whatever is
/// in the trail is written like this: a head that was told to somebody must not be lost in a power cut,
/// which would look like a trail that was cut.
pub(super) fn durably<T>(
    connection: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transact = |connection: &mut Connection| {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = change(&tx)?;
        tx.commit()?;
        Ok(outcome)
    };
    let outcome = transact(connection);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    outcome
}

/// Whether the token was used from the place before.
fn is_known(connection: &Connection, token: TokenId, place: &str) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM token_place WHERE token_id = ?1 AND place = ?2";
    Ok(connection.prepare_cached(sql)?.exists(params![token.0, place])?)
}

/// Tells the trail of the first use of a token, and of the first one from each place.
fn remember_place(tx: &Transaction<'_>, token: TokenId, last: &LastUse) -> Result<(), Fault> {
    let place = place(last.from);
    if is_known(tx, token, &place)? {
        return Ok(());
    }
    let count = "SELECT count(*) FROM token_place WHERE token_id = ?1";
    let known: i64 = tx.prepare_cached(count)?.query_row([token.0], |row| row.get(0))?;
    if known >= PLACES {
        return Ok(());
    }
    let Some(subject) = subject(tx, token)? else { return Ok(()) };
    let sql = "INSERT INTO token_place (token_id, place, first_ms) VALUES (?1, ?2, ?3)";
    tx.prepare_cached(sql)?.execute(params![token.0, place, last.at.as_millis()])?;
    let event = if known == 0 { Event::TokenFirstUse } else { Event::TokenNewAddress };
    let mut details = json!({});
    if known + 1 == PLACES {
        details["note"] = "used from so many addresses that no further ones are recorded".into();
    }
    let by = Author { who: Actor::Token(token), from: last.from, at: last.at };
    trail::append(tx, &by, event, subject, &details)
}

/// Writes the last use that a token had in another store. It is no first use here, and the place is not
/// new.
pub(super) fn import(tx: &Connection, token: TokenId, last: &LastUse) -> Result<(), Fault> {
    let (at, from) = (last.at.as_millis(), last.from.map(|address| address.to_string()));
    let sql = "INSERT INTO token_use (token_id, at_ms, from_address) VALUES (?1, ?2, ?3)";
    tx.prepare_cached(sql)?.execute(params![token.0, at, from])?;
    let sql = "INSERT INTO token_place (token_id, place, first_ms) VALUES (?1, ?2, ?3)";
    tx.prepare_cached(sql)?.execute(params![token.0, place(last.from), at])?;
    Ok(())
}

/// What counts as one place: an IPv4 address, the /64 of an IPv6 one, or a Unix socket.
fn place(from: Option<IpAddr>) -> String {
    match from {
        None => String::new(),
        Some(IpAddr::V4(v4)) => v4.to_string(),
        // Hosts change the lower half as they like (RFC 8981).
        Some(IpAddr::V6(v6)) => Ipv6Net::new(v6, 64)
            .map_or_else(|_| v6.to_string(), |network| network.trunc().to_string()),
    }
}

/// The token as the subject of an entry, if it is there.
fn subject(tx: &Transaction<'_>, token: TokenId) -> Result<Option<Subject>, Fault> {
    let sql = "SELECT user_name, project, repository FROM token WHERE id = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let found = statement.query_row([token.0], |row| {
        Ok(Subject {
            token: Some(token),
            user: row.get(0)?,
            project: row.get(1)?,
            repository: row.get(2)?,
        })
    });
    Ok(found.optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_is_bounded_and_keeps_the_later_mark() {
        let desk = Desk::default();
        let put = |token, at| {
            let last = LastUse { at: Timestamp::from_millis(at), from: None };
            desk.put(TokenId(token), last);
        };
        for token in 0..20_000 {
            put(token, 10);
        }
        put(1, 5);
        put(2, 20);
        let marks = &desk.lock().marks;
        let at = |token| marks[&(TokenId(token), None)].as_millis();
        assert_eq!((marks.len(), at(1), at(2)), (MOST, 10, 20));
    }

    #[test]
    fn places() {
        let cases = [
            (None, ""),
            (Some("10.1.2.3"), "10.1.2.3"),
            (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
        ];
        for (from, expected) in cases {
            assert_eq!(place(from.map(|from| from.parse().expect("an address"))), expected);
        }
    }
}
