//! What is asked for of the records: which ones, and which part of a listing.

use super::records::TokenRecord;
use crate::domain::names::{NameCase, ProjectPath, UserName};
use crate::domain::permission::Permission;
use crate::domain::principal::{Owner, OwnerKind};
use crate::domain::settings::Settings;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::domain::trail::Event;

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
