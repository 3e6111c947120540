//! One request's visit: its id, what passes, and what will be written down about it.

use super::lfs::has_ticket;
use super::push::Held;
use super::recorded::Recorded;
use crate::domain::dialect::path::decode;
use crate::domain::git::receive_pack::RefChange;
use crate::domain::intent::{Action, Intent, Place};
use crate::domain::names::{RepoPath, UserName};
use crate::domain::principal::TokenPrincipal;
use crate::domain::token::contains_form;
use crate::forward::body::{Body, Meter};
use crate::forward::headers::REQUEST_ID;
use crate::telemetry::{GuestBook, PushedRef, Record, Verdict};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderValue, Method, Response, Uri};
use http_body_util::Full;
use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Where a token would stand in a log, this stands.
const HIDDEN: &str = "(hidden: it held a token)";

/// The most refs of one push that a line of the log names; the rest is counted.
const NAMED: usize = 100;
/// The reason that is written when the client left before the end.
const LEFT: &str = "client-left";
/// The status that is written down when the client left before there was an answer (nginx's number).
const CLIENT_LEFT: u16 = 499;

/// What is known about a request so far. It is written down when it goes, whatever made it go.
pub(super) struct Visit {
    id: HeaderValue,
    method: Method,
    target: Uri,
    has_ticket: bool,
    client: Option<IpAddr>,
    token: Option<Rc<TokenPrincipal>>,
    action: Action,
    place: Option<Place>,
    person: Option<UserName>,
    refs: Vec<RefChange>,
    refs_count: usize,
    status: u16,
    verdict: Verdict,
    reason: Option<&'static str>,
    upstream: Option<Duration>,
    sent: u64,
    start: Instant,
    meter: Rc<Meter>,
    book: Rc<GuestBook>,
    /// Counted for as long as the answer is there.
    held: Vec<Held>,
}

impl Visit {
    /// What is known about a request at its beginning. It is apart from whatever holds it: an answer passes
    /// through many hands, and each connection keeps room for one.
    pub(super) fn new(
        id: HeaderValue,
        head: &Parts,
        peer: Option<IpAddr>,
        book: &Rc<GuestBook>,
    ) -> Box<Self> {
        Box::new(Self {
            id,
            method: head.method.clone(),
            target: head.uri.clone(),
            has_ticket: has_ticket(head),
            client: peer,
            token: None,
            action: Action::Unknown,
            place: None,
            person: None,
            refs: Vec::new(),
            refs_count: 0,
            status: CLIENT_LEFT,
            verdict: Verdict::Allowed,
            reason: Some(LEFT),
            upstream: None,
            sent: 0,
            start: Instant::now(),
            meter: Meter::new(),
            book: Rc::clone(book),
            held: Vec::new(),
        })
    }

    pub(super) fn id(&self) -> &str {
        // Every byte is one of ASCII.
        self.id.to_str().unwrap_or_default()
    }

    pub(super) fn id_value(&self) -> HeaderValue {
        self.id.clone()
    }

    /// The path as it came.
    pub(super) fn path(&self) -> &str {
        self.target.path()
    }

    /// Whether it came with a ticket for a transfer of LFS, good or bad.
    pub(super) fn has_ticket(&self) -> bool {
        self.has_ticket
    }

    pub(super) fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    pub(super) fn from(&mut self, client: Option<IpAddr>) {
        self.client = client;
    }

    pub(super) fn wants(&mut self, intent: &Intent) {
        self.action = intent.action;
        self.place = Some(intent.place.clone());
    }

    /// Notes that it is for gitlatch itself.
    pub(super) fn manages(&mut self) {
        self.action = Action::Manage;
    }

    /// Notes the person who proved to be asking.
    pub(super) fn is_person(&mut self, person: Option<UserName>) {
        self.person = person;
    }

    /// The token that asks, if one does.
    pub(super) fn token(&self) -> Option<Rc<TokenPrincipal>> {
        self.token.clone()
    }

    /// Notes the refs that a push would change.
    pub(super) fn pushes(&mut self, changes: &[RefChange]) {
        self.refs_count = changes.len();
        self.refs = changes.iter().take(NAMED).cloned().collect();
    }

