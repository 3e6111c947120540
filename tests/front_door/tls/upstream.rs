//! Whom gitlatch believes to be its upstream, what it shows it, and what it says when that fails.

use super::super::support::{Site, SiteBuilder, bearer, eventually, read_head, request};
use super::authority::{Authority, Certificate, provider, replace, self_signed};
use super::{figure, with_token};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ONLY_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const ONLY_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// A host over HTTPS, and how many requests it answered.
struct Host {
    address: SocketAddr,
    answered: Arc<AtomicUsize>,
}

impl Host {
    /// It shows `shown`, and wants a certificate of `clients` when they are named.
    fn new(
        shown: &Certificate,
        clients: Option<&Authority>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let config =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions);
        let config = match clients {
            None => config.unwrap().with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.der()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
                config.unwrap().with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = Arc::new(config.with_single_cert(vec![shown.der()], shown.key_der()).unwrap());
        Self::serving(move |socket, count| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket);
            while read_head(&mut stream).is_some() {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure";
                if stream.write_all(answer).is_err() {
                    break;
                }
            }
        })
    }

    fn serving(serve: impl Fn(TcpStream, &AtomicUsize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answered = Arc::<AtomicUsize>::default();
        let (count, serve) = (Arc::clone(&answered), Arc::new(serve));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (serve, count) = (Arc::clone(&serve), Arc::clone(&count));
                std::thread::spawn(move || serve(socket, &count));
            }
        });
        Self { address, answered }
    }
}

/// A gitlatch in front of it, with files that `more`, lines of `[upstream]`, may name.
fn in_front(host: &Host, name: &str, more: &str, ca: &str, shown: &Certificate) -> Site {
    let builder = SiteBuilder::url(&format!("https://{name}:{}", host.address.port()), more);
    replace(&builder.folder().join("ca.pem"), ca);
    shown.write_as(builder.folder(), "shown.pem", "shown.key");
    builder.server("tls_poll = '1s'").start()
}

fn ask(site: &Site, token: &str) -> (u16, String) {
    let reply = request(site.address(), "GET /team/app.git/HEAD", &bearer(token), b"");
    (reply.status, reply.text())
}

const SHOW: &str = "ca_file = 'ca.pem'\nclient_cert = 'shown.pem'\nclient_key = 'shown.key'";
const BELIEVE: &str = "ca_file = 'ca.pem'";
const ALONE: &str = "ca_file = 'ca.pem'\nsystem_roots = false";

/// Asks through a gitlatch of its own. Without `words` there is an answer; otherwise the log says them, and
/// clients learn that it was TLS and no more.
fn hold(case: &(&Host, &str, &str, &str, &str), shown: &Certificate) {
    let (host, name, more, ca, words) = *case;
    let watched = format!("health_interval = '1s'\n{more}");
    let site = in_front(host, name, &watched, ca, shown);
    let token = with_token(&site);
    let before = host.answered.load(Ordering::SeqCst);
    let (status, text) = ask(&site, &token);
    let passed = usize::from(words.is_empty());
    assert_eq!(host.answered.load(Ordering::SeqCst), before + passed, "{name} {more}");
    // The watcher finds what requests find.
    let up = || (figure(&site, "gitlatch_upstream_up") == Some(passed as u64)).then_some(());
    eventually(&format!("up {passed} of {name} {more}"), up);
    // So does whoever asks whether it is ready.
    let ready = request(site.operations(), "GET /readyz", "", b"");
    assert_eq!(ready.status, if passed == 1 { 200 } else { 503 }, "{name} {more}");
    assert!(ready.text().contains(words), "{name} {more}: {}", ready.text());
    if words.is_empty() {
        assert_eq!((status, text.as_str()), (200, "secure"), "{name} {more}: {}", site.log());
        return;
    }
    assert_eq!(status, 502, "{words}: {text}");
    assert!(text.contains("TLS to the upstream failed"), "{words}: {text}");
    assert!(!text.contains("certificate") && !text.contains("localhost"), "{text}");
    site.logged(&["\"error\"", "TLS to the upstream failed", words]);
    site.logged(&["\"event\":\"request\"", "\"upstream-tls\""]);
    let errors = "gitlatch_upstream_errors_total{kind=\"tls\"}";
    assert_eq!(figure(&site, errors), Some(1), "{words}");
}

#[test]
fn who_is_believed() {
    let (ours, others, own) = (Authority::new(), Authority::new(), Authority::new());
    let lone = self_signed(&["localhost"]);
    let of = |shown: &Certificate| Host::new(shown, None, rustls::ALL_VERSIONS);
    let host = of(&ours.certify_as(&["localhost"]));
    let (expired, authority) = (of(&ours.certify_expired(&["localhost"])), of(&own.own()));
    let alone = of(&lone);
    let distrusted = "comes from no authority that is believed here: set upstream.ca_file";
    // The host, the name in the URL, lines of `[upstream]`, what is in `ca.pem`, and what the log says.
    let cases = [
        (&host, "localhost", BELIEVE, ours.pem.as_str(), ""),
        (&host, "localhost", ALONE, &ours.pem, ""),
        (&host, "localhost", SHOW, &ours.pem, ""),
        (&alone, "localhost", BELIEVE, &lone.pem, ""),
        (&host, "localhost", "", &ours.pem, distrusted),
        (&host, "localhost", BELIEVE, &others.pem, distrusted),
        (
            &host,
            "127.0.0.1",
            BELIEVE,
            &ours.pem,
            "certificate is not for 127.0.0.1: it is for localhost",
        ),
        (&expired, "localhost", BELIEVE, &ours.pem, "certificate expired at 2021-01-01T00:00:00Z"),
        (
            &authority,
            "localhost",
            BELIEVE,
            &own.pem,
            "the certificate of an authority (CA:TRUE) as its own",
        ),
    ];
    for case in &cases {
        hold(case, &ours.certify_as(&["gitlatch.test"]));
    }
}

