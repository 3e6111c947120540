//! What the program writes, as the body of an answer.

use super::super::body::{BoxError, Idle, Meter};
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout};
use tokio_util::io::poll_read_buf;

/// The most that is read at once.
const CHUNK: usize = 128 * 1024;

/// The running program and what it has written so far.
pub struct ChildOutput {
    stdout: ChildStdout,
    state: State,
    buffer: BytesMut,
    meter: Rc<Meter>,
    idle: Idle,
}

enum State {
    /// It may write more.
    Writing(Child),
    /// It has closed its output, and its exit status says whether that was all.
    Ending(Pin<Box<dyn Future<Output = io::Result<ExitStatus>>>>),
    /// It has ended well.
    Ended,
}

impl ChildOutput {
    pub(super) fn new(stdout: ChildStdout, child: Child, meter: Rc<Meter>, idle: Duration) -> Self {
        let state = State::Writing(child);
        Self { stdout, state, buffer: BytesMut::new(), meter, idle: Idle::new(idle) }
    }

    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes the first bytes off what is buffered.
    pub(super) fn take(&mut self, length: usize) -> Bytes {
        self.buffer.split_to(length).freeze()
    }

    /// Reads more into the buffer; false at the end.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(8 * 1024);
        self.stdout.read_buf(&mut self.buffer).await.map(|read| read > 0)
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if !self.buffer.is_empty() {
            return Poll::Ready(Ok(Some(self.buffer.split().freeze())));
        }
        self.buffer.reserve(CHUNK);
        let read = ready!(poll_read_buf(Pin::new(&mut self.stdout), cx, &mut self.buffer))?;
        Poll::Ready(Ok((read > 0).then(|| self.buffer.split().freeze())))
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let State::Writing(_) = self.state
            && let State::Writing(mut child) = std::mem::replace(&mut self.state, State::Ended)
        {
            self.state = State::Ending(Box::pin(async move { child.wait().await }));
        }
        let State::Ending(wait) = &mut self.state else { return Poll::Ready(Ok(())) };
        let status = ready!(wait.as_mut().poll(cx));
        self.state = State::Ended;
        match status {
            Ok(status) if status.success() => Poll::Ready(Ok(())),
            // What was sent is not the whole: the connection must break, not end.
            Ok(status) => Poll::Ready(Err(format!("git http-backend ended with {status}").into())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

impl http_body::Body for ChildOutput {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Poll::Ready(chunk) = this.poll_chunk(cx) else {
            ready!(this.idle.poll(cx, &this.meter));
            if let State::Writing(child) = &this.state {
                super::end(child);
            }
            return Poll::Ready(Some(Err("git http-backend was silent for too long".into())));
        };
        this.meter.saw();
        match chunk {
            Ok(Some(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Ok(None) => Poll::Ready(ready!(this.poll_end(cx)).err().map(Err)),
            Err(error) => Poll::Ready(Some(Err(error.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}
