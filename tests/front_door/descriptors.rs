//! No file descriptors are left.

use super::support::{Site, SiteBuilder, Upstream, bearer, eventually, replies};
use rustix::process::{Pid, Resource, Rlimit};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const GET: &str = "GET /team/app.git/HEAD";
const PUSH: &str = "POST /team/app.git/git-receive-pack";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LATE: Duration = Duration::from_secs(20);

/// The process may have so many from now on.
fn limit(site: &Site, most: u64) {
    let pid = Pid::from_raw(i32::try_from(site.pid()).unwrap());
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(most), maximum };
    rustix::process::prlimit(pid, Resource::Nofile, limit).unwrap();
}

/// The lowest number that is free: with it as the limit nothing new is opened until something is closed.
fn lowest_free(site: &Site) -> u64 {
    let path = |number: &u64| format!("/proc/{}/fd/{number}", site.pid());
    (0..1 << 20).find(|number| fs::symlink_metadata(path(number)).is_err()).unwrap()
}

/// How long the process has been at work, in ticks of a hundredth of a second.
fn ticks(site: &Site) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", site.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// One request over a connection that is kept; its answer.
fn ask(stream: &mut TcpStream, line: &str, headers: &str, body: &str) -> (u16, String) {
    let head = format!("{line} HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}");
    stream.write_all(head.as_bytes()).unwrap();
    answer(stream)
}

fn answer(stream: &mut TcpStream) -> (u16, String) {
    stream.set_read_timeout(Some(LATE)).unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "closed: {}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&buffer[..read]);
        if let Some(reply) = replies(&received).into_iter().next()
            && reply.header("content-length").is_some_and(|l| l == reply.body.len().to_string())
        {
            return (reply.status, reply.text());
        }
    }
}

#[test]
fn without_descriptors_it_waits_and_goes_on() {
    let upstream = Upstream::answering(OK);
    let site = SiteBuilder::url(&upstream.url(), "").server("threads = 2").start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let token = bearer(&token);
    // Both workers have a connection to the host.
    let mut kept: Vec<TcpStream> =
        (0..2).map(|_| TcpStream::connect(site.address()).unwrap()).collect();
    for stream in &mut kept {
        assert_eq!(ask(stream, GET, &token, "").0, 200);
    }
    limit(&site, lowest_free(&site));
    let complaint = "cannot accept a connection";
    let mut waiting: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut stream = TcpStream::connect(site.address()).unwrap();
            stream
                .write_all(format!("{GET} HTTP/1.1\r\nHost: a\r\n{token}\r\n").as_bytes())
                .unwrap();
            stream
        })
        .collect();
    site.logged(&["\"error\"", complaint]);
    // It does not spin, and says nothing twice.
    let (before, start) = (ticks(&site), Instant::now());
    std::thread::sleep(Duration::from_millis(700));
    let (worked, hundredths) = (ticks(&site) - before, start.elapsed().as_millis() / 10);
    assert!(u128::from(worked) < hundredths / 2, "{worked} of {hundredths}");
    assert_eq!(site.log().matches(complaint).count(), 1, "{}", site.log());
    // What needs no new one is served; what does is told that it is trouble here, and how to mend it.
    for stream in &mut kept {
        assert_eq!(ask(stream, GET, &token, "").0, 200);
        let push = format!(
            "{token}Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 4\r\n"
        );
        let (status, text) = ask(stream, PUSH, &push, "0000");
        assert_eq!(status, 503, "{text}");
        assert!(text.contains("file descriptors"), "{text}");
    }
    site.logged(&["\"error\"", "file descriptors"]);
    limit(&site, 4096);
    for stream in &mut waiting {
        assert_eq!(answer(stream).0, 200);
    }
    eventually("all is as before", || {
        let mut stream = TcpStream::connect(site.address()).unwrap();
        (ask(&mut stream, GET, &token, "").0 == 200).then_some(())
    });
}

/// A folder's git is a child with pipes.
#[test]
fn without_descriptors_no_git_is_run() {
    let site = SiteBuilder::repositories().server("threads = 1").start();
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let token = bearer(&token);
    let mut kept = TcpStream::connect(site.address()).unwrap();
    assert_eq!(ask(&mut kept, "GET /", &token, "").0, 403);
    // Numbers 0 to 2 are open: nothing that is new fits.
    limit(&site, 3);
    let (status, text) = ask(&mut kept, GET, &token, "");
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("file descriptors"), "{text}");
    limit(&site, 4096);
    let status = eventually("git runs", || {
        let line = format!("{GET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{token}\r\n");
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        replies(&all).first().map(|reply| reply.status)
    });
    assert_eq!(status, 200);
}
