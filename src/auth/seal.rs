//! Credentials for the host, sealed for the store: AES-256-GCM under a key that lies elsewhere.
//!
//! Whoever reads the database learns no credential, and whoever writes it cannot give one owner's
//! credential to another: what a row says about itself is sealed with it ([`context`]).

use crate::domain::key::{KeyId, KeyRing, SealKey};
use crate::domain::principal::Owner;
use crate::domain::sealed::Sealed;
use crate::domain::secret::Secret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// What is sealed, and in which form: another form gets another number.
const LABEL: &str = "gitlatch credential for the upstream, 1";
/// Length of the tag behind the ciphertext, in bytes.
const TAG_LEN: usize = 16;

/// Why a credential can be neither sealed nor opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key that sealed it is not in the ring.
    #[error(
        "the credential is sealed with the key {0}, which is not among those that are configured; \
         add that key to them, below the first, or set the credential again with: gitlatch identity set"
    )]
    UnknownKey(KeyId),
    /// It was changed, or sealed for another owner, scheme or user name.
    #[error(
        "the sealed credential does not open: it was damaged, or copied from another row; set it \
         again with: gitlatch identity set"
    )]
    Broken,
    /// The system gave no random bytes for the nonce.
    #[error("the system gave no random bytes")]
    Random(#[source] getrandom::Error),
    /// The cipher refused to work.
    #[error("the credential could not be sealed")]
    Cipher(#[source] aws_lc_rs::error::Unspecified),
}

/// What a credential is sealed together with: it opens for this owner, scheme and user name only.
///
/// Every field has its length in front, so that no two contexts are the same bytes. The names of people
/// count without case, as everywhere; others as they are written.
#[must_use]
pub fn context(owner: &Owner, scheme: &str, username: &str) -> Vec<u8> {
    let name = match owner {
        Owner::User(name) => name.as_str().to_ascii_lowercase(),
        Owner::Project(scope) => scope.to_string(),
        Owner::Repository(path) => path.as_str().to_owned(),
    };
    let mut context = Vec::new();
    for field in [LABEL, owner.kind().name(), &name, scheme, username] {
        context.extend_from_slice(&(field.len() as u64).to_be_bytes());
        context.extend_from_slice(field.as_bytes());
    }
    context
}

/// Seals a secret with the first key of the ring.
///
/// The nonce is 96 random bits: a key may seal billions of credentials before two are likely to be
/// the same (NIST SP 800-38D §8.3).
///
/// # Errors
/// When the system has no random bytes, or the cipher does not work.
pub fn seal(ring: &KeyRing, context: &[u8], plaintext: &Secret) -> Result<Sealed, SealError> {
    let key = ring.sealing();
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(SealError::Random)?;
    let text = plaintext.expose().as_bytes();
    // As long as it will ever be: growing would leave a copy of the plaintext behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(NONCE_LEN + text.len() + TAG_LEN));
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(text);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let cipher = cipher(key)?;
    let tag = cipher
        .seal_in_place_separate_tag(nonce, Aad::from(context), &mut bytes[NONCE_LEN..])
        .map_err(SealError::Cipher)?;
    bytes.extend_from_slice(tag.as_ref());
    Ok(Sealed { key: key.id(), bytes: std::mem::take(&mut *bytes) })
}

/// Opens what one of the keys of the ring sealed, in the same context.
///
/// # Errors
/// When the ring lacks the key, or when not every bit of secret and context is as it was sealed.
pub fn open(ring: &KeyRing, context: &[u8], sealed: &Sealed) -> Result<Secret, SealError> {
    let key = ring.find(sealed.key).ok_or(SealError::UnknownKey(sealed.key))?;
    let (nonce, ciphertext) =
        sealed.bytes.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Broken)?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let mut bytes = Zeroizing::new(ciphertext.to_vec());
    let opened = cipher(key)?
        .open_in_place(nonce, Aad::from(context), &mut bytes)
        .map_err(|_unspecified| SealError::Broken)?;
    let text = std::str::from_utf8(opened).map_err(|_no_text| SealError::Broken)?;
    Ok(Secret::new(text.to_owned()))
}