    pub(super) fn is(&mut self, token: &Rc<TokenPrincipal>) {
        self.token = Some(Rc::clone(token));
    }

    pub(super) fn upstream(&mut self, took: Duration) {
        self.upstream = Some(took);
    }

    pub(super) fn refused(&mut self, verdict: Verdict, reason: &'static str) {
        self.verdict = verdict;
        self.reason = Some(reason);
    }

    /// Hands the answer over; the record is written when its body has ended.
    pub(super) fn answer(mut self: Box<Self>, mut response: Response<Body>) -> Response<Recorded> {
        response.headers_mut().insert(REQUEST_ID, self.id_value());
        if self.method == Method::HEAD {
            response = headless(response);
        }
        self.status = response.status().as_u16();
        if self.reason == Some(LEFT) {
            self.reason = None;
        }
        response.map(|body| Recorded::new(body, self))
    }

    /// Keeps what is counted until the answer's body has ended.
    pub(super) fn keep(&mut self, held: Held) {
        self.held.push(held);
    }

    /// Notes so many more bytes of the answer's body.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// Notes that the answer's body did not come to its end.
    pub(super) fn cut(&mut self, by: Cut) {
        match by {
            Cut::Upstream => self.refused(Verdict::Failed, "upstream-broke-off"),
            Cut::Client => self.reason = Some(LEFT),
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.status = 500;
            self.refused(Verdict::Failed, "crashed");
        }
        let token = self.token.as_deref();
        let place = self.place.as_ref();
        let refs: Vec<PushedRef<'_>> = self.refs.iter().map(pushed).collect();
        self.book.write(&Record {
            refs: &refs,
            refs_count: (self.refs_count > refs.len()).then_some(self.refs_count),
            time: self.book.now().as_str(),
            id: self.id(),
            client: self.client,
            token: token.map(|token| token.id.0),
            token_name: token.map(|token| token.name.as_str()),
            owner: token.map(|token| token.owner.pieces()),
            user: self.person.as_ref().map(UserName::as_str),
            action: self.action,
            project: place.and_then(Place::project),
            repository: place.and_then(Place::repository).map(RepoPath::name),
            method: without_token(self.method.as_str()),
            path: without_token(self.path()),
            status: self.status,
            verdict: self.verdict,
            reason: self.reason,
            bytes_in: self.meter.received(),
            bytes_out: self.sent,
            duration_us: micros(self.start.elapsed()),
            upstream_us: self.upstream.map(micros),
        });
    }
}

fn pushed(change: &RefChange) -> PushedRef<'_> {
    let name = super::push::cut(without_token(change.name.as_str()));
    PushedRef { r#ref: name, old: &change.old, new: &change.new }
}

/// An answer to HEAD: the length of a body, and none. hyper sees to it on HTTP/1.1 only.
fn headless(mut response: Response<Body>) -> Response<Body> {
    let length = http_body::Body::size_hint(response.body()).exact().filter(|length| *length > 0);
    if let Some(length) = length {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
    }
    response.map(|_body| Body::Ready(Full::default()))
}

/// The text, unless a token stands in it in any spelling.
pub(super) fn without_token(text: &str) -> &str {
    let holds = contains_form(text.as_bytes())
        || matches!(decode(text), Cow::Owned(plain) if contains_form(plain.as_bytes()));
    if holds { HIDDEN } else { text }
}

/// Who ended an answer before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Upstream,
    Client,
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_token_is_written() {
        let token = format!("latu_{}", "a1B2".repeat(9));
        let escaped = token.bytes().fold(String::new(), |text, b| format!("{text}%{b:02x}"));
        let cases = [
            (token.clone(), false),
            (format!("/team/x{token}y.git"), false),
            (escaped.clone(), false),
            (format!("/%C3%28/{}", token.replacen('_', "%5F", 1)), false),
            (format!("/%zz/{}", token.replacen('l', "%6C", 1)), false),
            (token[..40].to_owned(), true),
            (format!("/{}", token.replace('u', "x")), true),
            (escaped[3..].to_owned(), true),
            ("/team/%20.git".to_owned(), true),
            ("GET".to_owned(), true),
        ];
        for (text, shown) in cases {
            assert_eq!(without_token(&text) == text, shown, "{text}");
        }
    }
}
