//! What the store keeps, as its callers see it.

use crate::domain::key::KeyId;
use crate::domain::names::{GroupName, NameCase, UserName};
use crate::domain::permission::Permissions;
use crate::domain::policy::limits::Limits;
use crate::domain::principal::{Grant, Grantee, Owner, Scheme};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::Link;
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
    /// Whether the user appeared by proving a password to the host, and was not added by anybody.
    pub appeared: bool,
}

/// What to change about a user. The name never changes.
#[derive(Clone, Debug, Default)]
pub struct UserEdit {
    /// Another name for people.
    pub display_name: Option<String>,
    /// Another address, or none.
    pub email: Option<String>,
    /// Whether the user administers gitlatch.
    pub admin: Option<bool>,
}

/// A user. Never with the password's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The number, which no other user ever gets.
    pub id: i64,
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

/// A group and who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// The name, in the case it was added in.
    pub name: GroupName,
    /// Its members, by name.
    pub members: Vec<UserName>,
    /// When it was added.
    pub created: Timestamp,
}

/// A right and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRecord {
    /// Who has it.
    pub grantee: Grantee,
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
    /// Since when it is refused until somebody resumes it, if it is.
    pub suspended: Option<Timestamp>,
    /// The token that took its place, if one did.
    pub successor: Option<TokenId>,
    /// When the secret ends because a successor took its place: the end of the overlap.
    pub retires: Option<Timestamp>,
    /// What of the settings it would break, in a listing that asks for it ([`super::TokenFilter::breaks`]).
    pub breaks: Option<String>,
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

impl TokenRecord {
    /// Whether a request with it would be looked at at all: the rest is up to its owner and its limits.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        self.revoked.is_none()
            && self.suspended.is_none()
            && !over(self.expires)
            && !over(self.retires)
    }
}

/// What to change about a token. Owner and expiry never change.
#[derive(Clone, Debug, Default)]
pub struct TokenEdit {
    /// Another name.
    pub name: Option<String>,
    /// Other permissions.
    pub permissions: Option<Permissions>,
}

/// A credential for the host to be stored.
#[derive(Debug)]
pub struct NewIdentity {
    /// Whose requests it is for.
    pub identity: crate::domain::principal::StoredIdentity,
    /// How the host compares names.
    pub case: NameCase,
}

/// A stored credential, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRecord {
    /// Whose requests it is for.
    pub owner: Owner,
    /// How it is presented.
    pub scheme: Scheme,
    /// The user name at the host; empty with [`Scheme::Bearer`].
    pub username: String,
    /// The key that it is sealed with.
    pub key: KeyId,
    /// When it was stored.
    pub set: Timestamp,
}

/// How far a trail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of entries.
    pub entries: i64,
    /// The hash of the last one.
    pub link: Link,
}
