//! What TLS is made of: certificates, keys and authorities, in files that may change while gitlatch serves.
//!
//! What is read here is what `check` looks at, what serving begins with and what is read again later, so that
//! all three find the same mistakes.

mod authorities;
mod host;
mod kept;
mod pair;
mod tally;

pub use authorities::AuthorityFiles;
pub use host::{HostFiles, HostTls};
pub use kept::{Change, Contents, FileFault, Files, Kept, Named};
pub use pair::{Certificate, PairFiles};
pub use tally::{Standing, Tally, tell_untimely};

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// HTTPS on the public address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `tls_cert` and `tls_key`, and then every `[[certificate]]`, in the order of the file.
    pub pairs: Vec<PairFiles>,
    /// `tls_min_version`.
    pub min_version: TlsVersion,
    /// `tls_client_ca` and `tls_client_crl`: whom a client's certificate must come from; `None` asks for none.
    pub clients: Option<AuthorityFiles>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl TlsVersion {
    /// This version and those after it.
    #[must_use]
    pub fn and_later(self) -> &'static [&'static SupportedProtocolVersion] {
        static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self {
            Self::V1_2 => &ALL,
            Self::V1_3 => &ALL[..1],
        }
    }
}

/// Seconds since 1970, by the clock of this machine.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_secs()
}
