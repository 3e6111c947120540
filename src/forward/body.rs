//! Bodies on their way through: counted, watched for idleness, never collected.

use super::drain::Drain;
use super::http_backend::ChildOutput;
use super::pool::Lease;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// An error of any kind, as hyper takes them from bodies.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What passed in one exchange, and when something last did.
#[derive(Debug)]
pub struct Meter {
    last: Cell<Instant>,
    received: Cell<u64>,
    upload: Cell<UploadState>,
}

/// How far the request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// Still coming.
    Open,
    /// Taken whole.
    Done,
    /// It broke off on the client's side.
    Broken,
    /// It grew past the limit.
    TooLarge,
}

impl Meter {
    /// A meter that starts now.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            last: Cell::new(Instant::now()),
            received: Cell::new(0),
            upload: Cell::new(UploadState::Done),
        })
    }

    /// Bytes of the request's body so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// How far the request's body is.
    #[must_use]
    pub fn upload(&self) -> UploadState {
        self.upload.get()
    }

    pub(super) fn saw(&self) {
        self.last.set(Instant::now());
    }
}

/// The idle time-out of one exchange, both directions together: silence of one side is no fault while
/// the other speaks.
pub(super) struct Idle {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    pub(super) fn new(after: Duration) -> Self {
        Self { after, sleep: None }
    }

    /// Ready once nothing has passed for the whole time. Costs a timer only when somebody waits.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, meter: &Meter) -> Poll<()> {
        let end = |meter: &Meter| (meter.last.get() + self.after).into();
        let sleep =
            self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end(meter))));
        loop {
            ready!(sleep.as_mut().poll(cx));
            let end: tokio::time::Instant = (meter.last.get() + self.after).into();
            if end <= tokio::time::Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(end);
        }
    }
}

/// Waits for `future`, unless nothing passes in the exchange for the idle time-out.
pub(super) async fn unless_idle<F: Future>(
    future: F,
    meter: &Meter,
    after: Duration,
) -> Option<F::Output> {
    let mut idle = Idle::new(after);
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        idle.poll(cx, meter).map(|()| None)
    })
    .await
}

/// The body of a request on its way upstream. Trailers are dropped. What is left of it when nobody
/// wants it any more is drained.
pub struct Upload {
    body: Option<Incoming>,
    meter: Rc<Meter>,
    drain: Drain,
    limit: Option<u64>,
    /// The client waits for 100 Continue: while nothing was asked of the body, none is on its way.
    waits: bool,
}

impl Upload {
    /// The body of a request. `waits` says that the client sent `Expect: 100-continue`.
    #[must_use]
    pub fn new(
        body: Incoming,
        meter: &Rc<Meter>,
        drain: Drain,
        limit: Option<u64>,
        waits: bool,
    ) -> Self {
        let body = Some(body).filter(|body| !http_body::Body::is_end_stream(body));
        let state = if body.is_some() { UploadState::Open } else { UploadState::Done };
        meter.upload.set(state);
        Self { body, meter: Rc::clone(meter), drain, limit, waits }
    }

    /// A second handle on an empty body, for a request that may be sent again.
    pub(super) fn again(&self) -> Option<Self> {
        let empty = self.body.is_none();
        empty.then(|| Self {
            body: None,
            meter: Rc::clone(&self.meter),
            drain: self.drain.clone(),
            limit: None,
            waits: false,
        })
    }

    /// The length, where the head of the request told it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        http_body::Body::size_hint(self).exact()
    }

    /// The most bytes that it may have.
    pub(super) fn limit(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }

    fn end(&mut self, state: UploadState) {
        self.meter.upload.set(state);
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
        self.waits = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let data = match ready!(Pin::new(body).poll_frame(cx)) {
            Some(Ok(frame)) => frame.into_data().ok(),
            Some(Err(_)) => {
                self.end(UploadState::Broken);
                return Poll::Ready(Some(Err(BrokenOff)));
            }
            None => None,
        };
        let Some(data) = data else {
            self.end(UploadState::Done);
            return Poll::Ready(None);
        };
        let received = self.meter.received.get() + data.len() as u64;
        self.meter.received.set(received);
        self.meter.saw();
        if self.limit.is_some_and(|limit| received > limit) {
            // The rest is drained as this is dropped.
            self.meter.upload.set(UploadState::TooLarge);
            return Poll::Ready(Some(Err(BrokenOff)));
        }
        if self.body.as_ref().is_some_and(http_body::Body::is_end_stream) {
            self.end(UploadState::Done);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|_| !self.waits) {
            self.drain.take(body);
        }
    }
}

/// The body of an answer.
pub enum Body {
    /// One that gitlatch made.
    Ready(Full<Bytes>),
    /// One that streams from a host.
    Relay(Box<Relay>),
    /// One that streams from git's own backend.
    Child(Box<ChildOutput>),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Ready(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Relay(body) => Pin::new(&mut **body).poll_frame(cx),
            Self::Child(body) => Pin::new(&mut **body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ready(body) => body.is_end_stream(),
            Self::Relay(body) => body.incoming.is_end_stream(),
            Self::Child(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready(body) => body.size_hint(),
            Self::Relay(body) => body.incoming.size_hint(),
            Self::Child(body) => body.size_hint(),
        }
    }
}

/// An answer's body as it streams from the host. Its connection goes back to the pool with its end.
pub struct Relay {
    incoming: Incoming,
    idle: Idle,
    meter: Rc<Meter>,
    lease: Option<Lease>,
}

impl Relay {
    pub(super) fn new(incoming: Incoming, lease: Lease, meter: Rc<Meter>, idle: Duration) -> Self {
        Self { incoming, idle: Idle::new(idle), meter, lease: Some(lease) }
    }
}

impl http_body::Body for Relay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            ready!(this.idle.poll(cx, &this.meter));
            return Poll::Ready(Some(Err("the upstream was silent for too long".into())));
        };
        this.meter.saw();
        match frame {
            // Trailers are dropped.
            Some(Ok(frame)) => {
                Poll::Ready(frame.into_data().ok().map(|data| Ok(Frame::data(data))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let whole = http_body::Body::is_end_stream(&self.incoming)
            && self.meter.upload() == UploadState::Done;
        if let Some(lease) = self.lease.take().filter(|_| whole) {
            lease.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn idleness_counts_from_the_last_byte() {
        let meter = Meter::new();
        let never = std::future::pending::<()>();
        assert_eq!(unless_idle(never, &meter, Duration::ZERO).await, None);
        let soon = std::future::ready(7);
        assert_eq!(unless_idle(soon, &meter, Duration::ZERO).await, Some(7));
    }
}
