//! `gitlatch rules`: a dialect's table.

use super::{Outcome, output, values};
use crate::domain::dialect::{Entry, Kind};

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
    /// The one that the row is named by: `*` is every one.
    method: &'static str,
    methods: &'static [&'static str],
    path: String,
    action: &'static str,
    need: &'static str,
    note: &'static str,
}

/// Prints the table.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let rows = options.kind.entries();
    if options.json {
        output::json(&rows.iter().map(json).collect::<Vec<_>>())?;
    } else {
        let rows: Vec<_> = rows.iter().map(cells).collect();
        output::table(["RULE", "METHODS", "NEED", "PATH", "WHAT IT IS"], &rows)?;
    }
    Ok(Outcome::Done)
}

fn json(row: &Entry) -> RowJson {
    RowJson {
        rule: row.name,
        method: row.method,
        methods: row.methods,
        path: row.path.clone(),
        action: row.action.name(),
        need: row.need.name(),
        note: row.note,
    }
}

fn cells(row: &Entry) -> [String; 5] {
    let methods = if row.method == "*" { "any".to_owned() } else { row.methods.join(", ") };
    let [rule, need, note] = [row.name, row.need.name(), row.note].map(str::to_owned);
    [rule, methods, need, row.path.clone(), note]
}
