//! Secrets as a type: what holds one cannot be printed, copied or serialised by accident.

use std::fmt;
use zeroize::Zeroizing;

/// A password, a credential or a token on its way to the one place that needs it.
///
/// It has no `Display`, `Clone` or `Serialize`, its `Debug` shows nothing, and its memory is wiped
/// when it goes. The one way to read it is [`Secret::expose`].
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret in.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself. Every call of this is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
