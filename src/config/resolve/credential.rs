//! The one credential of mode `fixed`: read from its file or variable, made into a header's value.

use super::{Environment, files};
use crate::config::mistake::{Notes, Place};
use crate::config::read::{Found, Section};
use crate::domain::secret::Secret;
use crate::domain::token;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug)]
enum Medium {
    File,
    Variable,
}

/// The keys that name a secret.
const SOURCES: [(&str, Scheme, Medium); 4] = [
    ("secret_file", Scheme::Basic, Medium::File),
    ("secret_env", Scheme::Basic, Medium::Variable),
    ("bearer_file", Scheme::Bearer, Medium::File),
    ("bearer_env", Scheme::Bearer, Medium::Variable),
];

/// Where one secret is.
struct Source {
    key: &'static str,
    scheme: Scheme,
    medium: Medium,
    /// Path of the file, or name of the variable; `None` when the value was wrong.
    name: Option<String>,
    place: Place,
}

/// The keys of mode `fixed` as they were read.
pub(super) struct Credential {
    username: Option<Found<String>>,
    /// Where the file sets `username`, rightly or wrongly.
    username_key: Option<Place>,
    sources: Vec<Source>,
}

/// Reads the keys, and no secret yet.
pub(super) fn read(section: &mut Section<'_>) -> Credential {
    let username = section.parsed("username", username);
    let username_key = section.set("username");
    let mut sources = Vec::new();
    for (key, scheme, medium) in SOURCES {
        let found = section.text(key);
        if let Some(key_place) = section.set(key) {
            let place = found.as_ref().map_or(key_place, |found| found.place);
            let name = found.map(|found| found.value.to_owned());
            sources.push(Source { key, scheme, medium, name, place });
        }
    }
    Credential { username, username_key, sources }
}

impl Credential {
    /// Reads the secret and makes it the value of `Authorization`.
    pub(super) fn resolve(
        &self,
        mode: Place,
        environment: &Environment<'_>,
        notes: &mut Notes,
    ) -> Option<Secret> {
        let [source] = self.sources.as_slice() else {
            match self.sources.get(1) {
                None => notes.error(
                    mode,
                    "`mode`: \"fixed\" needs a credential: `username` with `secret_file` or \
                     `secret_env`, or else `bearer_file` or `bearer_env`",
                ),
                Some(second) => notes.error(
                    second.place,
                    format!("`{}` is a second credential: keep one", second.key),
                ),
            }
            return None;
        };
        match (source.scheme, self.username_key) {
            (Scheme::Basic, None) => {
                notes.error(source.place, format!("`{}` needs `username`", source.key));
            }
            (Scheme::Bearer, Some(place)) => {
                let text = format!("`username` has no meaning beside `{}`", source.key);
                notes.error(place, text);
            }
            _ => {}
        }
        if !environment.for_serving {
            return Some(Secret::new(String::new()));
        }
        let secret = match source.secret(environment) {
            Ok(secret) => secret?,
            Err(fault) => {
                notes.error(source.place, format!("`{}`: {fault}", source.key));
                return None;
            }
        };
        if source.scheme == Scheme::Bearer {
            return Some(Secret::new(format!("Bearer {}", *secret)));
        }
        let username = &self.username.as_ref()?.value;
        let pair = Zeroizing::new(format!("{username}:{}", *secret));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        Some(Secret::new(format!("Basic {}", *encoded)))
    }
}

impl Source {
    /// The secret; `None` when the key's value was wrong, which is noted already.
    ///
    /// Faults never show the name: somebody may have put the secret itself there.
    fn secret(&self, environment: &Environment<'_>) -> Result<Option<Zeroizing<String>>, String> {
        let Some(name) = &self.name else { return Ok(None) };
        let text = Zeroizing::new(match self.medium {
            Medium::File => read_file(Path::new(name))?,
            Medium::Variable => (environment.variable)(name)
                .ok_or("the environment variable that it names is not set")?,
        });
        let line = text.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        check(line, self.scheme)?;
        Ok(Some(Zeroizing::new(line.to_owned())))
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let bytes = files::read_secret(path)?;
    let text = std::str::from_utf8(&bytes);
    Ok(text.map_err(|_| "the secret has characters other than printable ASCII")?.to_owned())
}

fn check(secret: &str, scheme: Scheme) -> Result<(), &'static str> {
    // A Bearer credential is one word (RFC 6750 section 2.1); a password may have spaces.
    let printable = |b: u8| b.is_ascii_graphic() || (b == b' ' && scheme == Scheme::Basic);
    if secret.is_empty() {
        Err("the secret is empty; it is the first line")
    } else if !secret.bytes().all(printable) {
        Err("the secret has characters other than printable ASCII")
    } else if token::contains_form(secret.as_bytes()) {
        Err("the secret is a gitlatch token: it takes one of the host behind gitlatch")
    } else {
        Ok(())
    }
}

fn username(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        Err("it is empty")
    } else if text.contains(|c: char| c == ':' || c.is_control()) {
        Err("a user name has no colon and no control characters")
    } else if token::contains_form(text.as_bytes()) {
        Err("it is a gitlatch token: it takes a user name of the host behind gitlatch")
    } else {
        Ok(text.to_owned())
    }
}
