//! What each worker is built from, in its own thread: a reader of the store, a way upstream, a gate.

use super::endings::Endings;
use super::side_door::Door;
use crate::auth::ticket::Tickets;
use crate::auth::vault::Vault;
use crate::config::{Config, Origin, Target};
use crate::forward::body::Body;
use crate::forward::http_backend::{self, Folder, HttpBackend};
use crate::forward::queue::Queue;
use crate::forward::{Forwarder, RemoteError, RemoteHost, UpstreamTls};
use crate::gate::{Complaints, Gate, Ids, Rates, Recorded, Rules, Ways};
use crate::manage::clerks::Clerks;
use crate::manage::login::Logins;
use crate::server::{self, BoxError, Peer};
use crate::store::sqlite::Database;
use crate::telemetry::GuestBook;
use crate::telemetry::log::LineWriter;
use crate::telemetry::metrics::Metrics;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Tokens that each worker keeps in memory, in front of its reader.
const REMEMBERED: usize = 16 * 1024;

/// What every worker builds its gate from.
pub(super) struct Workers {
    pub(super) back_door: BackDoor,
    pub(super) queue: Arc<Queue>,
    pub(super) config: Arc<Config>,
    pub(super) database: Database,
    pub(super) rules: Arc<ArcSwap<Rules>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: Arc<LineWriter>,
    pub(super) complaints: Arc<Complaints>,
    pub(super) rates: Arc<Rates>,
    pub(super) vault: Option<Arc<Vault>>,
    pub(super) tickets: Arc<Tickets>,
    pub(super) logins: Arc<Logins>,
    pub(super) clerks: Clerks,
}

impl Workers {
    /// The gate of the worker whose thread this is.
    pub(super) fn gate(&self) -> Result<Attendant, BoxError> {
        let reader = self.database.reader(super::reading(&self.config), REMEMBERED)?;
        let book = GuestBook::new(self.log.lines(), Arc::clone(&self.metrics));
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let ids = Ids::starting_at(u64::from_ne_bytes(random));
        let host = self.back_door.host(&self.config)?;
        let door = Door::new(&self.config, host, &self.logins, &self.clerks);
        let ways = Ways {
            forwarder: self.back_door.open(&self.config)?,
            queue: Arc::clone(&self.queue),
            rates: Arc::clone(&self.rates),
            vault: self.vault.clone(),
            tickets: Arc::clone(&self.tickets),
            side_door: Box::new(door),
            registrar: Rc::new(Endings::new(&self.config, &self.clerks)),
        };
        let rules = Arc::clone(&self.rules);
        let complaints = Arc::clone(&self.complaints);
        let gate = Gate::new(rules, Box::new(reader), ways, book, complaints, ids);
        Ok(Attendant(gate))
    }
}

/// The gate as the server's service.
pub(super) struct Attendant(Gate);

impl server::Service for Attendant {
    type Body = Recorded;

    fn call(
        &self,
        peer: Peer,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Recorded>> {
        self.0.handle(peer.address, request)
    }

    fn crashed(&self) -> Response<Recorded> {
        tracing::error!("a request crashed; the process goes on");
        let body = Full::new(Bytes::from_static(b"gitlatch: this request crashed the server\n"));
        let mut response = Response::new(Recorded::unrecorded(Body::Ready(body)));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}

/// What is read once for the ways upstream of all workers.
#[derive(Clone)]
pub(super) enum BackDoor {
    Remote { public: Origin, tls: Option<UpstreamTls> },
    Folder { public: Origin, tls: Option<UpstreamTls>, program: PathBuf, folder: Folder },
}

impl BackDoor {
    /// Finds git's backend and its folder, where there is no host.
    pub(super) fn new(
        config: &Config,
        public: Origin,
        tls: Option<UpstreamTls>,
    ) -> anyhow::Result<Self> {
        Ok(match &config.upstream.target {
            Target::Url(_) => Self::Remote { public, tls },
            Target::Folder { repositories, http_backend, .. } => Self::Folder {
                public,
                tls,
                program: http_backend::find(http_backend.as_deref())?,
                folder: Folder::open(repositories)?,
            },
        })
    }

    /// A host that can be asked for passwords, if there is one. It is another one than that which
    /// requests go to, so that nothing is shared with them.
    pub(super) fn host(&self, config: &Config) -> Result<Option<RemoteHost>, RemoteError> {
        match (self, &config.upstream.target) {
            (Self::Remote { public, tls }, Target::Url(remote)) => {
                RemoteHost::new(remote, public, tls.as_ref()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The way upstream of one worker.
    fn open(&self, config: &Config) -> Result<Forwarder, BoxError> {
        match (self, &config.upstream.target) {
            (Self::Remote { public, tls }, Target::Url(remote)) => {
                let host = RemoteHost::new(remote, public, tls.as_ref())?;
                Ok(Forwarder::Remote(Box::new(host)))
            }
            (
                Self::Folder { public, tls, program, folder },
                Target::Folder { service_user, lfs, .. },
            ) => {
                let (program, folder) = (program.clone(), folder.clone());
                let backend = HttpBackend::new(program, folder, service_user.clone());
                let lfs = lfs.as_deref().map(|lfs| RemoteHost::new(lfs, public, tls.as_ref()));
                Ok(Forwarder::Folder(backend, lfs.transpose()?.map(Box::new)))
            }
            _ => Err("the way upstream is of another kind than the configuration".into()),
        }
    }
}
