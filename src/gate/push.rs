//! A push, looked into before it is sent on: which refs it would change, and whether it may.
//!
//! The head of the body is read and given back untouched; the pack behind it streams on as it comes.

use super::refusal::Refusal;
use super::visit::{Visit, without_token};
use super::{Gate, Rules};
use crate::auth::Identify;
use crate::domain::git::receive_pack::{Malformed, Push, Reader, RefChange};
use crate::domain::git::report;
use crate::domain::names::RepoPath;
use crate::domain::policy::refs::{self, Hold, Law, PushDenial};
use crate::domain::policy::{Circumstances, Denial};
use crate::domain::principal::{Owner, TokenPrincipal};
use crate::domain::trail::{Actor, Author, Event, Note, Subject};
use crate::forward::body::{Body, Upload};
use crate::reply;
use crate::telemetry::Verdict;
use bytes::BytesMut;
use http::Response;
use http::header::CONTENT_ENCODING;
use http::request::Parts;
use http_body_util::BodyExt;
use serde_json::{Value, json};

/// The most bytes that the commands of a push may take: those of 20,000 refs with long names take half.
const MOST: usize = 8 * 1024 * 1024;
/// The most refs of one push that the trail names; the rest is counted.
const NAMED: usize = 1_000;

/// What becomes of a push.
pub(super) enum Judged {
    /// It goes on, and git is to hold it to this.
    Forward(Hold),
    /// It is refused, and git is told so in its own way.
    Answered(Response<Body>),
}

impl Gate {
    /// Reads the head of a push and judges it.
    pub(super) async fn judge_push(
        &self,
        rules: &Rules,
        head: &Parts,
        (who, repository): (&TokenPrincipal, &RepoPath),
        upload: &mut Upload,
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<Judged, Refusal> {
        // git compresses no push; what is compressed would be read behind us, and not by us.
        let encoded = head.headers.get_all(CONTENT_ENCODING).iter();
        if encoded.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Refusal::Encoded);
        }
        let push = peek(upload).await?;
        let law = Law {
            protections: &rules.protections,
            options: &rules.push_options,
            tells_force: self.forwarder.tells_force(),
        };
        let judged = refs::judge(who, repository, &push, law);
        let reasons = judged.as_ref().err().map(|denial| denial.reasons.as_slice());
        visit.pushes(&push.changes);
        if !push.changes.is_empty() {
            let about = (who, repository);
            tell(self.identify.as_ref(), about, &push.changes, reasons, at, visit.id());
        }
        match judged {
            Ok(hold) => Ok(Judged::Forward(hold)),
            Err(denial) => refuse(&push, &denial, visit),
        }
    }
}

/// Reads the head of a push, and gives every byte that was read back.
async fn peek(upload: &mut Upload) -> Result<Push, Refusal> {
    let (mut held, mut reader) = (BytesMut::new(), Reader::new());
    loop {
        let Some(frame) = upload.frame().await else { return Err(Malformed::Short.into()) };
        let Ok(frame) = frame else { return Err(upload.fault().into()) };
        let Some(data) = frame.data_ref() else { continue };
        held.extend_from_slice(data);
        if let Some(push) = reader.read(&held)? {
            upload.put_back(held.freeze());
            return Ok(push);
        }
        if held.len() > MOST {
            return Err(Malformed::Many.into());
        }
    }
}

/// The answer that git shows, a line for each ref; or a plain refusal to a client that takes no report.
fn refuse(push: &Push, denial: &PushDenial, visit: &mut Visit) -> Result<Judged, Refusal> {
    let names = push.changes.iter().map(|change| &change.name);
    let refused: Vec<_> = names.zip(denial.reasons.iter().cloned()).collect();
    let text = format!("gitlatch: {} (request {})", denial.text, visit.id());
    let Some(report) = report::refused(push.manner, &refused, &text) else {
        return Err(Denial::Refs { text: denial.text.clone() }.into());
    };
    visit.refused(Verdict::Refused, "refs");
    Ok(Judged::Answered(reply::pushed(report).map(Body::Ready)))
}

/// Has the trail name each ref with its ids, and the verdict.
fn tell(
    identify: &dyn Identify,
    (who, repository): (&TokenPrincipal, &RepoPath),
    changes: &[RefChange],
    reasons: Option<&[String]>,
    at: Circumstances,
    id: &str,
) {
    let entry = |(number, change): (usize, &RefChange)| -> Value {
        let mut entry = json!({ "ref": without_token(change.name.as_str()), "old": change.old, "new": change.new });
        if let Some(reason) = reasons.and_then(|reasons| reasons.get(number)) {
            entry["reason"] = reason.as_str().into();
        }
        entry
    };
    let named: Vec<Value> = changes.iter().enumerate().take(NAMED).map(entry).collect();
    let subject = Subject {
        token: Some(who.id),
        user: match &who.owner {
            Owner::User(name) => Some(name.to_string()),
            Owner::Project(_) | Owner::Repository(_) => None,
        },
        project: Some(repository.project().to_owned()),
        repository: Some(repository.name().to_owned()),
    };
    let event = if reasons.is_some() { Event::PushRefused } else { Event::PushForwarded };
    let details = json!({ "request": id, "count": changes.len(), "refs": named });
    let by = Author { who: Actor::Token(who.id), from: at.client, at: at.now };
    identify.tell(Note { event, subject, details }, by);
}
