//! What the program says on standard error, on its way into the log.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStderr;

/// The most that is kept of what one program says.
const LONGEST: u64 = 4 * 1024;
/// The most lines of one worker's programs in [`WHILE`]. Whoever may ask for anything can have git
/// complain about it, as often as they ask.
const MOST: u64 = 20;
const WHILE: Duration = Duration::from_mins(1);

/// How much one worker's programs have complained lately.
pub(super) struct Complaints {
    since: Cell<Instant>,
    heard: Cell<u64>,
}

impl Complaints {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { since: Cell::new(Instant::now()), heard: Cell::new(0) })
    }

    /// Whether a line is to be written now, and how many were left out before it.
    fn hear(&self, now: Instant) -> Option<u64> {
        let heard = self.heard.get();
        if now.duration_since(self.since.get()) < WHILE {
            self.heard.set(heard + 1);
            return (heard < MOST).then_some(0);
        }
        self.since.set(now);
        self.heard.set(1);
        Some(heard.saturating_sub(MOST))
    }

    /// Puts what a program says into the log, within bounds, and reads the rest away.
    pub(super) async fn listen(self: Rc<Self>, stderr: ChildStderr, id: http::HeaderValue) {
        let id = id.to_str().unwrap_or_default();
        let mut lines = BufReader::new(stderr).take(LONGEST).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let Some(left_out) = self.hear(Instant::now()) else { continue };
            if left_out > 0 {
                tracing::warn!(left_out, "git http-backend said more than is written down");
            }
            tracing::warn!(id, "git http-backend: {line}");
        }
        let mut rest = lines.into_inner().into_inner();
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        let complaints = Complaints::new();
        let start = complaints.since.get();
        for _ in 0..MOST {
            assert_eq!(complaints.hear(start), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(complaints.hear(start), None);
        }
        assert_eq!(complaints.hear(start + WHILE), Some(7));
        assert_eq!(complaints.hear(start + WHILE), Some(0));
        assert_eq!(complaints.hear(start + WHILE * 2), Some(0));
    }
}
