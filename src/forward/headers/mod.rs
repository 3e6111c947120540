//! Header hygiene: what a request may carry, what of it goes upstream, and what of an answer comes back.
//! Pure.

mod inbound;
mod outbound;

pub use inbound::inbound;
pub use outbound::{is_credential, is_ours, only_authorization, outbound};

use crate::domain::token::contains_form;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The header that carries the request id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is wrong with the headers of a request (400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// None, several, or not `host[:port]`.
    #[error("a request has exactly one Host header, of the form host[:port]")]
    Host,
    /// HTTP/2's `:authority` says something else than `Host`.
    #[error("the Host header and the authority of the request differ")]
    Authority,
    /// More than one `Content-Length`, or `Transfer-Encoding` other than one `chunked`.
    #[error("the length of the request's body can be read in more than one way")]
    Framing,
    /// A control byte, or bytes that are not UTF-8.
    #[error("the header `{0}` has a value that is not text")]
    Value(String),
    /// A header that `Connection` may not name.
    #[error("the Connection header names `{0}`, which must reach its destination")]
    Connection(String),
}

impl HeaderFault {
    /// Whether nobody knows any more where the next request of the connection begins.
    #[must_use]
    pub const fn is_framing(&self) -> bool {
        matches!(self, Self::Framing)
    }
}

/// Holds a request to one way of reading where its body ends. It comes before everything else: whatever a
/// request is refused for besides, nobody knows where the next one begins.
///
/// # Errors
/// [`HeaderFault::Framing`].
pub fn check_framing(headers: &HeaderMap) -> Result<(), HeaderFault> {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    let mut codings = 0;
    for value in headers.get_all(header::TRANSFER_ENCODING) {
        codings += 1;
        if !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(HeaderFault::Framing);
        }
    }
    if lengths + codings > 1 { Err(HeaderFault::Framing) } else { Ok(()) }
}

/// Holds the other headers of a request to what can be read in one way.
///
/// # Errors
/// The first fault found.
pub fn check(
    headers: &HeaderMap,
    authority: Option<&str>,
    identity: Option<&HeaderName>,
) -> Result<(), HeaderFault> {
    check_host(headers, authority)?;
    // What `Connection` names is a header, and ASCII.
    let is_odd = |name: &HeaderName, value: &HeaderValue| {
        !is_text(value) || (name == header::CONNECTION && value.to_str().is_err())
    };
    if let Some((name, _)) = headers.iter().find(|(name, value)| is_odd(name, value)) {
        return Err(HeaderFault::Value(name.as_str().to_owned()));
    }
    for named in connection_options(headers) {
        let identity = identity.map(HeaderName::as_str);
        if ESSENTIAL.into_iter().chain(identity).any(|own| folds_alike(own, named)) {
            return Err(HeaderFault::Connection(named.to_owned()));
        }
    }
    Ok(())
}

fn check_host(headers: &HeaderMap, authority: Option<&str>) -> Result<(), HeaderFault> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().map_err(|_| HeaderFault::Host)?),
        (None, None) => None,
        _ => return Err(HeaderFault::Host),
    };
    match (host, authority) {
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            Err(HeaderFault::Authority)
        }
        // HTTP/2's is no header, in which a token would be looked for.
        (Some(host), _) | (None, Some(host))
            if is_host(host) && !contains_form(host.as_bytes()) =>
        {
            Ok(())
        }
        _ => Err(HeaderFault::Host),
    }
}

/// `host[:port]`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("v6", rest.strip_prefix(':').or(rest.is_empty().then_some("0")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("0")),
        },
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let digits = |p: &str| p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok();
    !host.is_empty() && host.bytes().all(plain) && port.is_some_and(digits)
}

fn is_text(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    // Without an early end, which would keep the compiler from looking at many bytes at once.
    let plain = bytes.iter().fold(true, |plain, b| plain & matches!(b, b'\t' | 0x20..0x7f));
    plain
        || (std::str::from_utf8(bytes).is_ok()
            && bytes.iter().all(|b| *b == b'\t' || !b.is_ascii_control()))
}

