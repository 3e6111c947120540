//! Patterns: `*` stays within one segment, `**` crosses, a leading `!` forbids and wins.

use super::names::NameCase;
use std::fmt;

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern: {why}")]
pub struct PatternError {
    text: String,
    why: &'static str,
}

/// One pattern over a path of segments between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    forbids: bool,
    glob: String,
    /// What lies below what it matches.
    below: String,
}

impl Pattern {
    /// Longest pattern, in bytes.
    pub const MAX: usize = 512;

    /// Reads a pattern.
    ///
    /// # Errors
    /// When it has empty segments, `***`, or characters that no name has.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let fault = |why| Err(PatternError { text: text.to_owned(), why });
        let (forbids, glob) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        if glob.len() > Self::MAX {
            return fault("it is longer than 512 bytes");
        }
        if glob.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return fault("it has an empty, `.` or `..` segment");
        }
        if glob.contains("***") {
            return fault("there are `*` and `**`, but no `***`");
        }
        let odd = |b: u8| !(0x21..0x7f).contains(&b) || b"\\;%?#!\"<>|[]".contains(&b);
        if glob.bytes().any(odd) {
            return fault("it has a character that stands in no name");
        }
        Ok(Self { forbids, glob: glob.to_owned(), below: format!("{glob}/**") })
    }

    /// Whether it forbids what it matches.
    #[must_use]
    pub fn forbids(&self) -> bool {
        self.forbids
    }

    /// The pattern without its `!`.
    #[must_use]
    pub fn glob(&self) -> &str {
        &self.glob
    }

    /// Whether the whole of `path` matches.
    #[must_use]
    pub fn matches(&self, path: &str, case: NameCase) -> bool {
        glob_matches(self.glob.as_bytes(), path.as_bytes(), case)
    }

    /// Whether `path` or a folder that it lies in matches: the reading of a prohibition.
    #[must_use]
    pub fn matches_at_or_above(&self, path: &str, case: NameCase) -> bool {
        self.matches(path, case) || glob_matches(self.below.as_bytes(), path.as_bytes(), case)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.forbids { "!" } else { "" }, self.glob)
    }
}

/// Matches by going on from the last star: a `*` first, which no slash ends, then the last `**`.
///
/// It takes at most pattern × path steps for each kind of star, whatever the pattern.
fn glob_matches(glob: &[u8], path: &[u8], case: NameCase) -> bool {
    let same = |a: u8, b: u8| match case {
        NameCase::Exact => a == b,
        NameCase::Ignore => a.eq_ignore_ascii_case(&b),
    };
    let (mut g, mut p) = (0, 0);
    // Where to go on in the pattern and in the path when what follows the last star fails.
    let mut star: Option<(usize, usize)> = None;
    let mut cross: Option<(usize, usize)> = None;
    loop {
        match glob.get(g) {
            Some(b'*') if glob.get(g + 1) == Some(&b'*') => {
                g += 2;
                cross = Some((g, p));
                star = None;
                continue;
            }
            Some(b'*') => {
                g += 1;
                star = Some((g, p));
                continue;
            }
            Some(&c) if path.get(p).is_some_and(|&d| same(c, d)) => {
                g += 1;
                p += 1;
                continue;
            }
            None if p == path.len() => return true,
            _ => {}
        }
        match (star, cross) {
            (Some((after, at)), _) if path.get(at).is_some_and(|&b| b != b'/') => {
                star = Some((after, at + 1));
                (g, p) = (after, at + 1);
            }
            (_, Some((after, at))) if at < path.len() => {
                cross = Some((after, at + 1));
                star = None;
                (g, p) = (after, at + 1);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        let cases = [
            ("team", "team", true),
            ("team", "teams", false),
            ("team/*", "team/app", true),
            ("team/*", "team/sub/app", false),
            ("team/**", "team/sub/app", true),
            ("team/**", "team", false),
            ("**", "any/thing", true),
            ("*", "any/thing", false),
            ("**/app", "a/b/app", true),
            ("**/app", "app", false),
            ("t*m/a*", "team/app", true),
            ("t*m/a*", "tea/m/app", false),
            ("*a*b", "xaxb", true),
            ("**/b*c/d", "x/bxc/bc/d", true),
        ];
        for (pattern, path, expected) in cases {
            let parsed = Pattern::new(pattern).expect(pattern);
            assert_eq!(parsed.matches(path, NameCase::Exact), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn bad_patterns() {
        for bad in ["", "!", "/a", "a/", "a//b", "../a", "a/***", "a b", "a%2Fb", "!!a", "ä", "[a]"]
        {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }

    /// The same question answered the slow and plain way.
    fn oracle(glob: &[u8], path: &[u8]) -> bool {
        match glob {
            [] => path.is_empty(),
            [b'*', b'*', rest @ ..] => (0..=path.len()).any(|n| oracle(rest, &path[n..])),
            [b'*', rest @ ..] => {
                let end = path.iter().position(|b| *b == b'/').unwrap_or(path.len());
                (0..=end).any(|n| oracle(rest, &path[n..]))
            }
            [c, rest @ ..] => path.first() == Some(c) && oracle(rest, &path[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_reading(glob in "[ab/*]{0,9}", path in "[ab/]{0,9}") {
            prop_assume!(!glob.contains("***"));
            let expected = oracle(glob.as_bytes(), path.as_bytes());
            let found = glob_matches(glob.as_bytes(), path.as_bytes(), NameCase::Exact);
            prop_assert_eq!(found, expected, "{} {}", glob, path);
        }
    }
}
