//! `[limits]`: how much is taken at once, and what that needs of the system.

use crate::domain::rate::Rate;
use std::time::Duration;

/// Descriptors for everything else: listening sockets, the store, unused connections to the host, pipes.
const BESIDES: u64 = 256;

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of clients that are open at once.
    pub connections: usize,
    /// Those of one address, or of one network of /64, among them.
    pub connections_per_address: usize,
    /// Bytes of a request's head.
    pub header_bytes: u32,
    /// Header lines of a request.
    pub headers: usize,
    /// HTTP/2: streams that one connection has open at once.
    pub streams: u32,
    /// HTTP/2: how many more streams a client may reset than it lets come to their end.
    pub resets: usize,
    /// How often one token may ask; `None` is as often as it likes.
    pub requests_per_token: Option<Rate>,
    /// How often one address, or one network of /64, may; `None` is as often as it likes.
    pub requests_per_address: Option<Rate>,
    /// Requests that are under way upstream at once.
    pub upstream_requests: usize,
    /// Requests that may wait for one of those to end.
    pub upstream_waiting: usize,
    /// For how long each of them may.
    pub upstream_wait: Duration,
    /// How many of one token, or of one address without a token, may be under way upstream or wait; `None`
    /// is as many as there are.
    pub upstream_share: Option<usize>,
}

/// What so many descriptors carry, and no more than is configured; each at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Connections of clients.
    pub connections: usize,
    /// Requests under way upstream.
    pub upstream_requests: usize,
}

impl Limits {
    /// The file descriptors that the process needs: one for each connection of a client, and one to the
    /// host for each of them; more of those where one connection may have many requests under way (HTTP/2).
    #[must_use]
    pub fn descriptors(&self) -> u64 {
        let (connections, upstream) = (self.connections as u64, self.upstream_requests as u64);
        connections.saturating_add(connections.max(upstream)).saturating_add(BESIDES)
    }

    /// What so many descriptors carry. Where they are too few, connections get half of them at most.
    #[must_use]
    pub fn carried(&self, descriptors: u64) -> Carried {
        let room = usize::try_from(descriptors.saturating_sub(BESIDES)).unwrap_or(usize::MAX);
        let connections = (room / 2).clamp(1, self.connections.max(1));
        let left = room.saturating_sub(connections);
        Carried { connections, upstream_requests: left.clamp(1, self.upstream_requests.max(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `connections` and `upstream_requests`, the descriptors that they need, how many there are, and how
    /// many of each those carry.
    #[test]
    fn descriptors_carry_both_sides() {
        for (connections, upstream, needed, there, carried) in [
            (8192, 1024, 16_640, u64::MAX, (8192, 1024)),
            (8192, 1024, 16_640, 16_640, (8192, 1024)),
            (8192, 1024, 16_640, 4096, (1920, 1024)),
            (8192, 1024, 16_640, 1024, (384, 384)),
            (8192, 1024, 16_640, 260, (2, 2)),
            (8192, 1024, 16_640, 0, (1, 1)),
            (100, 5000, 5356, 5356, (100, 5000)),
            (100, 5000, 5356, 5355, (100, 4999)),
            (100, 5000, 5356, 356, (50, 50)),
        ] {
            let limits = Limits {
                connections,
                connections_per_address: 1,
                header_bytes: 1,
                headers: 1,
                streams: 1,
                resets: 1,
                requests_per_token: None,
                requests_per_address: None,
                upstream_requests: upstream,
                upstream_waiting: 1,
                upstream_wait: Duration::ZERO,
                upstream_share: None,
            };
            assert_eq!(limits.descriptors(), needed, "{connections} {upstream}");
            let got = limits.carried(there);
            assert_eq!((got.connections, got.upstream_requests), carried, "{there}");
        }
    }
}
