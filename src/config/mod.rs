//! The configuration: what the file may say, resolved into what the rooms are given.
//!
//! `proxy.toml.example` is embedded: it is the documentation and the lowest layer of defaults. The
//! loader is the one that `check` runs, so what `check` accepts is what `serve` starts with.

mod limits;
mod listen;
mod mistake;
mod read;
mod resolve;
pub mod tls;
mod upstream;

pub use limits::{Carried, Limits};
pub use listen::{Listen, UnixAccess};
pub use mistake::{Mistake, Report, Severity};
pub use resolve::{Environment, KeyError, KeySource, load};
pub use tls::{Tls, TlsVersion};
pub use upstream::{Identity, Remote, Target, Upstream};

use crate::domain::client::TrustedProxies;
pub use crate::domain::policy::protection::Protection;
pub use crate::domain::policy::push_option::OptionPattern;

use crate::domain::dialect::rule::Rule;
use crate::domain::git::lfs::OtherHosts;
use crate::domain::service_user::ServiceUser;
use std::path::PathBuf;
use std::time::Duration;

/// The commented example, which is also the default of every key that has one.
pub const EXAMPLE: &str = include_str!("../../proxy.toml.example");

/// Everything that the file says, checked.
#[derive(Debug)]
pub struct Config {
    /// `[server]`: the public address.
    pub server: Server,
    /// `[limits]`: how much is taken at once.
    pub limits: Limits,
    /// `[operations]`: health and metrics.
    pub operations: Operations,
    /// `[store]`: where tokens, users, grants and settings live.
    pub store: Store,
    /// `[upstream]`: the host behind.
    pub upstream: Upstream,
    /// `[access]`: who may come in without a token, and whose rights count.
    pub access: Access,
    /// `[[protect]]` and `[push]`: what pushes are held to.
    pub push: Push,
    /// `[lfs]`: Git LFS.
    pub lfs: Lfs,
    /// `[[rule]]`: the operator's own rows beside the dialect's table.
    pub rules: Vec<Rule>,
    /// `[log]`: records.
    pub log: Log,
}

/// `[lfs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lfs {
    /// What becomes of links to other hosts than the one behind.
    pub other_hosts: OtherHosts,
}

/// What pushes with tokens are held to.
#[derive(Clone, Debug)]
pub struct Push {
    /// What is protected from them.
    pub protections: Vec<Protection>,
    /// The push options that are refused.
    pub refuse_options: Vec<OptionPattern>,
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens; at least one address.
    pub listen: Vec<Listen>,
    /// Who may connect to Unix sockets that are made, the one of `[operations]` included.
    pub unix: UnixAccess,
    /// The plain addresses that send everybody to `public_url`.
    pub redirect_listen: Vec<Listen>,
    /// Whose connections begin with a header of the PROXY protocol.
    pub proxy_protocol: TrustedProxies,
    /// What clients call it; `None` is the first address it listens on.
    pub public_url: Option<Origin>,
    /// HTTPS, when there is a certificate.
    pub tls: Option<Tls>,
    /// How often the files of certificates, keys and authorities are looked at; zero is never.
    pub tls_poll: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Workers; 0 is one a core.
    pub threads: usize,
    /// How long running transfers may go on after SIGTERM.
    pub drain_timeout: Duration,
    /// How long a client may take to send the head of a request, and may idle between two.
    pub header_timeout: Duration,
    /// How long an exchange may pass without a byte in either direction.
    pub idle_timeout: Duration,
    /// Largest request body in bytes; `None` is no limit.
    pub max_body: Option<u64>,
}

/// Scheme, authority and path prefix of an absolute URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether the scheme is `https`.
    pub https: bool,
    /// The host without a port; an IPv6 address without its brackets.
    pub host: String,
    /// The port, which the URL or its scheme names.
    pub port: u16,
    /// `host[:port]` as the URL writes it.
    pub authority: String,
    /// The path without a slash at its end; empty for `/`.
    pub prefix: String,
}

/// `[operations]`.
#[derive(Clone, Debug)]
pub struct Operations {
    /// Where `/healthz`, `/readyz` and `/metrics` are served; `None` is nowhere.
    pub listen: Option<Listen>,
}

/// `[store]`.
#[derive(Clone, Debug)]
pub struct Store {
    /// The database file.
    pub path: PathBuf,
}

/// `[access]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// `people = "pass"`: requests without a token go upstream as they came.
    pub people_pass: bool,
    /// `users = "grants"`: a person may do what was granted here, and nothing else.
    pub users_by_grants: bool,
    /// `anonymous = "read"`: Git reads without a credential, as far as the host has public ones.
    pub anonymous_read: bool,
    /// Who proves a person's password.
    pub passwords: Passwords,
}

/// Who proves a person's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// gitlatch's own users.
    Local,
    /// The host.
    Upstream {
        /// What it is asked for, below the path of `url`: it answers 2xx to a right Basic credential and
        /// 401 to a wrong one.
        path: String,
    },
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// One line of JSON each, or lines for people.
    pub json: bool,
    /// The least level that is written: `error`, `warn`, `info`, `debug` or `trace`.
    pub level: tracing::Level,
}

impl Config {
    /// The path under which clients reach the host, without a slash at its end: that of `public_url`,
    /// else that of `url`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match (&self.server.public_url, &self.upstream.target) {
            (Some(public), _) => &public.prefix,
            (None, Target::Url(remote)) => &remote.origin.prefix,
            (None, Target::Folder { .. }) => "",
        }
    }

    /// The name, or the template of names, for tokens of projects and repositories.
    #[must_use]
    pub fn service_user(&self) -> Option<&ServiceUser> {
        match &self.upstream.target {
            Target::Folder { service_user, .. } => Some(service_user),
            Target::Url(remote) => match &remote.identity {
                Identity::Header { service_user, .. } => Some(service_user),
                Identity::None | Identity::Fixed(_) | Identity::Stored { .. } => None,
            },
        }
    }

    /// Whether what lies behind can tell a forced push from another one: git here can, a host is not asked.
    #[must_use]
    pub const fn tells_force(&self) -> bool {
        matches!(self.upstream.target, Target::Folder { .. })
    }

    /// The keys that seal credentials in the store, in mode `stored`.
    #[must_use]
    pub fn keys(&self) -> Option<&KeySource> {
        match &self.upstream.target {
            Target::Url(remote) => match &remote.identity {
                Identity::Stored { keys } => Some(keys),
                Identity::None | Identity::Header { .. } | Identity::Fixed(_) => None,
            },
            Target::Folder { .. } => None,
        }
    }

    /// Whether anybody behind serves Git LFS.
    #[must_use]
    pub const fn serves_lfs(&self) -> bool {
        match &self.upstream.target {
            Target::Folder { lfs, .. } => lfs.is_some(),
            Target::Url(_) => true,
        }
    }

    /// Whether whatever is behind the proxy cannot tell one asker from another.
    #[must_use]
    pub const fn shared_identity(&self) -> bool {
        match &self.upstream.target {
            Target::Folder { .. } => true,
            Target::Url(remote) => remote.identity.is_shared(),
        }
    }
}
