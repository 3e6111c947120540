//! How many requests are under way upstream at once, and who waits for one of them to end.
//!
//! All workers share it. A host that has become slow is not buried under what keeps coming: a bounded
//! number waits for a bounded time, first come first served, and everybody else is told at once. Nobody may
//! have all of it: a client that does not take its answers keeps its slots.

mod share;

pub use share::Holder;

use super::ForwardError;
use share::Shares;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Requests under way at once; at least 1.
    pub requests: usize,
    /// Requests that may wait.
    pub waiting: usize,
    /// For how long each of them may.
    pub wait: Duration,
    /// How many of one holder may be under way or waiting; at least 1, and `None` is no end.
    pub share: Option<usize>,
}

/// Requests under way upstream, and those that wait.
#[derive(Debug)]
pub struct Queue {
    slots: Semaphore,
    /// How many slots there should be. Locked when that changes.
    size: Mutex<usize>,
    /// Slots that are still taken although there should be fewer: given back, they are no more.
    owed: AtomicUsize,
    waiting: AtomicUsize,
    most_waiting: AtomicUsize,
    wait_millis: AtomicU64,
    shares: Shares,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let queue = Self {
            slots: Semaphore::new(0),
            size: Mutex::new(0),
            owed: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            most_waiting: AtomicUsize::new(0),
            wait_millis: AtomicU64::new(0),
            shares: Shares::new(),
        };
        queue.resize(bounds);
        Arc::new(queue)
    }

    /// Changes the bounds. Those who are under way are, and those who wait go on to, as long as they were
    /// told.
    pub fn resize(&self, bounds: Bounds) {
        let millis = u64::try_from(bounds.wait.as_millis()).unwrap_or(u64::MAX);
        self.wait_millis.store(millis, Ordering::Relaxed);
        self.most_waiting.store(bounds.waiting, Ordering::Relaxed);
        self.shares.resize(bounds.share);
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = bounds.requests.clamp(1, Semaphore::MAX_PERMITS);
        if requests >= *size {
            let more = (*size..requests).filter(|_| !self.pay()).count();
            self.slots.add_permits(more);
        } else {
            let fewer = *size - requests;
            self.owed.fetch_add(fewer - self.slots.forget_permits(fewer), Ordering::Relaxed);
        }
        *size = requests;
    }

    /// A slot for one exchange of this holder's with the host; at once when there is one.
    ///
    /// # Errors
    /// When the holder has its share, too many wait already, or none became free in time.
    pub async fn enter(self: &Arc<Self>, holder: Holder) -> Result<Slot, ForwardError> {
        // Who waits has it too: the places to wait are no more for one alone than the slots are.
        let holder = self.shares.take(holder).map_err(|_| ForwardError::QueueShare)?;
        let part = Part { queue: Arc::clone(self), holder };
        match self.slots.try_acquire() {
            Ok(permit) => {
                permit.forget();
                Ok(Slot(part))
            }
            // Apart: nearly nobody waits, and everybody would carry the room for it.
            Err(_) => Box::pin(self.wait(part)).await,
        }
    }

    async fn wait(&self, part: Part) -> Result<Slot, ForwardError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        // Who leaves is counted off as well.
        let _waiting = Waiting(&self.waiting);
        if before >= self.most_waiting.load(Ordering::Relaxed) {
            return Err(ForwardError::QueueFull);
        }
        let wait = Duration::from_millis(self.wait_millis.load(Ordering::Relaxed));
        match tokio::time::timeout(wait, self.slots.acquire()).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(Slot(part))
            }
            // It is never closed.
            Ok(Err(_)) | Err(_) => Err(ForwardError::QueueWait),
        }
    }

    /// Requests under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        let size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let there = *size + self.owed.load(Ordering::Relaxed);
        there.saturating_sub(self.slots.available_permits())
    }

    /// Requests that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes one off what is owed; false when nothing is.
    fn pay(&self) -> bool {
        let less = |owed: usize| owed.checked_sub(1);
        // The load costs nothing; the exchange would, at the end of every request.
        self.owed.load(Ordering::Relaxed) > 0
            && self.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One of a holder's share of the queue, under way or waiting. Uncounted where there was no share.
#[derive(Debug)]
struct Part {
    queue: Arc<Queue>,
    holder: Option<Holder>,
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(holder) = self.holder {
            self.queue.shares.give_back(holder);
        }
    }
}

/// The right to one exchange with the host, to the end of its answer.
#[derive(Debug)]
#[must_use = "dropped, another one may go"]
pub struct Slot(Part);

