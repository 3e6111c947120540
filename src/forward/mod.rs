//! The back door: takes a [`Permit`] and a request, and streams it upstream under the right identity.
//!
//! It knows no users and no rules. Headers are cleaned here ([`headers`]), the identity is put on
//! (`identity`), and bodies stream both ways without being collected ([`body`]).

pub mod body;
pub mod drain;
mod error;
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

pub use error::ForwardError;
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
