//! Bodies on their way through: counted, watched for idleness, never collected.

mod meter;
mod relay;
mod upload;

pub(super) use meter::{Idle, unless_idle};
pub use meter::{Meter, UploadState};
pub use relay::Relay;
pub use upload::{BrokenOff, Upload};

use super::http_backend::ChildOutput;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An error of any kind, as hyper takes them from bodies.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
            Self::Relay(body) => body.is_end_stream(),
            Self::Child(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready(body) => body.size_hint(),
            Self::Relay(body) => body.size_hint(),
            Self::Child(body) => body.size_hint(),
        }
    }
}
