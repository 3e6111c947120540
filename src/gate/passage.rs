//! The way out: what was permitted goes on to the host, if its body is what it must be.

use super::entry::now;
use super::names::Owned;
use super::push::Judged;
use super::refusal::Refusal;
use super::visit::Visit;
use super::{Gate, Rules, body, confined};
use crate::auth::Identified;
use crate::auth::credential::Presented;
use crate::domain::intent::{Action, Confined, Intent, NameEffect, Place, Voice};
use crate::domain::policy::{self, Circumstances, Permit};
use crate::domain::principal::{Scheme, TokenPrincipal};
use crate::domain::trail::{Actor, Author, Event, Note, Subject};
use crate::forward::body::{Body, Upload};
use crate::forward::queue::{Holder, Slot};
use crate::forward::{Outbound, Passage, UpstreamCredential};
use http::request::Parts;
use http::{HeaderMap, Response};
use serde_json::json;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

impl Gate {
    /// What was permitted goes on, if its body is what it must be; a push only when its refs may be pushed.
    pub(super) async fn pass(
        &self,
        rules: &Rules,
        head: Box<Parts>,
        mut upload: Upload,
        (intent, mut permit, presented): (&Intent, Permit, &Presented),
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        if intent.voice == Voice::Lfs {
            let asked = (intent, permit, presented);
            return Box::pin(self.pass_lfs(rules, head, upload, asked, at, visit)).await;
        }
        body::check(&head, intent, &mut upload, rules).await?;
        let mut token = visit.token();
        if let Some(who) = &token {
            confined::unprotected(who, intent, &rules.protections)?;
        }
        let _counted = match (&token, intent.confined) {
            (Some(who), Confined::Check(_)) => {
                let judged = (intent, permit.confined());
                Some(Box::pin(self.hold(rules, &head, who, judged, &mut upload, at)).await?)
            }
            _ => None,
        };
        // Nobody but a token has a permit to push.
        if let (Action::Push, Some(pusher), Place::Repository(repository)) =
            (intent.action, &token, &intent.place)
        {
            let upload = &mut upload;
            let judging = self.judge_push(rules, &head, (pusher, repository), upload, at, visit);
            // Apart from the request, as are calls of its own API: the many that are neither would carry
            // their room along.
            match Box::pin(judging).await? {
                Judged::Forward(hold) => {
                    let (now, still) = self.permitted_still(presented, intent, at)?;
                    (token, permit) = (Some(now), still.holding(hold));
                }
                Judged::Answered(answer) => return Ok(answer),
            }
        }
        let holder = Holder::of(token.as_ref().map(|token| token.id), at.client);
        let credential = token.map_or(Ok(None), |token| self.credential(&token))?;
        let service = Some(rules.prefix.len() + intent.service + 1);
        let slot = self.queue.enter(holder).await?;
        let request = outbound(head, upload, at.client, service, visit, slot);
        let answer = if intent.effects.name == NameEffect::Stays {
            let passage = Passage::Permitted { permit: &permit, credential: credential.as_ref() };
            self.forward(passage, request, rules, visit).await?
        } else {
            let id = visit.token().map(|who| who.id);
            let owned = Owned::Permitted(permit, credential);
            let naming = self.forward_naming(owned, request, intent, rules, (at.client, id), visit);
            Box::pin(naming).await?
        };
        if let Some(who) = visit.token()
            && intent.effects.outlives
            && answer.status().is_success()
        {
            self.tell_lasting(&who, intent, at, visit);
        }
        Ok(answer)
    }

    /// Tells the trail of access that goes on without the token that makes it.
    fn tell_lasting(
        &self,
        who: &TokenPrincipal,
        intent: &Intent,
        at: Circumstances,
        visit: &Visit,
    ) {
        let Some(left_out) = self.told_lasting.admit(who.id, Instant::now()) else { return };
        let subject = Subject {
            token: Some(who.id),
            user: who.user().map(ToString::to_string),
            project: intent.place.project().map(str::to_owned),
            repository: intent.place.repository().map(|path| path.name().to_owned()),
        };
        let mut details = json!({ "request": visit.id(), "rule": intent.rule });
        if left_out > 0 {
            details["leftOut"] = left_out.into();
        }
        let note = Note { event: Event::AccessGiven, subject, details };
        let by = Author { who: Actor::Token(who.id), from: at.client, at: at.now };
        self.identify.tell(note, by);
    }

    /// The token and the permit as they are now, when the commands of a push, or a batch of LFS, have come:
    /// its client may have taken its time, and the token may have ended meanwhile.
    pub(super) fn permitted_still(
        &self,
        presented: &Presented,
        intent: &Intent,
        at: Circumstances,
    ) -> Result<(Rc<TokenPrincipal>, Permit), Refusal> {
        let Identified::Token(token) = self.who(presented)? else { return Err(Refusal::BadToken) };
        let permit = policy::decide(&token, intent, Circumstances { now: now()?, ..at })?;
        Ok((token, permit))
    }

    /// The credential that the token's owner has for the host, in mode `stored`.
    pub(super) fn credential(
        &self,
        token: &TokenPrincipal,
    ) -> Result<Option<UpstreamCredential>, Refusal> {
        let (Some(vault), Some(identity)) = (&self.vault, &token.identity) else { return Ok(None) };
        let secret = vault.open(identity).map_err(Refusal::Sealed)?;
        // What cannot be sent was refused when it was stored.
        Ok(match identity.scheme {
            Scheme::Basic => UpstreamCredential::basic(&identity.username, &secret),
            Scheme::Bearer => UpstreamCredential::bearer(&secret, &identity.owner.to_string()),
        })
    }

    pub(super) async fn forward(
        &self,
        passage: Passage<'_>,
        request: Box<Outbound>,
        rules: &Rules,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let start = Instant::now();
        // Apart, since each of the hands before would keep room for it too, and move it.
        let answer = Box::pin(self.forwarder.send(passage, request, rules.idle_timeout)).await;
        visit.upstream(start.elapsed());
        Ok(answer?)
    }
}

/// The request as it leaves: what `forward` makes of it is its own business. It passes through several
/// hands, each of which would keep room for it.
pub(super) fn outbound(
    head: Box<Parts>,
    body: Upload,
    client: Option<IpAddr>,
    service: Option<usize>,
    visit: &Visit,
    slot: Slot,
) -> Box<Outbound> {
    let Parts { method, uri: target, headers, .. } = *head;
    Box::new(Outbound {
        method,
        target,
        headers,
        body,
        client,
        id: visit.id_value(),
        service,
        besides: HeaderMap::new(),
        meter: Rc::clone(visit.meter()),
        slot,
    })
}
