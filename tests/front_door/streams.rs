//! What never ends by itself is ended: uploads that stall, connections on which nothing goes on, pools
//! that nobody uses. And what goes on is neither repeated nor cut.

use super::support::{
    PATIENCE, Site, SiteBuilder, Upstream, bearer, eventually, read_head, replies, request,
};
use super::tls::Authority;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

const GET: &str = "GET /team/app.git/HEAD";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// What `1s` in a configuration is at the least.
const SECOND: Duration = Duration::from_millis(900);

fn with_token(site: Site) -> (Site, String) {
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    (site, token)
}

fn connect(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(site.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn push_head(token: &str, framing: &str) -> String {
    let kind = "Content-Type: application/x-git-receive-pack-request";
    let line = "POST /team/app.git/git-receive-pack HTTP/1.1";
    format!("{line}\r\nHost: a\r\n{}{kind}\r\n{framing}\r\n", bearer(token))
}

fn fetch_head(token: &str, framing: &str) -> String {
    push_head(token, framing).replace("receive-pack", "upload-pack")
}

/// So many reads at the same time, where the upstream waits for all of them: so many connections are kept.
fn fill(site: &Site, token: &str, connections: usize) {
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                assert_eq!(request(site.address(), GET, &bearer(token), b"").status, 200);
            });
        }
    });
}

/// A read on which the host closes was asked for once, and is repeated once: on a new connection, however
/// many are kept.
#[test]
fn a_read_is_repeated_once() {
    const KEPT: usize = 12;
    let together = Barrier::new(KEPT);
    let upstream = Upstream::new(move |stream, seen, nth| {
        if seen.line().contains("/poison.git/") {
            return false;
        }
        if nth == 0 {
            together.wait();
        }
        stream.write_all(OK.as_bytes()).is_ok()
    });
    let builder = SiteBuilder::url(&upstream.url(), "").server("threads = 1");
    let (site, token) = with_token(builder.start());
    fill(&site, &token, KEPT);
    let reply = request(site.address(), "GET /team/poison.git/HEAD", &bearer(&token), b"");
    assert_eq!(reply.status, 502, "{}", reply.text());
    let seen = upstream.seen();
    let poison: Vec<_> = seen.iter().filter(|seen| seen.line().contains("poison")).collect();
    let on: Vec<_> = poison.iter().map(|seen| seen.connection).collect();
    assert!(on.len() == 2 && on[0] < KEPT && on[1] == KEPT, "on {on:?}");
    assert_eq!(poison[0].head, poison[1].head);
}

/// When the connection that it was sent on ends, only what is safe is repeated, and says the same again.
#[test]
fn only_what_is_safe_is_repeated() {
    const PERSON: &str = "Authorization: Basic Ym9iOmhpcyBvd24=\r\nX-Note: a\r\n";
    let upstream = Upstream::new(|stream, seen, _nth| {
        !seen.line().contains("poison") && stream.write_all(OK.as_bytes()).is_ok()
    });
    let builder = SiteBuilder::url(&upstream.url(), "").section("[access]\npeople = 'pass'");
    let (site, token) = with_token(builder.server("threads = 1").start());
    let token = bearer(&token);
    let cases = [
        ("GET /team/poison.git/HEAD", token.as_str(), 2),
        ("GET /poison", PERSON, 2),
        ("DELETE /poison", PERSON, 1),
        ("POST /poison", PERSON, 1),
        ("PUT /poison", PERSON, 1),
        ("PROPFIND /poison", PERSON, 1),
    ];
    for (line, headers, times) in cases {
        let warm = line.replace("poison", "fine");
        assert_eq!(request(site.address(), &warm, headers, b"").status, 200, "{line}");
        let before = upstream.seen();
        assert_eq!(request(site.address(), line, headers, b"").status, 502, "{line}");
        let seen = upstream.seen().split_off(before.len());
        assert_eq!(seen.len(), times, "{line}: {seen:?}");
        // What is sent on a fresh connection is never repeated.
        assert_eq!(seen[0].connection, before[before.len() - 1].connection, "{line}");
        assert!(seen.iter().all(|again| again.head == seen[0].head), "{line}: {seen:?}");
    }
}

/// However an answer tells its end, its connection is used again.
#[test]
fn answers_give_their_connection_back() {
    let cases = [
        OK,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
    ];
    for answer in cases {
        let upstream = Upstream::answering(answer);
        let builder = SiteBuilder::url(&upstream.url(), "").server("threads = 1");
        let (site, token) = with_token(builder.start());
        for _ in 0..10 {
            let reply = request(site.address(), GET, &bearer(&token), b"");
            assert!([200, 304].contains(&reply.status), "{answer:?}: {}", reply.text());
        }
        let seen = upstream.seen();
        assert_eq!((seen.len(), seen.iter().map(|seen| seen.connection).max()), (10, Some(0)));
    }
}

