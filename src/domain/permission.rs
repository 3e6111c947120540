//! Permissions and how they combine.

use super::principal::OwnerKind;
use std::fmt;
use std::str::FromStr;

/// How much may be done: WRITE contains READ, ADMIN contains WRITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// See.
    Read,
    /// See and change.
    Write,
    /// See, change and govern.
    Admin,
}

/// One permission, by the name that Bitbucket Data Center's API gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// `PROJECT_READ`, `PROJECT_WRITE` or `PROJECT_ADMIN`.
    Project(Level),
    /// `REPO_READ`, `REPO_WRITE` or `REPO_ADMIN`.
    Repository(Level),
}

impl Permission {
    /// Every permission there is.
    pub const ALL: [Self; 6] = [
        Self::Project(Level::Read),
        Self::Project(Level::Write),
        Self::Project(Level::Admin),
        Self::Repository(Level::Read),
        Self::Repository(Level::Write),
        Self::Repository(Level::Admin),
    ];

    /// The same, or the one of this level where that is higher.
    #[must_use]
    pub fn at_least(self, level: Level) -> Self {
        match self {
            Self::Project(own) => Self::Project(own.max(level)),
            Self::Repository(own) => Self::Repository(own.max(level)),
        }
    }

    /// Its name in the API, on the command line and in every message.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Project(Level::Read) => "PROJECT_READ",
            Self::Project(Level::Write) => "PROJECT_WRITE",
            Self::Project(Level::Admin) => "PROJECT_ADMIN",
            Self::Repository(Level::Read) => "REPO_READ",
            Self::Repository(Level::Write) => "REPO_WRITE",
            Self::Repository(Level::Admin) => "REPO_ADMIN",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no permission; there are PROJECT_READ, PROJECT_WRITE, PROJECT_ADMIN, REPO_READ, \
     REPO_WRITE and REPO_ADMIN"
)]
pub struct UnknownPermission(String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|p| p.name() == text);
        named.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

/// The rule that a combination of permissions breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombinationError {
    /// Nothing was asked for.
    #[error("a token has at least one permission")]
    Empty,
    /// Two levels of the same thing.
    #[error(
        "{0} and {1} name two levels of the same permission; give the higher one, which contains \
         the other"
    )]
    Twice(Permission, Permission),
    /// A repository token that would reach its project.
    #[error("a repository token has no project permission; {0} was asked for")]
    ProjectOnRepository(Permission),
    /// More on the project than on its repositories.
    #[error("the repository permission is at least the project permission; {1} is less than {0}")]
    RepositoryBelowProject(Permission, Permission),
}

/// What a token may do: one of the combinations that Bitbucket Data Center knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permissions {
    project: Option<Level>,
    repository: Level,
}

impl Permissions {
    /// Combines `asked` for a token of an owner of this kind.
    ///
    /// A project permission alone implies the same repository permission.
    ///
    /// # Errors
    /// The rule that the combination breaks.
    pub fn combine(asked: &[Permission], owner: OwnerKind) -> Result<Self, CombinationError> {
        let (mut project, mut repository) = (None, None);
        for &permission in asked {
            let (slot, level, family): (_, _, fn(Level) -> Permission) = match permission {
                Permission::Project(level) => (&mut project, level, Permission::Project),
                Permission::Repository(level) => (&mut repository, level, Permission::Repository),
            };
            match slot.replace(level) {
                Some(before) if before != level => {
                    return Err(CombinationError::Twice(family(before), permission));
                }
                _ => {}
            }
        }
        if let (OwnerKind::Repository, Some(level)) = (owner, project) {
            return Err(CombinationError::ProjectOnRepository(Permission::Project(level)));
        }
        let repository = repository.or(project).ok_or(CombinationError::Empty)?;
        match project {
            Some(project) if repository < project => Err(CombinationError::RepositoryBelowProject(
                Permission::Project(project),
                Permission::Repository(repository),
            )),
            _ => Ok(Self { project, repository }),
        }
    }

    /// The most that an owner of this kind can have.
    #[must_use]
    pub const fn highest(owner: OwnerKind) -> Self {
        let project = match owner {
            OwnerKind::Repository => None,
            OwnerKind::User | OwnerKind::Project => Some(Level::Admin),
        };
        Self { project, repository: Level::Admin }
    }

    /// The permission on the project itself, if there is one.
    #[must_use]
    pub const fn project(self) -> Option<Level> {
        self.project
    }

    /// The permission on repositories.
    #[must_use]
    pub const fn repository(self) -> Level {
        self.repository
    }

    /// Whether they contain `need`.
    #[must_use]
    pub fn contain(self, need: Permission) -> bool {
        match need {
            Permission::Project(level) => self.project >= Some(level),
            Permission::Repository(level) => self.repository >= level,
        }
    }

    /// The permissions one by one, the project's first.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        let project = self.project.map(Permission::Project);
        project.into_iter().chain([Permission::Repository(self.repository)])
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, permission) in self.iter().enumerate() {
            write!(f, "{}{permission}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line: the owner, what is asked for, and what comes of it.
    const COMBINATIONS: &[(OwnerKind, &str, &str)] = &[
        (OwnerKind::User, "REPO_READ", "REPO_READ"),
        (OwnerKind::User, "REPO_WRITE", "REPO_WRITE"),
        (OwnerKind::User, "REPO_ADMIN", "REPO_ADMIN"),
        (OwnerKind::User, "PROJECT_READ", "PROJECT_READ, REPO_READ"),
        (OwnerKind::User, "PROJECT_READ REPO_READ", "PROJECT_READ, REPO_READ"),
        (OwnerKind::User, "PROJECT_READ REPO_ADMIN", "PROJECT_READ, REPO_ADMIN"),
        (OwnerKind::Project, "REPO_WRITE PROJECT_WRITE", "PROJECT_WRITE, REPO_WRITE"),
        (OwnerKind::Project, "PROJECT_ADMIN", "PROJECT_ADMIN, REPO_ADMIN"),
        (OwnerKind::User, "REPO_READ REPO_READ", "REPO_READ"),
        (OwnerKind::User, "", "at least one permission"),
        (OwnerKind::User, "PROJECT_WRITE REPO_READ", "at least the project permission"),
        (OwnerKind::User, "PROJECT_ADMIN REPO_WRITE", "at least the project permission"),
        (OwnerKind::User, "REPO_READ REPO_WRITE", "two levels of the same permission"),
        (OwnerKind::Repository, "PROJECT_READ", "a repository token has no project permission"),
        (OwnerKind::Repository, "PROJECT_READ REPO_READ", "a repository token has no project"),
        (OwnerKind::Repository, "REPO_ADMIN", "REPO_ADMIN"),
    ];

    #[test]
    fn combinations() {
        for (owner, asked, expected) in COMBINATIONS {
            let asked: Result<Vec<Permission>, _> =
                asked.split_whitespace().map(str::parse).collect();
            let outcome = match Permissions::combine(&asked.expect("names"), *owner) {
                Ok(permissions) => permissions.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(outcome.contains(expected), "{outcome:?} instead of {expected:?}");
        }
    }

    #[test]
    fn containment_follows_the_levels() {
        let some = Permissions { project: Some(Level::Read), repository: Level::Write };
        let contained: Vec<_> = Permission::ALL
            .into_iter()
            .filter(|p| some.contain(*p))
            .map(Permission::name)
            .collect();
        assert_eq!(contained, ["PROJECT_READ", "REPO_READ", "REPO_WRITE"]);
    }
}
