//! A person's request, under `people = "pass"`: as it came, less what would say who somebody is.
//!
//! What stands in a form is looked at all the same: a token that somebody types as a password goes to no
//! host.

use super::passage::outbound;
use super::refusal::Refusal;
use super::visit::Visit;
use super::{Gate, Rules, body, names};
use crate::domain::dialect::Classified;
use crate::domain::dialect::path::decode_form;
use crate::domain::intent::{Action, Intent, NameEffect};
use crate::domain::token::contains_form;
use crate::forward::body::{Body, Upload};
use crate::forward::{ForwardError, Passage};
use crate::reply;
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use std::net::IpAddr;

/// The most bytes of a form, and of a login.
const MOST_FORM: usize = 1024 * 1024;
/// The most bytes of other bodies that are looked at; what is larger is no login.
const MOST_OTHER: u64 = 64 * 1024;

impl Gate {
    /// Sends a person's request on.
    pub(super) async fn person(
        &self,
        rules: &Rules,
        head: Parts,
        mut upload: Upload,
        client: Option<IpAddr>,
        what: &Classified,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let intent = match what {
            Classified::Known(intent) => Some(intent.as_ref()),
            Classified::Unknown | Classified::Own => None,
        };
        if head.method.is_safe() {
            body::check_empty(&mut upload, rules).await?;
        } else {
            without_token(rules, &head, intent, &mut upload).await?;
        }
        let names = intent.filter(|intent| intent.effects.name != NameEffect::Stays);
        let request = outbound(head, upload, client, String::new(), visit);
        let answer = match names {
            Some(intent) => {
                let own = names::Owned::Person;
                self.forward_naming(own, request, intent, rules, (client, None), visit).await
            }
            None => self.forward(Passage::Person, request, rules, visit).await,
        };
        answer.map(reply::challenged)
    }
}

/// Refuses a form or a small document with a token of ours in it.
async fn without_token(
    rules: &Rules,
    head: &Parts,
    intent: Option<&Intent>,
    upload: &mut Upload,
) -> Result<(), Refusal> {
    let login = intent.is_some_and(|intent| intent.action == Action::Login);
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