fn cipher(key: &SealKey) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key.expose()).map(LessSafeKey::new).map_err(SealError::Cipher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::{ProjectPath, ProjectScope, RepoName, RepoPath, UserName};

    fn ring(bytes: &[u8]) -> KeyRing {
        let keys: Vec<String> = bytes.iter().map(|b| format!("{b:02x}").repeat(32)).collect();
        KeyRing::parse(&keys.join("\n")).unwrap()
    }

    fn user(name: &str) -> Owner {
        Owner::User(UserName::new(name).unwrap())
    }

    fn project(name: &str) -> Owner {
        Owner::Project(ProjectScope::new(name).unwrap())
    }

    fn repository(project: &str, name: &str) -> Owner {
        let path =
            RepoPath::new(&ProjectPath::new(project).unwrap(), &RepoName::new(name).unwrap());
        Owner::Repository(path)
    }

    fn secret() -> Secret {
        Secret::new("pässword of the host".to_owned())
    }

    /// What comes of opening: the secret, or the kind of the error.
    fn opened(ring: &KeyRing, context: &[u8], sealed: &Sealed) -> String {
        match open(ring, context, sealed) {
            Ok(secret) => secret.expose().to_owned(),
            Err(SealError::UnknownKey(id)) => format!("unknown {id}"),
            Err(SealError::Broken) => "broken".to_owned(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_sealed_opens() {
        let (ring, here) = (ring(&[1]), context(&user("alice"), "basic", "alice"));
        for text in ["", "x", "pässword of the host"] {
            let sealed = seal(&ring, &here, &Secret::new(text.to_owned())).unwrap();
            assert_eq!(sealed.bytes.len(), NONCE_LEN + text.len() + TAG_LEN);
            assert_eq!(opened(&ring, &here, &sealed), text);
        }
        let twice = [(); 2].map(|()| seal(&ring, &here, &secret()).unwrap());
        assert_ne!(twice[0], twice[1]);
    }

    #[test]
    fn it_opens_for_nobody_else() {
        let ring = ring(&[1]);
        let cases = [
            (user("alice"), "basic", "alice", "pässword of the host"),
            (user("ALICE"), "basic", "alice", "pässword of the host"),
            (user("alicf"), "basic", "alice", "broken"),
            (project("alice"), "basic", "alice", "broken"),
            (repository("alice", "r"), "basic", "alice", "broken"),
            (user("alice"), "bearer", "alice", "broken"),
            (user("alice"), "basic", "Alice", "broken"),
            (user("alice"), "basic", "", "broken"),
            (user("alic"), "ebasic", "alice", "broken"),
            (user("alice"), "basica", "lice", "broken"),
        ];
        let sealed = seal(&ring, &context(&user("alice"), "basic", "alice"), &secret()).unwrap();
        for (owner, scheme, username, expected) in cases {
            let there = context(&owner, scheme, username);
            assert_eq!(opened(&ring, &there, &sealed), expected, "{owner} {scheme} {username}");
        }
    }

    #[test]
    fn no_two_owners_share_a_context() {
        let owners = [
            user("a"),
            project("a"),
            project("A"),
            project("a/**"),
            project("a/r"),
            repository("a", "r"),
            repository("a", "R"),
        ];
        let contexts: std::collections::BTreeSet<_> =
            owners.iter().map(|owner| context(owner, "basic", "x")).collect();
        assert_eq!(contexts.len(), owners.len());
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let (ring, here) = (ring(&[1]), context(&user("alice"), "basic", "alice"));
        let sealed = seal(&ring, &here, &secret()).unwrap();
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(opened(&ring, &here, &changed), "broken", "{at}");
        }
        for length in 0..sealed.bytes.len() {
            let cut = Sealed { bytes: sealed.bytes[..length].to_vec(), ..sealed.clone() };
            assert_eq!(opened(&ring, &here, &cut), "broken", "{length}");
        }
    }

    #[test]
    fn keys_come_and_go() {
        let here = context(&user("alice"), "basic", "alice");
        let old = ring(&[1]);
        let sealed = seal(&old, &here, &secret()).unwrap();
        let both = ring(&[2, 1]);
        assert_eq!(opened(&both, &here, &sealed), "pässword of the host");
        let renewed = seal(&both, &here, &secret()).unwrap();
        assert_eq!(renewed.key, both.sealing().id());
        let new = ring(&[2]);
        assert_eq!(opened(&new, &here, &renewed), "pässword of the host");
        assert_eq!(opened(&new, &here, &sealed), format!("unknown {}", old.sealing().id()));
        // A row that names another key than the one that sealed it.
        let swapped = Sealed { key: renewed.key, ..sealed.clone() };
        assert_eq!(opened(&both, &here, &swapped), "broken");
    }
}