/// What `Connection` may not name.
const ESSENTIAL: [&str; 7] = [
    "authorization",
    "host",
    "content-length",
    "git-protocol",
    "content-type",
    "content-encoding",
    "x-gitlatch-ticket",
];

/// What `Connection` names, over all its lines (RFC 9110 §7.6.1).
fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::CONNECTION).iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

/// The headers that `Connection` names, in lower case, but for those that end at each connection anyway.
fn named(headers: &HeaderMap) -> Vec<String> {
    let usual =
        |option: &&str| ["close", "keep-alive"].iter().any(|o| option.eq_ignore_ascii_case(o));
    connection_options(headers).filter(|o| !usual(o)).map(str::to_ascii_lowercase).collect()
}

/// A header's name as a CGI-like reader folds it: `X_Webauth.User` is `x-webauth-user`.
pub(super) fn fold(name: &str) -> String {
    name.chars().map(fold_one).collect()
}

fn fold_one(c: char) -> char {
    if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }
}

/// Whether two names are one to such a reader.
fn folds_alike(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.chars().map(fold_one).eq(other.chars().map(fold_one))
}

/// The name of the cookie of gitlatch's own pages, which never goes upstream nor comes from there.
pub const OWN_COOKIE: &str = "gitlatch_session";

/// Schemes that prove who somebody is to a connection, not to a request: on a connection that is used
/// again, the next request would be the same person's.
fn binds_to_connection(authorization: &str) -> bool {
    let scheme = authorization.split([' ', '\t', ',']).next().unwrap_or_default();
    ["ntlm", "negotiate", "kerberos"].iter().any(|bound| scheme.eq_ignore_ascii_case(bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        map
    }

    fn names(map: &HeaderMap) -> String {
        let mut names: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names.join(" ")
    }

    const IDENTITY: HeaderName = HeaderName::from_static("x-webauth-user");

    /// Lines of headers, and what is wrong with them.
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<HeaderFault>);

    #[test]
    fn requests_that_can_be_read_in_one_way() {
        let cases: &[Case<'_>] = &[
            (&[("host", "h")], None),
            (&[("host", "h:80"), ("content-length", "3")], None),
            (&[("host", "[::1]:80"), ("transfer-encoding", "chunked")], None),
            (&[], Some(HeaderFault::Host)),
            (&[("host", "h"), ("host", "h")], Some(HeaderFault::Host)),
            (&[("host", "")], Some(HeaderFault::Host)),
            (&[("host", "u@h")], Some(HeaderFault::Host)),
            (&[("host", "h/x")], Some(HeaderFault::Host)),
            (&[("host", "h:x")], Some(HeaderFault::Host)),
            (&[("host", "h:99999")], Some(HeaderFault::Host)),
            (&[("host", "[::1]x")], Some(HeaderFault::Host)),
            (&[("host", "h, h")], Some(HeaderFault::Host)),
            (
                &[("host", "h"), ("content-length", "3"), ("content-length", "3")],
                Some(HeaderFault::Framing),
            ),
            (
                &[("host", "h"), ("content-length", "3"), ("transfer-encoding", "chunked")],
                Some(HeaderFault::Framing),
            ),
            (
                &[("host", "h"), ("transfer-encoding", "chunked, chunked")],
                Some(HeaderFault::Framing),
            ),
            (&[("host", "h"), ("transfer-encoding", "gzip")], Some(HeaderFault::Framing)),
            (&[("host", "h"), ("x", "a\tb")], None),
            (&[("host", "h"), ("x", "ä")], None),
            (
                &[("host", "h"), ("connection", "close"), ("connection", "x, Authorization")],
                Some(HeaderFault::Connection("Authorization".into())),
            ),
            (
                &[("host", "h"), ("connection", "X_WebAuth_User")],
                Some(HeaderFault::Connection("X_WebAuth_User".into())),
            ),
            (&[("host", "h"), ("connection", "x-other")], None),
            (
                &[("host", "h"), ("connection", "authorization, ä")],
                Some(HeaderFault::Value("connection".into())),
            ),
        ];
        for (lines, expected) in cases {
            let map = map(lines);
            let checked = check_framing(&map).and_then(|()| check(&map, None, Some(&IDENTITY)));
            assert_eq!(checked.err(), *expected, "{lines:?}");
        }
        let odd = HeaderValue::from_bytes(b"\xff").unwrap();
        let mut headers = map(&[("host", "h")]);
        headers.insert("x", odd);
        assert_eq!(check(&headers, None, None), Err(HeaderFault::Value("x".into())));
        assert_eq!(check(&map(&[("host", "a")]), Some("b"), None), Err(HeaderFault::Authority));
        assert_eq!(check(&map(&[]), Some("b:1"), None), Ok(()));
        let token = "latu_0000000000000000000000000000001vo4SB";
        assert_eq!(check(&map(&[]), Some(token), None), Err(HeaderFault::Host));
    }

    #[test]
    fn what_goes_upstream() {
        let headers = map(&[
            ("host", "h"),
            ("connection", "x-a"),
            ("connection", "x-b"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-b", "1"),
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("private-token", "x"),
            ("x-webauth-user", "admin"),
            ("x_webauth_user", "admin"),
            ("x.webauth.user", "admin"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-user", "admin"),
            ("remote-user", "admin"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/x"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("authenticated-user", "admin"),
            ("x-auth-token", "x"),
            ("git-protocol", "version=2"),
            ("content-encoding", "gzip"),
            ("accept", "a"),
            ("accept", "b"),
            ("range", "bytes=0-1"),
            ("if-none-match", "x"),
            ("user-agent", "git/2"),
        ]);
        let kept = outbound(&headers, Some(&IDENTITY), false);
        let expected = "accept content-encoding git-protocol if-none-match range user-agent";
        assert_eq!(names(&kept), expected);
        assert_eq!(kept.get_all("accept").iter().count(), 2);
        let kept = outbound(&headers, Some(&IDENTITY), true);
        assert_eq!(
            names(&kept),
            "accept authorization content-encoding cookie git-protocol \
             if-none-match private-token range user-agent x-auth-token"
        );
    }

    #[test]
    fn what_comes_back() {
        let headers = map(&[
            ("content-type", "text/plain"),
            ("set-cookie", "session=1"),
            ("set-cookie", "gitlatch_session=1"),
            ("set-cookie", " =gitlatch_session=1"),
            ("www-authenticate", "Negotiate"),
            ("www-authenticate", "Basic realm=x"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("alt-svc", "h3"),
            ("x-echo", "Basic c2VjcmV0"),
            ("content-length", "3"),
        ]);
        let mut token = headers.clone();
        inbound(&mut token, &[b"c2VjcmV0".to_vec().into()], false);
        assert_eq!(names(&token), "content-length content-type");
        let mut person = headers;
        inbound(&mut person, &[], true);
        assert_eq!(
            names(&person),
            "content-length content-type set-cookie www-authenticate x-echo"
        );
        assert_eq!(person["set-cookie"], "session=1");
        assert_eq!(person["www-authenticate"], "Basic realm=x");
    }

    #[test]
    fn our_own_cookie_stays_here() {
        let headers = map(&[("cookie", "a=1; gitlatch_session=x; b=2")]);
        assert_eq!(outbound(&headers, None, true)["cookie"], "a=1; b=2");
        let headers = map(&[("cookie", "gitlatch_session=x")]);
        assert!(outbound(&headers, None, true).get("cookie").is_none());
        let crumbs = map(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "gitlatch_session=x")]);
        let joined = outbound(&crumbs, None, true);
        assert_eq!(joined.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
        let bound = map(&[("authorization", "NTLM TlRM")]);
        assert!(outbound(&bound, None, true).is_empty());
    }
}
