//! The store in one SQLite file: what a single machine needs, with nothing to run beside it.
//!
//! A [`Database`] is the file, held open. Out of it come one [`SqliteReader`] for each worker, a
//! [`SqliteRegistry`] for whoever changes things, and the [`Steward`], a thread that writes marks of
//! use and notices when the file is replaced. Several processes may work on the file at once; SQLite's
//! locks keep them apart and the header of its WAL-index tells each what the others committed.
//!
//! Nothing in the process may open and close the store's files by itself, not even to copy them: see
//! `freshness` for what that does to SQLite's locks.

mod backup;
mod carried;
mod fault;
mod freshness;
mod index;
mod inspection;
mod lock;
mod marks;
mod open;
mod principals;
mod reader;
mod registry;
mod restore;
mod rows;
mod schema;
mod steward;
#[cfg(test)]
mod tests;

pub use backup::Backup;
pub use inspection::Inspection;
pub use reader::SqliteReader;
pub use registry::SqliteRegistry;
pub use restore::{Carried, Restored, restore};
pub use steward::Steward;

use super::{Reading, StoreError};
use crate::domain::token::TokenHash;
use fault::Fault;
use freshness::{FileId, WalIndex};
use lock::Lock;
use marks::Desk;
use open::Purpose;
use rusqlite::Connection;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a connection waits for the locks of others.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// One that changes things.
    write: Duration,
    /// One that reads, on a worker that serves others meanwhile. Readers wait for no writer; only
    /// the recovery of a log after a crash makes them.
    read: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { write: Duration::from_secs(5), read: Duration::from_millis(250) }
    }
}

/// A store in a SQLite file. Clones are the same one.
#[derive(Clone)]
pub struct Database {
    held: Arc<Held>,
}

/// The open file, and what everyone who uses it shares.
struct Held {
    /// The path as it was given, for messages.
    path: PathBuf,
    /// The path that SQLite goes by.
    real: PathBuf,
    /// Which file it was when it was opened.
    file: FileId,
    /// The header that tells of commits.
    wal_index: WalIndex,
    /// Whether the file is no longer what the path leads to.
    lost: AtomicBool,
    /// Where the readers put marks of use.
    desks: Mutex<Vec<Arc<Desk>>>,
    /// Stays open, so that SQLite keeps `-wal` and `-shm` in place; answers [`Database::health`].
    anchor: Mutex<Connection>,
    patience: Patience,
    /// Held as long as any connection is open, so that nobody replaces the file: let go of last.
    _lock: Lock,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.held.path).finish()
    }
}

impl Database {
    /// Opens the store at `path`, and makes it if there is none.
    ///
    /// # Errors
    /// When it cannot be made, and those of [`Database::open_existing`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // Not made while another process is about to put one there.
        let _lock = match path.try_exists() {
            Ok(true) => None,
            _ => Some(Lock::shared(path)?),
        };
        open::create_if_absent(path).map_err(|fault| fault.at(path, "be created"))?;
        Self::open_existing(path)
    }

    /// Opens the store at `path`, and brings an older one up to date.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when there is none, [`StoreError::Exposed`] when others may read it or
    /// a file beside it, [`StoreError::Foreign`] when it is something else, [`StoreError::Newer`],
    /// [`StoreError::Restoring`]; [`StoreError::Lock`] too where the folder cannot be written, since
    /// SQLite keeps its log there and could not work either.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::open_patiently(path, Patience::default())
    }

    fn open_patiently(path: &Path, patience: Patience) -> Result<Self, StoreError> {
        // Looked at before, so that nothing is left beside what is no store, and after the lock is held.
        open::inspect(path)?;
        let lock = Lock::shared(path)?;
        let real = open::inspect(path)?;
        let held = Held::open(path, real, patience, lock)?;
        let database = Self { held: Arc::new(held) };
        database.check_in_place()?;
        Ok(database)
    }

    /// What reads and changes the store, over a connection of its own.
    ///
    /// # Errors
    /// When the file cannot be connected to.
    pub fn registry(&self) -> Result<SqliteRegistry, StoreError> {
        let connection = self.held.connect(Purpose::Write, self.held.patience.write)?;
        Ok(SqliteRegistry::new(connection, Arc::clone(&self.held)))
    }

    /// What finds tokens, for one worker; it stays in the thread it is made in. `capacity` is the
    /// number of tokens that it may keep in memory.
    ///
    /// # Errors
    /// When the file cannot be connected to.
    pub fn reader(&self, reading: Reading, capacity: usize) -> Result<SqliteReader, StoreError> {
        let connection = self.held.connect(Purpose::Read, self.held.patience.read)?;
        let desk = Arc::new(Desk::default());
        self.held.desks().push(Arc::clone(&desk));
        Ok(SqliteReader::new(connection, reading, capacity, desk, Arc::clone(&self.held)))
    }

    /// Starts the thread that each second writes the marks of use and looks whether the file is
    /// still in place. A process that serves requests has one; it ends with the value returned.
    ///
    /// # Errors
    /// When the file cannot be connected to, or there can be no more threads.
    pub fn serve(&self) -> Result<Steward, StoreError> {
        Steward::start(&self.held)
    }

    /// Whether the store can be read: it goes the way of a look-up, past every cache but the
    /// system's.
    ///
    /// # Errors
    /// When it cannot.
    pub fn health(&self) -> Result<(), StoreError> {
        self.check_in_place()
    }

    /// Whether the path still leads to the file that is open. While it does not, every look-up of
    /// this `Database`'s readers fails.
    ///
    /// # Errors
    /// [`StoreError::Replaced`] when it was removed, replaced or damaged.
    pub fn check_in_place(&self) -> Result<(), StoreError> {
        self.held.check_in_place()
    }
}

