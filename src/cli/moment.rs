//! Moments as people read them.

use crate::domain::timestamp::Timestamp;

/// The day, in UTC: `2027-02-19`.
pub(super) fn day(at: Timestamp) -> String {
    format(at, "%Y-%m-%d")
}

/// Day and minute, in UTC: `2027-02-19 14:05 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    format(at, "%Y-%m-%d %H:%M UTC")
}

/// Day and second, in UTC: `2027-02-19 14:05:09 UTC`.
pub(super) fn second(at: Timestamp) -> String {
    format(at, "%Y-%m-%d %H:%M:%S UTC")
}

/// As RFC 3339 writes it, with milliseconds: `2027-02-19T14:05:09.123Z`.
pub(super) fn exact(at: Timestamp) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

fn format(at: Timestamp, pattern: &str) -> String {
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(moment) => moment.strftime(pattern).to_string(),
        // Later than the calendar goes: a lifetime of thousands of years.
        Err(_) => "after the year 9999".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_minutes_are_utc() {
        let at = Timestamp::from_millis(1_802_959_500_000);
        assert_eq!((day(at).as_str(), minute(at).as_str()), ("2027-02-18", "2027-02-18 14:05 UTC"));
        assert_eq!(second(at), "2027-02-18 14:05:00 UTC");
        assert_eq!(exact(at.plus_millis(7)), "2027-02-18T14:05:00.007Z");
        assert_eq!(day(Timestamp::from_millis(i64::MAX)), "after the year 9999");
    }
}
