//! The query of a request: parameters that make another request of it, and those that are judged.

use super::path::{PathFault, decode};
use std::borrow::Cow;

/// Parameters by which hosts take credentials, in lower case. An ending `*` stands for whatever follows.
const CREDENTIALS: &[&str] = &[
    "access_token",
    "feed_token",
    "job_token",
    "jwt",
    "oauth_*",
    "os_password",
    "os_username",
    "private_token",
    "rss_token",
    "token",
    "xoauth_*",
];

/// Those by which they let a request be another one, in the same form.
const OVERRIDES: &[&str] =
    &["_method", "os_authtype", "sudo", "x-http-method*", "x-method-override"];

/// What is refused besides in the query of a token's request: parameters that carry credentials or make
/// another request of it, in any spelling.
///
/// # Errors
/// The first such parameter.
pub fn check_token_query(raw: &str) -> Result<(), PathFault> {
    match first_of(raw, &[CREDENTIALS, OVERRIDES]) {
        Some(known) => Err(PathFault::Parameter(known)),
        None => Ok(()),
    }
}

/// Whether a parameter is there by which some host takes a credential, in any spelling.
#[must_use]
pub fn is_credential_in_query(raw: &str) -> bool {
    first_of(raw, &[CREDENTIALS]).is_some()
}

/// The first parameter that is one of these.
fn first_of(raw: &str, lists: &[&[&'static str]]) -> Option<&'static str> {
    parameters(raw).find_map(|(name, _)| {
        let name = plain(name).to_ascii_lowercase();
        let name = name.trim();
        let is_it = |known: &&&str| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == **known,
        };
        lists.iter().copied().flatten().find(is_it).copied()
    })
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
            assert!(!is_credential_in_query(query), "{query}");
        }
        let credentials = [
            "access_token=x",
            "limit=1&ACCESS_TOKEN=x",
            "%61ccess_token=x",
            "access%5Ftoken",
            "+token=x",
            "token%20=x",
            "a;os_username=x",
            "OAUTH_consumer_key=x",
            "xoauth_requestor_id=admin",
            "jwt=x",
            "&&private_token=",
        ];
        let others = [
            "os_authType=basic",
            "_method=DELETE",
            "%5fmethod=DELETE",
            "X-HTTP-Method-Override=DELETE",
            "sudo=root",
        ];
        for query in credentials {
            assert!(check_token_query(query).is_err(), "{query}");
            assert!(is_credential_in_query(query), "{query}");
        }
        for query in others {
            assert!(check_token_query(query).is_err(), "{query}");
            assert!(!is_credential_in_query(query), "{query}");
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
