//! What is under way upstream, who waits, and whether the host is there.

use super::{GET, OK, connect, metric, reconfigure, with_token};
use crate::support::{Seen, Site, SiteBuilder, Upstream, bearer, eventually, read_head, request};
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A host that answers nobody until it is told to, behind room for one and a queue of one.
struct Busy {
    site: Site,
    token: String,
    gate: Arc<Gate>,
}

const HEAD: &str = "GET /scm/team/app.git/HEAD";

impl Busy {
    fn new() -> Self {
        Self::within("upstream_requests = 1\nupstream_waiting = 1\nupstream_share = 0")
    }

    fn within(limits: &str) -> Self {
        let gate = Arc::new(Gate::default());
        let opened = Arc::clone(&gate);
        let upstream = Upstream::new(move |stream, _, _| {
            opened.pass();
            stream.write_all(OK.as_bytes()).is_ok()
        });
        let limits = format!("[limits]\n{limits}\nupstream_wait = '20s'");
        let builder = SiteBuilder::bitbucket(&upstream.url(), "").section(&limits);
        let (site, token) = with_token(builder.section("[access]\npeople = 'pass'").start());
        Self { site, token, gate }
    }

    /// Waits until so many are under way, and so many wait.
    fn until(&self, under_way: u64, waiting: u64) {
        let value = |name| metric(&self.site, name);
        let now = || (value("gitlatch_upstream_requests"), value("gitlatch_upstream_waiting"));
        let is = || (now() == (under_way, waiting)).then_some(());
        eventually(&format!("{under_way} under way and {waiting} waiting"), is);
    }

    fn send(&self) -> JoinHandle<u16> {
        self.send_as(&bearer(&self.token))
    }

    fn send_as(&self, headers: &str) -> JoinHandle<u16> {
        let (address, headers) = (self.site.address(), headers.to_owned());
        std::thread::spawn(move || request(address, HEAD, &headers, b"").status)
    }

    fn refused(&self, reason: &str) -> u64 {
        metric(&self.site, &format!("gitlatch_upstream_refused_total{{reason=\"{reason}\"}}"))
    }
}

