//! The hot path: a token by its hash, from memory when nothing was committed since.

use super::Held;
use super::fault::Fault;
use super::freshness::Stamp;
use super::index::Index;
use super::marks::Desk;
use super::principals;
use crate::domain::names::{GroupName, UserName};
use crate::domain::principal::TokenPrincipal;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Author, Note};
use crate::store::{Answered, LastUse, Lookup, Reading, StoreError};
use rusqlite::Connection;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// One worker's view of the store. A hit costs one `pread` of 96 bytes and a look into a hash map.
pub struct SqliteReader {
    connection: Connection,
    reading: Reading,
    index: RefCell<Index>,
    desk: Arc<Desk>,
    held: Arc<Held>,
}

impl fmt::Debug for SqliteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteReader").field(&self.held.path).finish()
    }
}

impl SqliteReader {
    pub(super) fn new(
        connection: Connection,
        reading: Reading,
        capacity: usize,
        desk: Arc<Desk>,
        held: Arc<Held>,
    ) -> Self {
        let index = RefCell::new(Index::new(capacity));
        Self { connection, reading, index, desk, held }
    }

    /// Asks the database, in one read transaction, what has changed and for the token.
    ///
    /// `before` was read before the transaction began, so that nothing committed meanwhile can be
    /// taken for seen.
    fn consult(
        &self,
        hash: &TokenHash,
        before: Option<Stamp>,
    ) -> Result<(Option<Rc<TokenPrincipal>>, Answered), Fault> {
        let mut index = self.index.borrow_mut();
        let tx = self.connection.unchecked_transaction()?;
        index.confirm(principals::generation(&tx)?);
        index.seen(before);
        if let Some(found) = index.get(hash) {
            return Ok((Some(found), Answered::Memory));
        }
        let found = principals::by_hash(&tx, hash, self.reading)?.map(Rc::new);
        if let Some(found) = &found {
            index.insert(*hash, Rc::clone(found));
        }
        Ok((found, Answered::Database))
    }
}

impl Lookup for SqliteReader {
    fn find_by_hash(
        &self,
        hash: &TokenHash,
    ) -> Result<(Option<Rc<TokenPrincipal>>, Answered), StoreError> {
        self.held.check_not_lost()?;
        let doing = "find a token";
        let now = self.held.wal_index.stamp().map_err(|e| self.held.error(e.into(), doing))?;
        if let Some(found) = self.index.borrow_mut().get_fresh(hash, now) {
            return Ok((Some(found), Answered::Memory));
        }
        self.consult(hash, now).map_err(|fault| self.held.error(fault, doing))
    }

    fn groups_of(&self, user: &UserName) -> Result<Vec<GroupName>, StoreError> {
        self.held.check_not_lost()?;
        principals::groups_by_name(&self.connection, user)
            .map_err(|fault| self.held.error(fault, "find the groups of a user"))
    }

    fn touch(&self, token: TokenId, last: LastUse) {
        self.desk.put(token, last);
    }

    fn tell(&self, note: Note, by: Author) {
        self.desk.tell(note, by);
    }
}
