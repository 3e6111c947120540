//! What passed in one exchange, and the idle time-out over both of its directions.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// What passed in one exchange, and when something last did.
#[derive(Debug)]
pub struct Meter {
    last: Cell<Instant>,
    received: Cell<u64>,
    upload: Cell<UploadState>,
    /// The body was asked for more, and the client has not sent any yet.
    awaits_client: Cell<bool>,
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
    /// The client stopped sending, and nothing else passed either, for the idle time-out.
    Stalled,
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
            awaits_client: Cell::new(false),
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

    /// Notes that something passed; when.
    pub(in crate::forward) fn saw(&self) -> Instant {
        let now = Instant::now();
        self.last.set(now);
        now
    }

    /// Notes so many more bytes of the request's body; how many they are now.
    pub(super) fn took(&self, bytes: u64) -> u64 {
        let received = self.received.get() + bytes;
        self.received.set(received);
        self.saw();
        received
    }

    pub(super) fn set_upload(&self, state: UploadState) {
        self.upload.set(state);
    }

    pub(super) fn set_awaits_client(&self, awaits: bool) {
        self.awaits_client.set(awaits);
    }

    /// Nothing passed for too long: it is the client's fault when the client was asked last.
    fn went_idle(&self) {
        if self.upload() == UploadState::Open && self.awaits_client.get() {
            self.upload.set(UploadState::Stalled);
        }
    }
}

/// The idle time-out of one exchange, both directions together: silence of one side is no fault while
/// the other speaks.
pub(in crate::forward) struct Idle {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    pub(in crate::forward) fn new(after: Duration) -> Self {
        Self { after, sleep: None }
    }

    pub(super) fn after(&self) -> Duration {
        self.after
    }

    /// Ready once nothing has passed for the whole time. Costs a timer only when somebody waits.
    pub(in crate::forward) fn poll(&mut self, cx: &mut Context<'_>, meter: &Meter) -> Poll<()> {
        let end = |meter: &Meter| (meter.last.get() + self.after).into();
        let sleep =
            self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end(meter))));
        loop {
            ready!(sleep.as_mut().poll(cx));
            let end: tokio::time::Instant = (meter.last.get() + self.after).into();
            if end <= tokio::time::Instant::now() {
                meter.went_idle();
                return Poll::Ready(());
            }
            sleep.as_mut().reset(end);
        }
    }
}

/// Waits for `future`, unless nothing passes in the exchange for the idle time-out. Whose fault that
/// is, the meter's [`Meter::upload`] tells then. It borrows the future, which as an argument would lie in
/// it twice.
pub(in crate::forward) async fn unless_idle<F: Future>(
    mut future: Pin<&mut F>,
    meter: &Meter,
    after: Duration,
) -> Option<F::Output> {
    let mut idle = Idle::new(after);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        idle.poll(cx, meter).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[tokio::test(start_paused = true)]
    async fn idleness_counts_from_the_last_byte() {
        let meter = Meter::new();
        let never = pin!(std::future::pending::<()>());
        assert_eq!(unless_idle(never, &meter, Duration::ZERO).await, None);
        let soon = pin!(std::future::ready(7));
        assert_eq!(unless_idle(soon, &meter, Duration::ZERO).await, Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn idleness_is_the_fault_of_whom_was_asked_last() {
        use UploadState::{Done, Open, Stalled};
        for (upload, asked, after) in
            [(Open, true, Stalled), (Open, false, Open), (Done, true, Done), (Done, false, Done)]
        {
            let meter = Meter::new();
            meter.set_upload(upload);
            meter.set_awaits_client(asked);
            let never = pin!(std::future::pending::<()>());
            assert_eq!(unless_idle(never, &meter, Duration::ZERO).await, None);
            assert_eq!(meter.upload(), after, "{upload:?} {asked}");
        }
    }
}
