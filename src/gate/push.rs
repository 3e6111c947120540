//! A push, looked into before it is sent on: which refs it would change, and whether it may.
//!
//! The head of the body is read and given back untouched; the pack behind it streams on as it comes.

use super::refusal::Refusal;
use super::unpacked::Unpacked;
use super::visit::{Visit, without_token};
use super::{Gate, Rules};
use crate::domain::git::receive_pack::{Malformed, Push, Reader, RefChange};
use crate::domain::git::report;
use crate::domain::names::RepoPath;
use crate::domain::policy::refs::{self, Hold, Law, PushDenial};
use crate::domain::policy::{Circumstances, Denial};
use crate::domain::principal::{Owner, TokenPrincipal};
use crate::domain::token::TokenId;
use crate::domain::trail::{Actor, Author, Event, Note, Subject};
use crate::forward::ForwardError;
use crate::forward::body::{Body, Upload};
use crate::forward::queue::Holder;
use crate::reply;
use crate::telemetry::Verdict;
use bytes::BytesMut;
use http::Response;
use http::request::Parts;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The most bytes that the commands of a push may take: those of 20,000 refs with long names take half.
const MOST: usize = 8 * 1024 * 1024;
/// The longest that the head of a push may take to come: who may push is known, and may not be for ever.
const HEAD: Duration = Duration::from_mins(1);
/// The most bytes of heads that one worker holds at a time, of clients that begin and do not go on; and of
/// those of one holder. What is made of them takes some times as much. People, who may be anybody, get none
/// of the second half, which is for tokens.
const MOST_HELD: usize = 64 * 1024 * 1024;
const MOST_OF_PEOPLE: usize = MOST_HELD / 2;
const MOST_OF_ONE: usize = 2 * MOST;
/// The most refs of one push that the trail names; the rest is counted.
const NAMED: usize = 50;
/// The longest that a name or a reason stands in the trail or in the log.
const LONGEST: usize = 200;
/// How many pushes of one token a worker tells the trail of in a minute; the next one after that minute
/// tells how many were left out. The log tells of every one.
const TOLD: u32 = 60;
const MINUTE: Duration = Duration::from_mins(1);
/// The most tokens that are counted at a time. Beyond them the count begins anew.
const COUNTED: usize = 10_000;

/// What a worker remembers of pushes: how much the trail was told of each token's lately, and how many
/// bytes of heads it holds.
#[derive(Default)]
pub(super) struct Told {
    tokens: RefCell<HashMap<TokenId, Lately>>,
    held: Cell<usize>,
    held_by: RefCell<HashMap<Holder, usize>>,
}

/// Bytes of a head, or of a batch of LFS, counted while they are held.
pub(super) struct Held {
    told: Rc<Told>,
    holder: Holder,
    own: usize,
}

impl Held {
    /// Counts so many more, if there is room.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), ForwardError> {
        let mut holders = self.told.held_by.borrow_mut();
        let of_one = holders.entry(self.holder).or_default();
        let all = self.told.held.get() + bytes;
        let room = match self.holder {
            Holder::Token(_) => MOST_HELD,
            Holder::Person(_) => MOST_OF_PEOPLE,
        };
        // One push always has room beside others of its holder.
        if all > room || (*of_one > self.own && *of_one + bytes > MOST_OF_ONE) {
            return Err(ForwardError::Busy);
        }
        self.own += bytes;
        *of_one += bytes;
        self.told.held.set(all);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.told.held.set(self.told.held.get() - self.own);
        let mut holders = self.told.held_by.borrow_mut();
        let left = holders.get(&self.holder).map_or(0, |held| held - self.own);
        if left == 0 {
            holders.remove(&self.holder);
        } else {
            holders.insert(self.holder, left);
        }
    }
}

struct Lately {
    since: Instant,
    told: u32,
    left_out: u64,
}

impl Told {
    /// Nothing held yet for whoever this is.
    pub(super) fn hold(self: &Rc<Self>, holder: Holder) -> Held {
        Held { told: Rc::clone(self), holder, own: 0 }
    }

    /// Whether one more push of this token is to be told, and how many were not before it.
    pub(super) fn admit(&self, token: TokenId, now: Instant) -> Option<u64> {
        let mut tokens = self.tokens.borrow_mut();
        if tokens.len() >= COUNTED && !tokens.contains_key(&token) {
            tokens.clear();
        }
        let lately = tokens.entry(token).or_insert(Lately { since: now, told: 0, left_out: 0 });
        if now.duration_since(lately.since) >= MINUTE {
            (lately.since, lately.told) = (now, 0);
        }
        lately.told += 1;
        if lately.told > TOLD {
            lately.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut lately.left_out))
    }
}

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
        let push = self.head_of_push(head, upload, Holder::Token(who.id)).await?;
        let law = Law {
            protections: &rules.protections,
            options: &rules.push_options,
            tells_force: self.forwarder.tells_force(),
        };
        let judged = match refs::judge(who, repository, &push, law) {
            Ok(hold) => self.symbolic(who, repository, &push, rules)?.map_or(Ok(hold), Err),
            Err(denial) => Err(denial),
        };
        let reasons = judged.as_ref().err().map(|denial| denial.reasons.as_slice());
        visit.pushes(&push.changes);
        if !push.changes.is_empty()
            && let Some(left_out) = self.told.admit(who.id, Instant::now())
        {
            let note = note((who, repository), &push.changes, reasons, visit.id(), left_out);
            let by = Author { who: Actor::Token(who.id), from: at.client, at: at.now };
            self.identify.tell(note, by);
        }
        match judged {
            Ok(hold) => Ok(Judged::Forward(hold)),
            Err(denial) => refuse(&push, &denial, upload, visit),
        }
    }
}

