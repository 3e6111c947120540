//! What the headers of a request present: read without asking anybody.
//!
//! Every form of a token's presentation is here (`Authorization: Bearer` and `Basic`), and every way in
//! which one could slip past: twice, in another header, as somebody's password.

use crate::domain::secret::Secret;
use crate::domain::token::{Form, TokenHash, contains_form};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// Padding may be there or not: both read as the same bytes.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Reads whatever a lenient reader might.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What was presented.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented {
    /// Nothing, or git's empty `Basic Og==`.
    Nothing,
    /// A credential that is not of a token's form.
    Foreign,
    /// Something of a token's form that no token can be, or by a carrier that takes none.
    Mistyped,
    /// A token.
    Token {
        /// Its hash.
        hash: TokenHash,
        /// As whom it was presented.
        claim: Claim,
    },
}

/// As whom a token is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// As nobody in particular: Bearer, `TOKEN:` or `TOKEN:x-oauth-basic`.
    Bare,
    /// As this user: `USERNAME:TOKEN`.
    User(String),
    /// As a project or repository: `x-token-auth:TOKEN`.
    TokenAuth,
}

/// Why the credentials of a request cannot be read in one way (400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// More than one.
    #[error(
        "the request carries more than one credential; send exactly one Authorization header \
         with one token"
    )]
    Twice,
    /// A Basic credential that readers would read differently, or not at all.
    #[error("the Basic credential is not USER:PASSWORD in base64")]
    Garbled,
    /// A token where it would reach the host or a log.
    #[error("a gitlatch token stands in the header `{0}`; send it as Authorization only")]
    Elsewhere(String),
}

/// Reads the credentials of a request.
///
/// # Errors
/// When there are several, or a token stands in a header that is not for it.
pub fn read(headers: &HeaderMap) -> Result<Presented, CredentialFault> {
    let mut authorization = None;
    let mut private_token = None;
    let mut cookie = false;
    for (name, value) in headers {
        if name == AUTHORIZATION {
            if authorization.replace(value).is_some() {
                return Err(CredentialFault::Twice);
            }
        } else if name == "private-token" {
            if private_token.replace(value).is_some() {
                return Err(CredentialFault::Twice);
            }
        } else if contains_form(value.as_bytes()) {
            if name != COOKIE {
                return Err(CredentialFault::Elsewhere(name.as_str().to_owned()));
            }
            cookie = true;
        }
    }
    let presented = match (authorization, private_token) {
        (Some(_), Some(_)) => Err(CredentialFault::Twice),
        (Some(value), None) => of_authorization(value),
        // The carrier of another kind of host: a token of ours is not honoured in it.
        (None, Some(value)) if contains_form(value.as_bytes()) => Ok(Presented::Mistyped),
        (None, Some(_)) => Ok(Presented::Foreign),
        (None, None) => Ok(Presented::Nothing),
    }?;
    match presented {
        // Cookies beside a token are dropped; those of people may travel on.
        Presented::Nothing | Presented::Foreign if cookie => {
            Err(CredentialFault::Elsewhere(COOKIE.as_str().to_owned()))
        }
        presented => Ok(presented),
    }
}

/// A person's name and password: those of the one Basic credential. `None` for everything else, also
/// for what is not UTF-8, has control characters (RFC 7617 §2) or no name.
///
/// Only for what [`read`] called [`Presented::Foreign`]: it does not look for tokens once more.
#[must_use]
pub fn password(headers: &HeaderMap) -> Option<(String, Secret)> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, encoded) = split_scheme(value.as_bytes().trim_ascii());
    if !scheme.eq_ignore_ascii_case(b"basic") || headers.contains_key("private-token") {
        return None;
    }
    let decoded = BASE64.decode(encoded).map(Zeroizing::new).ok()?;
    let text = std::str::from_utf8(&decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    let plain = !user.is_empty() && !text.contains(char::is_control);
    plain.then(|| (user.to_owned(), Secret::new(password.to_owned())))
}

/// A credential's scheme, and what stands behind it.
fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    (scheme, rest.trim_ascii())
}

fn of_authorization(value: &HeaderValue) -> Result<Presented, CredentialFault> {
    let value = value.as_bytes().trim_ascii();
    let (scheme, rest) = split_scheme(value);
    let presented = if scheme.eq_ignore_ascii_case(b"bearer") {
        presented(rest, Claim::Bare)
    } else if scheme.eq_ignore_ascii_case(b"basic") {
        of_basic(rest)?
    } else {
        Presented::Foreign
    };
    // What is not ours may travel on: not with a token of ours somewhere in it.
    Ok(match presented {
        Presented::Foreign if hides_token(value) => Presented::Mistyped,
        presented => presented,
    })
}

