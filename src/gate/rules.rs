//! What the gate goes by.

use crate::domain::client::TrustedProxies;
use crate::domain::dialect::Kind;
use crate::domain::git::lfs::OtherHosts;
use crate::domain::policy::refs::{OptionPattern, Protection};
use std::time::Duration;

/// What the operator decides, which a reload may change between two requests.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The dialect of the host.
    pub kind: Kind,
    /// The path prefix of the public URL, without a slash at its end.
    pub prefix: String,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Requests without a token go upstream as they came.
    pub people_pass: bool,
    /// Git reads without a credential are let through, as far as the host has public ones.
    pub anonymous_read: bool,
    /// The identity upstream is one for all.
    pub shared_identity: bool,
    /// The refs that the operator protects from tokens.
    pub protections: Vec<Protection>,
    /// The push options that are refused.
    pub push_options: Vec<OptionPattern>,
    /// What becomes of links of Git LFS to other hosts than the one behind.
    pub lfs_other_hosts: OtherHosts,
    /// How long an exchange may pass without a byte in either direction.
    pub idle_timeout: Duration,
    /// Largest request body in bytes.
    pub max_body: Option<u64>,
}

impl Rules {
    /// These rules with what of `new` can change while the host behind stays the same.
    #[must_use]
    pub fn reloaded(&self, new: &Self) -> Self {
        let new = new.clone();
        Self {
            kind: self.kind,
            prefix: self.prefix.clone(),
            shared_identity: self.shared_identity,
            ..new
        }
    }
}
