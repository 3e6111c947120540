//! What the store keeps of a secret that it must be able to give back: sealed, and with which key.

use super::key::KeyId;
use std::fmt;

/// A sealed secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key that sealed it, and that opens it.
    pub key: KeyId,
    /// Nonce (12 bytes), ciphertext and tag (16 bytes), one behind the other.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, …)", self.key)
    }
}
