//! A request's body on its way upstream.

use super::meter::{Idle, Meter, UploadState};
use crate::forward::ForwardError;
use crate::forward::drain::Drain;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The body of a request on its way upstream. Trailers are dropped. What is left of it when nobody
/// wants it any more is drained.
///
/// It has the exchange's idle time-out on itself too: once the answer has ended, nobody else would
/// notice a client that never sends the rest.
pub struct Upload {
    body: Option<Incoming>,
    /// What was read ahead of its being sent on; it comes first.
    ahead: Option<Bytes>,
    meter: Rc<Meter>,
    idle: Idle,
    drain: Drain,
    limit: Option<u64>,
    /// The client waits for 100 Continue: while nothing was asked of the body, none is on its way.
    waits: bool,
    /// It is a push that was refused for its refs.
    pushed: bool,
}

impl Upload {
    /// The body of a request.
    ///
    /// `waits` says that the client holds the body back until it is told 100 Continue, that is, that it
    /// sent `Expect: 100-continue` (in any case; RFC 9110 §10.1.1). hyper sends the 100 when the body is
    /// first asked for anything; until then there is nothing that could be drained, and asking would
    /// call for a body that nobody wants. Under any other expectation the body is on its way already:
    /// it must be drained, so `waits` is false.
    #[must_use]
    pub fn new(
        body: Incoming,
        meter: &Rc<Meter>,
        drain: Drain,
        limit: Option<u64>,
        idle: Duration,
        waits: bool,
    ) -> Self {
        let body = Some(body).filter(|body| !http_body::Body::is_end_stream(body));
        let state = if body.is_some() { UploadState::Open } else { UploadState::Done };
        meter.set_upload(state);
        let meter = Rc::clone(meter);
        Self { body, ahead: None, meter, idle: Idle::new(idle), drain, limit, waits, pushed: false }
    }

    /// Whether there is nothing in it, so that a request may be sent again.
    pub(in crate::forward) fn is_none(&self) -> bool {
        self.body.is_none() && self.ahead.is_none()
    }

    /// Takes the body out of here, and leaves an empty one.
    pub(in crate::forward) fn take(&mut self) -> Self {
        let empty = self.beside();
        std::mem::replace(self, empty)
    }

    /// An empty body, for a request of gitlatch's own beside the one that this is the body of.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            body: None,
            ahead: None,
            meter: Rc::clone(&self.meter),
            idle: Idle::new(self.idle()),
            drain: self.drain.clone(),
            limit: None,
            waits: false,
            pushed: false,
        }
    }

    /// Gives back what was read of it, for whoever reads it next. It was counted when it was read.
    pub fn put_back(&mut self, read: Bytes) {
        self.ahead = (!read.is_empty()).then_some(read);
    }

    /// Notes that it is a push which was refused for its refs, whose rest git sends before it listens.
    pub fn is_pushed(&mut self) {
        self.pushed = true;
    }

    /// Why it broke off, when it did.
    #[must_use]
    pub fn fault(&self) -> ForwardError {
        match self.meter.upload() {
            UploadState::TooLarge => ForwardError::TooLarge(self.limit()),
            UploadState::Stalled => ForwardError::Stalled,
            UploadState::Open | UploadState::Done | UploadState::Broken => ForwardError::Client,
        }
    }

    /// The length, where the head of the request told it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        http_body::Body::size_hint(self).exact()
    }

    /// The most bytes that it may have.
    pub(in crate::forward) fn limit(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }

    /// How long nothing may pass in the exchange.
    pub(in crate::forward) fn idle(&self) -> Duration {
        self.idle.after()
    }

    fn end(&mut self, state: UploadState) {
        self.meter.set_upload(state);
        self.body = None;
    }
}

/// The end of a request's body before its end.
#[derive(Debug, thiserror::Error)]
#[error("the request's body broke off")]
pub struct BrokenOff;

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = &mut *self;
        this.waits = false;
        if let Some(ahead) = this.ahead.take() {
            return Poll::Ready(Some(Ok(Frame::data(ahead))));
        }
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        this.meter.set_awaits_client(polled.is_pending());
        let Poll::Ready(frame) = polled else {
            ready!(this.idle.poll(cx, &this.meter));
            this.end(UploadState::Stalled);
            return Poll::Ready(Some(Err(BrokenOff)));
        };
        let data = match frame {
            Some(Ok(frame)) => frame.into_data().ok(),
            Some(Err(_)) => {
                this.end(UploadState::Broken);
                return Poll::Ready(Some(Err(BrokenOff)));
            }
            None => None,
        };
        let Some(data) = data else {
            this.end(UploadState::Done);
            return Poll::Ready(None);
        };
        let received = this.meter.took(data.len() as u64);
        if this.limit.is_some_and(|limit| received > limit) {
            // The rest is drained as this is dropped.
            this.meter.set_upload(UploadState::TooLarge);
            return Poll::Ready(Some(Err(BrokenOff)));
        }
        if this.body.as_ref().is_some_and(http_body::Body::is_end_stream) {
            this.end(UploadState::Done);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.body.as_ref();
        let rest = rest.map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint);
        let ahead = self.ahead.as_ref().map_or(0, |ahead| ahead.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + ahead);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + ahead);
        }
        hint
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A client that has sent nothing for so long is not waited for once more.
        let wanted = !self.waits && self.meter.upload() != UploadState::Stalled;
        if let Some(body) = self.body.take().filter(|_| wanted) {
            self.drain.take(body, self.pushed);
        }
    }
}