/// `user:password` in base64 (RFC 7617). What some reader might decode in another way is refused.
fn of_basic(encoded: &[u8]) -> Result<Presented, CredentialFault> {
    let decoded = BASE64.decode(encoded).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| CredentialFault::Garbled)?;
    let colon = decoded.iter().position(|b| *b == b':').ok_or(CredentialFault::Garbled)?;
    let (user, password) = (&decoded[..colon], &decoded[colon + 1..]);
    match (contains_form(user), contains_form(password)) {
        (true, true) => Err(CredentialFault::Twice),
        (true, false) if password.is_empty() || password.eq_ignore_ascii_case(b"x-oauth-basic") => {
            Ok(presented(user, Claim::Bare))
        }
        (true, false) => Ok(Presented::Mistyped),
        (false, true) => Ok(presented(password, claim(user))),
        (false, false) if user.is_empty() && password.is_empty() => Ok(Presented::Nothing),
        (false, false) => Ok(Presented::Foreign),
    }
}

/// Whether a token stands in the value as it is, or in base64 as the most lenient reader would take it.
fn hides_token(value: &[u8]) -> bool {
    let words = value.split(|b| b.is_ascii_whitespace() || b",;\"".contains(b));
    contains_form(value)
        || words.into_iter().any(|word| {
            let plain = word.iter().map(|b| match b {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            });
            let word: Vec<u8> = plain.filter(|b| alphabet_of_base64(*b)).collect();
            // A last character that stands alone is no whole byte.
            let whole = if word.len() % 4 == 1 { &word[..word.len() - 1] } else { &word[..] };
            LENIENT.decode(whole).is_ok_and(|bytes| contains_form(&Zeroizing::new(bytes)))
        })
}

fn alphabet_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn claim(user: &[u8]) -> Claim {
    if user.eq_ignore_ascii_case(b"x-token-auth") {
        Claim::TokenAuth
    } else {
        // No user's name has the replacement character: bytes that are not UTF-8 are nobody's.
        Claim::User(String::from_utf8_lossy(user).into_owned())
    }
}

