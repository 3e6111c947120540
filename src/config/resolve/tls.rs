//! HTTPS: `tls_…` of `[server]`, and `[[certificate]]`.

use super::Environment;
use crate::config::mistake::{Notes, Place};
use crate::config::read::{Found, Section};
use crate::config::tls::{
    AuthorityFiles, Certificate, Contents, Files, PairFiles, Tls, TlsVersion, now,
};
use crate::domain::duration::{self, DurationError};
use std::path::PathBuf;
use std::time::Duration;

/// Most names that one line tells.
const MOST_NAMES: usize = 3;

/// Files that belong together, with the key and the place of each in the configuration.
pub(super) struct Placed<F> {
    files: F,
    keys: Vec<(&'static str, Place)>,
}

/// What `[server]` says of TLS.
pub(super) struct Draft {
    /// `tls_cert` and `tls_key`, when nothing is wrong with them.
    pair: Option<Placed<PairFiles>>,
    /// The file sets one of the two, rightly or wrongly.
    set: bool,
    min_version: Option<Found<TlsVersion>>,
    clients: Option<Placed<AuthorityFiles>>,
}

/// One `[[certificate]]`, and where it stands.
pub(super) struct Another {
    pair: Option<Placed<PairFiles>>,
    place: Place,
}

/// Reads what `[server]` says.
pub(super) fn read(section: &mut Section<'_>) -> Draft {
    let set = section.set("tls_cert").is_some() || section.set("tls_key").is_some();
    let min_version = section.parsed("tls_min_version", |text| match text {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" => Ok(TlsVersion::V1_3),
        _ => Err("TLS \"1.2\" and \"1.3\" are served, and no other version"),
    });
    let ca = section.path("tls_client_ca");
    let crl = section.path("tls_client_crl");
    for (one, other) in [("tls_cert", "tls_key"), ("tls_key", "tls_cert")] {
        if let (Some(place), None) = (section.set(one), section.set(other)) {
            let text = format!("`{one}` needs `{other}`: HTTPS is on when both are set");
            section.notes.error(place, text);
        }
    }
    if let (Some(place), false) = (section.set("tls_client_ca"), set) {
        let text = "`tls_client_ca` needs `tls_cert` and `tls_key`: clients show certificates over TLS only";
        section.notes.error(place, text);
    }
    if let (Some(place), None) = (section.set("tls_client_crl"), section.set("tls_client_ca")) {
        let text = "`tls_client_crl` needs `tls_client_ca`: it is a list of what those authorities revoked";
        section.notes.error(place, text);
    }
    let clients = ca.map(|ca| {
        let mut keys = vec![("tls_client_ca", ca.place)];
        keys.extend(crl.as_ref().map(|crl| ("tls_client_crl", crl.place)));
        Placed { files: AuthorityFiles { ca: ca.value, crl: crl.map(|crl| crl.value) }, keys }
    });
    Draft { pair: pair(section, "tls_cert", "tls_key"), set, min_version, clients }
}

/// `tls_poll`: how often the files are looked at; zero is never.
pub(super) fn poll(section: &mut Section<'_>) -> Option<Duration> {
    let found = section.parsed("tls_poll", |text| match duration::parse(text) {
        Err(DurationError::Zero) => Ok(Duration::ZERO),
        parsed => parsed,
    });
    found.map(|found| found.value)
}

/// Reads one `[[certificate]]`.
pub(super) fn another(section: &mut Section<'_>) -> Another {
    let place = section.place();
    let pair = pair(section, "cert", "key");
    for key in ["cert", "key"] {
        if section.set(key).is_none() {
            let text = format!("`{key}` is missing: a [[certificate]] has a `cert` and its `key`");
            section.notes.error(place, text);
        }
    }
    Another { pair, place }
}

/// A certificate and its key, by the names that they have here.
pub(super) fn pair(
    section: &mut Section<'_>,
    cert_key: &'static str,
    key_key: &'static str,
) -> Option<Placed<PairFiles>> {
    let (cert, key) = (section.path(cert_key), section.path(key_key));
    let (cert, key) = (cert?, key?);
    let keys = vec![(cert_key, cert.place), (key_key, key.place)];
    Some(Placed { files: PairFiles { cert: cert.value, key: key.value }, keys })
}

impl<F> Placed<F> {
    /// Files, with the key and the place of each in their order.
    pub(super) const fn new(files: F, keys: Vec<(&'static str, Place)>) -> Self {
        Self { files, keys }
    }

    /// The keys, with their places.
    pub(super) fn keys(&self) -> &[(&'static str, Place)] {
        &self.keys
    }

    /// The files.
    pub(super) const fn files(&self) -> &F {
        &self.files
    }
}

impl<F: Files> Placed<F> {
    /// The files.
    pub(super) fn into_files(self) -> F {
        self.files
    }

    /// Reads them; what is wrong is noted at the key that names the file.
    pub(super) fn load(&self, notes: &mut Notes) -> Option<F::Loaded> {
        let contents = Contents::of(&self.files);
        let mut faults = contents.unreadable(&self.files);
        let loaded = if faults.is_empty() { Some(contents.load(&self.files)) } else { None };
        let loaded = match loaded {
            Some(Ok(loaded)) => Some(loaded),
            Some(Err(fault)) => {
                faults.push(fault);
                None
            }
            None => None,
        };
        for fault in faults {
            if let Some((key, place)) = self.keys.get(fault.nth) {
                notes.error(*place, format!("`{key}`: {}", fault.why));
            }
        }
        loaded
    }
}

impl Placed<PairFiles> {
    /// Reads them, and warns of a certificate that nobody believes now.
    pub(super) fn load_certificate(&self, notes: &mut Notes) -> Option<Certificate> {
        let certificate = self.load(notes)?;
        if let Some((key, place)) = self.keys.first() {
            Self::warn_of_time(key, *place, &certificate, notes);
        }
        Some(certificate)
    }

    /// Warns of a certificate that nobody believes now.
    pub(super) fn warn_of_time(
        key: &str,
        place: Place,
        certificate: &Certificate,
        notes: &mut Notes,
    ) {
        if let Some(why) = certificate.untimely(now()) {
            let text = format!("`{key}`: the certificate {why}: whoever is shown it refuses it");
            notes.warning(place, text);
        }
    }
}

impl Draft {
    /// All of it together.
    pub(super) fn resolve(
        self,
        others: Vec<Another>,
        environment: &Environment<'_>,
        notes: &mut Notes,
    ) -> Option<Tls> {
        if let (Some(first), false) = (others.first(), self.set) {
            let text = "a [[certificate]] needs `tls_cert` and `tls_key` in [server]: the certificate for \
                        clients whose name no other covers";
            notes.error(first.place, text);
        }
        if let (Some(clients), true) = (&self.clients, environment.for_serving) {
            clients.load(notes);
        }
        let pairs = self.pair.into_iter().chain(others.into_iter().filter_map(|other| other.pair));
        let pairs: Vec<Placed<PairFiles>> = pairs.collect();
        if environment.for_serving {
            check_names(&pairs, notes);
        }
        // Without the first there is an error, or no HTTPS.
        self.set.then_some(())?;
        Some(Tls {
            pairs: pairs.into_iter().map(Placed::into_files).collect(),
            min_version: self.min_version?.value,
            clients: self.clients.map(Placed::into_files),
        })
    }
}

/// A certificate that no client would ever be shown is a mistake, and names that two have a likely one.
fn check_names(pairs: &[Placed<PairFiles>], notes: &mut Notes) {
    let mut before: Vec<(String, PathBuf)> = Vec::new();
    for pair in pairs {
        let Some(certificate) = pair.load_certificate(notes) else { continue };
        let Some((key, place)) = pair.keys.first() else { continue };
        if *key == "cert" && certificate.names.is_empty() {
            let text = "`cert`: the certificate is for no DNS name (by its subject alternative names), so no \
                        client would be shown it";
            notes.error(*place, text);
        }
        let known = |name: &&String| before.iter().any(|(earlier, _)| earlier == *name);
        let twice: Vec<&str> = certificate.names.iter().filter(known).map(String::as_str).collect();
        if let Some(first) = twice.first() {
            let earlier = before.iter().find(|(name, _)| name == first);
            let earlier = earlier.map(|(_, path)| super::files::quoted(path)).unwrap_or_default();
            let more = if twice.len() > MOST_NAMES { ", …" } else { "" };
            let text = format!(
                "`{key}`: {}{more}: the certificate in {earlier} is for the same, stands first, and is the one \
                 that clients are shown",
                twice[..twice.len().min(MOST_NAMES)].join(", ")
            );
            notes.warning(*place, text);
        }
        let names = certificate.names.into_iter();
        before.extend(names.map(|name| (name, pair.files.cert.clone())));
    }
}
