//! The verdict on a request, with everything that it follows from.

use super::request::Request;
use crate::domain::dialect::rule::{self, Rule};
use crate::domain::dialect::{Classified, Kind, Unclear, Unserved, path};
use crate::domain::intent::{Action, Intent, Need, Place, Voice};
use crate::domain::policy::protection::Protection;
use crate::domain::policy::refs;
use crate::domain::policy::{Circumstances, Denial, Permit, admit, confined, decide, judge_upload};
use crate::domain::principal::{Rights, TokenPrincipal};
use crate::domain::token::TokenId;
use crate::manage::api::{ROOT, VERSIONS};
use std::borrow::Cow;

/// The number of the token that nobody has; the store counts from 1.
pub(super) const HYPOTHETICAL: TokenId = TokenId(0);

/// Whose request it is.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) token: TokenPrincipal,
    /// In mode `stored`: the host has no credential for the token's owner.
    pub(super) unknown_to_host: bool,
    /// Why the token is not honoured at all, if it is not: answered like one that is not known.
    pub(super) dishonoured: Option<String>,
}

impl Asker {
    /// One whose token is honoured.
    pub(super) fn of(token: TokenPrincipal) -> Self {
        Self { token, unknown_to_host: false, dishonoured: None }
    }
}

/// What a request is judged by besides its token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Law<'a> {
    /// The dialect of the host.
    pub(super) kind: Kind,
    /// The path prefix of the public URL.
    pub(super) prefix: &'a str,
    /// The operator's own rules.
    pub(super) own: &'a [Rule],
    /// The refs that the operator protects.
    pub(super) protections: &'a [Protection],
    /// Whether what lies behind serves LFS.
    pub(super) serves_lfs: bool,
}

/// What would become of a request, and why. What could not be found out is null.
#[derive(Debug, serde::Serialize)]
pub(super) struct Explanation {
    request: String,
    rule: Option<Cow<'static, str>>,
    note: Option<Cow<'static, str>>,
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    repository: Option<String>,
    need: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    have: String,
    verdict: &'static str,
    /// The status of gitlatch's own answer; null when the request goes on to the host.
    status: Option<u16>,
    why: String,
}

/// Classifies the request and decides about it, in the order of the gate.
pub(super) fn explain(
    law: Law<'_>,
    request: Request<'_>,
    who: &Asker,
    at: Circumstances,
) -> Explanation {
    let Law { kind, prefix, own, .. } = law;
    let base = Explanation::blank(request, &who.token);
    let line = request.line();
    let what = match rule::classify(own, kind, prefix, line) {
        Ok(what) => what,
        Err(error @ Unclear::Path(_)) => return base.refused(400, &error),
        Err(error @ Unclear::Method { .. }) => return base.refused(405, &error),
    };
    let base = match &what {
        Classified::Known(intent) => base.about(law, intent),
        Classified::Unknown => Explanation { note: Some(hint(kind, prefix, request)), ..base },
        Classified::Own => base,
    };
    if let Some(why) = &who.dishonoured {
        return base.refused(401, why);
    }
    if let Err(denial) = admit(&who.token, at) {
        return base.denied(&denial);
    }
    let local = line.path.get(prefix.len()..).unwrap_or(line.path);
    if !matches!(what, Classified::Own)
        && let Err(denial) = rule::refuse_denied(own, line.method, local)
    {
        let name = denial.rule_name().map(|name| name.to_owned().into());
        return Explanation { rule: name, ..base }.denied(&denial);
    }
    if let Some(Err(fault)) = line.query.map(path::check_token_query)
        && matches!(what, Classified::Known(_))
    {
        return base.refused(400, &fault);
    }
    match what {
        Classified::Unknown => base.refused(403, &kind.unknown(prefix, line.path)),
        Classified::Own if asks_itself(prefix, request) => {
            let why = "a token may look at itself and revoke itself".to_owned();
            Explanation { verdict: "allowed", why, ..base }
        }
        Classified::Own => base.refused(403, &Unserved::Own),
        Classified::Known(intent) => match judged(law, &who.token, &intent, line.query, at) {
            Err(denial) => base.denied(&denial),
            Ok(_) if who.unknown_to_host => {
                let owner = &who.token.owner;
                let why = format!(
                    "no credential for the host is stored for {owner}; see gitlatch identity set --help"
                );
                base.refused(403, &why)
            }
            Ok(_) if intent.voice == Voice::Lfs && !law.serves_lfs => {
                base.refused(501, &Unserved::Lfs)
            }
            Ok(permit) => {
                let why = reason(&who.token, &intent, permit.confined());
                Explanation { verdict: "allowed", why, ..base }
            }
        },
    }
}

