//! What goes wrong inside this room, before it is told which file and which verb it was.

use crate::domain::settings::PolicyError;
use crate::domain::token::TokenId;
use crate::store::{DatabaseFault, StoreError};
use rusqlite::ErrorCode;
use std::io;
use std::path::Path;

/// A failure without its place.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite failed.
    Sql(rusqlite::Error),
    /// The file system failed.
    File(io::Error),
    /// There is no file.
    Absent,
    /// The file is something else.
    Foreign,
    /// The file is newer than this program.
    Newer,
    /// A record is not what it should be: which, and which field; never its content.
    Damaged(String),
    /// The name is taken: what it names, and the name.
    Exists(&'static str, String),
    /// There is none: what was named, and the name.
    Missing(&'static str, String),
    /// The settings do not allow it.
    Policy(PolicyError),
    /// A token that cannot be changed like this any more, and why.
    Settled(TokenId, String),
    /// A caller's own step failed.
    Step(Box<dyn std::error::Error + Send + Sync>),
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Fault {
    /// Says where it happened, and what the store was `doing`.
    pub(super) fn at(self, path: &Path, doing: &'static str) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Sql(error) => {
                StoreError::Database { path, doing, source: DatabaseFault(plain(error)) }
            }
            Self::File(source) => StoreError::File { path, source },
            Self::Absent => StoreError::Absent(path),
            Self::Foreign => StoreError::Foreign(path),
            Self::Newer => StoreError::Newer(path),
            Self::Damaged(what) => StoreError::Damaged { path, what },
            Self::Exists(what, name) => StoreError::Exists { what, name },
            Self::Missing(what, name) => StoreError::Missing { what, name },
            Self::Policy(error) => StoreError::Policy(error),
            Self::Settled(id, why) => StoreError::Settled { id, why },
            Self::Step(error) => StoreError::Step(error),
        }
    }
}

/// `database is locked` does not say by whom, nor that it was waited for.
fn plain(error: rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::DatabaseBusy => {
            let text = "another program is writing to it and did not finish in time";
            rusqlite::Error::SqliteFailure(failure, Some(text.to_owned()))
        }
        other => other,
    }
}
