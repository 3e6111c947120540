//! The limits of the public address, and the file descriptors that they need.

use crate::config::{Carried, Config};
use crate::forward::queue::Bounds;
use crate::server::Limits;
use arc_swap::ArcSwap;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use std::time::Duration;

/// What the plain port is held to at most: it answers at once, and keeps nobody.
const PLAIN_CONNECTIONS: usize = 256;
/// Of the connections of the plain port one address has at most one in so many, so that nobody closes it
/// for everybody else.
const PLAIN_SHARE: usize = 8;
/// How long the plain port may go on once it is told to stop.
const PLAIN_DRAIN: Duration = Duration::from_secs(2);

/// The limits in force, of each port.
#[derive(Clone)]
pub(super) struct InForce {
    /// Of the public address.
    pub(super) public: Arc<ArcSwap<Limits>>,
    /// Of the plain port.
    pub(super) plain: Arc<ArcSwap<Limits>>,
}

impl InForce {
    /// What the configuration says.
    pub(super) fn new(config: &Config) -> Self {
        let public = of(config);
        let plain = Arc::new(ArcSwap::from_pointee(plain(&public)));
        Self { public: Arc::new(ArcSwap::from_pointee(public)), plain }
    }

    /// Puts new bounds in force, as far as they change while serving: the time-outs do not.
    pub(super) fn reload(&self, config: &Config) {
        let public = reloaded(&self.public.load(), config);
        self.plain.store(Arc::new(plain(&public)));
        self.public.store(Arc::new(public));
    }
}

/// Those of the plain port beside these of the public address.
fn plain(public: &Limits) -> Limits {
    let connections = public.connections.min(PLAIN_CONNECTIONS);
    Limits {
        drain_timeout: PLAIN_DRAIN,
        connections,
        connections_per_address: public
            .connections_per_address
            .min((connections / PLAIN_SHARE).max(1)),
        trusted: public.trusted.clone(),
        proxies: public.proxies.clone(),
        ..Limits::default()
    }
}

/// What the configuration says, as far as the system lets it.
fn of(config: &Config) -> Limits {
    Limits {
        header_timeout: config.server.header_timeout,
        idle_timeout: config.server.idle_timeout,
        drain_timeout: config.server.drain_timeout,
        connections: carried(config).connections,
        connections_per_address: config.limits.connections_per_address,
        trusted: config.server.trusted_proxies.clone(),
        proxies: config.server.proxy_protocol.clone(),
        header_bytes: config.limits.header_bytes,
        headers: config.limits.headers,
        streams: config.limits.streams,
        resets: config.limits.resets,
    }
}

/// The same with new bounds and the old time-outs.
fn reloaded(running: &Limits, config: &Config) -> Limits {
    Limits {
        header_timeout: running.header_timeout,
        idle_timeout: running.idle_timeout,
        drain_timeout: running.drain_timeout,
        ..of(config)
    }
}

/// What the system has file descriptors for.
fn carried(config: &Config) -> Carried {
    config.limits.carried(raise_descriptors(config.limits.descriptors()))
}

/// How much may be under way upstream, as far as the system lets it.
pub(super) fn queue(config: &Config) -> Bounds {
    Bounds {
        requests: carried(config).upstream_requests,
        waiting: config.limits.upstream_waiting,
        wait: config.limits.upstream_wait,
        share: config.limits.upstream_share,
    }
}

/// Sees to it that this process may have so many descriptors, if it is allowed to; how many it may have
/// then. No more than are needed: git and its hooks inherit the limit, and there are programs that walk
/// through every number below it.
fn raise_descriptors(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None is no limit.
    let Some(soft) = current.filter(|soft| *soft < needed) else { return u64::MAX };
    let raised = maximum.map_or(needed, |hard| hard.min(needed));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(error) => {
            tracing::warn!(%error, soft, "the limit of file descriptors cannot be raised");
            soft
        }
    }
}
