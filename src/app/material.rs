//! What TLS is made of, as it is held while serving: looked at now and then, renewed when it changes.

use crate::config::tls::Standing;
use crate::config::{Config, Target};
use crate::forward::UpstreamTls;
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
    upstream: Option<UpstreamTls>,
    /// How often to look at the files; zero is never.
    poll: Arc<watch::Sender<Duration>>,
}

/// The thread that looks at the files.
pub(super) struct Watch(JoinHandle<()>);

/// With what connections to the host, or to the server of Git LFS, are opened.
pub(super) fn upstream(config: &Config) -> anyhow::Result<Option<UpstreamTls>> {
    Ok(match &config.upstream.target {
        Target::Url(remote) => UpstreamTls::load(remote)?,
        Target::Folder { lfs: Some(lfs), .. } => UpstreamTls::load(lfs)?,
        Target::Folder { lfs: None, .. } => None,
    })
}

impl Material {
    /// Reads all of it.
    pub(super) fn load(config: &Config) -> anyhow::Result<Self> {
        let certificates = config.server.tls.as_ref().map(Certificates::load).transpose()?;
        let upstream = upstream(config)?;
        let poll = Arc::new(watch::Sender::new(config.server.tls_poll));
        Ok(Self { certificates, upstream, poll })
    }

    /// What clients are shown.
    pub(super) fn certificates(&self) -> Option<Certificates> {
        self.certificates.clone()
    }

    /// What connections to the host are opened with.
    pub(super) fn upstream(&self) -> Option<UpstreamTls> {
        self.upstream.clone()
    }

    /// Takes up what changed in the files and can be used.
    pub(super) fn look(&self) {
        if let Some(certificates) = &self.certificates {
            certificates.look();
        }
        if let Some(upstream) = &self.upstream {
            upstream.look();
        }
    }

    /// Takes up other settings, and the files as they are: all of it, or nothing.
    pub(super) fn reload(&self, config: &Config) -> anyhow::Result<()> {
        let certificates = self.certificates.as_ref().zip(config.server.tls.as_ref());
        let certificates = certificates.map(|(held, tls)| held.renewal(tls)).transpose()?;
        let upstream = self.upstream.as_ref().map(UpstreamTls::renewal).transpose()?;
        // Nothing fails from here on.
        if let Some(certificates) = certificates {
            certificates.put_in_force();
        }
        if let Some(upstream) = upstream {
            upstream.put_in_force();
        }
        self.poll.send_replace(config.server.tls_poll);
        Ok(())
    }

    /// Tells the metrics how it is.
    pub(super) fn measure(&self, metrics: &Metrics) {
        let server = self.certificates.as_ref().map(|server| ("server", side(server.standing())));
        let upstream =
            self.upstream.as_ref().map(|upstream| ("upstream", side(upstream.standing())));
        let sides: Vec<_> = server.into_iter().chain(upstream).collect();
        let failures = self.certificates.as_ref().map(Certificates::failures).unwrap_or_default();
        let failures: Vec<_> = HANDSHAKE_FAILURES.into_iter().zip(failures).collect();
        metrics.set_tls(&sides, &failures);
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

fn side(standing: Standing) -> TlsSide {
    let Standing { renewed, failed, bad, not_after } = standing;
    TlsSide { renewed, failed, bad, not_after }
}

impl Watch {
    pub(super) fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the thread that looks at certificates crashed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// What a changed file asks for is in force whole or not at all: here the policy towards clients is good,
    /// and the host's authority stopped being so after the file was checked.
    #[test]
    fn half_a_reload_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str, mode: u32, text: &str| {
            fs::write(path(name), text).unwrap();
            fs::set_permissions(path(name), PermissionsExt::from_mode(mode)).unwrap();
        };
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        write("cert.pem", 0o644, &made.cert.pem());
        write("ca.pem", 0o644, &made.cert.pem());
        write("key.pem", 0o600, &made.signing_key.serialize_pem());
        let config = |version: &str| {
            let text = format!(
                "[server]\ntls_cert = '{0}/cert.pem'\ntls_key = '{0}/key.pem'\n\
                 tls_min_version = '{version}'\n[store]\npath = '{0}/gitlatch.db'\n[upstream]\n\
                 kind = 'git'\nurl = 'https://127.0.0.1:3000'\nca_file = '{0}/ca.pem'\n",
                dir.path().display()
            );
            write("proxy.toml", 0o600, &text);
            match config::load(&path("proxy.toml"), &Environment::process()) {
                Ok((config, _)) => config,
                Err(report) => panic!("{report}"),
            }
        };
        let (old, new) = (config("1.2"), config("1.3"));
        let material = Material::load(&old).unwrap();
        let renewed = || material.certificates().unwrap().standing().renewed;
        write("ca.pem", 0o644, "nothing");
        assert!(material.reload(&new).is_err());
        assert_eq!(renewed(), 0);
        write("ca.pem", 0o644, &made.cert.pem());
        material.reload(&new).unwrap();
        assert_eq!(renewed(), 1);
    }
}
