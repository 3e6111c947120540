//! Marks of use on their way from the workers to the file.

use super::fault::Fault;
use crate::domain::token::TokenId;
use crate::store::LastUse;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most tokens that one desk or the batch holds marks of. Beyond it new ones are dropped: a mark is
/// for people to look at, and the token's next use makes another.
const MOST: usize = 10_000;
/// Rows in a transaction: others who write wait no longer than that takes.
const CHUNK: usize = 1_000;

type Marks = HashMap<TokenId, LastUse, foldhash::fast::RandomState>;

/// Where one worker puts its marks until the steward collects them, once a second. The lock is the
/// worker's alone but for that moment, in which a pointer is swapped.
#[derive(Default)]
pub(super) struct Desk(Mutex<Marks>);

impl Desk {
    pub(super) fn put(&self, token: TokenId, last: LastUse) {
        put(&mut self.lock(), token, last);
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was collected and is not written yet.
#[derive(Default)]
pub(super) struct Batch(Marks);

impl Batch {
    /// Takes what lies on a desk.
    pub(super) fn collect(&mut self, desk: &Desk) {
        let taken = mem::take(&mut *desk.lock());
        for (token, last) in taken {
            put(&mut self.0, token, last);
        }
    }

    /// Writes it all. What could not be written stays for the next time.
    pub(super) fn write(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        // In the order of the table, so that neighbours are written together.
        let mut marks: Vec<(TokenId, LastUse)> = self.0.iter().map(|(k, v)| (*k, *v)).collect();
        marks.sort_unstable_by_key(|(token, _)| *token);
        for chunk in marks.chunks(CHUNK) {
            write_chunk(connection, chunk)?;
            for (token, _) in chunk {
                self.0.remove(token);
            }
        }
        Ok(())
    }
}

fn put(marks: &mut Marks, token: TokenId, last: LastUse) {
    match marks.get_mut(&token) {
        Some(known) if last.at >= known.at => *known = last,
        Some(_) => {}
        None => {
            if marks.len() < MOST {
                marks.insert(token, last);
            }
        }
    }
}

fn write_chunk(connection: &mut Connection, chunk: &[(TokenId, LastUse)]) -> Result<(), Fault> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;

    fn at(millis: i64) -> LastUse {
        LastUse { at: Timestamp::from_millis(millis), from: None }
    }

    #[test]
    fn a_desk_is_bounded_and_keeps_the_later_mark() {
        let desk = Desk::default();
        for token in 0..20_000 {
            desk.put(TokenId(token), at(10));
        }
        desk.put(TokenId(1), at(5));
        desk.put(TokenId(2), at(20));
        let marks = desk.lock();
        assert_eq!(marks.len(), MOST);
        assert_eq!((marks[&TokenId(1)], marks[&TokenId(2)]), (at(10), at(20)));
    }
}
