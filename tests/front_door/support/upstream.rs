//! An upstream of raw sockets: it writes down what it got and answers as a test tells it to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as the upstream saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The head, without its empty line.
    pub head: String,
    /// The body, as far as its length or its chunks told.
    pub body: Vec<u8>,
    /// Which connection it came on, from 0.
    pub connection: usize,
}

impl Seen {
    /// The first line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// The upstream. It ends with the test's process; its sockets are on loopback.
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// Answers every request with these bytes, and keeps the connection.
    pub fn answering(answer: &'static str) -> Self {
        Self::new(move |stream, _seen, _nth| stream.write_all(answer.as_bytes()).is_ok())
    }

    /// Answers requests by a function, which is given the connection, the request and its number on
    /// that connection, from 0; the connection is closed when it says false.
    pub fn new(
        answer: impl Fn(&mut TcpStream, &Seen, usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::raw(move |stream, record, connection| {
            let mut nth = 0;
            while let Some(mut seen) = read_request(stream) {
                seen.connection = connection;
                record(seen.clone());
                if !answer(stream, &seen, nth) {
                    return;
                }
                nth += 1;
            }
        })
    }

    /// Has a function deal with every connection from its beginning. It may write requests down by
    /// the function that it is given.
    pub fn raw(
        serve: impl Fn(&mut TcpStream, &dyn Fn(Seen), usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (serve, record) = (Arc::new(serve), Arc::clone(&seen));
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (serve, record) = (Arc::clone(&serve), Arc::clone(&record));
                std::thread::spawn(move || {
                    let mut stream = stream;
                    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
                    serve(&mut stream, &|seen| record.lock().unwrap().push(seen), connection);
                });
            }
        });
        Self { address, seen }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that came whole so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Reads the head of a request; `None` at the end of the connection.
pub fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    head.truncate(head.len() - 4);
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Reads one request with its body.
fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let head = read_head(stream)?;
    let mut seen = Seen { head, body: Vec::new(), connection: 0 };
    let length = seen.header("content-length").first().and_then(|length| length.parse().ok());
    if let Some(length) = length {
        seen.body = vec![0; length];
        stream.read_exact(&mut seen.body).ok()?;
    } else if !seen.header("transfer-encoding").is_empty() {
        loop {
            let mut size = Vec::new();
            let mut byte = [0];
            while !size.ends_with(b"\r\n") {
                stream.read_exact(&mut byte).ok()?;
                size.push(byte[0]);
            }
            let size = std::str::from_utf8(&size).ok()?.trim();
            let size = usize::from_str_radix(size, 16).ok()?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            seen.body.extend_from_slice(&chunk[..size]);
        }
    }
    Some(seen)
}
