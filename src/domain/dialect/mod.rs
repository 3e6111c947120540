//! Dialects: the tables that turn one kind of host's requests into intents.
//!
//! A dialect knows a host's paths and nothing else. What it does not know is refused for tokens.

mod bitbucket;
mod entry;
pub mod git;
pub mod lfs;
pub mod path;
mod query;
pub mod rule;
mod table;

pub use entry::Entry;
pub use path::PathFault;
pub use table::{Row, Tail};

use super::intent::{Intent, Need, Voice};
use super::names::NameCase;
use super::permission::{Level, Permission};

const READ: Need = Need::Permission(Permission::Repository(Level::Read));
const WRITE: Need = Need::Permission(Permission::Repository(Level::Write));

/// The first line of a request, as it came.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// The method, in the case it was sent in.
    pub method: &'a str,
    /// The raw path, percent escapes and all, with the prefix in front.
    pub path: &'a str,
    /// The raw query, if there was a `?`.
    pub query: Option<&'a str>,
}

/// What a dialect makes of a request that can be read.
#[derive(Debug)]
pub enum Classified {
    /// It is in the table.
    Known(Box<Intent>),
    /// It is not: refused for tokens.
    Unknown,
    /// One of gitlatch's own paths (`/-/gitlatch/`, `/rest/access-tokens/`): never the host's.
    Own,
}

/// Why a request is refused whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// The path or the query can be read in more than one way, or in none (400).
    #[error("{0}")]
    Path(#[from] PathFault),
    /// The path is known, this method on it is not (405).
    #[error("this path has no such method; it has {allow}")]
    Method {
        /// The methods there are, as the `Allow` header lists them.
        allow: &'static str,
    },
}

/// Why a request that can be read is served to no token. The text is the body of the answer, and the
/// line that `explain` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// The dialect does not know it (403).
    #[error(
        "kind = \"{}\" knows no such path; a repository's URL is …{}/PROJECT/REPOSITORY.git{}",
        .0.name(),
        .0.git_prefix(),
        .0.hint()
    )]
    Unknown(Kind),
    /// The dialect does not know what it is of the host's REST interface (403).
    #[error(
        "gitlatch does not know this operation, so no token may use it; `gitlatch rules` lists what it \
         knows, and an operator can open more with a [[rule]]"
    )]
    Operation,
    /// The path is gitlatch's own, and nobody manages tokens with a token (403).
    #[error("tokens are not managed with a token")]
    Own,
    /// Git LFS in front of a folder of repositories, for which no server of it is configured (501).
    #[error(
        "Git LFS is not served here: git brings no LFS server for `repositories`; an operator names one \
         with `lfs_url` in [upstream]"
    )]
    Lfs,
}

/// The kinds of hosts, by the name of `upstream.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bitbucket Data Center: its Git paths and its REST API.
    Bitbucket,
    /// Git paths and nothing else: any Git smart-HTTP host, or a folder of repositories.
    Git,
}

impl Kind {
    /// Every kind that this release serves.
    pub const ALL: [Self; 2] = [Self::Bitbucket, Self::Git];

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitbucket => "bitbucket",
            Self::Git => "git",
        }
    }

    /// How this kind of host compares names.
    #[must_use]
    pub const fn case(self) -> NameCase {
        match self {
            Self::Bitbucket => NameCase::Ignore,
            Self::Git => NameCase::Exact,
        }
    }

    /// The path, below that of `url`, where this kind of host answers 2xx to a right Basic credential and
    /// 401 to a wrong one; `None` where hosts of this kind have no such path in common.
    ///
    /// Of Bitbucket it is the list of users: every user with a licence may read it, whatever their
    /// permissions, and nobody else may, not even where projects are public. Pages that are open to
    /// everybody, such as `application-properties`, would call any password right once the host stopped
    /// looking at passwords.
    #[must_use]
    pub const fn password_path(self) -> Option<&'static str> {
        match self {
            Self::Bitbucket => Some("/rest/api/latest/users"),
            Self::Git => None,
        }
    }

    /// What else to look at where a path is not known.
    const fn hint(self) -> &'static str {
        match self {
            Self::Bitbucket => {
                ", and what is known of REST is listed by gitlatch rules; an operator can open a plug-in's path \
                 with [[rule]]"
            }
            Self::Git => "",
        }
    }

    /// What stands in front of a repository's path on hosts of this kind.
    const fn git_prefix(self) -> &'static str {
        match self {
            Self::Bitbucket => "/scm",
            Self::Git => "",
        }
    }

    /// The table, for people and for tests.
    #[must_use]
    pub fn entries(self) -> Vec<Entry> {
        match self {
            Self::Bitbucket => bitbucket::entries(),
            Self::Git => git::TABLE.iter().map(|row| Entry::of_git(row, "")).collect(),
        }
    }

    /// Whether some host might take a path, behind the prefix, for one that the table has: in another
    /// spelling, or with other names and numbers than the table's hosts are known to have.
    #[must_use]
    pub fn resembles(self, path: &str) -> bool {
        match self {
            Self::Bitbucket => bitbucket::resembles(path),
            // It serves Git and nothing else, so that nothing is opened there.
            Self::Git => true,
        }
    }

    /// Understands a request. `prefix` is the path of `public_url`, without a slash at its end.
    ///
    /// # Errors
    /// When no reading of it, or more than one, is possible; or when the path lacks the method.
    pub fn classify(self, prefix: &str, line: RequestLine<'_>) -> Result<Classified, Unclear> {
        path::check(line.path)?;
        if let Some(query) = line.query {
            path::check_query(query)?;
        }
        // Also where the prefix is spelled otherwise: a host may take that for the same.
        if is_own(prefix, line.path) {
            return Ok(Classified::Own);
        }
        let Some(local) = line.path.strip_prefix(prefix).filter(|rest| rest.starts_with('/'))
        else {
            return Ok(Classified::Unknown);
        };
        let line = RequestLine { path: local, ..line };
        match self {
            Self::Bitbucket => bitbucket::classify(line),
            Self::Git => git::classify(line),
        }
    }

    /// The voice for a path, known or not, understood or not. `prefix` is the path of `public_url`,
    /// without a slash at its end; it may stand in front.
    #[must_use]
    pub fn voice(self, prefix: &str, path: &str) -> Voice {
        let decoded = path::decode(path);
        if is_below(prefix, &decoded, MANAGEMENT) || is_below("", &decoded, MANAGEMENT) {
            return Voice::Rest;
        }
        match self {
            Self::Bitbucket => bitbucket::voice(strip_prefix(prefix, path)),
            Self::Git if lfs::speaks(path) => Voice::Lfs,
            Self::Git => Voice::Git,
        }
    }

    /// What is said of a path that is unknown.
    #[must_use]
    pub fn unknown(self, prefix: &str, path: &str) -> Unserved {
        match self.voice(prefix, path) {
            Voice::Rest => Unserved::Operation,
            Voice::Git | Voice::Lfs => Unserved::Unknown(self),
        }
    }
}

