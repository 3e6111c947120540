//! Certificates, as they are now: loaded, checked, and swapped whole when they change.
//!
//! A new connection takes the configuration that is in force, and open ones keep theirs. A configuration
//! brings its own memory of sessions, so that none is resumed under another than it began with.

mod choice;
mod failures;

pub use failures::HANDSHAKE_FAILURES;

use super::Peer;
use crate::config::Tls;
use crate::config::tls::{
    AuthorityFiles, FileFault, Kept, PairFiles, Standing, Tally, tell_untimely,
};
use arc_swap::ArcSwap;
use choice::Choice;
use failures::Failures;
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_rustls::TlsAcceptor;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, is not what it should be, or does not fit the one that it goes with.
    #[error(transparent)]
    File(#[from] FileFault),
    /// There is none.
    #[error("there is no certificate")]
    None,
    /// What they ask for cannot be done.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// The certificates that new connections are shown, and what clients must show.
#[derive(Clone)]
pub struct Certificates(Arc<Shared>);

struct Shared {
    current: ArcSwap<ServerConfig>,
    set: Mutex<Set>,
    tally: Tally,
    failures: Failures,
}

/// What the configuration in force was made of.
struct Set {
    tls: Tls,
    pairs: Vec<Pair>,
    clients: Option<Kept<AuthorityFiles>>,
}

struct Pair {
    kept: Kept<PairFiles>,
    /// That nobody believes it now was said.
    told: bool,
}

impl Certificates {
    /// Loads them.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn load(tls: &Tls) -> Result<Self, TlsError> {
        let set = Set::load(tls)?;
        Ok(Self(Arc::new(Shared {
            current: ArcSwap::from(set.config()?),
            set: Mutex::new(set),
            tally: Tally::default(),
            failures: Failures::default(),
        })))
    }

    /// Looks at the files again. What changed and is good comes into force; what is not leaves the last good
    /// one of the same files in force, and the log says so, once for each change.
    pub fn look(&self) {
        let mut set = self.set();
        let tally = &self.0.tally;
        let mut renewed = false;
        for pair in &mut set.pairs {
            if tally.seen(&mut pair.kept) {
                renewed = true;
                pair.told = false;
            }
        }
        renewed |= set.clients.as_mut().is_some_and(|clients| tally.seen(clients));
        if renewed {
            match set.config() {
                Ok(config) => self.0.current.store(config),
                Err(error) => {
                    tally.fail();
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, "the old certificates stay in force");
                }
            }
        }
        set.warn();
    }

    /// Loads what other settings ask for, and the files as they are now. Nothing else takes these
    /// certificates up until it is in force or dropped.
    ///
    /// # Errors
    /// When a file cannot be used. What was in force stays in force then.
    pub fn renewal(&self, tls: &Tls) -> Result<Renewal<'_>, TlsError> {
        let set = self.set();
        let loaded = Set::load(tls).and_then(|new| Ok((new.config()?, new)));
        let (config, new) = loaded.inspect_err(|_| self.0.tally.fail())?;
        Ok(Renewal { shared: &self.0, set, config, new })
    }

    /// How they are.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let set = self.set();
        let bad = set.pairs.iter().any(|pair| pair.kept.is_bad())
            || set.clients.as_ref().is_some_and(Kept::is_bad);
        let ends = set.pairs.iter().map(|pair| pair.kept.loaded().not_after);
        self.0.tally.standing(bad, ends.min())
    }

    /// How many handshakes failed, by each of [`HANDSHAKE_FAILURES`].
    #[must_use]
    pub fn failures(&self) -> [u64; HANDSHAKE_FAILURES.len()] {
        self.0.failures.counts()
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.current.load_full())
    }

    /// A handshake failed; without an error it took too long.
    pub(super) fn failed(&self, client: Peer, error: Option<&std::io::Error>) {
        self.0.failures.count(client, error);
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        // A look that panicked leaves pairs that are whole, each by itself.
        self.0.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Certificates that were loaded, and are not in force yet.
pub struct Renewal<'a> {
    shared: &'a Shared,
    set: MutexGuard<'a, Set>,
    config: Arc<ServerConfig>,
    new: Set,
}

impl Renewal<'_> {
    /// New connections are served with them.
    pub fn put_in_force(mut self) {
        // Without a change sessions go on.
        if !self.new.is(&self.set) {
            self.shared.current.store(self.config);
            self.shared.tally.renew();
        }
        *self.set = self.new;
    }
}

impl Set {
    fn load(tls: &Tls) -> Result<Self, TlsError> {
        let pairs = tls.pairs.iter().cloned().map(|files| {
            // The report about the configuration has told what nobody believes.
            Kept::load(files).map(|kept| Pair { kept, told: true })
        });
        let pairs = pairs.collect::<Result<_, _>>()?;
        let clients = tls.clients.clone().map(Kept::load).transpose()?;
        Ok(Self { tls: tls.clone(), pairs, clients })
    }

    fn is(&self, other: &Self) -> bool {
        let pairs = self.pairs.iter().zip(&other.pairs);
        let clients = match (&self.clients, &other.clients) {
            (Some(one), Some(other)) => one.is(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.tls == other.tls && clients && pairs.into_iter().all(|(a, b)| a.kept.is(&b.kept))
    }

    /// What connections are served with.
    fn config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let certificates = self.pairs.iter().map(|pair| pair.kept.loaded());
        let choice = Choice::of(certificates).ok_or(TlsError::None)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(self.tls.min_version.and_later())?;
        let builder = match &self.clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients.loaded())),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(choice));
        // Git takes HTTP/2 wherever its libcurl does, as browsers and REST clients do.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if self.clients.is_some() {
            // Who resumes a session shows no certificate: it may have expired or been revoked since.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }

    /// Tells of certificates that nobody believes, once.
    fn warn(&mut self) {
        for Pair { kept, told } in &mut self.pairs {
            tell_untimely(kept.loaded(), &kept.paths(), told);
        }
    }
}
