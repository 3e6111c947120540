//! Forms of people, looked at before they are sent on: a token that somebody types as a password goes to no
//! host.

use super::push::Held;
use super::refusal::Refusal;
use super::{Rules, body};
use crate::domain::dialect::Classified;
use crate::domain::dialect::path::decode_form;
use crate::domain::intent::Action;
use crate::domain::token::contains_form;
use crate::forward::ForwardError;
use crate::forward::body::Upload;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;

/// The most bytes of a form.
const MOST_FORM: usize = 1024 * 1024;
/// The most bytes of a login, and of other bodies that are looked at; what is larger is no login.
const SMALL: usize = 64 * 1024;

/// Refuses a form or a small document with a token of ours in it.
pub(super) async fn check(
    rules: &Rules,
    head: &Parts,
    what: &Classified,
    upload: &mut Upload,
    counted: &mut Held,
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
    let length = upload.length();
    let large = length.is_some_and(|length| length > SMALL as u64);
    if !(login || form || document && !large) {
        return Ok(());
    }
    let coded = head.headers.get_all(CONTENT_ENCODING).iter();
    if coded.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return if login || form { Err(Refusal::EncodedForm) } else { Ok(()) };
    }
    let read = if login || form && length.is_some() && !large {
        // So small that it is not counted: whoever logs in shares no room with anybody.
        whole(upload, rules, SMALL, None).await?
    } else if form {
        whole(upload, rules, MOST_FORM, Some(counted)).await?
    } else {
        // Of a document whose length nobody tells, the beginning: what is longer is no login.
        let read = body::look_at(upload, rules, SMALL).await?;
        return refuse_token(&read);
    };
    refuse_token(&read)?;
    upload.put_back(read);
    Ok(())
}

async fn whole(
    upload: &mut Upload,
    rules: &Rules,
    most: usize,
    counted: Option<&mut Held>,
) -> Result<Bytes, Refusal> {
    let read = body::collect(upload, rules, most, counted).await?;
    Ok(read.ok_or(ForwardError::TooLarge(most as u64))?)
}

fn refuse_token(read: &[u8]) -> Result<(), Refusal> {
    if contains_form(read) || contains_form(&decode_form(read)) {
        return Err(Refusal::TokenInForm);
    }
    Ok(())
}
