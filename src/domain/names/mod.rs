//! Names of users, projects and repositories: parsed once, at the door.

mod paths;
mod people;
mod scope;

pub use paths::{ProjectPath, RepoName, RepoPath};
pub use people::{GroupName, UserName};
pub use scope::ProjectScope;

/// Whether a host takes `Team` and `team` for the same name.
///
/// Bitbucket, Gitea, GitLab and GitHub do; a folder of repositories does not. Prohibitions ignore
/// case everywhere, whatever the host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCase {
    /// Names are equal when their bytes are.
    Exact,
    /// Names are equal when they differ in the case of ASCII letters only.
    Ignore,
}

impl NameCase {
    /// Compares two names.
    #[must_use]
    pub fn equal(self, a: &str, b: &str) -> bool {
        match self {
            Self::Exact => a == b,
            Self::Ignore => a.eq_ignore_ascii_case(b),
        }
    }
}

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A user name of other characters, or too long.
    #[error("a user name is 1 to 64 of A-Z a-z 0-9 . _ @ + - and begins with a letter or a digit")]
    User,
    /// A group's name of other characters, or too long.
    #[error(
        "a group's name is 1 to 64 of A-Z a-z 0-9 . _ @ + - and begins with a letter or a digit"
    )]
    Group,
    /// A user name that means something else in a credential.
    #[error("the user name `{0}` is reserved: it stands for a token in a Basic credential")]
    ReservedUser(String),
    /// A part of a path that no name may be.
    #[error("`{0}` is no name for a {1}: {2}")]
    Segment(String, &'static str, &'static str),
}
