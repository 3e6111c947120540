//! Bodies stream: what is large costs no memory, in either direction, by either way upstream.

use super::support::{Site, SiteBuilder, Upstream, bearer};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Far more than the process may hold at once.
const SIZE: u64 = 256 * 1024 * 1024;
/// What it may have held at once at the most.
const MOST: u64 = 64 * 1024 * 1024;
const PACK: &str = "objects/pack/pack-0123456789012345678901234567890123456789.pack";

fn send_head(site: &Site, line: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(site.address()).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
    stream
}

/// The first bytes of an answer, and how many there were in all.
fn read_all(mut stream: TcpStream) -> (String, u64) {
    let mut buffer = vec![0; 256 * 1024];
    let first = stream.read(&mut buffer).unwrap();
    let head = String::from_utf8_lossy(&buffer[..first.min(300)]).into_owned();
    let mut all = first as u64;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return (head, all),
            read => all += read as u64,
        }
    }
}

fn download(site: &Site, token: &str) {
    let line = format!("GET /team/app.git/{PACK}");
    let (head, all) = read_all(send_head(site, &line, &bearer(token)));
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(all > SIZE && all < SIZE + SIZE / 100, "{all} bytes");
    assert!(site.peak_memory() < MOST, "{} bytes resident", site.peak_memory());
}

#[test]
fn down_from_a_host() {
    let upstream = Upstream::new(|stream, _, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        let piece = vec![b'x'; 1024 * 1024];
        let mut sent = stream.write_all(head.as_bytes());
        for _ in 0..SIZE / piece.len() as u64 {
            sent = sent.and_then(|()| stream.write_all(&piece));
        }
        sent.is_ok()
    });
    let identity = "[upstream.identity]\nmode = 'none'";
    let site =
        SiteBuilder::url(&upstream.url(), identity).section("[access]\nusers = 'grants'").start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    download(&site, &token);
}

#[test]
fn down_from_a_folder() {
    let site = SiteBuilder::repositories().start();
    let bare = site.repository("team/app");
    // A file of that size without its blocks: git sends it as it is.
    let pack = std::fs::File::create(bare.join(PACK)).unwrap();
    pack.set_len(SIZE).unwrap();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    download(&site, &token);
}

#[test]
fn up_to_a_host() {
    let upstream = Upstream::raw(|stream, _record, _connection| {
        let Some(_head) = super::support::read_head(stream) else { return };
        let mut buffer = vec![0; 1024 * 1024];
        let mut all = 0;
        let mut last = Vec::new();
        while !last.ends_with(b"0\r\n\r\n") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the body broke off");
            all += read;
            last.extend_from_slice(&buffer[read.saturating_sub(8)..read]);
            last.drain(..last.len().saturating_sub(8));
        }
        let body = all.to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    let identity = "[upstream.identity]\nmode = 'none'";
    let site =
        SiteBuilder::url(&upstream.url(), identity).section("[access]\nusers = 'grants'").start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let headers = format!(
        "{}Content-Type: application/x-git-receive-pack-request\r\nTransfer-Encoding: chunked\r\n",
        bearer(&token)
    );
    let mut stream = send_head(&site, "POST /team/app.git/git-receive-pack", &headers);
    // A push that changes nothing: what follows is its pack, as far as anybody here knows.
    stream.write_all(b"4\r\n0000\r\n").unwrap();
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..SIZE / piece.len() as u64 {
        write!(stream, "{:x}\r\n", piece.len()).unwrap();
        stream.write_all(&piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let (answer, _) = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let received: u64 = answer.split("\r\n\r\n").nth(1).unwrap().parse().unwrap();
    assert!(received > SIZE, "{received}");
    assert!(site.peak_memory() < MOST, "{} bytes resident", site.peak_memory());
}
