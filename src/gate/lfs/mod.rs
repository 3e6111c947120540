//! Git LFS on its way through: a batch is read and judged, its answer is written anew, and the transfers that
//! follow are let through by their tickets or by the token itself.

mod answer;
mod batch;
mod lock;
mod ticket;

pub(super) use ticket::{has_ticket, voice};

use super::refusal::Refusal;
use super::visit::Visit;
use super::{Gate, Rules, body};
use crate::auth::credential::Presented;
use crate::domain::dialect::lfs::{MEDIA_TYPE, UNLOCK};
use crate::domain::intent::{Action, Intent};
use crate::domain::policy::{self, Circumstances, Permit};
use crate::domain::principal::TokenPrincipal;
use crate::forward::body::{Body, Upload};
use crate::forward::queue::Holder;
use crate::forward::{Outbound, Passage};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use std::rc::Rc;
use std::time::Instant;

/// Why an answer of the host's is not handed on (502).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerFault {
    #[error("the host's answer to a batch of Git LFS cannot be read: {0}")]
    Unreadable(#[from] crate::domain::git::lfs::Fault),
    #[error("the host's answer to a batch of Git LFS is larger than {0} bytes")]
    Large(usize),
    #[error("the host's answer to a batch of Git LFS broke off")]
    BrokenOff,
    #[error("the host answered a batch of Git LFS in another form than that of its API")]
    Form,
    #[error("the host's list of locks cannot be read, so that nobody can tell whose the lock is")]
    Locks,
    #[error("the host answered with what it knows of an object, and not with the object")]
    Metadata,
}

impl Gate {
    /// A request of LFS by its own right: of a token that may make it.
    pub(super) async fn pass_lfs(
        &self,
        rules: &Rules,
        head: Box<Parts>,
        mut upload: Upload,
        (intent, permit, presented): (&Intent, Permit, &Presented),
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        if self.forwarder.lfs().is_none() {
            return Err(Refusal::NoLfs);
        }
        body::check(&head, intent, &mut upload, rules).await?;
        // Nobody but a token has a permit for anything of LFS.
        let token = visit.token().ok_or(Refusal::NoCredential)?;
        if intent.action == Action::LfsBatch {
            let asked = (intent, presented, token);
            return self.batch(rules, head, upload, asked, at, visit).await;
        }
        if let (Action::LfsUpload, Some(repository)) = (intent.action, intent.place.repository()) {
            // Without a ticket nothing says which ref the object is for.
            policy::judge_upload(&token, repository, None, &rules.protections)?;
        }
        let mut permit = permit;
        if permit.confined() && intent.rule == UNLOCK {
            permit =
                self.own_lock(rules, &head, (permit, &token, upload.beside()), at, visit).await?;
        }
        let way = Way { intent, permit, token, besides: HeaderMap::new() };
        self.transfer(rules, head, upload, way, at, visit).await
    }

    /// Sends on whatever is no batch, and hands its answer back; both stream.
    async fn transfer(
        &self,
        rules: &Rules,
        mut head: Box<Parts>,
        upload: Upload,
        way: Way<'_>,
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let credential = self.credential(&way.token)?;
        let action = way.intent.action;
        let object = matches!(action, Action::LfsDownload | Action::LfsUpload);
        let read = matches!(head.method, Method::GET | Method::HEAD);
        if object {
            if !read {
                refuse_forms(&head)?;
            }
            // Old Gitea answers what it knows of an object, and the credential that it was sent, to whoever
            // accepts LFS JSON.
            head.headers.remove(ACCEPT);
        }
        let holder = Holder::Token(way.token.id);
        let slot = self.queue.enter(holder).await?;
        let mut request = super::passage::outbound(head, upload, at.client, None, visit, slot);
        request.besides = way.besides;
        let passage = Passage::Permitted { permit: &way.permit, credential: credential.as_ref() };
        let answer = self.forward_lfs(passage, request, rules, visit).await?;
        if action == Action::LfsDownload && answer.status().is_success() && is_json(&answer) {
            return Err(AnswerFault::Metadata.into());
        }
        Ok(answer)
    }

    async fn forward_lfs(
        &self,
        passage: Passage<'_>,
        request: Box<Outbound>,
        rules: &Rules,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let start = Instant::now();
        let answer = self.forwarder.send_lfs(passage, request, rules.idle_timeout).await;
        visit.upstream(start.elapsed());
        Ok(answer?)
    }
}

/// A transfer that was let through, and how it travels.
struct Way<'a> {
    intent: &'a Intent,
    permit: Permit,
    token: Rc<TokenPrincipal>,
    /// What the host wanted to be told with it.
    besides: HeaderMap,
}

/// A form may carry what outranks the rest of a request.
fn refuse_forms(head: &Parts) -> Result<(), Refusal> {
    let form = |value: &http::HeaderValue| {
        let essence = essence(value);
        essence == "application/x-www-form-urlencoded" || essence == "multipart/form-data"
    };
    if head.headers.get_all(CONTENT_TYPE).iter().any(form) {
        return Err(Refusal::MediaType("application/octet-stream"));
    }
    Ok(())
}

/// Whether an answer is JSON of the LFS API.
fn is_json<B>(answer: &Response<B>) -> bool {
    answer.headers().get_all(CONTENT_TYPE).iter().any(|value| essence(value) == MEDIA_TYPE)
}

/// A media type without its parameters.
fn essence(value: &http::HeaderValue) -> String {
    let text = value.to_str().unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
