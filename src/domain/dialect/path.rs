//! The one canonical view of a path: what can be read in two ways is refused.
//!
//! Nothing is ever rewritten. The bytes that were judged are the bytes that are forwarded, so a path
//! on which two readers could disagree (an empty segment, a dot segment, a doubly encoded slash) has
//! no safe verdict and gets none.

pub use super::query::{check_token_query, is_credential_in_query, parameter};
use crate::domain::segments::segments;
use std::borrow::Cow;

/// What is wrong with a path or a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It does not begin with a slash.
    #[error("the request target does not begin with /")]
    NoSlash,
    /// A byte that may not stand in a URL as it is, or that servers read differently.
    #[error("the URL has the raw byte 0x{0:02X}, which servers read differently")]
    RawByte(u8),
    /// `%` without two hexadecimal digits.
    #[error("the URL has a `%` that is no percent escape")]
    Escape,
    /// An escape of a control byte, a backslash, or of another escape.
    #[error("the URL has the escape %{0:02X}, which servers read differently")]
    EscapedByte(u8),
    /// An escape within an escape.
    #[error("the URL is percent-encoded twice")]
    Twice,
    /// `//`, `/./` or `/../`, encoded or not.
    #[error("the path has an empty, `.` or `..` segment")]
    Segment,
    /// In the part that decides: an encoded slash, semicolon or non-ASCII byte.
    #[error("the part of the path that names a repository has the escape %{0:02X}")]
    Deciding(u8),
    /// In the part that decides: a segment that some hosts shorten.
    #[error("a segment of the path ends in a dot or a space")]
    Trailing,
    /// More or fewer than one `.git`.
    #[error("the path names more than one `.git` folder, or spells it in another way")]
    Repository,
    /// A folder whose name is taken.
    #[error("`{0}` is no project here: {1}")]
    Reserved(&'static str, &'static str),
    /// A name that no repository or project can have.
    #[error("{0}")]
    Name(String),
    /// A query where none belongs, or one with parameters that have no place there.
    #[error("the query of a Git request is `service=git-upload-pack` or the like, once, or empty")]
    Query,
    /// A parameter that some hosts take for a credential, a method or another user.
    #[error("the query parameter `{0}` carries a credential or overrides the request")]
    Parameter(&'static str),
    /// A parameter that is judged stands more than once.
    #[error("the query parameter `{0}` stands more than once")]
    Repeated(&'static str),
    /// A token of ours in the URL.
    #[error(
        "a gitlatch token stands in the URL, where logs and proxies keep it; send it as \
         Authorization, and revoke this one"
    )]
    Token,
}

/// Decodes percent escapes once. Bytes that are not UTF-8 then become U+FFFD.
#[must_use]
pub fn decode(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'%', raw.as_bytes()).is_some() {
        Cow::Owned(percent_encoding::percent_decode_str(raw).decode_utf8_lossy().into_owned())
    } else {
        Cow::Borrowed(raw)
    }
}

/// Endings of a path by which Atlassian's REST libraries are told the format of the answer, and which they
/// take off before they look for what it names.
const EXTENSIONS: [&str; 6] = [".txt", ".htm", ".html", ".json", ".xml", ".atom"];

/// The path without such an ending, in any case, if it has one.
#[must_use]
pub fn without_extension(path: &str) -> Option<&str> {
    EXTENSIONS.iter().find_map(|ending| {
        let (head, tail) = path.split_at_checked(path.len().checked_sub(ending.len())?)?;
        tail.eq_ignore_ascii_case(ending).then_some(head)
    })
}

/// Decodes what a form holds, all of it as one text: `+` is a space there.
#[must_use]
pub fn decode_form(raw: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_encoding::percent_decode(&spaced).collect()
}

/// What is refused in every path, whoever asks and wherever it stands.
///
/// # Errors
/// The first fault found.
pub fn check(raw: &str) -> Result<(), PathFault> {
    if !raw.starts_with('/') {
        return Err(PathFault::NoSlash);
    }
    check_bytes(raw, |b| matches!(b, b'\\' | b';'))?;
    check_segments(&raw[1..])?;
    if memchr::memchr(b'%', raw.as_bytes()).is_some() {
        let decoded = decode(raw);
        check_segments(&decoded[1..])?;
        if encoded_twice(&decoded) {
            return Err(PathFault::Twice);
        }
        if super::super::token::contains_form(decoded.as_bytes()) {
            return Err(PathFault::Token);
        }
    }
    if super::super::token::contains_form(raw.as_bytes()) {
        return Err(PathFault::Token);
    }
    Ok(())
}

/// What is refused in every query.
///
/// # Errors
/// The first fault found.
pub fn check_query(raw: &str) -> Result<(), PathFault> {
    check_bytes(raw, |b| b == b'\\')?;
    let decoded = percent_encoding::percent_decode_str(raw);
    let bytes: Cow<'_, [u8]> = decoded.into();
    if super::super::token::contains_form(&bytes)
        || super::super::token::contains_form(raw.as_bytes())
    {
        return Err(PathFault::Token);
    }
    Ok(())
}

