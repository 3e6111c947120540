//! Counters for Prometheus. Every label value comes from a fixed list, so there is nothing that a
//! client could make grow; the handles of hot counters are looked up once.

mod tls;

pub use tls::TlsSide;

use super::record::{Record, Verdict};
use crate::domain::intent::Action;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the duration buckets, in seconds: a cached look-up to a clone of an hour.
const BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0, 3600.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    action: &'static str,
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAction {
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct By {
    by: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAnswer {
    answer: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTime {
    within: &'static str,
}

/// The times within which tokens are counted as expiring, by the `within` label, in days.
pub const EXPIRING: [(&str, u32); 4] = [("1d", 1), ("7d", 7), ("14d", 14), ("30d", 30)];
/// The kinds of trouble with the upstream, by the `kind` label.
pub const UPSTREAM_ERRORS: [&str; 6] =
    ["connect", "tls", "timeout", "protocol", "credential", "redirect"];
/// Which limit on what is under way upstream refused a request, by the `reason` label.
pub const UPSTREAM_REFUSALS: [&str; 4] = ["full", "wait", "share", "programs"];
/// By whose rate requests are refused, by the `by` label.
pub const LIMITED: [&str; 2] = ["token", "address"];
/// How look-ups in the store were answered, by the `answer` label.
pub const LOOKUP_ANSWERS: [&str; 3] = ["memory", "database", "error"];

struct OfAction {
    /// By the number of the verdict, as [`Verdict::ALL`] has them.
    verdicts: Vec<Counter>,
    duration: Histogram,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    /// By the number of the action, as [`Action::ALL`] has them.
    actions: Vec<OfAction>,
    received: Counter,
    sent: Counter,
    connections: Gauge,
    accepted: Counter,
    refused: Family<ByReason, Counter>,
    framing: Family<ByKind, Counter>,
    limited: Family<By, Counter>,
    upstream_errors: Vec<(&'static str, Counter)>,
    upstream_refused: Family<ByReason, Counter>,
    under_way: Gauge,
    waiting: Gauge,
    up: Gauge,
    lookups: Vec<(&'static str, Counter)>,
    tokens: Gauge,
    expiring: Vec<Gauge>,
    trail: Gauge,
    dropped: Counter,
    tls: tls::Tls,
}

impl Default for Metrics {
    /// All of them at nought.
    fn default() -> Self {
        let mut registry = Registry::with_prefix("gitlatch");
        let requests = Family::<Outcome, Counter>::default();
        let durations =
            Family::<ByAction, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let upstream = Family::<ByKind, Counter>::default();
        let lookups = Family::<ByAnswer, Counter>::default();
        registry.register("requests", "Requests by action and verdict", requests.clone());
        registry.register(
            "request_duration_seconds",
            "From the head of a request to the end of its answer",
            durations.clone(),
        );
        registry.register("upstream_errors", "Trouble with the upstream", upstream.clone());
        registry.register("store_lookups", "Look-ups of tokens by answer", lookups.clone());
        let expiring = Family::<ByTime, Gauge>::default();
        let soon = "Tokens that expire within this time";
        registry.register("tokens_expiring", soon, expiring.clone());
        let of_action = |action: &Action| {
            let action = action.name();
            let verdicts = Verdict::ALL.iter().map(|verdict| {
                requests.get_or_create_owned(&Outcome { action, verdict: verdict.name() })
            });
            let duration = durations.get_or_create_owned(&ByAction { action });
            OfAction { verdicts: verdicts.collect(), duration }
        };
        let mut metrics = Self {
            actions: Action::ALL.iter().map(of_action).collect(),
            upstream_errors: UPSTREAM_ERRORS
                .into_iter()
                .map(|kind| (kind, upstream.get_or_create_owned(&ByKind { kind })))
                .collect(),
            upstream_refused: Family::default(),
            under_way: Gauge::default(),
            waiting: Gauge::default(),
            up: Gauge::default(),
            lookups: LOOKUP_ANSWERS
                .into_iter()
                .map(|answer| (answer, lookups.get_or_create_owned(&ByAnswer { answer })))
                .collect(),
            received: Counter::default(),
            sent: Counter::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
            refused: Family::default(),
            framing: Family::default(),
            limited: Family::default(),
            tokens: Gauge::default(),
            expiring: EXPIRING
                .into_iter()
                .map(|(within, _)| expiring.get_or_create_owned(&ByTime { within }))
                .collect(),
            trail: Gauge::default(),
            dropped: Counter::default(),
            tls: tls::Tls::register(&mut registry),
            registry,
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("bytes_received", "Bytes of request bodies", self.received.clone());
        registry.register("bytes_sent", "Bytes of answer bodies", self.sent.clone());
        registry.register("connections", "Connections open now", self.connections.clone());
        let accepted = "Connections accepted since the start";
        registry.register("connections_accepted", accepted, self.accepted.clone());
        let under_way = "Requests under way upstream";
        registry.register("upstream_requests", under_way, self.under_way.clone());
        let waiting = "Requests that wait for one of those under way upstream to end";
        registry.register("upstream_waiting", waiting, self.waiting.clone());
        let refused = "Connections turned away over a limit";
        registry.register("connections_refused", refused, self.refused.clone());
        for reason in UPSTREAM_REFUSALS {
            self.upstream_refused.get_or_create_owned(&ByReason { reason });
        }
        let refused = "Requests refused because too much was under way upstream";
        registry.register("upstream_refused", refused, self.upstream_refused.clone());
        for by in LIMITED {
            self.limited.get_or_create_owned(&By { by });
        }
        let limited = "Requests refused because too many came";
        registry.register("requests_limited", limited, self.limited.clone());
        let framing = "Connections that ended with an error, by what was wrong";
        registry.register("framing_errors", framing, self.framing.clone());
        registry.register("tokens", "Tokens neither revoked nor expired", self.tokens.clone());
        registry.register("trail_entries", "Entries of the trail", self.trail.clone());
        registry.register(
            "log_lines_dropped",
            "Lines of the log that nobody read in time",
            self.dropped.clone(),
        );
    }

    /// Counts one finished request.
    pub fn request(&self, record: &Record<'_>) {
        if let Some(action) = self.actions.get(record.action as usize) {
            if let Some(counter) = action.verdicts.get(record.verdict as usize) {
                counter.inc();
            }
            action.duration.observe(record.duration().as_secs_f64());
        }
        self.received.inc_by(record.bytes_in);
        self.sent.inc_by(record.bytes_out);
    }

    /// Counts trouble with the upstream; `kind` is one of [`UPSTREAM_ERRORS`].
    pub fn upstream_error(&self, kind: &str) {
        count(&self.upstream_errors, kind);
    }

    /// Counts a refusal over a limit on what is under way upstream; `reason` is one of
    /// [`UPSTREAM_REFUSALS`].
    pub fn upstream_refused(&self, reason: &'static str) {
        self.upstream_refused.get_or_create_owned(&ByReason { reason }).inc();
    }

    /// Sets how many requests are under way upstream, and how many wait.
    pub fn set_upstream(&self, under_way: usize, waiting: usize) {
        self.under_way.set(i64::try_from(under_way).unwrap_or(i64::MAX));
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Says that somebody watches the upstream, so that there is something to tell of it. Until they say
    /// otherwise it is up.
    pub fn watch_upstream(&mut self) {
        self.up.set(1);
        let up = "Whether the upstream took the last connection of the watcher";
        self.registry.register("upstream_up", up, self.up.clone());
    }

    /// Sets whether the upstream takes connections.
    pub fn set_upstream_up(&self, up: bool) {
        self.up.set(i64::from(up));
    }

    /// Counts a request of which too many came; `by` is one of [`LIMITED`].
    pub fn request_limited(&self, by: &'static str) {
        self.limited.get_or_create_owned(&By { by }).inc();
    }

    /// Counts a look-up; `answer` is one of [`LOOKUP_ANSWERS`].
    pub fn store_lookup(&self, answer: &str) {
        count(&self.lookups, answer);
    }

    /// Counts lines of the log that were dropped.
    pub fn log_lines_dropped(&self, lines: usize) {
        self.dropped.inc_by(lines as u64);
    }

    /// Sets what is counted elsewhere.
    pub fn set_connections(&self, open: usize, total: usize) {
        self.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
        catch_up(&self.accepted, total as u64);
    }

    /// Sets how many connections were turned away for this reason.
    pub fn set_connections_refused(&self, reason: &'static str, total: u64) {
        catch_up(&self.refused.get_or_create_owned(&ByReason { reason }), total);
    }

    /// Sets how many connections ended with this kind of error.
    pub fn set_framing_errors(&self, kind: &'static str, total: u64) {
        catch_up(&self.framing.get_or_create_owned(&ByKind { kind }), total);
    }

    /// Sets the number of live tokens, that of those which expire within each of [`EXPIRING`], and that of
    /// the entries of the trail.
    pub fn set_store(&self, tokens: u64, expiring: &[u64], trail: i64) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.tokens.set(signed(tokens));
        for (gauge, count) in self.expiring.iter().zip(expiring) {
            gauge.set(signed(*count));
        }
        self.trail.set(trail);
    }

    /// Sets how TLS is on each side that has it, and how many handshakes of clients failed, by the `kind`
    /// label. The labels come from fixed lists.
    pub fn set_tls(&self, sides: &[(&'static str, TlsSide)], failures: &[(&'static str, u64)]) {
        self.tls.set(sides, failures);
    }

    /// All of it in the text format of `OpenMetrics`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Counts one of a few kinds. To look through them all takes less than to hash.
fn count(counters: &[(&'static str, Counter)], kind: &str) {
    if let Some((_, counter)) = counters.iter().find(|(known, _)| *known == kind) {
        counter.inc();
    }
}

/// Raises a counter to what somebody else counts, who only ever counts upwards.
fn catch_up(counter: &Counter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
