//! A client's socket that ends when the client stops taking what it is sent.
//!
//! The gate's idle time-out runs only while somebody asks the upstream for more, and nobody does while
//! a write to the client waits. So a client that reads nothing would hold its connection, and the
//! upstream's behind it, for ever.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream on which a write that waits fails once nothing has passed, either way, for a time.
pub(super) struct Impatient<T> {
    inner: T,
    after: Duration,
    /// Made at the first write that waits, and used again.
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    begun: Rc<Cell<bool>>,
}

impl<T> Impatient<T> {
    pub(super) fn new(inner: T, after: Duration) -> Self {
        Self { inner, after, sleep: None, waiting: false, begun: Rc::default() }
    }

    /// Whether anything has come, now and later.
    pub(super) fn begun(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.begun)
    }

    /// The outcome of a write: waiting has an end.
    fn bound<R>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.waiting = false;
            return result;
        }
        let sleep = match &mut self.sleep {
            Some(sleep) if self.waiting => sleep,
            Some(sleep) => {
                sleep.as_mut().reset(Instant::now() + self.after);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep(self.after))),
        };
        self.waiting = true;
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Impatient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.begun.set(true);
        }
        if read.is_ready() {
            // A client that sends is not idle; the next write that waits begins anew.
            self.waiting = false;
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Impatient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.bound(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bytes);
        self.bound(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.bound(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.bound(cx, result)
    }
}
