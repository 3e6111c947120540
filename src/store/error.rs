//! What keeps the store from doing what it is asked.

use crate::domain::settings::PolicyError;
use crate::domain::token::TokenId;
use crate::domain::trail::Broken;
use std::path::PathBuf;

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the store at {path} cannot {doing}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The verb, and what it is about.
        doing: &'static str,
        /// Why.
        #[source]
        source: DatabaseFault,
    },
    /// There is no file.
    #[error("there is no store at {0}")]
    Absent(PathBuf),
    /// The file is something else: empty, or another program's database.
    #[error("the file at {0} is not a gitlatch store")]
    Foreign(PathBuf),
    /// The file cannot be reached.
    #[error("the store at {path} cannot be reached")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file was removed, replaced or damaged while it was open.
    #[error("the store at {0} was removed, replaced or damaged while it was in use")]
    Replaced(PathBuf),
    /// Others may read the file.
    #[error("the store at {path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode, permission bits only.
        mode: u32,
    },
    /// The file that says who has the store open cannot be made or locked.
    #[error("the file {path}, which says who has the store open, cannot be locked")]
    Lock {
        /// That file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Somebody has it open, and it is to be replaced.
    #[error(
        "the store at {0} is in use; stop gitlatch first, `serve` and every other command, and \
         whatever else has the file open"
    )]
    InUse(PathBuf),
    /// Somebody replaces it.
    #[error("the store at {0} is being restored; try again when that has ended")]
    Restoring(PathBuf),
    /// A copy is to be written where something is.
    #[error("there is a file at {0} already, and nothing is overwritten; choose another name")]
    Taken(PathBuf),
    /// A copy could not be written.
    #[error("the backup {path} cannot be written")]
    Backup {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The trail of a backup is broken.
    #[error(
        "the trail in {path} is not what was written, so it is not restored; take another backup"
    )]
    Trail {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        source: Broken,
    },
    /// A newer program wrote it.
    #[error("the store at {0} was written by a newer gitlatch; run that one")]
    Newer(PathBuf),
    /// A record cannot be understood. It is treated as trouble, never skipped.
    #[error("the store at {path} has a record that cannot be understood: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which record and field.
        what: String,
    },
    /// A name is taken already.
    #[error("there is a {what} `{name}` already")]
    Exists {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Something that the call names is not there.
    #[error("there is no {what} `{name}`")]
    Missing {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The settings do not allow it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A token that another one has taken the place of, or that is not honoured now.
    #[error("token {id} {why}")]
    Settled {
        /// The token.
        id: TokenId,
        /// What it is.
        why: String,
    },
    /// A store that knows what was revoked cannot be read; nothing was changed.
    #[error(
        "{0}, and only it knows what was revoked since the backup, so nothing was restored; to restore all \
         the same, with every token suspended until it is resumed, add --forget-revocations; a file that was kept \
         from before (….before-restore-N) and is of no use can be removed instead"
    )]
    Forgets(Box<StoreError>),
    /// A caller's own step within a change failed; nothing was changed.
    #[error("the change was not made")]
    Step(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What the database said, once: the error behind it says the same again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DatabaseFault(pub(super) rusqlite::Error);
