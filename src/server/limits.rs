//! What a server and each of its connections is held to.

use crate::domain::client::TrustedProxies;
use std::time::Duration;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a client may take to send the head of a request, and may idle between two; over HTTP/2,
    /// how long no request need be open.
    pub header_timeout: Duration,
    /// How long a client may leave untaken what it is sent, while it sends nothing itself; over HTTP/2,
    /// what it asked for, whatever else it sends.
    pub idle_timeout: Duration,
    /// How long running transfers may go on once the server is told to stop.
    pub drain_timeout: Duration,
    /// Connections that are open at once.
    pub connections: usize,
    /// Those of one address, or of one network of /64, among them.
    pub connections_per_address: usize,
    /// Peers that are many clients, which no limit for one address holds for.
    pub trusted: TrustedProxies,
    /// Peers whose connections begin with a header of the PROXY protocol, which says whose they are.
    pub proxies: TrustedProxies,
    /// Bytes of a request's head.
    pub header_bytes: u32,
    /// Header lines of a request, over HTTP/1.
    pub headers: usize,
    /// HTTP/2: streams that one connection has open at once.
    pub streams: u32,
    /// HTTP/2: how many more streams a client may reset than it lets come to their end.
    pub resets: usize,
}

impl Default for Limits {
    /// Those of a server for a few clients of the operator's own.
    fn default() -> Self {
        let patience = Duration::from_secs(10);
        Self {
            header_timeout: patience,
            idle_timeout: patience,
            drain_timeout: Duration::ZERO,
            connections: 256,
            connections_per_address: 256,
            trusted: TrustedProxies::default(),
            proxies: TrustedProxies::default(),
            header_bytes: 64 * 1024,
            headers: 100,
            streams: 128,
            resets: 32,
        }
    }
}
