//! Handshakes that failed, by what was the matter.

use crate::server::Peer;
use rustls::Error;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was the matter: the client left; refused the certificate that it was shown, or anything else of ours;
/// showed no certificate; showed one that does not count; spoke no TLS that is spoken here; took too long.
pub const HANDSHAKE_FAILURES: [&str; 6] =
    ["closed", "alert", "no_certificate", "certificate", "protocol", "timeout"];

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Failures([AtomicU64; HANDSHAKE_FAILURES.len()]);

impl Failures {
    pub(super) fn counts(&self) -> [u64; HANDSHAKE_FAILURES.len()] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Counts one, and writes a line at level `debug`; without an error it took too long.
    pub(super) fn count(&self, client: Peer, error: Option<&io::Error>) {
        let kind = error.map_or("timeout", kind);
        let counts = HANDSHAKE_FAILURES.iter().zip(&self.0);
        for (_, count) in counts.filter(|(name, _)| **name == kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let error = error.map(ToString::to_string);
        tracing::debug!(%client, error, kind, "TLS handshake failed");
    }
}

fn kind(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        None => "closed",
        Some(Error::AlertReceived(_)) => "alert",
        Some(Error::NoCertificatesPresented) => "no_certificate",
        Some(Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_)) => "certificate",
        Some(_) => "protocol",
    }
}
