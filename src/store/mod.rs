//! The store: tokens by their hashes, users, grants and settings, in the domain's verbs.
//!
//! Two traits divide it by who asks. [`Lookup`] is the hot path: one reader a worker. [`Registry`] is
//! everything else: what the command line and the management side read and change. No SQL leaves this
//! room. One suite of tests holds every implementation to what is written here.

#[cfg(test)]
mod conformance;
mod records;
pub mod sqlite;

pub use records::{
    GrantRecord, LastUse, NewToken, NewUser, TokenEdit, TokenFilter, TokenRecord, UserRecord,
};

use crate::domain::names::UserName;
use crate::domain::principal::{Grant, TokenPrincipal};
use crate::domain::settings::Settings;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use std::path::PathBuf;
use std::rc::Rc;

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
}

/// What the database said, once: the error behind it says the same again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DatabaseFault(rusqlite::Error);

/// What limits a user's tokens from the side of the user: `users` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsSource {
    /// `users = "upstream"`: the host.
    Host,
    /// `users = "grants"`: what was granted here.
    Grants,
}

/// How a look-up was answered, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// From memory, whether or not the database was asked that nothing about it had changed.
    Memory,
    /// From the database.
    Database,
}

/// The hot path: finds a token by its hash, with all that a verdict needs.
pub trait Lookup {
    /// The token with this hash, unless it does not exist, was revoked, or its owner is disabled.
    /// An expired token is found: whether it has expired depends on the time.
    ///
    /// What another process committed before this call began is seen by it.
    ///
    /// # Errors
    /// When the store cannot answer. That is never the same as "there is none".
    fn find_by_hash(
        &self,
        hash: &TokenHash,
    ) -> Result<(Option<Rc<TokenPrincipal>>, Answered), StoreError>;

    /// Remembers that a token was used; written in batches, off the path of requests.
    fn touch(&self, token: TokenId, last: LastUse);
}

/// Everything else: what the command line and the management side read and change. Each verb is one
/// transaction; when it returns, the change is on disk and every reader of every process sees it.
pub trait Registry {
    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken, in any case.
    fn add_user(&mut self, user: NewUser) -> Result<(), StoreError>;
    /// One user.
    ///
    /// # Errors
    /// When the store fails; this holds for every verb below too.
    fn find_user(&mut self, name: &str) -> Result<Option<UserRecord>, StoreError>;
    /// The PHC string of a user's password, if the user has one.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn password_of(&mut self, name: &UserName) -> Result<Option<String>, StoreError>;
    /// Every user, by name.
    ///
    /// # Errors
    /// When the store fails.
    fn list_users(&mut self) -> Result<Vec<UserRecord>, StoreError>;
    /// Disables or enables a user: the tokens of a disabled user are refused.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn set_active(&mut self, name: &UserName, active: bool) -> Result<(), StoreError>;
    /// Sets a password, as a PHC string.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn set_password(&mut self, name: &UserName, phc: &str) -> Result<(), StoreError>;
    /// Removes a user with all grants, and revokes the user's tokens for good. The number of tokens
    /// that were live is returned.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn remove_user(&mut self, name: &UserName, now: Timestamp) -> Result<u64, StoreError>;

    /// Gives a user a right.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user, [`StoreError::Exists`] when the very same
    /// right was given before.
    fn add_grant(&mut self, user: &UserName, grant: &Grant) -> Result<(), StoreError>;
    /// Takes a right.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such right.
    fn remove_grant(&mut self, user: &UserName, grant: &Grant) -> Result<(), StoreError>;
    /// The rights of one user, or of all.
    ///
    /// # Errors
    /// When the store fails.
    fn list_grants(&mut self, user: Option<&UserName>) -> Result<Vec<GrantRecord>, StoreError>;

    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when its owner is a user who is not there or is disabled;
    /// [`StoreError::Damaged`], and nothing is added, when what it holds could not be read back.
    fn add_token(&mut self, token: NewToken) -> Result<TokenRecord, StoreError>;
    /// One token, live or not.
    ///
    /// # Errors
    /// When the store fails.
    fn find_token(&mut self, id: TokenId) -> Result<Option<TokenRecord>, StoreError>;
    /// The tokens that a filter lets through, by number.
    ///
    /// # Errors
    /// When the store fails.
    fn list_tokens(&mut self, filter: &TokenFilter) -> Result<Vec<TokenRecord>, StoreError>;
    /// Changes a token that is not revoked; what the edit leaves out stays.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such token, or it is revoked.
    fn edit_token(&mut self, id: TokenId, edit: &TokenEdit) -> Result<TokenRecord, StoreError>;
    /// Revokes a token for good.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such token, or it is revoked already.
    fn revoke_token(&mut self, id: TokenId, now: Timestamp) -> Result<(), StoreError>;
    /// How many tokens are neither revoked nor expired.
    ///
    /// # Errors
    /// When the store fails.
    fn count_tokens(&mut self, now: Timestamp) -> Result<u64, StoreError>;
    /// A token and its owner's rights as a verdict sees them, found by number: for `explain`. There
    /// is none where [`Lookup::find_by_hash`] would find none.
    ///
    /// # Errors
    /// When the store fails.
    fn principal(
        &mut self,
        id: TokenId,
        rights: RightsSource,
    ) -> Result<Option<TokenPrincipal>, StoreError>;

    /// The instance-wide settings.
    ///
    /// # Errors
    /// When the store fails.
    fn settings(&mut self) -> Result<Settings, StoreError>;
    /// Changes them.
    ///
    /// # Errors
    /// When the store fails.
    fn set_settings(&mut self, settings: &Settings) -> Result<(), StoreError>;
}
