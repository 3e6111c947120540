//! The time of a change.

use super::ManageError;
use crate::domain::timestamp::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
///
/// # Errors
/// When the clock stands before 1970.
pub(super) fn now() -> Result<Timestamp, ManageError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| ManageError::Clock)?;
    i64::try_from(since.as_millis()).map(Timestamp::from_millis).map_err(|_| ManageError::Clock)
}
