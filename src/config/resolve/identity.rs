//! `[upstream.identity]`: what the upstream is told about who is asking.

use super::Environment;
use super::access::Rights;
use super::credential::{self, Credential};
use super::keys;
use crate::config::Identity;
use crate::config::mistake::{Notes, Place};
use crate::config::read::{Found, Section};
use crate::domain::service_user::ServiceUser;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    None,
    Header,
    Fixed,
    Stored,
}

impl Mode {
    const WORDS: [(&str, Self); 4] = [
        ("none", Self::None),
        ("header", Self::Header),
        ("fixed", Self::Fixed),
        ("stored", Self::Stored),
    ];

    fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(_, mode)| *mode == self).map_or("", |(word, _)| word)
    }
}

/// Every key besides `mode`, and the mode that it belongs to.
const KEYS: [(&str, Mode); 9] = [
    ("header", Mode::Header),
    ("service_user", Mode::Header),
    ("username", Mode::Fixed),
    ("secret_file", Mode::Fixed),
    ("secret_env", Mode::Fixed),
    ("bearer_file", Mode::Fixed),
    ("bearer_env", Mode::Fixed),
    ("key_file", Mode::Stored),
    ("key_env", Mode::Stored),
];

/// Headers that HTTP or gitlatch itself uses: a name in one of them would be lost, or believed.
const TAKEN: [&str; 29] = [
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "from",
    "git-protocol",
    "host",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "private-token",
    "range",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];
/// Beginnings of such headers.
const TAKEN_BEGINNINGS: [&str; 6] =
    ["accept", "access-control-", "content-", "if-", "proxy-", "sec-"];

/// The section as it was read; what of it counts depends on the rest of `[upstream]`.
pub(super) struct Draft {
    mode: Option<Found<Mode>>,
    header: Option<Found<String>>,
    service_user: Option<Found<ServiceUser>>,
    credential: Credential,
    keys: keys::Draft,
    /// The keys besides `mode` that the file sets: with their modes and places.
    set: Vec<(&'static str, Mode, Place)>,
}

/// Reads the section.
pub(super) fn read(section: &mut Section<'_>) -> Draft {
    let set = |(key, mode): (&'static str, Mode)| Some((key, mode, section.set(key)?));
    let set = KEYS.into_iter().filter_map(set).collect();
    Draft {
        mode: section.choice("mode", &Mode::WORDS),
        header: section.parsed("header", header_name),
        service_user: section.parsed("service_user", ServiceUser::new),
        credential: credential::read(section),
        keys: keys::read(section),
        set,
    }
}

impl Draft {
    /// Whose rights a host can enforce that is told this much.
    pub(super) fn rights(&self) -> Option<Rights> {
        let mode = self.mode.as_ref()?;
        Some(match mode.value {
            Mode::None => Rights::Silent(mode.place),
            Mode::Fixed => Rights::Shared(mode.place),
            Mode::Header | Mode::Stored => Rights::Personal,
        })
    }

    /// The identity for a host.
    pub(super) fn for_host(
        self,
        environment: &Environment<'_>,
        notes: &mut Notes,
    ) -> Option<Identity> {
        let mode = self.mode?;
        for (key, of, place) in &self.set {
            if *of != mode.value {
                let (of, is) = (of.name(), mode.value.name());
                let text = format!("`{key}` belongs to mode = \"{of}\", and the mode is \"{is}\"");
                notes.error(*place, text);
            }
        }
        match mode.value {
            Mode::None => Some(Identity::None),
            Mode::Header => {
                let (name, service_user) = (self.header?.value, self.service_user?.value);
                Some(Identity::Header { name, service_user })
            }
            Mode::Fixed => {
                self.credential.resolve(mode.place, environment, notes).map(Identity::Fixed)
            }
            Mode::Stored => {
                let keys = self.keys.resolve(mode.place, environment, notes)?;
                Some(Identity::Stored { keys })
            }
        }
    }

    /// The one part of it that counts for a folder of repositories: the name that hooks see.
    pub(super) fn for_folder(self, notes: &mut Notes) -> Option<ServiceUser> {
        let mode = self.mode.filter(|mode| mode.own).map(|mode| ("mode", mode.place));
        let keys = self.set.iter().filter(|(key, ..)| *key != "service_user");
        for (key, place) in mode.into_iter().chain(keys.map(|(key, _, place)| (*key, *place))) {
            let text = format!("`{key}` has no meaning with `repositories`: no host is asked");
            notes.error(place, text);
        }
        self.service_user.map(|found| found.value)
    }
}

/// Reads the name of a header, in lower case.
///
/// Of the characters that HTTP allows only these: hosts that speak CGI fold `_` and `-` into one, and
/// a name has one spelling here.
fn header_name(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !plain || name.is_empty() || name.len() > 64 || name.starts_with('-') || name.ends_with('-')
    {
        return Err("a header's name is 1 to 64 of A-Z a-z 0-9 and - inside".to_owned());
    }
    if TAKEN.contains(&name.as_str())
        || TAKEN_BEGINNINGS.iter().any(|taken| name.starts_with(taken))
    {
        return Err(format!("HTTP or gitlatch uses `{name}` itself; choose another header"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names() {
        for good in ["X-Forwarded-User", "remote-user", "X-WEBAUTH-USER", "x1"] {
            assert_eq!(header_name(good), Ok(good.to_ascii_lowercase()));
        }
        for bad in TAKEN.into_iter().chain(["", "-x", "x-", "X_User", "x y", "x:", "é"]) {
            assert!(header_name(bad).is_err(), "{bad}");
        }
        for bad in ["Host", "Accept", "Accept-Encoding", "CONTENT-LENGTH", "Proxy-Authorization"] {
            assert!(header_name(bad).is_err(), "{bad}");
        }
    }
}
