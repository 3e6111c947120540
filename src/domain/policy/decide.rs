//! May this principal do this, now, from there?

use super::super::intent::{Action, Confined, Intent, Need, Never, Place, Voice};
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
            Self::NoCommitter { .. } => "committer",
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

const READ: Need = Need::Permission(Permission::Repository(Level::Read));
const FORK: Permission = Permission::Project(Level::Admin);

/// Decides about a token's request.
///
/// # Errors
/// The first rule that refuses it: expiry, address, what no token may do, the owner's scope, `only`, the
/// token's permissions, the owner's grants; then what is made of refs, of commits, and of a request whose
/// identity can reach more than its token may. What such a request names in its query and body is judged
/// when that has come ([`super::confined`]).
pub fn decide(who: &TokenPrincipal, intent: &Intent, at: Circumstances) -> Result<Permit, Denial> {
    admit(who, at)?;
    // Of a fork the token has the permission; where its owner needs the right is the project that the body
    // names.
    let fork = intent.action == Action::Fork && who.permissions.contain(FORK);
    let need = if fork { READ } else { intent.need };
    for need in std::iter::once(need).chain(intent.also.iter().copied()) {
        permitted(who, need, &intent.place, at)?;
    }
    let rules = &who.limits.refs;
    if intent.effects.refs && !rules.is_empty() {
        let rules = rules.describe().join(", ");
        let text = format!(
            "this writes refs past Git, and the token is held to rules about refs ({rules}): push instead"
        );
        return Err(Denial::Refs { text });
    }
    if intent.effects.commits && who.user().is_none() {
        return Err(Denial::NoCommitter { owner: who.owner.to_string() });
    }
    let confined = confined(who, at);
    if let (true, Confined::Refuse(what)) = (confined, intent.confined) {
        let text = format!("{what}, which cannot be held to what this token may reach");
        return Err(Denial::Confined { text });
    }
    Ok(Permit::new(traveller(who, intent), intent.place.clone(), intent.writes(), confined))
}

/// Whether the identity that a token's requests travel under can reach more than the token may.
fn confined(who: &TokenPrincipal, at: Circumstances) -> bool {
    at.shared_identity
        || who.user().is_none()
        || !who.limits.only.is_empty()
        || who.rights != Rights::Host
}

/// Whether the token may have this need met at this place, as far as its scope, its permissions and its
/// owner's grants go.
pub(super) fn permitted(
    who: &TokenPrincipal,
    need: Need,
    place: &Place,
    at: Circumstances,
) -> Result<(), Denial> {
    if let Need::Never(never) = need {
        return Err(Denial::Never(never));
    }
    let asked = || Asked::of(need, place);
    let only = &who.limits.only;
    let (reached, within) = match place {
        Place::Host => (true, true),
        Place::Project(path) => {
            let project = path.as_str();
            let own = matches!((&who.owner, need), (Owner::Repository(own), Need::Any)
                if at.case.equal(own.project(), project));
            (
                own || who.owner.reaches_project(project, at.case),
                only.admit_project(project, at.case),
            )
        }
        Place::Repository(path) => (who.owner.reaches(path, at.case), only.admit(path, at.case)),
    };
    if !reached {
        return Err(Denial::Scope { asked: asked(), owner: who.owner.to_string() });
    }
    if !within {
        return Err(Denial::Only { asked: asked(), only: only.texts() });
    }
    if let Need::Permission(permission) = need
        && !who.permissions.contain(permission)
    {
        return Err(Denial::Permission { asked: asked(), have: who.permissions.to_string() });
    }
    granted(who, need, place, at).map_err(|have| {
        let user = who.user().map(ToString::to_string).unwrap_or_default();
        Denial::Grant { asked: asked(), user, have }
    })
}

/// Decides about a request without any credential, where anonymous reads are allowed: reads of Git pass,
/// and the host, told of nobody, shows what is public. `None` asks for a credential.
#[must_use]
pub fn decide_anonymous(intent: &Intent) -> Option<Permit> {
    let git = intent.voice == Voice::Git && intent.place.repository().is_some();
    let read = git && intent.need == READ && intent.also.is_empty();
    read.then(|| Permit::new(Traveller::Nobody, intent.place.clone(), false, true))
}

/// Holds the need against the owner's own rights; the level there is when they do not suffice.
fn granted(
    who: &TokenPrincipal,
    need: Need,
    place: &Place,
    at: Circumstances,
) -> Result<(), Option<Level>> {
    if who.rights == Rights::Host {
        return Ok(());
    }
    let have = match place {
        // What is of no project in particular has no grants; a row says whether it passes at all.
        Place::Host => return Ok(()),
        Place::Repository(path) if matches!(need, Need::Permission(Permission::Project(_))) => {
            who.rights.on_project(path.project(), at.case)
        }
        Place::Repository(path) => who.rights.on_repository(path, at.case),
        Place::Project(path) if need == Need::Any => {
            let any = who.rights.any_in_project(path.as_str(), at.case);
            return if any { Ok(()) } else { Err(None) };
        }
        Place::Project(path) => who.rights.on_project(path.as_str(), at.case),
    };
    if have >= need.level() { Ok(()) } else { Err(have) }
}

fn traveller(who: &TokenPrincipal, intent: &Intent) -> Traveller {
    match &who.owner {
        Owner::User(name) => Traveller::User(name.clone()),
        Owner::Project(scope) => {
            let project = intent.place.project().map_or_else(|| scope.to_string(), str::to_owned);
            Traveller::Service { project, repository: None }
        }
        Owner::Repository(path) => Traveller::Service {
            project: path.project().to_owned(),
            repository: Some(path.name().to_owned()),
        },
    }
}
