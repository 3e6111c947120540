//! The PROXY protocol: who may say whose connection it is, and what becomes of what is said wrongly. The
//! forms of the header themselves are cases of the parser.

use super::limits::metric;
use super::support::{
    PATIENCE, Reply, Site, SiteBuilder, bearer, eventually, raw, replies, request,
};
use super::tls::Authority;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

const V1: &[u8] = b"PROXY TCP4 10.1.2.3 10.9.9.9 56324 443\r\n";
const FAR: &[u8] = b"PROXY TCP4 11.1.2.3 10.9.9.9 56324 443\r\n";
const V6: &[u8] = b"PROXY TCP6 ::ffff:10.1.2.3 ::1 56324 443\r\n";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN 10.1.2.3 10.9.9.9 1 2\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\x02\x03\x0a\x09\x09\x09\0\x01\x01\xbb";
const V2_TLV: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\x0a\x01\x02\x03\x0a\x09\x09\x09\0\x01\x01\xbb\x20\0\x02\x01\x02";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A site, and a token for addresses in 10.0.0.0/8 alone.
fn site(server: &str) -> (Site, String) {
    let site = SiteBuilder::repositories().server(server).start();
    site.repository("team/app");
    let arguments = ["--project", "team", "--permission", "REPO_READ", "--from", "10.0.0.0/8"];
    let (token, _) = site.token(&arguments);
    (site, token)
}

fn get(token: &str, more: &str) -> Vec<u8> {
    let line = "GET /team/app.git/HEAD HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    format!("{line}{}{more}\r\n", bearer(token)).into_bytes()
}

/// The status of the first answer; 0 when the connection is closed without one.
fn status(replies: &[Reply]) -> u16 {
    replies.first().map_or(0, |reply| reply.status)
}

fn refused(site: &Site) -> u64 {
    let metrics = request(site.operations(), "GET /metrics", "", b"").text();
    let name = "gitlatch_framing_errors_total{kind=\"proxy-protocol\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.parse().unwrap()
}

#[test]
fn a_listed_proxy_says_whose_connection_it_is() {
    let (site, token) = site("proxy_protocol = ['127.0.0.1']");
    let twice = [V1, V1].concat();
    let lower = V1.to_ascii_lowercase();
    let open = [&V1[..V1.len() - 2], b"\n"].concat();
    let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 100], b"\r\n"].concat();
    let huge = [SIGNATURE, b"\x21\x11\xff\xff"].concat();
    // What comes first, and the status of the request behind it; 0 is a connection that is closed.
    let cases: [(&[u8], u16); 17] = [
        (V1, 200),
        (V6, 200),
        (V2, 200),
        (V2_TLV, 200),
        (FAR, 403),
        // The proxy's own address is no one of 10.0.0.0/8.
        (UNKNOWN, 403),
        (V2_LOCAL, 403),
        // The second header is what should be a request.
        (&twice, 400),
        (b"", 0),
        (b"GET / HTTP/1.1\r\n", 0),
        (&lower, 0),
        (&open, 0),
        (&long, 0),
        (&huge, 0),
        (b"PROXY TCP4 10.1.2.3 10.9.9.9 56324 65536\r\n", 0),
        (b"PROXY TCP6 10.1.2.3 10.9.9.9 56324 443\r\n", 0),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0b\x0a\x01\x02\x03\x0a\x09\x09\x09\0\x01\x01", 0),
    ];
    for (header, expected) in &cases {
        let replies = raw(site.address(), &[header, &get(&token, "")[..]].concat());
        let shown = String::from_utf8_lossy(header);
        assert_eq!(status(&replies), *expected, "{shown} {replies:?}");
    }
    let malformed = cases.iter().filter(|(_, status)| *status == 0).count() as u64;
    eventually("the count", || (refused(&site) == malformed).then_some(()));
    // In pieces, the last of them with what follows.
    for header in [V1, V2] {
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in &header[..header.len() - 1] {
            stream.write_all(&[*byte]).unwrap();
        }
        stream.write_all(&[&header[header.len() - 1..], &get(&token, "")].concat()).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        assert_eq!(status(&replies(&received)), 200);
    }
    // The address is the one that is logged.
    assert_eq!(site.logged(&["11.1.2.3"])["reason"], "from");
    assert_eq!(request(site.operations(), "GET /healthz", "", b"").status, 200);
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let (site, _) = site("proxy_protocol = ['127.0.0.1']\nheader_timeout = '1s'");
    for begun in [&b""[..], b"PROXY", b"PROXY TCP4 10.1.2.3 ", &SIGNATURE[..5], SIGNATURE] {
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(begun).unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "{begun:?}");
    }
    assert_eq!(refused(&site), 5);
}

#[test]
fn nobody_else_says_anything() {
    let (site, token) = site("proxy_protocol = ['10.0.0.0/8']");
    for header in [V1, V2, V2_LOCAL, UNKNOWN] {
        let replies = raw(site.address(), &[header, &get(&token, "")[..]].concat());
        assert_eq!(status(&replies), 400, "{}", String::from_utf8_lossy(header));
    }
    assert_eq!(status(&raw(site.address(), &get(&token, ""))), 403);
    assert_eq!(refused(&site), 0);
}

