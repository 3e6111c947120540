//! The `Date` of answers. hyper keeps the last one that it wrote, for each thread, and cannot begin with a
//! time before 1970: it would panic in the first answer of a thread, and at every one after. A thread that
//! has one goes on with it while the clock stands there.

use super::BoxError;
use bytes::Bytes;
use http::Response;
use http_body_util::Empty;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::AsyncWriteExt;

/// More than the one request, or its answer.
const ROOM: usize = 1024;

/// Has hyper write its first date in this thread, in the answer to a request that nobody sent: there is no
/// other way to it.
///
/// # Errors
/// When the clock stands before 1970.
pub(super) async fn begin() -> Result<(), BoxError> {
    if SystemTime::now() < UNIX_EPOCH {
        return Err("the clock stands before 1970; set it right".into());
    }
    let (mut client, server) = tokio::io::duplex(ROOM);
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let answer = |_| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) };
    let answer = hyper::service::service_fn(answer);
    http1::Builder::new().serve_connection(TokioIo::new(server), answer).await?;
    Ok(())
}
