//! The house: everything that serves, built from a configuration, and run until it is told to stop.

use super::beside::Beside;
use super::material::Material;
use super::workers::{BackDoor, Workers};
use super::{health, limits, operations, preflight, reach, redirect, reload, rules};
use crate::auth::ticket::{TicketKey, Tickets};
use crate::auth::vault::Vault;
use crate::config::{Config, Origin};
use crate::forward::queue::Queue;
use crate::gate::Rules;
use crate::manage::clerks::Clerks;
use crate::server::{self, Bound, Connections, Faults, Inherited, Opening, Plan, Pulse, Shared};
use crate::store::sqlite::Database;
use crate::telemetry::log::LineWriter;
use crate::telemetry::metrics::Metrics;
use arc_swap::ArcSwap;
use std::io::{self, Write};
use std::mem;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use tokio_util::sync::CancellationToken;

/// Everything that serves, built and bound, but not yet running.
pub struct House {
    config: Arc<Config>,
    public: Origin,
    listeners: Vec<Bound>,
    plain: Vec<Bound>,
    operations: Vec<Bound>,
    material: Material,
    database: Database,
    rules: Arc<ArcSwap<Rules>>,
    limits: limits::InForce,
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    /// Cancelled before `stop` when another process serves on its sockets.
    pub(super) handed: CancellationToken,
    pub(super) pulse: Pulse,
    pub(super) key: Arc<TicketKey>,
}

impl House {
    /// Opens the store, binds the addresses and loads the certificates.
    ///
    /// # Errors
    /// When any of it fails, with what failed and why.
    pub fn build(config: Config) -> anyhow::Result<Self> {
        let key = TicketKey::generate()?;
        Self::on(config, &mut Inherited::default(), key)
    }

    /// As [`House::build`], on sockets some of which are there already, with this key of tickets.
    pub(super) fn on(
        config: Config,
        inherited: &mut Inherited,
        key: TicketKey,
    ) -> anyhow::Result<Self> {
        let database = Database::open(&config.store.path)?;
        let names = preflight::names(&config, &database)?;
        anyhow::ensure!(names.is_empty(), names.join("; "));
        let material = Material::load(&config)?;
        let all = config.server.listen.iter().chain(&config.server.redirect_listen);
        inherited.expect(all.chain(&config.operations.listen));
        let listeners = inherited.bind(&config.server.listen, config.server.unix)?;
        let plain = inherited.bind(&config.server.redirect_listen, config.server.unix)?;
        let operations = inherited.bind(config.operations.listen.as_slice(), config.server.unix)?;
        reach::warn(&config, &listeners, &operations, inherited);
        let public = rules::public_origin(&config, &listeners);
        let rules = Arc::new(ArcSwap::from_pointee(rules::of(&config, &public.prefix)));
        let limits = limits::InForce::new(&config);
        let mut metrics = Metrics::default();
        if health::interval(&config).is_some() {
            metrics.watch_upstream();
        }
        Ok(Self {
            public,
            listeners,
            plain,
            operations,
            material,
            database,
            rules,
            limits,
            queue: Queue::new(limits::queue(&config)),
            metrics: Arc::new(metrics),
            stop: CancellationToken::new(),
            handed: CancellationToken::new(),
            pulse: Pulse::default(),
            key: Arc::new(key),
            config: Arc::new(config),
        })
    }

