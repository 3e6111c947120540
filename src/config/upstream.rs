//! `[upstream]`: the host behind, or the folder, and what it is told.

use super::tls::HostFiles;
use super::{KeySource, Origin};
use crate::domain::dialect::Kind;
use crate::domain::secret::Secret;
use crate::domain::service_user::ServiceUser;
use std::path::PathBuf;
use std::time::Duration;

/// `[upstream]`.
#[derive(Debug)]
pub struct Upstream {
    /// Which dialect it speaks.
    pub kind: Kind,
    /// Where it is.
    pub target: Target,
}

/// Where requests go.
#[derive(Debug)]
pub enum Target {
    /// A host over HTTP.
    Url(Box<Remote>),
    /// A folder of bare repositories, served through `git http-backend`.
    Folder {
        /// The folder.
        repositories: PathBuf,
        /// The program; `None` is to be found.
        http_backend: Option<PathBuf>,
        /// The name that hooks see for tokens of projects and repositories.
        service_user: ServiceUser,
        /// `lfs_url`: the server of Git LFS, which is told of nobody.
        lfs: Option<Box<Remote>>,
    },
}

/// A host over HTTP.
#[derive(Debug)]
pub struct Remote {
    /// `url`.
    pub origin: Origin,
    /// The `Host` header; the authority of `url` unless `host` says otherwise.
    pub host: String,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// Whom it is believed by, and what it is shown, when it is an `https` URL.
    pub tls: HostFiles,
    /// How often it is looked after; `None` is never.
    pub health_interval: Option<Duration>,
    /// What it is told about who is asking.
    pub identity: Identity,
}

/// `[upstream.identity]`.
#[derive(Debug)]
pub enum Identity {
    /// Nothing.
    None,
    /// The person's name in a header.
    Header {
        /// The header's name, in lower case.
        name: String,
        /// The name for tokens of projects and repositories.
        service_user: ServiceUser,
    },
    /// One credential for everybody: the value of `Authorization`.
    Fixed(Secret),
    /// One credential per user, project or repository, sealed in the store.
    Stored {
        /// The keys that seal them.
        keys: KeySource,
    },
}

impl Identity {
    /// Whether the host cannot tell one asker from another.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::None | Self::Fixed(_))
    }
}