/// `pool_idle` holds also when nobody comes any more; and for what is kept after that.
#[test]
fn unused_connections_are_closed_in_time() {
    const KEPT: usize = 3;
    let (tell, ended) = mpsc::channel();
    let (tell, together) = (Mutex::new(tell), Barrier::new(KEPT));
    let upstream = Upstream::raw(move |stream, _, _| {
        let Some(_head) = read_head(stream) else { return };
        together.wait();
        stream.write_all(OK.as_bytes()).unwrap();
        // Whatever comes next is the end.
        let end = stream.read(&mut [0]).ok();
        tell.lock().unwrap().send(end).unwrap();
    });
    let builder = SiteBuilder::url(&upstream.url(), "pool_idle = '1s'").server("threads = 1");
    let (site, token) = with_token(builder.start());
    for round in 0..2 {
        let start = Instant::now();
        fill(&site, &token, KEPT);
        for _ in 0..KEPT {
            assert_eq!(ended.recv_timeout(PATIENCE), Ok(Some(0)), "round {round}");
        }
        assert!(start.elapsed() >= SECOND, "round {round}: closed at once");
    }
}

/// A client that stops in the middle of its upload is told so, and the upstream is not blamed.
#[test]
fn a_client_that_stalls_is_told() {
    let upstream = Upstream::raw(|stream, _, _| {
        let _ = std::io::copy(stream, &mut std::io::sink());
    });
    let builder = SiteBuilder::url(&upstream.url(), "").server("idle_timeout = '1s'");
    let (site, token) = with_token(builder.start());
    let cases = [
        ("Content-Length: 9\r\n", "0000"),
        ("Content-Length: 9\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "4\r\n0000\r\n"),
        ("Transfer-Encoding: chunked\r\n", "4\r\n00"),
        ("Transfer-Encoding: chunked\r\n", ""),
        ("Content-Length: 9\r\nExpect: 100-continue\r\n", ""),
    ];
    for (framing, body) in cases {
        let start = Instant::now();
        let mut stream = connect(&site);
        stream.write_all((push_head(&token, framing) + body).as_bytes()).unwrap();
        let mut all = Vec::new();
        let end = stream.read_to_end(&mut all);
        let said = String::from_utf8_lossy(&all);
        assert!(end.is_ok(), "{framing} {body:?}: {end:?} after {said}");
        let answers = replies(&all);
        let [reply] = &answers[..] else { panic!("{framing} {body:?}: {said}") };
        assert_eq!(reply.status, 408, "{framing} {body:?}: {said}");
        assert_eq!(reply.header("Connection").as_deref(), Some("close"));
        assert!(start.elapsed() >= SECOND, "{framing} {body:?}: at once");
        let id = format!("\"id\":\"{}\"", reply.header("X-Request-Id").unwrap());
        assert_eq!(site.logged(&[&id, "\"event\""])["reason"], "client-stalled");
    }
    let metrics = request(site.operations(), "GET /metrics", "", b"").text();
    assert!(metrics.contains("upstream_errors_total{kind=\"timeout\"} 0"), "{metrics}");
}

/// The children of a process that have not ended.
fn children(pid: u32) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let stat = all.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let parents = stat.filter_map(|stat| {
        // Behind the name, which may hold anything: the state and the parent.
        let behind = stat.rsplit_once(") ")?.1;
        behind.split(' ').nth(1)?.parse::<u32>().ok()
    });
    parents.filter(|parent| *parent == pid).count()
}

/// Half an upload to a folder leaves nothing running, whether the client stalls or leaves.
#[test]
fn half_an_upload_ends_the_backend() {
    let site = SiteBuilder::repositories().server("idle_timeout = '2s'").start();
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    // Less than git needs to know what to do: a fetch, since of a push nothing runs before its
    // commands are read.
    let cases = [
        ("Content-Length: 9\r\n", "00"),
        ("Transfer-Encoding: chunked\r\n", "2\r\n00\r\n"),
        ("Content-Length: 90\r\nContent-Encoding: gzip\r\n", "\x1f"),
    ];
    for (framing, body) in cases {
        for leaves in [false, true] {
            let mut stream = connect(&site);
            stream.write_all((fetch_head(&token, framing) + body).as_bytes()).unwrap();
            eventually("it runs", || (children(site.pid()) == 1).then_some(()));
            if leaves {
                drop(stream);
            } else {
                let mut all = Vec::new();
                let end = stream.read_to_end(&mut all);
                assert!(end.is_ok(), "{framing} {body:?}: {end:?}");
            }
            eventually("it ends", || (children(site.pid()) == 0).then_some(()));
        }
    }
}

