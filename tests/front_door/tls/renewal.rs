//! Certificates that change while they are in use: unasked, and at SIGHUP.

use super::super::support::{Site, SiteBuilder, Upstream, bearer, eventually, replies};
use super::authority::{Authority, Certificate, gullible, replace};
use super::{ASKED, figure, shown, speak, start, with_token};
use rustls::ClientConfig;
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

const OK: &str = "gitlatch_tls_reloads_total{outcome=\"ok\"}";
const FAILED: &str = "gitlatch_tls_reloads_total{outcome=\"failed\"}";
const BAD: &str = "gitlatch_tls_files_bad{side=\"server\"}";
const ENDS: &str = "gitlatch_tls_certificate_expiration_timestamp_seconds{side=\"server\"}";

/// How often the log says it.
fn said(site: &Site, text: &str) -> usize {
    site.log().matches(text).count()
}

fn wait_for(site: &Site, line: &str, expected: u64) {
    eventually(line, || (figure(site, line) == Some(expected)).then_some(()));
}

/// How one file of a pair goes bad.
type Spoil = fn(&Path, &Certificate);

/// What becomes of the pair that is in force, and what the log says of it.
const SPOILT: [(Spoil, &str); 6] = [
    (
        |folder, _| replace(&folder.join("cert.pem"), "rubbish"),
        "cert.pem\\\": there is no certificate in it",
    ),
    // Half-written: the new certificate, the old key.
    (
        |folder, other| replace(&folder.join("cert.pem"), &other.pem),
        "key.pem\\\": this key is not that of the certificate",
    ),
    (
        |folder, _| replace(&folder.join("key.pem"), ""),
        "key.pem\\\": there is no private key in it",
    ),
    (
        |folder, _| fs::remove_file(folder.join("key.pem")).unwrap(),
        "key.pem\\\": the file cannot be read",
    ),
    (
        |folder, _| {
            fs::set_permissions(folder.join("key.pem"), PermissionsExt::from_mode(0o644)).unwrap();
        },
        "key.pem\\\": others than its owner and its group may use",
    ),
    (
        |folder, other| replace(&folder.join("cert.pem"), &other.pem.replace("MII", "AAA")),
        "cert.pem\\\": the certificate cannot be used",
    ),
];

