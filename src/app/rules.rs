//! What the gate goes by, out of a configuration.

use crate::config::{Config, Origin};
use crate::gate::Rules;
use crate::server::Bound;

/// What clients call the house: what the configuration says, or the first address it listens on.
pub(super) fn public_origin(config: &Config, listeners: &[Bound]) -> Origin {
    if let Some(public) = &config.server.public_url {
        return public.clone();
    }
    let prefix = config.prefix().to_owned();
    let first = listeners.iter().find_map(Bound::tcp_address);
    let authority = first.map_or_else(|| "localhost".to_owned(), |address| address.to_string());
    let host = first.map_or_else(|| "localhost".to_owned(), |address| address.ip().to_string());
    let https = config.server.tls.is_some();
    Origin { https, host, port: first.map_or(0, |address| address.port()), authority, prefix }
}

/// What of the configuration the gate goes by.
pub(super) fn of(config: &Config, prefix: &str) -> Rules {
    Rules {
        kind: config.upstream.kind,
        prefix: prefix.to_owned(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        people_pass: config.access.people_pass,
        anonymous_read: config.access.anonymous_read,
        shared_identity: config.shared_identity(),
        protections: config.push.protections.clone(),
        own: config.rules.clone(),
        push_options: config.push.refuse_options.clone(),
        lfs_other_hosts: config.lfs.other_hosts,
        idle_timeout: config.server.idle_timeout,
        max_body: config.server.max_body,
        headers: config.limits.headers,
        requests_per_token: config.limits.requests_per_token,
        requests_per_address: config.limits.requests_per_address,
    }
}
