//! Authorities, by whose word certificates are believed.

use super::kept::{Files, Named};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the authorities are that clients' certificates must come from, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityFiles {
    /// Their certificates.
    pub ca: PathBuf,
    /// Their lists of what they revoked; a list of every authority in a chain.
    pub crl: Option<PathBuf>,
}

impl Files for AuthorityFiles {
    type Loaded = Arc<dyn ClientCertVerifier>;

    fn named(&self) -> Vec<Named<'_>> {
        let all = std::iter::once(&self.ca).chain(&self.crl);
        all.map(|path| Named { path, secret: false }).collect()
    }

    fn parse(&self, bytes: &[&[u8]]) -> Result<Self::Loaded, (usize, String)> {
        let (Some(ca), crl) = (bytes.first(), bytes.get(1)) else {
            return Err((0, "there is no certificate in it".to_owned()));
        };
        let mut roots = RootCertStore::empty();
        authorities(ca, &mut roots).map_err(|why| (0, why))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if let Some(crl) = crl {
            // A list that was not renewed in time says nothing about what was revoked since.
            verifier = verifier
                .with_crls(lists(crl).map_err(|why| (1, why))?)
                .enforce_revocation_expiration();
        }
        let which = usize::from(crl.is_some());
        verifier.build().map_err(|error| (which, format!("the list cannot be used: {error}")))
    }
}

/// Adds the authorities of a PEM file to those that are believed.
///
/// # Errors
/// When there is none in it, or something else.
pub(super) fn authorities(pem: &[u8], roots: &mut RootCertStore) -> Result<(), String> {
    let mut none = true;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate
            .map_err(|_| "the certificates in it are no PEM that can be read".to_owned())?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("a certificate in it cannot be an authority's: {error}"))?;
        none = false;
    }
    if none { Err("there is no certificate in it".to_owned()) } else { Ok(()) }
}

fn lists(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let lists = CertificateRevocationListDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let lists = lists.map_err(|_| "the lists in it are no PEM that can be read".to_owned())?;
    if lists.is_empty() { Err("there is no revocation list in it".to_owned()) } else { Ok(lists) }
}
