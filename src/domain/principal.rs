//! Who is asking: a token, what it carries, and what its owner may do.

use super::names::{GroupName, NameCase, ProjectPath, ProjectScope, RepoName, RepoPath, UserName};
use super::permission::{Level, Permission, Permissions};
use super::policy::limits::Limits;
use super::sealed::Sealed;
use super::timestamp::Timestamp;
use super::token::TokenId;
use std::fmt;

/// The three kinds of owners, which a token's fourth letter tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// A person.
    User,
    /// A project.
    Project,
    /// One repository.
    Repository,
}

impl OwnerKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::User, Self::Project, Self::Repository];

    /// The letter in the token: `u`, `p` or `r`.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::User => b'u',
            Self::Project => b'p',
            Self::Repository => b'r',
        }
    }

    /// `user`, `project` or `repository`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
            Self::Repository => "repository",
        }
    }
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A person: the token acts wherever that person may.
    User(UserName),
    /// A project, with those below it when it is named `group/**`.
    Project(ProjectScope),
    /// One repository.
    Repository(RepoPath),
}

impl Owner {
    /// Reads the owner that `--project KEY [--repo SLUG]` names.
    ///
    /// # Errors
    /// When a name is none, or when the project is a pattern for everything.
    pub fn of_project(
        project: &str,
        repository: Option<&str>,
    ) -> Result<Self, super::names::NameError> {
        if let Some(name) = repository {
            let path = RepoPath::new(&ProjectPath::new(project)?, &RepoName::new(name)?);
            return Ok(Self::Repository(path));
        }
        match ProjectScope::new(project)? {
            // A token for everything would be an administrator's; a person is answerable for that.
            ProjectScope::Everywhere => ProjectPath::new(project).map(ProjectScope::Exactly),
            scope => Ok(scope),
        }
        .map(Self::Project)
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> OwnerKind {
        match self {
            Self::User(_) => OwnerKind::User,
            Self::Project(_) => OwnerKind::Project,
            Self::Repository(_) => OwnerKind::Repository,
        }
    }

    /// Whether a token of this owner may reach the repository at all.
    #[must_use]
    pub fn reaches(&self, repository: &RepoPath, case: NameCase) -> bool {
        match self {
            Self::User(_) => true,
            Self::Project(scope) => scope.covers(repository.project(), case),
            Self::Repository(own) => case.equal(own.as_str(), repository.as_str()),
        }
    }

    /// Whether a token of this owner may reach the project as such.
    #[must_use]
    pub fn reaches_project(&self, project: &str, case: NameCase) -> bool {
        match self {
            Self::User(_) => true,
            Self::Project(scope) => scope.covers(project, case),
            Self::Repository(_) => false,
        }
    }

    /// Its text (`user alice`, `project group/**`), as the kind, the name and what stands behind it.
    #[must_use]
    pub fn pieces(&self) -> [&str; 3] {
        match self {
            Self::User(name) => ["user ", name.as_str(), ""],
            Self::Project(scope) => {
                let [name, below] = scope.pieces();
                ["project ", name, below]
            }
            Self::Repository(path) => ["repository ", path.as_str(), ""],
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().into_iter().try_for_each(|piece| f.write_str(piece))
    }
}

/// Who has a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// A person.
    User(UserName),
    /// Everybody in a group.
    Group(GroupName),
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "{name}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// A right that an administrator gave a person, or a group of persons, in gitlatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The projects it holds for.
    pub projects: ProjectScope,
    /// The one repository it holds for; without it, all of those projects.
    pub repository: Option<RepoName>,
    /// What it allows. A permission on a project is one on its repositories too.
    pub permission: Permission,
}

impl Grant {
    /// The level that it gives on a repository.
    #[must_use]
    pub fn on_repository(&self, repository: &RepoPath, case: NameCase) -> Option<Level> {
        let named = |own: &RepoName| case.equal(own.as_str(), repository.name());
        let covers = self.projects.covers(repository.project(), case)
            && self.repository.as_ref().is_none_or(named);
        let (Permission::Project(level) | Permission::Repository(level)) = self.permission;
        covers.then_some(level)
    }

    /// The level that it gives on a project as such: a right on one repository, or on repositories only,
    /// gives none.
    #[must_use]
    pub fn on_project(&self, project: &str, case: NameCase) -> Option<Level> {
        match self.permission {
            Permission::Project(level)
                if self.repository.is_none() && self.projects.covers(project, case) =>
            {
                Some(level)
            }
            Permission::Project(_) | Permission::Repository(_) => None,
        }
    }

    /// Whether it makes its holder an administrator of this place: one who manages its tokens. Nobody
    /// administers a person.
    #[must_use]
    pub fn administers(&self, place: &Owner, case: NameCase) -> bool {
        match place {
            Owner::User(_) => false,
            Owner::Project(scope) => {
                self.permission == Permission::Project(Level::Admin)
                    && self.repository.is_none()
                    && self.projects.contains(scope, case)
            }
            Owner::Repository(path) => self.on_repository(path, case) == Some(Level::Admin),
        }
    }
}

/// What limits a token from the side of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// The host enforces the person's own rights, or the owner is no person.
    Host,
    /// `users = "grants"`: the person may do what was granted here, and nothing else.
    Grants(Vec<Grant>),
}

