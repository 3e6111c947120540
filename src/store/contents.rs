//! What moves from one store to another.

use super::{GrantRecord, GroupRecord, Registry, StoreError, TokenRecord, UserRecord};
use crate::domain::names::ProjectPath;
use crate::domain::settings::{ProjectSettings, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenHash;
use crate::domain::trail::Author;

/// All that another store can take over. Stored credentials are not in it, since they are sealed under
/// a key of their own, nor is the trail, which is of the store that it was written in.
///
/// It has no `Debug`: it holds hashes of passwords and of tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents {
    /// What is demanded of new tokens.
    pub settings: Settings,
    /// What the administrators of projects demand.
    pub projects: Vec<(ProjectPath, ProjectSettings)>,
    /// The users, with the PHC strings of their passwords.
    pub users: Vec<(UserRecord, Option<String>)>,
    /// The groups.
    pub groups: Vec<GroupRecord>,
    /// The rights of users and groups.
    pub grants: Vec<GrantRecord>,
    /// The tokens that are neither revoked nor at their end.
    pub tokens: Vec<(TokenRecord, TokenHash)>,
}

/// How much was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Users.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Rights.
    pub grants: usize,
    /// Tokens.
    pub tokens: usize,
}

/// A store that others can be filled from, and that can be filled.
pub trait Moving: Registry {
    /// All that another store can take over, as it is at one moment.
    ///
    /// # Errors
    /// When the store fails.
    fn export(&mut self, now: Timestamp) -> Result<Contents, StoreError>;
    /// Takes over users, groups, rights and tokens, and the settings if `settings` says so: all of it or
    /// nothing. Tokens get new numbers. They are held to no settings: they were made elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when a user, a group or a token is there already, [`StoreError::Missing`]
    /// when what is taken over names a user or a group that neither store has.
    fn import(
        &mut self,
        contents: &Contents,
        settings: bool,
        by: &Author,
    ) -> Result<Imported, StoreError>;
}
