//! One request to a host and the head of its answer: on which connection, and how often.

use super::body::Upload;
use super::pool::{Lease, Pool};
use super::{ForwardError, TlsFailure};
use http::{HeaderMap, Method, Request, Response, Uri};
use hyper::body::Incoming;
use std::io::ErrorKind;
use std::rc::Rc;

/// What is sent upstream before the body.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
}

impl Head {
    fn with(self, body: Upload) -> Request<Upload> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target;
        *request.headers_mut() = self.headers;
        request
    }
}

/// Sends a request and waits for the head of its answer.
///
/// A request with a body gets a connection of its own making: one from the pool may have died
/// unnoticed, and a body of which a byte was taken cannot be sent again. A request without one is sent
/// again when the connection that it was given turns out to be dead: once, and on a new connection. A
/// request on which the host itself closes would otherwise be sent on every connection of the pool.
pub(super) async fn exchange(
    pool: &Rc<Pool>,
    head: Head,
    mut body: Upload,
) -> Result<(Response<Incoming>, Lease), ForwardError> {
    if let Some(again) = body.again()
        && let Some(mut lease) = pool.reuse()
    {
        match lease.sender().try_send_request(head.clone().with(body)).await {
            Ok(response) => return Ok((response, lease)),
            // Given back, it never left; otherwise the host may have had it.
            Err(failed)
                if failed.message().is_some() || may_repeat(&head.method, failed.error()) =>
            {
                body = again;
            }
            Err(failed) => return Err(fault(failed.into_error())),
        }
    }
    // Apart from what most requests need room for.
    Box::pin(on_a_new_connection(pool, head, body)).await
}

async fn on_a_new_connection(
    pool: &Rc<Pool>,
    head: Head,
    body: Upload,
) -> Result<(Response<Incoming>, Lease), ForwardError> {
    let mut lease = pool.connect(body.idle()).await?;
    let sent = lease.sender().send_request(head.with(body)).await;
    sent.map(|response| (response, lease)).map_err(fault)
}

/// A host that stopped reading is a silent one; it shows as a write that waited for too long.
fn fault(error: hyper::Error) -> ForwardError {
    if let Some(failure) = TlsFailure::late(&error) {
        return ForwardError::Tls(failure);
    }
    match cause(&error) {
        Some(ErrorKind::TimedOut) => ForwardError::Silent,
        _ => ForwardError::Protocol(error),
    }
}

/// Whether a request that may have reached the host may be sent once more: it is safe (RFC 9110
/// §9.2.1), and the connection ended or broke before the answer's head was whole.
fn may_repeat(method: &Method, error: &hyper::Error) -> bool {
    let ended = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    method.is_safe() && (ended || is_broken(error))
}

/// Whether the connection was reset under us, as it is when a request and its end cross on the way.
fn is_broken(error: &hyper::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    cause(error).is_some_and(|kind| {
        matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
    })
}

/// What the system said.
fn cause(error: &hyper::Error) -> Option<ErrorKind> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
}
