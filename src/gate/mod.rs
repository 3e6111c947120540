//! The hall: every request of the public address walks through `Gate::walk`, which is one page.
//!
//! What does it want, who asks, may they: each line is a call into another room. A refusal leaves by
//! `refusal`, in the caller's own language, and every request leaves a record.

mod body;
mod entry;
mod push;
mod recorded;
mod refusal;
mod rules;
mod side_door;
mod visit;

pub use recorded::Recorded;
pub use refusal::Complaints;
pub use rules::Rules;
pub use side_door::{Knock, Served, SideDoor, Visitor};
pub use visit::Ids;

use crate::auth::credential::{self, Presented};
use crate::auth::vault::Vault;
use crate::auth::{Identified, Identify};
use crate::domain::dialect::Classified;
use crate::domain::intent::{Action, Intent, Voice};
use crate::domain::policy::{self, Circumstances, Denial, Permit};
use crate::domain::principal::{Scheme, TokenPrincipal};
use crate::forward::body::{Body, Upload};
use crate::forward::drain::Drain;
use crate::forward::{Forwarder, Outbound, Passage, UpstreamCredential, headers};
use crate::reply;
use crate::telemetry::GuestBook;
use arc_swap::ArcSwap;
use entry::{check_target, client, line, now, waits};
use futures_util::FutureExt;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use push::{Judged, Told};
use refusal::Refusal;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use visit::Visit;

/// Where requests go from the gate.
pub struct Ways {
    /// To the host.
    pub forwarder: Forwarder,
    /// The keys to the credentials that owners of tokens have there, in mode `stored`.
    pub vault: Option<Arc<Vault>>,
    /// To gitlatch's own paths.
    pub side_door: Box<dyn SideDoor>,
}

/// The gate of one worker.
pub struct Gate {
    rules: Arc<ArcSwap<Rules>>,
    identify: Box<dyn Identify>,
    forwarder: Forwarder,
    vault: Option<Arc<Vault>>,
    side_door: Box<dyn SideDoor>,
    book: Rc<GuestBook>,
    drain: Drain,
    ids: Ids,
    complaints: Arc<Complaints>,
    told: Told,
}

impl Gate {
    /// A gate with everything that one worker needs. It is made in the worker's thread. What is put
    /// into `rules` later holds for the requests that begin from then on.
    #[must_use]
    pub fn new(
        rules: Arc<ArcSwap<Rules>>,
        identify: Box<dyn Identify>,
        ways: Ways,
        book: GuestBook,
        complaints: Arc<Complaints>,
        ids: Ids,
    ) -> Self {
        let Ways { forwarder, vault, side_door } = ways;
        Self {
            rules,
            identify,
            forwarder,
            vault,
            side_door,
            book: Rc::new(book),
            drain: Drain::start(),
            ids,
            complaints,
            told: Told::default(),
        }
    }

    /// Answers one request of the peer at this address.
    pub async fn handle(
        &self,
        peer: Option<IpAddr>,
        request: Request<Incoming>,
    ) -> Response<Recorded> {
        // The rules that a request began with hold to its end.
        let rules = self.rules.load_full();
        let (head, body) = request.into_parts();
        let mut visit = Visit::new(self.ids.next(), &head, peer, &self.book);
        // Whoever drops the upload leaves what is left of it to the drain.
        let (drain, idle, waits) = (self.drain.clone(), rules.idle_timeout, waits(&head));
        let upload = Upload::new(body, visit.meter(), drain, rules.max_body, idle, waits);
        let voice = rules.kind.voice(&rules.prefix, head.uri.path());
        let walk = AssertUnwindSafe(self.walk(&rules, peer, head, upload, &mut visit));
        match walk.catch_unwind().await.unwrap_or(Err(Refusal::Crashed)) {
            Ok(response) => visit.answer(response),
            Err(refusal) => {
                self.complaints.hear(&refusal, &visit);
                visit.refused(refusal.verdict(), refusal.reason());
                if let Some(kind) = refusal.upstream_kind() {
                    self.book.metrics().upstream_error(kind);
                }
                let response = refusal.answer().into_response(voice, visit.id());
                visit.answer(response.map(Body::Ready))
            }
        }
    }

    /// The walk of one request through the house.
    async fn walk(
        &self,
        rules: &Rules,
        peer: Option<IpAddr>,
        head: Parts,
        mut upload: Upload,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        check_target(&head)?;
        let authority = head.uri.authority().map(http::uri::Authority::as_str);
        headers::check(&head.headers, authority, self.forwarder.identity_header())?;
        let client = client(rules, peer, &head)?;
        visit.from(client);
        let what = rules.kind.classify(&rules.prefix, line(&head))?;
        if let Classified::Known(intent) = &what {
            visit.wants(intent);
        }
        let presented = credential::read(&head.headers)?;
        let who = self.who(&presented)?;
        let at = Circumstances {
            now: now()?,
            client,
            case: rules.kind.case(),
            shared_identity: rules.shared_identity,
        };
        let (intent, permit) = match (what, who) {
            (what, Identified::Token(token)) => {
                self.welcome(&token, at, visit)?;
                if matches!(what, Classified::Own) {
                    let own = self.own(rules, &head, &mut upload, client, Some(token), visit);
                    return Box::pin(own).await;
                }
                let intent = known(what, rules)?;
                let permit = policy::decide(&token, &intent, at)?;
                (intent, permit)
            }
            (_, Identified::Unknown) => return Err(Refusal::BadToken),
            (Classified::Own, _) => {
                return Box::pin(self.own(rules, &head, &mut upload, client, None, visit)).await;
            }
            // Also where people pass: a host would refuse the probe, and git would give up.
            (Classified::Known(intent), Identified::Nobody)
                if body::looks_like_probe(&head, &intent, &upload) =>
            {
                return body::probe(&intent, &mut upload, rules).await;
            }
            // As it came, less what would say who somebody is.
            (_, Identified::Nobody | Identified::Foreign) if rules.people_pass => {
                if head.method.is_safe() {
                    body::check_empty(&mut upload, rules).await?;
                }
                let request = outbound(head, upload, client, String::new(), visit);
                let answer = self.forward(Passage::Person, request, rules, visit).await;
                return answer.map(reply::challenged);
            }
            (Classified::Unknown, _) => return Err(Refusal::NoCredential),
            (Classified::Known(intent), who) => {
                let open = rules.anonymous_read && matches!(who, Identified::Nobody);
                let permit = open.then(|| policy::decide_anonymous(&intent)).flatten();
                (intent, permit.ok_or(Refusal::NoCredential)?)
            }
        };
        self.pass(rules, head, upload, (&intent, permit, &presented), at, visit).await
    }

