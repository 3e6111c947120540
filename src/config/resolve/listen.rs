//! Addresses to listen on.

use crate::config::mistake::Notes;
use crate::config::read::{Found, Section};
use crate::config::{Listen, Operations};
use std::path::PathBuf;

/// What an address may be.
const FORM: &str =
    "an address is \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/gitlatch.sock\"";
/// Longest path of a Unix socket, in bytes (`sun_path` without its NUL, unix(7)).
const LONGEST_UNIX: usize = 107;

/// Reads one address. Names are not looked up: what they mean changes, and often is two addresses.
pub(super) fn parse(text: &str) -> Result<Listen, &'static str> {
    match text.strip_prefix("unix:") {
        None => text.parse().map(Listen::Tcp).map_err(|_| FORM),
        Some("") => Err(FORM),
        Some(path) if path.len() > LONGEST_UNIX => Err("a Unix socket's path is at most 107 bytes"),
        Some(path) if path.contains('\0') => Err("a path has no NUL character"),
        Some(path) => Ok(Listen::Unix(PathBuf::from(path))),
    }
}

/// Whether only this machine reaches it.
pub(super) fn is_local(listen: &Listen) -> bool {
    match listen {
        Listen::Tcp(address) => address.ip().to_canonical().is_loopback(),
        Listen::Unix(_) => true,
    }
}

/// Reads `server.listen`.
pub(super) fn server(section: &mut Section<'_>) -> Vec<Found<Listen>> {
    // A list that is none was noted; the empty one here is never used.
    let Some(texts) = section.texts("listen") else { return Vec::new() };
    if texts.is_empty() {
        let place = section.set("listen").unwrap_or(section.place());
        section.notes.error(place, "`listen` needs at least one address");
    }
    let mut all: Vec<Found<Listen>> = Vec::new();
    for text in texts {
        match parse(text.value) {
            Err(fault) => section.notes.error(text.place, format!("`listen`: {fault}")),
            Ok(listen) => {
                let found = text.with(listen);
                check_apart(&found, &all, section.notes);
                all.push(found);
            }
        }
    }
    all
}

/// Reads `[operations]`, whose address is none of the `public` ones.
pub(super) fn operations(
    section: &mut Section<'_>,
    public: &[Found<Listen>],
) -> Option<Operations> {
    let optional = |text: &str| if text.is_empty() { Ok(None) } else { parse(text).map(Some) };
    let found = section.parsed("listen", optional)?;
    if let Some(listen) = found.value.clone() {
        let listen = found.with(listen);
        check_apart(&listen, public, section.notes);
        if !is_local(&listen.value) {
            let text = "whoever reaches this address reads the metrics without a credential; \
                        let it be a loopback address or a Unix socket";
            section.notes.warning(listen.place, text);
        }
    }
    Some(Operations { listen: found.value })
}

fn check_apart(listen: &Found<Listen>, others: &[Found<Listen>], notes: &mut Notes) {
    // Port 0 is another one each time.
    let chosen = matches!(listen.value, Listen::Tcp(address) if address.port() == 0);
    if !chosen && others.iter().any(|other| other.value == listen.value) {
        notes.error(listen.place, "`listen`: this address is already taken by [server]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let long = format!("unix:/{}", "a".repeat(107));
        for good in ["127.0.0.1:0", "[::1]:8080", "0.0.0.0:443", "unix:/run/x.sock", "unix:x"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["", "8080", ":8080", "localhost:8080", "::1:8080", "1.2.3.4", "unix:", &long] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn local_addresses() {
        let cases = [
            ("127.0.0.2:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("unix:/x", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
        ];
        for (text, local) in cases {
            assert_eq!(is_local(&parse(text).unwrap()), local, "{text}");
        }
    }
}
