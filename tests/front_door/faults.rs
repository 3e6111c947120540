//! What breaks: the upstream in every way that it can, clients that leave or dawdle, and a service that
//! crashes.

use super::support::{
    PATIENCE, Reply, SECRET, Seen, Site, SiteBuilder, Upstream, basic, bearer, raw, read_head,
    replies, request, with_secret,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const GET: &str = "GET /team/app.git/HEAD";
const PUSH: &str = "POST /team/app.git/git-receive-pack";
const TYPE: &str = "Content-Type: application/x-git-receive-pack-request\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A gitlatch that tells names, with alice's token.
fn site_with(builder: SiteBuilder) -> (Site, String) {
    let site = builder.start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    (site, token)
}

fn builder(url: &str) -> SiteBuilder {
    SiteBuilder::url(url, "connect_timeout = '2s'")
}

fn site(upstream: &Upstream) -> (Site, String) {
    site_with(builder(&upstream.url()))
}

/// A gitlatch with one credential for everybody, with a grant for alice.
fn fixed_site(upstream: &Upstream) -> (Site, String) {
    let identity = "[upstream.identity]\nmode = 'fixed'\nusername = 'bot'\nsecret_file = 'secret'";
    let (site, token) = site_with(
        with_secret(SiteBuilder::url(&upstream.url(), identity))
            .section("[access]\nusers = 'grants'"),
    );
    site.done(&["grant", "add", "alice", "REPO_WRITE", "--project", "team"], "");
    (site, token)
}

/// Waits until `condition` holds.
fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything up to the end, and whether the end was a clean one.
fn read_out(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    all
}

/// Closes so that the other side gets a reset, not an end: what came is left unread.
fn reset(stream: &TcpStream) {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}

fn push_head(token: &str, framing: &str) -> String {
    format!("{PUSH} HTTP/1.1\r\nHost: a\r\n{}{TYPE}{framing}\r\n", bearer(token))
}

/// The head of a push that changes nothing, in one chunk: what follows is its pack, as far as anybody in
/// front of the host knows.
const NOTHING: &[u8] = b"4\r\n0000\r\n";

/// One chunk of 64 KiB, as it is sent.
fn chunk() -> Vec<u8> {
    [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat()
}

/// A POST of `size` bytes in chunks of 64 KiB. Nobody minds when the other side stops reading.
fn send_chunked(stream: &mut TcpStream, size: usize) {
    let chunk = chunk();
    if stream.write_all(NOTHING).is_err() {
        return;
    }
    for _ in 0..size / 0x10000 {
        if stream.write_all(&chunk).is_err() {
            return;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
}

/// What an upstream answers to a GET of alice's token, and what she gets: a status, and what the
/// answer must or (after `!`) must not have.
const ANSWERS: &[(&str, u16, &[&str])] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, &["ok"]),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
        200,
        &["ok", "!x-t"],
    ),
    ("HTTP/1.0 200 OK\r\n\r\nok", 200, &["ok"]),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", 404, &["gone"]),
    ("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", 500, &["oops"]),
    ("HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", 304, &["etag: x"]),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, &["ok"]),
    (
        "HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        200,
        &["ok", "!set-cookie"],
    ),
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", 502, &["gitlatch:"]),
    ("nonsense\r\n\r\n", 502, &["gitlatch: the upstream did not answer properly", "!nonsense"]),
    ("SSH-2.0-OpenSSH_9.2\r\n", 502, &["gitlatch:", "!SSH"]),
    ("\x15\x03\x01\x00\x02\x02\x46", 502, &["gitlatch:"]),
    ("HTTP/1.1 200 OK\r\n", 502, &["gitlatch:"]),
    ("", 502, &["gitlatch:"]),
    ("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", 502, &["gitlatch:"]),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", 502, &["gitlatch:"]),
    ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", 502, &["gitlatch:"]),
    ("HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n", 502, &["gitlatch:"]),
    (
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nSet-Cookie2: e\r\nContent-Length: 0\r\n\r\n",
        200,
        &["!set-cookie"],
    ),
    (
        "HTTP/1.1 403 No\r\nWWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
        403,
        &["!www-authenticate"],
    ),
    (
        "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"\r\nUpgrade: h2c\r\nConnection: X-Hop, upgrade\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n",
        200,
        &["!alt-svc", "!x-hop", "!upgrade", "!keep-alive"],
    ),
    (
        "HTTP/1.1 200 OK\r\nETag: x\r\nCache-Control: no-cache\r\nCache-Control: private\r\nContent-Length: 0\r\n\r\n",
        200,
        &["etag: x", "cache-control: no-cache", "cache-control: private"],
    ),
    (
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=host\r\nContent-Length: 4\r\n\r\nhost",
        403,
        &["the host does not accept alice", "!www-authenticate"],
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: /team/new.git/HEAD\r\nContent-Length: 0\r\n\r\n",
        302,
        &["location: /team/new.git/HEAD\r"],
    ),
    (
        "HTTP/1.1 301 Moved\r\nLocation: {upstream}/team/new.git/HEAD?x\r\nContent-Length: 0\r\n\r\n",
        301,
        &["location: {public}/team/new.git/HEAD?x\r", "!{upstream}"],
    ),
    (
        "HTTP/1.1 301 Moved\r\nLocation: https://evil.test/team/app.git/HEAD\r\nContent-Length: 0\r\n\r\n",
        502,
        &["!evil", "!location"],
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: //evil.test/x\r\nContent-Length: 0\r\n\r\n",
        502,
        &["!evil", "!location"],
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: /\\evil.test/x\r\nContent-Length: 0\r\n\r\n",
        502,
        &["!evil"],
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: https://evil.test/x\r\nContent-Length: 0\r\n\r\n",
        502,
        &["!evil"],
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: /users/sign_in?next=/x\r\nContent-Length: 0\r\n\r\n",
        403,
        &["the host does not accept alice", "!sign_in"],
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: {upstream}/user/login\r\nContent-Length: 0\r\n\r\n",
        403,
        &["the host does not accept alice", "!login"],
    ),
    (
        "HTTP/1.1 200 OK\r\nRefresh: 0;url=https://evil.test\r\nContent-Length: 0\r\n\r\n",
        200,
        &["!evil"],
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Location: https://evil.test/\r\nContent-Length: 0\r\n\r\n",
        200,
        &[],
    ),
];

