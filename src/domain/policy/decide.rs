//! May this principal do this, now, from there?

use super::super::intent::{Action, Confined, Intent, Need, Place, Voice};
use super::super::names::NameCase;
use super::super::permission::{Level, Permission};
use super::super::principal::{Owner, Rights, TokenPrincipal};
use super::super::timestamp::Timestamp;
use super::denial::{Asked, Denial};
use super::permit::{Permit, Traveller};
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
    for need in std::iter::once(need).chain(intent.also.iter().map(|also| also.need)) {
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
    if intent.effects.commits {
        if who.user().is_none() {
            return Err(Denial::NoCommitter { owner: who.owner.to_string() });
        }
        if at.shared_identity {
            return Err(Denial::NobodysCommit);
        }
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
