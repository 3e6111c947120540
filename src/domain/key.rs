//! Keys that seal what the store keeps for the host.

/// Which key sealed something: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);
