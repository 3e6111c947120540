//! A transfer with a ticket: let through by it alone, for the token that it was given to.

use super::Way;
use crate::auth::Identified;
use crate::auth::credential::{self, Claim, CredentialFault, Presented};
use crate::auth::ticket::Ticket;
use crate::domain::dialect::lfs::MEDIA_TYPE;
use crate::domain::dialect::{Classified, RequestLine};
use crate::domain::git::lfs::Verb;
use crate::domain::intent::{Action, Body as Shape, Confined, Effects, Intent, Need, Place, Voice};
use crate::domain::permission::{Level, Permission};
use crate::domain::policy::{self, Circumstances, Permit};
use crate::domain::principal::TokenPrincipal;
use crate::forward::body::{Body, Upload};
use crate::gate::entry::{line, now};
use crate::gate::refusal::Refusal;
use crate::gate::visit::Visit;
use crate::gate::{Gate, Rules, body};
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use std::net::IpAddr;
use std::rc::Rc;

/// The header that carries a ticket. It is not `Authorization`, which clients fill with what they have
/// themselves.
pub(super) const TICKET: &str = "X-Gitlatch-Ticket";
const HEADER: HeaderName = HeaderName::from_static("x-gitlatch-ticket");

/// A ticket that was honoured.
pub(in crate::gate) struct Redeemed {
    intent: Intent,
    permit: Permit,
    token: Rc<TokenPrincipal>,
    besides: HeaderMap,
    at: Circumstances,
}

/// Whether a request came with a ticket, or with several.
pub(in crate::gate) fn has_ticket(head: &Parts) -> bool {
    head.headers.contains_key(HEADER)
}

/// The language of whoever asks: with a ticket it is a client of LFS, whatever the path.
pub(in crate::gate) fn voice(rules: &Rules, visit: &Visit) -> Voice {
    if visit.has_ticket() {
        return Voice::Lfs;
    }
    rules.kind.voice(&rules.prefix, visit.path())
}

impl Gate {
    /// Looks at the ticket of a request, if it has one. One that is good for nothing counts as none where
    /// there is a credential besides, which the request may be made by.
    pub(in crate::gate) fn redeem(
        &self,
        rules: &Rules,
        head: &mut Parts,
        client: Option<IpAddr>,
        visit: &mut Visit,
    ) -> Result<Option<Redeemed>, Refusal> {
        if !visit.has_ticket() {
            return Ok(None);
        }
        if head.headers.get_all(HEADER).iter().count() > 1 {
            return Err(CredentialFault::Twice.into());
        }
        // It goes no further than here.
        let sealed = head.headers.remove(HEADER);
        let presented = credential::read(&head.headers)?;
        let at = Circumstances {
            now: now()?,
            client,
            case: rules.kind.case(),
            shared_identity: rules.shared_identity,
        };
        let ticket = sealed
            .and_then(|sealed| self.tickets.open(sealed.as_bytes()))
            .filter(|ticket| is_for(ticket, head) && ticket.expires > at.now);
        let Some(ticket) = ticket else {
            return match presented {
                Presented::Nothing => Err(Refusal::BadTicket),
                _ => Ok(None),
            };
        };
        let intent = intent(&ticket);
        visit.wants(&intent);
        self.check_credential(&ticket, &presented)?;
        let own = Presented::Token { hash: ticket.hash, claim: Claim::Bare };
        let Identified::Token(token) = self.who(&own)? else { return Err(Refusal::BadTicket) };
        if token.id != ticket.token {
            return Err(Refusal::BadTicket);
        }
        self.welcome(rules, &token, at, visit)?;
        rules.refuse_denied(line(head))?;
        // A rule may have come since that names the batch by which the ticket was given.
        let batch = format!("{}/{}.git/info/lfs/objects/batch", rules.prefix, ticket.repository);
        rules.refuse_denied(RequestLine { method: "POST", path: &batch, query: None })?;
        // What the operator's rules want of a path that is known is wanted with a ticket too.
        if let Ok((Classified::Known(known), _)) = rules.classify(line(head))
            && known.voice == Voice::Lfs
        {
            policy::decide(&token, &known, at)?;
        }
        let permit = policy::decide(&token, &intent, at)?;
        Ok(Some(Redeemed { intent, permit, token, besides: besides(&ticket), at }))
    }

    /// A token that is presented besides must be good, and the one that the ticket was given to.
    fn check_credential(&self, ticket: &Ticket, presented: &Presented) -> Result<(), Refusal> {
        match presented {
            // What is not ours proves nothing here, and goes no further.
            Presented::Nothing | Presented::Foreign => Ok(()),
            Presented::Mistyped => Err(Refusal::BadToken),
            Presented::Token { hash, .. } => match self.who(presented)? {
                Identified::Token(_) if *hash == ticket.hash => Ok(()),
                Identified::Token(_) => Err(Refusal::OtherTicket),
                _ => Err(Refusal::BadToken),
            },
        }
    }

    /// Sends a transfer on that came with a ticket.
    pub(in crate::gate) async fn ticketed(
        &self,
        rules: &Rules,
        head: Box<Parts>,
        mut upload: Upload,
        redeemed: Redeemed,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let Redeemed { intent, permit, token, besides, at } = redeemed;
        body::check(&head, &intent, &mut upload, rules).await?;
        let way = Way { intent: &intent, permit, token, besides };
        let mut answer = self.transfer(rules, head, upload, way, at, visit).await?;
        // Without Authorization a cache on the way might keep it for whoever asks next (RFC 9111 section 3.5).
        let private = HeaderValue::from_static("private, no-store");
        answer.headers_mut().insert(CACHE_CONTROL, private);
        Ok(answer)
    }
}

/// Whether the ticket is for this very request.
fn is_for(ticket: &Ticket, head: &Parts) -> bool {
    let target = head.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    ticket.verb.has_method(head.method.as_str()) && target == Some(ticket.target.as_str())
}

/// What a request with the ticket would do.
fn intent(ticket: &Ticket) -> Intent {
    let (action, level, body) = match ticket.verb {
        Verb::Download => (Action::LfsDownload, Level::Read, Shape::None),
        Verb::Upload => (Action::LfsUpload, Level::Write, Shape::Opaque),
        Verb::Verify => (Action::LfsVerify, Level::Write, Shape::OneOf(&[MEDIA_TYPE])),
    };
    Intent {
        action,
        place: Place::Repository(ticket.repository.clone()),
        need: Need::Permission(Permission::Repository(level)),
        also: Vec::new(),
        voice: Voice::Lfs,
        body,
        confined: Confined::Pass,
        effects: Effects::default(),
        rule: "lfs.ticket".into(),
        service: 0,
    }
}

fn besides(ticket: &Ticket) -> HeaderMap {
    let pairs = ticket.headers.iter().filter_map(|(name, value)| {
        let mut value = HeaderValue::from_str(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
    });
    pairs.collect()
}
