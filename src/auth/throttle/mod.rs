//! Guessing of passwords: how often somebody may be wrong before they have to wait.
//!
//! Held in memory and shared by all workers. An attempt is reserved before its password is checked, so
//! that a hundred guesses at once are no more than a hundred in a row. While so many attempts are under
//! way that the limit would be reached if all of them failed, the next one waits for one to end: a
//! script that sends many right passwords at once is slowed down and not refused.

mod ledger;

use ledger::{Ledger, Outcome, Reservation, Standing};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The longest that an attempt waits for others to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// What whoever waited in vain is told, in seconds.
const TRY_AGAIN: u64 = 5;

/// Too many wrong passwords came for this account, from this address, or both; or too many attempts are
/// under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts to log in; try again in {seconds} s")]
pub struct Wait {
    /// For how long, at least 1.
    pub seconds: u64,
}

/// Counts wrong passwords. A clone counts with the same numbers.
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    ledger: Mutex<Ledger>,
    /// Told when an attempt has ended.
    ended: Notify,
    clock: Box<dyn Fn() -> Instant + Send + Sync>,
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Throttle {
    /// A throttle that goes by the clock of the system.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Instant::now)
    }

    /// A throttle that goes by this clock.
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        let (ledger, ended) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { ledger, ended, clock: Box::new(clock) }))
    }

    /// Reserves an attempt to prove a password for this account from this address; a client without one
    /// (on a Unix socket) shares it with all the others.
    ///
    /// # Errors
    /// When it must wait for longer than a request can.
    pub async fn begin(&self, account: &str, address: Option<IpAddr>) -> Result<Attempt, Wait> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // Listening begins before the look, so that no end between the two is missed.
            let mut ended = std::pin::pin!(self.0.ended.notified());
            ended.as_mut().enable();
            match self.look(account, address) {
                Ok(reservation) => return Ok(Attempt::new(&self.0, reservation)),
                Err(Standing::Full { seconds }) => return Err(Wait { seconds }),
                Err(Standing::Busy | Standing::Free) => {}
            }
            let waited = tokio::time::timeout_at(deadline, ended).await;
            waited.map_err(|_elapsed| Wait { seconds: TRY_AGAIN })?;
        }
    }

    fn look(&self, account: &str, address: Option<IpAddr>) -> Result<Reservation, Standing> {
        let mut ledger = self.0.ledger();
        let now = (self.0.clock)();
        ledger.reserve(account, address, now)
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

/// An attempt that was reserved. Dropped without a word it counts as a wrong password: a client that
/// leaves before it is told has guessed all the same.
#[must_use = "an attempt that is dropped counts as a wrong password"]
pub struct Attempt {
    shared: Arc<Shared>,
    reservation: Reservation,
    outcome: Outcome,
}

impl Attempt {
    fn new(shared: &Arc<Shared>, reservation: Reservation) -> Self {
        Self { shared: Arc::clone(shared), reservation, outcome: Outcome::Wrong }
    }

    /// The password was wrong.
    pub fn failed(self) {
        self.end(Outcome::Wrong);
    }

    /// The password was right. The account is not locked out from this address by guesses that come
    /// from others, for as long as it comes back within 30 days.
    pub fn succeeded(self) {
        self.end(Outcome::Right);
    }

    /// There was trouble, and nobody knows whether it was right.
    pub fn unjudged(self) {
        self.end(Outcome::Unknown);
    }

    fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut ledger = self.shared.ledger();
        let now = (self.shared.clock)();
        ledger.settle(&self.reservation, self.outcome, now);
        drop(ledger);
        self.shared.ended.notify_waiters();
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