/// One answer a connection; then the upstream closes.
#[test]
fn answers_of_the_upstream() {
    let current = Arc::new(AtomicUsize::new(0));
    let nth = Arc::clone(&current);
    let upstream = Upstream::new(move |stream, seen, _| {
        let own = format!("http://{}", seen.header("Host")[0]);
        let answer = ANSWERS[nth.load(Ordering::SeqCst)].0.replace("{upstream}", &own);
        let _ = stream.write_all(answer.as_bytes());
        false
    });
    let (site, token) = site(&upstream);
    let public = format!("http://{}", site.address());
    for (nth, (answer, status, pieces)) in ANSWERS.iter().enumerate() {
        current.store(nth, Ordering::SeqCst);
        let head =
            format!("{GET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", bearer(&token));
        let replies = raw(site.address(), head.as_bytes());
        let [reply] = &replies[..] else { panic!("{answer:?}: {replies:?}") };
        let said = format!("{}\r\n\r\n{}", reply.head, reply.text());
        assert_eq!(reply.status, *status, "{answer:?}: {said}");
        assert!(reply.header("X-Request-Id").is_some(), "{answer:?}");
        for piece in *pieces {
            let wanted = piece.strip_prefix('!').unwrap_or(piece);
            let wanted = wanted.replace("{upstream}", &upstream.url()).replace("{public}", &public);
            let has = said.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase());
            assert_eq!(has, !piece.starts_with('!'), "{answer:?}: {piece}: {said}");
        }
    }
}