/// The system's authorities are believed besides `ca_file`, unless they are told not to be.
#[test]
fn the_authorities_of_the_system() {
    let (systems, others) = (Authority::new(), Authority::new());
    let host = Host::new(&systems.certify_as(&["localhost"]), None, rustls::ALL_VERSIONS);
    for (more, status) in [("", 200), (BELIEVE, 200), (ALONE, 502)] {
        let url = format!("https://localhost:{}", host.address.port());
        let builder = SiteBuilder::url(&url, more);
        let system = builder.folder().join("system.pem");
        replace(&system, &systems.pem);
        replace(&builder.folder().join("ca.pem"), &others.pem);
        let site = builder.variable("SSL_CERT_FILE", system.to_str().unwrap()).start();
        let token = with_token(&site);
        assert_eq!(ask(&site, &token).0, status, "{more}");
    }
}

#[test]
fn what_is_shown_and_what_is_no_tls() {
    const WANTED: &str = "wants a client certificate: set upstream.client_cert";
    let (ours, others) = (Authority::new(), Authority::new());
    let good = ours.certify_as(&["localhost"]);
    let wanting = Host::new(&good, Some(&ours), ONLY_1_3);
    let wanting_1_2 = Host::new(&good, Some(&ours), ONLY_1_2);
    let distrusting = Host::new(&good, Some(&others), rustls::ALL_VERSIONS);
    let plain = Host::serving(|mut socket, _| {
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        let _ = read_head(&mut socket);
    });
    let closing = Host::serving(|socket, _| drop(socket));
    let no_tls = "what answers there speaks no TLS: use an http URL";
    let broke = "the connection broke during the TLS handshake";
    let disbelieved = "not believe the authority of upstream.client_cert";
    let cases = [
        (&wanting, "localhost", SHOW, ours.pem.as_str(), ""),
        (&wanting_1_2, "localhost", SHOW, &ours.pem, ""),
        (&wanting, "localhost", BELIEVE, &ours.pem, WANTED),
        (&wanting_1_2, "localhost", BELIEVE, &ours.pem, WANTED),
        (&distrusting, "localhost", SHOW, &ours.pem, disbelieved),
        (&plain, "localhost", BELIEVE, &ours.pem, no_tls),
        (&closing, "localhost", BELIEVE, &ours.pem, broke),
    ];
    for case in &cases {
        hold(case, &ours.certify_as(&["gitlatch.test"]));
    }
}

/// What is shown to the host, and whom gitlatch believes, change with the files.
#[test]
fn files_for_the_upstream_are_renewed() {
    const BAD: &str = "gitlatch_tls_files_bad{side=\"upstream\"}";
    let (ours, others) = (Authority::new(), Authority::new());
    let good = ours.certify_as(&["gitlatch.test"]);
    let host = Host::new(&ours.certify_as(&["localhost"]), Some(&ours), rustls::ALL_VERSIONS);
    let site =
        in_front(&host, "localhost", SHOW, &ours.pem, &others.certify_as(&["gitlatch.test"]));
    let token = with_token(&site);
    assert_eq!(ask(&site, &token).0, 502);
    good.write_as(site.folder(), "shown.pem", "shown.key");
    eventually("the new certificate is shown", || (ask(&site, &token).0 == 200).then_some(()));
    // Half of a pair: the last good one is shown on.
    replace(&site.folder().join("shown.pem"), &others.certify_as(&["gitlatch.test"]).pem);
    eventually("it is found out", || (figure(&site, BAD) == Some(1)).then_some(()));
    site.logged(&["\"error\"", "shown.key\\\": this key is not that of the certificate"]);
    assert_eq!(ask(&site, &token).0, 200);
    good.write_as(site.folder(), "shown.pem", "shown.key");
    eventually("it is mended", || (figure(&site, BAD) == Some(0)).then_some(()));
    // At SIGHUP at once; a connection that is open is not asked again, so nobody is believed on a new one.
    replace(&site.folder().join("ca.pem"), &others.pem);
    site.signal("HUP");
    site.logged(&[r#""message":"reloaded""#]);
    let post = "POST /team/app.git/git-upload-pack";
    let headers = format!(
        "{}Content-Length: 4\r\nContent-Type: application/x-git-upload-pack-request\r\n",
        bearer(&token)
    );
    let refused = request(site.address(), post, &headers, b"0000");
    assert_eq!(refused.status, 502, "{}", refused.text());
}
