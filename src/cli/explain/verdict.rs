//! The verdict on a request, with everything that it follows from.

use super::request::Request;
use crate::domain::dialect::{Classified, Kind, Unclear};
use crate::domain::intent::Intent;
use crate::domain::policy::{Circumstances, Denial, decide};
use crate::domain::principal::{Rights, TokenPrincipal};
use crate::domain::token::TokenId;

/// The number of the token that nobody has; the store counts from 1.
pub(super) const HYPOTHETICAL: TokenId = TokenId(0);

/// What would become of a request, and why. What could not be found out is null.
#[derive(Debug, serde::Serialize)]
pub(super) struct Explanation {
    request: String,
    rule: Option<&'static str>,
    note: Option<&'static str>,
    action: Option<&'static str>,
    repository: Option<String>,
    need: Option<&'static str>,
    have: String,
    verdict: &'static str,
    /// The status of gitlatch's own answer; null when the request goes on to the host.
    status: Option<u16>,
    why: String,
}

/// Classifies the request and decides about it.
pub(super) fn explain(
    kind: Kind,
    prefix: &str,
    request: Request<'_>,
    who: &TokenPrincipal,
    at: Circumstances,
) -> Explanation {
    let base = Explanation {
        request: request.shown(),
        rule: None,
        note: None,
        action: None,
        repository: None,
        need: None,
        have: have(who),
        verdict: "refused",
        status: None,
        why: String::new(),
    };
    let refused = |base, status, why| Explanation { status: Some(status), why, ..base };
    match kind.classify(prefix, request.line()) {
        Ok(Classified::Known(intent)) => decided(base, kind, &intent, who, at),
        Ok(Classified::Unknown) => refused(base, 403, unknown(kind, prefix, request)),
        Ok(Classified::Own) => {
            let why =
                "this path is gitlatch's own: it is never forwarded, and no token manages tokens";
            refused(base, 403, why.to_owned())
        }
        Err(error @ Unclear::Path(_)) => refused(base, 400, error.to_string()),
        Err(error @ Unclear::Method { .. }) => refused(base, 405, error.to_string()),
    }
}

fn unknown(kind: Kind, prefix: &str, request: Request<'_>) -> String {
    let local = request.line().path.strip_prefix(prefix);
    if local.is_some_and(|local| local.starts_with('/')) {
        format!("`gitlatch rules --kind {}` has no such request", kind.name())
    } else {
        format!("the path is not below `{prefix}/`, the prefix of public_url")
    }
}

fn decided(
    base: Explanation,
    kind: Kind,
    intent: &Intent,
    who: &TokenPrincipal,
    at: Circumstances,
) -> Explanation {
    let (verdict, status, why) = match decide(who, intent, at) {
        Ok(_) => ("allowed", None, reason(who, intent)),
        // An expired token is answered like one that is not known.
        Err(denial @ Denial::Expired) => ("refused", Some(401), denial.to_string()),
        Err(denial) => ("refused", Some(403), denial.to_string()),
    };
    Explanation {
        rule: Some(intent.rule),
        note: kind.rows().iter().find(|row| row.name == intent.rule).map(|row| row.note),
        action: Some(intent.action.name()),
        repository: Some(intent.repository.to_string()),
        need: Some(intent.need.name()),
        verdict,
        status,
        why,
        ..base
    }
}

/// Why it is allowed.
fn reason(who: &TokenPrincipal, intent: &Intent) -> String {
    let (need, owner) = (intent.need, &who.owner);
    if who.id == HYPOTHETICAL {
        return format!("the permissions contain {need}; the rights of an owner are not looked at");
    }
    match (&who.rights, who.user()) {
        (Rights::Grants(_), Some(_)) => {
            format!("the token's permissions and the grants of {owner} contain {need}")
        }
        (Rights::Host, Some(_)) => {
            format!(
                "the token's permissions contain {need}; whether {owner} may is for the host to say"
            )
        }
        (_, None) => format!("the token's permissions contain {need}, and {owner} reaches there"),
    }
}

/// What the token has.
fn have(who: &TokenPrincipal) -> String {
    match who.id {
        HYPOTHETICAL => who.permissions.to_string(),
        id => format!("{} (token {id} `{}` of {})", who.permissions, who.name, who.owner),
    }
}

impl Explanation {
    /// Whether the request would go on to the host.
    pub(super) fn allowed(&self) -> bool {
        self.status.is_none()
    }

    /// The lines for people.
    pub(super) fn fields(&self) -> [(&'static str, String); 9] {
        let text = |value: Option<&'static str>| value.unwrap_or_default().to_owned();
        let verdict = match self.status {
            None => self.verdict.to_owned(),
            Some(status) => format!("{} ({status})", self.verdict),
        };
        [
            ("request", self.request.clone()),
            ("rule", text(self.rule)),
            ("note", text(self.note)),
            ("action", text(self.action)),
            ("repository", self.repository.clone().unwrap_or_default()),
            ("need", text(self.need)),
            ("have", self.have.clone()),
            ("verdict", verdict),
            ("why", self.why.clone()),
        ]
    }
}