    /// The first TCP address that it listens on.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listeners.iter().find_map(Bound::tcp_address)
    }

    /// Cancelling it drains and ends [`House::run`].
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Its sockets, for another process.
    pub(super) fn share(&self) -> io::Result<Vec<Shared>> {
        self.listeners.iter().chain(&self.plain).chain(&self.operations).map(Bound::share).collect()
    }

    pub(super) fn reloader(&self, path: PathBuf) -> reload::Reloader {
        reload::Reloader::new(
            path,
            &self.config,
            reload::InForce {
                rules: self.rules.clone(),
                limits: self.limits.clone(),
                material: self.material.clone(),
                queue: self.queue.clone(),
            },
        )
    }

    /// Serves what there is beside the public address, once that one is served.
    fn beside(
        &mut self,
        connections: &Arc<Connections>,
        faults: &Arc<Faults>,
        back_door: &BackDoor,
    ) -> Beside {
        let mut beside = Beside::new(self.handed.clone());
        let (operations, plain) = (mem::take(&mut self.operations), mem::take(&mut self.plain));
        beside.operations(operations, |listeners, opened, stop| operations::Desk {
            listeners,
            opened,
            database: self.database.clone(),
            upstream: health::Upstream::new(&self.config, back_door),
            metrics: Arc::clone(&self.metrics),
            connections: Arc::clone(connections),
            material: self.material.clone(),
            faults: Arc::clone(faults),
            queue: Arc::clone(&self.queue),
            draining: self.stop.clone(),
            handed: self.handed.clone(),
            stop,
        });
        beside.redirect(plain, |listeners, opened| redirect::Turnpike {
            listeners,
            public: self.public.clone(),
            limits: Arc::clone(&self.limits.plain),
            opened,
            stop: self.stop.clone(),
        });
        beside
    }

    /// Serves until it is told to stop. Request lines go to standard output.
    ///
    /// # Errors
    /// When a worker cannot be started.
    pub fn run(self) -> anyhow::Result<()> {
        self.run_with_log(Box::new(std::io::stdout()))
    }

    /// As [`House::run`], with the request lines elsewhere.
    ///
    /// # Errors
    /// When a worker cannot be started.
    pub fn run_with_log(self, log: Box<dyn Write + Send>) -> anyhow::Result<()> {
        self.run_with(log, Box::new(|| Ok(())))
    }

    /// `opening` is called before the first connection is accepted, when nothing else can fail.
    pub(super) fn run_with(
        mut self,
        log: Box<dyn Write + Send>,
        opening: Opening,
    ) -> anyhow::Result<()> {
        let (connections, faults) = (Arc::<Connections>::default(), Arc::<Faults>::default());
        let metrics = Arc::clone(&self.metrics);
        let log = Arc::new(LineWriter::start(self.config.log.json, metrics, log)?);
        let maintenance = self.database.serve()?;
        announce(&self.listeners);
        let closing = CancellationToken::new();
        let upstream_tls = self.material.upstream();
        let back_door = BackDoor::new(&self.config, self.public.clone(), upstream_tls)?;
        let mut beside = self.beside(&connections, &faults, &back_door);
        let watch = self.material.watch(closing.clone())?;
        let (clerks, shift) = Clerks::start(|| Ok::<_, anyhow::Error>(self.database.registry()?))?;
        health::watch(&self.config, &back_door, &self.metrics, &closing)?;
        let workers = Workers {
            vault: vault(&self.config)?,
            tickets: Arc::new(Tickets::new(&self.key)?),
            logins: Arc::default(),
            clerks,
            back_door,
            queue: self.queue,
            config: Arc::clone(&self.config),
            database: self.database,
            rules: self.rules,
            metrics: self.metrics,
            log: Arc::clone(&log),
            complaints: Arc::default(),
            rates: Arc::default(),
        };
        let plan = Plan {
            name: "worker",
            listeners: self.listeners,
            tls: self.material.certificates(),
            workers: worker_count(self.config.server.threads),
            limits: self.limits.public,
            connections,
            faults,
            stop: self.stop.clone(),
            pulse: self.pulse,
            opening: opened(opening, beside.opening()),
        };
        let served = server::run(plan, move |_| workers.gate());
        self.stop.cancel();
        beside.end();
        closing.cancel();
        watch.join();
        // The workers have let go of the clerks, who end with what was begun.
        shift.end();
        drop(maintenance);
        tracing::info!(pid = std::process::id(), "stopped");
        // The thread that writes the log ends last, so that no word of the end waits for a reader.
        drop(log);
        served.map_err(|error| anyhow::anyhow!(error))
    }
}

fn announce(listeners: &[Bound]) {
    for listener in listeners {
        tracing::info!(pid = std::process::id(), address = %listener, "listening");
    }
}

/// Opens the rest once the public address is open.
fn opened(public: Opening, rest: Vec<mpsc::Sender<()>>) -> Opening {
    Box::new(move || {
        public()?;
        for open in rest {
            // Who ended meanwhile has said why.
            let _ = open.send(());
        }
        Ok(())
    })
}

/// The keys to stored credentials, in mode `stored`.
fn vault(config: &Config) -> anyhow::Result<Option<Arc<Vault>>> {
    let Some(keys) = config.keys() else { return Ok(None) };
    let again = keys.clone();
    let read_again = move || again.read().map_err(|error| error.to_string());
    Ok(Some(Arc::new(Vault::new(keys.ring()?, read_again))))
}

/// One worker a core, unless the configuration says otherwise.
fn worker_count(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    }
}
