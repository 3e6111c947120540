//! What the program says on standard error, on its way into the log.

use crate::domain::token::{self, contains_form};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;

/// The most that is told of what one program says, of errors and of the rest, in bytes.
const LONGEST: usize = 4 * 1024;
/// The most errors of one worker's programs in [`WHILE`]. Whoever may ask for anything can have git
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

    /// Puts what a program says into the log, within bounds: what git complains of as a warning, and the
    /// rest, such as the progress that a client without a side-band is not told of, at level `debug`.
    pub(super) async fn listen(self: Rc<Self>, mut stderr: ChildStderr, id: http::HeaderValue) {
        let id = id.to_str().unwrap_or_default();
        let mut said = Said::default();
        let mut bytes = vec![0; LONGEST];
        while let Ok(read @ 1..) = stderr.read(&mut bytes).await {
            said.take(&bytes[..read], |line| self.tell(id, line));
        }
        said.end(|line| self.tell(id, line));
    }

    fn tell(&self, id: &str, line: &str) {
        if !is_complaint(line) {
            tracing::debug!(id, "git http-backend: {line}");
            return;
        }
        let Some(left_out) = self.hear(Instant::now()) else { return };
        if left_out > 0 {
            tracing::warn!(left_out, "git http-backend said more than is written down");
        }
        tracing::warn!(id, "git http-backend: {line}");
    }
}

/// Stands for a line that holds a token.
const HIDDEN: &str = "error: (hidden: it held a token)";

/// How git begins its complaints (`usage.c`), whichever of its processes has them, and `http-backend` the
/// reasons of its 403 and 404 (`http-backend.c`). That it cannot open a file is none of them: clients of the
/// dumb protocol ask for files that may be there.
const COMPLAINTS: [&str; 9] = [
    "fatal: ",
    "error: ",
    "warning: ",
    "BUG: ",
    "Service not enabled: ",
    "Unsupported service: ",
    "Request not supported: ",
    "Repository not exported: ",
    "Not a git repository: ",
];

fn is_complaint(line: &str) -> bool {
    COMPLAINTS.iter().any(|begin| line.starts_with(begin))
}

/// What one program has said: the line that it is at, and how much was told of each level.
#[derive(Default)]
struct Said {
    line: Vec<u8>,
    errors: usize,
    rest: usize,
}

impl Said {
    /// Tells of each line that ends in these bytes. Progress ends its lines with a carriage return.
    fn take(&mut self, bytes: &[u8], mut tell: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, ended) = match piece {
                [text @ .., b'\n' | b'\r'] => (text, true),
                text => (text, false),
            };
            let room = LONGEST - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.end(&mut tell);
            }
        }
    }

    /// Tells of the line that it is at, unless too much was told already.
    fn end(&mut self, mut tell: impl FnMut(&str)) {
        // git quotes what it was sent. What is cut ends before half a token could stand there.
        let cut = if self.line.len() == LONGEST { token::LENGTH } else { 0 };
        let line = if contains_form(&self.line) {
            HIDDEN.into()
        } else {
            String::from_utf8_lossy(&self.line[..self.line.len() - cut])
        };
        let told = if is_complaint(&line) { &mut self.errors } else { &mut self.rest };
        // As git said it: what is no text grows as it becomes some.
        *told += self.line.len();
        if !line.is_empty() && *told <= LONGEST {
            tell(&line);
        }
        self.line.clear();
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

    #[test]
    fn lines_are_told_however_they_come() {
        let long = "x".repeat(LONGEST + 1);
        let short = &long[..LONGEST - token::LENGTH];
        let odd = "\u{fffd}".repeat(LONGEST - token::LENGTH - 7);
        let token = format!("latu_{}", "a1B2".repeat(9));
        let (early, late) = (&long[..LONGEST - 81], &long[..LONGEST - 40]);
        let cases: [(&[&str], &[&str]); 8] = [
            (&[early, &token, "\n"], &[HIDDEN]),
            (&[late, &token, "\n"], &[short]),
            (&["fatal: a\nb\rc"], &["fatal: a", "b", "c"]),
            (&["fa", "tal: a", "\n\n\r\n"], &["fatal: a"]),
            (&[], &[]),
            // However much else was said, the error is told.
            (&[&long, "\rerror: a\n", &long, "\rerror: b"], &[short, "error: a", "error: b"]),
            (&["a\r", &long[2..], "\n", "b"], &["a", &long[2..]]),
            (&["error: ", &long, "\nerror: a\nb"], &[&format!("error: {}", &short[7..]), "b"]),
        ];
        for (pieces, expected) in cases {
            let (mut said, mut told) = (Said::default(), Vec::new());
            for piece in pieces {
                said.take(piece.as_bytes(), |line| told.push(line.to_owned()));
            }
            said.end(|line| told.push(line.to_owned()));
            assert!(told == expected, "{pieces:?}: {told:?}");
        }
        let (mut said, mut told) = (Said::default(), Vec::new());
        said.take(&[b"fatal: ", &[0xff; LONGEST][..], b"\n"].concat(), |line| {
            told.push(line.to_owned());
        });
        assert_eq!(told, [format!("fatal: {odd}")]);
    }
}
