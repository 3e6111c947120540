//! Many at once who send nothing or take nothing: others are unharmed, memory stays bounded, and in the end
//! all of it is given back.

use super::support::{Site, SiteBuilder, Upstream, bearer, eventually, request};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

const GET: &str = "GET /team/app.git/HEAD";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Both ends of a crowd need a descriptor each; what is started later inherits the limit.
fn room_for_a_crowd() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

/// A connection from one of several addresses, so that none has more than its share.
fn connect(address: SocketAddr, nth: usize) -> TcpStream {
    let from = Ipv4Addr::new(127, 0, 1, 1 + u8::try_from(nth % 8).unwrap());
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

fn site(upstream: &Upstream, server: &str) -> (Site, String) {
    let site = SiteBuilder::url(&upstream.url(), "").server(server).start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    (site, bearer(&token))
}

/// How many connections of clients are open.
fn connections(site: &Site) -> usize {
    let page = request(site.operations(), "GET /metrics", "", b"").text();
    let line = page.lines().find_map(|line| line.strip_prefix("gitlatch_connections "));
    line.unwrap().parse().unwrap()
}

/// Heads and bodies that never end, two thousand of them.
#[test]
fn a_crowd_that_sends_nothing_more() {
    const CROWD: usize = 2000;
    // What a connection that says nothing may cost: its buffers and its state, in a debug build.
    const EACH: u64 = 48 << 10;
    room_for_a_crowd();
    let upstream = Upstream::answering(OK);
    let (site, token) = site(&upstream, "header_timeout = '8s'\nidle_timeout = '8s'\nthreads = 2");
    assert_eq!(request(site.address(), GET, &token, b"").status, 200);
    let before = site.peak_memory();
    let push = "POST /team/app.git/git-receive-pack HTTP/1.1\r\nHost: a\r\n";
    let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
    // The beginnings of requests: of a head, and of bodies of which nothing is known yet, or enough to ask
    // the host.
    let beginnings = [
        format!("{GET} HTTP/1.1\r\nHost: a\r\nX-A: b"),
        format!("{GET} HTTP/1.1\r\nHost: a\r\n{token}"),
        String::new(),
        "G".to_owned(),
        format!("{push}{token}{kind}Content-Length: 100\r\n\r\n00"),
        format!("{GET} HTTP/1.1\r\nHost: a\r\nX-A: b\r\nContent-Length: 100\r\n\r\n0"),
        format!("{push}{kind}Transfer-Encoding: chunked\r\n\r\n10\r\n"),
        format!("{push}{token}{kind}Transfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n10\r\n"),
    ];
    let crowd: Vec<TcpStream> = (0..CROWD)
        .map(|nth| {
            let mut stream = connect(site.address(), nth);
            stream.write_all(beginnings[nth % beginnings.len()].as_bytes()).unwrap();
            // Others come and go meanwhile.
            if nth % 50 == 0 {
                assert_eq!(request(site.address(), GET, &token, b"").status, 200, "{nth}");
            }
            stream
        })
        .collect();
    eventually("all are there", || (connections(&site) >= CROWD / 2).then_some(()));
    for _ in 0..20 {
        assert_eq!(request(site.address(), GET, &token, b"").status, 200);
        assert_eq!(request(site.address(), GET, "", b"").status, 401);
    }
    let grown = site.peak_memory() - before;
    assert!(grown < CROWD as u64 * EACH, "{grown} bytes for {CROWD}");
    // Nobody is waited for longer than the time-outs say.
    eventually("all are gone", || (connections(&site) <= 1).then_some(()));
    assert_eq!(request(site.address(), GET, &token, b"").status, 200);
    drop(crowd);
}

/// Sixty-four who ask for much and read nothing.
#[test]
fn a_crowd_that_reads_nothing() {
    const CROWD: usize = 64;
    const SIZE: usize = 32 << 20;
    // A buffer of at most a mebibyte on either side of gitlatch, and as much while it grows.
    const EACH: u64 = 4 << 20;
    room_for_a_crowd();
    let upstream = Upstream::new(|stream, _, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        let piece = vec![b'x'; 1 << 16];
        stream.write_all(head.as_bytes()).is_ok()
            && (0..SIZE / piece.len()).all(|_| stream.write_all(&piece).is_ok())
    });
    let (site, token) = site(&upstream, "idle_timeout = '4s'\nthreads = 2");
    assert_eq!(request(site.address(), "GET /", &token, b"").status, 403);
    let before = site.peak_memory();
    let head = format!("{GET} HTTP/1.1\r\nHost: a\r\n{token}\r\n");
    let mut crowd: Vec<TcpStream> = (0..CROWD)
        .map(|nth| {
            let mut stream = connect(site.address(), nth);
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    for stream in &mut crowd {
        // The beginning has come; the rest is not taken.
        assert_eq!(stream.read(&mut [0]).unwrap(), 1);
    }
    // Somebody who reads gets all of it meanwhile.
    assert_eq!(request(site.address(), GET, &token, b"").body.len(), SIZE);
    eventually("nobody is waited for for ever", || (connections(&site) <= 1).then_some(()));
    let grown = site.peak_memory() - before;
    assert!(grown < CROWD as u64 * EACH, "{grown} bytes for {CROWD}");
    drop(crowd);
}
