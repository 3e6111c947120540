//! The log on standard output: the program's own events, and how both they and the lines of requests
//! are spared a reader that stalls (`lines`).

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use super::lines::{LineWriter, Lines, SOON};

/// Sends the events of the program to standard output from now on; by way of the thread that writes the
/// lines of requests while there is one.
pub fn start(json: bool, level: Level) {
    let layer =
        tracing_subscriber::fmt::layer().with_target(false).with_writer(super::lines::way_out);
    let registry = tracing_subscriber::registry().with(ours(level));
    // A second call, as in tests that build several servers, keeps the first.
    let _ = if json {
        registry.with(layer.event_format(super::events::Json)).try_init()
    } else {
        registry.with(layer.with_timer(Utc).with_ansi(false)).try_init()
    };
}

/// Events of this crate at the level that is asked for, of others at most their warnings: what libraries
/// say about their work quotes what clients sent, and with it secrets (h2 writes malformed paths out).
fn ours(level: Level) -> Targets {
    Targets::new().with_target(env!("CARGO_CRATE_NAME"), level).with_default(level.min(Level::WARN))
}

/// Something that is said at most once a minute, however often it happens and by whichever worker.
#[derive(Debug, Default)]
pub struct Seldom {
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Whether it is to be said now.
    pub fn is_due(&self) -> bool {
        let mut last = lock(&self.last);
        let due = last.is_none_or(|last| last.elapsed() >= Duration::from_mins(1));
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

/// The time of now, RFC 3339 in UTC, in milliseconds.
#[must_use]
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// The time of now as [`now`] writes it, for who asks often: a second is written out once.
#[derive(Debug)]
pub struct Clock {
    second: Cell<(i64, [u8; SECOND])>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: Cell::new((i64::MIN, [0; SECOND])) }
    }
}

/// How long the time is up to the second: `2026-01-31T23:59:59`.
const SECOND: usize = 19;

/// A time as text, RFC 3339 in UTC, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Stamp([u8; SECOND + 5]);

impl Stamp {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every byte is one of ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Clock {
    /// The time of now.
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.at(jiff::Timestamp::now())
    }

    fn at(&self, time: jiff::Timestamp) -> Stamp {
        let millis = time.as_millisecond();
        let (second, millis) = (millis.div_euclid(1000), millis.rem_euclid(1000));
        let mut text = [b'Z'; SECOND + 5];
        let (mut known, written) = self.second.get();
        let mut head = written;
        if known != second {
            let all = format!("{time:.3}");
            // A year of more than four digits is written with a sign; nobody has to be served then.
            match all.as_bytes().first_chunk() {
                Some(first) if all.len() == text.len() => (known, head) = (second, *first),
                _ => (known, head) = (i64::MIN, *b"9999-12-31T23:59:59"),
            }
            self.second.set((known, head));
        }
        text[..SECOND].copy_from_slice(&head);
        text[SECOND] = b'.';
        for (at, unit) in [(1, 100), (2, 10), (3, 1)] {
            let digit = u8::try_from(millis / unit % 10).unwrap_or_default();
            text[SECOND + at] = b'0' + digit;
        }
        Stamp(text)
    }
}

struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&now())
    }
}

/// A panic while a line was formatted leaves whole lines and one that is cut; both may be written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_jiff_writes_them() {
        let clock = Clock::default();
        let times = [0, 1, 999, 1000, 1001, 1_767_225_599_999, 1_767_225_600_000, 5, -1, -1001];
        for millis in times {
            let time = jiff::Timestamp::from_millisecond(millis).unwrap();
            for _ in 0..2 {
                assert_eq!(clock.at(time).as_str(), format!("{time:.3}"));
            }
        }
    }

    #[test]
    fn what_is_written_at_which_level() {
        let cases = [
            (Level::TRACE, "gitlatch::server::connection", Level::TRACE, true),
            (Level::TRACE, "h2::server", Level::DEBUG, false),
            (Level::TRACE, "h2::server", Level::INFO, false),
            (Level::DEBUG, "hyper::proto", Level::WARN, true),
            (Level::INFO, "gitlatch::app", Level::DEBUG, false),
            (Level::ERROR, "hyper::proto", Level::WARN, false),
            (Level::ERROR, "gitlatch::app", Level::ERROR, true),
        ];
        for (level, target, event, written) in cases {
            assert_eq!(
                ours(level).would_enable(target, &event),
                written,
                "{level} {target} {event}"
            );
        }
    }
}
