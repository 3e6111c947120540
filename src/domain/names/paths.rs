//! Names of projects and repositories, and the paths that they make.

use super::super::segments::segments;
use super::NameError;
use std::fmt;

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
                if ends_in_git(segment) {
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
        if ends_in_git(text) {
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
        let slash = project.0.len();
        let mut full = String::with_capacity(slash + 1 + name.0.len());
        full.push_str(&project.0);
        full.push('/');
        full.push_str(&name.0);
        Self { full, slash }
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
    } else if let Some(odd) = text.bytes().find(|b| !(0x20..0x7f).contains(b) || is_special(*b)) {
        if is_special(odd) {
            "it has one of / \\ ; % ? # * ! \" < > |"
        } else {
            "it has characters other than printable ASCII"
        }
    } else {
        return Ok(());
    };
    Err(NameError::Segment(text.to_owned(), what, fault))
}

fn ends_in_git(name: &str) -> bool {
    let ending = name.len().checked_sub(4).and_then(|at| name.get(at..));
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".git"))
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
