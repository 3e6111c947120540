//! What goes to people and programs: standard output for answers, standard error for everything else.

use std::io::{self, Write};

/// Prints text that ends where it ends. A reader who has seen enough and went away is no failure.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match deliver(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("standard output cannot be written"))
        }
        _ => Ok(()),
    }
}

/// Prints what must reach its reader: one who went away is a failure.
pub(super) fn deliver(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints one line.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    print(&format!("{text}\n"))
}

/// Prints a value as one line of JSON.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Prints rows under their headings, each column as wide as its widest cell.
pub(super) fn table<'a>(
    headings: impl AsRef<[&'a str]>,
    rows: &[impl AsRef<[String]>],
) -> anyhow::Result<()> {
    let rows = rows.iter().map(|row| row.as_ref().iter().map(String::as_str).collect());
    let headings = headings.as_ref().to_vec();
    print(&aligned(&std::iter::once(headings).chain(rows).collect::<Vec<_>>()))
}

/// Prints what there is to know about one thing, a line each; what is empty is left out.
pub(super) fn fields(lines: &[(&str, String)]) -> anyhow::Result<()> {
    let lines = lines.iter().filter(|(_, value)| !value.is_empty());
    print(&aligned(&lines.map(|(name, value)| vec![*name, value]).collect::<Vec<_>>()))
}

fn aligned(rows: &[Vec<&str>]) -> String {
    let mut widths = vec![0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Vec<&str>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

/// A remark beside the answer, on standard error.
pub(super) fn note(text: &str) {
    complain(&format!("gitlatch: note: {text}"));
}

/// A block of lines on standard error, as they are.
pub(super) fn complain(text: &str) {
    // Where even standard error is gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says why a command failed, with every cause, in one line; the exit status is returned.
pub(super) fn failure(error: &anyhow::Error) -> u8 {
    if let Some(wrong_call) = error.downcast_ref::<clap::Error>() {
        let _ = wrong_call.print();
        return 2;
    }
    complain(&format!("gitlatch: {error:#}").replace('\n', " "));
    1
}

/// The error of a call that was wrong in a way that only its parts together show.
pub(super) fn wrong_call(message: impl std::fmt::Display) -> anyhow::Error {
    clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{message}\n")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["N", "NAME"], vec!["1", "ä"], vec!["222", "yy"]];
        assert_eq!(aligned(&rows), "N    NAME\n1    ä\n222  yy\n");
    }
}
