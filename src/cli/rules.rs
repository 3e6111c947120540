//! `gitlatch rules`: a dialect's table.

use super::{Outcome, output, values};
use crate::domain::dialect::{Kind, Row};

/// Which table, and for whom.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The kind of host
    #[arg(long, default_value = "git", value_parser = values::kind())]
    kind: Kind,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct RowJson {
    rule: &'static str,
    method: &'static str,
    path: String,
    action: &'static str,
    need: &'static str,
    note: &'static str,
}

/// Prints the table.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let rows = options.kind.rows();
    if options.json {
        output::json(&rows.iter().map(json).collect::<Vec<_>>())?;
    } else {
        let rows: Vec<_> = rows.iter().map(cells).collect();
        output::table(["RULE", "METHOD", "NEED", "PATH", "WHAT IT IS"], &rows)?;
    }
    Ok(Outcome::Done)
}

fn json(row: &Row) -> RowJson {
    RowJson {
        rule: row.name,
        method: row.method,
        path: row.describe(),
        action: row.action.name(),
        need: row.need.name(),
        note: row.note,
    }
}

fn cells(row: &Row) -> [String; 5] {
    let plain = [row.name, row.method, row.need.name()].map(str::to_owned);
    let [rule, method, need] = plain;
    [rule, method, need, row.describe(), row.note.to_owned()]
}
