//! The keys of mode `stored`, which seal the credentials: where they are, and what was read there.

use super::{Environment, files};
use crate::config::mistake::{Notes, Place};
use crate::config::read::Section;
use crate::domain::key::KeyRing;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Why there is no ring of keys: one sentence, without the name that the key has in the file, in whose
/// place somebody may have put the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[upstream.identity] `{key}`: {fault}")]
pub struct KeyError {
    key: &'static str,
    fault: String,
}

/// Where the keys are. A running server reads them again when it meets one that it does not know.
#[derive(Clone)]
pub struct KeySource {
    medium: Medium,
    /// What was read with the configuration; nothing when it was read for the store alone.
    ring: Option<Arc<KeyRing>>,
}

#[derive(Clone, PartialEq, Eq)]
enum Medium {
    File(PathBuf),
    Variable(String),
}

impl KeySource {
    /// The keys as they were when the configuration was read. Where that was for a command that only
    /// works with the store, they are read now.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn ring(&self) -> Result<Arc<KeyRing>, KeyError> {
        self.ring.clone().map_or_else(|| self.read().map(Arc::new), Ok)
    }

    /// The keys as they are now. Of a variable that is what the process was started with.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(&self) -> Result<KeyRing, KeyError> {
        self.medium.read(Environment::process().variable)
    }

    /// The file that they are in, unless they are in a variable.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.medium {
            Medium::File(path) => Some(path),
            Medium::Variable(_) => None,
        }
    }
}

/// Tells where the keys are and nothing of what they are, not even by their ids.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.medium {
            Medium::File(path) => write!(f, "KeySource(file {path:?})"),
            Medium::Variable(name) => write!(f, "KeySource(variable {name:?})"),
        }
    }
}

impl Medium {
    const fn key(&self) -> &'static str {
        match self {
            Self::File(_) => "key_file",
            Self::Variable(_) => "key_env",
        }
    }

    fn read(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<KeyRing, KeyError> {
        let text = match self {
            Self::File(path) => files::read_secret(path).and_then(|bytes| {
                let text = std::str::from_utf8(&bytes);
                text.map(|text| Zeroizing::new(text.to_owned()))
                    .map_err(|_| "the file is no text".to_owned())
            }),
            Self::Variable(name) => variable(name)
                .map(Zeroizing::new)
                .ok_or_else(|| "the environment variable that it names is not set".to_owned()),
        };
        let ring = text.and_then(|text| KeyRing::parse(&text).map_err(|fault| fault.to_string()));
        ring.map_err(|fault| KeyError { key: self.key(), fault })
    }
}

/// The keys `key_file` and `key_env` as they were read.
pub(super) struct Draft {
    /// Where the file sets each of them, rightly or wrongly, and what it says.
    sources: Vec<(Place, Option<Medium>)>,
}

/// Reads where the keys are, and none of them yet.
pub(super) fn read(section: &mut Section<'_>) -> Draft {
    let file = section.path("key_file");
    let file = file.map(|found| found.with(Medium::File(found.value.clone())));
    let variable = section.text("key_env");
    let variable = variable.map(|found| found.with(Medium::Variable(found.value.to_owned())));
    let mut sources = Vec::new();
    for (key, found) in [("key_file", file), ("key_env", variable)] {
        if let Some(place) = section.set(key) {
            let place = found.as_ref().map_or(place, |found| found.place);
            sources.push((place, found.map(|found| found.value)));
        }
    }
    Draft { sources }
}

impl Draft {
    /// Reads the keys.
    pub(super) fn resolve(
        self,
        mode: Place,
        environment: &Environment<'_>,
        notes: &mut Notes,
    ) -> Option<KeySource> {
        let mut sources = self.sources.into_iter();
        let (place, medium) = match (sources.next(), sources.next()) {
            (Some(source), None) => source,
            (None, _) => {
                let text = "`mode`: \"stored\" needs the key that seals the credentials: `key_file` \
                            or `key_env`; make one with: head -c 32 /dev/urandom | base64";
                notes.error(mode, text);
                return None;
            }
            (_, Some((second, _))) => {
                notes.error(second, "`key_file` and `key_env` exclude each other: keep one");
                return None;
            }
        };
        let medium = medium?;
        if !environment.for_serving {
            return Some(KeySource { medium, ring: None });
        }
        match medium.read(environment.variable) {
            Ok(ring) => Some(KeySource { medium, ring: Some(Arc::new(ring)) }),
            Err(KeyError { key, fault }) => {
                notes.error(place, format!("`{key}`: {fault}"));
                None
            }
        }
    }
}
