//! One connection for many calls. That it breaks is an answer too: the server may be killed meanwhile.

use crate::support::{PASSWORD, PATIENCE, Reply, basic, bearer, replies};
use serde_json::Value;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

pub const API: &str = "/rest/access-tokens/latest";
pub const HEAD: &str = "GET /team/app.git/HEAD";
pub const REFS: &str = "GET /team/app.git/info/refs?service=git-upload-pack";
pub const PUSH_REFS: &str = "GET /team/app.git/info/refs?service=git-receive-pack";

pub struct Wire(TcpStream);

impl Wire {
    pub fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Sends one request.
    pub fn send(&mut self, line: &str, headers: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: gitlatch.test\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes())
    }

    /// Reads one answer. A timeout is none, and a failure of the test.
    pub fn receive(&mut self) -> io::Result<Reply> {
        let mut received = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = self.0.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            received.extend_from_slice(&buffer[..read]);
            let Some(reply) = replies(&received).into_iter().next() else { continue };
            let length = reply.header("content-length").and_then(|text| text.parse::<usize>().ok());
            let whole = match length {
                Some(length) => reply.body.len() == length,
                None => reply.status == 204 || received.ends_with(b"0\r\n\r\n"),
            };
            if whole {
                return Ok(reply);
            }
        }
    }

    /// Sends a call of the token API by a person with [`PASSWORD`]: `line` is `PUT /users/alice`.
    pub fn send_call(&mut self, line: &str, person: &str, body: &Value) -> io::Result<()> {
        let (method, path) = line.split_once(' ').unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = basic(person, PASSWORD) + "Content-Type: application/json\r\n";
        self.send(&format!("{method} {API}{path}"), &headers, &body)
    }

    /// Reads what a call is answered.
    pub fn answer(&mut self) -> io::Result<(u16, Value)> {
        let reply = self.receive()?;
        Ok((reply.status, serde_json::from_slice(&reply.body).unwrap_or_default()))
    }

    /// Both.
    pub fn call(&mut self, line: &str, person: &str, body: &Value) -> io::Result<(u16, Value)> {
        self.send_call(line, person, body)?;
        self.answer()
    }

    /// The status that a token gets.
    pub fn status(&mut self, line: &str, secret: &str) -> io::Result<u16> {
        self.send(line, &bearer(secret), "")?;
        Ok(self.receive()?.status)
    }
}
