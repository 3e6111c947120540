//! The store: tokens by their hashes, users, grants and settings, in the domain's verbs.
//!
//! Traits divide it by who asks. [`Lookup`] is the hot path: one reader a worker. [`Registry`] is
//! everything else: what the command line and the management side read and change, and [`Moving`] what
//! goes from one store to another. No SQL leaves this
//! room. One suite of tests holds every implementation to what is written here.

#[cfg(test)]
mod conformance;
mod contents;
mod error;
mod filters;
mod records;
pub mod sqlite;

pub use contents::{Contents, Imported, Moving};
pub use error::{DatabaseFault, StoreError};
pub use filters::{ExpiryFilter, Page, TokenFilter, TrailFilter, UseFilter, Window};
pub use records::{
    GrantRecord, GroupRecord, Head, IdentityRecord, LastUse, NewIdentity, NewToken, NewUser,
    TokenEdit, TokenRecord, UserEdit, UserRecord,
};

use crate::domain::names::{GroupName, NameCase, ProjectPath, UserName};
use crate::domain::principal::{Grant, Grantee, Owner, StoredIdentity, TokenPrincipal};
use crate::domain::sealed::Sealed;
use crate::domain::settings::{ProjectSettings, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Author, Broken, Entry, Link, Note};
use std::rc::Rc;

/// What limits a user's tokens from the side of the user: `users` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsSource {
    /// `users = "upstream"`: the host.
    Host,
    /// `users = "grants"`: what was granted here.
    Grants,
}

/// What a look-up goes by beside the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What limits a user's tokens from the side of the user.
    pub rights: RightsSource,
    /// How the host compares names: whose stored credential is whose.
    pub case: NameCase,
    /// Whether stored credentials are wanted at all.
    pub identities: bool,
}

impl Reading {
    /// The tokens alone.
    pub const PLAIN: Self =
        Self { rights: RightsSource::Host, case: NameCase::Exact, identities: false };
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

    /// The groups of this user, as they are now; none of one who is not there or is disabled.
    ///
    /// # Errors
    /// When the store cannot answer.
    fn groups_of(&self, user: &UserName) -> Result<Vec<GroupName>, StoreError>;

    /// Remembers that a token was used; written in batches, off the path of requests.
    fn touch(&self, token: TokenId, last: LastUse);

    /// Has something written into the trail, off the path of requests.
    fn tell(&self, note: Note, by: Author);
}

