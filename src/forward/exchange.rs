//! One request to a host and the head of its answer: on which connection, and how often.

use super::body::Upload;
use super::pool::{Lease, Pool};
use super::{ForwardError, TlsFailure};
use http::{Request, Response};
use hyper::body::Incoming;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Instant;

/// Sends a request at this time, and waits for the head of its answer. `again` makes the request once more,
/// which is cheaper than to keep a copy of each.
///
/// A request with a body gets a connection of its own making: one from the pool may have died
/// unnoticed, and a body of which a byte was taken cannot be sent again. A request without one is sent
/// again when the connection that it was given turns out to be dead: once, and on a new connection. A
/// request on which the host itself closes would otherwise be sent on every connection of the pool.
pub(super) async fn exchange(
    pool: &Rc<Pool>,
    at: Instant,
    mut request: Request<Upload>,
    mut again: impl FnMut() -> Result<Request<Upload>, ForwardError>,
) -> Result<(Response<Incoming>, Lease), ForwardError> {
    if request.body().is_none()
        && let Some(mut lease) = pool.reuse(at)
    {
        let safe = request.method().is_safe();
        match lease.sender().try_send_request(request).await {
            Ok(response) => return Ok((response, lease)),
            Err(mut failed) => {
                request = match failed.take_message() {
                    // Given back, it never left; otherwise the host may have had it.
                    Some(request) => request,
                    None if safe && may_repeat(failed.error()) => again()?,
                    None => return Err(fault(failed.into_error())),
                }
            }
        }
    }
    // Apart from what most requests need room for.
    Box::pin(on_a_new_connection(pool, request)).await
}

async fn on_a_new_connection(
    pool: &Rc<Pool>,
    request: Request<Upload>,
) -> Result<(Response<Incoming>, Lease), ForwardError> {
    let mut lease = pool.connect(request.body().idle()).await?;
    let sent = lease.sender().send_request(request).await;
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

/// Whether a safe request (RFC 9110 §9.2.1) that may have reached the host may be sent once more: the
/// connection ended or broke before the answer's head was whole.
fn may_repeat(error: &hyper::Error) -> bool {
    let ended = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    ended || is_broken(error)
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
