//! How much is taken at once, and what is said of what is too much.

mod queue;
mod rates;

use super::support::{
    PATIENCE, Reply, Site, SiteBuilder, Upstream, bearer, eventually, read_head, replies, request,
};
use super::tls::Authority;
use bytes::Bytes;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

const GET: &str = "GET /team/app.git/HEAD";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn with_token(site: Site) -> (Site, String) {
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    (site, token)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(stream: &mut (impl Read + Write), token: &str) -> Option<Reply> {
    let head = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(token));
    let _ = stream.write_all(head.as_bytes());
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return replies(&received).into_iter().next(),
            Ok(read) => received.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer: {error}"),
        }
        let whole = |reply: &Reply| {
            let length = reply.header("content-length").and_then(|length| length.parse().ok());
            length == Some(reply.body.len())
        };
        if let Some(reply) = replies(&received).into_iter().next().filter(whole) {
            return Some(reply);
        }
    }
}

/// The value of a line of the metrics.
pub fn metric(site: &Site, name: &str) -> u64 {
    let reply = request(site.operations(), "GET /metrics", "", b"");
    let text = reply.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

/// Replaces a line of the configuration and has it read again.
pub fn reconfigure(site: &Site, from: &str, to: &str) {
    let text = fs::read_to_string(site.config()).unwrap();
    assert!(text.contains(from), "{from} is not in\n{text}");
    fs::write(site.config(), text.replace(from, to)).unwrap();
    let reloaded = || site.log().matches("\"reloaded\"").count();
    let before = reloaded();
    site.signal("HUP");
    eventually("the reload", || (reloaded() > before).then_some(()));
}

/// The limit, who holds connections, who comes too much, the answer, and what the metric calls it.
#[test]
fn one_connection_too_many_is_told() {
    let cases = [
        ("connections = 2", 503, "5", "total"),
        ("connections_per_address = 2", 429, "5", "address"),
    ];
    for (limit, status, after, reason) in cases {
        let upstream = Upstream::answering(OK);
        let builder = SiteBuilder::url(&upstream.url(), "");
        let socket = builder.folder().join("socket");
        let listen = format!("listen = ['127.0.0.1:0', 'unix:{}']", socket.display());
        let (site, token) =
            with_token(builder.server(&listen).section(&format!("[limits]\n{limit}")).start());
        let mut held = [connect(site.address()), connect(site.address())];
        for stream in &mut held {
            assert_eq!(ask(stream, &token).unwrap().status, 200, "{limit}");
        }
        for _ in 0..3 {
            let refused = ask(&mut connect(site.address()), &token).unwrap();
            let told =
                (refused.status, refused.header("retry-after"), refused.header("connection"));
            assert_eq!(told, (status, Some(after.to_owned()), Some("close".to_owned())), "{limit}");
            assert!(refused.text().starts_with("gitlatch: "), "{limit}: {}", refused.text());
        }
        let name = format!("gitlatch_connections_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(metric(&site, &name), 3, "{limit}");
        site.logged(&["connections are turned away", reason]);
        let mut local = UnixStream::connect(&socket).unwrap();
        local.set_read_timeout(Some(PATIENCE)).unwrap();
        let on_socket = ask(&mut local, &token).unwrap().status;
        // A peer on a Unix socket is nobody's address, but one of the total.
        assert_eq!(on_socket, if reason == "total" { 503 } else { 200 }, "{limit}");
        for stream in &mut held {
            assert_eq!(ask(stream, &token).unwrap().status, 200, "{limit}: those there go on");
        }
        drop((held, local));
        eventually("room for another", || {
            let reply = ask(&mut connect(site.address()), &token)?;
            (reply.status == 200).then_some(())
        });
    }
}

/// Many that are too many at once, most of whom never say a word, are all let go.
#[test]
fn a_crowd_at_the_door_is_let_go() {
    let upstream = Upstream::answering(OK);
    let site = SiteBuilder::url(&upstream.url(), "").section("[limits]\nconnections = 1");
    let (site, token) = with_token(site.start());
    let mut held = connect(site.address());
    assert_eq!(ask(&mut held, &token).unwrap().status, 200);
    let mut crowd: Vec<_> = (0..200).map(|_| connect(site.address())).collect();
    for stream in &mut crowd {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        assert!(said.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&said));
    }
    assert_eq!(ask(&mut held, &token).unwrap().status, 200);
}

/// A trusted proxy is many clients, and is not counted as one.
#[test]
fn trusted_proxies_are_not_counted_by_address() {
    let upstream = Upstream::answering(OK);
    let (site, token) = with_token(
        SiteBuilder::url(&upstream.url(), "")
            .server("trusted_proxies = ['127.0.0.0/8']")
            .section("[limits]\nconnections_per_address = 1")
            .start(),
    );
    let mut held = [connect(site.address()), connect(site.address())];
    for stream in &mut held {
        assert_eq!(ask(stream, &token).unwrap().status, 200);
    }
    reconfigure(&site, "['127.0.0.0/8']", "[]");
    drop(held);
    let mut one = connect(site.address());
    eventually("a connection is let in", || {
        let status = ask(&mut one, &token).map(|reply| reply.status);
        if status != Some(200) {
            one = connect(site.address());
        }
        (status == Some(200)).then_some(())
    });
    assert_eq!(ask(&mut connect(site.address()), &token).unwrap().status, 429);
    reconfigure(&site, "connections_per_address = 1", "connections_per_address = 2");
    assert_eq!(ask(&mut connect(site.address()), &token).unwrap().status, 200);
}

/// Who wants TLS is closed: an answer would cost a handshake.
#[test]
fn one_connection_too_many_over_tls_is_closed() {
    let upstream = Upstream::answering(OK);
    let builder = SiteBuilder::url(&upstream.url(), "");
    Authority::new().certify().write(builder.folder());
    let site = builder
        .server("tls_cert = 'cert.pem'\ntls_key = 'key.pem'")
        .section("[limits]\nconnections = 1")
        .start();
    let _held = connect(site.address());
    let name = "gitlatch_connections_refused_total{reason=\"total\"}";
    let mut refused = connect(site.address());
    assert_eq!(refused.read(&mut [0]).unwrap(), 0);
    assert_eq!(metric(&site, name), 1);
}

/// Where the system has too few descriptors, `check` says so, and what is not carried is told at the door.
#[test]
fn descriptors_carry_connections() {
    let upstream = Upstream::answering(OK);
    let site = SiteBuilder::url(&upstream.url(), "").prepare();
    let limited = |arguments: &str| {
        let program = env!("CARGO_BIN_EXE_gitlatch");
        let mut command = Command::new("sh");
        let script = format!("ulimit -n 260; exec {program} {arguments}");
        command.args(["-c", &script]).current_dir(site.folder());
        command.env("GITLATCH_CONFIG", site.config());
        command
    };
    let checked = limited("check").output().unwrap();
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    assert!(checked.status.success(), "a warning: {said}");
    for piece in ["warning", "file descriptors", "may have 260", "only 2 connections"] {
        assert!(said.contains(piece), "no {piece} in {said}");
    }
    let mut serving = limited("serve").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(serving.stdout.take().unwrap()));
    let address = lines.find_map(|line| {
        let json: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        (json["message"] == "listening").then(|| json["address"].as_str().unwrap().to_owned())
    });
    let address: SocketAddr = address.unwrap().parse().unwrap();
    let mut held = [connect(address), connect(address)];
    let statuses = held.each_mut().map(|stream| ask(stream, "x").unwrap().status);
    let refused = ask(&mut connect(address), "x").unwrap().status;
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert_eq!((statuses, refused), ([401, 401], 503));
}

