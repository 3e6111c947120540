//! One request's visit: its id, what passes, and what will be written down about it.

use super::recorded::Recorded;
use crate::domain::intent::{Action, Intent};
use crate::domain::principal::TokenPrincipal;
use crate::domain::token::contains_form;
use crate::forward::body::{Body, Meter};
use crate::forward::headers::REQUEST_ID;
use crate::telemetry::{GuestBook, Record, Verdict};
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Where a token would stand in a log, this stands.
const HIDDEN: &str = "(hidden: it held a token)";

/// The request ids of one worker: 64 bits, from a random start on, by steps that visit every number.
pub struct Ids {
    next: Cell<u64>,
}

impl Ids {
    /// Ids from this random number on.
    #[must_use]
    pub fn starting_at(random: u64) -> Self {
        Self { next: Cell::new(random) }
    }

    pub(super) fn next(&self) -> String {
        // An odd step has a period of 2^64, and neighbours do not look alike.
        let id = self.next.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.next.set(id);
        format!("{id:016x}")
    }
}

/// What is known about a request so far.
pub(super) struct Visit {
    record: Box<Record>,
    start: Instant,
    meter: Rc<Meter>,
    book: Rc<GuestBook>,
    head_only: bool,
}

impl Visit {
    pub(super) fn new(
        id: String,
        head: &Parts,
        peer: Option<IpAddr>,
        book: &Rc<GuestBook>,
    ) -> Self {
        let hide = |text: &str| {
            let holds = contains_form(text.as_bytes())
                || contains_form(crate::domain::dialect::path::decode(text).as_bytes());
            if holds { HIDDEN.to_owned() } else { text.to_owned() }
        };
        let record = Box::new(Record {
            time: String::new(),
            level: "info",
            event: "request",
            id,
            client: peer,
            token: None,
            token_name: None,
            owner: None,
            action: Action::Unknown.name(),
            project: None,
            repository: None,
            method: hide(head.method.as_str()),
            path: hide(head.uri.path()),
            status: 0,
            verdict: Verdict::Allowed,
            reason: None,
            bytes_in: 0,
            bytes_out: 0,
            duration_us: 0,
            upstream_us: None,
        });
        let head_only = head.method == Method::HEAD;
        let (start, meter) = (Instant::now(), Meter::new());
        Self { record, start, meter, book: Rc::clone(book), head_only }
    }

    pub(super) fn id(&self) -> &str {
        &self.record.id
    }

    pub(super) fn id_value(&self) -> HeaderValue {
        // Hexadecimal digits always are one.
        HeaderValue::from_str(&self.record.id).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    pub(super) fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    pub(super) fn from(&mut self, client: Option<IpAddr>) {
        self.record.client = client;
    }

    pub(super) fn wants(&mut self, intent: &Intent) {
        self.record.action = intent.action.name();
        self.record.project = Some(intent.repository.project().to_owned());
        self.record.repository = Some(intent.repository.name().to_owned());
    }

    pub(super) fn is(&mut self, token: &TokenPrincipal) {
        self.record.token = Some(token.id.0);
        self.record.token_name = Some(token.name.clone());
        self.record.owner = Some(token.owner.to_string());
    }

    pub(super) fn upstream(&mut self, took: Duration) {
        self.record.upstream_us = Some(micros(took));
    }

    pub(super) fn refused(&mut self, verdict: Verdict, reason: &'static str) {
        self.record.verdict = verdict;
        self.record.reason = Some(reason);
    }

    /// Hands the answer over; the record is written when its body has ended.
    pub(super) fn answer(mut self, mut response: Response<Body>) -> Response<Recorded> {
        response.headers_mut().insert(REQUEST_ID, self.id_value());
        self.record.status = response.status().as_u16();
        response.map(|body| Recorded::new(body, self))
    }

    /// Writes the record down. `sent` is the bytes of the answer, `cut` why it did not end.
    pub(super) fn finish(&mut self, sent: u64, cut: Option<Cut>) {
        let record = &mut self.record;
        match cut {
            Some(Cut::Upstream) => {
                (record.verdict, record.reason) = (Verdict::Failed, Some("upstream-broke-off"));
            }
            Some(Cut::Client) if !self.head_only => record.reason = Some("client-left"),
            _ => {}
        }
        record.time = crate::telemetry::log::now();
        record.bytes_in = self.meter.received();
        record.bytes_out = sent;
        record.duration_us = micros(self.start.elapsed());
        self.book.write(record);
    }
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
