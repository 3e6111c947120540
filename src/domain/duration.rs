//! Durations as people write them: `30s`, `15m`, `8h`, `90d`.

use std::time::Duration;

/// Longest duration, in seconds: a hundred years. Whoever writes more means something else.
const LONGEST: u64 = 100 * 365 * DAY;
const DAY: u64 = 24 * 60 * 60;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Something else than one whole number and one unit.
    #[error("a duration is a whole number and a unit, s, m, h or d: 30s, 15m, 8h, 90d")]
    Form,
    /// No time at all.
    #[error("a duration is longer than zero")]
    Zero,
    /// More than anybody means.
    #[error("a duration is at most 100 years")]
    Long,
}

/// Reads one whole number with one unit: seconds `s`, minutes `m`, hours `h` or days `d` of 24 hours.
///
/// # Errors
/// When the text has another form, is zero, or is longer than a hundred years.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let unit = match text.bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 60 * 60,
        Some(b'd') => DAY,
        _ => return Err(DurationError::Form),
    };
    let digits = &text[..text.len() - 1];
    // `u64` would also read a leading `+`.
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DurationError::Form);
    }
    let number: u64 = digits.parse().map_err(|_| DurationError::Long)?;
    match number.checked_mul(unit) {
        Some(0) => Err(DurationError::Zero),
        Some(seconds) if seconds <= LONGEST => Ok(Duration::from_secs(seconds)),
        _ => Err(DurationError::Long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("30s", Ok(30)),
            ("15m", Ok(900)),
            ("8h", Ok(28_800)),
            ("90d", Ok(7_776_000)),
            ("36500d", Ok(LONGEST)),
            ("36501d", Err(DurationError::Long)),
            ("99999999999999999999d", Err(DurationError::Long)),
            ("18446744073709551615d", Err(DurationError::Long)),
            ("0s", Err(DurationError::Zero)),
            ("", Err(DurationError::Form)),
            ("s", Err(DurationError::Form)),
            ("30", Err(DurationError::Form)),
            ("+30s", Err(DurationError::Form)),
            ("-1s", Err(DurationError::Form)),
            ("1.5h", Err(DurationError::Form)),
            ("1 h", Err(DurationError::Form)),
            ("1h30m", Err(DurationError::Form)),
            ("30S", Err(DurationError::Form)),
            ("3é", Err(DurationError::Form)),
            ("30ms", Err(DurationError::Form)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|d| d.as_secs()), expected, "{text}");
        }
    }
}
