//! The clerks: a few threads with a registry each, for everything that may not keep a worker.
//!
//! Writing to the store waits for the disk, and checking a password takes tens of milliseconds on
//! purpose. A worker hands such work over and serves others meanwhile. There are few clerks and a short
//! queue: more work than that is refused at once, so that it can neither grow in memory nor take the
//! machine away from the requests that pass through.

use crate::store::Registry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::{Semaphore, oneshot};

/// How many there are: so many passwords are checked at a time, each in 19 MiB.
const CLERKS: usize = 2;
/// How much work may wait: at 30 ms a password, a second of it.
const QUEUE: usize = 64;
/// How much of it tokens may ask for at a time, so that none of them crowds out whoever would revoke it.
const TOKENS: usize = 16;

type Work = Box<dyn FnOnce(&mut dyn Registry) + Send>;

/// The queue in front of the clerks. Clones lead to the same ones.
#[derive(Clone, Debug)]
pub struct Clerks {
    queue: SyncSender<Work>,
    tokens: Arc<Semaphore>,
}

/// The threads behind the queue. They end when every [`Clerks`] is gone and the work is done.
#[derive(Debug)]
pub struct Shift(Vec<JoinHandle<()>>);

/// Why work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// Too much is waiting.
    #[error("too much is waiting for the store and for passwords; try again in a moment")]
    Busy,
    /// It crashed.
    #[error("this work crashed; the server goes on")]
    Crashed,
}

impl Clerks {
    /// Starts them, each with a registry of its own.
    ///
    /// # Errors
    /// When a registry cannot be opened, or there can be no more threads.
    pub fn start<R, E>(open: impl Fn() -> Result<R, E>) -> Result<(Self, Shift), E>
    where
        R: Registry + Send + 'static,
        E: From<std::io::Error>,
    {
        let (queue, work) = sync_channel(QUEUE);
        let work = Arc::new(Mutex::new(work));
        let mut threads = Vec::new();
        for number in 0..CLERKS {
            let (registry, work) = (open()?, Arc::clone(&work));
            let name = format!("clerk-{number}");
            threads.push(thread::Builder::new().name(name).spawn(move || serve(registry, &work))?);
        }
        let tokens = Arc::new(Semaphore::new(TOKENS));
        Ok((Self { queue, tokens }, Shift(threads)))
    }

    /// Has something done, and waits for it without keeping the thread.
    ///
    /// # Errors
    /// When too much is waiting, or it crashed.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Registry) -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let (done, outcome) = oneshot::channel();
        let work: Work = Box::new(move |registry| {
            // Who asked may have left meanwhile.
            let _ = done.send(work(registry));
        });
        self.queue.try_send(work).map_err(|_| Undone::Busy)?;
        outcome.await.map_err(|_| Undone::Crashed)
    }
}

impl Clerks {
    /// The same for a token, of which only so many are served at a time.
    ///
    /// # Errors
    /// When too much is waiting, or it crashed.
    pub async fn run_for_token<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Registry) -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let place = Arc::clone(&self.tokens).try_acquire_owned().map_err(|_full| Undone::Busy)?;
        // Held until it is done, whether or not somebody still waits for it.
        self.run(move |registry| {
            let done = work(registry);
            drop(place);
            done
        })
        .await
    }
}

impl Shift {
    /// Waits for the work that was begun.
    pub fn end(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                tracing::error!("a clerk had died");
            }
        }
    }
}

fn serve(mut registry: impl Registry, work: &Mutex<Receiver<Work>>) {
    loop {
        // The lock is held while waiting: one clerk waits for work, the others for the lock.
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        // A registry whose verb was broken off has rolled its transaction back.
        if catch_unwind(AssertUnwindSafe(|| next(&mut registry))).is_err() {
            tracing::error!("work on the store crashed; the process goes on");
        }
    }
}