impl Rights {
    /// The highest level that the owner has on a project as such; `None` is no right at all.
    #[must_use]
    pub fn on_project(&self, project: &str, case: NameCase) -> Option<Level> {
        match self {
            Self::Host => Some(Level::Admin),
            Self::Grants(grants) => {
                grants.iter().filter_map(|grant| grant.on_project(project, case)).max()
            }
        }
    }

    /// Whether the owner has any right in a project, be it on one repository only.
    #[must_use]
    pub fn any_in_project(&self, project: &str, case: NameCase) -> bool {
        match self {
            Self::Host => true,
            Self::Grants(grants) => grants.iter().any(|grant| grant.projects.covers(project, case)),
        }
    }

    /// The highest level that the owner has on a repository; `None` is no right at all.
    #[must_use]
    pub fn on_repository(&self, repository: &RepoPath, case: NameCase) -> Option<Level> {
        match self {
            Self::Host => Some(Level::Admin),
            Self::Grants(grants) => {
                grants.iter().filter_map(|grant| grant.on_repository(repository, case)).max()
            }
        }
    }
}

/// A token that was found in the store, with all that a verdict needs to know about it.
#[derive(Clone, Debug)]
pub struct TokenPrincipal {
    /// The number of the token.
    pub id: TokenId,
    /// The name that its maker gave it.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it may do.
    pub permissions: Permissions,
    /// What narrows it further.
    pub limits: Limits,
    /// When it ends, if it does: by its expiry, or because a successor took its place.
    pub expires: Option<Timestamp>,
    /// What its owner may do.
    pub rights: Rights,
    /// The groups that its owner is in, where that is a person.
    pub groups: Vec<GroupName>,
    /// The credential under which its owner is known to the host, if one is stored.
    pub identity: Option<StoredIdentity>,
}

/// A credential for the host, sealed, and how it is presented there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredIdentity {
    /// Whose it is, in the very spelling that it was sealed with.
    pub owner: Owner,
    /// How it is presented.
    pub scheme: Scheme,
    /// The user name at the host; empty with [`Scheme::Bearer`].
    pub username: String,
    /// The secret.
    pub sealed: Sealed,
}

/// How a credential is presented to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// As `Basic`, user name and password.
    Basic,
    /// As `Bearer`, a token of the host's own.
    Bearer,
}

impl Scheme {
    /// `basic` or `bearer`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Bearer => "bearer",
        }
    }
}

impl TokenPrincipal {
    /// The person whose token it is, if it is a person's.
    #[must_use]
    pub fn user(&self) -> Option<&UserName> {
        match &self.owner {
            Owner::User(name) => Some(name),
            Owner::Project(_) | Owner::Repository(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line: where a right holds, what it is, a place, and whether it administers that.
    const ADMINISTERS: &[(&str, &str, &str, bool)] = &[
        ("team", "PROJECT_ADMIN", "team", true),
        ("team", "PROJECT_ADMIN", "team/app", true),
        ("team", "PROJECT_ADMIN", "other", false),
        ("team", "PROJECT_WRITE", "team", false),
        ("team", "REPO_ADMIN", "team", false),
        ("team", "REPO_ADMIN", "team/app", true),
        ("team", "REPO_WRITE", "team/app", false),
        ("team/app", "REPO_ADMIN", "team/app", true),
        ("team/app", "REPO_ADMIN", "team/other", false),
        ("team/app", "REPO_ADMIN", "team", false),
        ("*", "PROJECT_ADMIN", "team", true),
        ("*", "PROJECT_ADMIN", "team/app", true),
        ("team", "PROJECT_ADMIN", "Team", false),
    ];

    #[test]
    fn rights_administer_places() {
        let split = |text: &'static str| match text.split_once('/') {
            Some((project, name)) => (project, Some(name)),
            None => (text, None),
        };
        for (holds, permission, place, expected) in ADMINISTERS {
            let (project, name) = split(holds);
            let grant = Grant {
                projects: ProjectScope::new(project).expect(project),
                repository: name.map(|name| RepoName::new(name).expect(name)),
                permission: permission.parse().expect("a permission"),
            };
            let (project, name) = split(place);
            let owner = Owner::of_project(project, name).expect("a place");
            let administers = grant.administers(&owner, NameCase::Exact);
            assert_eq!(administers, *expected, "{holds} {permission} {place}");
        }
        let everywhere = Grant {
            projects: ProjectScope::Everywhere,
            repository: None,
            permission: Permission::Project(Level::Admin),
        };
        let alice = Owner::User(UserName::new("alice").expect("a name"));
        assert!(!everywhere.administers(&alice, NameCase::Exact));
    }
}