/// Who asks the fourth time, as a person or in any language, is told so at once; and who leaves makes room.
#[test]
fn the_host_is_not_buried() {
    let busy = Busy::new();
    let address = busy.site.address();
    let first = busy.send();
    busy.until(1, 0);
    let mut leaves = connect(address);
    let head = format!("{HEAD} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&busy.token));
    leaves.write_all(head.as_bytes()).unwrap();
    busy.until(1, 1);
    drop(leaves);
    busy.until(1, 0);
    let second = busy.send();
    busy.until(1, 1);
    let cases = [
        (
            "GET /scm/team/app.git/info/refs?service=git-upload-pack",
            true,
            "text/plain",
            "gitlatch: ",
        ),
        (
            "GET /rest/api/latest/projects/TEAM/repos/app/branches",
            true,
            "application/json",
            "\"errors\"",
        ),
        (
            "GET /scm/team/app.git/info/lfs/locks",
            true,
            "application/vnd.git-lfs+json",
            "\"message\"",
        ),
        ("GET /dashboard", false, "", "the host is busy"),
    ];
    for (line, with, kind, text) in cases {
        let headers = if with { bearer(&busy.token) } else { String::new() };
        let reply = request(address, line, &headers, b"");
        assert_eq!(reply.status, 503, "{line}: {}", reply.text());
        assert_eq!(reply.header("retry-after").as_deref(), Some("5"), "{line}");
        assert!(reply.header("content-type").unwrap().starts_with(kind), "{line}");
        assert!(reply.text().contains(text), "{line}: {}", reply.text());
    }
    assert_eq!((busy.refused("full"), busy.refused("wait")), (4, 0));
    busy.site.logged(&["\"reason\":\"queue-full\""]);
    busy.gate.open();
    assert_eq!([first.join().unwrap(), second.join().unwrap()], [200, 200]);
    busy.until(0, 0);
}

/// Who has its share, under way or waiting, is told so at once, and others get through.
#[test]
fn nobody_has_the_whole_queue() {
    // The limits, how many of one are under way and wait, and whether those are of the token.
    let cases = [
        ("upstream_requests = 4\nupstream_share = 2", (2, 0), true),
        ("upstream_requests = 4\nupstream_share = 2", (2, 0), false),
        ("upstream_requests = 1\nupstream_waiting = 4\nupstream_share = 3", (1, 2), true),
        ("upstream_requests = 1\nupstream_waiting = 4\nupstream_share = 3", (1, 2), false),
        ("upstream_requests = 8", (2, 0), true),
        ("upstream_requests = 3", (1, 0), false),
    ];
    for (limits, (under_way, waiting), of_token) in cases {
        let busy = Busy::within(limits);
        let token = bearer(&busy.token);
        let (one, other) = if of_token { (token.as_str(), "") } else { ("", token.as_str()) };
        let mut sent: Vec<_> = (0..under_way + waiting).map(|_| busy.send_as(one)).collect();
        busy.until(under_way, waiting);
        let reply = request(busy.site.address(), HEAD, one, b"");
        assert_eq!(reply.status, 503, "{limits}: {}", reply.text());
        assert_eq!(reply.header("retry-after").as_deref(), Some("5"), "{limits}");
        assert_eq!((busy.refused("share"), busy.refused("full")), (1, 0), "{limits}");
        busy.site.logged(&["\"reason\":\"upstream-share\""]);
        sent.push(busy.send_as(other));
        let waits = u64::from(waiting > 0);
        busy.until(under_way + 1 - waits, waiting + waits);
        busy.gate.open();
        for sent in sent {
            assert_eq!(sent.join().unwrap(), 200, "{limits}");
        }
        busy.until(0, 0);
        assert_eq!(busy.send_as(one).join().unwrap(), 200, "{limits}");
    }
}

/// What a request waited for its place is not the host's silence.
#[test]
fn waiting_is_not_idling() {
    const IDLE: Duration = Duration::from_secs(1);
    let gate = Arc::new(Gate::default());
    let opened = Arc::clone(&gate);
    let upstream = Upstream::new(move |stream, seen, _| {
        if !seen.line().contains("/first.git/") {
            std::thread::sleep(IDLE / 5);
            return stream.write_all(OK.as_bytes()).is_ok();
        }
        // It is not idle itself.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while !opened.passes_in(IDLE / 10) && stream.write_all(b".").is_ok() {}
        false
    });
    let limits = "[limits]\nupstream_requests = 1\nupstream_share = 0\nupstream_wait = '20s'";
    let builder = SiteBuilder::url(&upstream.url(), "").server("idle_timeout = '1s'");
    let (site, token) = with_token(builder.section(limits).start());
    let send = |line: &'static str| {
        let (address, headers) = (site.address(), bearer(&token));
        std::thread::spawn(move || request(address, line, &headers, b"").status)
    };
    let until = |name: &str| eventually(name, || (metric(&site, name) == 1).then_some(()));
    let first = send("GET /team/first.git/HEAD");
    until("gitlatch_upstream_requests");
    let second = send(GET);
    until("gitlatch_upstream_waiting");
    std::thread::sleep(IDLE + IDLE / 5);
    gate.open();
    assert_eq!([first.join().unwrap(), second.join().unwrap()], [200, 200]);
}

/// SIGHUP makes room; and less of it, for who comes later.
#[test]
fn the_queue_changes_while_it_is_full() {
    let busy = Busy::new();
    let first = busy.send();
    busy.until(1, 0);
    let second = busy.send();
    busy.until(1, 1);
    reconfigure(&busy.site, "upstream_requests = 1", "upstream_requests = 2");
    busy.until(2, 0);
    reconfigure(&busy.site, "upstream_requests = 2", "upstream_requests = 1");
    reconfigure(&busy.site, "upstream_wait = '20s'", "upstream_wait = '1s'");
    assert_eq!(busy.send().join().unwrap(), 503);
    assert_eq!((busy.refused("full"), busy.refused("wait")), (0, 1));
    busy.site.logged(&["\"reason\":\"queue-wait\""]);
    busy.gate.open();
    assert_eq!([first.join().unwrap(), second.join().unwrap()], [200, 200]);
    assert_eq!(busy.send().join().unwrap(), 200);
    busy.until(0, 0);
}

