//! Why a request has no answer from upstream.

use super::TlsFailure;

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
