//! What the operator protects from everybody (`[[protect]]`).

use super::super::git::ref_name::RefName;
use super::super::names::{GroupName, NameCase, RepoPath, UserName};
use super::super::pattern::Pattern;
use super::super::principal::{Owner, TokenPrincipal};

/// What the operator protects (`[[protect]]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// In these projects; all of them without it.
    pub project: Option<Pattern>,
    /// In repositories of this name; all of them without it.
    pub repository: Option<Pattern>,
    /// These refs.
    pub refs: Vec<Pattern>,
    /// From this.
    pub deny: Deny,
    /// But not from tokens of these users.
    pub except_users: Vec<UserName>,
    /// Nor from tokens of users in these groups.
    pub except_groups: Vec<GroupName>,
    /// Whether both hold for people without a token too, who are whom their Basic credential names.
    pub except_people: bool,
}

/// What is denied of a ref.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deny {
    /// Every change.
    pub push: bool,
    /// To delete it.
    pub delete: bool,
    /// To move it to a commit that does not follow from the one before.
    pub force: bool,
}

impl Protection {
    /// Whether it holds for this token in this repository.
    pub(super) fn is_about(&self, who: &TokenPrincipal, repository: &RepoPath) -> bool {
        let excepted = match &who.owner {
            Owner::User(name) => self.excepts(name, &who.groups),
            Owner::Project(_) | Owner::Repository(_) => false,
        };
        !excepted && self.covers(repository)
    }

    /// Whether it is about this repository. Prohibitions ignore case.
    #[must_use]
    pub fn covers(&self, repository: &RepoPath) -> bool {
        let within = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text, NameCase::Ignore))
        };
        within(&self.project, repository.project()) && within(&self.repository, repository.name())
    }

    /// Whether a user is not held to it.
    pub(super) fn excepts(&self, user: &UserName, groups: &[GroupName]) -> bool {
        self.except_users.contains(user)
            || groups.iter().any(|group| self.except_groups.contains(group))
    }

    /// Whether it is about this ref: by a pattern, unless a `!` takes it out.
    pub(super) fn names(&self, name: &RefName) -> bool {
        // What is protected is so in any case; what is taken out again is so by its very name.
        let protects = |pattern: &Pattern| {
            !pattern.forbids() && pattern.matches(name.as_str(), NameCase::Ignore)
        };
        let frees = |pattern: &Pattern| {
            pattern.forbids() && pattern.matches(name.as_str(), NameCase::Exact)
        };
        self.refs.iter().any(protects) && !self.refs.iter().any(frees)
    }
}
