//! The thread behind a served store: each second it writes marks of use and looks after the file; now and
//! then it revokes what a successor took the place of, and tells the log how far the trail goes.

use super::Held;
use super::fault::Fault;
use super::marks::{self, Batch, Desk};
use super::open::Purpose;
use super::registry;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use rusqlite::Connection;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(1);
/// How long it waits for another who writes, before it keeps its marks for the next round.
const WAIT: Duration = Duration::from_secs(1);
/// How often it complains at most.
const COMPLAINT: Duration = Duration::from_mins(1);
/// How often it looks for tokens whose overlap with their successors has ended. They are refused from
/// the very moment; this is for lists and for the trail.
const RETIRE: Duration = Duration::from_secs(5);
/// How often the log is told the head of the trail, so that a trail that was cut shows against it.
const HEAD: Duration = Duration::from_hours(1);

/// The thread's handle. When it goes, the thread writes what is left and ends: let go of it after
/// the workers, whose last marks it then takes along.
#[derive(Debug)]
pub struct Steward {
    /// Nothing is ever sent: that it is gone is the message.
    stop: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Steward {
    pub(super) fn start(held: &Arc<Held>) -> Result<Self, StoreError> {
        let connection = held.connect(Purpose::Mark, WAIT)?;
        let (stop, stopped) = channel();
        let rounds = Rounds {
            held: Arc::clone(held),
            connection,
            batch: Batch::default(),
            complained: None,
            was_lost: false,
            retired: Instant::now(),
            told: None,
        };
        let thread = thread::Builder::new()
            .name("gitlatch-store".to_owned())
            .spawn(move || rounds.run(&stopped))
            .map_err(|error| held.error(Fault::File(error), "start its thread"))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Writes what is left and ends the thread.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Steward {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks after the store had died");
        }
    }
}

/// What the thread works with.
struct Rounds {
    connection: Connection,
    batch: Batch,
    complained: Option<Instant>,
    was_lost: bool,
    retired: Instant,
    /// When the log was last told the head of the trail.
    told: Option<Instant>,
    held: Arc<Held>,
}

impl Rounds {
    fn run(mut self, stopped: &Receiver<Infallible>) {
        self.tell_head();
        while stopped.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
            self.round();
        }
        self.round();
        self.told = None;
        self.tell_head();
    }

    fn round(&mut self) {
        self.collect();
        if let Err(error) = self.held.check_in_place() {
            if !self.was_lost {
                tracing::error!(%error, "no token is honoured until the store is back in place");
            }
            self.was_lost = true;
            return;
        }
        self.was_lost = false;
        if let Err(fault) = self.batch.write(&mut self.connection) {
            self.complain(fault);
        }
        if self.retired.elapsed() >= RETIRE {
            self.retired = Instant::now();
            if let Err(fault) = self.retire() {
                self.complain(fault);
            }
        }
        self.tell_head();
    }

    fn retire(&mut self) -> Result<(), Fault> {
        let Ok(since) = SystemTime::now().duration_since(UNIX_EPOCH) else { return Ok(()) };
        let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        let now = Timestamp::from_millis(now);
        // Looked for without the lock first: mostly there is nothing.
        if !registry::any_to_retire(&self.connection, now)? {
            return Ok(());
        }
        marks::durably(&mut self.connection, |tx| registry::retire(tx, now).map(drop))
    }

    fn tell_head(&mut self) {
        if self.was_lost || self.told.is_some_and(|told| told.elapsed() < HEAD) {
            return;
        }
        self.told = Some(Instant::now());
        match registry::trail::head(&self.connection) {
            Ok(head) => {
                tracing::info!(entries = head.entries, head = %head.link, "the head of the trail");
            }
            Err(fault) => self.complain(fault),
        }
    }

    fn collect(&mut self) {
        let mut desks = self.held.desks();
        for desk in desks.iter() {
            self.batch.collect(desk);
        }
        // A desk that only this list knows belonged to a reader that is gone, and is empty now.
        desks.retain(|desk: &Arc<Desk>| Arc::strong_count(desk) > 1);
    }

    fn complain(&mut self, fault: Fault) {
        if self.complained.is_some_and(|last| last.elapsed() < COMPLAINT) {
            return;
        }
        self.complained = Some(Instant::now());
        let error = self.held.error(fault, "be looked after");
        let cause = std::error::Error::source(&error).map(tracing::field::display);
        tracing::warn!(%error, cause, "marks of use are kept, and it is tried again");
    }
}
