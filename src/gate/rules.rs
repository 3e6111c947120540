//! What the gate goes by.

use crate::domain::client::TrustedProxies;
use crate::domain::dialect::rule::{self, Rule};
use crate::domain::dialect::{Classified, Kind, RequestLine, Unclear, Unserved};
use crate::domain::git::lfs::OtherHosts;
use crate::domain::intent::Voice;
use crate::domain::policy::Denial;
use crate::domain::policy::protection::Protection;
use crate::domain::policy::push_option::OptionPattern;
use crate::domain::rate::Rate;
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
    /// The operator's own rows beside the dialect's table.
    pub own: Vec<Rule>,
    /// The push options that are refused.
    pub push_options: Vec<OptionPattern>,
    /// What becomes of links of Git LFS to other hosts than the one behind.
    pub lfs_other_hosts: OtherHosts,
    /// How long an exchange may pass without a byte in either direction.
    pub idle_timeout: Duration,
    /// Largest request body in bytes.
    pub max_body: Option<u64>,
    /// Header lines of a request. Over HTTP/1 the server counts them itself.
    pub headers: usize,
    /// How often one token may ask.
    pub requests_per_token: Option<Rate>,
    /// How often one address, or one network of /64, may.
    pub requests_per_address: Option<Rate>,
}

impl Rules {
    /// What is said of a request that is unknown.
    pub(super) fn unknown(&self, line: RequestLine<'_>) -> Unserved {
        self.kind.unknown(&self.prefix, line.path)
    }

    /// Understands a request: by the dialect's table, and by the operator's rules that allow. Where people
    /// pass, a path that lacks the method is as good as unknown; what a token is told is beside it.
    pub(super) fn classify(
        &self,
        line: RequestLine<'_>,
    ) -> Result<(Classified, Option<Unclear>), Unclear> {
        let what = rule::classify(&self.own, self.kind, &self.prefix, line);
        match what {
            // What a person may ask a path of REST for is for the host to say.
            Err(Unclear::Method { allow })
                if self.people_pass && self.kind.voice(&self.prefix, line.path) == Voice::Rest =>
            {
                Ok((Classified::Unknown, Some(Unclear::Method { allow })))
            }
            what => what.map(|what| (what, None)),
        }
    }

    /// Refuses what a rule of the operator's denies to tokens.
    pub(super) fn refuse_denied(&self, line: RequestLine<'_>) -> Result<(), Denial> {
        let path = line.path.get(self.prefix.len()..).unwrap_or(line.path);
        rule::refuse_denied(&self.own, line.method, path)
    }

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
