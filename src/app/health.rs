//! Looks after the upstream: whether it takes connections, for the operator, who hears it from the log, or asks.
//! It decides about no request.

use super::workers::BackDoor;
use crate::config::{Config, Target};
use crate::forward::http_backend::Folder;
use crate::forward::{ForwardError, RemoteError, RemoteHost};
use crate::telemetry::metrics::Metrics;
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long the upstream may take to accept a connection before it counts as unreachable for who asks.
const REACH: Duration = Duration::from_secs(2);

/// What readiness asks of the upstream, for the threads that are asked.
#[derive(Clone)]
pub(super) struct Upstream {
    config: Arc<Config>,
    way: BackDoor,
}

impl Upstream {
    pub(super) fn new(config: &Arc<Config>, way: &BackDoor) -> Self {
        Self { config: Arc::clone(config), way: way.clone() }
    }

    /// It, for the thread that calls this.
    pub(super) fn open(&self) -> Result<Asked, RemoteError> {
        let folder = match &self.config.upstream.target {
            Target::Url(_) => None,
            Target::Folder { repositories, .. } => Some(repositories.clone()),
        };
        Ok(Asked { host: self.way.host(&self.config)?, folder })
    }
}

/// The upstream, as one thread asks it: a host, or a folder.
pub(super) struct Asked {
    host: Option<RemoteHost>,
    folder: Option<PathBuf>,
}

impl Asked {
    /// Whether a request would reach it; at a host with an `https` URL both sides' certificates count.
    pub(super) async fn check(&self) -> Result<(), String> {
        if let Some(folder) = &self.folder {
            Folder::open(folder).map_err(|error| error.to_string())?;
        }
        let Some(host) = &self.host else { return Ok(()) };
        match tokio::time::timeout(REACH, host.reach()).await {
            Ok(reached) => reached.map_err(|error| match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            }),
            Err(_elapsed) => Err("no connection in time".to_owned()),
        }
    }
}

/// How often the host is looked after, where there is one and somebody wants that.
pub(super) fn interval(config: &Config) -> Option<Duration> {
    match &config.upstream.target {
        Target::Url(remote) => remote.health_interval,
        Target::Folder { .. } => None,
    }
}

/// Watches in a thread of its own until `stop` is cancelled, where there is something to watch. Nobody waits
/// for its end: it has nothing to lose.
pub(super) fn watch(
    config: &Arc<Config>,
    back_door: &BackDoor,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let Some(interval) = interval(config) else { return Ok(()) };
    let (config, metrics, stop) = (Arc::clone(config), Arc::clone(metrics), stop.clone());
    let way = back_door.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("health".to_owned()).spawn(move || {
        // What cannot be made here cannot be made for a worker either, and ends the start.
        let Ok(Some(host)) = way.host(&config) else { return };
        runtime.block_on(async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = look_after(&host, interval, &metrics) => {}
            }
        });
    })?;
    Ok(())
}

async fn look_after(host: &RemoteHost, interval: Duration, metrics: &Metrics) {
    let mut away: Option<Instant> = None;
    loop {
        let reached = host.reach().await;
        metrics.set_upstream_up(reached.is_ok());
        match (reached, away) {
            (Ok(()), Some(since)) => {
                away = None;
                let seconds = since.elapsed().as_secs();
                tracing::info!(seconds, "the upstream can be reached again");
            }
            (Err(error), None) => {
                away = Some(Instant::now());
                tell(&error);
            }
            (Ok(()), None) | (Err(_), Some(_)) => {}
        }
        tokio::time::sleep(interval).await;
    }
}

fn tell(error: &ForwardError) {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(cause, "the upstream is away: {error}");
}
