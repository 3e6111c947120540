//! The guest book: one line a request, metrics, and the program's own log. It takes values and knows
//! nobody.
//!
//! What is never written: tokens, passwords, credentials of the upstream, the values of
//! `Authorization` and `Cookie`, query strings, bodies.

mod events;
mod line;
mod lines;
pub mod log;
pub mod metrics;
mod record;

pub use record::{PushedRef, Record, Verdict};

use log::{Clock, Stamp};
use metrics::Metrics;
use std::sync::Arc;

/// Where the records of one worker go.
pub struct GuestBook {
    lines: log::Lines,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl GuestBook {
    /// A guest book that writes to `lines` and counts in `metrics`.
    #[must_use]
    pub fn new(lines: log::Lines, metrics: Arc<Metrics>) -> Self {
        Self { lines, metrics, clock: Clock::default() }
    }

    /// The time of now, for a record.
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// Writes one finished request down.
    pub fn write(&self, record: &Record<'_>) {
        self.metrics.request(record);
        self.lines.write(|line, json| record.format(line, json));
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
