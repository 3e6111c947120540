//! Accidents of operating: rubbish in the place of the configuration, a log that nobody takes, and the end of
//! the program in the middle of a push.

use super::support::{
    Site, SiteBuilder, Upstream, bearer, eventually, read_head, replies, request,
};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const GET: &str = "GET /team/app.git/HEAD";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn site(builder: SiteBuilder) -> (Site, String) {
    let site = builder.start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    (site, token)
}

/// What is put where the configuration was.
type Rubbish = fn(&Path, &[u8]);

const RUBBISH: &[(&str, Rubbish)] = &[
    ("empty", |at, _| fs::write(at, "").unwrap()),
    ("half a file", |at, good| fs::write(at, &good[..good.len() / 2]).unwrap()),
    ("half a string", |at, good| {
        let quote = good.iter().rposition(|&byte| byte == b'\'').unwrap();
        fs::write(at, &good[..quote]).unwrap();
    }),
    ("bytes", |at, _| fs::write(at, (0..=255).cycle().take(10_000).collect::<Vec<u8>>()).unwrap()),
    ("no text", |at, good| fs::write(at, [good, b"# \xff\xfe\n"].concat()).unwrap()),
    ("another format", |at, _| fs::write(at, r#"{"server": {"listen": []}}"#).unwrap()),
    ("a certificate", |at, _| fs::write(at, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap()),
    ("zeros", |at, good| fs::write(at, vec![0; good.len()]).unwrap()),
    ("twice", |at, good| fs::write(at, [good, good].concat()).unwrap()),
    ("gone", |_, _| {}),
    ("a folder", |at, _| fs::create_dir(at).unwrap()),
    ("a link to nothing", |at, _| symlink("nothing", at).unwrap()),
    ("a link to itself", |at, _| symlink(at, at).unwrap()),
];

#[test]
fn rubbish_in_place_of_the_configuration() {
    let upstream = Upstream::answering(OK);
    let (site, token) = site(SiteBuilder::url(&upstream.url(), "").server("max_body = 10"));
    let good = fs::read(site.config()).unwrap();
    let place = site.config();
    let outcomes = |what: &str| site.log().lines().filter(|line| line.contains(what)).count();
    for (what, put) in RUBBISH {
        let aside = place.with_extension("aside");
        fs::rename(&place, &aside).unwrap();
        put(&place, &good);
        let (refused, reloads) = (outcomes("not reloaded"), outcomes("\"reloaded\""));
        site.signal("HUP");
        eventually(what, || (outcomes("not reloaded") > refused).then_some(()));
        assert_eq!(outcomes("\"reloaded\""), reloads, "{what}");
        // All is as it was: what is let through, and what is not.
        assert_eq!(request(site.address(), GET, &bearer(&token), b"").status, 200, "{what}");
        assert_eq!(request(site.address(), GET, "", b"").status, 401, "{what}");
        let push = format!(
            "{}Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 11\r\n",
            bearer(&token)
        );
        let line = "POST /team/app.git/git-receive-pack";
        assert_eq!(request(site.address(), line, &push, b"0000xxxxxxx").status, 413, "{what}");
        if place.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            fs::remove_dir(&place).unwrap();
        }
        fs::rename(&aside, &place).unwrap();
    }
    let before = outcomes("\"reloaded\"");
    site.signal("HUP");
    eventually("a good one is taken", || (outcomes("\"reloaded\"") > before).then_some(()));
    // And none of it made the log tell what stands in such a file.
    assert!(!site.log().contains("AAAA"), "{}", site.log());
}

/// A process that ends with its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whoever reads the log and standard error is gone, or the disk that they are written to is full.
#[test]
fn a_log_that_nobody_takes() {
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let ways: [(&str, &dyn Fn() -> Stdio); 2] = [("full", &full), ("closed", &closed)];
    for (what, way) in ways {
        let upstream = Upstream::answering(OK);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let operations = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let watched = operations.local_addr().unwrap();
        let site = SiteBuilder::url(&upstream.url(), "")
            .server(&format!("listen = '{address}'"))
            .prepare();
        let text = fs::read_to_string(site.config()).unwrap();
        let text = text.replacen("listen = '127.0.0.1:0'", &format!("listen = '{watched}'"), 1);
        fs::write(site.config(), text).unwrap();
        site.user("alice");
        let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
        drop((listener, operations));
        let mut serve = site.command(&["serve"]);
        let mut serve = Ends(serve.stdout(way()).stderr(way()).spawn().unwrap());
        let number = serve.0.id().to_string();
        let signal = |name: &str| {
            assert!(Command::new("kill").args([name, &number]).status().unwrap().success());
        };
        eventually(what, || {
            assert!(serve.0.try_wait().unwrap().is_none(), "{what}: it ended");
            TcpStream::connect(address).ok()
        });
        for _ in 0..50 {
            assert_eq!(request(address, GET, &bearer(&token), b"").status, 200, "{what}");
        }
        fs::write(site.config(), "nonsense").unwrap();
        signal("-HUP");
        // What is lost is counted.
        eventually("lost lines", || {
            let page = request(watched, "GET /metrics", "", b"").text();
            let lost =
                page.lines().find_map(|l| l.strip_prefix("gitlatch_log_lines_dropped_total "));
            lost.unwrap().parse::<u64>().is_ok_and(|lost| lost >= 50).then_some(())
        });
        assert_eq!(request(address, GET, &bearer(&token), b"").status, 200, "{what}");
        signal("-TERM");
        let status = eventually("an end", || serve.0.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{what}");
    }
}

/// How much a push has in the end, and what of it comes before gitlatch is told to stop.
const WHOLE: usize = 100 << 20;
const BEGUN: usize = 4 << 20;

/// A push that is under way is finished within `drain_timeout`; beyond it is cut, and never passes for a
/// whole one.
#[test]
fn told_to_stop_in_the_middle_of_a_push() {
    for (drain, finishes) in [("20s", true), ("1s", false)] {
        let (got, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let last = Arc::new(Mutex::new(Vec::new()));
        let (count, over, tail) = (Arc::clone(&got), Arc::clone(&ended), Arc::clone(&last));
        let upstream = Upstream::raw(move |stream, _, _| {
            let Some(_head) = read_head(stream) else { return };
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                count.fetch_add(read, Ordering::SeqCst);
                let mut tail = tail.lock().unwrap();
                tail.extend_from_slice(&buffer[..read]);
                let all = tail.len();
                tail.drain(..all.saturating_sub(5));
                if *tail == b"0\r\n\r\n" {
                    stream.write_all(OK.as_bytes()).unwrap();
                    break;
                }
            }
            over.store(true, Ordering::SeqCst);
        });
        let (mut site, token) = site(
            SiteBuilder::url(&upstream.url(), "").server(&format!("drain_timeout = '{drain}'")),
        );
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "POST /team/app.git/git-receive-pack HTTP/1.1\r\nHost: a\r\n{}Content-Type: \
             application/x-git-receive-pack-request\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n",
            bearer(&token)
        );
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
        for _ in 0..BEGUN / 0x10000 {
            stream.write_all(&chunk).unwrap();
        }
        eventually("it is under way", || (got.load(Ordering::SeqCst) >= BEGUN).then_some(()));
        let address = site.address();
        site.signal("TERM");
        eventually("no new connections", || TcpStream::connect(address).is_err().then_some(()));
        if finishes {
            for _ in 0..(WHOLE - BEGUN) / 0x10000 {
                stream.write_all(&chunk).unwrap();
            }
            stream.write_all(b"0\r\n\r\n").unwrap();
        } else {
            site.logged(&["at the end of drain_timeout are cut"]);
        }
        assert_eq!(site.wait(), Some(0));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let status = replies(&answer).first().map(|reply| reply.status);
        assert_eq!(status, finishes.then_some(200), "{}", String::from_utf8_lossy(&answer));
        eventually("the host has seen the end", || ended.load(Ordering::SeqCst).then_some(()));
        assert_eq!(*last.lock().unwrap() == b"0\r\n\r\n", finishes);
        assert_eq!(got.load(Ordering::SeqCst) > WHOLE, finishes);
    }
}