/// Everything else: what the command line and the management side read and change. Each verb is one
/// transaction; when it returns, the change is on disk and every reader of every process sees it. Every
/// change leaves an entry in the trail, in the same transaction: who made it, and what was before and after.
/// What changes nothing leaves none.
pub trait Registry {
    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken, in any case.
    fn add_user(&mut self, user: NewUser, by: &Author) -> Result<UserRecord, StoreError>;
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
    /// Changes a user; what the edit leaves out stays.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn edit_user(
        &mut self,
        name: &UserName,
        edit: &UserEdit,
        by: &Author,
    ) -> Result<UserRecord, StoreError>;
    /// Disables or enables a user: the tokens of a disabled user are refused.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn set_active(&mut self, name: &UserName, active: bool, by: &Author) -> Result<(), StoreError>;
    /// Sets a password, as a PHC string.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn set_password(&mut self, name: &UserName, phc: &str, by: &Author) -> Result<(), StoreError>;
    /// Removes a user with all grants, memberships and the stored credential, and revokes the user's
    /// tokens for good. The number of tokens that were live is returned.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user.
    fn remove_user(&mut self, name: &UserName, by: &Author) -> Result<u64, StoreError>;

    /// Adds a group of users.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken, in any case.
    fn add_group(&mut self, name: &GroupName, by: &Author) -> Result<(), StoreError>;
    /// Removes a group with its rights.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such group.
    fn remove_group(&mut self, name: &GroupName, by: &Author) -> Result<(), StoreError>;
    /// Puts a user into a group.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when either is not there, [`StoreError::Exists`] when the user is in it.
    fn add_member(
        &mut self,
        group: &GroupName,
        user: &UserName,
        by: &Author,
    ) -> Result<(), StoreError>;
    /// Takes a user out of a group.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when either is not there, or the user is not in it.
    fn remove_member(
        &mut self,
        group: &GroupName,
        user: &UserName,
        by: &Author,
    ) -> Result<(), StoreError>;
    /// Every group, by name.
    ///
    /// # Errors
    /// When the store fails.
    fn list_groups(&mut self) -> Result<Vec<GroupRecord>, StoreError>;

    /// Gives a user or a group a right.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such user or group, [`StoreError::Exists`] when the very
    /// same right was given before.
    fn add_grant(&mut self, to: &Grantee, grant: &Grant, by: &Author) -> Result<(), StoreError>;
    /// Takes a right.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such right.
    fn remove_grant(
        &mut self,
        from: &Grantee,
        grant: &Grant,
        by: &Author,
    ) -> Result<(), StoreError>;
    /// The rights that were given to one user or group, or all of them.
    ///
    /// # Errors
    /// When the store fails.
    fn list_grants(&mut self, of: Option<&Grantee>) -> Result<Vec<GrantRecord>, StoreError>;
    /// The rights that a user has, by own grants and by those of the groups that the user is in.
    ///
    /// # Errors
    /// When the store fails.
    fn rights_of(&mut self, user: &UserName) -> Result<Vec<Grant>, StoreError>;

    /// Adds a token, held to the settings in force.
    ///
    /// # Errors
    /// [`StoreError::Policy`] when the settings do not allow it; [`StoreError::Missing`] when its owner is
    /// a user who is not there or is disabled; [`StoreError::Damaged`], and nothing is added, when what it
    /// holds could not be read back.
    fn add_token(&mut self, token: NewToken, by: &Author) -> Result<TokenRecord, StoreError>;
    /// One token, live or not.
    ///
    /// # Errors
    /// When the store fails.
    fn find_token(&mut self, id: TokenId) -> Result<Option<TokenRecord>, StoreError>;
    /// The token with this hash, live or not.
    ///
    /// # Errors
    /// When the store fails.
    fn find_token_by_hash(&mut self, hash: &TokenHash) -> Result<Option<TokenRecord>, StoreError>;
    /// The tokens that a filter lets through, by number.
    ///
    /// # Errors
    /// When the store fails.
    fn list_tokens(
        &mut self,
        filter: &TokenFilter,
        window: Window,
    ) -> Result<Page<TokenRecord>, StoreError>;
    /// Changes a token that is not revoked; what the edit leaves out stays. Permissions are held to the
    /// settings in force.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such token, or it is revoked; [`StoreError::Policy`].
    fn edit_token(
        &mut self,
        id: TokenId,
        edit: &TokenEdit,
        by: &Author,
    ) -> Result<TokenRecord, StoreError>;
    /// Makes a successor with the same name, owner, permissions, limits and expiry under another hash,
    /// held to the settings in force, and ends the token at `end`, or now where that is past.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such token, [`StoreError::Settled`] when it is not live or
    /// has a successor, [`StoreError::Policy`].
    fn rotate_token(
        &mut self,
        id: TokenId,
        hash: TokenHash,
        end: Timestamp,
        by: &Author,
    ) -> Result<TokenRecord, StoreError>;
    /// Revokes a token for good.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such token, or it is revoked already.
    fn revoke_token(&mut self, id: TokenId, by: &Author) -> Result<TokenRecord, StoreError>;
    /// Revokes every token that a filter lets through; they are returned.
    ///
    /// # Errors
    /// When the store fails.
    fn revoke_tokens(
        &mut self,
        filter: &TokenFilter,
        by: &Author,
    ) -> Result<Vec<TokenRecord>, StoreError>;
    /// Suspends every token that a filter lets through and that is not suspended: it is refused until it
    /// is resumed. They are returned.
    ///
    /// # Errors
    /// When the store fails.
    fn suspend_tokens(
        &mut self,
        filter: &TokenFilter,
        by: &Author,
    ) -> Result<Vec<TokenRecord>, StoreError>;
    /// Suspends or resumes one token.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such token, or it is revoked; [`StoreError::Settled`] when
    /// it is suspended already, or is not.
    fn set_suspended(
        &mut self,
        id: TokenId,
        suspended: bool,
        by: &Author,
    ) -> Result<TokenRecord, StoreError>;
    /// How many tokens are neither revoked nor expired.
    ///
    /// # Errors
    /// When the store fails.
    fn count_tokens(&mut self, now: Timestamp) -> Result<u64, StoreError>;
    /// How many of those expire before `until`.
    ///
    /// # Errors
    /// When the store fails.
    fn count_expiring(&mut self, now: Timestamp, until: Timestamp) -> Result<u64, StoreError>;
    /// A token and its owner's rights as a verdict sees them, found by number: for `explain`. There
    /// is none where [`Lookup::find_by_hash`] would find none.
    ///
    /// # Errors
    /// When the store fails.
    fn principal(
        &mut self,
        id: TokenId,
        reading: Reading,
    ) -> Result<Option<TokenPrincipal>, StoreError>;

    /// Stores a credential for the host, in the place of one that is there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is for a user who is not there.
    fn set_identity(&mut self, new: NewIdentity, by: &Author) -> Result<(), StoreError>;
    /// Removes one.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none.
    fn remove_identity(
        &mut self,
        owner: &Owner,
        case: NameCase,
        by: &Author,
    ) -> Result<(), StoreError>;
    /// Every stored credential, without its secret.
    ///
    /// # Errors
    /// When the store fails.
    fn list_identities(&mut self) -> Result<Vec<IdentityRecord>, StoreError>;
    /// Seals every stored credential anew, all of them or none. The number is returned.
    ///
    /// # Errors
    /// [`StoreError::Step`] with the error of `reseal`.
    fn reseal_identities(
        &mut self,
        reseal: &mut Reseal<'_>,
        by: &Author,
    ) -> Result<u64, StoreError>;

    /// The instance-wide settings.
    ///
    /// # Errors
    /// When the store fails.
    fn settings(&mut self) -> Result<Settings, StoreError>;
    /// Changes them: `change` gets those in force and says what they are to be.
    ///
    /// # Errors
    /// When the store fails.
    fn change_settings(
        &mut self,
        change: &dyn Fn(Settings) -> Settings,
        by: &Author,
    ) -> Result<Settings, StoreError>;
    /// What one project's administrators demand.
    ///
    /// # Errors
    /// When the store fails.
    fn project_settings(&mut self, project: &ProjectPath) -> Result<ProjectSettings, StoreError>;
    /// Changes that.
    ///
    /// # Errors
    /// When the store fails.
    fn set_project_settings(
        &mut self,
        project: &ProjectPath,
        settings: ProjectSettings,
        by: &Author,
    ) -> Result<(), StoreError>;

    /// Writes something into the trail that is no change of the store.
    ///
    /// # Errors
    /// When the store fails.
    fn note(&mut self, note: Note, by: &Author) -> Result<(), StoreError>;
    /// The entries that a filter lets through, by number.
    ///
    /// # Errors
    /// When the store fails.
    fn trail(&mut self, filter: &TrailFilter) -> Result<Vec<Entry>, StoreError>;
    /// How far the trail goes.
    ///
    /// # Errors
    /// When the store fails.
    fn trail_head(&mut self) -> Result<Head, StoreError>;
    /// Reads the trail from its beginning and looks whether it is what was written, and whether it has
    /// the head that was kept elsewhere.
    ///
    /// # Errors
    /// When the store fails. That the trail is broken is no error of the store's.
    fn verify_trail(&mut self, kept: Option<Link>) -> Result<Result<Head, Broken>, StoreError>;
}

/// How one stored credential is sealed anew.
pub type Reseal<'a> =
    dyn FnMut(&StoredIdentity) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> + 'a;
