//! A secret that only the holder of a key can read.

use super::key::KeyId;

/// A sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The key that opens it.
    pub key: KeyId,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}
