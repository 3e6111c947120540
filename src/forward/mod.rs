//! The back door: takes a [`Permit`] and a request, and streams it upstream under the right identity.
//!
//! It knows no users and no rules. Headers are cleaned here ([`headers`]), the identity is put on
//! (`identity`), and bodies stream both ways without being collected ([`body`]).

pub mod body;
pub mod drain;
mod exchange;
pub mod headers;
pub mod http_backend;
mod identity;
mod location;
mod permission;
mod pool;
mod proof;
pub mod queue;
mod remote;
mod shortage;
mod socket;
mod tls;

pub use identity::{Teller, UpstreamCredential};
pub use proof::Proof;
pub use remote::{Link, RemoteError, RemoteHost};
pub use tls::{TlsFailure, UpstreamTls};

use crate::domain::names::RepoPath;
use crate::domain::policy::Permit;
use body::{Body, Meter, Upload};
use http::{HeaderMap, HeaderValue, Method, Response, Uri};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// For whom a request travels.
#[derive(Clone, Copy, Debug)]
pub enum Passage<'a> {
    /// A token or an anonymous read, with the policy's permit.
    Permitted {
        /// The permit.
        permit: &'a Permit,
        /// What the host is to be told in mode `stored`, where nothing is sent without; other modes do
        /// not look at it.
        credential: Option<&'a UpstreamCredential>,
    },
    /// A person without a token, under `people = "pass"`: as it came, less identity headers.
    Person,
}

impl<'a> Passage<'a> {
    fn is_person(self) -> bool {
        matches!(self, Self::Person)
    }

    fn credential(self) -> Option<&'a UpstreamCredential> {
        match self {
            Self::Permitted { credential, .. } => credential,
            Self::Person => None,
        }
    }
}

/// A request that was let through, with its body still unread.
pub struct Outbound {
    /// The method.
    pub method: Method,
    /// The target in origin form: the very bytes that were judged.
    pub target: Uri,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Upload,
    /// Where the client is.
    pub client: Option<IpAddr>,
    /// The request id.
    pub id: HeaderValue,
    /// Where the service's part of the path (`info/refs`) begins, for a request about a repository.
    pub service: Option<usize>,
    /// What the host wanted to be sent with this request when it gave the link to it.
    pub besides: HeaderMap,
    /// Bytes and idleness of this exchange.
    pub meter: Rc<Meter>,
    /// Its place among what is under way upstream, held to the end of the answer.
    pub slot: queue::Slot,
}

impl Outbound {
    /// The service's part of the path; empty where there is none.
    fn service(&self) -> &str {
        self.service.and_then(|at| self.target.path().get(at..)).unwrap_or_default()
    }
}

