//! Every way in which a request is refused, and what is answered: the one translator from the errors of
//! the rooms to HTTP.

mod complaints;
mod forwarding;

pub use complaints::Complaints;

use super::lfs::AnswerFault;
use super::rates::Whose;
use crate::auth::Trouble;
use crate::auth::credential::CredentialFault;
use crate::auth::ticket::TicketError;
use crate::auth::vault::VaultError;
use crate::domain::client::ForwardedFault;
use crate::domain::dialect::{Unclear, Unserved};
use crate::domain::git::receive_pack::Malformed;
use crate::domain::policy::Denial;
use crate::domain::rate::TooMany;
use crate::forward::ForwardError;
use crate::forward::headers::HeaderFault;
use crate::reply::Answer;
use crate::telemetry::Verdict;
use http::StatusCode;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is no method {0} here")]
    Method(&'static str),
    #[error("the request target must be a path; absolute URLs are for forward proxies")]
    AbsoluteTarget,
    #[error("too many requests {}; try again in {} s", from(*.0), .1.seconds())]
    TooMany(Whose, TooMany),
    #[error("a request has at most {0} header lines here")]
    Headers(usize),
    #[error(transparent)]
    Header(#[from] HeaderFault),
    #[error(transparent)]
    Forwarded(#[from] ForwardedFault),
    #[error(transparent)]
    Unclear(#[from] Unclear),
    #[error(transparent)]
    Credential(#[from] CredentialFault),
    #[error("there is no expectation here but 100-continue")]
    Expectation,
    #[error("a request to read has no body")]
    BodyOnRead,
    #[error("the body of this request must be {0}")]
    MediaType(&'static str),
    #[error("the body of this request is sent as it is: Content-Encoding is not taken here")]
    Encoded,
    #[error("the Content-Encoding of a push is gzip, or none")]
    EncodedPush,
    #[error("the body of this request is looked at: Content-Encoding is not taken here")]
    EncodedJson,
    #[error("the body of a form is looked at: Content-Encoding is not taken here")]
    EncodedForm,
    #[error("the body of this request is no JSON that can be read in one way: {0}")]
    Json(#[source] serde_json::Error),
    #[error(
        "a gitlatch token stands in this form; it is for Git and REST, as Authorization, and logs nobody in"
    )]
    TokenInForm,
    #[error(transparent)]
    Push(#[from] Malformed),
    #[error("authentication is required: send a gitlatch token as Bearer or as Basic password")]
    NoCredential,
    #[error("authentication is required: send a gitlatch token as Bearer or as Basic password")]
    BadToken,
    #[error(transparent)]
    Denied(#[from] Denial),
    #[error(transparent)]
    Unknown(Unserved),
    #[error("{}", Unserved::Own)]
    OwnPath,
    #[error(
        "there are no pages here; tokens are managed with the command gitlatch token, and over HTTP at \
         /rest/access-tokens/latest"
    )]
    NoPages,
    #[error("{}", .0.text)]
    Own(Box<Answer>, &'static str),
    #[error("this comes from a page of another site, which may change nothing here")]
    Elsewhere,
    #[error("the key that sealed this credential for the host is not at hand")]
    Sealed(#[source] VaultError),
    #[error("{}", Unserved::Lfs)]
    NoLfs,
    #[error("the batch of Git LFS cannot be read: {0}")]
    Batch(#[from] crate::domain::git::lfs::Fault),
    #[error(transparent)]
    LfsAnswer(#[from] AnswerFault),
    #[error("authentication is required: send a gitlatch token as Bearer or as Basic password")]
    BadTicket,
    #[error(
        "the ticket of this transfer was given to another token than the one that is presented"
    )]
    OtherTicket,
    #[error("no ticket can be made for a transfer; try again in a moment")]
    Ticket(#[source] TicketError),
    #[error("the store of tokens cannot answer; try again in a moment")]
    Store(#[from] Trouble),
    #[error("this repository has no such lock")]
    NoLock,
    #[error("the clock of this server is wrong")]
    Clock,
    #[error("this request crashed; the server goes on")]
    Crashed,
    #[error(transparent)]
    Forward(#[from] ForwardError),
}

impl std::error::Error for Denial {}

impl Refusal {
    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Own(answer, _) => answer.status,
            Self::AbsoluteTarget
            | Self::Header(_)
            | Self::Forwarded(_)
            | Self::Unclear(Unclear::Path(_))
            | Self::Credential(_)
            | Self::BodyOnRead
            | Self::Push(_)
            | Self::Json(_)
            | Self::TokenInForm
            | Self::Forward(ForwardError::Client) => StatusCode::BAD_REQUEST,
            Self::Method(_) | Self::Unclear(Unclear::Method { .. }) => {
                StatusCode::METHOD_NOT_ALLOWED
            }
            Self::MediaType(_)
            | Self::Encoded
            | Self::EncodedPush
            | Self::EncodedJson
            | Self::EncodedForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::Headers(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::NoCredential
            | Self::BadToken
            | Self::BadTicket
            | Self::Denied(Denial::Expired)
            | Self::Forward(ForwardError::NotPublic) => StatusCode::UNAUTHORIZED,
            Self::Denied(_)
            | Self::Unknown(_)
            | Self::OwnPath
            | Self::Elsewhere
            | Self::OtherTicket
            | Self::Forward(
                ForwardError::NameRefused(_)
                | ForwardError::LoginPage(_)
                | ForwardError::NoIdentity(_),
            ) => StatusCode::FORBIDDEN,
            Self::NoPages | Self::NoLock | Self::Forward(ForwardError::NoRepository(_)) => {
                StatusCode::NOT_FOUND
            }
            Self::NoLfs => StatusCode::NOT_IMPLEMENTED,
            Self::Batch(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::LfsAnswer(_) => StatusCode::BAD_GATEWAY,
            Self::Store(_) | Self::Clock | Self::Sealed(_) | Self::Ticket(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Crashed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Forward(error) => forwarding::status(error),
        }
    }

    /// What is said, and how.
    pub(super) fn answer(self) -> Answer {
        let status = self.status();
        let text = match status {
            // One text for every credential that is not good: the body does not say which it was.
            StatusCode::UNAUTHORIZED => Self::NoCredential.to_string(),
            _ => self.to_string(),
        };
        let mut answer = Answer::new(status, text);
        match self {
            Self::Own(own, _) => return *own,
            Self::Method(method) => {
                answer.allow = Some("GET, HEAD, POST".into());
                // What follows a CONNECT may be meant for the tunnel that it did not get.
                answer.close = method == "CONNECT";
            }
            Self::Unclear(Unclear::Method { allow }) => answer.allow = Some(allow.into()),
            Self::TooMany(_, too_many) => answer.retry_after = Some(too_many.seconds()),
            Self::Header(fault) => answer.close = fault.is_framing(),
            // RFC 9110 §15.5.9: the rest of the body is not waited for.
            Self::AbsoluteTarget | Self::Forward(ForwardError::Stalled) => answer.close = true,
            _ => {}
        }
        answer
    }

    /// How it counts.
    pub(super) fn verdict(&self) -> Verdict {
        match self.status().as_u16() {
            401 => Verdict::Challenged,
            // LFS is refused for everybody where nobody serves it: no failure to wake somebody up for.
            403 | 404 | 429 | 501 => Verdict::Refused,
            400..=499 => Verdict::Malformed,
            _ => Verdict::Failed,
        }
    }

    /// A short stable name, for the record.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Method(_) | Self::Unclear(Unclear::Method { .. }) => "method",
            Self::AbsoluteTarget | Self::Unclear(Unclear::Path(_)) => "target",
            Self::TooMany(Whose::Token, _) => "rate-token",
            Self::TooMany(Whose::Address, _) => "rate-address",
            Self::Headers(_) | Self::Header(_) | Self::Forwarded(_) | Self::Expectation => "header",
            Self::Credential(_) => "credential",
            Self::BodyOnRead => "body",
            Self::MediaType(_)
            | Self::Encoded
            | Self::EncodedPush
            | Self::EncodedJson
            | Self::EncodedForm => "media-type",
            Self::Json(_) => "json",
            Self::TokenInForm => "token-in-form",
            Self::Push(_) => "push",
            Self::NoCredential => "no-credential",
            Self::BadToken => "bad-token",
            Self::Denied(denial) => denial.rule(),
            Self::Unknown(_) => "unknown-path",
            Self::OwnPath | Self::NoPages => "own-path",
            Self::Elsewhere => "other-site",
            Self::NoLfs => "lfs",
            Self::Batch(_) => "lfs-batch",
            Self::LfsAnswer(_) => "upstream-lfs",
            Self::BadTicket | Self::OtherTicket | Self::Ticket(_) => "ticket",
            Self::Own(_, reason) => reason,
            Self::NoLock => "no-lock",
            Self::Store(_) => "store",
            Self::Clock => "clock",
            Self::Sealed(_) => "sealed",
            Self::Crashed => "crashed",
            Self::Forward(error) => forwarding::reason(error),
        }
    }

    /// By whose rate it is refused, if it is.
    pub(super) fn limited_by(&self) -> Option<&'static str> {
        match self {
            Self::TooMany(whose, _) => Some(whose.name()),
            _ => None,
        }
    }

    /// Which limit on what is under way upstream refused it, if one did.
    pub(super) fn crowded(&self) -> Option<&'static str> {
        match self {
            Self::Forward(error) => error.crowded(),
            _ => None,
        }
    }

    pub(super) fn upstream_kind(&self) -> Option<&'static str> {
        match self {
            Self::Forward(error) => error.upstream_kind(),
            Self::LfsAnswer(_) => Some("protocol"),
            _ => None,
        }
    }
}

const fn from(whose: Whose) -> &'static str {
    match whose {
        Whose::Token => "with this token",
        Whose::Address => "from this address",
    }
}
