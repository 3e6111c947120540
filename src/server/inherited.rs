//! Sockets that were open before the process began, so that no connection is refused while gitlatch is not
//! there: a service manager passes them (`sd_listen_fds(3)`), or the gitlatch that served before hands them over.

use super::listener::{Bound, Custody, File, ListenError, Socket};
use crate::config::{Listen, UnixAccess};
use listenfd::ListenFd;
use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_acceptconn, socket_domain};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Why what was passed cannot be served on.
#[derive(Debug, thiserror::Error)]
pub enum InheritedError {
    /// The variables that tell of them are wrong.
    #[error(
        "LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, by which a service manager passes sockets, are wrong"
    )]
    Variables(#[source] io::Error),
    /// It is no socket to accept connections from.
    #[error("descriptor {number} (`{name}`), which the service manager passed, is {what}")]
    Kind {
        /// The descriptor.
        number: usize,
        /// What the service manager calls it.
        name: String,
        /// What it is instead, and what to do about it.
        what: &'static str,
    },
    /// What another process handed over is not what it should be.
    #[error("the socket of {listen}, which was handed over, cannot be used")]
    Handed {
        /// The address that it is of.
        listen: Listen,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be asked.
    #[error("descriptor {number} (`{name}`), which the service manager passed, cannot be used")]
    Broken {
        /// The descriptor.
        number: usize,
        /// What the service manager calls it.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The sockets that are there already, until somebody listens on them.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Bound>,
    /// Names that an address asks for; `systemd` alone takes none of these.
    named: Vec<String>,
}

impl Inherited {
    /// What a service manager passed, if there is one. No child of the process inherits it from here on.
    /// It takes the variables out of the environment, so it is called once, and before there are threads.
    ///
    /// # Errors
    /// When something was passed that is no socket which listens for streams.
    pub fn passed() -> Result<Self, InheritedError> {
        // This one insists that LISTEN_PID is this process, and the next one does not.
        let names = sd_notify::listen_fds_with_names().map_err(InheritedError::Variables)?;
        let names: Vec<String> = names.map(|(_, name)| name).collect();
        let mut given = ListenFd::from_env();
        let taken = names.into_iter().enumerate().map(|(at, name)| {
            let socket = take(&mut given, at, &name)?;
            Ok(Bound::inherited(Listen::Systemd(Some(name)), socket))
        });
        Ok(Self { sockets: taken.collect::<Result<_, _>>()?, named: Vec::new() })
    }

    /// What another process listens on and hands over, with who is to remove files of Unix sockets.
    ///
    /// # Errors
    /// When one of them is no socket which listens for streams.
    pub fn handed(
        sockets: Vec<(Listen, OwnedFd)>,
        custody: &Custody,
    ) -> Result<Self, InheritedError> {
        let bound = sockets.into_iter().map(|(listen, socket)| {
            let broken =
                |source: io::Error| InheritedError::Handed { listen: listen.clone(), source };
            if !ready(&socket).map_err(broken)? {
                return Err(broken(io::ErrorKind::InvalidInput.into()));
            }
            let unix = socket_domain(&socket).map_err(|error| broken(error.into()))?
                == AddressFamily::UNIX;
            let socket = if unix {
                let path = if let Listen::Unix(path) = &listen { Some(path.clone()) } else { None };
                let file = path.map(|path| File { path, custody: custody.clone() });
                Socket::Unix(socket.into(), file)
            } else {
                Socket::Tcp(socket.into())
            };
            Ok(Bound::inherited(listen, socket))
        });
        Ok(Self { sockets: bound.collect::<Result<_, _>>()?, named: Vec::new() })
    }

    /// Says which addresses there are, so that `systemd` takes no socket that another one names.
    pub fn expect<'a>(&mut self, all: impl Iterator<Item = &'a Listen>) {
        self.named.extend(all.filter_map(|listen| match listen {
            Listen::Systemd(name) => name.clone(),
            Listen::Tcp(_) | Listen::Unix(_) => None,
        }));
    }

    /// Listens on these addresses: on what is there already, and on new sockets.
    ///
    /// # Errors
    /// The first that cannot be listened on, with its name.
    pub fn bind(
        &mut self,
        addresses: &[Listen],
        access: UnixAccess,
    ) -> Result<Vec<Bound>, ListenError> {
        let mut bound = Vec::with_capacity(addresses.len());
        for address in addresses {
            let mut here = self.take(address);
            if here.is_empty() {
                let new = Bound::new(address, access);
                here.push(new.map_err(|error| error.beside(&self.sockets))?);
            }
            bound.append(&mut here);
        }
        Ok(bound)
    }

    /// What nobody asked for.
    #[must_use]
    pub fn rest(&self) -> &[Bound] {
        &self.sockets
    }

    fn take(&mut self, address: &Listen) -> Vec<Bound> {
        let named = &self.named;
        let asked = |socket: &mut Bound| match (address, socket.asked()) {
            (Listen::Systemd(None), Listen::Systemd(Some(name))) => !named.contains(name),
            (address, socket) => address == socket,
        };
        // One address is one socket, also where the system chose the port of several.
        let most = if matches!(address, Listen::Systemd(_)) { usize::MAX } else { 1 };
        self.sockets.extract_if(.., asked).take(most).collect()
    }
}

/// One descriptor, when it is what can be listened on.
fn take(given: &mut ListenFd, at: usize, name: &str) -> Result<Socket, InheritedError> {
    let number = at + 3;
    let wrong = |what| InheritedError::Kind { number, name: name.to_owned(), what };
    let socket = if let Ok(Some(socket)) = given.take_tcp_listener(at) {
        Socket::Tcp(socket)
    } else if let Ok(Some(socket)) = given.take_unix_listener(at) {
        Socket::Unix(socket, None)
    } else if is_datagram(given, at) {
        return Err(wrong("a datagram socket; let the .socket unit say ListenStream="));
    } else {
        return Err(wrong("no socket of TCP or of Unix; let the .socket unit say ListenStream="));
    };
    let listens = match &socket {
        Socket::Tcp(socket) => ready(socket),
        Socket::Unix(socket, _) => ready(socket),
    };
    match listens {
        Ok(true) => Ok(socket),
        Ok(false) => Err(wrong(
            "a connection and no socket that listens; let the .socket unit say Accept=no",
        )),
        Err(source) => Err(InheritedError::Broken { number, name: name.to_owned(), source }),
    }
}

fn is_datagram(given: &mut ListenFd, at: usize) -> bool {
    matches!(given.take_udp_socket(at), Ok(Some(_)))
        || matches!(given.take_unix_datagram(at), Ok(Some(_)))
}

/// Makes it one that never waits. Whether it listens.
fn ready(socket: &impl AsFd) -> io::Result<bool> {
    rustix::io::ioctl_fionbio(socket, true)?;
    Ok(socket_acceptconn(socket)?)
}
