//! The credentials for the host, opened as they are needed.

use super::seal::{self, SealError};
use crate::domain::key::KeyRing;
use crate::domain::principal::StoredIdentity;
use crate::domain::secret::Secret;
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the keys are read again at most, while some are missing.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a stored credential cannot be used. Nothing of it is told.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It does not open.
    #[error("the stored credential of {owner} cannot be opened")]
    Seal {
        /// Whose it is.
        owner: String,
        /// Why.
        #[source]
        source: SealError,
    },
    /// Nothing was configured to open it with.
    #[error("no key is configured")]
    NoKeys,
}

/// Reads the keys as they are now; why not, as a text for the log.
type ReadAgain = Box<dyn Fn() -> Result<KeyRing, String> + Send + Sync>;

/// The keys, shared by all workers. When something was sealed with a key that is not among them, they
/// are read again: `gitlatch identity rekey` changes them while the server runs.
pub struct Vault {
    keys: ArcSwap<KeyRing>,
    read_again: ReadAgain,
    last: Mutex<Option<Instant>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// A vault with these keys, and the way to read them again.
    #[must_use]
    pub fn new(
        keys: Arc<KeyRing>,
        read_again: impl Fn() -> Result<KeyRing, String> + Send + Sync + 'static,
    ) -> Self {
        Self { keys: ArcSwap::new(keys), read_again: Box::new(read_again), last: Mutex::default() }
    }

    /// The secret of a stored credential.
    ///
    /// # Errors
    /// When its key is not there, or it was not sealed for this owner.
    pub fn open(&self, identity: &StoredIdentity) -> Result<Secret, VaultError> {
        let StoredIdentity { owner, scheme, username, sealed } = identity;
        let context = seal::context(owner, scheme.name(), username);
        let mut opened = seal::open(&self.keys.load(), &context, sealed);
        if matches!(opened, Err(SealError::UnknownKey(_))) && self.refresh() {
            opened = seal::open(&self.keys.load(), &context, sealed);
        }
        opened.map_err(|source| VaultError::Seal { owner: owner.to_string(), source })
    }

    fn refresh(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Another worker may have read them just now, and to good effect.
        if last.is_some_and(|last| last.elapsed() < AGAIN) {
            return true;
        }
        *last = Some(Instant::now());
        match (self.read_again)() {
            Ok(keys) => {
                self.keys.store(Arc::new(keys));
                true
            }
            Err(why) => {
                tracing::error!(why, "the keys of stored credentials cannot be read again");
                false
            }
        }
    }
}
