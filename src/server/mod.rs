//! The street: accepts connections, hands them out evenly, and serves them. It serves any service and
//! knows nothing of Git.
//!
//! One thread accepts. Each worker is one thread with a runtime of its own and everything that its
//! service holds, so nothing on the path of a request is shared or locked. A connection goes to the
//! worker with the fewest; `SO_REUSEPORT` would leave that to a hash of the addresses.

mod accept;
mod connection;
mod impatient;
mod listener;
mod streams;
pub mod tls;
mod worker;

pub use listener::{Bound, ListenError};

use crate::config::Listen;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio_util::sync::CancellationToken;

/// An error of any kind, as hyper takes them from bodies.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` on a Unix socket. IPv4 in IPv6 is IPv4.
    pub address: Option<IpAddr>,
}

/// What a worker serves. One is made in each worker's thread and never leaves it.
pub trait Service: 'static {
    /// The body of its responses.
    type Body: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static;

    /// Answers one request, always.
    fn call(
        &self,
        peer: Peer,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>>;

    /// The answer when [`Service::call`] panicked: the crash of one request is one request's.
    fn crashed(&self) -> Response<Self::Body>;
}

/// How to serve.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a client may take to send the head of a request, and may idle between two; over HTTP/2,
    /// how long no request need be open.
    pub header_timeout: Duration,
    /// How long a client may leave untaken what it is sent, while it sends nothing itself; over HTTP/2,
    /// what it asked for, whatever else it sends.
    pub idle_timeout: Duration,
    /// How long running transfers may go on once the server is told to stop.
    pub drain_timeout: Duration,
}

/// How many connections there are, for a metric and for handing them out.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    total: AtomicUsize,
}

impl Connections {
    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections accepted since the start.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }
}

/// One open connection; dropping it is its end.
pub(crate) struct Open(Arc<Connections>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Everything that [`run`] needs besides the service.
pub struct Plan {
    /// The name of the threads.
    pub name: &'static str,
    /// The sockets, bound already.
    pub listeners: Vec<Bound>,
    /// The certificates, for HTTPS.
    pub tls: Option<tls::Certificates>,
    /// How many workers; at least one.
    pub workers: usize,
    /// Time-outs.
    pub limits: Limits,
    /// Counted here.
    pub connections: Arc<Connections>,
    /// Cancelling it stops accepting and drains.
    pub stop: CancellationToken,
}

/// Binds the addresses.
///
/// # Errors
/// The first that cannot be bound, with its name.
pub fn bind(addresses: &[Listen]) -> Result<Vec<Bound>, ListenError> {
    addresses.iter().map(Bound::new).collect()
}

/// A runtime for one thread. A `LocalSet` would do as well, but wakes itself by a system call for
/// every event.
fn local_runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

/// Serves until `plan.stop` is cancelled and every connection has ended or the drain time-out has
/// passed. `make` is called once in each worker's thread.
///
/// # Errors
/// When a thread, a runtime or a service cannot be made. Nothing was accepted then.
pub fn run<S, F>(plan: Plan, make: F) -> Result<(), BoxError>
where
    S: Service,
    F: Fn(usize) -> Result<S, BoxError> + Send + Sync + 'static,
{
    let make = Arc::new(make);
    let limits = Arc::new(plan.limits);
    let mut workers = Vec::with_capacity(plan.workers.max(1));
    for index in 0..plan.workers.max(1) {
        let make = Arc::clone(&make);
        workers.push(worker::Worker::start(
            format!("{}-{index}", plan.name),
            worker::Setting {
                limits: Arc::clone(&limits),
                tls: plan.tls.clone(),
                stop: plan.stop.clone(),
            },
            move || make(index),
        )?);
    }
    let handles = workers.iter().map(worker::Worker::handle).collect();
    let accepted = accept::run(plan.listeners, handles, &plan.connections, &plan.stop);
    plan.stop.cancel();
    for worker in workers {
        worker.join();
    }
    Ok(accepted?)
}