/// Nobody passes until it is opened.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let shut = |open: &mut bool| !*open;
        drop(self.opened.wait_while(self.open.lock().unwrap(), shut).unwrap());
    }

    fn passes_in(&self, time: Duration) -> bool {
        let shut = |open: &mut bool| !*open;
        *self.opened.wait_timeout_while(self.open.lock().unwrap(), time, shut).unwrap().0
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// A place is held to the end of the answer, and given back however that ends.
#[test]
fn a_place_is_held_to_the_end_of_the_answer() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha";
    let upstream = Upstream::new(move |stream, seen, _| {
        let _ = stream.write_all(half.as_bytes());
        if seen.line().contains("broken") {
            return false;
        }
        let _ = stream.read(&mut [0]);
        false
    });
    let limits = "[limits]\nupstream_requests = 1\nupstream_waiting = 0\nupstream_share = 0";
    let (site, token) = with_token(SiteBuilder::url(&upstream.url(), "").section(limits).start());
    let under_way = |count: u64| {
        let what = format!("{count} under way");
        let is = || (metric(&site, "gitlatch_upstream_requests") == count).then_some(());
        eventually(&what, is);
    };
    let mut stream = connect(site.address());
    let head = format!("{GET} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
    stream.write_all(head.as_bytes()).unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    under_way(1);
    let other = request(site.address(), GET, &bearer(&token), b"");
    assert_eq!(other.status, 503, "{}", other.text());
    drop(stream);
    under_way(0);
    let broken = request(site.address(), "GET /team/broken.git/HEAD", &bearer(&token), b"");
    assert_eq!(broken.status, 200);
    under_way(0);
}

/// The log and a gauge tell when a host goes and when it is back; requests are tried all the same.
#[test]
fn a_host_that_goes_is_noticed_and_so_is_its_return() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let builder = SiteBuilder::url(&format!("http://{address}"), "health_interval = '1s'");
    let (site, token) = with_token(builder.start());
    let up = |expected: u64| {
        let is = || (metric(&site, "gitlatch_upstream_up") == expected).then_some(());
        eventually(&format!("up {expected}"), is);
    };
    up(1);
    drop(listener);
    up(0);
    site.logged(&["the upstream is away"]);
    // A request is tried all the same, and told at once.
    assert_eq!(request(site.address(), GET, &bearer(&token), b"").status, 502);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(16).unwrap();
    let listener: std::net::TcpListener = socket.into();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                if read_head(&mut stream).is_some() {
                    let _ = stream.write_all(OK.as_bytes());
                }
            });
        }
    });
    assert_eq!(request(site.address(), GET, &bearer(&token), b"").status, 200, "the first one");
    up(1);
    let back = site.logged(&["the upstream can be reached again"]);
    assert!(back["seconds"].is_u64(), "{back}");
    assert_eq!(site.log().matches("the upstream is away").count(), 1);
}

#[test]
fn nobody_looks_after_a_host_where_that_is_not_wanted() {
    let upstream = Upstream::raw(|_, record, connection| {
        record(Seen { head: String::new(), body: Vec::new(), connection });
    });
    let site = SiteBuilder::url(&upstream.url(), "health_interval = '0s'").start();
    let metrics = request(site.operations(), "GET /metrics", "", b"").text();
    assert!(!metrics.contains("gitlatch_upstream_up"), "{metrics}");
    assert!(upstream.seen().is_empty());
    let folder = SiteBuilder::repositories().start();
    let metrics = request(folder.operations(), "GET /metrics", "", b"").text();
    assert!(!metrics.contains("gitlatch_upstream_up"), "{metrics}");
}
