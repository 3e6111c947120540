//! What the command line and the management side read and change: each verb one transaction.

mod contents;
mod endings;
mod grants;
mod groups;
mod identities;
mod listing;
mod settings;
pub(super) mod tokens;
pub(super) mod trail;
pub(super) mod users;
mod verbs;

pub(super) use endings::{any_to_retire, retire, suspend_all};

use super::Held;
use super::fault::Fault;
use crate::store::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fmt;
use std::sync::Arc;

/// The registry of a SQLite store, over a connection of its own.
pub struct SqliteRegistry {
    connection: Connection,
    held: Arc<Held>,
}

impl fmt::Debug for SqliteRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteRegistry").field(&self.held.path).finish()
    }
}

impl SqliteRegistry {
    pub(super) fn new(connection: Connection, held: Arc<Held>) -> Self {
        Self { connection, held }
    }

    /// One reading verb: everything it sees is of one moment.
    fn read<T>(
        &mut self,
        doing: &'static str,
        verb: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.run(TransactionBehavior::Deferred, doing, verb)
    }

    /// One changing verb: all of it is on disk when this returns, or nothing is changed. The lock is
    /// taken at once, since a transaction that read first could no longer wait for it.
    fn write<T>(
        &mut self,
        doing: &'static str,
        verb: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.run(TransactionBehavior::Immediate, doing, verb)
    }

    fn run<T>(
        &mut self,
        behavior: TransactionBehavior,
        doing: &'static str,
        verb: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        // What would be written into a file that was removed would be lost with it.
        self.held.check_in_place()?;
        let transact = || {
            let tx = self.connection.transaction_with_behavior(behavior)?;
            let outcome = verb(&tx)?;
            tx.commit()?;
            Ok(outcome)
        };
        transact().map_err(|fault: Fault| self.held.error(fault, doing))
    }
}
