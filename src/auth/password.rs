//! Passwords of people: argon2id, kept as PHC strings.
//!
//! The parameters are the crate's defaults (19 MiB, two passes, one lane), which are those of the OWASP
//! password storage sheet. A check takes tens of milliseconds on purpose: keep it off the workers that
//! carry requests.

use crate::domain::secret::Secret;
use argon2::password_hash::phc::{self, PasswordHash};
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Argon2, RECOMMENDED_SALT_LEN};

/// Why a password could be neither hashed nor checked. A wrong password is no error.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The system gave no random bytes for the salt.
    #[error("the system gave no random bytes")]
    Random(#[source] getrandom::Error),
    /// The hash could not be computed.
    #[error("the password could not be hashed")]
    Hash(#[source] password_hash::Error),
    /// What the store holds for this user is no PHC string.
    #[error("the stored password hash cannot be understood")]
    Stored(#[source] phc::Error),
    /// What the store holds for this user was cut short.
    #[error("the stored password hash has no salt or no hash")]
    Incomplete,
}

/// Hashes a password with a fresh salt: the PHC string that the store keeps.
///
/// # Errors
/// When the system has no random bytes or no memory left.
pub fn hash(password: &Secret) -> Result<String, PasswordError> {
    let mut salt = [0; RECOMMENDED_SALT_LEN];
    getrandom::fill(&mut salt).map_err(PasswordError::Random)?;
    hash_with(password, &salt).map(|hash| hash.to_string())
}

/// Whether this is the password behind the PHC string.
///
/// `None` stands for a user who does not exist or has no password. It costs the same as a wrong
/// password, so that the time of an answer does not tell which user names exist.
///
/// # Errors
/// When the hash cannot be computed, or the string is none. That is never the same as "wrong".
pub fn verify(password: &Secret, phc: Option<&str>) -> Result<bool, PasswordError> {
    let Some(phc) = phc else {
        // The salt does not matter: the result is thrown away, only the work counts.
        return hash_with(password, &[0; RECOMMENDED_SALT_LEN]).map(|_| false);
    };
    let stored = PasswordHash::new(phc).map_err(PasswordError::Stored)?;
    if stored.salt.is_none() || stored.hash.is_none() {
        return Err(PasswordError::Incomplete);
    }
    match Argon2::default().verify_password(password.expose().as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(PasswordError::Hash(error)),
    }
}

fn hash_with(password: &Secret, salt: &[u8]) -> Result<PasswordHash, PasswordError> {
    let hasher = Argon2::default();
    hasher.hash_password_with_salt(password.expose().as_bytes(), salt).map_err(PasswordError::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn only_the_password_itself_is_accepted() {
        let phc = hash(&secret("correct horse")).expect("a hash");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify(&secret("correct horse"), Some(&phc)).expect("a verdict"));
        for wrong in ["correct horse ", "Correct horse", "", "correct"] {
            assert!(!verify(&secret(wrong), Some(&phc)).expect("a verdict"), "{wrong}");
        }
        assert!(!verify(&secret("correct horse"), None).expect("a verdict"));
    }

    #[test]
    fn a_user_who_does_not_exist_costs_as_much_as_a_wrong_password() {
        let phc = hash(&secret("right")).expect("a hash");
        let fastest = |phc: Option<&str>| {
            let runs = [(); 3].map(|()| {
                let start = std::time::Instant::now();
                verify(&secret("wrong"), phc).expect("a verdict");
                start.elapsed()
            });
            runs.into_iter().min().expect("three runs")
        };
        let (wrong, nobody) = (fastest(Some(&phc)), fastest(None));
        // The work is the same; the factor is for whatever else the machine does meanwhile.
        assert!(nobody * 4 > wrong && wrong * 4 > nobody, "{wrong:?} {nobody:?}");
    }

    #[test]
    fn the_same_password_never_hashes_the_same() {
        let hashes = [(); 2].map(|()| hash(&secret("x")).expect("a hash"));
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        for damaged in
            ["", "x", "$argon2id$v=19$m=19456", "$scrypt$ln=16,r=8,p=1$c2FsdHNhbHQ$aGFzaA"]
        {
            assert!(verify(&secret("x"), Some(damaged)).is_err(), "{damaged}");
        }
    }
}
