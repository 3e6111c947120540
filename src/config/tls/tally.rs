//! What became of changes: counted, and said in the log once for each.

use super::kept::{Change, Files, Kept};
use super::{Certificate, now};
use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of one side.
#[derive(Debug, Default)]
pub struct Tally {
    renewed: AtomicU64,
    failed: AtomicU64,
}

/// How the files of one side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Changes that were taken up.
    pub renewed: u64,
    /// Changes that were not, since the files cannot be used.
    pub failed: u64,
    /// Whether some file cannot be used as it is now, so that what it was before is in force.
    pub bad: bool,
    /// The last second in which all certificates are valid, since 1970; `None` without any.
    pub not_after: Option<u64>,
}

impl Tally {
    /// Looks at files; whether they are new and good.
    pub fn seen<F: Files>(&self, kept: &mut Kept<F>) -> bool {
        match kept.look() {
            Change::Same => false,
            Change::Renewed => {
                self.renew();
                tracing::info!(files = kept.paths(), "TLS: read anew");
                true
            }
            Change::Failed(fault) => {
                self.fail();
                let text = "TLS: these files cannot be used; what they held before stays in force";
                tracing::error!(cause = %fault, files = kept.paths(), "{text}");
                false
            }
        }
    }

    /// Counts a change that was taken up.
    pub fn renew(&self) {
        self.renewed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that was not.
    pub fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, bad: bool, not_after: Option<u64>) -> Standing {
        let (renewed, failed) = (&self.renewed, &self.failed);
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Standing { renewed: count(renewed), failed: count(failed), bad, not_after }
    }
}

/// Tells of a certificate that nobody believes now, once; `told` is whether that was said.
pub fn tell_untimely(certificate: &Certificate, files: &str, told: &mut bool) {
    let untimely = certificate.untimely(now());
    if let (Some(why), false) = (&untimely, *told) {
        tracing::warn!(files, "the certificate {why}: whoever is shown it refuses it");
    }
    *told = untimely.is_some();
}
