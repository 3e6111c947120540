//! What the command line and the management side read and change: each verb one transaction.

mod grants;
mod tokens;
mod users;

use super::fault::Fault;
use super::{Held, principals};
use crate::domain::names::UserName;
use crate::domain::principal::{Grant, TokenPrincipal};
use crate::domain::settings::Settings;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::store::{
    GrantRecord, NewToken, NewUser, Registry, RightsSource, StoreError, TokenEdit, TokenFilter,
    TokenRecord, UserRecord,
};
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

impl Registry for SqliteRegistry {
    fn add_user(&mut self, user: NewUser) -> Result<(), StoreError> {
        self.write("add a user", |tx| users::add(tx, &user))
    }

    fn find_user(&mut self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.read("find a user", |tx| users::find(tx, name))
    }

    fn password_of(&mut self, name: &UserName) -> Result<Option<String>, StoreError> {
        self.read("find a password", |tx| users::password_of(tx, name))
    }

    fn list_users(&mut self) -> Result<Vec<UserRecord>, StoreError> {
        self.read("list users", users::list)
    }

    fn set_active(&mut self, name: &UserName, active: bool) -> Result<(), StoreError> {
        self.write("disable or enable a user", |tx| users::set_active(tx, name, active))
    }

    fn set_password(&mut self, name: &UserName, phc: &str) -> Result<(), StoreError> {
        self.write("set a password", |tx| users::set_password(tx, name, phc))
    }

    fn remove_user(&mut self, name: &UserName, now: Timestamp) -> Result<u64, StoreError> {
        self.write("remove a user", |tx| users::remove(tx, name, now))
    }

    fn add_grant(&mut self, user: &UserName, grant: &Grant) -> Result<(), StoreError> {
        self.write("add a grant", |tx| grants::add(tx, user, grant))
    }

    fn remove_grant(&mut self, user: &UserName, grant: &Grant) -> Result<(), StoreError> {
        self.write("remove a grant", |tx| grants::remove(tx, user, grant))
    }

    fn list_grants(&mut self, user: Option<&UserName>) -> Result<Vec<GrantRecord>, StoreError> {
        self.read("list grants", |tx| grants::list(tx, user))
    }

    fn add_token(&mut self, token: NewToken) -> Result<TokenRecord, StoreError> {
        self.write("add a token", |tx| tokens::add(tx, &token))
    }

    fn find_token(&mut self, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        self.read("find a token", |tx| tokens::find(tx, id))
    }

    fn list_tokens(&mut self, filter: &TokenFilter) -> Result<Vec<TokenRecord>, StoreError> {
        self.read("list tokens", |tx| tokens::list(tx, filter))
    }

    fn edit_token(&mut self, id: TokenId, edit: &TokenEdit) -> Result<TokenRecord, StoreError> {
        self.write("edit a token", |tx| tokens::edit(tx, id, edit))
    }

    fn revoke_token(&mut self, id: TokenId, now: Timestamp) -> Result<(), StoreError> {
        self.write("revoke a token", |tx| tokens::revoke(tx, id, now))
    }

    fn count_tokens(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.read("count tokens", |tx| tokens::count(tx, now))
    }

    fn principal(
        &mut self,
        id: TokenId,
        rights: RightsSource,
    ) -> Result<Option<TokenPrincipal>, StoreError> {
        self.read("find a token", |tx| principals::by_id(tx, id, rights))
    }

    fn settings(&mut self) -> Result<Settings, StoreError> {
        self.read("read the settings", |tx| {
            let sql = "SELECT expiry_required, max_days FROM setting";
            let read = |row: &rusqlite::Row<'_>| {
                Ok(Settings { expiry_required: row.get(0)?, max_days: row.get(1)? })
            };
            Ok(tx.prepare_cached(sql)?.query_row([], read)?)
        })
    }

    fn set_settings(&mut self, settings: &Settings) -> Result<(), StoreError> {
        self.write("change the settings", |tx| {
            let sql = "UPDATE setting SET expiry_required = ?1, max_days = ?2";
            tx.execute(sql, (settings.expiry_required, settings.max_days))?;
            Ok(())
        })
    }
}
