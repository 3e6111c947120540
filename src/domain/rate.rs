//! Rates: how many in how long, and how many of them at once. Time is an argument.
//!
//! The generic cell rate algorithm (ITU-T I.371, appendix A): one instant for whoever is counted says
//! everything that a bucket of tokens would, and nothing has to be refilled.

use std::time::{Duration, Instant};

/// So many in so long, as people write it: `50/s`, `600/m`, `1000/h`; `600/m burst 50` with a burst of its
/// own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The time that each of them takes up: the period by the number, rounded up.
    each: Duration,
    /// How much of that may be taken up in advance.
    most: Duration,
}

/// Why a text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Something else than a number, a unit and perhaps a burst.
    #[error("a rate is a whole number, a slash and a unit, s, m or h: 50/s, 600/m, 600/m burst 50")]
    Form,
    /// None at all, or more than anybody sends.
    #[error("a rate and its burst are from 1 to 1000000")]
    Range,
}

/// The most of a rate and of a burst.
const MOST: u32 = 1_000_000;

/// When whoever is counted has nothing taken up in advance any more; `None` when that is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken(Option<Instant>);

/// Too many came; the next may after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How long it is until then; longer than zero.
    pub wait: Duration,
}

impl TooMany {
    /// The same in whole seconds, rounded up: whoever comes when they were told to is not too early.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.wait.as_secs() + (self.wait.subsec_nanos() > 0) as u64
    }
}

impl Rate {
    /// Reads `NUMBER/UNIT` or `NUMBER/UNIT burst NUMBER`. Without a burst, all that may come in the unit
    /// may come at once.
    ///
    /// # Errors
    /// When it has another form, or a number is out of range.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let (count, rest) = text.split_once('/').ok_or(RateError::Form)?;
        let count = number(count)?;
        let (unit, burst) = match rest.split_once(' ') {
            None => (rest, count),
            Some((unit, burst)) => {
                let burst = burst.strip_prefix("burst ").ok_or(RateError::Form)?;
                (unit, number(burst)?)
            }
        };
        let period: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            _ => return Err(RateError::Form),
        };
        let each = Duration::from_nanos((period * 1_000_000_000).div_ceil(u64::from(count)));
        Ok(Self { each, most: each.saturating_mul(burst) })
    }

    /// Takes one more at this time, if it may come now.
    ///
    /// # Errors
    /// When it may not, with the time until one may. Nothing is taken then.
    pub fn take(&self, taken: &mut Taken, now: Instant) -> Result<(), TooMany> {
        let mut ahead =
            taken.0.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if ahead > self.most {
            // More than this rate lets anybody take up was taken up under a slower one, which is over.
            ahead = self.most;
            taken.0 = Some(now + ahead);
        }
        let after = ahead + self.each;
        let wait = after.saturating_sub(self.most);
        if !wait.is_zero() {
            return Err(TooMany { wait });
        }
        taken.0 = Some(now + after);
        Ok(())
    }
}

impl Taken {
    /// Whether there is still something to remember at this time.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.0.is_some_and(|until| until > now)
    }
}

fn number(text: &str) -> Result<u32, RateError> {
    // `u32` would also read a leading `+`.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RateError::Form);
    }
    let number = text.parse::<u32>().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or(RateError::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        let rate = |each, most| {
            Ok(Rate { each: Duration::from_nanos(each), most: Duration::from_nanos(most) })
        };
        let cases = [
            ("50/s", rate(20_000_000, 1_000_000_000)),
            ("600/m", rate(100_000_000, 60_000_000_000)),
            ("600/m burst 50", rate(100_000_000, 5_000_000_000)),
            ("3/s burst 1", rate(333_333_334, 333_333_334)),
            ("1/h", rate(3_600_000_000_000, 3_600_000_000_000)),
            ("0/s", Err(RateError::Range)),
            ("1000001/s", Err(RateError::Range)),
            ("99999999999/s", Err(RateError::Range)),
            ("1/s burst 0", Err(RateError::Range)),
            ("", Err(RateError::Form)),
            ("50", Err(RateError::Form)),
            ("/s", Err(RateError::Form)),
            ("+5/s", Err(RateError::Form)),
            ("5/d", Err(RateError::Form)),
            ("5/s ", Err(RateError::Form)),
            ("5 /s", Err(RateError::Form)),
            ("5/s burst", Err(RateError::Form)),
            ("5/s burst 5 5", Err(RateError::Form)),
            ("5/s burst=5", Err(RateError::Form)),
        ];
        for (text, expected) in cases {
            assert_eq!(Rate::parse(text), expected, "{text}");
        }
    }

    /// A rate, when requests come in milliseconds, and after how many of them each may come; 0 is at once.
    type Case = (&'static str, &'static [(u64, u64)]);

    #[test]
    fn requests_come_as_the_rate_lets_them() {
        let cases: &[Case] = &[
            (
                "2/s",
                &[(0, 0), (0, 0), (0, 500), (499, 1), (500, 0), (500, 500), (1500, 0), (1500, 0)],
            ),
            ("2/s", &[(0, 0), (60_000, 0), (60_000, 0), (60_000, 500)]),
            ("60/m burst 1", &[(0, 0), (0, 1000), (999, 1), (1000, 0), (1500, 500)]),
            (
                "60/m burst 3",
                &[(0, 0), (0, 0), (0, 0), (0, 1000), (2000, 0), (2000, 0), (2000, 1000)],
            ),
        ];
        for (text, requests) in cases {
            let rate = Rate::parse(text).unwrap();
            let (start, mut taken) = (Instant::now(), Taken::default());
            for (nth, (at, wait)) in requests.iter().enumerate() {
                let told = rate.take(&mut taken, start + Duration::from_millis(*at));
                let told = told.map_or_else(|too_many| too_many.wait, |()| Duration::ZERO);
                assert_eq!(told, Duration::from_millis(*wait), "{text}: request {nth}");
            }
        }
    }

    #[test]
    fn over_a_long_time_no_more_come_than_the_rate_says() {
        let rate = Rate::parse("7/s burst 5").unwrap();
        let (start, mut taken) = (Instant::now(), Taken::default());
        let came = (0..100_000)
            .filter(|milli| rate.take(&mut taken, start + Duration::from_millis(*milli)).is_ok());
        assert_eq!(came.count(), 5 + 7 * 100 - 1);
    }

    #[test]
    fn a_faster_rate_holds_at_once() {
        let (slow, fast) = (Rate::parse("1/h").unwrap(), Rate::parse("2/s").unwrap());
        let (now, mut taken) = (Instant::now(), Taken::default());
        slow.take(&mut taken, now).unwrap();
        assert_eq!(slow.take(&mut taken, now).unwrap_err().seconds(), 3600);
        let wait = fast.take(&mut taken, now).unwrap_err();
        assert_eq!((wait.wait, wait.seconds()), (Duration::from_millis(500), 1));
        assert!(taken.is_live(now) && !taken.is_live(now + Duration::from_secs(1)));
        assert_eq!(fast.take(&mut taken, now + Duration::from_millis(500)), Ok(()));
    }
}
