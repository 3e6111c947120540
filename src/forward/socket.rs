//! The socket to a host: TCP or TLS, patient when the host answers before it has heard us out, and not
//! for ever when it neither reads nor answers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::client::TlsStream;

/// How long an answer may still take once the host has stopped listening.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a host.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// A stream whose failing writes wait instead of failing, for a bounded time.
///
/// A host that refuses an upload early answers and closes while we still send. Our next write fails,
/// and hyper would give the connection up with the answer unread in it. Here the write just does not
/// complete, and reading goes on until the answer, the end, or the end of patience.
///
/// A host that stops reading while it says nothing is given up: once its answer has ended nobody else
/// waits for it, and an upload that cannot be written asks for no more of itself.
pub(super) struct Patient<T> {
    inner: T,
    failed: Option<(Pin<Box<Sleep>>, io::ErrorKind)>,
    /// How long a write may wait while nothing is read.
    after: Duration,
    /// Made at the first write that waits, and used again.
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl<T> Patient<T> {
    pub(super) fn new(inner: T, after: Duration) -> Self {
        Self { inner, failed: None, after, sleep: None, waiting: false }
    }

    /// The outcome of a write: an error becomes waiting, and waiting has an end.
    fn wait<R>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if result.is_pending() {
            ready!(self.poll_stuck(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.waiting = false;
        match ready!(result) {
            Ok(done) => Poll::Ready(Ok(done)),
            Err(error) => {
                let until = Box::pin(tokio::time::sleep(PATIENCE));
                self.failed = Some((until, error.kind()));
                self.still_waiting(cx).map(|kind| Err(kind.into()))
            }
        }
    }

    /// Pending while a write may still wait.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = match &mut self.sleep {
            Some(sleep) if self.waiting => sleep,
            Some(sleep) => {
                sleep.as_mut().reset(Instant::now() + self.after);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep(self.after))),
        };
        self.waiting = true;
        sleep.as_mut().poll(cx)
    }

    /// Pending while patience lasts after a failed write.
    fn still_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::ErrorKind> {
        match &mut self.failed {
            Some((sleep, kind)) => {
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(*kind)
            }
            None => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if read.is_ready() {
            // A host that speaks is not idle; the next write that waits begins anew.
            self.waiting = false;
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return self.still_waiting(cx).map(|kind| Err(kind.into()));
        }
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.wait(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return self.still_waiting(cx).map(|kind| Err(kind.into()));
        }
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bytes);
        self.wait(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.failed.is_some() {
            return self.still_waiting(cx).map(|kind| Err(kind.into()));
        }
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.wait(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.failed.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
