//! Requests after which a project or a repository may not be called what it was called.
//!
//! Tokens belong to names. When the host has deleted what a name stood for, or calls it otherwise, the tokens
//! that belong to the name end: somebody else could come to bear it. Such a request is carried through even
//! when its client leaves, so that nothing is done at the host which nobody here hears of.

use super::refusal::Refusal;
use super::visit::Visit;
use super::{Gate, Rules};
use crate::domain::dialect::{Classified, RequestLine, path};
use crate::domain::intent::{Intent, NameEffect, Place};
use crate::domain::names::NameCase;
use crate::domain::policy::Permit;
use crate::domain::token::TokenId;
use crate::domain::trail::{Actor, Author};
use crate::forward::body::Body;
use crate::forward::{ForwardError, Outbound, Passage, UpstreamCredential};
use crate::gate::entry::now;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

/// The most bytes of the host's answer about what it has changed.
const MOST: usize = 1024 * 1024;

/// What has become of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameEnd {
    /// What it stood for was deleted: the tokens that belong to it are revoked.
    Deleted,
    /// What it stood for has another name: the tokens are suspended, since they may be wanted again.
    Changed,
}

/// Hears of names that end.
pub trait Registrar {
    /// Ends the tokens that belong to a place. `request` is the id of the request that did it.
    fn name_ended(
        &self,
        place: Place,
        end: NameEnd,
        by: Author,
        request: String,
    ) -> LocalBoxFuture<'static, ()>;
}

/// For whom a request travels, for as long as it takes.
pub(super) enum Owned {
    /// A token.
    Permitted(Permit, Option<UpstreamCredential>),
    /// A person.
    Person,
}

impl Owned {
    fn passage(&self) -> Passage<'_> {
        match self {
            Self::Permitted(permit, credential) => {
                Passage::Permitted { permit, credential: credential.as_ref() }
            }
            Self::Person => Passage::Person,
        }
    }
}

/// The intent of a person's request that ends a name or may change it. A host may read one in other spellings
/// than the table has, escaped, in another case, or with a slash or an ending like `.json`: what such a one
/// ends may come back, since it may mean something else.
pub(super) fn naming(rules: &Rules, head: &Parts, what: &Classified) -> Option<Box<Intent>> {
    let names = |intent: &Intent| intent.effects.name != NameEffect::Stays;
    match what {
        Classified::Known(intent) => return Some(intent).filter(|i| names(i)).cloned(),
        Classified::Unknown if !head.method.is_safe() => {}
        Classified::Unknown | Classified::Own => return None,
    }
    let local = head.uri.path().strip_prefix(rules.prefix.as_str())?;
    let plain = path::decode(local).to_ascii_lowercase();
    let plain = plain.trim_end_matches('/');
    let readings = [Some(plain), path::without_extension(plain)];
    let mut read = readings.into_iter().flatten().filter_map(|path| {
        let line = RequestLine { method: head.method.as_str(), path, query: None };
        match rules.kind.classify("", line) {
            Ok(Classified::Known(intent)) if names(&intent) => Some(intent),
            _ => None,
        }
    });
    let mut intent = read.next()?;
    intent.effects.name = NameEffect::MayChange;
    Some(intent)
}

