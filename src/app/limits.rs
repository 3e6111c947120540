//! The limits of the public address, and the file descriptors that they need.

use crate::config::{Carried, Config};
use crate::forward::queue::Bounds;
use crate::server::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the configuration says, as far as the system lets it.
pub(super) fn of(config: &Config) -> Limits {
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

/// The same with new bounds, as far as they change while serving: the time-outs do not.
pub(super) fn reloaded(running: &Limits, config: &Config) -> Limits {
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