impl Drop for Slot {
    fn drop(&mut self) {
        let queue = &self.0.queue;
        if !queue.pay() {
            queue.slots.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::token::TokenId;

    const WAIT: Duration = Duration::from_secs(10);
    const ONE: Holder = Holder::Token(TokenId(1));

    fn bounds(requests: usize, waiting: usize) -> Bounds {
        Bounds { requests, waiting, wait: WAIT, share: None }
    }

    fn counts(queue: &Queue) -> (usize, usize) {
        (queue.under_way(), queue.waiting())
    }

    #[tokio::test(start_paused = true)]
    async fn some_go_some_wait_and_the_rest_is_told() {
        let queue = Queue::new(bounds(2, 2));
        let mut slots = vec![queue.enter(ONE).await.unwrap(), queue.enter(ONE).await.unwrap()];
        let mut first = Box::pin(queue.enter(ONE));
        let mut second = Box::pin(queue.enter(ONE));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(counts(&queue), (2, 2));
        assert!(matches!(queue.enter(ONE).await, Err(ForwardError::QueueFull)));
        // Who leaves makes room in the queue, and the next in it is the next to go.
        drop(first);
        assert_eq!(counts(&queue), (2, 1));
        slots.pop();
        slots.push(second.await.unwrap());
        assert_eq!(counts(&queue), (2, 0));
        let start = tokio::time::Instant::now();
        assert!(matches!(queue.enter(ONE).await, Err(ForwardError::QueueWait)));
        assert_eq!((start.elapsed(), counts(&queue)), (WAIT, (2, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn its_size_changes_while_slots_are_taken() {
        let queue = Queue::new(bounds(3, 0));
        let mut slots = Vec::new();
        for _ in 0..3 {
            slots.push(queue.enter(ONE).await.unwrap());
        }
        queue.resize(bounds(1, 0));
        assert_eq!(queue.under_way(), 3);
        for left in [2, 1] {
            slots.pop();
            assert_eq!(queue.under_way(), left);
            assert!(queue.enter(ONE).await.is_err(), "{left} are under way and 1 may be");
        }
        slots.pop();
        slots.push(queue.enter(ONE).await.unwrap());
        assert!(queue.enter(ONE).await.is_err());
        queue.resize(bounds(3, 0));
        slots.push(queue.enter(ONE).await.unwrap());
        slots.push(queue.enter(ONE).await.unwrap());
        queue.resize(bounds(2, 0));
        queue.resize(bounds(4, 0));
        slots.push(queue.enter(ONE).await.unwrap());
        assert!(queue.enter(ONE).await.is_err());
        drop(slots);
        assert_eq!(queue.under_way(), 0);
        assert_eq!(queue.slots.available_permits(), 4);
    }
    #[tokio::test(start_paused = true)]
    async fn nobody_has_all_of_it() {
        let shared = |share| Bounds { share, ..bounds(2, 2) };
        let queue = Queue::new(shared(Some(2)));
        let at = |address: &str| Holder::of(None, Some(address.parse().unwrap()));
        let neighbour = at("2001:db8::1");
        let first = queue.enter(ONE).await.unwrap();
        let there = queue.enter(at("2001:db8::ffff")).await.unwrap();
        let mut second = Box::pin(queue.enter(ONE));
        assert!(futures_util::poll!(&mut second).is_pending());
        // Whoever has its share does not even wait, and others do.
        assert!(matches!(queue.enter(ONE).await, Err(ForwardError::QueueShare)));
        let mut same = Box::pin(queue.enter(neighbour));
        assert!(futures_util::poll!(&mut same).is_pending());
        assert!(matches!(queue.enter(neighbour).await, Err(ForwardError::QueueShare)));
        let other = Holder::of(None, None);
        assert!(matches!(queue.enter(other).await, Err(ForwardError::QueueFull)));
        // Who leaves gives back what it waited with.
        drop(second);
        let mut second = Box::pin(queue.enter(ONE));
        assert!(futures_util::poll!(&mut second).is_pending());
        // Without a share nothing is counted, and what was counted is counted off.
        queue.resize(shared(None));
        drop((there, first));
        let slots = (same.await.unwrap(), second.await.unwrap());
        assert_eq!((counts(&queue), queue.shares.holders()), ((2, 0), 2));
        queue.resize(shared(Some(1)));
        drop(slots);
        assert_eq!((counts(&queue), queue.shares.holders()), ((0, 0), 0));
    }
}
