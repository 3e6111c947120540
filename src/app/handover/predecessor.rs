//! The process that serves, and hands over.

use super::channel::{Channel, FORM, Legacy, MOST, Silence};
use super::{ANSWERING, MAIN, Program, READY, STARTING, TAKE, TAKEN, VARIABLE};
use crate::app::supervision;
use crate::auth::ticket::TicketKey;
use crate::server::Shared;
use anyhow::Context;
use std::os::fd::AsFd;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a process that said nothing more may take to end by itself.
const ENDING: Duration = Duration::from_secs(1);

/// What is handed over, and how.
pub(in crate::app) struct Predecessor {
    program: Program,
    key: Arc<TicketKey>,
    /// Cancelled when this process begins to drain.
    stop: CancellationToken,
    /// Cancelled when this process has nothing more to say to the service manager.
    silent: CancellationToken,
    /// There while this process serves and no restart is under way.
    sockets: Mutex<Option<Vec<Shared>>>,
    /// The restart under way, or the last one.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Predecessor {
    /// One that does not serve yet.
    pub(in crate::app) fn new(
        program: Program,
        key: Arc<TicketKey>,
        stop: CancellationToken,
        silent: CancellationToken,
    ) -> Self {
        Self { program, key, stop, silent, sockets: Mutex::default(), thread: Mutex::default() }
    }

    /// From now on these sockets can be handed over.
    pub(in crate::app) fn serves(&self, sockets: Vec<Shared>) {
        self.put(sockets);
    }

    /// This process drains: nobody shall wait in sockets that nobody accepts from.
    pub(in crate::app) fn drains(&self) {
        drop(self.take());
    }

    /// Hands over, in a thread of its own: what keeps it from that is in the log.
    pub(in crate::app) fn begin(self: &Arc<Self>) {
        if std::process::id() == 1 {
            tracing::error!(
                "not restarted: this is process 1 of its container, which ends with it; replace the \
                 container"
            );
            return;
        }
        let Some(sockets) = self.take() else {
            tracing::warn!(
                "not restarted: this process starts, drains or is being restarted already"
            );
            return;
        };
        let this = Arc::clone(self);
        let thread = std::thread::Builder::new().name("handover".to_owned());
        match thread.spawn(move || this.hand_over(sockets)) {
            Ok(thread) => *lock(&self.thread) = Some(thread),
            // The sockets went with the thread that was not to be: there is no second attempt.
            Err(error) => tracing::error!(%error, "not restarted: there is no thread for it"),
        }
    }

    /// Waits for the restart under way, which ends soon when this process drains: nothing that was begun
    /// is left behind.
    pub(in crate::app) fn end(&self) {
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the restart crashed");
        }
    }

    fn take(&self) -> Option<Vec<Shared>> {
        lock(&self.sockets).take()
    }

    fn put(&self, sockets: Vec<Shared>) {
        let mut place = lock(&self.sockets);
        if !self.stop.is_cancelled() {
            *place = Some(sockets);
        }
    }

    fn hand_over(&self, sockets: Vec<Shared>) {
        tracing::info!(program = %self.program.path().display(), "restarting");
        match self.try_to(&sockets) {
            Ok(pid) => {
                // The files of Unix sockets and the service manager are the new process's now.
                for custody in sockets.iter().filter_map(|socket| socket.custody.as_ref()) {
                    custody.set(false);
                }
                self.silent.cancel();
                self.stop.cancel();
                tracing::info!(pid, "handed over; draining");
            }
            Err(error) => {
                // Whoever reads the word may try again.
                self.put(sockets);
                let error = format!("{error:#}");
                tracing::error!(error, "not restarted: this process goes on as it was");
            }
        }
    }

    fn try_to(&self, sockets: &[Shared]) -> anyhow::Result<u32> {
        let (channel, theirs) = Channel::pair().context("there are no more descriptors")?;
        let mut command = self.program.command();
        supervision::leave_out(&mut command);
        command.stdin(theirs).env(VARIABLE, "stdin");
        let spawned = command.spawn();
        // With it goes the other end, of which the new process has the only copy then.
        drop(command);
        let mut child = spawned
            .with_context(|| format!("{} cannot be started", self.program.path().display()))?;
        let pid = child.id();
        match self.pass(&channel, sockets, pid) {
            Ok(()) => Ok(pid),
            Err(error) => {
                // One that is just ending tells more by how it does than by being ended.
                let ending = !matches!(
                    error.downcast_ref::<Silence>(),
                    Some(Silence::Stopped | Silence::TooLong(_))
                );
                Err(error.context(end(&mut child, ending)))
            }
        }
    }

    fn pass(&self, channel: &Channel, sockets: &[Shared], pid: u32) -> anyhow::Result<()> {
        anyhow::ensure!(sockets.len() <= MOST, "more than {MOST} sockets cannot be handed over");
        let addresses = sockets.iter().map(|socket| socket.listen.clone()).collect();
        let legacy = serde_json::to_vec(&Legacy { form: FORM, sockets: addresses })?;
        let sockets: Vec<_> = sockets.iter().map(|socket| socket.socket.as_fd()).collect();
        channel.send(&legacy, &sockets)?;
        channel.send(self.key.expose(), &[])?;
        channel.hear(READY, STARTING, &self.stop)?;
        channel.send(TAKE, &[])?;
        // It is not asked any more whether we shall stop: the other one may serve already.
        channel.hear(TAKEN, ANSWERING, &CancellationToken::new())?;
        supervision::main_is(pid);
        let told = channel.send(MAIN, &[]).map_err(Silence::Broken);
        if let Err(error) = told {
            tracing::warn!(%error, pid, "the new process does not hear any more");
        }
        Ok(())
    }
}

/// Ends the new process, which did not get as far as serving; how it ended.
fn end(child: &mut Child, ending: bool) -> String {
    let until = Instant::now() + if ending { ENDING } else { Duration::ZERO };
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = match child.try_wait() {
        Ok(None) => child.kill().and_then(|()| child.wait()),
        Ok(Some(status)) => Ok(status),
        Err(error) => Err(error),
    };
    match status {
        Ok(status) => format!("the new process did not come to serve ({status})"),
        Err(error) => format!("the new process did not come to serve, and does not end ({error})"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