    /// What was permitted goes on, if its body is what it must be; a push only when its refs may be pushed.
    async fn pass(
        &self,
        rules: &Rules,
        head: Parts,
        mut upload: Upload,
        (intent, mut permit, presented): (&Intent, Permit, &Presented),
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        if intent.voice == Voice::Lfs {
            return Err(Refusal::NoLfs);
        }
        body::check(&head, intent, &mut upload, rules).await?;
        let token = visit.token();
        // Nobody but a token has a permit to push.
        if let (Action::Push, Some(token)) = (intent.action, &token) {
            let (upload, repository) = (&mut upload, &intent.repository);
            let judging = self.judge_push(rules, &head, (token, repository), upload, at, visit);
            // Apart from the request, as are calls of its own API: the many that are neither would carry
            // their room along.
            match Box::pin(judging).await? {
                Judged::Forward(hold) => {
                    permit = self.permitted_still(presented, intent, at)?.holding(hold);
                }
                Judged::Answered(answer) => return Ok(answer),
            }
        }
        let credential = token.map_or(Ok(None), |token| self.credential(&token))?;
        let passage = Passage::Permitted { permit: &permit, credential: credential.as_ref() };
        let service = head.uri.path().get(rules.prefix.len() + intent.service + 1..);
        let service = service.unwrap_or_default().to_owned();
        let request = outbound(head, upload, at.client, service, visit);
        self.forward(passage, request, rules, visit).await
    }

    fn who(&self, presented: &Presented) -> Result<Identified, Refusal> {
        match self.identify.identify(presented) {
            Ok((who, source)) => {
                if let Some(source) = source {
                    self.book.metrics().store_lookup(source);
                }
                Ok(who)
            }
            Err(trouble) => {
                self.book.metrics().store_lookup("error");
                Err(trouble.into())
            }
        }
    }

    /// A token that was found is written down, held to its expiry and its addresses, and marked used.
    fn welcome(
        &self,
        token: &Rc<TokenPrincipal>,
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<(), Denial> {
        visit.is(token);
        policy::admit(token, at)?;
        self.identify.used(token, at.now, at.client);
        Ok(())
    }

    /// The permit as it is now, when the commands of a push have come: its client may have taken its time,
    /// and the token may have ended meanwhile.
    fn permitted_still(
        &self,
        presented: &Presented,
        intent: &Intent,
        at: Circumstances,
    ) -> Result<Permit, Refusal> {
        let Identified::Token(token) = self.who(presented)? else { return Err(Refusal::BadToken) };
        Ok(policy::decide(&token, intent, Circumstances { now: now()?, ..at })?)
    }

    /// The credential that the token's owner has for the host, in mode `stored`.
    fn credential(&self, token: &TokenPrincipal) -> Result<Option<UpstreamCredential>, Refusal> {
        let (Some(vault), Some(identity)) = (&self.vault, &token.identity) else { return Ok(None) };
        let secret = vault.open(identity).map_err(Refusal::Sealed)?;
        // What cannot be sent was refused when it was stored.
        Ok(match identity.scheme {
            Scheme::Basic => UpstreamCredential::basic(&identity.username, &secret),
            Scheme::Bearer => UpstreamCredential::bearer(&secret, &identity.owner.to_string()),
        })
    }

    async fn forward(
        &self,
        passage: Passage<'_>,
        request: Outbound,
        rules: &Rules,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let start = Instant::now();
        let answer = self.forwarder.send(passage, request, rules.idle_timeout).await;
        visit.upstream(start.elapsed());
        Ok(answer?)
    }
}

/// The intent of what a token may ask for at all.
fn known(what: Classified, rules: &Rules) -> Result<Box<Intent>, Refusal> {
    match what {
        Classified::Known(intent) => Ok(intent),
        Classified::Own => Err(Refusal::OwnPath),
        Classified::Unknown => Err(Refusal::Unknown(rules.kind)),
    }
}

fn outbound(
    head: Parts,
    body: Upload,
    client: Option<IpAddr>,
    service: String,
    visit: &Visit,
) -> Outbound {
    Outbound {
        method: head.method,
        target: head.uri,
        headers: head.headers,
        body,
        client,
        id: visit.id_value(),
        service,
        meter: Rc::clone(visit.meter()),
    }
}
