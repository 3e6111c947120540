//! Names of refs.

use std::fmt;

/// The full name of a ref (`refs/heads/main`), as `git check-ref-format` allows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

/// A text that is no full name of a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no name of a ref (git check-ref-format), or longer than {} bytes", RefName::MOST)]
pub struct RefNameError;

impl RefName {
    /// The longest name, in bytes. Hosts keep refs in files, whose names have less.
    pub const MOST: usize = 512;

    /// Reads a name: below `refs/`, by the rules of `git check-ref-format`. Names that are not UTF-8, or
    /// longer than [`RefName::MOST`], are none here.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(bytes: &[u8]) -> Result<Self, RefNameError> {
        if bytes.len() > Self::MOST {
            return Err(RefNameError);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RefNameError)?;
        let rest = text.strip_prefix("refs/").ok_or(RefNameError)?;
        let odd = |b: u8| b < 0x21 || b == 0x7f || b"~^:?*[\\".contains(&b);
        let whole = !text.ends_with('.')
            && !text.contains("..")
            && !text.contains("@{")
            && !text.bytes().any(odd)
            && rest.split('/').map(str::as_bytes).all(|part| {
                !part.is_empty() && !part.starts_with(b".") && !part.ends_with(b".lock")
            });
        if whole { Ok(Self(text.to_owned())) } else { Err(RefNameError) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is below one of the three places that are the same on every host: branches, tags and
    /// notes. Hosts give a meaning of their own to others, which makes a push to them something else.
    #[must_use]
    pub fn is_common(&self) -> bool {
        ["refs/heads/", "refs/tags/", "refs/notes/"].iter().any(|place| self.0.starts_with(place))
    }

    /// Whether it is a branch.
    #[must_use]
    pub fn is_branch(&self) -> bool {
        self.0.starts_with("refs/heads/")
    }

    /// Whether it is a tag, in any spelling that a file system could take for one.
    #[must_use]
    pub fn is_tag(&self) -> bool {
        self.0.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("refs/tags/"))
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in [
            "refs/heads/main",
            "refs/heads/bot/a-b_c",
            "refs/tags/v1.0",
            "refs/heads/é",
            "refs/stash",
        ] {
            assert!(RefName::new(good.as_bytes()).is_ok(), "{good}");
        }
        let bad: [&[u8]; 19] = [
            b"",
            b"main",
            b"HEAD",
            b"refs/",
            b"refs/heads/",
            b"refs//x",
            b"refs/heads/.x",
            b"refs/heads/x.lock",
            b"refs/heads/x.",
            b"refs/heads/a..b",
            b"refs/heads/a b",
            b"refs/heads/a~1",
            b"refs/heads/a^",
            b"refs/heads/a:b",
            b"refs/heads/a*",
            b"refs/heads/a[",
            b"refs/heads/a\\b",
            b"refs/heads/a@{1}",
            b"refs/heads/\xff",
        ];
        for bad in bad {
            assert!(RefName::new(bad).is_err(), "{bad:?}");
        }
    }
}