impl Gate {
    /// Reads the head of a push, and gives every byte that was read back.
    pub(super) async fn head_of_push(
        &self,
        head: &Parts,
        upload: &mut Upload,
        holder: Holder,
    ) -> Result<Push, Refusal> {
        let unpacked = Unpacked::of(&head.headers, MOST)?;
        let coming = tokio::time::timeout(HEAD, peek(upload, unpacked, &self.told, holder)).await;
        coming.map_err(|_elapsed| Refusal::from(ForwardError::Stalled))?
    }

    /// git changes what a symbolic ref points to: where refs are held to rules, none may be pushed to.
    fn symbolic(
        &self,
        who: &TokenPrincipal,
        repository: &RepoPath,
        push: &Push,
        rules: &Rules,
    ) -> Result<Option<PushDenial>, Refusal> {
        if who.limits.refs.is_empty() && rules.protections.is_empty() {
            return Ok(None);
        }
        let mut names = push.changes.iter().map(|change| change.name.as_str());
        let Some(name) = self.forwarder.symbolic(repository, &mut names)? else {
            return Ok(None);
        };
        let text = format!("{name} is symbolic, and what it stands for is not what is judged");
        Ok(Some(PushDenial { reasons: vec![text.clone(); push.changes.len()], text }))
    }
}

async fn peek(
    upload: &mut Upload,
    mut unpacked: Unpacked,
    told: &Rc<Told>,
    holder: Holder,
) -> Result<Push, Refusal> {
    let (mut held, mut reader) = (BytesMut::new(), Reader::new());
    let mut counted = told.hold(holder);
    loop {
        let Some(frame) = upload.frame().await else { return Err(Malformed::Short.into()) };
        let Ok(frame) = frame else { return Err(upload.fault().into()) };
        let Some(data) = frame.data_ref() else { continue };
        counted.grow(data.len())?;
        held.extend_from_slice(data);
        let before = unpacked.held();
        let taken = unpacked.take(data);
        counted.grow(unpacked.held() - before)?;
        if let Some(push) = reader.read(unpacked.read(&held))? {
            upload.put_back(held.freeze());
            return Ok(push);
        }
        taken?;
        if held.len() > MOST {
            return Err(Malformed::Many.into());
        }
    }
}

/// The answer that git shows, a line for each ref; or a plain refusal to a client that takes no report.
pub(super) fn refuse(
    push: &Push,
    denial: &PushDenial,
    upload: &mut Upload,
    visit: &mut Visit,
) -> Result<Judged, Refusal> {
    let names = push.changes.iter().map(|change| &change.name);
    let refused: Vec<_> = names.zip(denial.reasons.iter().cloned()).collect();
    let text = format!("gitlatch: {} (request {})", denial.text, visit.id());
    let Some(report) = report::refused(push.manner, &refused, &text) else {
        return Err(Denial::Refs { text: denial.text.clone() }.into());
    };
    visit.refused(Verdict::Refused, "refs");
    upload.is_pushed();
    Ok(Judged::Answered(reply::pushed(report).map(Body::Ready)))
}

/// What the trail is told: each ref with its ids, and the verdict.
fn note(
    (who, repository): (&TokenPrincipal, &RepoPath),
    changes: &[RefChange],
    reasons: Option<&[String]>,
    id: &str,
    left_out: u64,
) -> Note {
    let entry = |(number, change): (usize, &RefChange)| -> Value {
        let name = cut(without_token(change.name.as_str()));
        let mut entry = json!({ "ref": name, "old": change.old, "new": change.new });
        if let Some(reason) = reasons.and_then(|reasons| reasons.get(number)) {
            entry["reason"] = cut(without_token(reason)).into();
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
    let mut details = json!({ "request": id, "count": changes.len(), "refs": named });
    if left_out > 0 {
        details["leftOut"] = left_out.into();
    }
    Note { event, subject, details }
}

/// The beginning of a text that a client may have made long.
pub(super) fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trail_is_told_of_so_many_pushes_a_minute() {
        let (told, start) = (Told::default(), Instant::now());
        let admitted = |token, at| told.admit(TokenId(token), at);
        let count = (0..TOLD + 5).filter(|_| admitted(1, start).is_some()).count();
        assert_eq!(count, TOLD as usize);
        assert_eq!(admitted(2, start), Some(0), "another token is counted by itself");
        assert_eq!(admitted(1, start + MINUTE), Some(5));
        assert_eq!(admitted(1, start + MINUTE), Some(0));
    }
}
