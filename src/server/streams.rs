//! What goes on in one HTTP/2 connection, so that it ends when nothing does.
//!
//! In HTTP/1 a client that asks for nothing, or takes nothing, shows at the socket: `header_timeout` and
//! [`super::impatient`] see to it. In HTTP/2 the socket lives on pings while no stream is open, and
//! while a client that grants no window holds every one of them.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The most of a body that is handed over at once. A client that takes so much within the idle time-out
/// is a slow one, not a stalled one.
const PIECE: usize = 64 * 1024;

/// The streams of one connection, as far as the service has them.
pub(super) struct Streams {
    /// Requests whose answer has not ended.
    open: Cell<usize>,
    /// Answers of which something was handed over, or could be, and nothing more was asked for since.
    untaken: Cell<usize>,
    /// When a stream last ended, or the connection began.
    quiet: Cell<Instant>,
    /// When anything of an answer was last handed over or asked for.
    moved: Cell<Instant>,
    /// There has been a request.
    begun: Cell<bool>,
    /// How many more streams were given up by the client than came to their end, and how many may be.
    given_up: Cell<usize>,
    resets: usize,
    /// Told when more were.
    flooded: Notify,
}

/// Why a connection should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lull {
    /// No stream is open.
    Quiet,
    /// The client takes nothing of what it asked for.
    Untaken,
}

impl Streams {
    /// Those of a connection that begins now, whose client may give up so many more than it lets end.
    pub(super) fn new(resets: usize) -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            open: Cell::new(0),
            untaken: Cell::new(0),
            quiet: Cell::new(now),
            moved: Cell::new(now),
            begun: Cell::new(false),
            given_up: Cell::new(0),
            resets,
            flooded: Notify::new(),
        })
    }

    /// There has been a request.
    pub(super) fn begun(&self) -> bool {
        self.begun.get()
    }

    /// A request that was just read.
    pub(super) fn open(self: &Rc<Self>) -> Stream {
        self.open.set(self.open.get() + 1);
        self.begun.set(true);
        // A new request has the whole time, whatever became of the last one.
        self.moved.set(Instant::now());
        Stream { streams: Rc::clone(self), untaken: false, ended: false }
    }

    /// Waits until the client has given up too many. h2 itself bounds those that are given up before they
    /// were looked at; of these, each had begun to be served, perhaps by the host behind.
    pub(super) async fn flood(&self) {
        self.flooded.notified().await;
    }

    fn closed(&self, ended: bool) {
        let count = self.given_up.get();
        self.given_up.set(if ended { count.saturating_sub(1) } else { count + 1 });
        if self.given_up.get() > self.resets {
            self.flooded.notify_one();
        }
    }

    /// Waits until no stream was open for `quiet`, or nothing of any answer was taken for `idle`.
    pub(super) async fn lull(&self, quiet: Duration, idle: Duration) -> Lull {
        let start = Instant::now();
        loop {
            let (due, lull) = if self.open.get() == 0 {
                (self.quiet.get().max(start) + quiet, Some(Lull::Quiet))
            } else if self.untaken.get() > 0 {
                (self.moved.get() + idle, Some(Lull::Untaken))
            } else {
                // Whatever begins from now on is not due before.
                (Instant::now() + quiet.min(idle), None)
            };
            match lull.filter(|_| due <= Instant::now()) {
                Some(lull) => return lull,
                None => tokio::time::sleep_until(due).await,
            }
        }
    }
}

/// One request and its answer; dropping it is their end.
pub(super) struct Stream {
    streams: Rc<Streams>,
    untaken: bool,
    /// Its answer was handed over whole, or broke off by itself.
    ended: bool,
}

impl Stream {
    /// The client is to take something, or has.
    fn set_untaken(&mut self, untaken: bool) {
        let streams = &self.streams;
        streams.moved.set(Instant::now());
        if untaken != self.untaken {
            self.untaken = untaken;
            let count = streams.untaken.get();
            streams.untaken.set(if untaken { count + 1 } else { count - 1 });
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.untaken {
            self.set_untaken(false);
        }
        self.streams.closed(self.ended);
        self.streams.open.set(self.streams.open.get() - 1);
        self.streams.quiet.set(Instant::now());
    }
}

pin_project! {
    /// The body of an answer, which tells its stream what becomes of it.
    pub(super) struct Watched<B> {
        #[pin]
        body: B,
        // What of the last frame was not handed over yet.
        rest: Bytes,
        stream: Stream,
    }
}

impl<B: Body> Watched<B> {
    pub(super) fn new(body: B, mut stream: Stream) -> Self {
        // The head is not taken yet; it is when the client makes room for what follows it.
        stream.set_untaken(true);
        stream.ended = body.is_end_stream();
        Self { body, rest: Bytes::new(), stream }
    }
}

impl<B: Body<Data = Bytes>> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        this.stream.set_untaken(false);
        if this.rest.is_empty() {
            match ready!(this.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => {
                    // Broken off is no doing of the client's either.
                    this.stream.ended = true;
                    return Poll::Ready(end);
                }
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        this.stream.ended = this.rest.is_empty() && this.body.is_end_stream();
        this.stream.set_untaken(true);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