/// The soft limit of descriptors is raised as far as is needed, and no further.
#[test]
fn descriptors_are_raised() {
    let upstream = Upstream::answering(OK);
    let site =
        SiteBuilder::url(&upstream.url(), "").section("[limits]\nconnections = 5000").start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", site.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u64 = line.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(soft >= 2 * 5000, "{line}");
}

/// A head of a request that is one line or some bytes too much; the answer, and what the metric calls it.
#[test]
fn heads_are_bounded() {
    let upstream = Upstream::answering(OK);
    let limits = "[limits]\nheaders = 20\nheader_bytes = 8192";
    let (site, token) = with_token(SiteBuilder::url(&upstream.url(), "").section(limits).start());
    let lines = |count: usize| "X-A: b\r\n".repeat(count);
    let bytes = |count: usize| format!("X-A: {}\r\n", "b".repeat(count));
    let cases = [
        // Host, Connection and Authorization are three.
        (lines(17), "", 200, ""),
        (lines(18), "", 431, "too-large"),
        (bytes(7000), "", 200, ""),
        (bytes(8192), "", 431, "too-large"),
        (String::new(), &"a".repeat(8192), 431, "too-large"),
        ("X-A\r\n".to_owned(), "", 400, "parse"),
        (" X-A: b\r\n".to_owned(), "", 400, "parse"),
    ];
    let mut counts = std::collections::BTreeMap::new();
    for (headers, path, status, kind) in cases {
        let reply =
            request(site.address(), &format!("{GET}{path}"), &(bearer(&token) + &headers), b"");
        let what = &headers[..headers.len().min(20)];
        assert_eq!(reply.status, status, "{what} {}", path.len());
        if !kind.is_empty() {
            *counts.entry(kind).or_insert(0) += 1;
        }
    }
    for (kind, count) in counts {
        let name = format!("gitlatch_framing_errors_total{{kind=\"{kind}\"}}");
        eventually(kind, || (metric(&site, &name) == count).then_some(()));
    }
}

