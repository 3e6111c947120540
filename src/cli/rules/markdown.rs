//! The reference of a dialect, written from its table.

use super::words;
use crate::domain::dialect::{Entry, Kind};
use crate::domain::intent::Confined;
use std::fmt::Write as _;

/// The sections: a heading, and the first words of the names of its rows.
const SECTIONS: &[(&str, &[&str])] = &[
    ("Git", &["git", "lfs"]),
    ("Pull requests", &["pr"]),
    ("Commits, builds and Code Insights", &["commit", "insights", "build-status"]),
    ("Repositories, their refs, files and settings", &["repo", "branch", "tag", "fork"]),
    ("Projects", &["project"]),
    ("The whole host, and what has a bare id", &["host", "my", "key", "jira", "mirror"]),
    ("Never: sign-on", &["login"]),
    ("Never: accounts", &["account"]),
    ("Never: administration", &["admin"]),
    ("Never: web pages", &["page"]),
];

const HEAD: &str = "\
A request is looked up in this table by its method and path. What is not in it is refused. The need is the larger
of what the host demands of its users and what the method implies: what changes something needs WRITE at least.
A row whose need is `never` holds for no token, in any spelling of its path. Parts of a path in braces are single
segments; `{path}` is the rest, such as the name of a file or of a tag; `**` is everything below, and nothing.

A request is *confined* when the identity that it travels under can reach more than its token may: every token
under `fixed` and `none`, tokens of projects and repositories, tokens with `--only`. The column *confined* says
what becomes of it then: nothing is written where its path names all that it is about, *checked* where fields of
its query or body must stay within the token's scope, and *refused* where it cannot be held to a scope.

The last column says what else a request does: `writes-refs` is refused for tokens and repositories with rules
about refs, `commits` needs a token of a person, `outlives-token` makes access that goes on when the token has
ended, `ends-name` and `may-rename` concern the tokens that belong to the name.
";

/// The whole page.
pub(super) fn reference(kind: Kind, rows: &[Entry]) -> String {
    let name = kind.name();
    let mut page = format!(
        "# What `kind = \"{name}\"` knows\n\n<!-- Written by `gitlatch rules --kind {name} --markdown`; do \
         not edit. -->\n\n{HEAD}"
    );
    let mut left: Vec<&Entry> = rows.iter().collect();
    for (heading, words) in SECTIONS {
        let (own, others): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|row| words.contains(&first_word(row)));
        section(&mut page, heading, &own);
        left = others;
    }
    section(&mut page, "Others", &left);
    outliving(&mut page, rows);
    page
}

fn first_word(row: &Entry) -> &'static str {
    row.name.split('.').next().unwrap_or_default()
}

// Writing to a text never fails.
fn section(page: &mut String, heading: &str, rows: &[&Entry]) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "\n## {heading}\n\n| method | path | rule | what it is | need | confined | also |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for row in rows {
        let also: Vec<_> = words::effects(row.effects).iter().map(|w| format!("`{w}`")).collect();
        let _ = writeln!(
            page,
            "| {} | `{}` | `{}` | {} | {} | {} | {} |",
            words::methods(row),
            row.path.replace('|', "\\|"),
            row.name,
            row.note,
            row.need,
            confined(row.confined),
            also.join(", ")
        );
    }
}

fn confined(confined: Confined) -> String {
    match confined {
        Confined::Pass => String::new(),
        Confined::Check(fields) => {
            let fields: Vec<_> = fields.iter().map(words::field).collect();
            format!("checked: {}", fields.join(". "))
        }
        Confined::Refuse(what) => format!("refused: {what}"),
    }
}

/// Rules that refuse what would go on without the token.
fn outliving(page: &mut String, rows: &[Entry]) {
    let mut rules: Vec<(String, Vec<&str>)> = Vec::new();
    for row in rows.iter().filter(|row| row.effects.outlives) {
        let pattern = pattern(&row.path);
        match rules.iter_mut().find(|(known, _)| *known == pattern) {
            Some((_, methods)) => methods.push(row.method),
            None => rules.push((pattern, vec![row.method])),
        }
    }
    if rules.is_empty() {
        return;
    }
    page.push_str(
        "\n## Rules against access that outlives a token\n\nAccess keys, permissions, webhooks and hooks go on \
         when the token that made them has ended. Whoever wants no\ntoken to make them puts this into \
         `proxy.toml`:\n\n```toml\n",
    );
    for (at, (path, methods)) in rules.iter().enumerate() {
        let methods: Vec<_> = methods.iter().map(|method| format!("\"{method}\"")).collect();
        let gap = if at == 0 { "" } else { "\n" };
        let _ = write!(
            page,
            "{gap}[[rule]]\nmethods = [{}]\npath = \"{path}\"\ndeny = \"what this makes outlives the token\"\n",
            methods.join(", ")
        );
    }
    page.push_str("```\n");
}

/// A path as the rules of the configuration have it.
fn pattern(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{project}" | "{repo}" | "**" => segment,
        "{path}" => "**",
        segment if segment.starts_with('{') => "*",
        segment => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}
