//! HTTPS on both sides: what git and HTTP/2 clients get, certificates that change while it runs, and
//! whom gitlatch believes to be its upstream.

mod authority;
mod certificates;
mod client_certificates;
mod lfs;
mod renewal;
mod upstream;

pub use self::authority::Authority;
use self::authority::Certificate;
use super::support::{Git, PATIENCE, Site, SiteBuilder, Upstream, replies, request};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

const TYPE: &str = "application/x-git-receive-pack-request";

/// A gitlatch that speaks HTTPS with this certificate.
fn start(builder: SiteBuilder, certificate: &Certificate) -> Site {
    certificate.write(builder.folder());
    builder.server("tls_cert = 'cert.pem'\ntls_key = 'key.pem'").start()
}

fn with_token(site: &Site) -> String {
    site.user("alice");
    site.token(&["--user", "alice", "--permission", "REPO_WRITE"]).0
}

/// Runs a future on a runtime of its own; it must end in time.
fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("an end in time") });
}

/// What a connection over TLS was, and what came back.
struct Spoken {
    bytes: Vec<u8>,
    shown: CertificateDer<'static>,
    kind: HandshakeKind,
}

/// A request over HTTP/1.1 and TLS to a server that is called `name`; why it failed.
fn speak(
    address: SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
    bytes: &[u8],
) -> std::io::Result<Spoken> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut stream = rustls::StreamOwned::new(connection, socket);
    stream.write_all(bytes)?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    let shown = stream.conn.peer_certificates().unwrap()[0].clone().into_owned();
    Ok(Spoken { bytes: all, shown, kind: stream.conn.handshake_kind().unwrap() })
}

/// A request that nobody is let in with, and that is answered all the same.
const ASKED: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The figure that `/metrics` has at this line.
fn figure(site: &Site, line: &str) -> Option<u64> {
    let text = request(site.operations(), "GET /metrics", "", b"").text();
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '))?;
    found.parse().ok()
}

/// The certificate that a new connection is shown.
fn shown(site: &Site, config: &Arc<ClientConfig>) -> CertificateDer<'static> {
    let spoken = speak(site.address(), "localhost", config, ASKED).unwrap();
    assert_eq!(replies(&spoken.bytes)[0].status, 401);
    spoken.shown
}

#[test]
fn real_git_over_https() {
    let authority = Authority::new();
    let site = start(SiteBuilder::repositories(), &authority.certify());
    site.repository("team/app");
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_WRITE", "--project", "team"], "");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let git = Git::new();
    fs::write(git.at("ca.pem"), &authority.pem).unwrap();
    let trust = format!("http.sslCAInfo={}", git.at("ca.pem").display());
    let url = format!("https://alice:{token}@{}/team/app.git", site.address());
    let refused = git.run(&["clone", "-q", &url, "distrusting"]);
    assert_ne!(refused.code, Some(0), "a certificate of nobody that git knows");
    for version in ["HTTP/1.1", "HTTP/2"] {
        let version = format!("http.version={version}");
        let name = version.replace(['/', '='], "-");
        let options = ["-c", &trust, "-c", &version];
        git.done(&[&options[..], &["clone", "-q", &url, &name]].concat());
        assert!(git.at(&name).join("README").exists());
        git.commit(&name, &format!("large-{name}"), 3 << 20);
        git.done(&[&options[..], &["-C", &name, "push", "-q", &url, "HEAD:main"]].concat());
    }
}

/// Plain HTTP on a TLS port, and a handshake that never comes, harm nobody else.
#[test]
fn clients_that_do_not_speak_tls() {
    let authority = Authority::new();
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let certificate = authority.certify();
    let builder = SiteBuilder::url(&upstream.url(), "");
    certificate.write(builder.folder());
    let lines = "tls_cert = 'cert.pem'\ntls_key = 'key.pem'\nheader_timeout = '1s'\nthreads = 1";
    let site = builder.server(lines).start();
    let mut silent = TcpStream::connect(site.address()).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let plain = super::support::raw(site.address(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(plain.is_empty(), "{plain:?}");
    assert_eq!(shown(&site, &authority.client(b"http/1.1")), certificate.der());
    // The silent one is sent away.
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert!(upstream.seen().is_empty());
}

/// A body of this many bytes in frames of 64 KiB. It counts what was asked of it.
struct Large {
    left: usize,
    taken: Arc<AtomicUsize>,
}

impl Body for Large {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let size = self.left.min(0x10000);
        self.left -= size;
        self.taken.fetch_add(size, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; size])))))
    }
}

type AnyBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// A connection over HTTP/2.
async fn http2(address: SocketAddr, config: Arc<ClientConfig>) -> SendRequest<AnyBody> {
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(config).connect(name, socket).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}

/// A header's name and value.
type Line = (&'static str, &'static str);