/// Whoever stalls an upload after its answer has come, the client or the host, is given up as well.
#[test]
fn uploads_that_stall_after_their_answer() {
    for host_reads in [true, false] {
        let (tell, told) = mpsc::channel::<()>();
        let tell = Mutex::new(Some(tell));
        let (finish, finished) = mpsc::channel::<()>();
        let finished = Mutex::new(finished);
        let upstream = Upstream::raw(move |stream, _, _| {
            let Some(_head) = read_head(stream) else { return };
            stream.write_all(OK.as_bytes()).unwrap();
            if host_reads {
                let _ = std::io::copy(stream, &mut std::io::sink());
                tell.lock().unwrap().take();
            } else {
                let _ = finished.lock().unwrap().recv();
            }
        });
        let builder = SiteBuilder::url(&upstream.url(), "").server("idle_timeout = '1s'");
        let (site, token) = with_token(builder.start());
        let mut stream = connect(&site);
        let framing = format!("Content-Length: {}\r\n", 1_u64 << 40);
        stream.write_all(push_head(&token, &framing).as_bytes()).unwrap();
        stream.write_all(b"0000").unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{host_reads}");
        if host_reads {
            let end = told.recv_timeout(PATIENCE);
            assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected), "the host's side ends");
        } else {
            let piece = vec![b'x'; 1 << 20];
            let mut sent = std::iter::repeat_with(|| stream.write_all(&piece));
            let error = sent.find_map(Result::err).unwrap();
            let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            assert!(!waited, "the client's side ends: {error}");
        }
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{host_reads}"),
        }
        drop(finish);
    }
}

pub type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// HTTP/2 by hand: frames as a test writes them.
pub struct Frames {
    pub stream: Tls,
    /// The preface was sent, without which nothing may be said.
    begun: bool,
}

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

impl Frames {
    pub fn open(site: &Site, authority: &Authority) -> Self {
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let config = authority.client(b"h2");
        let connection = rustls::ClientConnection::new(config, name).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, connect(site));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        Self { stream, begun: false }
    }

    pub fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.stream.write_all(&frame)
    }

    /// The preface, with this initial window for each stream.
    pub fn begin(&mut self, window: u32) {
        self.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
        self.send(SETTINGS, 0, 0, &setting).unwrap();
        self.begun = true;
    }

    fn window(&mut self, stream: u32, more: u32) {
        self.send(8, 0, stream, &more.to_be_bytes()).unwrap();
    }

    /// A GET on stream 1, as literals that no table keeps (RFC 7541 §6.2.2).
    fn get(&mut self, token: &str) {
        let bearer = format!("Bearer {token}");
        let fields = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "localhost"),
            (":path", "/team/app.git/HEAD"),
            ("authorization", &bearer),
        ];
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        self.send(1, 0x5, 1, &block).unwrap();
    }

    /// The next frame: kind, flags, payload. What wants to be acknowledged is.
    fn next(&mut self) -> std::io::Result<(u8, u8, Vec<u8>)> {
        self.next_of_any().map(|(kind, flags, _, payload)| (kind, flags, payload))
    }

    /// The same with its stream: kind, flags, stream, payload.
    pub fn next_of_any(&mut self) -> std::io::Result<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload)?;
        if self.begun && matches!(head[3], SETTINGS | PING) && head[4] & 1 == 0 {
            let echo = if head[3] == PING { &payload[..] } else { &[] };
            self.send(head[3], 1, 0, echo)?;
        }
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Ok((head[3], head[4], stream, payload))
    }

    /// Takes frames to the end of the connection; whether it was announced.
    fn end(&mut self) -> bool {
        let mut announced = false;
        loop {
            match self.next() {
                Ok((GOAWAY, _, payload)) => announced = payload[4..8] == [0; 4],
                Ok(_) => {}
                Err(error) => {
                    let waited =
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!waited, "no end: {error}");
                    return announced;
                }
            }
        }
    }
}

