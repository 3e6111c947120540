//! TLS to the host: with what connections are opened, and in words why one cannot be.

use crate::config::Remote;
use crate::config::tls::{FileFault, HostFiles, Kept, Standing, Tally, tell_untimely};
use arc_swap::ArcSwap;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, InvalidMessage};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_rustls::TlsConnector;

/// Most names of a certificate that are told.
const MOST_NAMES: usize = 10;

/// Whom gitlatch believes to be its upstream and what it shows it, renewed as the files change. New
/// connections take what is in force; a configuration brings its own memory of sessions.
#[derive(Clone)]
pub struct UpstreamTls(Arc<Shared>);

struct Shared {
    current: ArcSwap<ClientConfig>,
    kept: Mutex<Held>,
    tally: Tally,
}

struct Held {
    kept: Kept<HostFiles>,
    /// That the certificate is not believed now was said.
    told: bool,
}

impl UpstreamTls {
    /// Loads it; `None` for a host without TLS.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn load(remote: &Remote) -> Result<Option<Self>, FileFault> {
        if !remote.origin.https {
            return Ok(None);
        }
        let kept = Kept::load(remote.tls.clone())?;
        let current = ArcSwap::from(Arc::clone(&kept.loaded().config));
        let kept = Mutex::new(Held { kept, told: true });
        Ok(Some(Self(Arc::new(Shared { current, kept, tally: Tally::default() }))))
    }

    /// Looks at the files again. What cannot be used leaves the last good ones in force.
    pub fn look(&self) {
        let mut held = self.held();
        if self.0.tally.seen(&mut held.kept) {
            held.told = false;
            self.0.current.store(Arc::clone(&held.kept.loaded().config));
        }
        let Held { kept, told } = &mut *held;
        if let Some(client) = &kept.loaded().client {
            tell_untimely(client, &kept.paths(), told);
        }
    }

    /// Reads all of it again, the system's authorities too. Nothing else takes it up until it is in force
    /// or dropped.
    ///
    /// # Errors
    /// When a file cannot be used. What was in force stays in force then.
    pub fn renewal(&self) -> Result<UpstreamRenewal<'_>, FileFault> {
        let held = self.held();
        let new = Kept::load(held.kept.files().clone()).inspect_err(|_| self.0.tally.fail())?;
        Ok(UpstreamRenewal { shared: &self.0, held, new })
    }

    /// How it is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let held = self.held();
        let client = held.kept.loaded().client.as_ref();
        self.0.tally.standing(held.kept.is_bad(), client.map(|client| client.not_after))
    }

    pub(super) fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.0.current.load_full())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was loaded for connections to the host, and is not in force yet.
pub struct UpstreamRenewal<'a> {
    shared: &'a Shared,
    held: MutexGuard<'a, Held>,
    new: Kept<HostFiles>,
}

impl UpstreamRenewal<'_> {
    /// New connections are opened with it.
    pub fn put_in_force(mut self) {
        if !self.new.is(&self.held.kept) {
            self.shared.tally.renew();
        }
        self.shared.current.store(Arc::clone(&self.new.loaded().config));
        *self.held = Held { kept: self.new, told: true };
    }
}

/// Why TLS to the host failed, in words for its operator. Clients are not told.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct TlsFailure {
    why: String,
    /// Whether the host may have had a request: it spoke up after the handshake.
    pub(super) late: bool,
}

impl TlsFailure {
    /// A handshake that failed.
    pub(super) fn of(error: &io::Error) -> Self {
        let why = match of_rustls(error) {
            Some(error) => words(error),
            None => format!("the connection broke during the TLS handshake: {error}"),
        };
        Self { why, late: false }
    }

    /// What ended a connection after the handshake, if it is what a host says of a certificate: in TLS 1.3 it
    /// looks at ours when we are done.
    pub(super) fn late(error: &hyper::Error) -> Option<Self> {
        let cause = std::error::Error::source(error)?.downcast_ref::<io::Error>()?;
        Self::of_ours(cause)
    }

    /// What ended a connection after the handshake, on which nothing had been said.
    pub(super) fn unasked(error: &io::Error) -> Self {
        Self::of_ours(error).unwrap_or_else(|| {
            let why = format!("the upstream ends connections after the TLS handshake: {error}");
            Self { why, late: true }
        })
    }

    fn of_ours(cause: &io::Error) -> Option<Self> {
        match of_rustls(cause)? {
            Error::AlertReceived(alert) => {
                let why = of_certificate(*alert)?;
                Some(Self { why: format!("{why} ({alert:?})"), late: true })
            }
            _ => None,
        }
    }
}

fn of_rustls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(fault) => of_theirs(fault),
        Error::PeerIncompatible(_) | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            format!(
                "the upstream speaks no version of TLS that is spoken here, which are 1.2 and 1.3: {error}"
            )
        }
        Error::AlertReceived(AlertDescription::HandshakeFailure) => format!(
            "the upstream refuses the handshake: it may want a client certificate (upstream.client_cert and \
             client_key), or speak no cipher that is spoken here: {error}"
        ),
        Error::AlertReceived(alert) => match of_certificate(*alert) {
            Some(why) => format!("{why} ({alert:?})"),
            None => format!("the upstream refuses the handshake: {error}"),
        },
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what answers there speaks no TLS: use an http URL, or the port that has https"
                .to_owned()
        }
        _ => format!("the TLS handshake failed: {error}"),
    }
}

/// What is the matter with the host's certificate.
fn of_theirs(fault: &CertificateError) -> String {
    let moment = |seconds: u64| {
        let moment = i64::try_from(seconds).ok().map(jiff::Timestamp::from_second);
        moment.and_then(Result::ok).map_or_else(|| seconds.to_string(), |moment| moment.to_string())
    };
    match fault {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the upstream's certificate comes from no authority that is believed here: set upstream.ca_file to \
             the certificate of its authority"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = presented.iter().take(MOST_NAMES).map(|name| plain(name));
            let names = names.collect::<Vec<_>>().join(", ");
            let more = if presented.len() > MOST_NAMES { ", …" } else { "" };
            let names = if names.is_empty() { "no name".to_owned() } else { names };
            format!("the upstream's certificate is not for {}: it is for {names}{more}", expected.to_str())
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the upstream's certificate expired at {}", moment(not_after.as_secs()))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the upstream's certificate is not valid before {}", moment(not_before.as_secs()))
        }
        CertificateError::Other(other) if is_authority(other) => {
            "the upstream shows the certificate of an authority (CA:TRUE) as its own, which is not accepted: \
             have one made for the server"
                .to_owned()
        }
        _ => format!("the upstream's certificate cannot be accepted: {fault}"),
    }
}

fn is_authority(other: &rustls::OtherError) -> bool {
    matches!(other.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// rustls writes `DnsName("git.internal")`.
fn plain(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

/// What the host says of our certificate, in words.
fn of_certificate(alert: AlertDescription) -> Option<&'static str> {
    use AlertDescription as Alert;
    Some(match alert {
        Alert::CertificateRequired => {
            "the upstream wants a client certificate: set upstream.client_cert and upstream.client_key"
        }
        Alert::CertificateExpired => "the upstream says that upstream.client_cert has expired",
        Alert::CertificateRevoked => "the upstream says that upstream.client_cert was revoked",
        Alert::UnknownCA => "the upstream does not believe the authority of upstream.client_cert",
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::AccessDenied => {
            "the upstream refuses the client certificate, or wants one: see upstream.client_cert"
        }
        _ => return None,
    })
}