impl Held {
    fn open(
        path: &Path,
        real: PathBuf,
        patience: Patience,
        lock: Lock,
    ) -> Result<Self, StoreError> {
        let opened = |fault: Fault| fault.at(path, "be opened");
        let file = FileId::of(path).map_err(|error| opened(error.into()))?;
        let mut anchor = open::connect(&real, Purpose::Write, patience.write).map_err(opened)?;
        schema::check(&anchor).map_err(opened)?;
        open::log_ahead(&anchor).map_err(opened)?;
        schema::migrate(&mut anchor)
            .map_err(|fault| fault.at(path, "be brought up to date; nothing in it was changed"))?;
        // The first read makes the `-shm` file.
        principals::generation(&anchor).map_err(opened)?;
        let wal_index =
            WalIndex::open(&open::beside(&real, "-shm")).map_err(|error| opened(error.into()))?;
        Ok(Self {
            path: path.to_owned(),
            real,
            file,
            wal_index,
            lost: AtomicBool::new(false),
            desks: Mutex::default(),
            anchor: Mutex::new(anchor),
            patience,
            _lock: lock,
        })
    }

    /// A connection to this very file.
    fn connect(&self, purpose: Purpose, wait: Duration) -> Result<Connection, StoreError> {
        let connection = open::connect(&self.real, purpose, wait)
            .map_err(|fault| self.error(fault, "be opened"))?;
        self.check_in_place()?;
        Ok(connection)
    }

    /// Looks at the path and reads from the file. What is known in memory is not honoured while that
    /// fails: nothing else would tell of a file that was emptied or overwritten in its place.
    fn check_in_place(&self) -> Result<(), StoreError> {
        let looked = self.look();
        self.lost.store(looked.is_err(), Ordering::Relaxed);
        looked
    }

    fn look(&self) -> Result<(), StoreError> {
        let log = open::beside(&self.real, "-shm");
        let same = |path: &Path, id: FileId| FileId::of(path).is_ok_and(|found| found == id);
        if !same(&self.path, self.file) || !same(&log, self.wal_index.id()) {
            return Err(StoreError::Replaced(self.path.clone()));
        }
        let anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            anchor.execute_batch("PRAGMA shrink_memory")?;
            schema::check(&anchor)?;
            principals::generation(&anchor)?;
            principals::by_hash(&anchor, &TokenHash::of(b""), Reading::PLAIN).map(drop)
        };
        read().map_err(|fault| self.error(fault, "be read"))
    }

    /// The outcome of the last look at the path: one atomic.
    fn check_not_lost(&self) -> Result<(), StoreError> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(StoreError::Replaced(self.path.clone()));
        }
        Ok(())
    }

    fn desks(&self) -> MutexGuard<'_, Vec<Arc<Desk>>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, fault: Fault, doing: &'static str) -> StoreError {
        fault.at(&self.path, doing)
    }
}
