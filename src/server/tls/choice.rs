//! Which certificate a client is shown: the one for the name that it gave (SNI, RFC 6066).

use crate::config::tls::Certificate;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;

/// Certificates by the names that they are for.
#[derive(Debug)]
pub(super) struct Choice {
    /// By the whole name, in lower case; with a wildcard, as `*.example.com`.
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// For every other name, and for clients that give none.
    default: Arc<CertifiedKey>,
}

impl Choice {
    /// Of two that are for the same name the first counts. `None` without any.
    pub(super) fn of<'a>(certificates: impl Iterator<Item = &'a Certificate>) -> Option<Self> {
        let mut certificates = certificates.peekable();
        let default = Arc::clone(&certificates.peek()?.key);
        let mut by_name = HashMap::new();
        for certificate in certificates {
            for name in &certificate.names {
                by_name.entry(name.clone()).or_insert_with(|| Arc::clone(&certificate.key));
            }
        }
        Some(Self { by_name, default })
    }

    fn for_name(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.by_name.get(name).or_else(|| {
            // A wildcard stands for exactly one label (RFC 9525, 6.3).
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        })
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // rustls has checked the name and turned it into lower case.
        let chosen = hello.server_name().and_then(|name| self.for_name(name));
        Some(Arc::clone(chosen.unwrap_or(&self.default)))
    }
}
