//! The street: accepts connections, hands them out evenly, and serves them. It serves any service and
//! knows nothing of Git.
//!
//! One thread accepts. Each worker is one thread with a runtime of its own and everything that its
//! service holds, so nothing on the path of a request is shared or locked. A connection goes to the
//! worker with the fewest; `SO_REUSEPORT` would leave that to a hash of the addresses.

mod accept;
mod connection;
mod connections;
mod date;
mod faults;
mod impatient;
mod inherited;
mod limits;
mod listener;
mod proxy_protocol;
mod pulse;
mod rarely;
mod streams;
pub mod tls;
mod turned_away;
mod worker;

pub use connections::{Connections, Crowded};
pub use faults::{Fault, Faults};
pub use inherited::{Inherited, InheritedError};
pub use limits::Limits;
pub use listener::{Bound, Custody, ListenError, Shared};
pub use pulse::Pulse;

use crate::config::{Listen, UnixAccess};
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
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

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => address.fmt(f),
            None => f.write_str("unix"),
        }
    }
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
    /// Time-outs and bounds. What is put there later holds for connections that begin from then on.
    pub limits: Arc<ArcSwap<Limits>>,
    /// Counted here.
    pub connections: Arc<Connections>,
    /// Connections that did not end well are counted here.
    pub faults: Arc<Faults>,
    /// Cancelling it stops accepting and drains.
    pub stop: CancellationToken,
    /// By which the accepting thread and the workers can be asked whether they still come round.
    pub pulse: Pulse,
    /// Called once every worker is there and before anything is accepted. An error ends it all.
    pub opening: Opening,
}

/// What happens between the making of the workers and the first connection.
pub type Opening = Box<dyn FnOnce() -> Result<(), BoxError> + Send>;

/// Binds the addresses, of which nothing is there already.
///
/// # Errors
/// The first that cannot be bound, with its name.
pub fn bind(addresses: &[Listen]) -> Result<Vec<Bound>, ListenError> {
    Inherited::default().bind(addresses, UnixAccess::default())
}

/// A runtime for one thread. A `LocalSet` would do as well, but wakes itself by a system call for
/// every event.
fn local_runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

/// Spawns the tasks of an HTTP/2 connection on the worker that it belongs to.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

/// Serves until `plan.stop` is cancelled and every connection has ended or the drain time-out has
/// passed. `make` is called once in each worker's thread.
///
/// Accepting ends first, and only then are the workers told: what was accepted is served.
///
/// # Errors
/// When a thread, a runtime or a service cannot be made, or `plan.opening` fails. Nothing was accepted
/// then.
pub fn run<S, F>(plan: Plan, make: F) -> Result<(), BoxError>
where
    S: Service,
    F: Fn(usize) -> Result<S, BoxError> + Send + Sync + 'static,
{
    let make = Arc::new(make);
    let drain = CancellationToken::new();
    let mut workers = Vec::with_capacity(plan.workers.max(1));
    for index in 0..plan.workers.max(1) {
        let make = Arc::clone(&make);
        workers.push(worker::Worker::start(
            format!("{}-{index}", plan.name),
            worker::Setting {
                limits: Arc::clone(&plan.limits),
                faults: Arc::clone(&plan.faults),
                tls: plan.tls.clone(),
                stop: drain.clone(),
                pulse: plan.pulse.clone(),
            },
            move || make(index),
        )?);
    }
    let handles = workers.iter().map(worker::Worker::handle).collect();
    let name = format!("{}-accept", plan.name);
    let door = accept::Door {
        workers: handles,
        connections: plan.connections,
        limits: plan.limits,
        tls: plan.tls.is_some(),
        doorman: turned_away::Doorman::default(),
    };
    let accepted = (plan.opening)().and_then(|()| {
        Ok(accept::run(plan.listeners, door, &plan.stop, || plan.pulse.join(&name))?)
    });
    plan.stop.cancel();
    drain.cancel();
    for worker in workers {
        worker.join();
    }
    accepted
}
