//! What the store keeps, as its callers see it.

use crate::domain::key::KeyId;
use crate::domain::names::{GroupName, NameCase, ProjectPath, UserName};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::limits::Limits;
use crate::domain::principal::{Grant, Grantee, Owner, OwnerKind, Scheme};
use crate::domain::settings::Settings;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Event, Link};
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
    /// What of the settings it would break, in a listing that asks for it ([`TokenFilter::breaks`]).
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

/// Which tokens to list. Every condition that is given must hold.
#[derive(Clone, Debug)]
pub struct TokenFilter {
    /// Only this owner's. A user's are those of the person who has the name now.
    pub owner: Option<Owner>,
    /// Only those of this project and of the repositories directly in it.
    pub within: Option<ProjectPath>,
    /// Only those of this kind of owner.
    pub kind: Option<OwnerKind>,
    /// How the host compares the names of projects and repositories.
    pub case: NameCase,
    /// Revoked ones as well.
    pub revoked: bool,
    /// Only those that expire like this.
    pub expiry: Option<ExpiryFilter>,
    /// Only those that were used like this.
    pub used: Option<UseFilter>,
    /// Only those whose permissions contain this one.
    pub permission: Option<Permission>,
    /// Only those that would break these settings now, by themselves, by their number or by those of
    /// their project.
    pub breaks: Option<(Settings, Timestamp)>,
    /// Only those with this text in their name or their owner's, in any case.
    pub text: Option<String>,
}

/// A condition about expiry. The end of an overlap counts like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryFilter {
    /// They never expire.
    Never,
    /// They end from the first moment on and before the second.
    Between(Timestamp, Timestamp),
}

/// A condition about use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseFilter {
    /// They were never used.
    Never,
    /// They were used at this moment or later.
    Since(Timestamp),
    /// They were not used since: made before this moment, and not used at it or later.
    NotSince(Timestamp),
}

impl TokenFilter {
    /// Every token that is not revoked.
    #[must_use]
    pub fn all(case: NameCase) -> Self {
        Self {
            owner: None,
            within: None,
            kind: None,
            case,
            revoked: false,
            expiry: None,
            used: None,
            permission: None,
            breaks: None,
            text: None,
        }
    }

    /// Those of one owner that are not revoked.
    #[must_use]
    pub fn of(owner: Owner, case: NameCase) -> Self {
        Self { owner: Some(owner), ..Self::all(case) }
    }

    /// Whether the token is one of those that it asks for, by what the store's indexes cannot tell.
    #[must_use]
    pub(crate) fn admits(&self, token: &TokenRecord) -> bool {
        let has_text = |text: &String| {
            let text = text.to_lowercase();
            token.name.to_lowercase().contains(&text)
                || token.owner.to_string().to_lowercase().contains(&text)
        };
        self.names(&token.owner)
            && self.within.as_ref().is_none_or(|project| self.is_within(project, &token.owner))
            && self.permission.is_none_or(|need| token.permissions.contain(need))
            && self.text.as_ref().is_none_or(has_text)
    }

    /// Whether the owner is the one that it asks for, if it asks for one.
    fn names(&self, owner: &Owner) -> bool {
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

    fn is_within(&self, project: &ProjectPath, owner: &Owner) -> bool {
        match owner {
            Owner::User(_) => false,
            Owner::Project(scope) => self.case.equal(&scope.to_string(), project.as_str()),
            Owner::Repository(path) => self.case.equal(path.project(), project.as_str()),
        }
    }
}

/// Which part of a listing is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many to leave out at the beginning.
    pub start: u64,
    /// How many to give at most.
    pub limit: u64,
}

impl Window {
    /// All of it.
    pub const ALL: Self = Self { start: 0, limit: u64::MAX };
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is in it.
    pub values: Vec<T>,
    /// Whether nothing follows.
    pub last: bool,
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

/// Which entries of the trail to list.
#[derive(Clone, Debug, Default)]
pub struct TrailFilter {
    /// Only those about or by this token.
    pub token: Option<TokenId>,
    /// Only those about or by this user.
    pub user: Option<UserName>,
    /// Only those of this event.
    pub event: Option<Event>,
    /// Only those of this moment or later.
    pub since: Option<Timestamp>,
    /// Only those with a greater number.
    pub after: i64,
    /// Only the last so many.
    pub last: Option<u64>,
}

/// How far a trail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of entries.
    pub entries: i64,
    /// The hash of the last one.
    pub link: Link,
}
