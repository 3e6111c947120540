//! What a connection is told that is one too many.
//!
//! A client of plain HTTP is told why by an answer that is made beforehand; one that wants TLS would cost a
//! handshake, and is closed. None gets to a worker but those whose proxy says there whose they are.

use super::connections::Crowded;
use super::listener::Accepted;
use std::cell::Cell;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// The most that are kept until their client has read its answer.
const MOST: usize = 32;
/// For how long one is kept: for its request to come, and then until it has read.
const LINGER: Duration = Duration::from_secs(1);
/// The most bytes of it that are read.
const READ: u64 = 64 * 1024;

const TOTAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 72\r\nCache-Control: no-store\r\nRetry-After: 5\r\nConnection: close\r\n\r\n\
    gitlatch: as many connections are open as are taken; try again shortly.\n";
const ADDRESS: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 71\r\nCache-Control: no-store\r\nRetry-After: 5\r\nConnection: close\r\n\r\n\
    gitlatch: too many connections are open from this address; close some.\n";

/// Turns connections away, in one thread.
#[derive(Default)]
pub(super) struct Doorman {
    lingering: Rc<Cell<usize>>,
}

impl Doorman {
    /// Ends a connection, with an answer unless it wants TLS. It takes no time.
    pub(super) fn turn_away(&self, stream: Accepted, why: Crowded, tls: bool) {
        match stream {
            Accepted::Tcp(_) if tls => {}
            Accepted::Tcp(stream) => self.tell(stream, TcpStream::from_std, why),
            Accepted::Unix(stream) => self.tell(stream, UnixStream::from_std, why),
        }
    }

    /// Ends a connection with an answer. It takes no time; `enter` makes it part of the runtime of this
    /// thread, where there is room for it to stay until it has read.
    pub(super) fn tell<A: AsFd, S>(
        &self,
        stream: A,
        enter: impl FnOnce(A) -> io::Result<S>,
        why: Crowded,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        if let Some(seat) = self.seat() {
            linger(enter(stream), why, seat);
        } else {
            let socket = socket2::SockRef::from(&stream);
            let _ = socket.send(answer(why));
            let _ = socket.shutdown(Shutdown::Write);
        }
    }

    fn seat(&self) -> Option<Seat> {
        (self.lingering.get() < MOST).then(|| {
            self.lingering.set(self.lingering.get() + 1);
            Seat(Rc::clone(&self.lingering))
        })
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
