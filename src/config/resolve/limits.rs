//! `[limits]`: how much is taken at once.

use super::Environment;
use crate::config::Limits;
use crate::config::read::{Found, Section};
use crate::domain::rate::Rate;

/// More is a slip of the hand: Linux has no more descriptors for one process (`fs.nr_open`).
const MOST: u64 = 1 << 30;
/// hyper reads no head within less (`http1::Builder::max_buf_size`), and a token takes some of it.
const LEAST_HEADER_BYTES: u64 = 8 * 1024;
const MOST_HEADER_BYTES: u64 = 1024 * 1024;
/// git alone sends about ten.
const LEAST_HEADERS: u64 = 16;
/// http's `HeaderMap` has room for 2^15.
const MOST_HEADERS: u64 = 10_000;
const MOST_STREAMS: u64 = 10_000;
const MOST_REQUESTS: u64 = 1_000_000;

/// Reads the section.
pub(super) fn read(section: &mut Section<'_>, environment: &Environment<'_>) -> Option<Limits> {
    let connections = count(section, "connections", 1..=MOST);
    let per_address = count(section, "connections_per_address", 1..=MOST);
    let header_bytes = section.whole("header_bytes", LEAST_HEADER_BYTES..=MOST_HEADER_BYTES);
    let headers = count(section, "headers", LEAST_HEADERS..=MOST_HEADERS);
    let streams = section.whole("streams", 1..=MOST_STREAMS);
    let resets = count(section, "resets", 1..=MOST_STREAMS);
    let upstream_requests = count(section, "upstream_requests", 1..=MOST_REQUESTS);
    let upstream_waiting = count(section, "upstream_waiting", 0..=MOST_REQUESTS);
    let upstream_wait = section.duration("upstream_wait");
    let upstream_share = count(section, "upstream_share", 0..=MOST_REQUESTS);
    let per_token = rate(section, "requests_per_token");
    let requests_per_address = rate(section, "requests_per_address");
    let upstream_requests = upstream_requests?.value;
    let upstream_share = share(section, &upstream_share?, upstream_requests);
    let limits = Limits {
        connections: connections.as_ref()?.value,
        connections_per_address: per_address?.value,
        header_bytes: u32::try_from(header_bytes?.value).ok()?,
        headers: headers?.value,
        streams: u32::try_from(streams?.value).ok()?,
        resets: resets?.value,
        requests_per_token: per_token?.value,
        requests_per_address: requests_per_address?.value,
        upstream_requests,
        upstream_waiting: upstream_waiting?.value,
        upstream_wait: upstream_wait?.value,
        upstream_share,
    };
    if let (Some(connections), true) = (connections, environment.for_serving) {
        check_descriptors(section, &connections, &limits);
    }
    Some(limits)
}

fn count(
    section: &mut Section<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u64>,
) -> Option<Found<usize>> {
    let found = section.whole(key, range)?;
    Some(found.with(usize::try_from(found.value).ok()?))
}

/// The share of one holder: a quarter of all where nobody says otherwise.
fn share(section: &mut Section<'_>, share: &Found<usize>, requests: usize) -> Option<usize> {
    if !share.own {
        return Some((requests / 4).max(1));
    }
    if share.value >= requests && requests > 1 {
        let text = format!(
            "`upstream_share` = {}: one token, or one address without a token, may take all {requests} of \
             `upstream_requests`, and nobody else gets through; take less, or 0 if that is meant",
            share.value
        );
        section.notes.warning(share.place, text);
    }
    Some(share.value).filter(|share| *share > 0)
}

fn rate(section: &mut Section<'_>, key: &'static str) -> Option<Found<Option<Rate>>> {
    section.parsed(key, |text| match text {
        "" => Ok(None),
        _ => Rate::parse(text).map(Some),
    })
}

/// Warns of more connections and requests than the system has descriptors for. The soft limit is raised at start.
fn check_descriptors(section: &mut Section<'_>, connections: &Found<usize>, limits: &Limits) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let Some(limit) = limit.filter(|limit| *limit < limits.descriptors()) else { return };
    let carried = limits.carried(limit);
    let text = format!(
        "`connections` = {} and `upstream_requests` = {} need {} file descriptors, and this process may have \
         {limit}: only {} connections are taken, and {} requests are under way upstream; raise the limit \
         (ulimit -Hn, LimitNOFILE= of systemd)",
        connections.value,
        limits.upstream_requests,
        limits.descriptors(),
        carried.connections,
        carried.upstream_requests,
    );
    section.notes.warning(connections.place, text);
}
