//! TLS towards the host behind: whom gitlatch believes, and what it shows.

use super::authorities::authorities;
use super::kept::{Files, Named};
use super::pair::{Certificate, PairFiles};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;

/// Where it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFiles {
    /// `ca_file`: authorities to believe.
    pub ca: Option<PathBuf>,
    /// `system_roots`: whether those of the system are believed as well.
    pub system_roots: bool,
    /// `client_cert` and `client_key`: what is shown to the host.
    pub client: Option<PairFiles>,
}

/// What connections to the host are opened with.
#[derive(Clone, Debug)]
pub struct HostTls {
    /// Everything.
    pub config: Arc<ClientConfig>,
    /// The certificate that is shown, if there is one.
    pub client: Option<Certificate>,
}

impl Files for HostFiles {
    type Loaded = HostTls;

    fn named(&self) -> Vec<Named<'_>> {
        let ca = self.ca.iter().map(|path| Named { path, secret: false });
        ca.chain(self.client.iter().flat_map(Files::named)).collect()
    }

    fn parse(&self, bytes: &[&[u8]]) -> Result<HostTls, (usize, String)> {
        let mut roots = RootCertStore::empty();
        if self.system_roots {
            // Single certificates of the system's that cannot be read are the system's business.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let (ca, pair) = bytes.split_at(usize::from(self.ca.is_some()).min(bytes.len()));
        if let Some(ca) = ca.first() {
            authorities(ca, &mut roots).map_err(|why| (0, why))?;
        }
        let shown =
            |error: &rustls::Error| (ca.len(), format!("the certificate cannot be shown: {error}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| shown(&error))?
            .with_root_certificates(roots);
        let client = self.client.as_ref().map(|files| files.parse(pair)).transpose();
        let client = client.map_err(|(nth, why)| (nth + ca.len(), why))?;
        let config = match &client {
            Some(client) => builder.with_client_cert_resolver(Arc::new(
                rustls::sign::SingleCertAndKey::from(Arc::clone(&client.key)),
            )),
            None => builder.with_no_client_auth(),
        };
        Ok(HostTls { config: Arc::new(config), client })
    }
}
