//! The credentials under which owners are known to the host: sealed here, and never shown again.

use crate::auth::seal::{self, SealError};
use crate::domain::key::KeyRing;
use crate::domain::names::NameCase;
use crate::domain::principal::{Owner, Scheme, StoredIdentity};
use crate::domain::secret::Secret;
use crate::domain::token;
use crate::domain::trail::Author;
use crate::store::{NewIdentity, Registry, StoreError};
use std::fmt;

/// Why a credential was not stored, or the stored ones were not sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Characters that no `Authorization` header can carry to the host.
    #[error("a {0} for the host is printable ASCII{1}")]
    Unprintable(&'static str, &'static str),
    /// A token of ours where one of the host's belongs.
    #[error("the {0} is a gitlatch token: it takes one of the host behind gitlatch")]
    Token(&'static str),
    /// It could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a text is no user name at the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostUserError {
    /// Empty, or with a character that would end the name within a credential.
    #[error("a user name at the host is 1 to 255 characters, no colon and no control characters")]
    Form,
    /// A token of ours.
    #[error("it is a gitlatch token: it takes a user name of the host behind gitlatch")]
    Token,
}

/// A user name at the host, which need not be one that gitlatch would take (RFC 7617 section 2: no colon).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostUser(String);

impl HostUser {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, too long, cannot stand in a Basic credential, or is a token.
    pub fn new(text: &str) -> Result<Self, HostUserError> {
        let odd = |c: char| c == ':' || super::is_odd(c);
        if text.is_empty() || text.chars().count() > 255 || text.contains(odd) {
            return Err(HostUserError::Form);
        }
        if token::contains_form(text.as_bytes()) {
            return Err(HostUserError::Token);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HostUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a credential is presented to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// As Basic, under this name.
    Basic(HostUser),
    /// As Bearer.
    Bearer,
}

/// Stores a credential of an owner, sealed with the first key, in the place of one that is there.
///
/// # Errors
/// When the secret cannot be sent to the host or is a token of ours, when it cannot be sealed, when the
/// owner is a user who is not there, or the store fails.
pub fn set(
    registry: &mut dyn Registry,
    keys: &KeyRing,
    owner: Owner,
    presented: &Presented,
    secret: &Secret,
    case: NameCase,
    by: &Author,
) -> Result<(), IdentityError> {
    let (scheme, username) = match presented {
        Presented::Basic(user) => (Scheme::Basic, user.to_string()),
        Presented::Bearer => (Scheme::Bearer, String::new()),
    };
    check(secret, scheme)?;
    let sealed = seal::seal(keys, &seal::context(&owner, scheme.name(), &username), secret)?;
    let identity = StoredIdentity { owner, scheme, username, sealed };
    Ok(registry.set_identity(NewIdentity { identity, case }, by)?)
}

/// Seals every stored credential with the first key of the ring, all of them or none, and returns how
/// many there are. Each opens with a key of the ring.
///
/// # Errors
/// When one does not open, cannot be sealed, or the store fails.
pub fn rekey(
    registry: &mut dyn Registry,
    keys: &KeyRing,
    by: &Author,
) -> Result<u64, IdentityError> {
    let mut reseal = |stored: &StoredIdentity| {
        let context = seal::context(&stored.owner, stored.scheme.name(), &stored.username);
        let resealed = seal::open(keys, &context, &stored.sealed)
            .and_then(|secret| seal::seal(keys, &context, &secret));
        resealed.map_err(|source| Unopened { owner: stored.owner.clone(), source }.into())
    };
    Ok(registry.reseal_identities(&mut reseal, by)?)
}

/// Which of the credentials it was.
#[derive(Debug, thiserror::Error)]
#[error("the credential of the {owner}")]
struct Unopened {
    owner: Owner,
    #[source]
    source: SealError,
}

/// A Bearer credential is one word (RFC 6750 section 2.1); a password may have spaces.
fn check(secret: &Secret, scheme: Scheme) -> Result<(), IdentityError> {
    let (what, but) = match scheme {
        Scheme::Basic => ("password", ""),
        Scheme::Bearer => ("token", " without spaces"),
    };
    let printable = |b: u8| b.is_ascii_graphic() || (b == b' ' && scheme == Scheme::Basic);
    let bytes = secret.expose().as_bytes();
    if !bytes.iter().copied().all(printable) {
        Err(IdentityError::Unprintable(what, but))
    } else if token::contains_form(bytes) {
        Err(IdentityError::Token(what))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_the_host() {
        for good in ["bot", "Alice B.", "a@example.com", "ä", "x-token-auth"] {
            assert!(HostUser::new(good).is_ok(), "{good}");
        }
        let token = format!("latu_{}", "a".repeat(36));
        for bad in ["", "a:b", "a\nb", "\u{1b}", &"x".repeat(256), &token] {
            assert!(HostUser::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn secrets_for_the_host() {
        let token = format!("latu_{}", "a".repeat(36));
        let cases = [
            (Scheme::Basic, "correct horse", true),
            (Scheme::Bearer, "correct horse", false),
            (Scheme::Bearer, "NDc2.x_y/z=", true),
            (Scheme::Basic, "p\u{e4}ss", false),
            (Scheme::Basic, "a\tb", false),
            (Scheme::Basic, &token, false),
        ];
        for (scheme, text, good) in cases {
            assert_eq!(check(&Secret::new(text.to_owned()), scheme).is_ok(), good, "{text}");
        }
    }
}
