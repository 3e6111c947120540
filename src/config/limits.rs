//! `[limits]`: how much is taken at once, and what that needs of the system.

use crate::domain::rate::Rate;
use std::time::Duration;

/// Descriptors that each connection of a client may need: its own, and that to the host.
const EACH: u64 = 2;
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
}

impl Limits {
    /// The file descriptors that the process needs for as many connections.
    #[must_use]
    pub const fn descriptors(&self) -> u64 {
        (self.connections as u64).saturating_mul(EACH).saturating_add(BESIDES)
    }

    /// The most connections that so many descriptors carry, and no more than are configured; at least 1.
    #[must_use]
    pub fn carried(&self, descriptors: u64) -> usize {
        let most = usize::try_from(descriptors.saturating_sub(BESIDES) / EACH);
        most.unwrap_or(usize::MAX).clamp(1, self.connections.max(1))
    }
}
