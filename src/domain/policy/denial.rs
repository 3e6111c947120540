//! Why a request is refused: the text of the 403, and the line that `explain` prints.

use super::super::intent::{Need, Never, Place};
use super::super::permission::{Level, Permission};
use std::fmt;
use std::net::IpAddr;

/// Why a request is refused. The text is the body of the 403 and the line that `explain` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The token has ended: answered like a token that is not known.
    Expired,
    /// Outside the project or repository that the token belongs to.
    Scope {
        /// What was asked for.
        asked: Asked,
        /// The owner of the token.
        owner: String,
    },
    /// Outside the token's `only`.
    Only {
        /// What was asked for.
        asked: Asked,
        /// The patterns.
        only: Vec<String>,
    },
    /// From an address that is not in the token's `from`.
    From {
        /// The address, if the client has one.
        client: Option<IpAddr>,
    },
    /// The token's permissions do not contain what is needed.
    Permission {
        /// What was asked for.
        asked: Asked,
        /// What the token has.
        have: String,
    },
    /// A push would change a ref that it may not change.
    Refs {
        /// Which, and why.
        text: String,
    },
    /// A rule of the operator's denies it.
    Rule {
        /// What the rule is called.
        name: String,
        /// The operator's reason.
        reason: String,
    },
    /// It is what no token may do.
    Never(Never),
    /// It commits, and the token belongs to no person.
    NoCommitter {
        /// The owner of the token.
        owner: String,
    },
    /// It commits, and the host would be told of no person.
    NobodysCommit,
    /// The identity upstream can reach more than the token may, and what is asked for cannot be held to
    /// the token's scope, or names something outside of it.
    Confined {
        /// What is in the way.
        text: String,
    },
    /// The owner's own right, granted here, does not contain what is needed.
    Grant {
        /// What was asked for.
        asked: Asked,
        /// The owner.
        user: String,
        /// What the owner has there.
        have: Option<Level>,
    },
}

/// A need and where: `REPO_WRITE on team/app`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    need: Need,
    on: String,
}

impl Asked {
    /// What moving something into another project asks for.
    pub(super) fn elsewhere(need: Need) -> Self {
        Self { need, on: "the project that it moves to".to_owned() }
    }

    /// What an intent asks for.
    pub(super) fn of(need: Need, place: &Place) -> Self {
        Self { need, on: place.to_string() }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.need {
            Need::Any => write!(f, "access to {}", self.on),
            need => write!(f, "{need} on {}", self.on),
        }
    }
}

impl Denial {
    /// What the rule of the operator's is called that refused, if one did.
    #[must_use]
    pub fn rule_name(&self) -> Option<&str> {
        match self {
            Self::Rule { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The name of the rule that refused, for records and metrics.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Scope { .. } => "scope",
            Self::Only { .. } => "only",
            Self::From { .. } => "from",
            Self::Permission { .. } => "permission",
            Self::Refs { .. } => "refs",
            Self::Rule { .. } => "rule",
            Self::Never(_) => "never",
            Self::NoCommitter { .. } | Self::NobodysCommit => "committer",
            Self::Confined { .. } => "confined",
            Self::Grant { .. } => "grant",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the token has expired"),
            Self::Scope { asked, owner } => {
                write!(
                    f,
                    "this needs {asked}; the token belongs to {owner} and reaches nothing else"
                )
            }
            Self::Only { asked, only } => {
                write!(f, "this needs {asked}; the token is limited to {}", only.join(" "))
            }
            Self::From { client: Some(client) } => {
                write!(f, "the token may not be used from {client}")
            }
            Self::From { client: None } => f.write_str(
                "the token may be used from some addresses only, and this client shows none",
            ),
            Self::Permission { asked, have } => {
                write!(f, "this needs {asked}; the token has {have}")
            }
            Self::Refs { text } | Self::Confined { text } => f.write_str(text),
            Self::Rule { reason, .. } => f.write_str(reason),
            Self::Never(never) => f.write_str(never.reason()),
            Self::NobodysCommit => f.write_str(
                "this makes a commit, and the host is told of no person who could be its committer \
                 (identity mode \"fixed\" or \"none\"): commit with git and push",
            ),
            Self::NoCommitter { owner } => {
                write!(
                    f,
                    "this makes a commit, and the token belongs to {owner}, which is no person: use a user's token"
                )
            }
            Self::Grant { asked, user, have: Some(level) } => {
                let have = Permission::Repository(*level);
                write!(f, "this needs {asked}; the token's owner {user} has {have} there")
            }
            Self::Grant { asked, user, have: None } => {
                write!(f, "this needs {asked}; the token's owner {user} has no rights there")
            }
        }
    }
}
