//! Connections to one host, kept by one worker for one kind of passengers.

use super::ForwardError;
use super::body::Upload;
use super::remote::RemoteError;
use super::socket::{Patient, Stream};
use super::tls::{TlsFailure, UpstreamTls};
use crate::config::Remote;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// As on the side of the clients: what one connection buffers while a stream flows.
const BUFFER: usize = 1024 * 1024;
/// How long the watcher waits for what a host says of our certificate.
const SECOND_THOUGHTS: Duration = Duration::from_millis(200);
/// The most unused connections that one worker keeps.
const MOST_IDLE: usize = 512;

/// Where to connect, and how.
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<(UpstreamTls, ServerName<'static>)>,
    pub(super) timeout: Duration,
}

impl Address {
    /// The address that the configuration names. `tls` is needed when it is an `https` URL: nothing is
    /// sent there in the clear.
    pub(super) fn new(remote: &Remote, tls: Option<&UpstreamTls>) -> Result<Self, RemoteError> {
        let origin = &remote.origin;
        let tls = if origin.https {
            let tls = tls.ok_or_else(|| RemoteError::NoTls(origin.authority.clone()))?;
            let name = ServerName::try_from(origin.host.clone())
                .map_err(|_| RemoteError::Name(origin.host.clone()))?;
            Some((tls.clone(), name))
        } else {
            None
        };
        Ok(Self {
            host: origin.host.clone(),
            port: origin.port,
            tls,
            timeout: remote.connect_timeout,
        })
    }

    /// A new connection, on which nothing has been said yet. It ends when the host reads nothing of what
    /// it is sent, and sends nothing, for `patience`.
    pub(super) async fn connect<B>(
        &self,
        patience: Duration,
    ) -> Result<(SendRequest<B>, Connection<TokioIo<Patient<Stream>>, B>), ForwardError>
    where
        B: http_body::Body + 'static,
        B::Data: Send,
        B::Error: Into<super::body::BoxError>,
    {
        let stream = self.open_in_time().await?;
        http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(Patient::new(stream, patience)))
            .await
            .map_err(ForwardError::Protocol)
    }

    /// Whether a connection can be opened, which is closed then. Over TLS the host may look at our
    /// certificate only when the handshake is done here (TLS 1.3): one that refuses it says so at once,
    /// and any other is silent.
    pub(super) async fn reach(&self) -> Result<(), ForwardError> {
        let mut stream = self.open_in_time().await?;
        if matches!(stream, Stream::Plain(_)) {
            return Ok(());
        }
        let ended = match tokio::time::timeout(SECOND_THOUGHTS, stream.read(&mut [0])).await {
            Err(_) | Ok(Ok(1..)) => return Ok(()),
            Ok(Ok(0)) => io::ErrorKind::UnexpectedEof.into(),
            Ok(Err(error)) => error,
        };
        Err(ForwardError::Tls(TlsFailure::unasked(&ended)))
    }

    async fn open_in_time(&self) -> Result<Stream, ForwardError> {
        let opened = tokio::time::timeout(self.timeout, self.open()).await;
        opened.map_err(|_elapsed| ForwardError::ConnectTimeout)?
    }

    async fn open(&self) -> Result<Stream, ForwardError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream =
            stream.map_err(|error| ForwardError::of_system(error, ForwardError::Connect))?;
        stream.set_nodelay(true).map_err(ForwardError::Connect)?;
        Ok(match &self.tls {
            None => Stream::Plain(stream),
            Some((tls, name)) => {
                let secured = tls.connector().connect(name.clone(), stream).await;
                let failed = |error| ForwardError::Tls(TlsFailure::of(&error));
                Stream::Tls(Box::new(secured.map_err(failed)?))
            }
        })
    }
}

struct Unused {
    sender: SendRequest<Upload>,
    since: Instant,
}

/// The connections. Passengers of different kinds (tokens, people) never share a pool.
pub(super) struct Pool {
    address: Rc<Address>,
    keep: Duration,
    /// Oldest first: what is given back goes to the end, and is taken from there.
    unused: RefCell<Vec<Unused>>,
    /// A task sees to it that what is too old is closed.
    swept: Cell<bool>,
}

/// A connection in use. It goes back to its pool when it is given back, and is closed otherwise.
pub(super) struct Lease {
    sender: SendRequest<Upload>,
    pool: Rc<Pool>,
}

impl Pool {
    pub(super) fn new(address: &Rc<Address>, keep: Duration) -> Rc<Self> {
        let (unused, swept) = (RefCell::default(), Cell::new(false));
        Rc::new(Self { address: Rc::clone(address), keep, unused, swept })
    }

    /// The connection that was used last, if one is left that is not too old by now and not closed.
    pub(super) fn reuse(self: &Rc<Self>, now: Instant) -> Option<Lease> {
        let mut unused = self.unused.borrow_mut();
        while let Some(Unused { sender, since }) = unused.pop() {
            if now.saturating_duration_since(since) >= self.keep {
                // Those below it are older still.
                unused.clear();
                break;
            }
            if sender.is_ready() && !sender.is_closed() {
                return Some(Lease { sender, pool: Rc::clone(self) });
            }
        }
        None
    }

    /// A new connection, which lives on its own ([`Address::connect`]).
    pub(super) async fn connect(
        self: &Rc<Self>,
        patience: Duration,
    ) -> Result<Lease, ForwardError> {
        let (sender, connection) = self.address.connect(patience).await?;
        tokio::task::spawn_local(async move {
            // What goes wrong is told to the request that is under way.
            let _ = connection.await;
        });
        Ok(Lease { sender, pool: Rc::clone(self) })
    }

    /// Keeps a connection, and sees to it that it is closed in time also when nobody comes any more:
    /// what the host closes first may meet a request on its way.
    fn keep(self: &Rc<Self>, sender: SendRequest<Upload>) {
        let mut unused = self.unused.borrow_mut();
        if unused.len() >= MOST_IDLE {
            unused.remove(0);
        }
        let since = Instant::now();
        unused.push(Unused { sender, since });
        if !self.swept.replace(true) {
            let pool = Rc::downgrade(self);
            tokio::task::spawn_local(sweep(pool, since + self.keep));
        }
    }

    /// Closes what is too old; when the next will be.
    fn close_old(&self) -> Option<Instant> {
        let mut unused = self.unused.borrow_mut();
        let old = unused.partition_point(|unused| unused.since.elapsed() >= self.keep);
        unused.drain(..old);
        let next = unused.first().map(|unused| unused.since + self.keep);
        self.swept.set(next.is_some());
        next
    }
}

/// Closes unused connections as they become too old, until none is left.
async fn sweep(pool: Weak<Pool>, mut due: Instant) {
    loop {
        tokio::time::sleep_until(due.into()).await;
        match pool.upgrade().and_then(|pool| pool.close_old()) {
            Some(next) => due = next,
            None => return,
        }
    }
}

impl Lease {
    pub(super) fn sender(&mut self) -> &mut SendRequest<Upload> {
        &mut self.sender
    }

    /// Lets another request use the connection. Its last answer was read to the end.
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            self.pool.keep(self.sender);
        }
    }
}
