//! HTTP by hand: what is sent is what a test wrote, byte for byte.

use super::site::PATIENCE;
use base64::Engine as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The values of a header, one a line.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect();
        (!values.is_empty()).then(|| values.join("\n"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// `Authorization` with a token as Bearer, as a header line.
pub fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// `Authorization: Basic`, as a header line.
pub fn basic(user: &str, password: &str) -> String {
    let credential = format!("{user}:{password}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(credential);
    format!("Authorization: Basic {encoded}\r\n")
}

/// One request on a connection of its own: `line` is `GET /path`, `headers` whole lines.
pub fn request(address: SocketAddr, line: &str, headers: &str, body: &[u8]) -> Reply {
    let mut bytes =
        format!("{line} HTTP/1.1\r\nHost: gitlatch.test\r\nConnection: close\r\n{headers}\r\n")
            .into_bytes();
    bytes.extend_from_slice(body);
    raw(address, &bytes).into_iter().next().expect("an answer")
}

/// Sends bytes and reads every answer until the other side closes.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<Reply> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // The other side may refuse and close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => received.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("no end of the answer: {error}"),
        }
    }
    replies(&received)
}

/// Divides what came into answers.
pub fn replies(mut bytes: &[u8]) -> Vec<Reply> {
    let mut found = Vec::new();
    while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes = &bytes[end + 4..];
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut reply = Reply { status, head, body: Vec::new() };
        if (100..200).contains(&status) {
            continue;
        }
        let chunked = reply.header("transfer-encoding").is_some();
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        let (body, rest) = if chunked {
            dechunk(bytes)
        } else {
            let length = length.unwrap_or(bytes.len()).min(bytes.len());
            (bytes[..length].to_vec(), &bytes[length..])
        };
        reply.body = body;
        bytes = rest;
        found.push(reply);
    }
    found
}

fn dechunk(mut bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        bytes = &bytes[end + 2..];
        if size == 0 {
            return (body, bytes.get(2..).unwrap_or_default());
        }
        let available = size.min(bytes.len());
        body.extend_from_slice(&bytes[..available]);
        bytes = bytes.get(size + 2..).unwrap_or_default();
    }
    (body, bytes)
}
