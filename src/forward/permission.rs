//! A 401 of the host's that is no challenge: Bitbucket Data Center answers so to somebody whom it knows and
//! who may not do what was asked.
//!
//! Handed on as it is, it would make git erase a good credential; taken for a challenge, it would say that the
//! host does not accept the identity. So its body is read, within a bound, and becomes the body of a 403.

use super::body::Body;
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::response::Parts;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use zeroize::Zeroizing;

/// The most bytes of it.
const MOST: usize = 64 * 1024;
/// What Bitbucket calls it.
const PERMISSION: &str = "com.atlassian.bitbucket.AuthorisationException";

/// The body, if it says that what was asked is not permitted, and no secret of ours.
pub(super) async fn denied(
    parts: &Parts,
    body: Body,
    secrets: &[Zeroizing<Vec<u8>>],
) -> Option<Bytes> {
    if parts.headers.contains_key(CONTENT_ENCODING) {
        return None;
    }
    let read = Limited::new(body, MOST).collect().await.ok()?.to_bytes();
    let told: Value = serde_json::from_slice(&read).ok()?;
    let names =
        |error: &Value| error.get("exceptionName").and_then(Value::as_str) == Some(PERMISSION);
    let permission = told.get("errors")?.as_array()?.iter().any(names);
    // In its own spelling; a text within JSON may be spelled in others.
    let plain = serde_json::to_string(&told).ok()?;
    let echoes = |secret: &Zeroizing<Vec<u8>>| {
        [read.as_ref(), plain.as_bytes()]
            .iter()
            .any(|text| memchr::memmem::find(text, secret).is_some())
    };
    (permission && !secrets.iter().any(echoes)).then_some(read)
}