/// What an HTTP/2 request says besides its `:authority`, and the answer.
const HEADS: &[(&str, &str, &[Line], u16)] = &[
    ("GET", "/team/app.git/HEAD", &[], 200),
    ("GET", "/team/app.git/HEAD", &[("host", "localhost")], 200),
    ("GET", "/team/app.git/HEAD", &[("host", "LOCALHOST")], 200),
    ("GET", "/team/app.git/HEAD", &[("host", "evil.test")], 400),
    ("GET", "/team/app.git/HEAD", &[("host", "localhost:443")], 400),
    ("GET", "/team/app.git/HEAD", &[("host", "localhost"), ("host", "localhost")], 400),
    ("GET", "/team/app.git/HEAD", &[("x-forwarded-user", "root"), ("cookie", "a=b")], 200),
    ("GET", "/team/app.git/HEAD", &[("x_forwarded_user", "root")], 200),
    ("GET", "/team/app.git/HEAD", &[("authorization", "Basic eDp5")], 400),
    ("GET", "/team/../app.git/HEAD", &[], 400),
    ("GET", "/team/app.git/config", &[], 403),
    ("HEAD", "/team/app.git/config", &[], 403),
    ("HEAD", "/team/../app.git/HEAD", &[], 400),
    ("PUT", "/team/app.git/HEAD", &[], 405),
    ("TRACE", "/team/app.git/HEAD", &[], 405),
    ("POST", "/team/app.git/git-receive-pack", &[("content-type", "text/plain")], 415),
];

#[test]
fn requests_over_http2() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let authority = Authority::new();
    let site = start(SiteBuilder::url(&upstream.url(), ""), &authority.certify());
    let token = with_token(&site);
    run(async {
        let mut sender = http2(site.address(), authority.client(b"h2")).await;
        for (method, path, headers, status) in HEADS {
            let before = upstream.seen().len();
            let mut builder = Request::builder()
                .method(*method)
                .uri(format!("https://localhost{path}"))
                .header("authorization", format!("Bearer {token}"));
            for (name, value) in *headers {
                builder = builder.header(*name, *value);
            }
            let body = Empty::new().boxed_unsync();
            let response = sender.send_request(builder.body(body).unwrap()).await.unwrap();
            assert_eq!(response.status(), *status, "{method} {path} {headers:?}");
            text(response).await;
            let seen = upstream.seen().split_off(before);
            assert_eq!(seen.len(), usize::from(*status == 200), "{method} {path} {headers:?}");
            for seen in seen {
                assert_eq!(seen.line(), format!("{method} {path} HTTP/1.1"));
                assert_eq!(seen.header("Host"), [upstream.address().to_string()]);
                assert_eq!(seen.header("X-Forwarded-User"), ["alice"]);
                assert_eq!(seen.header("X-Forwarded-Proto"), ["https"]);
                for header in ["Authorization", "Cookie"] {
                    assert_eq!(seen.header(header), [""; 0], "{header}");
                }
            }
        }
    });
}

/// Finished, not reset: the whole upload is taken in, the answer comes, and the connection goes on.
#[test]
fn refused_uploads_over_http2() {
    const SIZE: usize = 20 << 20;
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let authority = Authority::new();
    let site = start(SiteBuilder::url(&upstream.url(), ""), &authority.certify());
    let token = with_token(&site);
    run(async {
        let mut sender = http2(site.address(), authority.client(b"h2")).await;
        let path = "https://localhost/team/app.git/git-receive-pack";
        let cases = [("Bearer x", TYPE, 401), ("", TYPE, 401), (&token, "text/plain", 415)];
        for (credential, kind, status) in cases {
            let asked = Arc::<AtomicUsize>::default();
            let mut builder = Request::post(path).header("content-type", kind);
            if !credential.is_empty() {
                let credential = format!("Bearer {credential}");
                builder = builder.header("authorization", credential);
            }
            let body = Large { left: SIZE, taken: Arc::clone(&asked) }.boxed_unsync();
            let response = sender.send_request(builder.body(body).unwrap()).await.unwrap();
            assert_eq!(response.status(), status);
            assert!(text(response).await.starts_with("gitlatch: "));
            // A reset would stop the upload half-way.
            while asked.load(Ordering::SeqCst) < SIZE {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let builder = Request::get("https://localhost/team/app.git/HEAD")
                .header("authorization", format!("Bearer {token}"));
            let next = sender.send_request(builder.body(Empty::new().boxed_unsync()).unwrap());
            assert_eq!(text(next.await.unwrap()).await, "ok");
        }
    });
    assert_eq!(upstream.seen().len(), 3, "only the reads behind them");
}

/// Who has said nothing does not hold up a restart.
#[test]
fn told_to_stop_it_does_not_wait_for_handshakes() {
    let builder = SiteBuilder::repositories();
    Authority::new().certify().write(builder.folder());
    let lines =
        "tls_cert = 'cert.pem'\ntls_key = 'key.pem'\nheader_timeout = '5m'\ndrain_timeout = '5m'";
    let mut site = builder.server(lines).start();
    let silent = std::net::TcpStream::connect(site.address()).unwrap();
    site.signal("TERM");
    assert_eq!(site.wait(), Some(0));
    drop(silent);
}
