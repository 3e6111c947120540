//! A certificate and its key.

use super::kept::{Files, Named};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

/// Where a certificate and its key are, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFiles {
    /// The chain, the certificate of this key first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The chain and the key.
    pub key: Arc<CertifiedKey>,
    /// The DNS names that it is for, in lower case; `*.` begins one with a wildcard.
    pub names: Vec<String>,
    /// The first second in which it is valid, since 1970.
    pub not_before: u64,
    /// The last one.
    pub not_after: u64,
}

impl Certificate {
    /// Why nobody believes it at this time, if that is so, as in `expired at 2026-01-01T00:00:00Z`.
    #[must_use]
    pub fn untimely(&self, now: u64) -> Option<String> {
        let moment = |second: u64| {
            let moment = i64::try_from(second).ok().map(jiff::Timestamp::from_second);
            moment.and_then(Result::ok).map_or_else(|| second.to_string(), |m| m.to_string())
        };
        if now > self.not_after {
            Some(format!("expired at {}", moment(self.not_after)))
        } else if now < self.not_before {
            Some(format!("is not valid before {}", moment(self.not_before)))
        } else {
            None
        }
    }
}

impl Files for PairFiles {
    type Loaded = Certificate;

    fn named(&self) -> Vec<Named<'_>> {
        let cert = Named { path: &self.cert, secret: false };
        vec![cert, Named { path: &self.key, secret: true }]
    }

    fn parse(&self, bytes: &[&[u8]]) -> Result<Certificate, (usize, String)> {
        let [cert, key] = bytes else { return Err((0, "the pair is incomplete".to_owned())) };
        let chain = chain(cert).map_err(|why| (0, why))?;
        // What is wrong within it is not told: it would be told with a line of it.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            let why = match error {
                PemError::NoItemsFound => "there is no private key in it that is not encrypted",
                _ => "the private key in it is no PEM that can be read",
            };
            (1, why.to_owned())
        })?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => (
                1,
                "this key is not that of the certificate, which stands first in its file"
                    .to_owned(),
            ),
            Error::InvalidCertificate(_) => (0, format!("the certificate cannot be used: {error}")),
            _ => (1, format!("the key cannot be used: {error}")),
        })?;
        let unusable =
            |why: &dyn std::fmt::Display| (0, format!("the certificate cannot be used: {why}"));
        let der = key.end_entity_cert().map_err(|error| unusable(&error))?;
        let parsed = EndEntityCert::try_from(der).map_err(|error| unusable(&error))?;
        let names = parsed.valid_dns_names().map(str::to_ascii_lowercase).collect();
        let (not_before, not_after) = validity(&parsed)
            .ok_or_else(|| unusable(&"it does not say from when to when it is valid"))?;
        Ok(Certificate { key: Arc::new(key), names, not_before, not_after })
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain =
        chain.map_err(|_| "the certificates in it are no PEM that can be read".to_owned())?;
    if chain.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(chain) }
}

/// The first and the last second in which it is valid. webpki tells them as the reasons for which it refuses
/// a certificate at the beginning and at the end of time, which is what it looks at first.
fn validity(certificate: &EndEntityCert<'_>) -> Option<(u64, u64)> {
    let refused = |second: u64| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(second));
        let usage = KeyUsage::server_auth();
        certificate.verify_for_usage(&[], &[], &[], time, usage, None, None).err()
    };
    let not_before = match refused(0) {
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => not_before.as_secs(),
        _ => 0,
    };
    match refused(u64::MAX) {
        Some(webpki::Error::CertExpired { not_after, .. }) => {
            Some((not_before, not_after.as_secs()))
        }
        _ => None,
    }
}