#[test]
fn forwarded_headers_are_judged_by_the_address_that_is_named() {
    for (trusted, forwarded, expected) in [
        ("10.0.0.0/8", "11.0.0.1", 403),
        ("10.0.0.0/8", "10.5.5.5", 200),
        // The proxy itself is not the peer any more.
        ("127.0.0.1", "11.0.0.1", 200),
    ] {
        let lines = format!("proxy_protocol = ['127.0.0.1']\ntrusted_proxies = ['{trusted}']");
        let (site, token) = site(&lines);
        let more = format!("X-Forwarded-For: {forwarded}\r\n");
        let replies = raw(site.address(), &[V1, &get(&token, &more)].concat());
        assert_eq!(status(&replies), expected, "{trusted} {forwarded}");
    }
}

#[test]
fn peers_on_a_unix_socket_may_be_listed() {
    let builder = SiteBuilder::repositories();
    let path = builder.folder().join("socket");
    let lines =
        format!("listen = ['127.0.0.1:0', 'unix:{}']\nproxy_protocol = ['unix']", path.display());
    let site = builder.server(&lines).start();
    site.repository("team/app");
    let arguments = ["--project", "team", "--permission", "REPO_READ", "--from", "10.0.0.0/8"];
    let (token, _) = site.token(&arguments);
    // AF_UNIX, with two paths of 108 bytes.
    let unix = [SIGNATURE, b"\x21\x31\0\xd8", &[b'x'; 216]].concat();
    for (header, expected) in [(V1, 200), (V2, 200), (FAR, 403), (&unix, 403), (b"", 0)] {
        let replies = local(&path, &[header, &get(&token, "")[..]].concat());
        assert_eq!(status(&replies), expected, "{}", String::from_utf8_lossy(header));
    }
    // Over TCP there is none.
    assert_eq!(status(&raw(site.address(), &get(&token, ""))), 403);
}

/// Sends bytes to a Unix socket and reads every answer.
fn local(path: &Path, bytes: &[u8]) -> Vec<Reply> {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut received = Vec::new();
    // What was not read when it was closed is a reset.
    let _ = stream.read_to_end(&mut received);
    replies(&received)
}

/// By TCP, on a Unix socket, and where TLS is wanted: the one that is too much of an address is told so, where
/// that needs no handshake, and counts.
#[test]
fn one_connection_too_many_of_an_address_is_told() {
    for tls in [false, true] {
        let builder = SiteBuilder::repositories().section("[limits]\nconnections_per_address = 1");
        Authority::new().certify().write(builder.folder());
        let path = builder.folder().join("socket");
        let lines = format!(
            "listen = ['127.0.0.1:0', 'unix:{}']\nproxy_protocol = ['127.0.0.1', 'unix']\n{}",
            path.display(),
            if tls { "tls_cert = 'cert.pem'\ntls_key = 'key.pem'" } else { "" }
        );
        let site = builder.server(&lines).start();
        let ask = [V1, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let last = [V1, &get("none", "")].concat();
        let mut held = UnixStream::connect(&path).unwrap();
        held.set_read_timeout(Some(PATIENCE)).unwrap();
        held.write_all(&ask).unwrap();
        assert_eq!(held.read(&mut [0]).unwrap(), 1, "it is served");
        // Within TLS nothing is said.
        for (replies, told) in [(local(&path, &last), true), (raw(site.address(), &last), !tls)] {
            assert_eq!(status(&replies), if told { 429 } else { 0 }, "{tls}");
            let after = replies.first().and_then(|reply| reply.header("retry-after"));
            assert_eq!(after.is_some(), told, "{tls}");
        }
        let name = "gitlatch_connections_refused_total{reason=\"address\"}";
        assert_eq!(metric(&site, name), 2, "{tls}");
        let line = site.logged(&["connections are turned away"]);
        assert_eq!(line["reason"], "address");
        drop(held);
        eventually("room for another", || (status(&local(&path, &last)) != 429).then_some(()));
    }
}

#[test]
fn the_header_comes_before_tls() {
    let authority = Authority::new();
    let builder = SiteBuilder::repositories();
    authority.certify().write(builder.folder());
    let server = "tls_cert = 'cert.pem'\ntls_key = 'key.pem'\nproxy_protocol = ['127.0.0.1']";
    let site = builder.server(server).start();
    site.repository("team/app");
    let arguments = ["--project", "team", "--permission", "REPO_READ", "--from", "10.0.0.0/8"];
    let (token, _) = site.token(&arguments);
    let ask = |before: &[u8], within: &[u8]| -> u16 {
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(before).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(authority.client(b"http/1.1"), name).unwrap();
        let mut stream = rustls::Stream::new(&mut tls, &mut stream);
        let mut received = Vec::new();
        if stream.write_all(&[within, &get(&token, "")[..]].concat()).is_ok() {
            let _ = stream.read_to_end(&mut received);
        }
        status(&replies(&received))
    };
    for (before, within, expected) in [
        (V1, &b""[..], 200),
        (V2_TLV, b"", 200),
        (FAR, b"", 403),
        // Within TLS it is the client's, and no header.
        (FAR, V1, 400),
        (FAR, V2, 400),
        (b"", V1, 0),
        (b"", b"", 0),
    ] {
        let shown = (String::from_utf8_lossy(before), String::from_utf8_lossy(within));
        assert_eq!(ask(before, within), expected, "{shown:?}");
    }
}

#[test]
fn who_said_nothing_good_is_told_by_address() {
    let builder = SiteBuilder::repositories().server("proxy_protocol = ['127.0.0.1']");
    let site = builder.section("[log]\nlevel = 'debug'").start();
    assert!(raw(site.address(), b"GET / HTTP/1.1\r\n\r\n").is_empty());
    assert_eq!(site.logged(&["\"no PROXY header\""])["peer"], "127.0.0.1");
}
