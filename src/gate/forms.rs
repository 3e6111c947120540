//! Forms of people, looked at before they are sent on: a token that somebody types as a password goes to no
//! host.

use super::refusal::Refusal;
use super::{Rules, body};
use crate::domain::dialect::Classified;
use crate::domain::dialect::path::decode_form;
use crate::domain::intent::Action;
use crate::domain::token::contains_form;
use crate::forward::ForwardError;
use crate::forward::body::Upload;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;

/// The most bytes of a form, and of a login.
const MOST_FORM: usize = 1024 * 1024;
/// The most bytes of other bodies that are looked at; what is larger is no login.
const MOST_OTHER: u64 = 64 * 1024;

/// Refuses a form or a small document with a token of ours in it.
pub(super) async fn check(
    rules: &Rules,
    head: &Parts,
    what: &Classified,
    upload: &mut Upload,
) -> Result<(), Refusal> {
    let login = matches!(what, Classified::Known(intent) if intent.action == Action::Login);
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    let kind = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is = |essence: &str| {
        kind.get(..essence.len()).is_some_and(|start| start.eq_ignore_ascii_case(essence))
    };
    // Two types are read by whoever comes first.
    let form = is("application/x-www-form-urlencoded") || types.next().is_some();
    let document = is("application/json") || is("multipart/form-data") || is("text/");
    let small = upload.length().is_some_and(|length| length <= MOST_OTHER);
    if !(login || form || document && small) {
        return Ok(());
    }
    let coded = head.headers.get_all(CONTENT_ENCODING).iter();
    if coded.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return if login || form { Err(Refusal::EncodedForm) } else { Ok(()) };
    }
    let read = body::collect(upload, rules, MOST_FORM).await?;
    let read = read.ok_or(ForwardError::TooLarge(MOST_FORM as u64))?;
    if contains_form(&read) || contains_form(&decode_form(&read)) {
        return Err(Refusal::TokenInForm);
    }
    upload.put_back(read);
    Ok(())
}
