//! Why connections ended that did not end well: what hyper refuses never gets to a service.

use hyper::Error;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A head that is no HTTP, or could be read in two ways: answered with 400.
    Parse,
    /// A head with too many bytes or lines (431), or too long a target (414).
    TooLarge,
    /// A head that did not come in time; a connection on which nothing came is one of them.
    Timeout,
    /// A connection that ended within a request or an answer.
    BrokenOff,
    /// HTTP/2 that breaks the protocol.
    Protocol,
    /// HTTP/2 with more resets, continuations or empty frames than anybody needs.
    Flood,
    /// A header of the PROXY protocol that is missing or malformed, or did not come in time.
    ProxyProtocol,
    /// Anything else, of which the socket is the most.
    Other,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Parse,
        Self::TooLarge,
        Self::Timeout,
        Self::BrokenOff,
        Self::Protocol,
        Self::Flood,
        Self::ProxyProtocol,
        Self::Other,
    ];

    /// Its name in metrics and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::TooLarge => "too-large",
            Self::Timeout => "timeout",
            Self::BrokenOff => "broken-off",
            Self::Protocol => "protocol",
            Self::Flood => "flood",
            Self::ProxyProtocol => "proxy-protocol",
            Self::Other => "other",
        }
    }

    /// What an ended connection ended with.
    pub(super) fn of(error: &Error) -> Self {
        let source = std::error::Error::source(error);
        let http2 = source.and_then(|source| source.downcast_ref::<h2::Error>());
        match http2 {
            Some(error) if error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM) => Self::Flood,
            Some(_) => Self::Protocol,
            None if error.is_parse_too_large() => Self::TooLarge,
            None if error.is_parse() => Self::Parse,
            None if error.is_timeout() => Self::Timeout,
            None if error.is_incomplete_message() || error.is_body_write_aborted() => {
                Self::BrokenOff
            }
            None => Self::Other,
        }
    }
}

/// How often each of them was met.
#[derive(Debug, Default)]
pub struct Faults([AtomicU64; Fault::ALL.len()]);

impl Faults {
    /// How often since the start.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.0.get(fault as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, fault: Fault) {
        if let Some(count) = self.0.get(fault as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
