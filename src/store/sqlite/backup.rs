//! A consistent copy of a store that is being served.

use super::fault::Fault;
use super::open::{self, Purpose};
use super::registry::trail;
use super::{Database, Patience, schema};
use crate::store::{Head, StoreError};
use rusqlite::Connection;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tempfile::TempPath;

/// What is in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its size in bytes.
    pub size: u64,
    /// How many tokens that are not revoked.
    pub tokens: u64,
    /// How far its trail goes.
    pub head: Head,
}

impl Database {
    /// Writes a copy of the store to `target`, with mode 0600 from its first moment, while others read
    /// and write: all of it is of one moment. It is there whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when there is a file at `target`, and when the store cannot be read or the
    /// copy not be written.
    pub fn back_up(&self, target: &Path) -> Result<Backup, StoreError> {
        let failed = |source: io::Error| StoreError::Backup { path: target.to_owned(), source };
        if fs::symlink_metadata(target).is_ok() {
            return Err(StoreError::Taken(target.to_owned()));
        }
        let folder = open::folder_of(target).map_err(failed)?;
        let draft = open::draft_in(&folder).map_err(failed)?;
        let connection = self.held.connect(Purpose::Read, self.held.patience.write)?;
        copy(&connection, &draft).map_err(|fault| self.held.error(fault, "be copied"))?;
        // Told of the copy and not of the store, which goes on meanwhile.
        let told = tell(&draft).map_err(|fault| fault.at(&draft, "be read"))?;
        File::open(&draft).and_then(|file| file.sync_all()).map_err(failed)?;
        let size = fs::metadata(&draft).map_err(failed)?.len();
        match draft.persist_noclobber(target) {
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                return Err(StoreError::Taken(target.to_owned()));
            }
            placed => placed.map_err(|error| failed(error.error))?,
        }
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        let (tokens, head) = told;
        Ok(Backup { size, tokens, head })
    }
}

/// Copies all that a connection sees into a file, which must be empty.
pub(super) fn copy(connection: &Connection, draft: &TempPath) -> Result<(), Fault> {
    let path = draft.to_str().ok_or_else(|| {
        io::Error::new(ErrorKind::InvalidInput, "the path of the copy is not UTF-8")
    })?;
    connection.execute("VACUUM INTO ?1", [path])?;
    Ok(())
}

fn tell(draft: &TempPath) -> Result<(u64, Head), Fault> {
    let connection = open::connect(draft, Purpose::Read, Duration::ZERO)?;
    let tokens = tokens(&connection)?;
    Ok((tokens, trail::head(&connection)?))
}

/// How many tokens are not revoked.
pub(super) fn tokens(connection: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT count(*) FROM token WHERE revoked_ms IS NULL";
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Opens a backup, which nobody else uses, and looks whether it is one, and whole.
pub(super) fn examine(real: &Path) -> Result<Connection, Fault> {
    let connection = open::to_look(real, Patience::default().write)?;
    schema::check(&connection)?;
    let sound: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(Fault::Damaged(format!("SQLite's integrity check says: {sound}")));
    }
    Ok(connection)
}
