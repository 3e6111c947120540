//! The process that serves, and hands over.

use super::channel::{Channel, FORM, Legacy, MOST, Silence};
use super::{ANSWERING, MAIN, Program, READY, STARTING, TAKE, TAKEN, VARIABLE};
use crate::app::supervision;
use crate::auth::ticket::TicketKey;
use crate::server::Shared;
use anyhow::Context;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::os::fd::AsFd;
use std::process::{Child, id};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a process that said nothing more may take to end by itself.
const ENDING: Duration = Duration::from_secs(1);

/// What is handed over, and how.
pub(in crate::app) struct Predecessor {
    /// What to start; otherwise why that is not known.
    program: Result<Program, String>,
    key: Arc<TicketKey>,
    /// Cancelled when this process begins to drain.
    stop: CancellationToken,
    /// Cancelled when another process serves: this one has nothing more to say to the service manager, and
    /// leaves the operations address to that one.
    handed: CancellationToken,
    fate: Mutex<Fate>,
    /// There while this process serves and no restart is under way.
    sockets: Mutex<Option<Vec<Shared>>>,
    /// The restart under way, or the last one.
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What became of the service that was this process's.
#[derive(Default)]
struct Fate {
    /// It was told to stop, by a signal.
    stopped: bool,
    /// The process that serves since.
    heir: Option<u32>,
}

impl Predecessor {
    /// One that does not serve yet. Where `program` is not known it serves all the same, and is not restarted.
    pub(in crate::app) fn new(
        program: anyhow::Result<Program>,
        key: Arc<TicketKey>,
        stop: CancellationToken,
        handed: CancellationToken,
    ) -> Self {
        Self {
            program: program.map_err(|error| format!("{error:#}")),
            key,
            stop,
            handed,
            fate: Mutex::default(),
            sockets: Mutex::default(),
            thread: Mutex::default(),
        }
    }

    /// From now on these sockets can be handed over.
    pub(in crate::app) fn serves(&self, sockets: Vec<Shared>) {
        self.put(sockets);
    }

    /// This process was told to stop and drains: nobody shall wait in sockets that nobody accepts from.
    pub(in crate::app) fn drains(&self) {
        drop(self.take());
        self.settle(|fate| fate.stopped = true);
    }

    /// Who tells this process to stop means the service. When another process has just become that, it is
    /// told, whichever of the two was first.
    fn settle(&self, change: impl FnOnce(&mut Fate)) {
        let mut fate = lock(&self.fate);
        change(&mut fate);
        let Fate { stopped: true, heir: Some(pid) } = *fate else { return };
        // Our own child, which nobody has waited for: its number is nobody else's.
        let heir = i32::try_from(pid).ok().and_then(Pid::from_raw);
        match heir.map_or(Err(Errno::SRCH), |heir| kill_process(heir, Signal::TERM)) {
            Ok(()) => tracing::info!(
                pid = id(),
                successor = pid,
                "told to stop while handing over: so is the new process"
            ),
            Err(error) => {
                tracing::error!(pid = id(), %error, successor = pid, "the new process cannot be told to stop");
            }
        }
    }

    /// Hands over, in a thread of its own: what keeps it from that is in the log.
    pub(in crate::app) fn begin(self: &Arc<Self>) {
        if id() == 1 {
            tracing::error!(
                pid = id(),
                "not restarted: this is process 1 of its container, which ends with it; replace the \
                 container"
            );
            return;
        }
        if let Err(error) = &self.program {
            tracing::error!(
                pid = id(),
                error,
                "not restarted: what to start was not known when this process started; stop and start \
                 gitlatch"
            );
            return;
        }
        let Some(sockets) = self.take() else {
            tracing::warn!(
                pid = id(),
                "not restarted: this process starts, drains or is being restarted already"
            );
            return;
        };
        let this = Arc::clone(self);
        let thread = std::thread::Builder::new().name("handover".to_owned());
        match thread.spawn(move || this.hand_over(sockets)) {
            Ok(thread) => *lock(&self.thread) = Some(thread),
            // The sockets went with the thread that was not to be: there is no second attempt.
            Err(error) => {
                tracing::error!(pid = id(), %error, "not restarted: there is no thread for it");
            }
        }
    }

    /// Waits for the restart under way, which ends soon when this process drains: nothing that was begun
    /// is left behind.
    pub(in crate::app) fn end(&self) {
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(pid = id(), "the restart crashed");
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
        match self.try_to(&sockets) {
            Ok(pid) => {
                // The files of Unix sockets and the service manager are the new process's now.
                for custody in sockets.iter().filter_map(|socket| socket.custody.as_ref()) {
                    custody.set(false);
                }
                // First this, so that nobody hears of a drain who asks whether the service is ready.
                self.handed.cancel();
                self.stop.cancel();
                tracing::info!(pid = id(), successor = pid, "handed over; draining");
                self.settle(|fate| fate.heir = Some(pid));
            }
            Err(error) => {
                // Whoever reads the word may try again.
                self.put(sockets);
                let error = format!("{error:#}");
                tracing::error!(pid = id(), error, "not restarted: this process goes on as it was");
            }
        }
    }

    fn try_to(&self, sockets: &[Shared]) -> anyhow::Result<u32> {
        let program = self.program.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
        tracing::info!(pid = id(), program = %program.path().display(), "restarting");
        let (channel, theirs) = Channel::pair().context("there are no more descriptors")?;
        let mut command = program.command();
        supervision::leave_out(&mut command);
        command.stdin(theirs).env(VARIABLE, "stdin");
        let spawned = command.spawn();
        // With it goes the other end, of which the new process has the only copy then.
        drop(command);
        let mut child =
            spawned.with_context(|| format!("{} cannot be started", program.path().display()))?;
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
            tracing::warn!(pid = id(), %error, successor = pid, "the new process does not hear any more");
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
