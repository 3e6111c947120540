//! A batch: read whole, judged by what it says, and sent on as it was understood.

use super::AnswerFault;
use crate::auth::credential::Presented;
use crate::domain::dialect::lfs::MEDIA_TYPE;
use crate::domain::git::lfs::{Answer, Batch, Operation, message};
use crate::domain::intent::{Intent, Need};
use crate::domain::permission::{Level, Permission};
use crate::domain::policy::{self, Circumstances};
use crate::domain::principal::TokenPrincipal;
use crate::domain::token::contains_form;
use crate::forward::body::{Body, Upload};
use crate::forward::queue::Holder;
use crate::forward::{ForwardError, Passage, RemoteHost, UpstreamCredential};
use crate::gate::entry::now;
use crate::gate::push::Held;
use crate::gate::refusal::Refusal;
use crate::gate::visit::Visit;
use crate::gate::{Gate, Rules, passage};
use crate::reply;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use std::rc::Rc;
use std::time::Duration;

/// The most bytes of a batch: git-lfs asks for 100 objects at a time, in 12 KiB.
const MOST: usize = 1024 * 1024;
/// The most bytes of the answer to one.
const MOST_ANSWERED: usize = 8 * 1024 * 1024;
/// The longest that a batch may take to come.
const COMING: Duration = Duration::from_mins(1);
/// The longest that a host's own words are handed on, in characters.
const LONGEST: usize = 1000;

impl Gate {
    /// A batch of a token's that may read at least.
    pub(super) async fn batch(
        &self,
        rules: &Rules,
        mut head: Box<Parts>,
        mut upload: Upload,
        (intent, presented, token): (&Intent, &Presented, Rc<TokenPrincipal>),
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let encoded = head.headers.get_all(CONTENT_ENCODING).iter();
        if encoded.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Refusal::Encoded);
        }
        let holder = Holder::Token(token.id);
        let mut counted = self.told.hold(holder);
        let coming = tokio::time::timeout(COMING, collect(&mut upload, &mut counted)).await;
        let body = coming.map_err(|_elapsed| Refusal::from(ForwardError::Stalled))??;
        let batch = Batch::read(&body)?;
        drop(body);
        let level = match batch.operation {
            Operation::Download => Level::Read,
            Operation::Upload => Level::Write,
        };
        let need = Need::Permission(Permission::Repository(level));
        let intent = Intent { need, ..intent.clone() };
        let (token, permit) = self.permitted_still(presented, &intent, at)?;
        if let (Operation::Upload, Some(repository)) = (batch.operation, intent.place.repository())
        {
            let belongs = batch.belongs.as_ref();
            policy::judge_upload(&token, repository, belongs, &rules.protections)?;
        }
        let credential = self.credential(&token)?;
        // What goes on is what was understood, and nothing of the bytes that came.
        upload.put_back(Bytes::from(batch.to_json()));
        as_json(&mut head.headers);
        let slot = self.queue.enter(holder).await?;
        let request = passage::outbound(head, upload, at.client, None, visit, slot);
        let way = Passage::Permitted { permit: &permit, credential: credential.as_ref() };
        let answer = self.forward_lfs(way, request, rules, visit).await?;
        let host = self.forwarder.lfs().ok_or(Refusal::NoLfs)?;
        let status = answer.status();
        let retry = answer.headers().get(RETRY_AFTER).cloned();
        let read = read(answer, &mut counted).await?;
        if status == StatusCode::OK {
            let answer = Answer::read(&read, batch.operation).map_err(AnswerFault::from)?;
            let asked = super::answer::Asked {
                batch: &batch,
                intent: &intent,
                token: &token,
                presented,
                credential: credential.as_ref(),
                now: now()?,
            };
            drop(read);
            let answer = self.rewritten(rules, host, answer, &asked).await?.to_json();
            // As long as its client takes to read it.
            counted.grow(answer.len())?;
            visit.keep(counted);
            return Ok(reply::lfs(status, answer).map(Body::Ready));
        }
        if status.is_success() || status.is_redirection() {
            return Err(AnswerFault::Form.into());
        }
        let text = host_says(host, credential.as_ref(), status, &read);
        let mut response = reply::lfs_says(status, &text, visit.id());
        if let Some(retry) = retry {
            response.headers_mut().insert(RETRY_AFTER, retry);
        }
        Ok(response.map(Body::Ready))
    }
}

/// Reads a batch to its end.
async fn collect(upload: &mut Upload, held: &mut Held) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::from(ForwardError::TooLarge(MOST as u64));
    if upload.length().is_some_and(|length| length > MOST as u64) {
        return Err(too_large());
    }
    let mut read = BytesMut::new();
    while let Some(frame) = upload.frame().await {
        let Ok(frame) = frame else { return Err(upload.fault().into()) };
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > MOST {
            return Err(too_large());
        }
        held.grow(data.len())?;
        read.extend_from_slice(data);
    }
    Ok(read.freeze())
}

/// The head of a batch as it goes on: JSON in both directions, as it is and whole.
fn as_json(headers: &mut HeaderMap) {
    for name in [
        // What it names is taken from the client's headers, and not from these.
        CONNECTION,
        ACCEPT_ENCODING,
        CONTENT_ENCODING,
        RANGE,
        IF_MATCH,
        IF_NONE_MATCH,
        IF_RANGE,
        IF_MODIFIED_SINCE,
        IF_UNMODIFIED_SINCE,
    ] {
        headers.remove(name);
    }
    headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
}

/// Reads the body of an answer to its end.
pub(super) async fn read(answer: Response<Body>, held: &mut Held) -> Result<Bytes, Refusal> {
    let mut encoded = answer.headers().get_all(CONTENT_ENCODING).iter();
    if encoded.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(AnswerFault::Form.into());
    }
    let mut body = answer.into_body();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_broken| AnswerFault::BrokenOff)?;
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > MOST_ANSWERED {
            return Err(AnswerFault::Large(MOST_ANSWERED).into());
        }
        held.grow(data.len())?;
        read.extend_from_slice(data);
    }
    Ok(read.freeze())
}

/// What a host says in an answer that is an error, without what nobody may learn.
fn host_says(
    host: &RemoteHost,
    credential: Option<&UpstreamCredential>,
    status: StatusCode,
    body: &[u8],
) -> String {
    match message(body) {
        Some(text) => shown(host, credential, &text),
        None => format!("gitlatch: the host refuses this batch ({status}), and does not say why"),
    }
}

/// A host's own words, as far as they are handed on.
pub(super) fn shown(
    host: &RemoteHost,
    credential: Option<&UpstreamCredential>,
    text: &str,
) -> String {
    if host.betrays(credential, text) || contains_form(text.as_bytes()) {
        return "(hidden: it held a credential)".to_owned();
    }
    text.chars().take(LONGEST).collect()
}
