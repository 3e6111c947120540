//! Names of people and of groups of them.

use super::NameError;
use std::fmt;

/// The name of a person, as the host behind the proxy knows it. Compared without case.
#[derive(Clone, Debug)]
pub struct UserName(String);

impl UserName {
    /// Longest user name, in characters.
    pub const MAX: usize = 64;

    /// Reads a user name.
    ///
    /// # Errors
    /// When the text has other characters than a user name may have, or is reserved.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if !is_plain(text) {
            return Err(NameError::User);
        }
        let reserved = ["x-token-auth", "x-oauth-basic"];
        if reserved.iter().any(|r| r.eq_ignore_ascii_case(text))
            || super::super::token::contains_form(text.as_bytes())
        {
            return Err(NameError::ReservedUser(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is this name.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for UserName {}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a group of users. Compared without case.
#[derive(Clone, Debug)]
pub struct GroupName(String);

impl GroupName {
    /// Reads the name of a group.
    ///
    /// # Errors
    /// When the text has other characters than a name may have.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if is_plain(text) { Ok(Self(text.to_owned())) } else { Err(NameError::Group) }
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for GroupName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for GroupName {}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What names of users and of groups have in common.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    starts && text.len() <= UserName::MAX && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names() {
        for good in ["alice", "Alice.B", "a@example.com", "0x", "ci-bot+1"] {
            assert!(UserName::new(good).is_ok(), "{good}");
        }
        let token_like = format!("latu_{}", "a".repeat(36));
        for bad in ["", "-a", "a b", "a:b", "ä", "X-Token-Auth", "x-oauth-basic", &token_like] {
            assert!(UserName::new(bad).is_err(), "{bad}");
        }
        assert_eq!(UserName::new("Alice"), UserName::new("aLICE"));
    }
}
