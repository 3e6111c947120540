//! What is looked at before anything else: the first line, where it comes from, and when.

use super::Rules;
use super::refusal::Refusal;
use crate::domain::dialect::{RequestLine, Unclear, path};
use crate::domain::timestamp::Timestamp;
use http::header::{COOKIE, EXPECT, HeaderValue};
use http::request::Parts;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn line(head: &Parts) -> RequestLine<'_> {
    RequestLine { method: head.method.as_str(), path: head.uri.path(), query: head.uri.query() }
}

/// Whether the client waits to be told to send its body (RFC 9110 §10.1.1).
pub(super) fn waits(head: &Parts) -> bool {
    let mut lines = head.headers.get_all(EXPECT).iter().peekable();
    lines.peek().is_some() && lines.all(|e| e.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Header lines, as HTTP/1.1 would have them: browsers send each cookie by itself over HTTP/2 (RFC 9113
/// §8.2.3).
fn lines(head: &Parts) -> usize {
    let crumbs = head.headers.get_all(COOKIE).iter().count();
    head.headers.len() - crumbs.saturating_sub(1)
}

/// Only origin-form targets, no expectation but one, no method that asks the proxy for something, and no
/// more header lines than are taken.
pub(super) fn check_target(rules: &Rules, head: &Parts) -> Result<(), Refusal> {
    if head.headers.len() > rules.headers && lines(head) > rules.headers {
        return Err(Refusal::Headers(rules.headers));
    }
    let method = head.method.as_str();
    let refused = ["TRACE", "CONNECT", "OPTIONS"];
    if let Some(method) = refused.into_iter().find(|own| own.eq_ignore_ascii_case(method)) {
        return Err(Refusal::Method(method));
    }
    if head.headers.contains_key(EXPECT) && !waits(head) {
        return Err(Refusal::Expectation);
    }
    let absolute = head.uri.scheme().is_some() || head.uri.authority().is_some();
    // HTTP/2 may bring a query alone.
    let target = head.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    let plain = target.starts_with('/') || target == "*";
    if !plain || (absolute && head.version < http::Version::HTTP_2) {
        return Err(Refusal::AbsoluteTarget);
    }
    Ok(())
}

/// Of a token's request: no credential in the query, and nothing that makes another request of it.
pub(super) fn check_query(head: &Parts) -> Result<(), Unclear> {
    Ok(head.uri.query().map_or(Ok(()), path::check_token_query)?)
}

pub(super) fn client(
    rules: &Rules,
    peer: Option<IpAddr>,
    head: &Parts,
) -> Result<Option<IpAddr>, Refusal> {
    // What is not even text is no address either.
    let text = |line| HeaderValue::to_str(line).unwrap_or("?");
    let lines = || head.headers.get_all("x-forwarded-for").iter().map(text);
    Ok(rules.trusted_proxies.client(peer, lines)?)
}

/// The time of the verdict. A clock that stands before 1970 is trouble here, not a permission.
pub(super) fn now() -> Result<Timestamp, Refusal> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Refusal::Clock)?;
    i64::try_from(since.as_millis()).map(Timestamp::from_millis).map_err(|_| Refusal::Clock)
}
