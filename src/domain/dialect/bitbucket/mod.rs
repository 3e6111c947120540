//! `kind = "bitbucket"`: Git paths and the REST operations of Bitbucket Data Center.
//!
//! The operations and what Bitbucket demands of its users are those of the API reference of Bitbucket Data
//! Center 9.4, and of earlier ones where it still answers to them. A row's need is the larger of that and
//! what its method implies. What is not listed is refused.

mod commits;
mod host;
mod index;
mod never;
mod operation;
mod project;
mod pull_requests;
mod repository;
mod repository_settings;
mod segment;

use super::super::intent::{Intent, Need, Place, Voice};
use super::super::names::{ProjectPath, RepoName, RepoPath};
use super::entry::Entry;
use super::path::{PathFault, check_deciding, decode};
use super::{Classified, RequestLine, Unclear, git, lfs};
use crate::domain::segments::segments;
use index::{Found, Index};
use operation::Operation;
use std::sync::LazyLock;

/// Every table.
const TABLES: &[&[Operation]] = &[
    pull_requests::PULL_REQUESTS,
    pull_requests::AROUND,
    commits::COMMITS,
    commits::INSIGHTS,
    commits::BUILD_STATUS,
    repository::REPOSITORY,
    repository::REFS,
    repository_settings::REPOSITORY_SETTINGS,
    repository_settings::REPOSITORY_PARTS,
    project::PROJECT,
    project::PROJECT_PARTS,
    host::HOST,
    host::PARTS,
    never::LOGIN,
    never::ACCOUNT,
    never::ADMINISTRATION,
    never::PAGES,
];

static INDEX: LazyLock<Index> = LazyLock::new(|| Index::new(operations()));

/// What no token may do, for itself: it is met in every spelling, which takes longer in a larger tree.
static NEVER: LazyLock<Index> = LazyLock::new(|| {
    Index::new(operations().filter(|operation| matches!(operation.need, Need::Never(_))))
});

fn operations() -> impl Iterator<Item = &'static Operation> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The table, for people and for tests: Git paths first.
pub(super) fn entries() -> Vec<Entry> {
    let git = git::TABLE.iter().map(|row| Entry::of_git(row, "/scm"));
    git.chain(operations().map(Operation::entry)).collect()
}

impl Operation {
    fn entry(&self) -> Entry {
        Entry {
            name: self.name,
            method: self.verb.name(),
            methods: self.verb.methods(),
            path: self.path.to_owned(),
            action: self.action,
            need: self.need,
            body: self.body,
            confined: self.confined,
            effects: self.effects,
            note: self.note,
        }
    }

    fn intent(&'static self, place: Place, voice: Voice) -> Classified {
        Classified::Known(Box::new(Intent {
            action: self.action,
            place,
            need: self.need,
            also: Vec::new(),
            voice,
            body: self.body,
            confined: self.confined,
            effects: self.effects,
            rule: self.name.into(),
            service: 0,
        }))
    }
}

/// Understands a request below the prefix. The path has passed [`super::path::check`].
pub(super) fn classify(line: RequestLine<'_>) -> Result<Classified, Unclear> {
    let first = segments(&line.path[1..]).next().unwrap_or_default();
    match first {
        "rest" => rest(line),
        first if decode(first).eq_ignore_ascii_case("scm") => repository(line),
        // Pages have names of files and branches everywhere, which are nobody's business here.
        _ => Ok(NEVER.forbids(line.method, line.path).map_or(Classified::Unknown, |operation| {
            operation.intent(Place::Host, voice(line.path))
        })),
    }
}

/// Whether a path could be taken for one that the tables have.
pub(super) fn resembles(path: &str) -> bool {
    INDEX.resembles(path)
}

/// The voice for a path. Pages get plain text: whoever holds a token is no browser.
pub(super) fn voice(path: &str) -> Voice {
    let first = path.get(1..).and_then(|rest| segments(rest).next()).unwrap_or_default();
    if decode(first).eq_ignore_ascii_case("rest") {
        Voice::Rest
    } else if lfs::speaks(path) {
        Voice::Lfs
    } else {
        Voice::Git
    }
}

/// A Git path: `/scm/{project}/{repo}.git/…`, with exactly one segment for the project.
fn repository(line: RequestLine<'_>) -> Result<Classified, Unclear> {
    let what = git::classify(line)?;
    let Classified::Known(intent) = &what else { return Ok(what) };
    let project = intent.place.project().unwrap_or_default();
    if project == "-" || project.contains('/') {
        return Ok(Classified::Unknown);
    }
    Ok(what)
}

/// A REST path.
fn rest(line: RequestLine<'_>) -> Result<Classified, Unclear> {
    let found = INDEX.find(line.path);
    let Some(operation) = found.rows.and_then(|rows| rows.of(line.method)) else {
        return unlisted(line, &found);
    };
    if matches!(operation.need, Need::Never(_)) {
        return Ok(operation.intent(place(&found).unwrap_or(Place::Host), Voice::Rest));
    }
    check_deciding(&line.path[..found.deciding])?;
    Ok(operation.intent(place(&found)?, Voice::Rest))
}

/// What no row has: forbidden when it can be taken for what is, in any spelling.
fn unlisted(line: RequestLine<'_>, found: &Found<'_>) -> Result<Classified, Unclear> {
    if let Some(operation) = NEVER.forbids(line.method, line.path) {
        // The place is for the record only: no token has what is needed there.
        return Ok(operation.intent(place(found).unwrap_or(Place::Host), Voice::Rest));
    }
    if let Some(rows) = found.rows {
        return Err(Unclear::Method { allow: &rows.allow });
    }
    check_deciding(line.path)?;
    Ok(Classified::Unknown)
}

/// Where the path acts.
fn place(found: &Found<'_>) -> Result<Place, PathFault> {
    let Some(project) = &found.project else { return Ok(Place::Host) };
    let project = ProjectPath::new(project).map_err(|e| PathFault::Name(e.to_string()))?;
    let Some(name) = &found.repository else { return Ok(Place::Project(project)) };
    let name = RepoName::new(name).map_err(|e| PathFault::Name(e.to_string()))?;
    Ok(Place::Repository(RepoPath::new(&project, &name)))
}

#[cfg(test)]
mod tests;
