//! What the store keeps, as its callers see it.

use crate::domain::names::{NameCase, UserName};
use crate::domain::permission::Permissions;
use crate::domain::policy::limits::Limits;
use crate::domain::principal::{Grant, Owner};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use std::net::IpAddr;

/// A user to be added.
#[derive(Debug)]
pub struct NewUser {
    /// The name, as the host behind the proxy knows it.
    pub name: UserName,
    /// The name for people; the user name when empty.
    pub display_name: String,
    /// The address, or nothing.
    pub email: String,
    /// Whether the user administers gitlatch.
    pub admin: bool,
    /// The password's PHC string, if there is one.
    pub password: Option<String>,
    /// When.
    pub created: Timestamp,
}

/// A user. Never with the password's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The name, in the case it was added in.
    pub name: UserName,
    /// The name for people.
    pub display_name: String,
    /// The address, or nothing.
    pub email: String,
    /// Whether the user administers gitlatch.
    pub admin: bool,
    /// Whether the user's tokens are honoured.
    pub active: bool,
    /// When the user was added.
    pub created: Timestamp,
}

/// A right and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRecord {
    /// Who has it.
    pub user: UserName,
    /// What it allows, and where.
    pub grant: Grant,
}

/// A token to be added.
#[derive(Debug)]
pub struct NewToken {
    /// The SHA-256 of its secret, which the store never sees.
    pub hash: TokenHash,
    /// The name for people.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it may do.
    pub permissions: Permissions,
    /// What narrows it.
    pub limits: Limits,
    /// When.
    pub created: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
}

/// A token, without anything that could be used in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its number.
    pub id: TokenId,
    /// The name for people.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it may do.
    pub permissions: Permissions,
    /// What narrows it.
    pub limits: Limits,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
    /// When and from where it was last used, if it was.
    pub last_used: Option<LastUse>,
}

/// The last time a token was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// The client's address, if it had one.
    pub from: Option<IpAddr>,
}

/// What to change about a token. Owner and expiry never change.
#[derive(Clone, Debug, Default)]
pub struct TokenEdit {
    /// Another name.
    pub name: Option<String>,
    /// Other permissions.
    pub permissions: Option<Permissions>,
}

/// Which tokens to list.
#[derive(Clone, Debug)]
pub struct TokenFilter {
    /// Only this owner's. A user's are those of the person who has the name now.
    pub owner: Option<Owner>,
    /// How the host compares the names of projects and repositories.
    pub case: NameCase,
    /// Revoked ones as well.
    pub revoked: bool,
}

impl TokenFilter {
    /// Whether the owner is the one that it asks for, if it asks for one.
    #[must_use]
    pub fn names(&self, owner: &Owner) -> bool {
        match (&self.owner, owner) {
            (None, _) => true,
            (Some(Owner::User(asked)), Owner::User(name)) => asked == name,
            (Some(Owner::Project(asked)), Owner::Project(scope)) => {
                self.case.equal(&asked.to_string(), &scope.to_string())
            }
            (Some(Owner::Repository(asked)), Owner::Repository(path)) => {
                self.case.equal(asked.as_str(), path.as_str())
            }
            _ => false,
        }
    }
}

impl Default for TokenFilter {
    fn default() -> Self {
        Self { owner: None, case: NameCase::Exact, revoked: false }
    }
}
