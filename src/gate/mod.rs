//! The hall: every request of the public address walks through `Gate::walk`, which is one page.
//!
//! What does it want, who asks, may they: each line is a call into another room. A refusal leaves by
//! `refusal`, in the caller's own language, and every request leaves a record.

mod body;
mod confined;
mod entry;
mod forms;
mod ids;
mod lfs;
mod names;
mod passage;
mod person;
mod push;
mod rates;
mod recorded;
mod refusal;
mod rules;
mod side_door;
mod unpacked;
mod visit;

pub use ids::Ids;
pub use names::{NameEnd, Registrar};
pub use rates::Rates;
pub use recorded::Recorded;
pub use refusal::Complaints;
pub use rules::Rules;
pub use side_door::{Knock, Served, SideDoor, Visitor};

use crate::auth::credential::{self, Presented};
use crate::auth::ticket::Tickets;
use crate::auth::vault::Vault;
use crate::auth::{Identified, Identify};
use crate::domain::dialect::{Classified, Unclear, Unserved};
use crate::domain::intent::Intent;
use crate::domain::policy::{self, Circumstances};
use crate::domain::principal::TokenPrincipal;
use crate::forward::body::{Body, Upload};
use crate::forward::drain::Drain;
use crate::forward::queue::Queue;
use crate::forward::{Forwarder, headers};
use crate::telemetry::GuestBook;
use arc_swap::ArcSwap;
use entry::{check_query, check_target, client, line, now, waits};
use futures_util::FutureExt;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use push::Told;
use refusal::Refusal;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use visit::Visit;

/// Where requests go from the gate.
pub struct Ways {
    /// To the host.
    pub forwarder: Forwarder,
    /// What is under way there, the same for every worker.
    pub queue: Arc<Queue>,
    /// How often everybody has asked, the same for every worker.
    pub rates: Arc<Rates>,
    /// The keys to the credentials that owners of tokens have there, in mode `stored`.
    pub vault: Option<Arc<Vault>>,
    /// What seals the tickets of transfers, the same for every worker.
    pub tickets: Arc<Tickets>,
    /// To gitlatch's own paths.
    pub side_door: Box<dyn SideDoor>,
    /// Who hears of names that end.
    pub registrar: Rc<dyn Registrar>,
}

/// The gate of one worker.
pub struct Gate {
    rules: Arc<ArcSwap<Rules>>,
    identify: Box<dyn Identify>,
    forwarder: Rc<Forwarder>,
    queue: Arc<Queue>,
    rates: Arc<Rates>,
    vault: Option<Arc<Vault>>,
    tickets: Arc<Tickets>,
    side_door: Box<dyn SideDoor>,
    registrar: Rc<dyn Registrar>,
    book: Rc<GuestBook>,
    drain: Drain,
    ids: Ids,
    complaints: Arc<Complaints>,
    told: Rc<Told>,
    /// The same of access that outlives its token, which no pushes crowd out.
    told_lasting: Told,
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
        let Ways { forwarder, queue, rates, vault, tickets, side_door, registrar } = ways;
        let forwarder = Rc::new(forwarder);
        Self {
            rules,
            identify,
            forwarder,
            queue,
            rates,
            vault,
            tickets,
            side_door,
            registrar,
            book: Rc::new(book),
            drain: Drain::start(),
            ids,
            complaints,
            told: Rc::default(),
            told_lasting: Told::default(),
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
        // It passes through several hands, each of which would keep room for it.
        let head = Box::new(head);
        let mut visit = Visit::new(self.ids.next(), &head, peer, &self.book);
        // Whoever drops the upload leaves what is left of it to the drain.
        let (drain, idle, waits) = (self.drain.clone(), rules.idle_timeout, waits(&head));
        let upload = Upload::new(body, visit.meter(), drain, rules.max_body, idle, waits);
        let walk = AssertUnwindSafe(self.walk(&rules, peer, head, upload, &mut visit));
        match walk.catch_unwind().await.unwrap_or(Err(Refusal::Crashed)) {
            Ok(response) => visit.answer(response),
            Err(refusal) => {
                self.complaints.hear(&refusal, &visit);
                visit.refused(refusal.verdict(), refusal.reason());
                if let Some(kind) = refusal.upstream_kind() {
                    self.book.metrics().upstream_error(kind);
                }
                if let Some(by) = refusal.limited_by() {
                    self.book.metrics().request_limited(by);
                }
                if let Some(reason) = refusal.crowded() {
                    self.book.metrics().upstream_refused(reason);
                }
                let voice = lfs::voice(&rules, &visit);
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
        mut head: Box<Parts>,
        mut upload: Upload,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        headers::check_framing(&head.headers)?;
        check_target(rules, &head)?;
        let authority = head.uri.authority().map(http::uri::Authority::as_str);
        headers::check(&head.headers, authority, self.forwarder.identity_header())?;
        let client = client(rules, peer, &head)?;
        visit.from(client);
        self.count_address(rules, client)?;
        if let Some(redeemed) = self.redeem(rules, &mut head, client, visit)? {
            return Box::pin(self.ticketed(rules, head, upload, redeemed, visit)).await;
        }
        let (what, lacking) = rules.classify(line(&head))?;
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
                self.welcome(rules, &token, at, visit)?;
                if matches!(what, Classified::Own) {
                    let own = self.own(rules, &head, &mut upload, client, Some(token), visit);
                    return Box::pin(own).await;
                }
                rules.refuse_denied(line(&head))?;
                let intent = known(what, lacking, || rules.unknown(line(&head)))?;
                check_query(&head)?;
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
            (what, Identified::Nobody | Identified::Foreign) if rules.people_pass => {
                let person = self.let_pass(rules, head, what, upload, client, visit);
                return Box::pin(person).await;
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

    /// A token that was found is written down, held to its expiry, its addresses and its rate, and marked
    /// used.
    fn welcome(
        &self,
        rules: &Rules,
        token: &Rc<TokenPrincipal>,
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<(), Refusal> {
        visit.is(token);
        policy::admit(token, at)?;
        self.count_token(rules, token.id)?;
        self.identify.used(token, at.now, at.client);
        Ok(())
    }
}

/// The intent of what a token may ask for at all.
fn known(
    what: Classified,
    lacking: Option<Unclear>,
    unknown: impl FnOnce() -> Unserved,
) -> Result<Box<Intent>, Refusal> {
    match what {
        Classified::Known(intent) => Ok(intent),
        Classified::Own => Err(Refusal::OwnPath),
        Classified::Unknown => {
            Err(lacking.map_or_else(|| Refusal::Unknown(unknown()), Refusal::Unclear))
        }
    }
}
