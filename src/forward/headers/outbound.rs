//! From a client to a host.

use super::{OWN_COOKIE, binds_to_connection, fold, named};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Those that end at each connection (RFC 9110 §7.6.1), with what framing and gitlatch make anew.
fn is_of_the_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "close"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "content-length"
            | "upgrade"
            | "http2-settings"
            | "host"
            | "expect"
            | "x-request-id"
            | "proxy-authorization"
            | "proxy-authenticate"
            | "proxy"
    )
}

/// Those by which a client could say who or where it is, or what it asks for, past the proxy.
fn claims_something(name: &str) -> bool {
    const STARTS: [&str; 24] = [
        "x-forwarded",
        "x-webauth",
        "x-remote",
        "x-auth-request",
        "x-auth-user",
        "x-authenticated",
        "x-authentik",
        "x-accel",
        "x-amzn-oidc",
        "x-goog-authenticated",
        "x-method",
        "x-ms-client-principal",
        "x-sendfile",
        "x-user",
        "authenticated",
        "cf-access",
        "impersonate",
        "x-original",
        "x-rewrite",
        "x-http-method",
        "x-client-",
        "x-ssl-",
        "ssl-client",
        "remote-",
    ];
    STARTS.iter().any(|start| name.starts_with(start))
        || matches!(
            name,
            "forwarded"
                | "x-real-ip"
                | "x-email"
                | "x-proxyuser-ip"
                | "x-cluster-client-ip"
                | "true-client-ip"
                | "client-ip"
                | "cf-connecting-ip"
                | "fastly-client-ip"
        )
}

/// Whether a header is of the connection, or says what only gitlatch may say: a host cannot have it sent.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    is_of_the_connection(name) || claims_something(name) || name == "cookie"
}

/// What git, its relatives and callers of REST send, and a host may want to know.
fn is_harmless(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-charset"
            | "accept-encoding"
            | "accept-language"
            | "cache-control"
            | "content-encoding"
            | "content-type"
            | "git-protocol"
            | "if-match"
            | "if-modified-since"
            | "if-none-match"
            | "if-range"
            | "if-unmodified-since"
            | "pragma"
            | "range"
            | "traceparent"
            | "tracestate"
            | "user-agent"
            // Of Bitbucket: that no page of another site has the browser send this.
            | "x-atlassian-token"
    )
}

/// Whether a header of this name carries a credential, by the custom of some host: `PRIVATE-TOKEN`,
/// `Deploy-Token`, `X-Api-Key`. Cookies are none, nor is what only a browser itself can send (`Sec-…`).
#[must_use]
pub fn is_credential(name: &str) -> bool {
    const WORDS: [&str; 13] = [
        "apikey",
        "assertion",
        "auth",
        "authentication",
        "authorization",
        "credential",
        "credentials",
        "jwt",
        "key",
        "password",
        "secret",
        "ticket",
        "token",
    ];
    let words = fold(name);
    !is_harmless(name)
        && !name.starts_with("sec-")
        && words.split('-').any(|word| WORDS.contains(&word))
}

/// What of a client's headers goes upstream.
///
/// Of a request with a token, or of an anonymous read, only what is known to be harmless. A `person`,
/// a request without a token, keeps everything, its own credentials and cookies as well, but what
/// would say who somebody is or what is asked for past the proxy.
#[must_use]
pub fn outbound(headers: &HeaderMap, identity: Option<&HeaderName>, person: bool) -> HeaderMap {
    let named = named(headers);
    let mut kept = HeaderMap::with_capacity(headers.len() + 6);
    for (name, value) in headers {
        let text = name.as_str();
        let keep = if person { is_of_people(text, value) } else { is_harmless(text) };
        if keep && Some(name) != identity && !named.iter().any(|option| option == text) {
            kept.append(name.clone(), value.clone());
        }
    }
    if person {
        join_cookies(&mut kept);
    }
    kept
}

/// Whether nothing that a person's request would carry on could be a credential but `Authorization`.
#[must_use]
pub fn only_authorization(headers: &HeaderMap) -> bool {
    headers.iter().all(|(name, value)| {
        let text = name.as_str();
        let harmless = name == header::AUTHORIZATION || name == header::VIA || is_harmless(text);
        harmless || !is_of_people(text, value)
    })
}

fn is_of_people(name: &str, value: &HeaderValue) -> bool {
    // A name with anything but letters, digits and dashes is an alias of another.
    let alias = !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let bound = name == "authorization" && value.to_str().is_ok_and(binds_to_connection);
    !(alias || bound || is_of_the_connection(name) || claims_something(name))
}

/// One line of cookies, as HTTP/1.1 has it (HTTP/2 may bring them in crumbs, RFC 9113 §8.2.3), without
/// our own.
fn join_cookies(headers: &mut HeaderMap) {
    let is_own = |pair: &&str| pair.split('=').next().is_some_and(|n| n.trim() == OWN_COOKIE);
    let lines: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
    let own = |line: &HeaderValue| memchr::memmem::find(line.as_bytes(), OWN_COOKIE.as_bytes());
    if lines.len() < 2 && !lines.iter().any(|line| own(line).is_some()) {
        return;
    }
    headers.remove(header::COOKIE);
    let pairs = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let kept: Vec<&str> = pairs.map(str::trim).filter(|p| !p.is_empty() && !is_own(p)).collect();
    if let Ok(value) = HeaderValue::from_str(&kept.join("; "))
        && !kept.is_empty()
    {
        headers.insert(header::COOKIE, value);
    }
}