#[test]
fn at_sighup() {
    let authority = Authority::new();
    let (first, second) = (authority.certify(), authority.certify());
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let builder = SiteBuilder::url(&upstream.url(), "");
    first.write(builder.folder());
    let lines = "tls_cert = 'cert.pem'\ntls_key = 'key.pem'\ntls_poll = '0s'";
    let site = builder.server(lines).start();
    let client = authority.client(b"http/1.1");
    assert_eq!(shown(&site, &client), first.der());
    second.write(site.folder());
    assert_eq!(shown(&site, &client), first.der(), "nothing changes unasked");
    site.signal("HUP");
    site.logged(&[r#""message":"reloaded""#]);
    assert_eq!(shown(&site, &client), second.der());
    for (nth, (spoil, complaint)) in (1..).zip(SPOILT) {
        second.write(site.folder());
        spoil(site.folder(), &first);
        site.signal("HUP");
        wait_for(&site, FAILED, nth);
        eventually(complaint, || (said(&site, complaint) == 1).then_some(()));
        assert_eq!(figure(&site, BAD), Some(1));
        assert_eq!(shown(&site, &client), second.der(), "{complaint}");
        // Asked again, it is as bad, and that is known.
        site.signal("HUP");
        let refused = "not reloaded: the old settings stay in force";
        let times = usize::try_from(nth).unwrap() * 2;
        eventually(refused, || (said(&site, refused) == times).then_some(()));
    }
    assert_eq!(said(&site, r#""message":"reloaded""#), 1);
    first.write(site.folder());
    site.signal("HUP");
    let reloaded = r#""message":"reloaded""#;
    eventually(reloaded, || (said(&site, reloaded) == 2).then_some(()));
    assert_eq!(shown(&site, &client), first.der());
    assert_eq!(figure(&site, BAD), Some(0));
    for (_, complaint) in SPOILT {
        assert_eq!(said(&site, complaint), 1, "once for each change: {complaint}");
    }
}

/// Which certificates there are changes at SIGHUP as well; whether there is HTTPS needs a restart.
#[test]
fn other_certificates_at_sighup() {
    let authority = Authority::new();
    let (first, more) = (authority.certify(), authority.certify_as(&["more.test"]));
    let builder = SiteBuilder::repositories();
    more.write_as(builder.folder(), "more.pem", "more.key");
    let site = start(builder, &first);
    let text = fs::read_to_string(site.config()).unwrap();
    let shown = || speak(site.address(), "more.test", &gullible(), ASKED).unwrap().shown;
    assert_eq!(shown(), first.der());
    let section = "\n[[certificate]]\ncert = 'more.pem'\nkey = 'more.key'\n";
    let without = text.replace("tls_cert = 'cert.pem'\ntls_key = 'key.pem'", "");
    let reloaded = r#""message":"reloaded""#;
    for (nth, (text, expected)) in
        (1..).zip([(format!("{text}{section}"), &more), (text.clone(), &first), (without, &first)])
    {
        fs::write(site.config(), text).unwrap();
        site.signal("HUP");
        eventually(reloaded, || (said(&site, reloaded) == nth).then_some(()));
        assert_eq!(shown(), expected.der());
    }
    site.logged(&["changed, but needs a restart", "server.tls_cert"]);
}

/// One of two pairs goes bad, the other is renewed all the same; what is open goes on.
#[test]
fn unasked() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let authority = Authority::new();
    let (first, second) = (authority.certify(), authority.certify());
    let more = authority.certify_as(&["more.test"]);
    let builder = SiteBuilder::url(&upstream.url(), "")
        .section("[[certificate]]\ncert = 'more.pem'\nkey = 'more.key'")
        .server("tls_cert = 'cert.pem'\ntls_key = 'key.pem'\ntls_poll = '1s'");
    first.write(builder.folder());
    more.write_as(builder.folder(), "more.pem", "more.key");
    let site = builder.start();
    let token = with_token(&site);
    let client = authority.client(b"http/1.1");
    let mut open = Open::to(&site, &client);
    open.ask(&token);
    replace(&site.folder().join("more.pem"), "rubbish");
    wait_for(&site, FAILED, 1);
    let complaint = site.logged(&["\"error\"", "more.pem\\\": there is no certificate in it"]);
    assert!(complaint["message"].as_str().unwrap().contains("stays in force"), "{complaint}");
    assert_eq!(figure(&site, BAD), Some(1));
    let expiring = authority.certify_expired(&["localhost"]);
    expiring.write(site.folder());
    wait_for(&site, ENDS, 1_609_459_200);
    site.logged(&["\"warn\"", "the certificate expired at 2021-01-01T00:00:00Z"]);
    second.write(site.folder());
    wait_for(&site, OK, 2);
    assert_eq!(shown(&site, &client), second.der());
    let of_more = speak(site.address(), "more.test", &gullible(), ASKED).unwrap();
    assert_eq!(of_more.shown, more.der(), "the last good one of this pair");
    replace(&site.folder().join("more.pem"), &more.pem);
    wait_for(&site, BAD, 0);
    assert_eq!(figure(&site, FAILED), Some(1), "said and counted once");
    open.ask(&token);
}

/// A connection that is kept open.
struct Open(rustls::StreamOwned<rustls::ClientConnection, TcpStream>);

impl Open {
    fn to(site: &Site, config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = rustls::ClientConnection::new(Arc::clone(config), name).unwrap();
        Self(rustls::StreamOwned::new(connection, TcpStream::connect(site.address()).unwrap()))
    }

    fn ask(&mut self, token: &str) {
        let line = "GET /team/app.git/HEAD HTTP/1.1\r\nHost: localhost\r\n";
        write!(self.0, "{line}{}\r\n", bearer(token)).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        assert_eq!(replies(&answer)[0].status, 200);
    }
}

/// A session is resumed under the settings that it began with, and under no others.
#[test]
fn sessions_end_with_the_certificate() {
    let authority = Authority::new();
    let (first, second) = (authority.certify(), authority.certify());
    let site = start(SiteBuilder::repositories(), &first);
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der()).unwrap();
        let client = ClientConfig::builder_with_provider(super::authority::provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Arc::new(client);
        let kind = || speak(site.address(), "localhost", &client, ASKED).unwrap().kind;
        assert_eq!([kind(), kind()], [HandshakeKind::Full, HandshakeKind::Resumed], "{versions:?}");
        let before = figure(&site, OK).unwrap();
        let next = if before == 0 { &second } else { &first };
        next.write(site.folder());
        site.signal("HUP");
        wait_for(&site, OK, before + 1);
        assert_eq!([kind(), kind()], [HandshakeKind::Full, HandshakeKind::Resumed], "{versions:?}");
    }
}
