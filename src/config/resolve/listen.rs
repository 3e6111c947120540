//! Addresses to listen on.

use crate::config::mistake::Notes;
use crate::config::read::{Found, Section};
use crate::config::{Listen, Operations, Origin};
use std::net::{IpAddr, SocketAddr};
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
    let one_takes_both = dual_stack();
    let other = others.iter().find(|other| overlap(&other.value, &listen.value, one_takes_both));
    let Some(other) = other else { return };
    let text = if other.value == listen.value {
        format!("`{key}`: this address is already taken by [server]")
    } else {
        format!(
            "`{key}`: {} of [server] and this address overlap, and the system lets one alone listen: \
             leave one of them out, or give it another port",
            other.value
        )
    };
    notes.error(listen.place, text);
}

/// Whether the system gives one of two addresses and then refuses the other: one of them is every address
/// of the same port (ip(7)), or they are the same. `one_takes_both`: `[::]` is every IPv4 address too.
fn overlap(one: &Listen, other: &Listen, one_takes_both: bool) -> bool {
    let (Listen::Tcp(a), Listen::Tcp(b)) = (one, other) else { return one == other };
    // Port 0 is another one each time.
    if a.port() != b.port() || a.port() == 0 {
        return false;
    }
    let every = |ip: IpAddr| ip.is_unspecified();
    match (a.ip().to_canonical(), b.ip().to_canonical()) {
        // Two links may have the same address.
        (IpAddr::V6(x), IpAddr::V6(y)) if x == y => scope(a) == scope(b) || every(x.into()),
        (x, y) if x.is_ipv4() == y.is_ipv4() => x == y || every(x) || every(y),
        (x, y) => one_takes_both && [x, y].iter().any(|ip| ip.is_ipv6() && every(*ip)),
    }
}

fn scope(address: &SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

/// Whether sockets of IPv6 are of IPv4 too, which is the system's to say (ipv6(7), `IPV6_V6ONLY`).
fn dual_stack() -> bool {
    let only = std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only").unwrap_or_default();
    only.trim() != "1"
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

    /// As Linux answers `bind` and `listen` on both, whichever comes first.
    #[test]
    fn addresses_that_overlap() {
        // Whether they do where `[::]` is IPv4 too, and where it is not.
        let cases = [
            ("0.0.0.0:1", "127.0.0.1:1", true, true),
            ("0.0.0.0:1", "0.0.0.0:1", true, true),
            ("127.0.0.1:1", "127.0.0.1:1", true, true),
            ("127.0.0.1:1", "127.0.0.2:1", false, false),
            ("127.0.0.1:1", "0.0.0.0:2", false, false),
            ("0.0.0.0:0", "0.0.0.0:0", false, false),
            ("[::]:1", "[::]:1", true, true),
            ("[::]:1", "[::1]:1", true, true),
            ("[::]:1", "0.0.0.0:1", true, false),
            ("[::]:1", "127.0.0.1:1", true, false),
            ("[::]:1", "127.0.0.1:2", false, false),
            ("[::1]:1", "0.0.0.0:1", false, false),
            ("[::1]:1", "127.0.0.1:1", false, false),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true, true),
            ("[::ffff:127.0.0.1]:1", "0.0.0.0:1", true, true),
            ("[::ffff:0.0.0.0]:1", "127.0.0.1:1", true, true),
            ("[::ffff:127.0.0.1]:1", "[::1]:1", false, false),
            ("[fe80::1%2]:1", "[fe80::1%2]:1", true, true),
            ("[fe80::1%2]:1", "[fe80::1%3]:1", false, false),
            ("unix:/a", "unix:/a", true, true),
            ("unix:/a", "unix:/b", false, false),
            ("unix:/a", "0.0.0.0:1", false, false),
        ];
        for (one, other, both, apart) in cases {
            let (a, b) = (parse(one).unwrap(), parse(other).unwrap());
            for (a, b) in [(&a, &b), (&b, &a)] {
                assert_eq!(overlap(a, b, true), both, "{one} {other}");
                assert_eq!(overlap(a, b, false), apart, "{one} {other}");
            }
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
