//! The process that takes over.

use super::channel::{Channel, FORM, Legacy};
use super::{ANSWERING, MAIN, NO, READY, TAKE, TAKEN, VARIABLE};
use crate::auth::ticket::TicketKey;
use crate::config::Listen;
use crate::server::{Custody, Inherited};
use anyhow::Context;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::process::id;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How long the old process waits for us is its own business; here only that it might never say a word.
const WAITING: std::time::Duration = std::time::Duration::from_mins(1);

/// The most of a reason that is told, in characters.
const WHY: usize = 4096;

/// What was handed over, and the way to the process that serves still.
pub(in crate::app) struct Successor {
    channel: Arc<Channel>,
    custody: Custody,
    sockets: Vec<(Listen, OwnedFd)>,
    /// The key of tickets that clients have.
    key: Option<TicketKey>,
}

/// The way to the process that serves still, for who has nothing more to say than why it goes on.
pub(in crate::app) struct Voice(Arc<Channel>);

impl Voice {
    /// Says why this process will not serve, in one line. It is heard by who waits for it to serve.
    pub(in crate::app) fn decline(&self, why: &str) {
        let why: String = why.lines().collect::<Vec<_>>().join("; ").chars().take(WHY).collect();
        // Who does not hear it sees this process end.
        let _ = self.0.send(&[NO, why.as_bytes()].concat(), &[]);
    }
}

impl Successor {
    /// Takes what is handed over; `None` when nothing is.
    ///
    /// # Errors
    /// When it is not what it should be.
    pub(in crate::app) fn arrive() -> anyhow::Result<Option<Self>> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let input = std::io::stdin().as_fd().try_clone_to_owned()?;
        let channel = Channel::of(input).with_context(|| {
            format!(
                "{VARIABLE} is gitlatch's own, at a restart; nobody else sets it: unset {VARIABLE}"
            )
        })?;
        // No other part of the program reads from, or hands on, what stands there.
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        let never = CancellationToken::new();
        let (legacy, sockets) = channel.receive(ANSWERING, &never)?;
        let legacy: Legacy = serde_json::from_slice(&legacy)?;
        anyhow::ensure!(
            legacy.form == FORM && legacy.sockets.len() == sockets.len(),
            "the process that serves hands over in another form; restart it by SIGTERM"
        );
        let (key, _) = channel.receive(ANSWERING, &never)?;
        let key =
            TicketKey::from_bytes(&key).context("what was handed over has no key of tickets")?;
        let sockets = legacy.sockets.into_iter().zip(sockets).collect();
        let channel = Arc::new(channel);
        Ok(Some(Self { channel, custody: Custody::default(), sockets, key: Some(key) }))
    }

    /// The way to say that this process will not serve.
    pub(in crate::app) fn voice(&self) -> Voice {
        Voice(Arc::clone(&self.channel))
    }

    /// The sockets, once.
    pub(in crate::app) fn sockets(&mut self) -> anyhow::Result<Inherited> {
        Ok(Inherited::handed(std::mem::take(&mut self.sockets), &self.custody)?)
    }

    /// The key of tickets, once.
    pub(in crate::app) fn key(&mut self) -> Option<TicketKey> {
        self.key.take()
    }

    /// Says that we could serve, and waits until we shall. `rest` is what of the sockets nobody asked for.
    ///
    /// # Errors
    /// When the old process goes on itself, or has ended.
    pub(in crate::app) fn take_over(
        self,
        rest: Inherited,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let waited = "the process that serves has not handed over";
        self.channel.send(READY, &[]).context(waited)?;
        self.channel.hear(TAKE, WAITING, stop).context(waited)?;
        self.channel.send(TAKEN, &[]).context(waited)?;
        self.custody.set(true);
        drop(rest);
        // Whether it is said or not, we serve: the one who could say it may be gone.
        if let Err(error) = self.channel.hear(MAIN, ANSWERING, stop) {
            tracing::warn!(pid = id(), %error, "whether the service manager knows the new process is not known");
        }
        Ok(())
    }
}