#[test]
fn a_flood_of_headers() {
    let upstream = Upstream::new(|stream, seen, _| {
        let many = "X-A: b\r\n".repeat(5000);
        let large = format!("X-A: {}\r\n", "b".repeat(4 * 1024 * 1024));
        let headers = if seen.line().contains("HEAD") { many } else { large };
        let answer = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
        false
    });
    let (site, token) = site(&upstream);
    for line in [GET, "GET /team/app.git/info/refs"] {
        let reply = request(site.address(), line, &bearer(&token), b"");
        assert_eq!(reply.status, 502, "{line}");
    }
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (site, token) = site_with(builder(&format!("http://{address}")));
    for (line, body) in [(GET, ""), (PUSH, "0000")] {
        let headers = format!("{}{TYPE}Content-Length: {}\r\n", bearer(&token), body.len());
        let reply = request(site.address(), line, &headers, body.as_bytes());
        assert_eq!(reply.status, 502, "{line}");
        assert!(reply.text().contains("the upstream cannot be reached"), "{}", reply.text());
        assert!(!reply.text().contains(&address.to_string()), "{}", reply.text());
    }
    site.logged(&[r#""reason":"upstream-connect""#, r#""status":502"#]);
}

/// The system takes no more connections for the upstream: each waits until `connect_timeout`.
#[test]
fn a_connection_that_does_not_open_in_time() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
        assert!(held.len() < 1000, "the queue never fills");
    }
    let url = format!("http://{address}");
    let (site, token) = site_with(SiteBuilder::url(&url, "connect_timeout = '1s'"));
    let start = Instant::now();
    let reply = request(site.address(), GET, &bearer(&token), b"");
    assert_eq!(reply.status, 504, "{}", reply.text());
    assert!(start.elapsed() >= Duration::from_millis(900));
    site.logged(&[r#""reason":"upstream-connect""#]);
}

#[test]
fn silence() {
    let upstream = Upstream::new(|stream, seen, _| {
        if seen.line().contains("info/refs") {
            // A head and the beginning of a body, and then nothing.
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").unwrap();
        }
        // Until gitlatch gives up.
        let _ = stream.read(&mut [0]);
        false
    });
    let (site, token) = site_with(builder(&upstream.url()).server("idle_timeout = '1s'"));
    let start = Instant::now();
    let reply = request(site.address(), GET, &bearer(&token), b"");
    assert_eq!(reply.status, 504, "{}", reply.text());
    let headers = format!("{}{TYPE}Content-Length: 4\r\n", bearer(&token));
    let reply = request(site.address(), PUSH, &headers, b"0000");
    assert_eq!(reply.status, 504, "{}", reply.text());
    let reply = request(site.address(), "GET /team/app.git/info/refs", &bearer(&token), b"");
    assert_eq!((reply.status, reply.text().as_str()), (200, "abc"), "a body that broke off");
    assert!(start.elapsed() >= Duration::from_millis(2900));
    site.logged(&[r#""reason":"upstream-silent""#, r#""status":504"#]);
    site.logged(&[r#""reason":"upstream-broke-off""#, r#""verdict":"failed""#]);
    assert_eq!(upstream.seen().len(), 3, "nothing is tried again");
}

/// The client sees that the body is not whole, and so does the log.
#[test]
fn answers_that_break_off() {
    let endings: &[(&str, bool)] = &[
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", false),
    ];
    for (answer, hard) in endings {
        let (told, read) = mpsc::channel::<()>();
        let read = std::sync::Mutex::new(read);
        let upstream = Upstream::new(move |stream, _, _| {
            stream.write_all(answer.as_bytes()).unwrap();
            // The client has the beginning: now comes the fault.
            let _ = read.lock().unwrap().recv_timeout(PATIENCE);
            if *hard {
                reset(stream);
            }
            false
        });
        let (site, token) = site(&upstream);
        let mut stream = connect(site.address());
        let head = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
        stream.write_all(head.as_bytes()).unwrap();
        let mut got = Vec::new();
        while !got.windows(3).any(|window| window == b"abc") {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).unwrap(), 1, "{answer:?}");
            got.push(byte[0]);
        }
        told.send(()).unwrap();
        got.extend(read_out(&mut stream));
        let got = String::from_utf8_lossy(&got).into_owned();
        assert!(got.contains("HTTP/1.1 200"), "{got}");
        assert!(!got.ends_with("0\r\n\r\n"), "a clean end: {got}");
        let length = got.to_ascii_lowercase().contains("content-length: 1000");
        assert_eq!(length, answer.contains("1000"), "{got}");
        site.logged(&[r#""reason":"upstream-broke-off""#, r#""verdict":"failed""#]);
    }
}

/// Bytes behind an answer are nobody's: the next request gets its own.
#[test]
fn bytes_behind_an_answer() {
    let upstream = Upstream::new(|stream, seen, _| {
        let body = seen.line();
        let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}{poison}");
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let (site, token) = site(&upstream);
    for nth in 0..20 {
        let line = format!("GET /team/app{nth}.git/HEAD");
        let reply = request(site.address(), &line, &bearer(&token), b"");
        assert_eq!((reply.status, reply.text()), (200, format!("{line} HTTP/1.1")));
    }
}

/// The upstream reads the head and some of the body, and is gone.
#[test]
fn the_upstream_resets_an_upload() {
    let upstream = Upstream::raw(|stream, record, connection| {
        let Some(head) = read_head(stream) else { return };
        record(Seen { head, body: Vec::new(), connection });
        let mut some = vec![0; 100_000];
        let _ = stream.read_exact(&mut some);
        reset(stream);
    });
    let (site, token) = site(&upstream);
    let mut stream = connect(site.address());
    stream.write_all(push_head(&token, "Transfer-Encoding: chunked\r\n").as_bytes()).unwrap();
    send_chunked(&mut stream, 4 * 1024 * 1024);
    stream.shutdown(Shutdown::Write).unwrap();
    let reply = replies(&read_out(&mut stream));
    assert_eq!(reply[0].status, 502, "{}", reply[0].text());
    site.logged(&[r#""reason":"upstream-protocol""#]);
    assert_eq!(upstream.seen().len(), 1);
}

/// A host that refuses a push without hearing it out: the client gets the host's answer, every time.
#[test]
fn an_early_answer_arrives() {
    let upstream = Upstream::raw(|stream, record, connection| {
        let Some(head) = read_head(stream) else { return };
        record(Seen { head, body: Vec::new(), connection });
        let answer = "HTTP/1.1 403 No\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large";
        stream.write_all(answer.as_bytes()).unwrap();
        // What the client still sends is unread: this close is a reset.
    });
    let (site, token) = site(&upstream);
    for nth in 0..20 {
        let mut stream = connect(site.address());
        let framing = if nth % 2 == 0 {
            "Transfer-Encoding: chunked\r\n".to_owned()
        } else {
            format!("Content-Length: {}\r\n", 20 << 20)
        };
        stream.write_all(push_head(&token, &framing).as_bytes()).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            if nth % 2 == 0 {
                send_chunked(&mut writer, 20 << 20);
            } else {
                let pack = vec![b'x'; (20 << 20) - 4];
                let _ = writer.write_all(b"0000").and_then(|()| writer.write_all(&pack));
            }
        });
        let reply = read_reply(&mut stream);
        assert_eq!((reply.status, reply.text().as_str()), (403, "too large"), "run {nth}");
        let _ = stream.shutdown(Shutdown::Both);
        sending.join().unwrap();
    }
    assert_eq!(upstream.seen().len(), 20);
}

/// Reads exactly one answer, which tells its length.
fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut got = Vec::new();
    let mut byte = [0];
    while !got.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => got.push(byte[0]),
            end => panic!("{end:?} after {:?}", String::from_utf8_lossy(&got)),
        }
    }
    let mut reply = replies(&got).remove(0);
    let length = reply.header("Content-Length").map_or(0, |length| length.parse().unwrap());
    reply.body = vec![0; length];
    stream.read_exact(&mut reply.body).unwrap();
    reply
}

/// Connections that the upstream closes between two requests show nowhere.
#[test]
fn kept_connections_that_die() {
    // After each answer it closes without a word; or it closes, or resets, when the second request has
    // arrived.
    for (late, hard) in [(false, false), (true, false), (true, true)] {
        let upstream = Upstream::new(move |stream, _, nth| {
            if nth > 0 && hard {
                reset(stream);
            }
            (nth == 0 && stream.write_all(OK.as_bytes()).is_ok()) && late
        });
        let (site, token) = site_with(builder(&upstream.url()).server("threads = 1"));
        for nth in 0..20 {
            let reply = request(site.address(), GET, &bearer(&token), b"");
            let got = (reply.status, reply.text());
            assert_eq!(got, (200, "ok".to_owned()), "{late} {hard} {nth}");
        }
        let seen = upstream.seen();
        let connections = seen.iter().map(|seen| seen.connection).max().unwrap() + 1;
        assert_eq!(connections, 20, "{late} {hard}");
        assert_eq!(seen.len(), if late { 39 } else { 20 }, "{late} {hard}");
    }
}

/// And connections that live are used again.
#[test]
fn kept_connections_that_live() {
    let upstream = Upstream::answering(OK);
    let (site, token) = site_with(builder(&upstream.url()).server("threads = 1"));
    for _ in 0..20 {
        assert_eq!(request(site.address(), GET, &bearer(&token), b"").status, 200);
    }
    assert_eq!(upstream.seen().iter().map(|seen| seen.connection).max(), Some(0));
}

/// A POST is sent once, whatever becomes of it, with a body and without.
#[test]
fn a_post_is_never_sent_twice() {
    let upstream = Upstream::new(|stream, seen, _| {
        !seen.line().starts_with("POST") && stream.write_all(OK.as_bytes()).is_ok()
    });
    let (site, token) = site_with(builder(&upstream.url()).server("threads = 1"));
    // A push without a body is none, a fetch without one is the host's to judge.
    let fetch = "POST /team/app.git/git-upload-pack";
    let asks = TYPE.replace("receive", "upload");
    for (line, kind, framing, body) in [
        (PUSH, TYPE, "Content-Length: 4\r\n", "0000"),
        (PUSH, TYPE, "Transfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n"),
        (fetch, &asks, "Content-Length: 0\r\n", ""),
        (fetch, &asks, "", ""),
        (fetch, &asks, "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ] {
        // Leaves a connection in the pool.
        assert_eq!(request(site.address(), GET, &bearer(&token), b"").status, 200);
        let before = upstream.seen().len();
        let headers = format!("{}{kind}{framing}", bearer(&token));
        let reply = request(site.address(), line, &headers, body.as_bytes());
        assert_eq!(reply.status, 502, "{framing}: {}", reply.text());
        assert_eq!(upstream.seen().len(), before + 1, "{framing}");
    }
}

/// 401 to the one credential is trouble of the operator's: 502, and one line in the log for many
/// requests, whichever workers they come to.
#[test]
fn a_refused_fixed_credential() {
    let refusal = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
    let upstream = Upstream::answering(refusal);
    let identity = "[upstream.identity]\nmode = 'fixed'\nusername = 'bot'\nsecret_file = 'secret'";
    let builder = with_secret(SiteBuilder::url(&upstream.url(), identity))
        .server("threads = 4")
        .section("[access]\nusers = 'grants'");
    let (site, token) = site_with(builder);
    site.done(&["grant", "add", "alice", "REPO_WRITE", "--project", "team"], "");
    // Open at the same time, they are spread over the workers.
    let mut streams: Vec<TcpStream> = (0..8).map(|_| connect(site.address())).collect();
    for stream in &mut streams {
        let head = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
        stream.write_all(head.as_bytes()).unwrap();
        let reply = read_reply(stream);
        assert_eq!(reply.status, 502, "{}", reply.text());
        assert_eq!(reply.header("WWW-Authenticate"), None);
        assert!(reply.text().contains("does not accept the credential"), "{}", reply.text());
    }
    until("eight records", || site.log().matches(r#""status":502"#).count() == 8);
    let log = site.log();
    let errors = log.lines().filter(|line| line.contains("\"error\"")).count();
    assert_eq!(errors, 1, "{log}");
    assert!(!log.contains(SECRET));
}

/// Whatever the upstream says about its own credential stays here.
#[test]
fn an_echoed_credential_is_dropped() {
    let upstream = Upstream::new(|stream, seen, _| {
        let credential = seen.header("Authorization")[0].to_owned();
        let encoded = credential.split(' ').nth(1).unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nX-Whole: {credential}\r\nX-Half: a {encoded} b\r\n\
             X-Plain: password={SECRET}\r\nAuthorization: {credential}\r\nX-Kept: 1\r\n\
             Content-Length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let (site, token) = fixed_site(&upstream);
    let reply = request(site.address(), GET, &bearer(&token), b"");
    assert_eq!((reply.status, reply.header("X-Kept").as_deref()), (200, Some("1")));
    let encoded = basic("bot", SECRET);
    let encoded = encoded.trim().rsplit(' ').next().unwrap();
    assert!(!reply.head.contains(encoded), "{}", reply.head);
    assert!(!reply.head.contains(SECRET), "{}", reply.head);
}

/// Under `anonymous = "read"` the host's 401 means that a repository is not public.
#[test]
fn anonymous_reads() {
    let upstream = Upstream::new(|stream, seen, _| {
        // The ways in which hosts hide what is not public.
        let answer = match seen.line().split('/').nth(2).unwrap_or_default() {
            "open.git" => OK,
            "hidden.git" => "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
            "closed.git" => "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            "login.git" => "HTTP/1.1 302 No\r\nLocation: /user/login\r\nContent-Length: 0\r\n\r\n",
            _ => "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
        };
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let site = builder(&upstream.url()).section("[access]\nanonymous = 'read'").start();
    let cases = [
        ("GET /team/open.git/info/refs?service=git-upload-pack", "", 200, 1),
        ("GET /team/shut.git/info/refs?service=git-upload-pack", "", 401, 1),
        ("GET /team/hidden.git/info/refs?service=git-upload-pack", "", 401, 1),
        ("GET /team/closed.git/info/refs?service=git-upload-pack", "", 401, 1),
        ("GET /team/login.git/info/refs?service=git-upload-pack", "", 401, 1),
        ("GET /team/open.git/info/refs?service=git-receive-pack", "", 401, 0),
        ("GET /team/open.git/HEAD", "Authorization: Basic eDp5\r\n", 401, 0),
        ("GET /team/open.git/HEAD", "X-Forwarded-User: root\r\nCookie: a=b\r\n", 200, 1),
        ("GET /team/open.git/nowhere", "", 401, 0),
    ];
    for (line, headers, status, passed) in cases {
        let before = upstream.seen().len();
        let reply = request(site.address(), line, headers, b"");
        assert_eq!(reply.status, status, "{line} {headers}");
        let challenge = (status == 401)
            .then(|| "Basic realm=\"gitlatch\"\nBearer realm=\"gitlatch\"".to_owned());
        assert_eq!(reply.header("WWW-Authenticate"), challenge, "{line} {headers}");
        let seen = upstream.seen().split_off(before);
        assert_eq!(seen.len(), passed, "{line} {headers}");
        for seen in seen {
            for header in ["Authorization", "Cookie", "X-Forwarded-User"] {
                assert_eq!(seen.header(header), [""; 0], "{line} {headers}");
            }
        }
    }
}

/// A client that leaves while it uploads: the upstream never takes half for the whole.
#[test]
fn uploads_that_break_off() {
    for (framing, hard) in [
        ("Transfer-Encoding: chunked\r\n", true),
        ("Transfer-Encoding: chunked\r\n", false),
        ("Content-Length: 9000000\r\n", true),
        ("Content-Length: 9000000\r\n", false),
    ] {
        let (tell, told) = mpsc::channel();
        let tell = std::sync::Mutex::new(tell);
        let upstream = Upstream::raw(move |stream, _, _| {
            let Some(head) = read_head(stream) else { return };
            let mut body = Vec::new();
            let mut buffer = [0; 4096];
            let tell = tell.lock().unwrap();
            let mut begun = false;
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => body.extend_from_slice(&buffer[..read]),
                }
                if !std::mem::replace(&mut begun, true) {
                    tell.send((head.clone(), Vec::new())).unwrap();
                }
            }
            let _ = tell.send((head, body));
        });
        let (site, token) = site(&upstream);
        let mut stream = connect(site.address());
        stream.write_all(push_head(&token, framing).as_bytes()).unwrap();
        let chunked = framing.contains("chunked");
        stream.write_all(if chunked { NOTHING } else { b"0000" }).unwrap();
        stream.write_all(b"10000\r\n").unwrap();
        stream.write_all(&vec![b'x'; 0x10000]).unwrap();
        told.recv_timeout(PATIENCE).expect("the upload reaches the upstream");
        if hard {
            reset(&stream);
        }
        drop(stream);
        let (head, body) = told.recv_timeout(PATIENCE).expect("the end");
        assert!(!body.ends_with(b"0\r\n\r\n"), "{framing} {hard}: a clean end");
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        assert_eq!(chunked, framing.contains("chunked"), "{head}");
        assert!(body.len() < 9_000_000);
        site.logged(&[r#""event":"request""#, r#""action":"push""#, "client-"]);
    }
}

/// A client that stops reading holds the upstream back; what is under way stays small.
#[test]
fn a_client_that_does_not_read() {
    const SIZE: usize = 128 << 20;
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let upstream = Upstream::new(move |stream, _, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = vec![b'x'; 0x10000];
        for _ in 0..SIZE / chunk.len() {
            if stream.write_all(&chunk).is_err() {
                return false;
            }
            count.fetch_add(chunk.len(), Ordering::SeqCst);
        }
        true
    });
    let (site, token) = site(&upstream);
    assert_eq!(request(site.address(), "GET /", &bearer(&token), b"").status, 403);
    let before = site.peak_memory();
    let mut stream = connect(site.address());
    let head = format!("{GET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", bearer(&token));
    stream.write_all(head.as_bytes()).unwrap();
    // It is held back once nothing more was sent for a while.
    let (mut last, mut since) = (0, Instant::now());
    until("the upstream is held back", || sent.load(Ordering::SeqCst) > 0);
    while since.elapsed() < Duration::from_millis(300) {
        let now = sent.load(Ordering::SeqCst);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(last < SIZE / 2, "{last} bytes for a client that reads nothing");
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            more => read += more,
        }
    }
    assert!(read > SIZE && read < SIZE + 1000, "{read}");
    let grown = site.peak_memory() - before;
    assert!(grown < 24 << 20, "{grown} bytes of memory");
}

/// And one that never reads again does not hold a connection of the upstream's for ever.
#[test]
fn a_client_that_never_reads() {
    let upstream = Upstream::new(move |stream, _, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 128 << 20);
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&vec![b'x'; 128 << 20]);
        false
    });
    let (site, token) = site_with(builder(&upstream.url()).server("idle_timeout = '1s'"));
    let mut stream = connect(site.address());
    let head = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
    stream.write_all(head.as_bytes()).unwrap();
    let record = site.logged(&[r#""event":"request""#]);
    assert!(record["bytes_out"].as_u64().unwrap() < 128 << 20, "{record}");
    drop(stream);
}

/// A refused upload is read to its end, so that the refusal can be read: every time.
#[test]
fn a_refused_upload_gets_its_answer() {
    let upstream = Upstream::answering(OK);
    let (site, token) = site_with(builder(&upstream.url()).server("threads = 2"));
    let bad = format!("{}{}", &token[..40], if token.ends_with('0') { '1' } else { '0' });
    for nth in 0..20 {
        let mut stream = connect(site.address());
        stream.write_all(push_head(&bad, "Transfer-Encoding: chunked\r\n").as_bytes()).unwrap();
        let chunk = chunk();
        for _ in 0..(30 << 20) / 0x10000 {
            stream.write_all(&chunk).unwrap_or_else(|error| panic!("run {nth}: {error}"));
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        let reply = read_reply(&mut stream);
        assert_eq!(reply.status, 401, "run {nth}");
        assert!(reply.text().contains("authentication is required"), "{}", reply.text());
        // The connection goes on.
        let next = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
        stream.write_all(next.as_bytes()).unwrap();
        assert_eq!(read_reply(&mut stream).status, 200, "run {nth}");
    }
    assert_eq!(upstream.seen().len(), 20, "only what was allowed");
}

#[test]
fn pipelined_requests() {
    let upstream = Upstream::new(|stream, seen, _| {
        let body = seen.line();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let (site, token) = site(&upstream);
    let request = |nth: usize| {
        let last = if nth == 29 { "Connection: close\r\n" } else { "" };
        let credential = if nth % 3 == 2 { String::new() } else { bearer(&token) };
        format!("GET /p/r{nth}.git/HEAD HTTP/1.1\r\nHost: a\r\n{credential}{last}\r\n")
    };
    let bytes: String = (0..30).map(request).collect();
    let answers = raw(site.address(), bytes.as_bytes());
    assert_eq!(answers.len(), 30);
    for (nth, reply) in answers.iter().enumerate() {
        if nth % 3 == 2 {
            assert_eq!(reply.status, 401, "{nth}");
        } else {
            assert_eq!(reply.text(), format!("GET /p/r{nth}.git/HEAD HTTP/1.1"));
        }
    }
}

#[test]
fn a_request_byte_by_byte() {
    let upstream = Upstream::answering(OK);
    let (site, token) = site(&upstream);
    let mut stream = connect(site.address());
    stream.set_nodelay(true).unwrap();
    let text = push_head(&token, "Transfer-Encoding: chunked\r\n") + "4\r\n0000\r\n0\r\n\r\n";
    for byte in text.bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    let reply = read_reply(&mut stream);
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    assert_eq!(upstream.seen()[0].body, b"0000");
}

/// `header_timeout` ends connections that say nothing: before, within and after a request.
#[test]
fn clients_that_dawdle() {
    let upstream = Upstream::answering(OK);
    let (site, token) =
        site_with(builder(&upstream.url()).server("header_timeout = '1s'\nidle_timeout = '1s'"));
    let whole = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
    let half = format!("{GET} HTTP/1.1\r\nHost: a\r\nX-A:");
    let twice = format!("{whole}{half}");
    // What is sent before nothing is, and how many good answers there are.
    let cases = [("", 0), (half.as_str(), 0), (&whole, 1), (&twice, 1)];
    let running: Vec<_> = cases
        .iter()
        .map(|(text, _)| {
            let mut stream = connect(site.address());
            stream.write_all(text.as_bytes()).unwrap();
            (stream, Instant::now())
        })
        .collect();
    for ((text, good), (mut stream, start)) in cases.iter().zip(running) {
        let answers = replies(&read_out(&mut stream));
        assert!(start.elapsed() >= Duration::from_millis(900), "{text:?}: closed at once");
        let found = answers.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(found, *good, "{text:?}: {answers:?}");
    }
    // An upload that stops is given up too, and never passes for a whole one.
    let mut stream = connect(site.address());
    stream.write_all(push_head(&token, "Content-Length: 9\r\n").as_bytes()).unwrap();
    stream.write_all(b"0000").unwrap();
    let reply = read_reply(&mut stream);
    assert!([400, 408, 504].contains(&reply.status), "{}", reply.status);
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn bodies_above_the_limit() {
    let upstream = Upstream::answering(OK);
    let (site, token) = site_with(builder(&upstream.url()).server("max_body = 1000"));
    let (fits, over) = (format!("0000{}", "x".repeat(996)), format!("0000{}", "x".repeat(997)));
    let chunked = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let split = format!("3e8\r\n{fits}\r\n3e8\r\n{fits}\r\n0\r\n\r\n");
    let cases = [
        ("Content-Length: 1000\r\n", fits.clone(), 200),
        ("Content-Length: 1001\r\n", over.clone(), 413),
        ("Transfer-Encoding: chunked\r\n", chunked(&fits), 200),
        ("Transfer-Encoding: chunked\r\n", chunked(&over), 413),
        ("Transfer-Encoding: chunked\r\n", split, 413),
    ];
    for (framing, body, status) in cases {
        let before = upstream.seen().len();
        let headers = format!("{}{TYPE}{framing}", bearer(&token));
        let reply = request(site.address(), PUSH, &headers, body.as_bytes());
        assert_eq!(reply.status, status, "{framing}: {}", reply.text());
        let passed = usize::from(status == 200);
        assert_eq!(upstream.seen().len(), before + passed, "{framing}: no half body is whole");
        if status == 413 {
            let limit = "larger than 1000 bytes, the limit here";
            assert!(reply.text().contains(limit), "{framing}: {}", reply.text());
        }
    }
}

/// A service of which one path panics, served by the server alone.
mod crash {
    use super::{PATIENCE, connect, read_reply};
    use arc_swap::ArcSwap;
    use bytes::Bytes;
    use gitlatch::config::Listen;
    use gitlatch::server::{self, Limits, Peer, Plan, Pulse, Service};
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::body::Incoming;
    use std::io::Write;
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    struct Fragile;

    impl Service for Fragile {
        type Body = Full<Bytes>;

        async fn call(&self, _peer: Peer, request: Request<Incoming>) -> Response<Full<Bytes>> {
            assert_ne!(request.uri().path(), "/crash", "as the test wants it");
            Response::new(Full::from("fine"))
        }

        fn crashed(&self) -> Response<Full<Bytes>> {
            let mut response = Response::new(Full::from("crashed"));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }

    #[test]
    fn one_request_is_not_all() {
        let listeners = server::bind(&[Listen::Tcp("127.0.0.1:0".parse().unwrap())]).unwrap();
        let address = listeners[0].tcp_address().unwrap();
        let stop = CancellationToken::new();
        let plan = Plan {
            name: "fragile",
            listeners,
            tls: None,
            workers: 1,
            limits: Arc::new(ArcSwap::from_pointee(Limits {
                header_timeout: PATIENCE,
                idle_timeout: PATIENCE,
                drain_timeout: PATIENCE,
                ..Limits::default()
            })),
            connections: Arc::default(),
            faults: Arc::default(),
            stop: stop.clone(),
            pulse: Pulse::default(),
            opening: Box::new(|| Ok(())),
        };
        let serving = std::thread::spawn(move || server::run(plan, |_| Ok(Fragile)).is_ok());
        let mut streams = [connect(address), connect(address)];
        let cases = [
            (0, "/", 200),
            (1, "/", 200),
            (0, "/crash", 500),
            (0, "/", 200),
            (1, "/", 200),
            (1, "/crash", 500),
            (1, "/crash", 500),
            (0, "/", 200),
        ];
        for (connection, path, status) in cases {
            let stream = &mut streams[connection];
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
            let reply = read_reply(stream);
            assert_eq!(reply.status, status, "{connection} {path}");
        }
        stop.cancel();
        drop(streams);
        assert!(serving.join().unwrap());
    }
}