/// Where tokens are managed over HTTP.
const MANAGEMENT: &str = "/rest/access-tokens";

/// Whether the path, in any spelling, is one of gitlatch's own.
fn is_own(prefix: &str, path: &str) -> bool {
    let decoded = path::decode(path);
    ["/-/gitlatch", MANAGEMENT].into_iter().any(|own| is_below(prefix, &decoded, own))
}

/// Whether the decoded path is, in any case, this one of gitlatch's own below the prefix, or below that.
fn is_below(prefix: &str, decoded: &str, own: &str) -> bool {
    let rest = strip(decoded.as_bytes(), prefix).and_then(|rest| strip(rest, own));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// The path below the prefix, where it stands in front.
fn strip_prefix<'a>(prefix: &str, path: &'a str) -> &'a str {
    path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// What follows after `start`, in any case.
fn strip<'a>(path: &'a [u8], start: &str) -> Option<&'a [u8]> {
    let (head, rest) = path.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start.as_bytes()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_spoken_to_in_its_own_language() {
        let cases = [
            ("", "/team/app.git/info/refs", Voice::Git),
            ("", "/team/app.git/info/lfs/objects/batch", Voice::Lfs),
            ("", "/team/app.git/gitlab-lfs/objects/x", Voice::Lfs),
            ("", "/-/gitlatch/", Voice::Git),
            ("", "/rest/access-tokens", Voice::Rest),
            ("", "/rest/access-tokens/latest/users/alice", Voice::Rest),
            ("", "/REST/access%2Dtokens/1.0/projects/P", Voice::Rest),
            ("", "/rest%2Faccess-tokens/..", Voice::Rest),
            ("", "/a/rest/access-tokens/r.git/info/refs", Voice::Git),
            ("/git", "/git/rest/access-tokens/latest/self", Voice::Rest),
            ("/git", "/rest/access-tokens/latest/self", Voice::Rest),
            ("/git", "/other/rest/access-tokens", Voice::Git),
            ("/git", "/G%69t/rest/access-tokens", Voice::Rest),
            ("", "*", Voice::Git),
        ];
        for kind in Kind::ALL {
            for (prefix, path, expected) in cases {
                assert_eq!(kind.voice(prefix, path), expected, "{prefix} {path}");
            }
        }
        let cases = [
            ("", "/rest/access-tokens-of-mine.git/info/refs", Voice::Git, Voice::Rest),
            ("", "/rest/api/latest/projects", Voice::Git, Voice::Rest),
            ("/git", "/git/REST/api", Voice::Git, Voice::Rest),
            ("", "/scm/p/r.git/info/lfs/objects/batch", Voice::Lfs, Voice::Lfs),
            ("", "/projects/P/repos/r/browse", Voice::Git, Voice::Git),
        ];
        for (prefix, path, git, bitbucket) in cases {
            assert_eq!(Kind::Git.voice(prefix, path), git, "{prefix} {path}");
            assert_eq!(Kind::Bitbucket.voice(prefix, path), bitbucket, "{prefix} {path}");
        }
    }
}
