//! URLs of servers, read strictly: what can be read in two ways is refused.

use crate::config::Origin;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Reads `http(s)://host[:port][/prefix]` and nothing more.
///
/// `http::Uri` lets backslashes and bad escapes through and URL libraries rewrite them; a prefix that
/// is compared with request paths has one spelling.
pub(super) fn parse(text: &str) -> Result<Origin, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("a URL begins with http:// or https://")?;
    let https = match scheme {
        "http" => false,
        "https" => true,
        _ => return Err("a URL begins with http:// or https://"),
    };
    if rest.contains(['?', '#']) {
        return Err("a URL has no query and no fragment here");
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("a URL has no user and no password here: see [upstream.identity]");
    }
    let (host, port) = authority_parts(authority)?;
    Ok(Origin {
        https,
        host,
        port: port.unwrap_or(if https { 443 } else { 80 }),
        authority: authority.to_owned(),
        prefix: prefix(path)?.to_owned(),
    })
}

/// Reads `host[:port]`, and gives it back.
pub(super) fn authority(text: &str) -> Result<String, &'static str> {
    authority_parts(text).map(|_| text.to_owned())
}

/// Whether the host is this machine.
pub(super) fn is_loopback(origin: &Origin) -> bool {
    let host = origin.host.as_str();
    let v4 = host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    let v6 = host.parse::<Ipv6Addr>().is_ok_and(|address| address.to_canonical().is_loopback());
    // RFC 6761 section 6.3 gives localhost and all below it to the loopback.
    v4 || v6 || host == "localhost" || host.ends_with(".localhost")
}

fn authority_parts(text: &str) -> Result<(String, Option<u16>), &'static str> {
    const HOST: &str = "a host is a name, an IPv4 address or an IPv6 address in brackets";
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(HOST)?;
        address.parse::<Ipv6Addr>().map_err(|_| HOST)?;
        (address, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(HOST)?) })
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(h, p)| (h, Some(p)));
        if !is_name(host) {
            return Err(HOST);
        }
        (host, port)
    };
    Ok((host.to_ascii_lowercase(), port.map(read_port).transpose()?))
}

fn read_port(text: &str) -> Result<u16, &'static str> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or("a port is a number from 1 to 65535")
}

fn is_name(host: &str) -> bool {
    // What ends in a number is an IPv4 address and nothing else (URL Standard, "ends in a number").
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// The path without slashes at its end.
fn prefix(path: &str) -> Result<&str, &'static str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    for segment in path.split('/').skip(1) {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
        if segment.is_empty() || segment == "." || segment == ".." {
            return Err("the path of a URL has no empty, `.` or `..` segments here");
        }
        if !segment.bytes().all(plain) {
            return Err("the path of a URL has only A-Z a-z 0-9 . _ ~ - between its slashes here");
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls() {
        let cases = [
            ("http://127.0.0.1:7990", "127.0.0.1", 7990, "127.0.0.1:7990", ""),
            ("https://Git.Example.com/", "git.example.com", 443, "Git.Example.com", ""),
            ("http://host/bitbucket/", "host", 80, "host", "/bitbucket"),
            ("http://[::1]:8080/a/b-c", "::1", 8080, "[::1]:8080", "/a/b-c"),
            ("https://[fe80::1]", "fe80::1", 443, "[fe80::1]", ""),
            ("http://a_b.internal", "a_b.internal", 80, "a_b.internal", ""),
        ];
        for (text, host, port, authority, prefix) in cases {
            let https = text.starts_with("https");
            let expected = Origin {
                https,
                host: host.to_owned(),
                port,
                authority: authority.to_owned(),
                prefix: prefix.to_owned(),
            };
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn bad_urls() {
        let cases = [
            "",
            "host",
            "host:80",
            "ftp://host",
            "HTTP://host",
            "http:/host",
            "http://",
            "http:///x",
            "http://user@host",
            "http://user:pw@host",
            "http://host?q",
            "http://host#f",
            "http://host/a?q",
            "http://host/..",
            "http://host/./a",
            "http://host//",
            "http://host//a",
            "http://host/a//b",
            "http://host/%61",
            "http://host/a\\b",
            "http://host\\a",
            "http://host/a;b",
            "http://host/a b",
            "http://ho st",
            "http://host:",
            "http://host:0",
            "http://host:65536",
            "http://host:+80",
            "http://host:80:80",
            "http://::1",
            "http://[::1",
            "http://[::1]x",
            "http://[::1%25eth0]",
            "http://[1.2.3.4]",
            "http://1.2.3",
            "http://1.2.3.4.5",
            "http://0x7f",
            "http://127.1",
            "http://host.",
            "http://.host",
            "http://-a",
            "http://hôst",
            "http://host/é",
            " http://host",
            "http://host\n",
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_hosts() {
        let cases = [
            ("http://localhost", true),
            ("http://git.LOCALHOST", true),
            ("http://127.9.9.9", true),
            ("http://[::1]", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_loopback(&parse(text).unwrap()), expected, "{text}");
        }
    }
}