fn presented(secret: &[u8], claim: Claim) -> Presented {
    match Form::of(secret) {
        Form::Foreign => Presented::Foreign,
        Form::Mistyped => Presented::Mistyped,
        Form::Token(hash) => Presented::Token { hash, claim },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::OwnerKind;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn token() -> String {
        let minted = crate::domain::token::mint(OwnerKind::User, |buffer| {
            for (i, b) in buffer.iter_mut().enumerate() {
                *b = u8::try_from(i * 3 % 240).unwrap();
            }
            Ok::<_, std::convert::Infallible>(())
        });
        minted.unwrap().expose().to_owned()
    }

    fn headers(lines: &[(&str, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn describe(lines: &[(&str, String)]) -> String {
        match read(&headers(lines)) {
            Ok(Presented::Token { claim, .. }) => format!("{claim:?}"),
            Ok(other) => format!("{other:?}"),
            Err(CredentialFault::Twice) => "twice".to_owned(),
            Err(CredentialFault::Garbled) => "garbled".to_owned(),
            Err(CredentialFault::Elsewhere(name)) => format!("elsewhere {name}"),
        }
    }

    #[test]
    fn authorization() {
        let t = token();
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let wrong = format!("{}0", &t[..t.len() - 1]);
        let cases = [
            (format!("Bearer {t}"), "Bare"),
            (format!("bEARER   {t}"), "Bare"),
            (basic(&format!("alice:{t}")), "User(\"alice\")"),
            (basic(&format!("{t}:")), "Bare"),
            (basic(&format!("{t}:x-oauth-basic")), "Bare"),
            (basic(&format!("x-token-auth:{t}")), "TokenAuth"),
            (basic(&format!(":{t}")), "User(\"\")"),
            (basic(":"), "Nothing"),
            (basic("alice:secret"), "Foreign"),
            (basic(&format!("alice:{t}x")), "Mistyped"),
            (basic(&format!("alice:{wrong}")), "Mistyped"),
            (basic(&format!("{t}:secret")), "Mistyped"),
            (basic(&t), "garbled"),
            (basic(&format!("{t}:{t}")), "twice"),
            (format!("Bearer {wrong}"), "Mistyped"),
            (format!("Bearer {t} {t}"), "Mistyped"),
            (format!("Bearer {t}, Basic x"), "Mistyped"),
            ("Bearer host-token".to_owned(), "Foreign"),
            (format!("token {t}"), "Mistyped"),
            (format!("Digest {t}"), "Mistyped"),
            (t.clone(), "Mistyped"),
            ("Basic !!".to_owned(), "garbled"),
            ("Basic".to_owned(), "garbled"),
            (basic(&format!("alice:{t}")).trim_end_matches('=').to_owned(), "User(\"alice\")"),
            (basic(&format!("alice:{t}")).replace("Basic ", "Basic\t"), "User(\"alice\")"),
            (basic(&format!("alice:{t}")).replacen("YWxp", "YW xp", 1), "garbled"),
            (basic(&format!("alice:{t}")) + ",", "garbled"),
            (format!("Negotiate abc, {}", basic(&format!("alice:{t}"))), "Mistyped"),
            (format!("Bearer abc, {}", basic(&format!("alice:{t}"))), "Mistyped"),
            (format!("Custom {}", STANDARD.encode(format!("x{t}"))), "Mistyped"),
            (format!("Custom {}", STANDARD.encode("x")), "Foreign"),
            (String::new(), "Foreign"),
        ];
        for (value, expected) in cases {
            assert_eq!(describe(&[("authorization", value.clone())]), expected, "{value}");
        }
    }

    #[test]
    fn several_headers() {
        let t = token();
        let bearer = format!("Bearer {t}");
        let cases: &[(&[(&str, String)], &str)] = &[
            (&[], "Nothing"),
            (&[("authorization", bearer.clone()), ("authorization", bearer.clone())], "twice"),
            (&[("authorization", bearer.clone()), ("private-token", t.clone())], "twice"),
            (&[("private-token", t.clone()), ("private-token", "x".into())], "twice"),
            (&[("private-token", t.clone())], "Mistyped"),
            (&[("private-token", "glpat-x".into())], "Foreign"),
            (&[("authorization", bearer.clone()), ("x-api-key", t.clone())], "elsewhere x-api-key"),
            (&[("x-note", format!("see {t}"))], "elsewhere x-note"),
            (&[("authorization", bearer.clone()), ("cookie", format!("a={t}"))], "Bare"),
            (&[("cookie", format!("a={t}"))], "elsewhere cookie"),
        ];
        for (lines, expected) in cases {
            assert_eq!(describe(lines), *expected);
        }
    }

    #[test]
    fn passwords_of_people() {
        type Case<'a> = (&'a [(&'a str, String)], Option<(&'a str, &'a str)>);
        let basic = |text: &[u8]| format!("Basic {}", STANDARD.encode(text));
        let alice = basic(b"alice:secret");
        let cases: &[Case<'_>] = &[
            (&[("authorization", alice.clone())], Some(("alice", "secret"))),
            (&[("authorization", alice.replace("Basic ", "bASIC\t "))], Some(("alice", "secret"))),
            (&[("authorization", alice.replace('=', ""))], Some(("alice", "secret"))),
            (&[("authorization", basic(b"alice:a:b "))], Some(("alice", "a:b "))),
            (&[("authorization", basic("zoë:pässword".as_bytes()))], Some(("zoë", "pässword"))),
            (&[("authorization", basic(b"alice:"))], Some(("alice", ""))),
            (&[("authorization", basic(b":secret"))], None),
            (&[("authorization", basic(b"alice"))], None),
            (&[("authorization", basic(b"alice:s\xe9cret"))], None),
            (&[("authorization", basic(b"alice:se\ncret"))], None),
            (&[("authorization", basic(b"al\0ice:secret"))], None),
            (&[("authorization", alice.replace("Basic", "Bearer"))], None),
            (&[("authorization", format!("{alice}, {alice}"))], None),
            (&[("authorization", "Basic".to_owned())], None),
            (&[("authorization", alice.clone()), ("authorization", alice.clone())], None),
            (&[("authorization", alice.clone()), ("private-token", "x".to_owned())], None),
            (&[("private-token", "x".to_owned())], None),
            (&[], None),
        ];
        for (lines, expected) in cases {
            let found = password(&headers(lines));
            let found = found.as_ref().map(|(user, secret)| (user.as_str(), secret.expose()));
            assert_eq!(found, *expected, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(value in proptest::collection::vec(0x20_u8..0x7f, 0..200)) {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_bytes(&value).unwrap());
            let _ = password(&headers);
            let presented = read(&headers);
            prop_assert!(matches!(presented, Ok(_) | Err(CredentialFault::Garbled)));
            if contains_form(&value) {
                prop_assert_ne!(presented, Ok(Presented::Foreign));
            }
        }
    }
}
