//! May this principal do this, now, from there?

use super::super::intent::Intent;
use super::super::names::NameCase;
use super::super::permission::{Level, Permission};
use super::super::principal::{Owner, Rights, TokenPrincipal};
use super::super::timestamp::Timestamp;
use super::permit::{Permit, Traveller};
use std::fmt;
use std::net::IpAddr;

/// What a verdict depends on besides who asks for what.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The time of the verdict.
    pub now: Timestamp,
    /// The address of the client; `None` behind a Unix socket.
    pub client: Option<IpAddr>,
    /// How the host compares names.
    pub case: NameCase,
    /// Whether the identity is one for all (`fixed`, `none`), so that the host cannot confine anybody.
    pub shared_identity: bool,
}

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
    need: Permission,
    on: String,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.need, self.on)
    }
}

impl Denial {
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
            Self::Refs { text } => f.write_str(text),
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

/// Decides whether the token may be used at all, now and from there.
///
/// # Errors
/// When it has expired, or the address is not in its `from`.
pub fn admit(who: &TokenPrincipal, at: Circumstances) -> Result<(), Denial> {
    if who.expires.is_some_and(|end| end <= at.now) {
        return Err(Denial::Expired);
    }
    if !who.limits.admit(at.client) {
        return Err(Denial::From { client: at.client });
    }
    Ok(())
}

/// Decides about a token's request.
///
/// # Errors
/// The first rule that refuses it: expiry, address, the owner's scope, `only`, the token's
/// permissions, the owner's grants.
pub fn decide(who: &TokenPrincipal, intent: &Intent, at: Circumstances) -> Result<Permit, Denial> {
    admit(who, at)?;
    let repository = &intent.repository;
    let asked = || Asked { need: intent.need, on: repository.to_string() };
    if !who.owner.reaches(repository, at.case) {
        return Err(Denial::Scope { asked: asked(), owner: who.owner.to_string() });
    }
    if !who.limits.only.admit(repository, at.case) {
        return Err(Denial::Only { asked: asked(), only: who.limits.only.texts() });
    }
    if !who.permissions.contain(intent.need) {
        return Err(Denial::Permission { asked: asked(), have: who.permissions.to_string() });
    }
    granted(who, intent, at).map_err(|have| {
        let user = who.user().map(ToString::to_string).unwrap_or_default();
        Denial::Grant { asked: asked(), user, have }
    })?;
    let person = matches!(who.owner, Owner::User(_));
    let confined = at.shared_identity || !person || !who.limits.only.is_empty();
    Ok(Permit::new(traveller(who, intent), repository.clone(), intent.writes(), confined))
}

/// Decides about a request without any credential, where anonymous reads are allowed: reads pass,
/// and the host, told of nobody, shows what is public. `None` asks for a credential.
#[must_use]
pub fn decide_anonymous(intent: &Intent) -> Option<Permit> {
    let read = intent.need == Permission::Repository(Level::Read);
    read.then(|| Permit::new(Traveller::Nobody, intent.repository.clone(), false, true))
}

/// Holds the need against the owner's own rights; the level there is when they do not suffice.
fn granted(who: &TokenPrincipal, intent: &Intent, at: Circumstances) -> Result<(), Option<Level>> {
    if who.rights == Rights::Host {
        return Ok(());
    }
    let have = who.rights.on_repository(&intent.repository, at.case);
    let (Permission::Repository(need) | Permission::Project(need)) = intent.need;
    if have >= Some(need) { Ok(()) } else { Err(have) }
}

fn traveller(who: &TokenPrincipal, intent: &Intent) -> Traveller {
    match &who.owner {
        Owner::User(name) => Traveller::User(name.clone()),
        Owner::Project(_) => {
            Traveller::Service { project: intent.repository.project().to_owned(), repository: None }
        }
        Owner::Repository(path) => Traveller::Service {
            project: path.project().to_owned(),
            repository: Some(path.name().to_owned()),
        },
    }
}
