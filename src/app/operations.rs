//! The operations address: `/healthz`, `/readyz` and `/metrics`, and nothing of them in public.

use super::health::{Asked, Upstream};
use super::material::Material;
use crate::domain::settings::DAY_MILLIS;
use crate::forward::queue::Queue;
use crate::server::{self, Bound, Connections, Crowded, Fault, Faults, Limits, Peer, Plan, Pulse};
use crate::store::Registry;
use crate::store::sqlite::Database;
use crate::telemetry::metrics::{EXPIRING, Metrics};
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use std::cell::Cell;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long whoever was accepted may take to be answered when it ends, as at a handover: an answer may wait
/// for the upstream. Connections between requests end at once.
const ENDING: Duration = Duration::from_secs(3);
/// How long a count of tokens is good for: it is the one figure that costs a query.
const COUNT_FOR: Duration = Duration::from_secs(10);

/// What the operations address needs.
pub(super) struct Desk {
    pub(super) listeners: Vec<Bound>,
    /// Told once the public address is served; closed when it never will be.
    pub(super) opened: mpsc::Receiver<()>,
    pub(super) database: Database,
    pub(super) upstream: Upstream,
    pub(super) metrics: Arc<Metrics>,
    pub(super) connections: Arc<Connections>,
    pub(super) material: Material,
    pub(super) faults: Arc<Faults>,
    pub(super) queue: Arc<Queue>,
    /// Cancelled when the house is told to stop: it is not ready any more.
    pub(super) draining: CancellationToken,
    /// Cancelled before that when another process serves: the service stays ready.
    pub(super) handed: CancellationToken,
    /// Cancelled when it has stopped, or another process serves.
    pub(super) stop: CancellationToken,
}

/// A running desk.
pub(super) struct Running(JoinHandle<()>);

impl Running {
    pub(super) fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the operations address crashed");
        }
    }
}

/// Serves it in threads of its own, so that it answers while every worker is busy.
pub(super) fn start(desk: Desk) -> Running {
    let plan = Plan {
        name: "operations",
        listeners: desk.listeners,
        tls: None,
        workers: 1,
        limits: Arc::new(ArcSwap::from_pointee(Limits {
            drain_timeout: ENDING,
            ..Limits::default()
        })),
        connections: Arc::default(),
        faults: Arc::default(),
        stop: desk.stop,
        pulse: Pulse::default(),
        opening: Box::new(move || Ok(desk.opened.recv()?)),
    };
    let (database, upstream, metrics) = (desk.database, desk.upstream, desk.metrics);
    let (connections, faults) = (desk.connections, desk.faults);
    let (draining, handed) = (desk.draining, desk.handed);
    let material = desk.material;
    let queue = desk.queue;
    Running(std::thread::spawn(move || {
        let served = server::run(plan, move |_| {
            Ok(Clerk {
                database: database.clone(),
                upstream: upstream.open()?,
                metrics: Arc::clone(&metrics),
                connections: Arc::clone(&connections),
                faults: Arc::clone(&faults),
                queue: Arc::clone(&queue),
                draining: draining.clone(),
                handed: handed.clone(),
                material: material.clone(),
                counted: Cell::new(None),
            })
        });
        if let Err(error) = served {
            tracing::error!(error, "the operations address cannot be served");
        }
    }))
}

struct Clerk {
    database: Database,
    upstream: Asked,
    metrics: Arc<Metrics>,
    connections: Arc<Connections>,
    faults: Arc<Faults>,
    queue: Arc<Queue>,
    draining: CancellationToken,
    handed: CancellationToken,
    material: Material,
    counted: Cell<Option<Instant>>,
}

impl server::Service for Clerk {
    type Body = Full<Bytes>;

    async fn call(&self, _peer: Peer, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".into());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => self.ready().await,
            "/metrics" => self.metrics(),
            _ => {
                let places = "there are /healthz, /readyz and /metrics\n";
                text(StatusCode::NOT_FOUND, places.to_owned())
            }
        }
    }

    fn crashed(&self) -> Response<Full<Bytes>> {
        text(StatusCode::INTERNAL_SERVER_ERROR, "this request crashed\n".to_owned())
    }
}

impl Clerk {
    async fn ready(&self) -> Response<Full<Bytes>> {
        // Who came just before the other process did asks about the service, which is that one's.
        if self.draining.is_cancelled() && !self.handed.is_cancelled() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
        }
        let store = self.database.health().map_err(|error| error.to_string());
        let upstream = self.upstream.check().await;
        let line = |what: &str, outcome: &Result<(), String>| match outcome {
            Ok(()) => format!("{what}: ok\n"),
            Err(why) => format!("{what}: {why}\n"),
        };
        let status = if store.is_ok() && upstream.is_ok() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        text(status, line("store", &store) + &line("upstream", &upstream))
    }

    fn count(&self) -> anyhow::Result<()> {
        let now = super::now()?;
        let mut registry = self.database.registry()?;
        let until = |days: u32| now.plus_millis(i64::from(days) * DAY_MILLIS);
        let expiring: Result<Vec<u64>, _> =
            EXPIRING.iter().map(|(_, days)| registry.count_expiring(now, until(*days))).collect();
        let (tokens, trail) = (registry.count_tokens(now)?, registry.trail_head()?.entries);
        self.metrics.set_store(tokens, &expiring?, trail);
        Ok(())
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        if self.counted.get().is_none_or(|at| at.elapsed() >= COUNT_FOR) {
            // A store in trouble shows in the other figures; the last count stands.
            if self.count().is_ok() {
                self.counted.set(Some(Instant::now()));
            }
        }
        self.metrics.set_connections(self.connections.open(), self.connections.total());
        self.material.measure(&self.metrics);
        for why in Crowded::ALL {
            self.metrics.set_connections_refused(why.name(), self.connections.refused(why));
        }
        for fault in Fault::ALL {
            self.metrics.set_framing_errors(fault.name(), self.faults.count(fault));
        }
        self.metrics.set_upstream(self.queue.under_way(), self.queue.waiting());
        let mut response = text(StatusCode::OK, self.metrics.text());
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
