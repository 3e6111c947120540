//! The keys that seal credentials in the store: a ring of them, so that one can be replaced while what
//! the old one sealed still opens.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Length of every key, in bytes: AES-256.
pub const LENGTH: usize = 32;

/// Padding may be there or not: both read as the same bytes.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// By what a key is known: the first 8 bytes of its SHA-256. It tells nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key that seals credentials. Its `Debug` shows nothing, and its memory is wiped when it goes.
pub struct SealKey {
    id: KeyId,
    /// On the heap, so that moving the key leaves no copy behind.
    bytes: Box<Zeroizing<[u8; LENGTH]>>,
}

impl SealKey {
    /// The key of these bytes; `None` when they are not 32.
    fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LENGTH {
            return None;
        }
        let mut own = Box::new(Zeroizing::new([0; LENGTH]));
        own.copy_from_slice(bytes);
        let mut id = [0; 8];
        id.copy_from_slice(&Sha256::digest(bytes)[..8]);
        Some(Self { id: KeyId(id), bytes: own })
    }

    /// Reads 64 hexadecimal digits, or base64 with or without its padding.
    fn parse(text: &str) -> Option<Self> {
        // As base64 64 characters would be 48 bytes, so that no text can be meant either way.
        if text.len() == 2 * LENGTH {
            let digit = |b: &u8| char::from(*b).to_digit(16);
            let pairs = text.as_bytes().chunks_exact(2);
            let mut bytes = Zeroizing::new([0; LENGTH]);
            for (byte, pair) in bytes.iter_mut().zip(pairs) {
                *byte = u8::try_from(digit(&pair[0])? * 16 + digit(&pair[1])?).ok()?;
            }
            return Self::new(&*bytes);
        }
        let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
        Self::new(&bytes)
    }

    /// By what it is known.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself. Every call of this is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &[u8; LENGTH] {
        &self.bytes
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// Why a text is no ring of keys. It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is no key in it.
    #[error("there is no key in it; make one with: head -c 32 /dev/urandom | base64")]
    Empty,
    /// The entry of this number, from 1, is no key.
    #[error(
        "entry {0} is no key, which is 32 bytes in base64 or as 64 hexadecimal digits; make one \
         with: head -c 32 /dev/urandom | base64"
    )]
    Entry(usize),
}

/// One or more keys. The first seals; every one opens.
#[derive(Debug)]
pub struct KeyRing {
    first: SealKey,
    others: Vec<SealKey>,
}

impl KeyRing {
    /// Reads keys with white space between them. Lines that begin with `#` are comments.
    ///
    /// # Errors
    /// When there is no key, or an entry that is none.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let entries = lines.flat_map(str::split_whitespace).enumerate();
        let mut keys =
            entries.map(|(at, entry)| SealKey::parse(entry).ok_or(KeyRingError::Entry(at + 1)));
        let first = keys.next().ok_or(KeyRingError::Empty)??;
        Ok(Self { first, others: keys.collect::<Result<_, _>>()? })
    }

    /// The key that seals.
    #[must_use]
    pub fn sealing(&self) -> &SealKey {
        &self.first
    }

    /// The key of this id, to open what it sealed.
    #[must_use]
    pub fn find(&self, id: KeyId) -> Option<&SealKey> {
        self.keys().find(|key| key.id == id)
    }

    /// The ids of all keys, in their order.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys().map(SealKey::id)
    }

    fn keys(&self) -> impl Iterator<Item = &SealKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 bytes of 0, of 1, and so on.
    fn hex(byte: u8) -> String {
        format!("{byte:02x}").repeat(LENGTH)
    }

    fn base64(byte: u8) -> String {
        BASE64.encode([byte; LENGTH])
    }

    fn ids(text: &str) -> Result<Vec<String>, KeyRingError> {
        KeyRing::parse(text).map(|ring| ring.ids().map(|id| id.to_string()).collect())
    }

    #[test]
    fn spellings_of_one_key() {
        // printf '\1%.0s' $(seq 32) | sha256sum
        let expected = Ok(vec!["72cd6e8422c407fb".to_owned()]);
        let padded = base64(1);
        let bare = padded.trim_end_matches('=');
        for text in [
            hex(1),
            hex(1).to_uppercase(),
            bare.to_owned(),
            format!("{padded}\r\n"),
            format!("# the key of 2026\n\n  {padded}\n# nothing below\n"),
        ] {
            assert_eq!(ids(&text), expected, "{text}");
        }
        assert_ne!(hex(0xab), hex(0xab).to_uppercase());
        assert_eq!(ids(&hex(0xab)), ids(&hex(0xab).to_uppercase()));
    }

    #[test]
    fn the_first_seals_and_all_open() {
        let ring = KeyRing::parse(&format!("{}\n{} {}\n", base64(2), hex(1), hex(3))).unwrap();
        assert_eq!(ring.sealing().expose(), &[2; LENGTH]);
        let ids: Vec<KeyId> = ring.ids().collect();
        assert_eq!(ids.len(), 3);
        for (id, byte) in ids.into_iter().zip([2, 1, 3]) {
            assert_eq!(ring.find(id).unwrap().expose(), &[byte; LENGTH]);
        }
        assert!(ring.find(KeyId([0; 8])).is_none());
    }

    #[test]
    fn what_is_no_ring() {
        let short = BASE64.encode([1; 31]);
        let cases = [
            (String::new(), KeyRingError::Empty),
            ("\n# only a comment\n".to_owned(), KeyRingError::Empty),
            ("password".to_owned(), KeyRingError::Entry(1)),
            (short.clone(), KeyRingError::Entry(1)),
            (hex(1)[1..].to_owned(), KeyRingError::Entry(1)),
            (hex(1).replace('1', "g"), KeyRingError::Entry(1)),
            (format!("{}\n{short}\n", hex(1)), KeyRingError::Entry(2)),
            (format!("{} # a remark\n", hex(1)), KeyRingError::Entry(2)),
        ];
        for (text, expected) in cases {
            assert_eq!(ids(&text), Err(expected), "{text}");
        }
    }

    #[test]
    fn nothing_shows_a_key() {
        let ring = KeyRing::parse(&hex(7)).unwrap();
        assert_eq!(format!("{ring:?}"), "KeyRing { first: SealKey(…), others: [] }");
    }
}
