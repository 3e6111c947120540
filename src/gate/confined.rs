//! What a request names in its query and body, looked at before it is sent on.
//!
//! Of most requests the path tells all. Where a row says that fields name something else, and the identity
//! upstream can reach more than the token may, the JSON body is read within a bound and given back untouched.

use super::push::Held;
use super::refusal::Refusal;
use super::{Gate, Rules, body};
use crate::domain::intent::{Intent, Place};
use crate::domain::json;
use crate::domain::policy::protection::Protection;
use crate::domain::policy::refs;
use crate::domain::policy::{Circumstances, Denial, confined};
use crate::domain::principal::TokenPrincipal;
use crate::forward::ForwardError;
use crate::forward::body::Upload;
use crate::forward::queue::Holder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use serde_json::Value;

/// The most bytes of a body that is read. A pull request with the longest description that Bitbucket takes
/// has 32 KiB.
const MOST: usize = 1024 * 1024;

impl Gate {
    /// Holds what a request names to the scope of its token, if it is confined, and to the project that a
    /// repository is in. What is read for it is counted for as long as the answer is kept.
    pub(super) async fn hold(
        &self,
        rules: &Rules,
        head: &Parts,
        who: &TokenPrincipal,
        (intent, is_confined): (&Intent, bool),
        upload: &mut Upload,
        at: Circumstances,
    ) -> Result<Held, Refusal> {
        let mut counted = self.told.hold(Holder::Token(who.id));
        let moves = confined::may_move(who, intent);
        let body = if moves || is_confined && confined::looks_at_body(intent) {
            read(rules, head, upload, &mut counted).await?
        } else {
            None
        };
        if moves {
            confined::stays_in_project(who, intent, body.as_ref(), at)?;
        }
        if is_confined {
            confined::judge(who, intent, head.uri.query(), body.as_ref(), at)?;
        }
        Ok(counted)
    }
}

/// Refuses what writes refs past Git where the operator protects any of the repository's: which ref is
/// written is not judged there.
pub(super) fn unprotected(
    who: &TokenPrincipal,
    intent: &Intent,
    protections: &[Protection],
) -> Result<(), Denial> {
    match &intent.place {
        Place::Repository(path) if intent.effects.refs => refs::past_git(who, path, protections),
        _ => Ok(()),
    }
}

/// The body as JSON; `None` when there is none.
async fn read(
    rules: &Rules,
    head: &Parts,
    upload: &mut Upload,
    counted: &mut Held,
) -> Result<Option<Value>, Refusal> {
    let is = |value: &http::HeaderValue, text: &str| {
        value.as_bytes().eq_ignore_ascii_case(text.as_bytes())
    };
    if head.headers.get_all(CONTENT_ENCODING).iter().any(|coding| !is(coding, "identity")) {
        return Err(Refusal::EncodedJson);
    }
    // A reader that goes by another encoding reads something else than we do.
    let charset = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let parameters = charset.unwrap_or_default().split(';').skip(1).map(str::trim);
    let other = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset")
            || !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    if parameters.filter(|parameter| !parameter.is_empty()).any(other) {
        return Err(Refusal::MediaType("application/json"));
    }
    let read = body::collect(upload, rules, MOST, Some(counted)).await?;
    let read = read.ok_or(ForwardError::TooLarge(MOST as u64))?;
    if read.is_empty() {
        return Ok(None);
    }
    let value = json::read(&read).map_err(Refusal::Json)?;
    upload.put_back(read);
    Ok(Some(value))
}
