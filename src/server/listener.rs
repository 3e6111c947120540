//! Listening sockets, TCP and Unix.

use super::Peer;
use crate::config::Listen;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    address: String,
    #[source]
    source: io::Error,
}

/// A socket that listens.
#[derive(Debug)]
pub struct Bound {
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    /// The path is removed when the socket goes.
    Unix(UnixListener, PathBuf),
}

/// A connection that was just accepted, not yet part of any runtime.
#[derive(Debug)]
pub(super) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Bound {
    pub(super) fn new(listen: &Listen) -> Result<Self, ListenError> {
        match listen {
            Listen::Tcp(address) => tcp(*address)
                .map(Socket::Tcp)
                .map_err(|source| ListenError { address: address.to_string(), source }),
            Listen::Unix(path) => unix(path)
                .map(|listener| Socket::Unix(listener, path.clone()))
                .map_err(|source| ListenError { address: path.display().to_string(), source }),
        }
        .map(|socket| Self { socket })
    }

    /// The TCP address, with the port that the system chose when 0 was asked for.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Makes it part of the runtime of the thread that calls this.
    pub(super) fn listen(&self) -> io::Result<Listening> {
        Ok(match &self.socket {
            Socket::Tcp(listener) => {
                Listening::Tcp(tokio::net::TcpListener::from_std(listener.try_clone()?)?)
            }
            Socket::Unix(listener, _) => {
                Listening::Unix(tokio::net::UnixListener::from_std(listener.try_clone()?)?)
            }
        })
    }
}

/// A socket that listens, in a runtime.
pub(super) enum Listening {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Listening {
    /// The next connection, taken out of this runtime again: it is for a worker's.
    pub(super) async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let peer = Peer { address: Some(address.ip().to_canonical()) };
                Ok((Accepted::Tcp(stream.into_std()?), peer))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Accepted::Unix(stream.into_std()?), Peer { address: None }))
            }
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.socket {
            // Nobody is left to listen; a file that stays would only be in the way of the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Socket::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("tcp"),
            },
            Socket::Unix(_, path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    // A restart need not wait for old connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A socket that nobody answers on is left from a crash and is replaced; one that is answered is not.
fn unix(path: &PathBuf) -> io::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
