//! The body of every answer, which writes the record when it ends, however it ends.

use super::visit::{Cut, Visit};
use crate::forward::body::{Body, BoxError, UploadState};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer's body and the visit that ends with it.
pub struct Recorded {
    body: Body,
    /// `None` for an answer about which nothing is known any more: the request crashed.
    visit: Option<Box<Visit>>,
    /// The body's own end was seen, or noted as missing.
    ended: bool,
}

impl Recorded {
    pub(super) fn new(body: Body, visit: Box<Visit>) -> Self {
        Self { body, visit: Some(visit), ended: false }
    }

    /// A body without a visit.
    #[must_use]
    pub fn unrecorded(body: Body) -> Self {
        Self { body, visit: None, ended: false }
    }
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        let Some(visit) = &mut this.visit else { return Poll::Ready(frame) };
        match &frame {
            Some(Ok(frame)) => visit.sent(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) => {
                this.ended = true;
                visit.cut(match visit.meter().upload() {
                    UploadState::Broken | UploadState::Stalled | UploadState::TooLarge => {
                        Cut::Client
                    }
                    UploadState::Open | UploadState::Done => Cut::Upstream,
                });
            }
            None => this.ended = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let whole = self.ended || self.body.is_end_stream();
        if let Some(visit) = self.visit.as_mut().filter(|_| !whole) {
            visit.cut(Cut::Client);
        }
    }
}
