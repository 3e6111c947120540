//! What a connection is told that is one too many.
//!
//! It never gets to a worker. A client of plain HTTP is told why by an answer that is made beforehand; one
//! that wants TLS would cost a handshake, and is closed.

use super::connections::Crowded;
use super::listener::Accepted;
use std::cell::Cell;
use std::io::{self, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// The most that are kept until their client has read its answer.
const MOST: usize = 32;
/// For how long one is kept: for its request to come, and then until it has read.
const LINGER: Duration = Duration::from_secs(1);
/// The most bytes of it that are read.
const READ: u64 = 64 * 1024;
/// The log hears of each reason at most this often.
const SELDOM: Duration = Duration::from_mins(1);

const TOTAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 72\r\nCache-Control: no-store\r\nRetry-After: 5\r\nConnection: close\r\n\r\n\
    gitlatch: as many connections are open as are taken; try again shortly.\n";
const ADDRESS: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 71\r\nCache-Control: no-store\r\nRetry-After: 5\r\nConnection: close\r\n\r\n\
    gitlatch: too many connections are open from this address; close some.\n";

/// Turns connections away, in the thread that accepts.
#[derive(Default)]
pub(super) struct Doorman {
    lingering: Rc<Cell<usize>>,
    said: [Cell<Option<Instant>>; Crowded::ALL.len()],
}

impl Doorman {
    /// Ends a connection, with an answer unless it wants TLS. It takes no time.
    pub(super) fn turn_away(&self, stream: Accepted, why: Crowded, tls: bool) {
        self.complain(why);
        match stream {
            Accepted::Tcp(_) if tls => {}
            Accepted::Tcp(stream) => {
                if let Some(seat) = self.seat() {
                    linger(TcpStream::from_std(stream), why, seat);
                } else {
                    let _ = (&stream).write(answer(why));
                    let _ = stream.shutdown(Shutdown::Write);
                }
            }
            Accepted::Unix(stream) => {
                if let Some(seat) = self.seat() {
                    linger(UnixStream::from_std(stream), why, seat);
                } else {
                    let _ = (&stream).write(answer(why));
                    let _ = stream.shutdown(Shutdown::Write);
                }
            }
        }
    }

    fn seat(&self) -> Option<Seat> {
        (self.lingering.get() < MOST).then(|| {
            self.lingering.set(self.lingering.get() + 1);
            Seat(Rc::clone(&self.lingering))
        })
    }

    fn complain(&self, why: Crowded) {
        let Some(said) = self.said.get(why as usize) else { return };
        if said.get().is_none_or(|at| at.elapsed() >= SELDOM) {
            said.set(Some(Instant::now()));
            let key = match why {
                Crowded::Total => "connections",
                Crowded::Address => "connections_per_address",
            };
            tracing::warn!(reason = why.name(), "connections are turned away: [limits] {key}");
        }
    }
}

struct Seat(Rc<Cell<usize>>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

const fn answer(why: Crowded) -> &'static [u8] {
    match why {
        Crowded::Total => TOTAL,
        Crowded::Address => ADDRESS,
    }
}

/// Answers once there is a request, which some clients insist on, and closes when the client has: closed
/// before, what it still sends would reset the connection, and it would not see the answer.
fn linger<S>(stream: io::Result<S>, why: Crowded, seat: Seat)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let Ok(mut stream) = stream else { return };
    tokio::task::spawn_local(async move {
        let mut buffer = [0; 4096];
        let _ = tokio::time::timeout(LINGER, stream.read(&mut buffer)).await;
        let rest = async {
            stream.write_all(answer(why)).await?;
            stream.shutdown().await?;
            tokio::io::copy(&mut stream.take(READ), &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
        drop(seat);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_whole() {
        for why in Crowded::ALL {
            let text = std::str::from_utf8(answer(why)).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
        }
    }
}