/// A client over HTTP/2.
async fn http2(
    address: SocketAddr,
    authority: &Authority,
) -> (h2::client::SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(authority.client(b"h2"));
    let stream = connector.connect(name, socket).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn get(token: &str, headers: usize) -> http::Request<()> {
    let mut request = http::Request::get("https://localhost/team/app.git/HEAD")
        .header("authorization", format!("Bearer {token}"));
    for _ in 0..headers {
        request = request.header("x-a", "b");
    }
    request.body(()).unwrap()
}

/// The same with so many cookies, each on a line of its own.
fn get_with_cookies(token: &str, headers: usize, cookies: usize) -> http::Request<()> {
    let mut request = get(token, headers);
    for _ in 0..cookies {
        request.headers_mut().append("cookie", http::HeaderValue::from_static("a=b"));
    }
    request
}

fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("an end in time") });
}

fn secure(upstream: &Upstream, limits: &str) -> (Site, String, Authority) {
    let authority = Authority::new();
    let builder = SiteBuilder::url(&upstream.url(), "");
    authority.certify().write(builder.folder());
    let site = builder
        .server("tls_cert = 'cert.pem'\ntls_key = 'key.pem'")
        .section(&format!("[limits]\n{limits}"))
        .start();
    let (site, token) = with_token(site);
    (site, token, authority)
}

#[test]
fn heads_are_bounded_over_http2() {
    let upstream = Upstream::answering(OK);
    let (site, token, authority) = secure(&upstream, "headers = 20\nheader_bytes = 8192");
    run(async {
        let (mut sender, _connection) = http2(site.address(), &authority).await;
        // Cookies are one line, in however many they come (RFC 9113 §8.2.3).
        for (headers, cookies, status) in [
            (19, 0, 200),
            (20, 0, 431),
            (300, 0, 431),
            (18, 40, 200),
            (19, 1, 431),
            (19, 40, 431),
            (19, 0, 200),
        ] {
            let asked = get_with_cookies(&token, headers, cookies);
            let (answer, _) = sender.send_request(asked, true).unwrap();
            assert_eq!(answer.await.unwrap().status(), status, "{headers} {cookies}");
        }
    });
    assert_eq!(upstream.seen().len(), 3);
}

/// Who gives up what was begun, again and again, is cut off; the host hears of so many and no more.
#[test]
fn a_flood_of_resets_is_cut_off() {
    const RESETS: usize = 4;
    let upstream = Upstream::raw(|stream, record, connection| {
        let Some(head) = read_head(stream) else { return };
        let answered = head.contains("/answered.git/");
        record(super::support::Seen { head, body: Vec::new(), connection });
        if answered {
            let _ = stream.write_all(OK.as_bytes());
        }
        let _ = stream.read(&mut [0]);
    });
    let (site, token, authority) = secure(&upstream, &format!("resets = {RESETS}"));
    run(async {
        let (mut sender, connection) = http2(site.address(), &authority).await;
        // What is answered gives credit back, but none in advance.
        for _ in 0..2 * RESETS {
            let mut answered = get(&token, 0);
            *answered.uri_mut() = "https://localhost/team/answered.git/HEAD".parse().unwrap();
            let (answer, _) = sender.send_request(answered, true).unwrap();
            let mut body = answer.await.unwrap().into_body();
            while body.data().await.is_some() {}
        }
        let before = upstream.seen().len();
        for nth in 0..=RESETS {
            let (_answer, mut stream) = sender.send_request(get(&token, 0), true).unwrap();
            while upstream.seen().len() == before + nth {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            stream.send_reset(h2::Reason::CANCEL);
        }
        // The end of the connection, in whatever way.
        let _ = connection.await.unwrap();
    });
    let name = "gitlatch_framing_errors_total{kind=\"flood\"}";
    assert_eq!(metric(&site, name), 1);
}
