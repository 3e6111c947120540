//! What is answered when there is no answer from upstream, and what the record calls it.

use crate::forward::ForwardError;
use http::StatusCode;

/// The status of the answer.
pub(super) fn status(error: &ForwardError) -> StatusCode {
    match error {
        ForwardError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        ForwardError::Stalled => StatusCode::REQUEST_TIMEOUT,
        ForwardError::Borrows(_) => StatusCode::FORBIDDEN,
        ForwardError::Programs
        | ForwardError::Busy
        | ForwardError::QueueFull
        | ForwardError::QueueWait
        | ForwardError::Shortage(_)
        | ForwardError::QueueShare => StatusCode::SERVICE_UNAVAILABLE,
        ForwardError::Silent | ForwardError::ConnectTimeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// The `reason` of the record.
pub(super) fn reason(error: &ForwardError) -> &'static str {
    match error {
        ForwardError::Connect(_) | ForwardError::ConnectTimeout => "upstream-connect",
        ForwardError::Tls(_) => "upstream-tls",
        ForwardError::Silent => "upstream-silent",
        ForwardError::Protocol(_)
        | ForwardError::Switched
        | ForwardError::Garbled
        | ForwardError::ProxyWanted
        | ForwardError::Backend(_)
        | ForwardError::Unsendable => "upstream-protocol",
        ForwardError::Client => "client-broke-off",
        ForwardError::Stalled => "client-stalled",
        ForwardError::TooLarge(_) => "too-large",
        ForwardError::Redirect => "upstream-redirect",
        ForwardError::LoginPage(_)
        | ForwardError::NameRefused(_)
        | ForwardError::CredentialRefused
        | ForwardError::CredentialWanted => "upstream-credential",
        ForwardError::NotPublic => "not-public",
        ForwardError::NoIdentity(_) => "no-identity",
        ForwardError::NoRepository(_) => "no-repository",
        ForwardError::Borrows(_) => "alternates",
        ForwardError::Programs | ForwardError::Busy | ForwardError::Shortage(_) => "busy",
        ForwardError::QueueFull => "queue-full",
        ForwardError::QueueWait => "queue-wait",
        ForwardError::QueueShare => "upstream-share",
    }
}
