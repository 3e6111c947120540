//! Listening sockets, TCP and Unix.

use super::Peer;
use crate::config::{Listen, UnixAccess};
use rustix::fs::{Gid, Mode};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system does not let us.
    #[error("cannot listen on {address}")]
    Address {
        /// The address, as the configuration writes it.
        address: Listen,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A service manager should have passed it.
    #[error("cannot listen on {address}: {there}")]
    NotPassed {
        /// The address, as the configuration writes it.
        address: Listen,
        /// What there is instead, and what to do.
        there: String,
    },
}

impl ListenError {
    fn not_passed(address: &Listen) -> Self {
        let there = "no socket was passed; start gitlatch by its .socket unit, which sets LISTEN_FDS \
                     and LISTEN_PID for this very process";
        Self::NotPassed { address: address.clone(), there: there.to_owned() }
    }

    /// The same beside these sockets, which were passed.
    pub(super) fn beside(self, passed: &[Bound]) -> Self {
        let passed = passed.iter().filter(|socket| socket.is_passed());
        let passed: Vec<String> = passed.map(|socket| socket.asked().to_string()).collect();
        match self {
            Self::NotPassed { address, .. } if !passed.is_empty() => {
                let there = format!(
                    "no socket of that name was passed, but {}; FileDescriptorName= of the .socket \
                     unit gives the name",
                    passed.join(", ")
                );
                Self::NotPassed { address, there }
            }
            other => other,
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub struct Bound {
    /// The address that was asked for; the name of what was passed.
    listen: Listen,
    socket: Socket,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, Option<File>),
}

/// The file of a Unix socket, which goes with it as long as it is this process's.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) custody: Custody,
}

/// Whether the files of Unix sockets are this process's to remove: not before it has taken them over from
/// another process, and not any more when it has handed them over.
#[derive(Clone, Debug, Default)]
pub struct Custody(Arc<AtomicBool>);

impl Custody {
    fn ours() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// They are from now on, or not any more.
    pub fn set(&self, ours: bool) {
        self.0.store(ours, Ordering::Release);
    }
}

/// A listening socket for another process, which shares it and the connections that wait.
#[derive(Debug)]
pub struct Shared {
    /// The address that was asked for; the name of what was passed.
    pub listen: Listen,
    /// The socket.
    pub socket: OwnedFd,
    /// Whose its file is, of a Unix socket that was made and not passed.
    pub custody: Option<Custody>,
}

/// A connection that was just accepted, not yet part of any runtime.
#[derive(Debug)]
pub(super) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Bound {
    pub(super) fn new(listen: &Listen, access: UnixAccess) -> Result<Self, ListenError> {
        let socket = match listen {
            Listen::Tcp(address) => tcp(*address).map(Socket::Tcp),
            Listen::Unix(path) => {
                let file = File { path: path.clone(), custody: Custody::ours() };
                unix(path, access).map(|listener| Socket::Unix(listener, Some(file)))
            }
            Listen::Systemd(_) => return Err(ListenError::not_passed(listen)),
        };
        match socket {
            Ok(socket) => Ok(Self { listen: listen.clone(), socket }),
            Err(source) => Err(ListenError::Address { address: listen.clone(), source }),
        }
    }

    /// A socket that listens already.
    pub(super) const fn inherited(listen: Listen, socket: Socket) -> Self {
        Self { listen, socket }
    }

    /// The address that was asked for; the name of what was passed.
    #[must_use]
    pub const fn asked(&self) -> &Listen {
        &self.listen
    }

    /// The TCP address, with the port that the system chose when 0 was asked for.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// The same socket, for another process.
    ///
    /// # Errors
    /// When the process has too many descriptors.
    pub fn share(&self) -> io::Result<Shared> {
        let (socket, custody) = match &self.socket {
            Socket::Tcp(listener) => (listener.as_fd(), None),
            Socket::Unix(listener, file) => {
                (listener.as_fd(), file.as_ref().map(|file| file.custody.clone()))
            }
        };
        Ok(Shared { listen: self.listen.clone(), socket: socket.try_clone_to_owned()?, custody })
    }

    /// Whether a service manager passed it.
    #[must_use]
    pub const fn is_passed(&self) -> bool {
        matches!(self.listen, Listen::Systemd(_))
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
        if let Socket::Unix(_, Some(File { path, custody })) = &self.socket
            && custody.0.load(Ordering::Acquire)
        {
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
            Socket::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                match address.as_ref().and_then(|address| address.as_pathname()) {
                    Some(path) => write!(f, "unix:{}", path.display()),
                    None => f.write_str("unix"),
                }
            }
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
fn unix(path: &Path, access: UnixAccess) -> io::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    // Linux makes the file with the mode of the socket, less the umask: it is never more open than this.
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(access.mode))?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    let listen = || {
        if let Some(group) = access.group {
            rustix::fs::chown(path, None, Some(Gid::from_raw(group)))?;
        }
        // What the umask took away. Nobody can connect before the socket listens.
        rustix::fs::chmod(path, Mode::from_raw_mode(access.mode))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)
    };
    match listen() {
        Ok(()) => Ok(socket.into()),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}
