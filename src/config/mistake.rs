//! What is wrong with a configuration file, and where.

use std::fmt;
use std::path::PathBuf;

/// Whether gitlatch starts all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does not.
    Error,
    /// It does, and says so.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Whether it keeps gitlatch from starting.
    pub severity: Severity,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to do; one line, never a secret.
    pub text: String,
}

/// Every mistake of one file, in the order of their places.
///
/// Its `Display` writes a line each: `proxy.toml:14:1: unknown key …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The mistakes; none is a good file.
    pub mistakes: Vec<Mistake>,
}

impl Report {
    /// Whether gitlatch cannot start with this file.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.mistakes.iter().any(|mistake| mistake.severity == Severity::Error)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let Mistake { severity, line, column, text } = mistake;
            let end = if index == 0 { "" } else { "\n" };
            let warning = if *severity == Severity::Warning { "warning: " } else { "" };
            write!(f, "{end}{}:{line}:{column}: {warning}{text}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// The beginning of the file, for what is nowhere in it.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The place of the byte at `offset`.
    pub(super) fn at(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Mistakes while they are being found.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Mistake>);

impl Notes {
    /// Notes what keeps gitlatch from starting.
    pub(super) fn error(&mut self, place: Place, text: impl AsRef<str>) {
        self.add(Severity::Error, place, text.as_ref());
    }

    /// Notes what the operator should know.
    pub(super) fn warning(&mut self, place: Place, text: impl AsRef<str>) {
        self.add(Severity::Warning, place, text.as_ref());
    }

    /// Whether one of them is an error.
    pub(super) fn has_errors(&self) -> bool {
        self.0.iter().any(|mistake| mistake.severity == Severity::Error)
    }

    /// The report about `file`.
    pub(super) fn into_report(self, file: PathBuf) -> Report {
        let mut mistakes = self.0;
        // Stable: mistakes at one place stay in the order in which they were found.
        mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        Report { file, mistakes }
    }

    fn add(&mut self, severity: Severity, place: Place, text: &str) {
        // What is quoted from the file, or from a folder, may not end the line or steer a terminal.
        let text = text.replace(char::is_control, "\u{fffd}");
        self.0.push(Mistake { severity, line: place.line, column: place.column, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let text = "a\näöx\r\nb";
        for (needle, line, column) in [("a", 1, 1), ("x", 2, 3), ("b", 3, 1)] {
            let offset = text.find(needle).unwrap();
            assert_eq!(Place::at(text, offset), Place { line, column }, "{needle}");
        }
        assert_eq!(Place::at(text, 99), Place { line: 3, column: 2 });
    }

    #[test]
    fn reports_are_sorted_lines() {
        let mut notes = Notes::default();
        notes.warning(Place { line: 3, column: 10 }, "late");
        notes.error(Place { line: 3, column: 2 }, "ear\nly");
        let report = notes.into_report(PathBuf::from("proxy.toml"));
        assert_eq!(
            report.to_string(),
            "proxy.toml:3:2: ear\u{fffd}ly\nproxy.toml:3:10: warning: late"
        );
        assert!(report.has_errors());
    }
}
