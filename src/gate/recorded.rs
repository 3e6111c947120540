//! The body of every answer, which writes the record when it ends, however it ends.

use super::visit::{Cut, Visit};
use crate::forward::body::{Body, BoxError};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer's body and the visit that it ends.
pub struct Recorded {
    body: Body,
    /// `None` for an answer about which nothing is known any more: the request crashed.
    visit: Option<Visit>,
    sent: u64,
    ended: bool,
    cut: Option<Cut>,
}

impl Recorded {
    pub(super) fn new(body: Body, visit: Visit) -> Self {
        Self { body, visit: Some(visit), sent: 0, ended: false, cut: None }
    }

    /// A body without a visit.
    #[must_use]
    pub fn unrecorded(body: Body) -> Self {
        Self { body, visit: None, sent: 0, ended: false, cut: None }
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
        match &frame {
            Some(Ok(frame)) => {
                this.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Some(Err(_)) => this.cut = Some(Cut::Upstream),
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
        if let Some(visit) = &self.visit {
            let whole = self.ended || self.body.is_end_stream();
            visit.finish(self.sent, self.cut.or((!whole).then_some(Cut::Client)));
        }
    }
}
