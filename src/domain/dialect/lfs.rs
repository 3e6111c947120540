//! Git LFS below a repository's folder: the same rows for every kind of host that serves Git.
//!
//! The calls are those of the Git LFS API (`docs/api/*.md` of git-lfs); where objects lie below them is how
//! Gitea (`info/lfs/objects/{oid}/{size}`, its `routers/web/githttp.go`) and GitLab
//! (`gitlab-lfs/objects/{oid}`, its `config/routes/git_http.rb`) have it.

use super::super::intent::{Action, Body, Voice};
use super::path::{PathFault, decode};
use super::table::{Row, Tail};
use super::{READ, WRITE};

/// The media type of the API, in both directions.
pub const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";

/// The row that unlocks by the number of a lock, which hosts may not hold to the repository of the path.
pub const UNLOCK: &str = "lfs.unlock";

const JSON: Body = Body::OneOf(&[MEDIA_TYPE]);
const INFO: Tail = Tail::Literal("info");
const LFS: Tail = Tail::Literal("lfs");
const OBJECTS: Tail = Tail::Literal("objects");
const LOCKS: Tail = Tail::Literal("locks");
const VERIFY: Tail = Tail::Literal("verify");
const GITLAB: Tail = Tail::Literal("gitlab-lfs");
/// A SHA-256, in lower case as the API has it.
const OID: Tail = Tail::Hex(&[64]);

/// The shape that most rows have: the download of an object.
const GET: Row = Row {
    name: "",
    method: "GET",
    tail: &[],
    query: None,
    action: Action::LfsDownload,
    need: READ,
    body: Body::None,
    voice: Voice::Lfs,
    note: "",
};

/// The shape of the calls that change something.
const POST: Row = Row { method: "POST", need: WRITE, body: JSON, ..GET };
/// The shape of uploads.
const PUT: Row =
    Row { method: "PUT", action: Action::LfsUpload, need: WRITE, body: Body::Opaque, ..GET };

/// Every request of Git LFS.
pub(super) const ROWS: [Row; 13] = [
    Row {
        name: "lfs.batch",
        tail: &[INFO, LFS, OBJECTS, Tail::Literal("batch")],
        action: Action::LfsBatch,
        need: READ,
        note: "asks where objects are or go; \"operation\": \"upload\" in its body needs REPO_WRITE",
        ..POST
    },
    Row {
        name: "lfs.download",
        tail: &[INFO, LFS, OBJECTS, OID],
        note: "one object, or a part of it",
        ..GET
    },
    Row {
        name: "lfs.download-sized",
        tail: &[INFO, LFS, OBJECTS, OID, Tail::Number],
        note: "the same, by its size too",
        ..GET
    },
    Row { name: "lfs.upload", tail: &[INFO, LFS, OBJECTS, OID], note: "one object", ..PUT },
    Row {
        name: "lfs.upload-sized",
        tail: &[INFO, LFS, OBJECTS, OID, Tail::Number],
        note: "the same, as Gitea has it",
        ..PUT
    },
    Row {
        name: "lfs.verify",
        tail: &[INFO, LFS, VERIFY],
        action: Action::LfsVerify,
        note: "whether an upload came whole",
        ..POST
    },
    Row {
        name: "lfs.verify-object",
        tail: &[INFO, LFS, OBJECTS, OID, VERIFY],
        action: Action::LfsVerify,
        note: "the same, of one object",
        ..POST
    },
    Row {
        name: "lfs.gitlab-download",
        tail: &[GITLAB, OBJECTS, OID],
        note: "one object, as GitLab has it",
        ..GET
    },
    Row {
        name: "lfs.gitlab-upload",
        tail: &[GITLAB, OBJECTS, OID, Tail::Number],
        note: "one object, as GitLab has it",
        ..PUT
    },
    Row {
        name: "lfs.locks",
        tail: &[INFO, LFS, LOCKS],
        action: Action::LfsLocks,
        note: "the list of locks",
        ..GET
    },
    Row {
        name: "lfs.lock",
        tail: &[INFO, LFS, LOCKS],
        action: Action::LfsLocks,
        note: "locks a file",
        ..POST
    },
    Row {
        name: "lfs.locks-verify",
        tail: &[INFO, LFS, LOCKS, VERIFY],
        action: Action::LfsLocks,
        note: "whose locks there are, before a push",
        ..POST
    },
    Row {
        name: UNLOCK,
        tail: &[INFO, LFS, LOCKS, Tail::Id, Tail::Literal("unlock")],
        action: Action::LfsLocks,
        note: "unlocks a file",
        ..POST
    },
];

/// Whether whoever asks for this path speaks LFS.
pub(super) fn speaks(path: &str) -> bool {
    [".git/info/lfs", ".git/gitlab-lfs"].iter().any(|known| path.contains(known))
}

/// The parameters that the list of locks takes (`docs/api/locking.md`).
const LIST: [&str; 5] = ["path", "id", "cursor", "limit", "refspec"];

/// Holds the query of a request for LFS to what its row takes: the list of locks has parameters, each of them
/// once and spelled plainly; nothing else has any.
pub(super) fn check_query(row: &Row, query: Option<&str>) -> Result<(), PathFault> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(()) };
    if row.name != "lfs.locks" {
        return Err(PathFault::Query);
    }
    let mut seen = [false; LIST.len()];
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let at = LIST.iter().position(|known| *known == name).ok_or(PathFault::Query)?;
        // A semicolon separates parameters for some readers.
        if std::mem::replace(&mut seen[at], true) || decode(value).contains(';') {
            return Err(PathFault::Query);
        }
    }
    Ok(())
}