/// A gitlatch that speaks HTTPS, with these time-outs.
fn over_tls(upstream: &Upstream, timeout: &str) -> (Site, String, Authority) {
    let authority = Authority::new();
    let builder = SiteBuilder::url(&upstream.url(), "");
    authority.certify().write(builder.folder());
    let lines = format!(
        "tls_cert = 'cert.pem'\ntls_key = 'key.pem'\nheader_timeout = '{timeout}'\n\
         idle_timeout = '{timeout}'"
    );
    let (site, token) = with_token(builder.server(&lines).start());
    (site, token, authority)
}

/// What a client does before it does nothing.
type Act = fn(&mut Frames, &str);

/// An HTTP/2 connection without a request, or without an answer that is taken, ends; where the client can
/// know of it, it is told.
#[test]
fn http2_connections_on_which_nothing_goes_on() {
    let upstream = Upstream::answering(OK);
    let (site, token, authority) = over_tls(&upstream, "1s");
    let cases: [(&str, Act, bool); 5] = [
        ("nothing but TLS", |_, _| {}, false),
        ("half a preface", |frames, _| frames.stream.write_all(b"PRI * HT").unwrap(), false),
        ("no request", |frames, _| frames.begin(0xffff), true),
        (
            "a request that was answered",
            |frames, token| {
                frames.begin(0xffff);
                frames.get(token);
            },
            true,
        ),
        (
            "an answer that is not taken",
            |frames, token| {
                frames.begin(0);
                frames.get(token);
            },
            false,
        ),
    ];
    for (what, act, announced) in cases {
        let start = Instant::now();
        let mut frames = Frames::open(&site, &authority);
        act(&mut frames, &token);
        assert_eq!(frames.end(), announced, "{what}");
        assert!(start.elapsed() >= SECOND, "{what}: closed at once");
        eventually("its connection is gone", || {
            let metrics = request(site.operations(), "GET /metrics", "", b"").text();
            metrics.contains("gitlatch_connections 0\n").then_some(())
        });
    }
    let records = || site.log().matches(r#""event":"request""#).count();
    eventually("both requests have ended", || (records() == 2).then_some(()));
}

/// A client that takes little at a time is a slow one: it gets everything.
#[test]
fn a_slow_http2_client_gets_everything() {
    const PIECE: u32 = 64 * 1024;
    const SIZE: usize = 8 * PIECE as usize;
    let upstream = Upstream::new(|stream, _, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&vec![b'x'; SIZE]).is_ok()
    });
    let (site, token, authority) = over_tls(&upstream, "3s");
    let mut frames = Frames::open(&site, &authority);
    frames.begin(0);
    frames.window(0, 1 << 30);
    frames.get(&token);
    let begin = Instant::now();
    let mut received = 0;
    let mut granted = 0;
    while received < SIZE {
        if received == granted {
            std::thread::sleep(Duration::from_millis(500));
            frames.window(1, PIECE);
            granted += PIECE as usize;
        }
        let (kind, _, payload) = frames.next().unwrap();
        if kind == 0 {
            received += payload.len();
        }
    }
    assert_eq!(received, SIZE);
    assert!(begin.elapsed() > Duration::from_secs(3), "longer than any time-out");
}

/// While transfers drain, operators still see what goes on, and nobody is sent here any more.
#[test]
fn operators_can_look_while_it_drains() {
    let (go_on, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let upstream = Upstream::new(move |stream, _, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc").unwrap();
        let _ = gate.lock().unwrap().recv_timeout(PATIENCE);
        stream.write_all(b"def").is_ok()
    });
    let (mut site, token) = with_token(SiteBuilder::url(&upstream.url(), "").start());
    let mut stream = connect(&site);
    let head = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
    stream.write_all(head.as_bytes()).unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"abc") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
        got.push(byte[0]);
    }
    let operations = site.operations();
    let ask = |line: &str| request(operations, line, "", b"");
    assert_eq!(ask("GET /readyz").status, 200);
    site.signal("TERM");
    let reply = eventually("draining", || Some(ask("GET /readyz")).filter(|r| r.status == 503));
    assert_eq!(reply.text(), "draining\n");
    let cases = [("GET /healthz", "ok\n"), ("GET /metrics", "gitlatch_connections 1\n")];
    for (line, text) in cases {
        let reply = ask(line);
        assert!(reply.status == 200 && reply.text().contains(text), "{line}: {}", reply.text());
    }
    go_on.send(()).unwrap();
    stream.read_to_end(&mut got).unwrap();
    assert!(got.ends_with(b"abcdef"), "{}", String::from_utf8_lossy(&got));
    assert_eq!(site.wait(), Some(0));
    eventually("operations end too", || TcpStream::connect(operations).is_err().then_some(()));
}
