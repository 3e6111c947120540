//! The query of a request: parameters that make another request of it, and those that are judged.

use super::path::{PathFault, decode};
use std::borrow::Cow;

/// Parameters by which hosts take credentials or let a request be another one, in lower case. An ending
/// `*` stands for whatever follows.
const OVERRIDES: &[&str] = &[
    "_method",
    "access_token",
    "feed_token",
    "job_token",
    "jwt",
    "oauth_*",
    "os_authtype",
    "os_password",
    "os_username",
    "private_token",
    "rss_token",
    "sudo",
    "token",
    "x-http-method*",
    "x-method-override",
    "xoauth_*",
];

/// What is refused besides in the query of a token's request: parameters that carry credentials or make
/// another request of it, in any spelling.
///
/// # Errors
/// The first such parameter.
pub fn check_token_query(raw: &str) -> Result<(), PathFault> {
    for (name, _) in parameters(raw) {
        let name = plain(name).to_ascii_lowercase();
        let name = name.trim();
        let found = OVERRIDES.iter().find(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == **known,
        });
        if let Some(known) = found {
            return Err(PathFault::Parameter(known));
        }
    }
    Ok(())
}

/// The value of a parameter that is judged, decoded; `None` when it is not there. A name in another case
/// counts, for a host may take it.
///
/// # Errors
/// When it stands more than once: hosts differ in which one they take.
pub fn parameter<'a>(raw: &'a str, name: &'static str) -> Result<Option<Cow<'a, str>>, PathFault> {
    let mut found = None;
    for (key, value) in parameters(raw) {
        if plain(key).trim().eq_ignore_ascii_case(name) && found.replace(plain(value)).is_some() {
            return Err(PathFault::Repeated(name));
        }
    }
    Ok(found)
}

/// Names and values, as they stand. Some servers divide at `;` too.
fn parameters(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = raw.split(['&', ';']).filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Decodes percent escapes, and `+` as forms have it.
fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        Cow::Owned(decode(&text.replace('+', " ")).into_owned())
    } else {
        decode(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_override() {
        let good = [
            "",
            "at=refs%2Fheads%2Fmain&limit=25",
            "tokens=1",
            "mytoken=1",
            "at=token",
            "a=%26token=x",
        ];
        for query in good {
            assert_eq!(check_token_query(query), Ok(()), "{query}");
        }
        let bad = [
            "access_token=x",
            "limit=1&ACCESS_TOKEN=x",
            "%61ccess_token=x",
            "access%5Ftoken",
            "+token=x",
            "token%20=x",
            "a;os_username=x",
            "os_authType=basic",
            "OAUTH_consumer_key=x",
            "xoauth_requestor_id=admin",
            "_method=DELETE",
            "%5fmethod=DELETE",
            "X-HTTP-Method-Override=DELETE",
            "sudo=root",
            "jwt=x",
            "&&private_token=",
        ];
        for query in bad {
            assert!(check_token_query(query).is_err(), "{query}");
        }
    }

    #[test]
    fn parameters_that_are_judged() {
        let value = |query| parameter(query, "fromRepo").map(|v| v.map(Cow::into_owned));
        assert_eq!(value("from=a&to=b"), Ok(None));
        for query in ["fromRepo=A%2Fb+c", "x&FROMREPO=A/b%20c", "%66romRepo=A/b c"] {
            assert_eq!(value(query), Ok(Some("A/b c".to_owned())), "{query}");
        }
        for query in ["fromRepo=a&fromRepo=a", "fromRepo=a&from%52epo", "fromRepo=a;fromrepo=b"] {
            assert_eq!(value(query), Err(PathFault::Repeated("fromRepo")), "{query}");
        }
    }
}
