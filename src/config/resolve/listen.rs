//! Addresses to listen on.

use crate::config::mistake::Notes;
use crate::config::read::{Found, Section};
use crate::config::{Listen, Operations, Origin};
use std::path::PathBuf;

/// What an address may be.
const FORM: &str = "an address is \"127.0.0.1:8080\", \"[::1]:8080\", \"unix:/run/gitlatch.sock\", or \
                    \"systemd\" for what a .socket unit passes";
/// Longest name of a socket that is passed, in bytes (`FileDescriptorName=`, systemd.socket(5)).
const LONGEST_NAME: usize = 255;
/// Longest path of a Unix socket, in bytes (`sun_path` without its NUL, unix(7)).
const LONGEST_UNIX: usize = 107;

/// Reads one address. Names are not looked up: what they mean changes, and often is two addresses.
pub(super) fn parse(text: &str) -> Result<Listen, &'static str> {
    if text == "systemd" {
        return Ok(Listen::Systemd(None));
    }
    if let Some(name) = text.strip_prefix("systemd:") {
        return passed(name).map(|name| Listen::Systemd(Some(name)));
    }
    match text.strip_prefix("unix:") {
        None => text.parse().map(Listen::Tcp).map_err(|_| FORM),
        Some("") => Err(FORM),
        Some(path) if path.len() > LONGEST_UNIX => Err("a Unix socket's path is at most 107 bytes"),
        Some(path) if path.contains('\0') => Err("a path has no NUL character"),
        Some(path) => Ok(Listen::Unix(PathBuf::from(path))),
    }
}

/// The name of sockets that are passed, as `FileDescriptorName=` may give it.
fn passed(name: &str) -> Result<String, &'static str> {
    let possible = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b':';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(possible) {
        return Err("after `systemd:` comes the FileDescriptorName= of a .socket unit: 1 to 255 \
                    printable ASCII characters without a colon");
    }
    Ok(name.to_owned())
}

/// Whether only this machine reaches it.
pub(super) fn is_local(listen: &Listen) -> bool {
    match listen {
        Listen::Tcp(address) => address.ip().to_canonical().is_loopback(),
        // Of what is passed the address is known when it comes, and looked at then.
        Listen::Unix(_) | Listen::Systemd(_) => true,
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
    addresses("listen", texts, &[], section.notes)
}

/// Reads `server.redirect_listen`, whose addresses are none of the `public` ones.
pub(super) fn redirect(
    section: &mut Section<'_>,
    public: &[Found<Listen>],
    public_url: Option<&Found<Origin>>,
    tls: bool,
) -> Vec<Found<Listen>> {
    let Some(texts) = section.texts("redirect_listen") else { return Vec::new() };
    if let Some(place) = section.set("redirect_listen") {
        if !tls {
            let text =
                "`redirect_listen` sends clients to https, which needs `tls_cert` and `tls_key`";
            section.notes.error(place, text);
        }
        if !public_url.is_some_and(|url| url.value.https) {
            let text =
                "`redirect_listen` sends clients to `public_url`, which must be there and be https";
            section.notes.error(place, text);
        }
    }
    addresses("redirect_listen", texts, public, section.notes)
}

fn addresses(
    key: &str,
    texts: Vec<Found<&str>>,
    others: &[Found<Listen>],
    notes: &mut Notes,
) -> Vec<Found<Listen>> {
    let mut all: Vec<Found<Listen>> = Vec::new();
    for text in texts {
        match parse(text.value) {
            Err(fault) => notes.error(text.place, format!("`{key}`: {fault}")),
            Ok(listen) => {
                let found = text.with(listen);
                check_apart(key, &found, &all, notes);
                check_apart(key, &found, others, notes);
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
        check_apart("listen", &listen, public, section.notes);
        if !is_local(&listen.value) {
            let text = "whoever reaches this address reads the metrics without a credential; \
                        let it be a loopback address or a Unix socket";
            section.notes.warning(listen.place, text);
        }
    }
    Some(Operations { listen: found.value })
}

fn check_apart(key: &str, listen: &Found<Listen>, others: &[Found<Listen>], notes: &mut Notes) {
    // Port 0 is another one each time.
    let chosen = matches!(listen.value, Listen::Tcp(address) if address.port() == 0);
    if !chosen && others.iter().any(|other| other.value == listen.value) {
        let text = format!("`{key}`: this address is already taken by [server]");
        notes.error(listen.place, text);
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
