//! The word to a service manager (`sd_notify(3)`): that we are ready, reload or stop, and as long as every
//! thread answers, that we are alive. Without one, nothing of it happens.

use crate::server::Pulse;
use sd_notify::NotifyState;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often a drain that goes on is told, and how long each word of it holds.
const DRAINING_EVERY: Duration = Duration::from_secs(5);
const DRAINING_HOLDS: Duration = Duration::from_secs(15);

/// How long the service manager may take to take a word.
const HEARING: Duration = Duration::from_secs(1);

/// Whether requests are served, from the opening until the drain. Nothing else is called ready.
#[derive(Clone)]
pub(super) struct Readiness {
    opened: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Readiness {
    /// Not yet. `stop` is cancelled when the house begins to drain.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { opened: Arc::default(), stop }
    }

    /// Requests are served from now on.
    pub(super) fn begins(&self) {
        self.ready();
        self.opened.store(true, Ordering::Release);
    }

    /// Calls `reload`, while requests are served between the word that it begins and the word that it is
    /// over.
    pub(super) fn reloading(&self, reload: impl FnOnce()) {
        if !self.opened.load(Ordering::Acquire) || self.stop.is_cancelled() {
            return reload();
        }
        match NotifyState::monotonic_usec_now() {
            Ok(now) => say(&[NotifyState::Reloading, now, NotifyState::Status("reloading")]),
            Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
        }
        reload();
        self.ready();
    }

    fn ready(&self) {
        if !self.stop.is_cancelled() {
            say(&[NotifyState::Ready, NotifyState::Status("serving")]);
        }
    }
}

/// Another process is the service's main one from now on.
pub(super) fn main_is(pid: u32) {
    say(&[NotifyState::MainPid(pid)]);
}

/// Leaves out of the environment of another gitlatch what is for this process alone.
pub(super) fn leave_out(command: &mut Command) {
    for variable in ["WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
        command.env_remove(variable);
    }
}

fn say(words: &[NotifyState<'_>]) {
    if let Err(error) = send(words) {
        tracing::warn!(%error, "the service manager does not hear (NOTIFY_SOCKET)");
    }
}

/// Unlike [`sd_notify::notify`] it waits for nobody, and knows abstract addresses.
fn send(words: &[NotifyState<'_>]) -> io::Result<()> {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(HEARING))?;
    match place.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(&place)?,
    }
    let lines: Vec<String> = words.iter().map(ToString::to_string).collect();
    socket.send((lines.join("\n") + "\n").as_bytes()).map(drop)
}

/// The thread that keeps a service manager informed.
pub(super) struct Supervision {
    ended: CancellationToken,
    thread: JoinHandle<()>,
}

impl Supervision {
    /// Starts it, if there is a service manager. `stop` is cancelled when the house begins to drain, and
    /// `ended` when there is nothing more to say.
    pub(super) fn start(
        pulse: Pulse,
        stop: CancellationToken,
        ended: CancellationToken,
    ) -> io::Result<Option<Self>> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let end = ended.clone();
        let thread = std::thread::Builder::new().name("supervision".to_owned());
        let attend = move || runtime.block_on(attend(&pulse, &stop, &end));
        Ok(Some(Self { ended, thread: thread.spawn(attend)? }))
    }

    /// The house has ended.
    pub(super) fn end(self) {
        self.ended.cancel();
        if self.thread.join().is_err() {
            tracing::error!("the thread for the service manager crashed");
        }
    }
}

async fn attend(pulse: &Pulse, stop: &CancellationToken, ended: &CancellationToken) {
    // Twice within the time that the service manager waits (`sd_watchdog_enabled(3)`).
    let watched = sd_notify::watchdog_enabled().filter(|within| !within.is_zero());
    let mut beat = watched.map(|within| every(within / 2));
    let mut question = pulse.ask();
    let mut draining = None;
    loop {
        tokio::select! {
            // Who has handed over says nothing about stopping: that would be taken for the service's.
            biased;
            () = ended.cancelled() => return,
            () = stop.cancelled(), if draining.is_none() => {
                say(&[NotifyState::Stopping, NotifyState::Status("draining")]);
                draining = Some(every(DRAINING_EVERY));
            }
            () = tick(&mut draining) => {
                let holds = u32::try_from(DRAINING_HOLDS.as_micros()).unwrap_or(u32::MAX);
                say(&[NotifyState::ExtendTimeoutUsec(holds)]);
            }
            () = tick(&mut beat) => {
                let silent = pulse.silent(question);
                if silent.is_empty() {
                    say(&[NotifyState::Watchdog]);
                } else {
                    tracing::error!(threads = silent.join(", "), "these do not answer: no word to the watchdog");
                }
                question = pulse.ask();
            }
        }
    }
}

fn every(time: Duration) -> Interval {
    let mut interval = interval(time);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// The next time; never, when there is no interval.
async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}
