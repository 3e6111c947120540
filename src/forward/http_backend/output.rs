//! What the program writes, as the body of an answer.

use super::super::body::{BoxError, Idle, Meter};
use super::super::queue::Slot;
use super::running::Running;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio_util::io::poll_read_buf;

/// The most that is read at once.
const CHUNK: usize = 128 * 1024;

/// The running program and what it has written so far.
pub struct ChildOutput {
    stdout: ChildStdout,
    /// It has closed its output, and its exit status says whether that was all.
    closed: bool,
    program: Running,
    buffer: BytesMut,
    /// What of a length that was promised is still to come.
    left: Option<u64>,
    meter: Rc<Meter>,
    idle: Idle,
    _slot: Slot,
}

impl ChildOutput {
    pub(super) fn new(
        stdout: ChildStdout,
        program: Running,
        meter: Rc<Meter>,
        idle: Duration,
        slot: Slot,
    ) -> Self {
        let (idle, buffer) = (Idle::new(idle), BytesMut::new());
        Self { stdout, closed: false, program, buffer, left: None, meter, idle, _slot: slot }
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
        let read = self.stdout.read_buf(&mut self.buffer).await?;
        self.meter.saw();
        Ok(read > 0)
    }

    /// Notes the length that the head promised: with its last byte the answer is whole.
    pub(super) fn promise(&mut self, length: u64) {
        self.left = Some(length);
        self.took(0);
    }

    fn took(&mut self, bytes: usize) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(bytes as u64);
            if *left == 0 {
                self.program.may_finish();
            }
        }
    }

    /// Ends the program, whatever it is at.
    pub(super) fn end(&mut self) {
        self.program.end();
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        if !self.buffer.is_empty() {
            return Poll::Ready(Some(Ok(self.buffer.split().freeze())));
        }
        if !self.closed {
            self.buffer.reserve(CHUNK);
            let read = ready!(poll_read_buf(Pin::new(&mut self.stdout), cx, &mut self.buffer))?;
            if read > 0 {
                return Poll::Ready(Some(Ok(self.buffer.split().freeze())));
            }
            self.closed = true;
        }
        let Some(status) = ready!(self.program.poll_wait(cx)).transpose()? else {
            return Poll::Ready(None);
        };
        // What was sent is not the whole: the connection must break, not end.
        let failed = || Err(format!("git http-backend ended with {status}").into());
        Poll::Ready((!status.success()).then(failed))
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
        if let Poll::Ready(next) = this.poll_next(cx) {
            this.meter.saw();
            if let Some(Ok(data)) = &next {
                this.took(data.len());
            }
            return Poll::Ready(next.map(|next| next.map(Frame::data)));
        }
        ready!(this.idle.poll(cx, &this.meter));
        this.program.end();
        Poll::Ready(Some(Err("git http-backend was silent for too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0) || self.program.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
