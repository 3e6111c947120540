//! A host that goes away at every stage of an exchange, one that cannot count, and one that takes its time.

use super::support::{SiteBuilder, Upstream, bearer, read_head, replies};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const GET: &str = "GET /team/app.git/HEAD";
const PUSH: &str = "POST /team/app.git/git-receive-pack";

/// What the host reads before it says its piece.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reads {
    Nothing,
    HalfTheHead,
    TheHead,
}
use Reads::{HalfTheHead, Nothing, TheHead};

/// What the client gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gets {
    /// An answer of gitlatch's own.
    Trouble,
    /// The host's answer, which is not whole, and is seen not to be.
    Broken,
    /// The host's answer, with this body.
    Whole(&'static str),
}
use Gets::{Broken, Trouble, Whole};

const STAGES: &[(Reads, &str, Gets)] = &[
    (Nothing, "", Trouble),
    (HalfTheHead, "", Trouble),
    (TheHead, "", Trouble),
    (TheHead, "HT", Trouble),
    (TheHead, "HTTP/1.1 20", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\n", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Le", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r", Trouble),
    (TheHead, "HTTP/1.1 100 Continue\r\n\r\n", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", Whole("whole")),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole and more", Whole("whole")),
    (TheHead, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", Whole("to the end")),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfour", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n", Broken),
    (
        TheHead,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\nX-T: 1",
        Broken,
    ),
    (
        TheHead,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
        Whole("whole"),
    ),
    // Lengths that are none, or that are two.
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nwhole", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nwhole", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nwhole", Trouble),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", Broken),
    (TheHead, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", Broken),
    (
        TheHead,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole!\r\n0\r\n\r\n",
        Broken,
    ),
];

/// Everything that comes on one connection, to its end, however that comes.
fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut all = Vec::new();
    if let Err(error) = stream.read_to_end(&mut all) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    all
}

/// What came, by the rules of HTTP: an answer of gitlatch's, half a one, or a whole one.
fn judge(all: &[u8]) -> (u16, bool, String) {
    let answers = replies(all);
    // What breaks off before its first byte may take its head with it.
    let Some(reply) = answers.first() else { return (200, false, String::new()) };
    assert_eq!(answers.len(), 1, "{answers:?}");
    let whole = match reply.header("content-length") {
        Some(length) => length == reply.body.len().to_string(),
        None if reply.header("transfer-encoding").is_some() => all.ends_with(b"\r\n0\r\n\r\n"),
        None => true,
    };
    (reply.status, whole, reply.text())
}

/// The host's part: it reads, says its piece and closes, `hard` by a reset.
fn go_away(stream: &mut TcpStream, reads: Reads, says: &str, hard: bool) {
    match reads {
        Nothing => {}
        HalfTheHead => drop(stream.read(&mut [0; 20])),
        TheHead => {
            let head = read_head(stream).unwrap_or_default();
            // The body too, so that what is not read resets nothing.
            let mut body = Vec::new();
            let mut byte = [0];
            while head.starts_with("POST") && !body.ends_with(b"0\r\n\r\n") {
                match stream.read(&mut byte) {
                    Ok(1) => body.push(byte[0]),
                    _ => break,
                }
            }
        }
    }
    let _ = stream.write_all(says.as_bytes());
    if hard {
        socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
    } else {
        let _ = stream.shutdown(Shutdown::Write);
        // Until gitlatch has seen the end.
        let _ = stream.read(&mut [0; 16]);
    }
}

#[test]
fn a_host_that_goes_away_at_every_stage() {
    let stage = Arc::new(AtomicUsize::new(0));
    let (at, connections) = (Arc::clone(&stage), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&connections);
    let upstream = Upstream::raw(move |stream, _, _| {
        count.fetch_add(1, Ordering::SeqCst);
        let nth = at.load(Ordering::SeqCst);
        go_away(stream, STAGES[nth / 2].0, STAGES[nth / 2].1, nth % 2 == 1);
    });
    let site = SiteBuilder::url(&upstream.url(), "").server("idle_timeout = '5s'").start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let common = format!("HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}", bearer(&token));
    let push = format!(
        "{PUSH} {common}Content-Type: application/x-git-receive-pack-request\r\n\
         Transfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n"
    );
    let requests = [format!("{GET} {common}\r\n"), push];
    for (nth, (reads, says, gets)) in STAGES.iter().enumerate() {
        // Each ends by a close, and by a reset where nothing was said that one could overtake.
        for hard in 0..=usize::from(says.is_empty()) {
            stage.store(nth * 2 + hard, Ordering::SeqCst);
            for request in &requests {
                let before = connections.load(Ordering::SeqCst);
                let stream = TcpStream::connect(site.address()).unwrap();
                let all = exchange(stream, request.as_bytes());
                let (status, whole, text) = judge(&all);
                let what =
                    format!("{reads:?} {says:?} {hard} {}: {status} {text:?}", &request[..5]);
                match gets {
                    Trouble => {
                        assert!(status == 502 && whole, "{what}");
                        assert!(text.contains("gitlatch: the upstream"), "{what}");
                    }
                    Broken => assert!(status == 200 && !whole, "{what}"),
                    Whole(body) => assert!(status == 200 && whole && text == *body, "{what}"),
                }
                // On a connection that was new nothing is tried again, whatever it was.
                assert_eq!(connections.load(Ordering::SeqCst), before + 1, "{what}");
            }
        }
    }
}

/// Silence that ends before `idle_timeout` is no trouble, before the answer and within it, as often as it
/// may come.
#[test]
fn a_host_that_takes_its_time() {
    let upstream = Upstream::new(|stream, _, _| {
        let pause = || std::thread::sleep(Duration::from_millis(900));
        pause();
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..3 {
            pause();
            stream.write_all(b"4\r\nword\r\n").unwrap();
        }
        pause();
        stream.write_all(b"0\r\n\r\n").is_ok()
    });
    let site = SiteBuilder::url(&upstream.url(), "").server("idle_timeout = '2s'").start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let head = format!("{GET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", bearer(&token));
    let all = exchange(TcpStream::connect(site.address()).unwrap(), head.as_bytes());
    assert_eq!(judge(&all), (200, true, "wordwordword".to_owned()));
}