/// Why there is no answer from upstream to hand on.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// No connection could be opened.
    #[error("the upstream cannot be reached")]
    Connect(#[source] std::io::Error),
    /// It could be reached, but TLS with it failed, or it was not who it should be.
    #[error("TLS to the upstream failed")]
    Tls(#[source] TlsFailure),
    /// No connection could be opened in time.
    #[error("the upstream did not accept a connection in time")]
    ConnectTimeout,
    /// Nothing came for the whole of the idle time-out.
    #[error("the upstream was silent for too long")]
    Silent,
    /// The answer broke HTTP, or the connection broke.
    #[error("the upstream did not answer properly")]
    Protocol(#[source] hyper::Error),
    /// The answer's body, which had to be read, broke off or is too large.
    #[error("the upstream did not answer properly: its answer cannot be read")]
    Garbled,
    /// It switched to another protocol, which nobody had asked it for.
    #[error("the upstream did not answer properly: it switches protocols")]
    Switched,
    /// The client's own body broke off.
    #[error("the request's body broke off")]
    Client,
    /// The client stopped sending its body for the whole of the idle time-out.
    #[error("the rest of the request's body did not come in time")]
    Stalled,
    /// The body is larger than `max_body`.
    #[error("the request's body is larger than {0} bytes, the limit here")]
    TooLarge(u64),
    /// A redirect to another host, which git would follow with its credentials ever after.
    #[error("the upstream redirects to another place")]
    Redirect,
    /// A redirect to a page where people log in: the host does not honour the identity.
    #[error("the host does not accept {0}")]
    LoginPage(String),
    /// 401 from upstream to a name that the host does not know.
    #[error("the host does not accept {0}")]
    NameRefused(String),
    /// In mode `stored` nobody has set a credential for whoever asks; the text tells who that is, and how
    /// to set one.
    #[error("no credential for the host is stored for {0}")]
    NoIdentity(String),
    /// 401 from upstream to the one credential that it was given.
    #[error("the host does not accept the credential that gitlatch has for it")]
    CredentialRefused,
    /// 401 from upstream, which is told nothing by configuration.
    #[error("the host wants a credential, and gitlatch is configured to send none")]
    CredentialWanted,
    /// 407 from upstream, which would be fatal to git.
    #[error("the upstream asks for proxy authentication")]
    ProxyWanted,
    /// 401 from upstream to a request under no name: it is not public.
    #[error("the repository is not public")]
    NotPublic,
    /// There is no such repository in the folder.
    #[error("there is no repository {0} here")]
    NoRepository(String),
    /// The repository in the folder takes objects of another one, which tokens for it do not cover.
    #[error(
        "the repository {0} borrows objects from another one (objects/info/alternates), which its \
         scope would not cover; in its folder, run: git repack -a -d && rm objects/info/alternates"
    )]
    Borrows(String),
    /// As many programs run as one worker may have.
    #[error("too many requests are being served; try again in a moment")]
    Programs,
    /// More is held of requests that are looked at than there is room for.
    #[error("too many requests are being served; try again in a moment")]
    Busy,
    /// Too many requests wait for one of those under way to end.
    #[error("the host is busy: too many requests wait for it already; try again in a moment")]
    QueueFull,
    /// None of those under way ended in time.
    #[error("the host is busy: this request waited for too long; try again in a moment")]
    QueueWait,
    /// No file descriptors are left for the connection or the program that it needs.
    #[error(
        "no file descriptors are left here; the operator of gitlatch raises their limit (LimitNOFILE)"
    )]
    Shortage(#[source] std::io::Error),
    /// As many of this token's, or of this address's, are under way or waiting as one may have.
    #[error(
        "the host is busy: too many requests of one token, or from one address without a token, are under \
         way already; try again in a moment"
    )]
    QueueShare,
    /// The backend could not be run, or answered in a way that is no CGI answer.
    #[error("git http-backend failed")]
    Backend(#[source] std::io::Error),
    /// The permit and the target do not fit: nothing is sent.
    #[error("the request cannot be sent on")]
    Unsendable,
}

impl ForwardError {
    /// Whether the host may have done what was asked, although its answer did not come or may not be handed
    /// on. What never left whole was not done.
    #[must_use]
    pub const fn may_have_reached(&self) -> bool {
        matches!(
            self,
            Self::Tls(TlsFailure { late: true, .. })
                | Self::Silent
                | Self::Protocol(_)
                | Self::Garbled
                | Self::Switched
                | Self::Redirect
        )
    }

    /// The kind of trouble with the upstream that it is, for the metric, if it is one.
    #[must_use]
    pub const fn upstream_kind(&self) -> Option<&'static str> {
        match self {
            Self::Connect(_) | Self::ConnectTimeout => Some("connect"),
            Self::Tls(_) => Some("tls"),
            Self::Silent => Some("timeout"),
            Self::Protocol(_)
            | Self::Garbled
            | Self::Switched
            | Self::ProxyWanted
            | Self::Backend(_) => Some("protocol"),
            Self::CredentialRefused
            | Self::CredentialWanted
            | Self::NameRefused(_)
            | Self::LoginPage(_) => Some("credential"),
            Self::Redirect => Some("redirect"),
            Self::Client
            | Self::Stalled
            | Self::TooLarge(_)
            | Self::NotPublic
            | Self::NoIdentity(_)
            | Self::NoRepository(_)
            | Self::Borrows(_)
            | Self::Programs
            | Self::Busy
            | Self::QueueFull
            | Self::QueueWait
            | Self::Shortage(_)
            | Self::QueueShare
            | Self::Unsendable => None,
        }
    }

    /// Which limit on what is under way upstream refused it, for the metric, if one did.
    #[must_use]
    pub const fn crowded(&self) -> Option<&'static str> {
        match self {
            Self::QueueFull => Some("full"),
            Self::QueueWait => Some("wait"),
            Self::QueueShare => Some("share"),
            Self::Programs => Some("programs"),
            _ => None,
        }
    }
}

