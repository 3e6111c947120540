//! What TLS is made of, as it is held while serving: looked at now and then, renewed when it changes.

use crate::config::Config;
use crate::server::tls::{Certificates, HANDSHAKE_FAILURES};
use crate::telemetry::metrics::{Metrics, TlsSide};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Certificates, keys and authorities of both sides.
#[derive(Clone)]
pub(super) struct Material {
    certificates: Option<Certificates>,
    /// How often to look at the files; zero is never.
    poll: Arc<watch::Sender<Duration>>,
}

/// The thread that looks at the files.
pub(super) struct Watch(JoinHandle<()>);

impl Material {
    /// Reads all of it.
    pub(super) fn load(config: &Config) -> anyhow::Result<Self> {
        let certificates = config.server.tls.as_ref().map(Certificates::load).transpose()?;
        let poll = Arc::new(watch::Sender::new(config.server.tls_poll));
        Ok(Self { certificates, poll })
    }

    /// What clients are shown.
    pub(super) fn certificates(&self) -> Option<Certificates> {
        self.certificates.clone()
    }

    /// Takes up what changed in the files and can be used.
    pub(super) fn look(&self) {
        if let Some(certificates) = &self.certificates {
            certificates.look();
        }
    }

    /// Takes up other settings, and the files as they are.
    pub(super) fn reload(&self, config: &Config) -> anyhow::Result<()> {
        if let (Some(certificates), Some(tls)) = (&self.certificates, &config.server.tls) {
            certificates.reload(tls)?;
        }
        self.poll.send_replace(config.server.tls_poll);
        Ok(())
    }

    /// Tells the metrics how it is.
    pub(super) fn measure(&self, metrics: &Metrics) {
        let Some(certificates) = &self.certificates else { return };
        let standing = certificates.standing();
        let server = TlsSide {
            renewed: standing.renewed,
            failed: standing.failed,
            bad: standing.bad,
            not_after: Some(standing.not_after),
        };
        let failures = HANDSHAKE_FAILURES.into_iter().zip(certificates.failures());
        metrics.set_tls(&[("server", server)], &failures.collect::<Vec<_>>());
    }

    /// Looks at the files every so often, in a thread of its own, until `stop` is cancelled.
    pub(super) fn watch(&self, stop: CancellationToken) -> std::io::Result<Watch> {
        let material = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("certificates".to_owned());
        let thread = thread.spawn(move || runtime.block_on(material.rounds(&stop)))?;
        Ok(Watch(thread))
    }

    async fn rounds(&self, stop: &CancellationToken) {
        let mut poll = self.poll.subscribe();
        loop {
            let every = *poll.borrow_and_update();
            let due = async {
                if every.is_zero() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(every).await;
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // It begins anew with the other time.
                _ = poll.changed() => {}
                () = due => self.look(),
            }
        }
    }
}

impl Watch {
    pub(super) fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the thread that looks at certificates crashed");
        }
    }
}