/// The verdict, as far as it does not depend on the body.
fn judged(
    law: Law<'_>,
    who: &TokenPrincipal,
    intent: &Intent,
    query: Option<&str>,
    at: Circumstances,
) -> Result<Permit, Denial> {
    let permit = decide(who, intent, at)?;
    if let Place::Repository(path) = &intent.place
        && intent.effects.refs
    {
        refs::past_git(who, path, law.protections)?;
    }
    if let (Action::LfsUpload, Place::Repository(path)) = (intent.action, &intent.place) {
        // Without a ticket nothing says which ref the object is for.
        judge_upload(who, path, None, law.protections)?;
    }
    if permit.confined() {
        confined::judge_query(who, intent, query, at)?;
    }
    Ok(permit)
}

/// Where to look when the dialect does not know a path.
fn hint(kind: Kind, prefix: &str, request: Request<'_>) -> Cow<'static, str> {
    let local = request.line().path.strip_prefix(prefix);
    if local.is_some_and(|local| local.starts_with('/')) {
        format!("`gitlatch rules --kind {}` lists what is known", kind.name()).into()
    } else {
        format!("the path is not below `{prefix}/`, the path of the configured URL").into()
    }
}

/// Whether it is what a token may ask gitlatch itself: about itself.
fn asks_itself(prefix: &str, request: Request<'_>) -> bool {
    let local = request.line().path.strip_prefix(prefix).and_then(|path| path.strip_prefix(ROOT));
    let mine = |version| local.is_some_and(|path| path == format!("/{version}/self"));
    VERSIONS.into_iter().any(mine) && matches!(request.line().method, "GET" | "HEAD" | "DELETE")
}

/// Why it is allowed, and what is looked at besides once it comes.
fn reason(who: &TokenPrincipal, intent: &Intent, confined: bool) -> String {
    let rules = &who.limits.refs;
    let base = allowance(who, intent);
    if intent.action == Action::Push && !rules.is_empty() {
        return format!(
            "{base}; its refs are judged when they come: {}",
            rules.describe().join(", ")
        );
    }
    if intent.action == Action::LfsBatch {
        return format!("{base}; an upload, as its body says, needs REPO_WRITE");
    }
    let fields: Vec<&str> = confined::in_the_body(intent).filter(|_| confined).collect();
    if !fields.is_empty() {
        let fields = fields.join(", ");
        return format!("{base}; what its body names is judged when it comes: {fields}");
    }
    base
}

fn allowance(who: &TokenPrincipal, intent: &Intent) -> String {
    let (need, owner) = (intent.need, &who.owner);
    if need == Need::Any {
        return "any token may that reaches there".to_owned();
    }
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
    /// Of which nothing is known yet but who asks for what.
    fn blank(request: Request<'_>, who: &TokenPrincipal) -> Self {
        Self {
            request: request.shown(),
            rule: None,
            note: None,
            action: None,
            project: None,
            repository: None,
            need: None,
            also: Vec::new(),
            have: have(who),
            verdict: "refused",
            status: None,
            why: String::new(),
        }
    }

    /// With what is known about what is asked for.
    fn about(self, law: Law<'_>, intent: &Intent) -> Self {
        let row = law.kind.entries().into_iter().find(|row| row.name == intent.rule);
        Self {
            rule: Some(intent.rule.clone()),
            note: row.map(|row| row.note.into()),
            action: Some(intent.action.name()),
            project: match &intent.place {
                Place::Project(path) => Some(path.to_string()),
                Place::Host | Place::Repository(_) => None,
            },
            repository: intent.place.repository().map(ToString::to_string),
            need: Some(intent.need.name()),
            also: intent
                .also
                .iter()
                .map(|also| format!("{} by {}", also.need, also.rule))
                .collect(),
            ..self
        }
    }

    fn refused(self, status: u16, why: &impl ToString) -> Self {
        Self { status: Some(status), why: why.to_string(), ..self }
    }

    fn denied(self, denial: &Denial) -> Self {
        // An expired token is answered like one that is not known.
        self.refused(if *denial == Denial::Expired { 401 } else { 403 }, denial)
    }

    /// Whether the request would go on to the host.
    pub(super) fn allowed(&self) -> bool {
        self.status.is_none()
    }

    /// The lines for people.
    pub(super) fn fields(&self) -> [(&'static str, String); 11] {
        let text = |value: Option<&'static str>| value.unwrap_or_default().to_owned();
        let verdict = match self.status {
            None => self.verdict.to_owned(),
            Some(status) => format!("{} ({status})", self.verdict),
        };
        [
            ("request", self.request.clone()),
            ("rule", self.rule.as_deref().unwrap_or_default().to_owned()),
            ("note", self.note.as_deref().unwrap_or_default().to_owned()),
            ("action", text(self.action)),
            ("project", self.project.clone().unwrap_or_default()),
            ("repository", self.repository.clone().unwrap_or_default()),
            ("need", text(self.need)),
            ("and", self.also.join(", ")),
            ("have", self.have.clone()),
            ("verdict", verdict),
            ("why", self.why.clone()),
        ]
    }
}