/// What is refused besides in the part of a path that decides: whatever one host would take for a
/// separator, an ending or another name, and another host would not.
///
/// # Errors
/// The first fault found.
pub fn check_deciding(raw: &str) -> Result<(), PathFault> {
    for (_, byte) in escapes(raw) {
        if matches!(byte, b'/' | b';' | b'%' | 0x80..) {
            return Err(PathFault::Deciding(byte));
        }
    }
    // A slash at the end leaves one empty segment, which `check` has let pass.
    let shortened = |segment: &str| matches!(segment.as_bytes().last(), Some(b'.' | b' '));
    if segments(&decode(raw)).any(shortened) {
        return Err(PathFault::Trailing);
    }
    Ok(())
}

/// Raw bytes, and escapes one by one.
fn check_bytes(raw: &str, odd: impl Fn(u8) -> bool) -> Result<(), PathFault> {
    let odd = |b: u8| !(0x21..0x7f).contains(&b) | odd(b);
    // Without an early end, which would keep the compiler from looking at many bytes at once.
    if raw.bytes().fold(false, |any, b| any | odd(b)) {
        return Err(PathFault::RawByte(raw.bytes().find(|b| odd(*b)).unwrap_or_default()));
    }
    let percents = memchr::memchr_iter(b'%', raw.as_bytes()).count();
    if percents == 0 {
        return Ok(());
    }
    let mut valid = 0;
    for (_, byte) in escapes(raw) {
        valid += 1;
        if matches!(byte, 0..0x20 | 0x7f | b'\\') {
            return Err(PathFault::EscapedByte(byte));
        }
    }
    if valid == percents { Ok(()) } else { Err(PathFault::Escape) }
}

/// Segments; the last may be empty, as in `/projects/`.
fn check_segments(path: &str) -> Result<(), PathFault> {
    let mut segments = segments(path).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !last) {
            return Err(PathFault::Segment);
        }
    }
    Ok(())
}

/// Whether what was decoded once still holds the escape of a byte that a second reader would act on.
fn encoded_twice(decoded: &str) -> bool {
    escapes(decoded).any(|(_, b)| matches!(b, b'/' | b'.' | b'\\' | b'%' | b';' | 0..0x20 | 0x7f))
}

/// Every valid percent escape: where it begins and the byte it stands for.
fn escapes(raw: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = raw.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    memchr::memchr_iter(b'%', bytes).filter_map(move |at| {
        let (high, low) = (digit(at + 1)?, digit(at + 2)?);
        u8::try_from(high * 16 + low).ok().map(|byte| (at, byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn everywhere() {
        let good = [
            "/",
            "/a/b",
            "/a/",
            "/a%20b",
            "/a%2Fb",
            "/%41",
            "/~u/r.git",
            "/a;b".trim_end_matches(";b"),
        ];
        for path in good {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        let bad = [
            "",
            "a",
            "//a",
            "/a//b",
            "/./a",
            "/a/..",
            "/a/%2e%2E/b",
            "/a%2F..%2Fb",
            "/a%2F%2Fb",
            "/%00",
            "/a%0Ab",
            "/a%7f",
            "/a\\b",
            "/a%5Cb",
            "/a;b",
            "/ä",
            "/a b",
            "/%",
            "/%4",
            "/%zz",
            "/a%252Fb",
            "/a%252e%252e/b",
            "/a%25252Fb",
            "/a%255cb",
            "/a%2500",
            "/%2e",
            "/a\u{7f}",
        ];
        for path in bad {
            assert!(check(path).is_err(), "{path}");
        }
    }

    #[test]
    fn deciding() {
        for path in ["/a/b", "/a%20b/c", "/%7Eu", "/a.b"] {
            assert_eq!(check_deciding(path), Ok(()), "{path}");
        }
        for path in ["/a%2Fb", "/a%3Bb", "/a%C3%A4", "/a./b", "/a%20/b", "/a%2e/b", "/a/b."] {
            assert!(check_deciding(path).is_err(), "{path}");
        }
    }

    #[test]
    fn tokens_in_urls() {
        let token = format!("latu_{}", "x".repeat(36));
        assert_eq!(check(&format!("/a/{token}/b")), Err(PathFault::Token));
        assert_eq!(check(&format!("/a/{}", token.replace('_', "%5f"))), Err(PathFault::Token));
        assert_eq!(check_query(&format!("t={token}")), Err(PathFault::Token));
        assert_eq!(
            check_query(&format!("t={}", token.replace("lat", "l%61t"))),
            Err(PathFault::Token)
        );
    }

    proptest! {
        /// What passes has exactly one reading: decoding it changes no segment's meaning.
        #[test]
        fn what_passes_has_no_dot_segments(path in "/[a.%25/2eEfF0]{0,16}") {
            if check(&path).is_ok() {
                let decoded = decode(&path).into_owned();
                let again = decode(&decoded).into_owned();
                for view in [path.as_str(), &decoded, &again] {
                    prop_assert!(!view.split('/').any(|s| matches!(s, "." | "..")));
                    prop_assert!(!view.contains("//"));
                }
            }
        }
    }
}
