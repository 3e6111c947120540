//! Names of users, projects and repositories: parsed once, at the door.

mod scope;

pub use scope::ProjectScope;

use super::segments::segments;
use std::fmt;

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

/// The name of a person, as the host behind the proxy knows it. Compared without case.
#[derive(Clone, Debug)]
pub struct UserName(String);

impl UserName {
    /// Longest user name, in characters.
    pub const MAX: usize = 64;

    /// Reads a user name.
    ///
    /// # Errors
    /// When the text has other characters than a user name may have, or is reserved.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if !is_plain(text) {
            return Err(NameError::User);
        }
        let reserved = ["x-token-auth", "x-oauth-basic"];
        if reserved.iter().any(|r| r.eq_ignore_ascii_case(text))
            || super::token::contains_form(text.as_bytes())
        {
            return Err(NameError::ReservedUser(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is this name.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for UserName {}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a group of users. Compared without case.
#[derive(Clone, Debug)]
pub struct GroupName(String);

impl GroupName {
    /// Reads the name of a group.
    ///
    /// # Errors
    /// When the text has other characters than a name may have.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if is_plain(text) { Ok(Self(text.to_owned())) } else { Err(NameError::Group) }
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for GroupName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for GroupName {}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What names of users and of groups have in common.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    starts && text.len() <= UserName::MAX && text.bytes().all(plain)
}

/// The namespace that holds repositories: `team`, `group/sub`, `~alice`, or `-` for repositories
/// that lie in no project at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectPath(String);

impl ProjectPath {
    /// Longest project path, in bytes.
    pub const MAX: usize = 1024;

    /// Reads a project path: one or more segments between slashes.
    ///
    /// # Errors
    /// When a segment is not a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.len() > Self::MAX {
            return Err(NameError::Segment(text.to_owned(), "project", "it is too long"));
        }
        if segments(text).any(str::is_empty) && !text.is_empty() {
            let why = "it has an empty part between its slashes";
            return Err(NameError::Segment(text.to_owned(), "project", why));
        }
        if text != "-" {
            for segment in segments(text) {
                check_segment(segment, "project")?;
                let ending = segment.len().checked_sub(4).and_then(|at| segment.get(at..));
                if ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".git")) {
                    let why = "only a repository's folder ends in .git";
                    return Err(NameError::Segment(segment.to_owned(), "project", why));
                }
            }
            let first = segments(text).next().unwrap_or_default();
            if first == "-" {
                let why = "it stands for repositories outside every project and holds no projects";
                return Err(NameError::Segment(first.to_owned(), "project", why));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The project of repositories that lie in none: `-`.
    #[must_use]
    pub fn root() -> Self {
        Self("-".to_owned())
    }

    /// Whether this is the project of repositories that lie in none.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == "-"
    }

    /// The path, with slashes between its segments.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one repository in its project, without `.git`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepoName(String);

impl RepoName {
    /// Reads the name of a repository.
    ///
    /// # Errors
    /// When it is not a name, or ends in `.git`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check_segment(text, "repository")?;
        if text.to_ascii_lowercase().ends_with(".git") {
            let why = "name it without .git";
            return Err(NameError::Segment(text.to_owned(), "repository", why));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One repository: the project that holds it, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepoPath {
    full: String,
    slash: usize,
}

impl RepoPath {
    /// The repository `name` of `project`.
    #[must_use]
    pub fn new(project: &ProjectPath, name: &RepoName) -> Self {
        Self { full: format!("{project}/{name}"), slash: project.0.len() }
    }

    /// The path of the project that holds it.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.full[..self.slash]
    }

    /// Its name in that project.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.full[self.slash + 1..]
    }

    /// Project and name with a slash between.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.full
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// Holds one segment of a path to what a name may be on every host: printable ASCII that means
/// nothing in a URL, a pattern or a file system.
fn check_segment(text: &str, what: &'static str) -> Result<(), NameError> {
    let fault = if text.is_empty() {
        "it is empty"
    } else if text.len() > 255 {
        "it is longer than 255 bytes"
    } else if text == "." || text == ".." {
        "it means another folder"
    } else if text.starts_with(' ') || text.ends_with([' ', '.']) {
        "it begins with a space or ends in a space or a dot"
    } else if text.bytes().any(|b| !(0x20..0x7f).contains(&b)) {
        "it has characters other than printable ASCII"
    } else if text.bytes().any(is_special) {
        "it has one of / \\ ; % ? # * ! \" < > |"
    } else {
        return Ok(());
    };
    Err(NameError::Segment(text.to_owned(), what, fault))
}

const fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'\\' | b';' | b'%' | b'?' | b'#' | b'*' | b'!' | b'"' | b'<' | b'>' | b'|'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names() {
        for good in ["alice", "Alice.B", "a@example.com", "0x", "ci-bot+1"] {
            assert!(UserName::new(good).is_ok(), "{good}");
        }
        let token_like = format!("latu_{}", "a".repeat(36));
        for bad in ["", "-a", "a b", "a:b", "ä", "X-Token-Auth", "x-oauth-basic", &token_like] {
            assert!(UserName::new(bad).is_err(), "{bad}");
        }
        assert_eq!(UserName::new("Alice"), UserName::new("aLICE"));
    }

    #[test]
    fn project_paths() {
        for good in ["team", "group/sub/deep", "~alice", "-", "a b", ".hidden"] {
            assert!(ProjectPath::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "..", "a/..", "a.", "a ", "a%2Fb", "r.git", "-/x", "a*"]
        {
            assert!(ProjectPath::new(bad).is_err(), "{bad}");
        }
        let whole = "`team/` is no name for a project: it has an empty part between its slashes";
        assert_eq!(ProjectPath::new("team/").map_err(|e| e.to_string()), Err(whole.to_owned()));
    }
}
