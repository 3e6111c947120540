//! The plain port: it sends people on, and tells programs that their credential is one no more.

use super::limits::reconfigure;
use super::support::{PATIENCE, Site, SiteBuilder, basic, bearer, raw, request};
use super::tls::Authority;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const TOKEN: &str = "latu_0000000000000000000000000000001vo4SB";
const CLEAR: &str = "gitlatch: a credential was sent in the clear";

/// A site with TLS whose plain port is this address.
fn site() -> (Site, SocketAddr) {
    let builder = SiteBuilder::repositories();
    Authority::new().certify().write(builder.folder());
    let site = builder
        .server(
            "listen = '127.0.0.1:0'\ntls_cert = 'cert.pem'\ntls_key = 'key.pem'\nredirect_listen = '127.0.0.1:0'\n\
             public_url = 'https://git.example.com:8443'\nproxy_protocol = []",

        )
        .start();
    let address = site.logged(&["\"redirecting\""])["address"].as_str().unwrap().parse().unwrap();
    (site, address)
}

#[test]
fn people_are_sent_to_the_public_address() {
    let (_site, address) = site();
    // The request, its status, and the place.
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a", 301, "/"),
        ("HEAD /x?y=z HTTP/1.1\r\nHost: a", 301, "/x?y=z"),
        (
            "GET /team/app.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: evil.example",
            301,
            "/team/app.git/info/refs?service=git-upload-pack",
        ),
        ("GET //evil.example/x HTTP/1.1\r\nHost: a", 301, "//evil.example/x"),
        (
            "GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: a",
            301,
            "/.well-known/acme-challenge/x",
        ),
        ("GET /%0d%0aX:y HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: evil.example", 301, "/%0d%0aX:y"),
        ("GET http://evil.example/x HTTP/1.1\r\nHost: evil.example", 400, ""),
        ("GET /a\\b HTTP/1.1\r\nHost: a", 400, ""),
        ("GET /a<b HTTP/1.1\r\nHost: a", 400, ""),
        // What browsers send by themselves is no credential that anybody chose to send.
        (
            "GET /x?tokens=1&at=token HTTP/1.1\r\nHost: a\r\nCookie: session=x\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-WebSocket-Key: x\r\nUpgrade-Insecure-Requests: 1\r\nX-Atlassian-Token: no-check",
            301,
            "/x?tokens=1&at=token",
        ),
        ("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 403, ""),
        ("OPTIONS * HTTP/1.1\r\nHost: a", 403, ""),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: a", 403, ""),
        ("DELETE /x HTTP/1.1\r\nHost: a", 403, ""),
    ];
    for (head, status, place) in cases {
        let bytes =
            if head.contains("\r\n\r\n") { head.to_owned() } else { format!("{head}\r\n\r\n") };
        let reply = raw(address, bytes.as_bytes()).into_iter().next().expect(head);
        assert_eq!(reply.status, status, "{head}: {}", reply.text());
        let expected = (status == 301).then(|| format!("https://git.example.com:8443{place}"));
        assert_eq!(reply.header("location"), expected, "{head}");
        assert_eq!(reply.header("connection").as_deref(), Some("close"), "{head}");
    }
}

/// Whoever holds all the connections that one address may have leaves room for others.
#[test]
fn one_address_does_not_close_it() {
    let (_site, address) = site();
    let held: Vec<_> = (0..32).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (from, expected) in [([127, 0, 0, 1], "HTTP/1.1 429 "), ([127, 0, 0, 2], "HTTP/1.1 301 ")] {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(expected), "{from:?}: {answer}");
    }
    drop(held);
}

#[test]
fn a_reload_says_whose_connections_begin_with_a_proxy_header() {
    let (site, address) = site();
    let header = "PROXY TCP4 10.1.2.3 10.9.9.9 56324 80\r\n";
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let statuses = || {
        [format!("{header}{request}"), request.to_owned()]
            .map(|bytes| raw(address, bytes.as_bytes()).first().map_or(0, |reply| reply.status))
    };
    assert_eq!(statuses(), [400, 301]);
    reconfigure(&site, "proxy_protocol = []", "proxy_protocol = ['127.0.0.1']");
    assert_eq!(statuses(), [301, 0]);
}

#[test]
fn a_credential_is_not_sent_on() {
    let (site, address) = site();
    let query = format!("GET /x?access_token={TOKEN}");
    let header = format!("PRIVATE-TOKEN: {TOKEN}\r\n");
    let escaped = format!("GET /x?a=%{:x}{}", TOKEN.as_bytes()[0], &TOKEN[1..]);
    let cases: [(&str, &str); 23] = [
        ("GET /team/app.git/info/refs?service=git-upload-pack", &bearer(TOKEN)),
        ("GET /x", &basic("alice", "correct horse")),
        ("POST /x", &bearer("anything")),
        ("GET /x", "authorization:\r\n"),
        ("GET /x", &header),
        (&query, ""),
        (&escaped, ""),
        // What is none of ours is a secret all the same.
        ("GET /x", "PRIVATE-TOKEN: glpat-x\r\n"),
        ("HEAD /x", "JOB-TOKEN: x\r\n"),
        ("GET /x", "Deploy-Token: x\r\n"),
        ("GET /x", "Proxy-Authorization: Basic eDp5\r\n"),
        ("GET /x", "X-Auth-Token: x\r\n"),
        ("GET /x", "X_Auth_Token: x\r\n"),
        ("GET /x", "X-Api-Key: x\r\n"),
        ("GET /x", "X-Gitlatch-Ticket: x\r\n"),
        ("GET /x?private_token=glpat-x", ""),
        ("HEAD /x?a=b&JOB_TOKEN=x", ""),
        ("GET /x?%61ccess_token=x", ""),
        ("GET /x?a;token=x", ""),
        ("GET /x?os_username=alice&os_password=x", ""),
        ("GET /x?oauth_signature=x", ""),
        ("GET /x?jwt=x", ""),
        ("POST /x?rss_token=x", ""),
    ];
    for (line, headers) in cases {
        let reply = request(address, line, headers, b"");
        assert_eq!((reply.status, reply.header("location")), (403, None), "{line} {headers}");
        let clear = reply.text().starts_with(CLEAR) || line.starts_with("HEAD");
        assert!(clear, "{line} {headers}: {}", reply.text());
    }
    // Said once a minute, and without the credential.
    let told = site.logged(&["a credential was sent to the plain port"]);
    assert_eq!((&told["level"], &told["client"]), (&"warn".into(), &"127.0.0.1".into()));
    let log = site.log();
    assert_eq!(log.matches("a credential was sent to the plain port").count(), 1, "{log}");
    assert!(!log.contains(TOKEN) && !log.contains("YWxpY2U"), "{log}");
}
