//! `gitlatch rules`: a dialect's table.

mod markdown;
mod words;

use super::{Outcome, output, values};
use crate::domain::dialect::{Entry, Kind};
use crate::domain::intent::Confined;

/// Which table, and for whom.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The kind of host
    #[arg(long, default_value = "git", value_parser = values::kind())]
    kind: Kind,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
    /// Print the reference in Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

#[derive(serde::Serialize)]
struct RowJson<'a> {
    rule: &'static str,
    /// The one that the row is named by: `*` is every one, `!GET` every one but GET and HEAD.
    method: &'static str,
    methods: &'static [&'static str],
    path: &'a str,
    action: &'static str,
    need: &'static str,
    /// `pass`, `check` or `refuse`.
    confined: &'static str,
    /// What is checked, or why it is refused.
    checks: Vec<String>,
    effects: Vec<&'static str>,
    note: &'static str,
}

/// Prints the table.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let rows = options.kind.entries();
    if options.json {
        output::json(&rows.iter().map(json).collect::<Vec<_>>())?;
    } else if options.markdown {
        output::print(&markdown::reference(options.kind, &rows))?;
    } else {
        let rows: Vec<_> = rows.iter().map(cells).collect();
        output::table(["RULE", "METHODS", "NEED", "PATH", "WHAT IT IS"], &rows)?;
    }
    Ok(Outcome::Done)
}

fn json(row: &Entry) -> RowJson<'_> {
    let (confined, checks) = match row.confined {
        Confined::Pass => ("pass", Vec::new()),
        Confined::Check(fields) => ("check", fields.iter().map(words::field).collect()),
        Confined::Refuse(what) => ("refuse", vec![what.to_owned()]),
    };
    RowJson {
        rule: row.name,
        method: row.method,
        methods: row.methods,
        path: &row.path,
        action: row.action.name(),
        need: row.need.name(),
        confined,
        checks,
        effects: words::effects(row.effects),
        note: row.note,
    }
}

fn cells(row: &Entry) -> [String; 5] {
    let [rule, need, note] = [row.name, row.need.name(), row.note].map(str::to_owned);
    [rule, words::methods(row), need, row.path.clone(), note]
}
