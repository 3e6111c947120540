//! The form of a token: `lat`, the kind of owner, `_`, 30 random base62 characters and 6 of checksum.
//!
//! The checksum is the CRC-32 (IEEE) of everything before it, so that a mistyped token is told from
//! an unknown one without a look-up, and a secret scanner finds one with `lat[upr]_[0-9A-Za-z]{36}`.

use super::principal::OwnerKind;
use super::secret::Secret;
use sha2::{Digest, Sha256};
use std::fmt;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: usize = 5;
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;

/// Length of every token, in bytes.
pub const LENGTH: usize = PREFIX + RANDOM + CHECKSUM;

/// The number by which people and programs speak of a token; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The SHA-256 of a token: all that the store keeps of its secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `secret`.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// A hash that was computed before.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// What a text presented as a secret turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not of a token's form: a password, or a credential of somebody else's.
    Foreign,
    /// Of a token's form, but its checksum does not hold, or more text stands around it; or the beginning of
    /// one.
    Mistyped,
    /// A token as gitlatch makes them; whether it exists only the store knows.
    Token(TokenHash),
}

impl Form {
    /// Looks at `text` without copying it.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        if !starts_with_form(text) {
            // What begins like a token has lost something on its way, and is nobody's password.
            let begins = text.starts_with(b"lat")
                && text.get(3).is_some_and(|letter| b"upr".contains(letter))
                && text.get(4) == Some(&b'_');
            return if begins || contains_form(text) { Self::Mistyped } else { Self::Foreign };
        }
        let (body, sum) = text.split_at(LENGTH - CHECKSUM);
        if text.len() == LENGTH && sum == checksum(body) {
            Self::Token(TokenHash::of(text))
        } else {
            Self::Mistyped
        }
    }
}

/// Whether a text of a token's form stands anywhere in `text`, with a right checksum or a wrong one.
#[must_use]
pub fn contains_form(text: &[u8]) -> bool {
    // Few texts have an underscore, and to look for one byte takes less than for a word.
    text.len() >= LENGTH
        && memchr::memchr_iter(b'_', text)
            .filter_map(|at| text.get(at.checked_sub(PREFIX - 1)?..))
            .any(starts_with_form)
}

/// Makes a new token out of `entropy`, a source that fills a buffer with random bytes.
///
/// # Errors
/// Those of the source.
pub fn mint<E>(
    kind: OwnerKind,
    mut entropy: impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<Secret, E> {
    let mut text = Vec::with_capacity(LENGTH);
    text.extend_from_slice(b"lat");
    text.push(kind.letter());
    text.push(b'_');
    let mut buffer = zeroize::Zeroizing::new([0_u8; 64]);
    while text.len() < PREFIX + RANDOM {
        entropy(&mut buffer[..])?;
        // 248 = 4 × 62: bytes above it would make the first characters likelier than the others.
        let even = buffer.iter().filter(|b| **b < 248);
        let wanted = PREFIX + RANDOM - text.len();
        text.extend(even.take(wanted).map(|b| ALPHABET[usize::from(b % 62)]));
    }
    let sum = checksum(&text);
    text.extend_from_slice(&sum);
    Ok(Secret::new(text.into_iter().map(char::from).collect()))
}

fn starts_with_form(text: &[u8]) -> bool {
    text.len() >= LENGTH
        && text.starts_with(b"lat")
        && matches!(text[3], b'u' | b'p' | b'r')
        && text[4] == b'_'
        && text[PREFIX..LENGTH].iter().all(u8::is_ascii_alphanumeric)
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(body) as usize;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % 62];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn minted(seed: u8) -> String {
        let mut next = seed;
        let secret = mint(OwnerKind::User, |buffer| {
            for b in buffer {
                next = next.wrapping_mul(167).wrapping_add(13);
                *b = next;
            }
            Ok::<_, Infallible>(())
        });
        secret.expect("the source never fails").expose().to_owned()
    }

    #[test]
    fn a_minted_token_is_a_token() {
        let text = minted(7);
        assert_eq!(text.len(), LENGTH);
        assert!(matches!(Form::of(text.as_bytes()), Form::Token(_)));
        assert!(contains_form(format!("x{text}y").as_bytes()));
    }

    #[test]
    fn the_checksum_is_crc32_in_base62() {
        let body = format!("latu_{}", "0".repeat(RANDOM));
        // python3: binascii.crc32(b"latu_" + b"0"*30) in base62, padded to six digits.
        assert_eq!(std::str::from_utf8(&checksum(body.as_bytes())), Ok("1vo4SB"));
    }

    #[test]
    fn text_around_a_token_makes_it_mistyped() {
        let text = minted(9);
        for wrong in [format!("{text}0"), format!(" {text}"), text.replace('_', "_0")] {
            assert_eq!(Form::of(wrong.as_bytes()), Form::Mistyped, "{}", wrong.len());
        }
        assert_eq!(Form::of(b"lata_000000000000000000000000000000000000"), Form::Foreign);
        for begun in [&b"latu_0000"[..], b"latr_", b"latp_0000000000000000000000000000000000000"] {
            assert_eq!(Form::of(begun), Form::Mistyped, "{}", begun.escape_ascii());
        }
        assert_eq!(Form::of(b"latu"), Form::Foreign);
        assert_eq!(Form::of(b"secret"), Form::Foreign);
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_noticed(seed: u8, at in PREFIX..LENGTH, with in 0_usize..62) {
            let mut text = minted(seed).into_bytes();
            let was = text[at];
            text[at] = ALPHABET[with];
            let form = Form::of(&text);
            prop_assert_eq!(matches!(form, Form::Token(_)), was == ALPHABET[with]);
        }

        /// Wherever it begins: a text that nearly is one may stand before it, or lap over it.
        #[test]
        fn a_form_is_found_at_every_place(text in "(lat[upr]_|lat|_|[a-z0-9]{36,41}|[_/%l]){0,8}") {
            let text = text.as_bytes();
            let anywhere = (0..text.len()).any(|at| starts_with_form(&text[at..]));
            prop_assert_eq!(contains_form(text), anywhere);
        }

        #[test]
        fn any_bytes_are_looked_at_without_a_panic(text: Vec<u8>) {
            let form = Form::of(&text);
            prop_assert!(form != Form::Foreign || !contains_form(&text));
        }
    }
}