impl Gate {
    /// Sends a request on that ends a name or may change it, and has the tokens of that name ended when the
    /// host has done it. `who` is where the client is, and the token that asks.
    pub(super) async fn forward_naming(
        &self,
        owned: Owned,
        mut request: Box<Outbound>,
        intent: &Intent,
        rules: &Rules,
        who: (Option<IpAddr>, Option<TokenId>),
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        // The answer is read here.
        request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let (forwarder, registrar) = (Rc::clone(&self.forwarder), Rc::clone(&self.registrar));
        let (place, effect, idle) = (intent.place.clone(), intent.effects.name, rules.idle_timeout);
        let (case, id) = (rules.kind.case(), visit.id().to_owned());
        let token = who.1.is_some();
        let actor = who.1.map_or(Actor::Nobody, Actor::Token);
        let start = Instant::now();
        let carried = tokio::task::spawn_local(async move {
            let (answer, end) = match forwarder.send(owned.passage(), request, idle).await {
                Ok(answer) => ended(answer, effect, &place, (case, token)).await,
                // Whether the host has done it nobody here knows.
                Err(error) => (Err(error.into()), None),
            };
            let end = match &answer {
                Err(Refusal::Forward(error)) if error.may_have_reached() => Some(NameEnd::Changed),
                _ => end,
            };
            if let Some(end) = end {
                let by = Author { who: actor, from: who.0, at: now()? };
                registrar.name_ended(place, end, by, id).await;
            }
            answer
        });
        let answer = carried.await.map_err(|_crashed| Refusal::Crashed)?;
        visit.upstream(start.elapsed());
        answer
    }
}

/// What has become of the name, by the host's answer, which is given back.
async fn ended(
    answer: Response<Body>,
    effect: NameEffect,
    place: &Place,
    (case, token): (NameCase, bool),
) -> (Result<Response<Body>, Refusal>, Option<NameEnd>) {
    if !answer.status().is_success() {
        // Somebody in front of the host may have given up while the host went on. Of people, who may be
        // anybody, only that; a token's host may have failed after it was done.
        let status = answer.status();
        let gave_up = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
        let unknown = gave_up || token && (status.is_server_error() || status.is_redirection());
        return (Ok(answer), (unknown && effect != NameEffect::Stays).then_some(NameEnd::Changed));
    }
    // A page for whoever is not logged in is no word of the host's, and anybody can have it said.
    if !token && !is_of_rest(&answer) {
        return (Ok(answer), None);
    }
    match effect {
        NameEffect::Stays => (Ok(answer), None),
        NameEffect::Ends => {
            let end = if is_of_rest(&answer) { NameEnd::Deleted } else { NameEnd::Changed };
            (Ok(answer), Some(end))
        }
        NameEffect::MayChange => match named(answer).await {
            Err(refusal) => (Err(refusal), Some(NameEnd::Changed)),
            Ok((answer, told)) => {
                let same = told.is_some_and(|told| is_called(place, &told, case));
                (Ok(answer), (!same).then_some(NameEnd::Changed))
            }
        },
    }
}

/// Whether this is an answer of REST, and no page of somebody in front of the host who says 200 to all: what
/// is revoked stays so.
fn is_of_rest(answer: &Response<Body>) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let json = kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    json || matches!(answer.status(), StatusCode::ACCEPTED | StatusCode::NO_CONTENT)
}

/// Reads what the host says about what it has changed, and gives the answer back. What cannot be read says
/// nothing.
async fn named(answer: Response<Body>) -> Result<(Response<Body>, Option<Value>), Refusal> {
    let (parts, body) = answer.into_parts();
    let read = Limited::new(body, MOST).collect().await;
    let read: Bytes = read.map_err(|_broken| Refusal::from(ForwardError::Garbled))?.to_bytes();
    let plain = !parts.headers.contains_key(CONTENT_ENCODING);
    let told = plain.then(|| serde_json::from_slice(&read).ok()).flatten();
    Ok((Response::from_parts(parts, Body::Ready(Full::new(read))), told))
}

/// Whether the host still calls the place what it was called.
fn is_called(place: &Place, told: &Value, case: NameCase) -> bool {
    let is = |value: Option<&Value>, own: &str| {
        value.and_then(Value::as_str).is_some_and(|told| case.equal(told, own))
    };
    match place {
        Place::Host => true,
        Place::Project(path) => is(told.get("key"), path.as_str()),
        Place::Repository(path) => {
            let key = told.get("project").and_then(|project| project.get("key"));
            is(told.get("slug"), path.name()) && is(key, path.project())
        }
    }
}
