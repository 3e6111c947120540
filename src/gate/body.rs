//! What must hold for the body of a request before it is sent on, and git's probe.

use super::Rules;
use super::push::Held;
use super::refusal::Refusal;
use crate::domain::intent::{self, Intent};
use crate::forward::ForwardError;
use crate::forward::body::{Body, Upload};
use crate::reply;
use bytes::{Bytes, BytesMut};
use http::Response;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::BodyExt;
use std::time::Duration;

/// A GET has no body, an RPC has exactly one media type, and none is larger than the limit.
pub(super) async fn check(
    head: &Parts,
    intent: &Intent,
    upload: &mut Upload,
    rules: &Rules,
) -> Result<(), Refusal> {
    match intent.body {
        intent::Body::None => check_empty(upload, rules).await?,
        intent::Body::Typed(expected) => {
            if !has_type(head, expected) {
                return Err(Refusal::MediaType(expected));
            }
        }
        intent::Body::OneOf(types) => check_one_of(head, types, upload)?,
        intent::Body::Opaque => {}
    }
    match (upload.length(), rules.max_body) {
        (Some(length), Some(limit)) if length > limit => Err(ForwardError::TooLarge(limit).into()),
        _ => Ok(()),
    }
}

/// A body that is there but empty is none.
pub(super) async fn check_empty(upload: &mut Upload, rules: &Rules) -> Result<(), Refusal> {
    let empty = match upload.length() {
        Some(length) => length == 0,
        None => take(upload, rules, 0).await.is_some_and(|read| read.is_empty()),
    };
    if empty { Ok(()) } else { Err(Refusal::BodyOnRead) }
}

/// A body, if there is one, says of which of the types it is; what says another one is refused even when
/// there is none, because a form may carry what outranks the rest of a request.
fn check_one_of(
    head: &Parts,
    types: &'static [&'static str],
    upload: &Upload,
) -> Result<(), Refusal> {
    let mut given = head.headers.get_all(CONTENT_TYPE).iter();
    let named = |value: &http::HeaderValue| {
        let essence = value.to_str().ok().and_then(|text| text.split(';').next());
        let essence = essence.map(str::trim).unwrap_or_default();
        types.iter().any(|known| known.eq_ignore_ascii_case(essence))
    };
    let good = match (given.next(), given.next()) {
        (None, _) => upload.length() == Some(0),
        (Some(value), None) => named(value),
        (Some(_), Some(_)) => false,
    };
    if good { Ok(()) } else { Err(Refusal::MediaType(types.first().copied().unwrap_or_default())) }
}

fn has_type(head: &Parts, expected: &str) -> bool {
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    let first = types.next().is_some_and(|value| value.as_bytes() == expected.as_bytes());
    first && types.next().is_none()
}

/// Reads a body to its end, if that comes within `most` bytes.
async fn take(upload: &mut Upload, rules: &Rules, most: usize) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    let reading = async {
        while let Some(frame) = upload.frame().await {
            read.extend_from_slice(frame.ok()?.data_ref()?);
            if read.len() > most {
                return None;
            }
        }
        Some(())
    };
    tokio::time::timeout(rules.idle_timeout, reading).await.ok()??;
    Some(read)
}

/// Reads a whole body of at most `most` bytes, counted where it is more than one request's own; `None` when
/// there are more.
pub(super) async fn collect(
    upload: &mut Upload,
    rules: &Rules,
    most: usize,
    mut counted: Option<&mut Held>,
) -> Result<Option<Bytes>, Refusal> {
    if upload.length().is_some_and(|length| length > most as u64) {
        return Ok(None);
    }
    let mut read = BytesMut::new();
    let reading = async {
        while let Some(frame) = upload.frame().await {
            let Ok(frame) = frame else { return Err(upload.fault().into()) };
            if let Some(data) = frame.data_ref() {
                if read.len() + data.len() > most {
                    return Ok::<_, Refusal>(None);
                }
                if let Some(counted) = &mut counted {
                    counted.grow(data.len())?;
                }
                read.extend_from_slice(data);
            }
        }
        Ok(Some(()))
    };
    // What is held for it is others' room as well.
    let whole = tokio::time::timeout(rules.idle_timeout.min(COMING), reading).await;
    let whole: Option<()> = whole.map_err(|_elapsed| Refusal::from(ForwardError::Stalled))??;
    Ok(whole.map(|()| read.freeze()))
}

/// Reads the beginning of a body, up to `most` bytes and whatever came with the last of them, and gives it
/// back.
pub(super) async fn look_at(
    upload: &mut Upload,
    rules: &Rules,
    most: usize,
) -> Result<Bytes, Refusal> {
    let mut read = BytesMut::new();
    let reading = async {
        while read.len() < most {
            let Some(frame) = upload.frame().await else { break };
            let Ok(frame) = frame else { return Err(Refusal::from(upload.fault())) };
            read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        Ok(())
    };
    let whole = tokio::time::timeout(rules.idle_timeout.min(COMING), reading).await;
    whole.map_err(|_elapsed| Refusal::from(ForwardError::Stalled))??;
    let read = read.freeze();
    upload.put_back(read.clone());
    Ok(read)
}

/// The longest that a body may take to come which is read here.
const COMING: Duration = Duration::from_mins(1);

/// The flush packet, which does nothing.
const FLUSH: &[u8] = b"0000";

/// Whether this is as long as the four bytes that git 2.46 to 2.53 posts without its Bearer credential
/// before a large request, to see whether it would be let in.
pub(super) fn looks_like_probe(head: &Parts, intent: &Intent, upload: &Upload) -> bool {
    let intent::Body::Typed(expected) = intent.body else { return false };
    has_type(head, expected) && upload.length() == Some(FLUSH.len() as u64)
}

/// Answers the probe here, when it is one. Anything more wants a credential, also where reads do not:
/// its bytes are taken and cannot be sent on.
pub(super) async fn probe(
    intent: &Intent,
    upload: &mut Upload,
    rules: &Rules,
) -> Result<Response<Body>, Refusal> {
    if take(upload, rules, FLUSH.len()).await.is_none_or(|read| read != FLUSH) {
        return Err(Refusal::NoCredential);
    }
    let result = match intent.action {
        intent::Action::Push => "application/x-git-receive-pack-result",
        intent::Action::Archive => "application/x-git-upload-archive-result",
        _ => "application/x-git-upload-pack-result",
    };
    Ok(reply::probe(result).map(Body::Ready))
}
