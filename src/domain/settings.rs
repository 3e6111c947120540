//! The instance-wide settings for tokens, and the rule about expiry that they make.

use super::timestamp::Timestamp;

/// Milliseconds in a day.
pub const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// What administrators demand of every new token. Tokens that exist are never changed by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether a token must expire.
    pub expiry_required: bool,
    /// The most days that a token may live; `None` is no limit.
    pub max_days: Option<u32>,
}

/// Why a new token may not have the expiry that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// None was given where one is required.
    #[error("tokens must expire here{}; say when", most(*.0))]
    Required(Option<u32>),
    /// It is later than the limit.
    #[error("tokens may live at most {0} days here")]
    TooLate(u32),
    /// It is now or in the past.
    #[error("a token must live longer than that")]
    Past,
}

fn most(days: Option<u32>) -> String {
    days.map(|days| format!(", within {days} days")).unwrap_or_default()
}

impl Settings {
    /// The expiry of a token made `now` that is to live for `lifetime` milliseconds.
    ///
    /// # Errors
    /// When these settings do not allow it. A limit of days holds only for tokens that expire,
    /// unless expiry is required.
    pub fn expiry(
        self,
        lifetime: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, ExpiryError> {
        let Some(lifetime) = lifetime else {
            if self.expiry_required {
                return Err(ExpiryError::Required(self.max_days));
            }
            return Ok(None);
        };
        if lifetime <= 0 {
            return Err(ExpiryError::Past);
        }
        match self.max_days {
            Some(days) if lifetime > i64::from(days) * DAY_MILLIS => {
                Err(ExpiryError::TooLate(days))
            }
            _ => Ok(Some(now.plus_millis(lifetime))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_follows_the_settings() {
        let free = Settings::default();
        let strict = Settings { expiry_required: true, max_days: Some(30) };
        let capped = Settings { expiry_required: false, max_days: Some(1) };
        let now = Timestamp::from_millis(1000);
        let cases = [
            (free, None, Ok(None)),
            (free, Some(5), Ok(Some(Timestamp::from_millis(1005)))),
            (free, Some(0), Err(ExpiryError::Past)),
            (strict, None, Err(ExpiryError::Required(Some(30)))),
            (strict, Some(30 * DAY_MILLIS), Ok(Some(now.plus_millis(30 * DAY_MILLIS)))),
            (strict, Some(30 * DAY_MILLIS + 1), Err(ExpiryError::TooLate(30))),
            (capped, None, Ok(None)),
            (capped, Some(2 * DAY_MILLIS), Err(ExpiryError::TooLate(1))),
        ];
        for (settings, lifetime, expected) in cases {
            assert_eq!(settings.expiry(lifetime, now), expected, "{settings:?} {lifetime:?}");
        }
    }
}
