//! What operators see of TLS: whether what is in force is what is in the files, until when, and who gets in.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySide {
    side: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

/// How TLS is on one side: `server`, towards clients, or `upstream`, towards the host.
#[derive(Clone, Copy, Debug)]
pub struct TlsSide {
    /// Changes of files that were taken up since the start.
    pub renewed: u64,
    /// Changes that were not, because the files cannot be used.
    pub failed: u64,
    /// Whether some file cannot be used as it is now.
    pub bad: bool,
    /// The last second in which all certificates are valid, since 1970; `None` without any.
    pub not_after: Option<u64>,
}

/// The counters.
#[derive(Default)]
pub(super) struct Tls {
    reloads: Family<ByOutcome, Counter>,
    bad: Family<BySide, Gauge>,
    expiration: Family<BySide, Gauge>,
    failures: Family<ByKind, Counter>,
}

impl Tls {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let tls = Self::default();
        let reloads =
            "Changes of certificates, keys and authorities, by whether they could be used";
        registry.register("tls_reloads", reloads, tls.reloads.clone());
        let bad = "1 while a file cannot be used, so that what it held before is in force";
        registry.register("tls_files_bad", bad, tls.bad.clone());
        registry.register(
            "tls_certificate_expiration_timestamp_seconds",
            "When the first of the certificates in force ends, since 1970",
            tls.expiration.clone(),
        );
        let failures = "TLS handshakes of clients that failed";
        registry.register("tls_handshake_failures", failures, tls.failures.clone());
        tls
    }

    pub(super) fn set(&self, sides: &[(&'static str, TlsSide)], failures: &[(&'static str, u64)]) {
        let sum = |count: fn(&TlsSide) -> u64| sides.iter().map(|(_, side)| count(side)).sum();
        for (outcome, total) in
            [("ok", sum(|side| side.renewed)), ("failed", sum(|side| side.failed))]
        {
            raise(&self.reloads.get_or_create_owned(&ByOutcome { outcome }), total);
        }
        for (side, standing) in sides {
            let label = BySide { side };
            self.bad.get_or_create_owned(&label).set(i64::from(standing.bad));
            if let Some(not_after) = standing.not_after {
                let not_after = i64::try_from(not_after).unwrap_or(i64::MAX);
                self.expiration.get_or_create_owned(&label).set(not_after);
            }
        }
        for (kind, total) in failures {
            raise(&self.failures.get_or_create_owned(&ByKind { kind }), *total);
        }
    }
}

/// What is counted elsewhere, and only ever upwards.
fn raise(counter: &Counter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
