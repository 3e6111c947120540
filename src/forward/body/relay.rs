//! An answer's body on its way from a host to the client.

use super::BoxError;
use super::meter::{Idle, Meter, UploadState};
use crate::forward::pool::Lease;
use crate::forward::queue::Slot;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// An answer's body as it streams from the host. Its connection goes back to the pool with its end.
pub struct Relay {
    incoming: Incoming,
    /// The end was seen. A chunked body does not say that it is at its end until it was asked.
    ended: bool,
    idle: Idle,
    meter: Rc<Meter>,
    lease: Option<Lease>,
    _slot: Slot,
}

impl Relay {
    pub(in crate::forward) fn new(
        incoming: Incoming,
        lease: Lease,
        meter: Rc<Meter>,
        idle: Duration,
        slot: Slot,
    ) -> Self {
        let (idle, lease) = (Idle::new(idle), Some(lease));
        Self { incoming, ended: false, idle, meter, lease, _slot: slot }
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
        if this.ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            ready!(this.idle.poll(cx, &this.meter));
            return Poll::Ready(Some(Err("the upstream was silent for too long".into())));
        };
        this.meter.saw();
        if let Some(Err(error)) = frame {
            return Poll::Ready(Some(Err(error.into())));
        }
        // Trailers are the end, and are dropped.
        let data = frame.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
        this.ended = data.is_none();
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let whole =
            http_body::Body::is_end_stream(self) && self.meter.upload() == UploadState::Done;
        if let Some(lease) = self.lease.take().filter(|_| whole) {
            lease.give_back();
        }
    }
}
