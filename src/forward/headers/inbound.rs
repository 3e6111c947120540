//! From a host to a client.

use super::{OWN_COOKIE, binds_to_connection, named};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// What of the host's headers goes back to the client. `secrets` are what the host was told to
/// know us by, which no header may carry back.
pub fn inbound(headers: &mut HeaderMap, secrets: &[Zeroizing<Vec<u8>>], person: bool) {
    let named = named(headers);
    // In nearly every answer, so that nothing is left to be collected.
    headers.remove(header::CONNECTION);
    headers.remove(header::TRANSFER_ENCODING);
    let mut drop: Vec<HeaderName> = Vec::new();
    for (name, value) in headers.iter() {
        let text = name.as_str();
        let hop = matches!(
            text,
            "close"
                | "keep-alive"
                | "proxy-connection"
                | "te"
                | "trailer"
                | "upgrade"
                | "proxy-authenticate"
                | "proxy-authentication-info"
                | "alt-svc"
                | "refresh"
        );
        let told = matches!(
            text,
            "set-cookie"
                | "set-cookie2"
                | "www-authenticate"
                | "authentication-info"
                | "authorization"
                | "x-asessionid"
                | "cookie"
        );
        let echoes = secrets.iter().any(|s| memchr::memmem::find(value.as_bytes(), s).is_some());
        if hop || echoes || (told && !person) || named.iter().any(|option| option == text) {
            drop.push(name.clone());
        }
    }
    for name in drop {
        headers.remove(name);
    }
    if person {
        drop_for_people(headers);
    }
}

/// People keep their host's cookies and challenges, but not ours, and not those that bind to a
/// connection which they share with nobody else only by luck.
fn drop_for_people(headers: &mut HeaderMap) {
    let keep = |headers: &mut HeaderMap, name: HeaderName, good: fn(&str) -> bool| {
        let lines: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
        headers.remove(&name);
        for line in lines {
            if line.to_str().is_ok_and(good) {
                headers.append(name.clone(), line);
            }
        }
    };
    keep(headers, header::SET_COOKIE, |line| {
        // A cookie without a name (`=x`) comes back from some browsers as `x`.
        !line.trim_start_matches([' ', '=']).starts_with(OWN_COOKIE)
    });
    keep(headers, header::WWW_AUTHENTICATE, |line| !binds_to_connection(line));
}
