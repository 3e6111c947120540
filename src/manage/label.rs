//! Texts that people give things, safe to print in a table, a log or a page.

use std::fmt;

/// Why a text is no label or no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Empty, or nothing but spaces.
    #[error("it is empty")]
    Empty,
    /// More than 255 characters.
    #[error("it is longer than {} characters", Label::MAX)]
    Long,
    /// A line break, an escape sequence or the like.
    #[error("it has control characters")]
    Control,
    /// No address.
    #[error("an e-mail address is NAME@HOST, without spaces")]
    Email,
}

/// Whether a character does something else to a terminal or a page than to stand there: a control
/// character, or one that breaks a line or reorders the text around it.
#[must_use]
pub fn is_odd(c: char) -> bool {
    let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    c.is_control() || reorders || breaks || matches!(c, '\u{2066}'..='\u{2069}')
}

/// A name for people: 1 to 255 characters, none of them a control character.
///
/// Control characters would let whoever names a token write to the terminal of whoever lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Longest label, in characters.
    pub const MAX: usize = 255;

    /// Reads a label.
    ///
    /// # Errors
    /// When it is empty, too long, or has control characters.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        if text.trim().is_empty() {
            return Err(LabelError::Empty);
        }
        if text.chars().count() > Self::MAX {
            return Err(LabelError::Long);
        }
        if text.chars().any(is_odd) {
            return Err(LabelError::Control);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address, as far as it needs to be one here: nothing is ever sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(Label);

impl Email {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is no label, or not of the form NAME@HOST.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let label = Label::new(text)?;
        let whole = text.rsplit_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
        });
        if whole { Ok(Self(label)) } else { Err(LabelError::Email) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let longest = "ä".repeat(Label::MAX);
        for good in ["ci", "Jenkins, nightly", "日本", &longest] {
            assert!(Label::new(good).is_ok(), "{good}");
        }
        let too_long = format!("{longest}x");
        for bad in ["", "  ", "a\nb", "\u{1b}[31m", "a\u{202e}b", "\u{85}", &too_long] {
            assert!(Label::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses() {
        assert!(Email::new("alice@example.com").is_ok());
        for bad in ["", "alice", "@example.com", "alice@", "a b@example.com", "a@b\n"] {
            assert!(Email::new(bad).is_err(), "{bad:?}");
        }
    }
}