/// What lies upstream, as one worker holds it.
pub enum Forwarder {
    /// A host over HTTP.
    Remote(Box<RemoteHost>),
    /// A folder of repositories, and the server of Git LFS that goes with it, if there is one.
    Folder(http_backend::HttpBackend, Option<Box<RemoteHost>>),
}

impl Forwarder {
    /// Sends a request and hands its answer back, streaming.
    ///
    /// # Errors
    /// When there is no answer that may be handed on.
    pub async fn send(
        &self,
        passage: Passage<'_>,
        request: Box<Outbound>,
        idle: Duration,
    ) -> Result<Response<Body>, ForwardError> {
        match (self, passage) {
            (Self::Remote(host), _) => host.send(passage, request, idle).await,
            (Self::Folder(backend, _), Passage::Permitted { permit, .. }) => {
                // Starting a program costs so much more than this.
                Box::pin(backend.send(permit, *request, idle)).await
            }
            // A configuration with both is refused at start.
            (Self::Folder(..), Passage::Person) => Err(ForwardError::Unsendable),
        }
    }

    /// Who serves Git LFS, if anybody does.
    #[must_use]
    pub fn lfs(&self) -> Option<&RemoteHost> {
        match self {
            Self::Remote(host) => Some(host),
            Self::Folder(_, lfs) => lfs.as_deref(),
        }
    }

    /// Sends a request of Git LFS to whoever serves it.
    ///
    /// # Errors
    /// When there is no answer that may be handed on, or nobody serves LFS.
    pub async fn send_lfs(
        &self,
        passage: Passage<'_>,
        request: Box<Outbound>,
        idle: Duration,
    ) -> Result<Response<Body>, ForwardError> {
        let host = self.lfs().ok_or(ForwardError::Unsendable)?;
        host.send(passage, request, idle).await
    }

    /// Asks the host, within `timeout`, what it says to a person's credential at `path`, a path below that
    /// of its URL.
    ///
    /// # Errors
    /// When there is no answer to judge by, or no host to ask.
    pub async fn prove(
        &self,
        path: &str,
        authorization: HeaderValue,
        timeout: Duration,
    ) -> Result<Proof, ForwardError> {
        match self {
            Self::Remote(host) => host.prove(path, authorization, timeout).await,
            // A configuration that asks a folder is refused at start.
            Self::Folder(..) => Err(ForwardError::Unsendable),
        }
    }

    /// Whether what runs behind can tell a forced update of a branch from another one, and refuse it when
    /// it is told to: git here can, a host cannot be told.
    #[must_use]
    pub const fn tells_force(&self) -> bool {
        matches!(self, Self::Folder(..))
    }

    /// The first of these refs that is symbolic, so that git would change another one in its place; of a
    /// host's repositories nobody here knows.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn symbolic<'a>(
        &self,
        repository: &RepoPath,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Option<&'a str>, ForwardError> {
        match self {
            Self::Remote(_) => Ok(None),
            Self::Folder(backend, _) => {
                backend.folder().symbolic(repository, names).map_err(ForwardError::backend)
            }
        }
    }

    /// The header that carries the identity, which no client may name or send.
    #[must_use]
    pub fn identity_header(&self) -> Option<&http::HeaderName> {
        match self {
            Self::Remote(host) => host.teller().header(),
            Self::Folder(..) => None,
        }
    }
}
