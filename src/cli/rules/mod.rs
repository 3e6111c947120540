//! `gitlatch rules`: the table that holds: the operator's own rules, and the dialect's.

mod markdown;
mod words;

use super::{Outcome, context, output, values};
use crate::domain::dialect::rule::{Rule, RuleVerdict};
use crate::domain::dialect::{Entry, Kind};
use crate::domain::intent::Confined;
use std::path::PathBuf;

/// Which table, and for whom.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The table of this kind of host alone; without it, that of the configuration with its own rules
    #[arg(long, value_parser = values::kind())]
    kind: Option<Kind>,
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

/// A rule of the operator's, in the same form.
#[derive(serde::Serialize)]
struct OwnJson<'a> {
    rule: String,
    method: &'static str,
    methods: &'a [String],
    path: String,
    /// `allow` or `deny`.
    action: &'static str,
    /// What it needs besides; null where it is denied.
    need: Option<&'static str>,
    confined: &'static str,
    checks: [(); 0],
    effects: [(); 0],
    /// The operator's reason.
    note: &'a str,
}

/// Prints the table. The rules of the operator's come first, as they are looked at first.
pub(super) fn run(config: Option<PathBuf>, options: &Options) -> anyhow::Result<Outcome> {
    let named = config.is_some();
    let (kind, own) = match (options.kind, context::config_path(config)) {
        (Some(kind), _) => (kind, Vec::new()),
        (None, Ok(path)) => {
            let config = context::config(Some(path))?;
            (config.upstream.kind, config.rules)
        }
        (None, Err(error)) if named => return Err(error),
        // Where nothing is configured there is a table to look at all the same.
        (None, Err(_)) => (Kind::Git, Vec::new()),
    };
    let rows = kind.entries();
    if options.json {
        let own = own.iter().map(|rule| serde_json::to_value(own_json(rule)));
        let rows = rows.iter().map(|row| serde_json::to_value(json(row)));
        output::json(&own.chain(rows).collect::<Result<Vec<_>, _>>()?)?;
    } else if options.markdown {
        output::print(&markdown::reference(kind, &rows))?;
    } else {
        let rows: Vec<_> = own.iter().map(own_cells).chain(rows.iter().map(cells)).collect();
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

fn own_json(rule: &Rule) -> OwnJson<'_> {
    let (action, need, confined, note) = match &rule.verdict {
        RuleVerdict::Allow { need, confined } => {
            ("allow", Some(need.name()), if *confined { "pass" } else { "refuse" }, "")
        }
        RuleVerdict::Deny(reason) => ("deny", None, "pass", reason.as_str()),
    };
    OwnJson {
        rule: rule.name(),
        method: "*",
        methods: &rule.methods,
        path: rule.path.to_string(),
        action,
        need,
        confined,
        checks: [],
        effects: [],
        note,
    }
}

fn own_cells(rule: &Rule) -> [String; 5] {
    let methods = if rule.methods.is_empty() { "any".to_owned() } else { rule.methods.join(", ") };
    let (need, note) = match &rule.verdict {
        RuleVerdict::Allow { need, .. } => {
            (need.name(), "tightens what is known, opens what is not".to_owned())
        }
        RuleVerdict::Deny(reason) => ("denied", reason.clone()),
    };
    [rule.name(), methods, need.to_owned(), rule.path.to_string(), note]
}

fn cells(row: &Entry) -> [String; 5] {
    let [rule, need, note] = [row.name, row.need.name(), row.note].map(str::to_owned);
    [rule, words::methods(row), need, row.path.clone(), note]
}
