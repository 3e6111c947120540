//! `kind = "git"`: the paths of Git over HTTP, and nothing else.
//!
//! The services are those of git's own `http-backend.c` (its table `services[]`) and the Git LFS API.
//! A path is `[/scm]/{project}/{repo}.git/{service}`; projects nest, and a repository outside every
//! project (`/{repo}.git`) has the project `-`.

use super::super::intent::{Action, Body, Confined, Effects, Intent, Place, Voice};
use super::super::names::{ProjectPath, RepoName, RepoPath};
use super::path::{PathFault, check_deciding, decode};
use super::table::{Row, Tail, together};
use super::{Classified, READ, RequestLine, Unclear, WRITE, lfs};
use crate::domain::segments::segments;

const INFO_REFS: &[Tail] = &[Tail::Literal("info"), Tail::Literal("refs")];

/// The shape that most rows have: a read by GET, spoken to in git's voice.
const GET: Row = Row {
    name: "",
    method: "GET",
    tail: &[],
    query: None,
    action: Action::File,
    need: READ,
    body: Body::None,
    voice: Voice::Git,
    note: "",
};

/// Every request that `kind = "git"` knows.
pub const TABLE: &[Row] = &together::<{ GIT.len() + lfs::ROWS.len() }>(&GIT, &lfs::ROWS);

/// Those of Git itself.
const GIT: [Row; 13] = [
    Row {
        name: "git.fetch-refs",
        tail: INFO_REFS,
        query: Some("service=git-upload-pack"),
        action: Action::FetchRefs,
        note: "refs or capabilities before a clone or fetch",
        ..GET
    },
    Row {
        name: "git.push-refs",
        tail: INFO_REFS,
        query: Some("service=git-receive-pack"),
        action: Action::PushRefs,
        need: WRITE,
        note: "refs before a push; here git shows why a push is refused",
        ..GET
    },
    Row {
        name: "git.archive-refs",
        tail: INFO_REFS,
        query: Some("service=git-upload-archive"),
        action: Action::Archive,
        note: "before git archive --remote",
        ..GET
    },
    Row { name: "git.dumb-refs", tail: INFO_REFS, note: "refs by the dumb protocol", ..GET },
    Row {
        name: "git.fetch",
        method: "POST",
        tail: &[Tail::Literal("git-upload-pack")],
        action: Action::Fetch,
        body: Body::Typed("application/x-git-upload-pack-request"),
        note: "clone and fetch",
        ..GET
    },
    Row {
        name: "git.push",
        method: "POST",
        tail: &[Tail::Literal("git-receive-pack")],
        action: Action::Push,
        need: WRITE,
        body: Body::Typed("application/x-git-receive-pack-request"),
        note: "push",
        ..GET
    },
    Row {
        name: "git.archive",
        method: "POST",
        tail: &[Tail::Literal("git-upload-archive")],
        action: Action::Archive,
        body: Body::Typed("application/x-git-upload-archive-request"),
        note: "git archive --remote",
        ..GET
    },
    Row {
        name: "git.head",
        tail: &[Tail::Literal("HEAD")],
        note: "the default branch by the dumb protocol",
        ..GET
    },
    Row {
        name: "git.alternates",
        tail: &[Tail::Literal("objects"), Tail::Literal("info"), Tail::Literal("alternates")],
        note: "object stores that it borrows from, by the dumb protocol",
        ..GET
    },
    Row {
        name: "git.http-alternates",
        tail: &[Tail::Literal("objects"), Tail::Literal("info"), Tail::Literal("http-alternates")],
        note: "the same, as URLs",
        ..GET
    },
    Row {
        name: "git.packs",
        tail: &[Tail::Literal("objects"), Tail::Literal("info"), Tail::Literal("packs")],
        note: "list of packs by the dumb protocol",
        ..GET
    },
    Row {
        name: "git.object",
        tail: &[Tail::Literal("objects"), Tail::Hex(&[2]), Tail::Hex(&[38, 62])],
        note: "one object by the dumb protocol",
        ..GET
    },
    Row {
        name: "git.pack",
        tail: &[Tail::Literal("objects"), Tail::Literal("pack"), Tail::Pack(&[".pack", ".idx"])],
        note: "one pack or its index by the dumb protocol",
        ..GET
    },
];

/// Understands a request below the prefix. The path has passed [`super::path::check`].
pub(super) fn classify(line: RequestLine<'_>) -> Result<Classified, Unclear> {
    let (path, scm) = without_scm(line.path)?;
    let Some((folder, tail)) = split_at_repository(path)? else {
        return Ok(Classified::Unknown);
    };
    // A handful at most, which is looked through more than once.
    let found: Vec<&Row> = TABLE.iter().filter(|row| row.has_tail(tail)).collect();
    let named = || found.iter().copied();
    let Some(first) = named().next() else { return Ok(Classified::Unknown) };
    if !named().any(|row| row.has_method(line.method)) {
        let has = |method| named().any(|row| row.method == method);
        let allow = match (first.method, has("PUT"), has("POST")) {
            ("GET", true, _) => "GET, HEAD, PUT",
            ("GET", _, true) => "GET, HEAD, POST",
            ("GET", ..) => "GET, HEAD",
            (own, ..) => own,
        };
        return Err(Unclear::Method { allow });
    }
    let mut query = line.query.filter(|query| !query.is_empty());
    let named = || named().filter(|row| row.has_method(line.method));
    if let Some(row) = named().find(|row| row.voice == Voice::Lfs) {
        lfs::check_query(row, query.take())?;
    }
    let Some(row) = named().find(|row| row.query == query) else {
        return unknown_query(query, named().any(|row| row.query.is_some()));
    };
    Ok(Classified::Known(Box::new(Intent {
        action: row.action,
        place: Place::Repository(repository(folder)?),
        need: row.need,
        also: Vec::new(),
        voice: row.voice,
        body: row.body,
        confined: Confined::Pass,
        effects: Effects::default(),
        rule: row.name.into(),
        service: scm + folder.len(),
    })))
}

/// A query that no row has: a service that is not known is refused like every unknown thing, and
/// anything else could be read in two ways.
fn unknown_query(query: Option<&str>, takes_one: bool) -> Result<Classified, Unclear> {
    let service = query.and_then(|query| query.strip_prefix("service=git-"));
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    match service {
        Some(name) if plain(name) && takes_one => Ok(Classified::Unknown),
        _ => Err(PathFault::Query.into()),
    }
}

/// Takes one leading `/scm` off and says how long it was.
fn without_scm(path: &str) -> Result<(&str, usize), PathFault> {
    let scm = |path: &str| {
        let first = segments(&path[1..]).next().unwrap_or_default();
        decode(first).eq_ignore_ascii_case("scm") && path.len() > 1 + first.len()
    };
    if !scm(path) {
        return Ok((path, 0));
    }
    match path.strip_prefix("/scm") {
        Some(rest) if rest.starts_with('/') && !scm(rest) => Ok((rest, 4)),
        _ => Err(PathFault::Reserved("scm", "a leading /scm/ is always the prefix")),
    }
}

/// Divides `/p/r.git/tail` into `/p/r.git` and `tail`; `None` when no segment ends in `.git`.
fn split_at_repository(path: &str) -> Result<Option<(&str, &str)>, PathFault> {
    let is_git = |segment: &str| {
        let decoded = decode(segment);
        let ending = decoded.len().checked_sub(4).map(|at| &decoded.as_bytes()[at..]);
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case(b".git"))
    };
    let mut found = None;
    let mut end = 0;
    for segment in segments(&path[1..]) {
        end += 1 + segment.len();
        if !is_git(segment) {
            continue;
        }
        if found.is_some() || segment.strip_suffix(".git").is_none() {
            return Err(PathFault::Repository);
        }
        found = Some(end);
    }
    let Some(end) = found else { return Ok(None) };
    let (folder, rest) = path.split_at(end);
    Ok(rest.strip_prefix('/').map(|tail| (folder, tail)))
}

/// The repository that a folder like `/group/sub/repo.git` is.
fn repository(folder: &str) -> Result<RepoPath, PathFault> {
    check_deciding(folder)?;
    let decoded = decode(folder);
    let path = decoded.strip_suffix(".git").ok_or(PathFault::Repository)?;
    let (project, name) = path.rsplit_once('/').ok_or(PathFault::NoSlash)?;
    let project = match project.strip_prefix('/') {
        None => ProjectPath::root(),
        Some("-") => return Err(PathFault::Reserved("-", "it has no folder")),
        Some(path) => ProjectPath::new(path).map_err(|e| PathFault::Name(e.to_string()))?,
    };
    let name = RepoName::new(name).map_err(|e| PathFault::Name(e.to_string()))?;
    Ok(RepoPath::new(&project, &name))
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    fn judge(method: &str, target: &str) -> String {
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        match Kind::Git.classify("", RequestLine { method, path, query }) {
            Ok(Classified::Known(intent)) => {
                format!("{} {} {}", intent.rule, intent.place, intent.need)
            }
            Ok(Classified::Unknown) => "unknown".to_owned(),
            Ok(Classified::Own) => "own".to_owned(),
            Err(Unclear::Method { allow }) => format!("405 {allow}"),
            Err(Unclear::Path(_)) => "400".to_owned(),
        }
    }

    /// Every line: a request, and what is made of it.
    const REQUESTS: &[(&str, &str, &str)] = &[
        ("GET", "/p/r.git/info/refs?service=git-upload-pack", "git.fetch-refs p/r REPO_READ"),
        ("HEAD", "/p/r.git/info/refs?service=git-upload-pack", "git.fetch-refs p/r REPO_READ"),
        ("GET", "/p/r.git/info/refs?service=git-receive-pack", "git.push-refs p/r REPO_WRITE"),
        ("GET", "/p/r.git/info/refs?service=git-upload-archive", "git.archive-refs p/r REPO_READ"),
        ("GET", "/p/r.git/info/refs", "git.dumb-refs p/r REPO_READ"),
        ("GET", "/p/r.git/info/refs?", "git.dumb-refs p/r REPO_READ"),
        ("POST", "/p/r.git/git-upload-pack", "git.fetch p/r REPO_READ"),
        ("POST", "/p/r.git/git-receive-pack", "git.push p/r REPO_WRITE"),
        ("POST", "/p/r.git/git-upload-archive", "git.archive p/r REPO_READ"),
        ("GET", "/scm/p/r.git/HEAD", "git.head p/r REPO_READ"),
        ("GET", "/g/s/t/r.git/HEAD", "git.head g/s/t/r REPO_READ"),
        ("GET", "/r.git/HEAD", "git.head -/r REPO_READ"),
        ("GET", "/scm/r.git/HEAD", "git.head -/r REPO_READ"),
        ("GET", "/~alice/r.git/HEAD", "git.head ~alice/r REPO_READ"),
        ("GET", "/%7Ealice/r.git/HEAD", "git.head ~alice/r REPO_READ"),
        ("GET", "/a%20b/r.git/HEAD", "git.head a b/r REPO_READ"),
        ("GET", "/p/r.git/objects/info/packs", "git.packs p/r REPO_READ"),
        ("GET", "/p/r.git/objects/info/alternates", "git.alternates p/r REPO_READ"),
        ("GET", "/p/r.git/objects/info/http-alternates", "git.http-alternates p/r REPO_READ"),
        (
            "GET",
            "/p/r.git/objects/ab/cdefabcdefabcdefabcdefabcdefabcdefabcd",
            "git.object p/r REPO_READ",
        ),
        (
            "GET",
            "/p/r.git/objects/pack/pack-0123456789012345678901234567890123456789.idx",
            "git.pack p/r REPO_READ",
        ),
        ("POST", "/p/r.git/info/lfs/objects/batch", "lfs.batch p/r REPO_READ"),
        ("POST", "/scm/p/r.git/info/lfs/objects/batch", "lfs.batch p/r REPO_READ"),
        ("POST", "/p/r.git/info/lfs/objects/batch?x=1", "400"),
        ("GET", "/p/r.git/info/lfs/objects/batch", "405 POST"),
        ("POST", "/p/r.git/info/lfs/objects", "unknown"),
        ("POST", "/p/r.git/info/lfs/objects/batch/", "unknown"),
        (
            "GET",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab",
            "lfs.download p/r REPO_READ",
        ),
        (
            "HEAD",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab",
            "lfs.download p/r REPO_READ",
        ),
        (
            "PUT",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab",
            "lfs.upload p/r REPO_WRITE",
        ),
        (
            "DELETE",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab",
            "405 GET, HEAD, PUT",
        ),
        (
            "GET",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab/12",
            "lfs.download-sized p/r REPO_READ",
        ),
        (
            "PUT",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab/12",
            "lfs.upload-sized p/r REPO_WRITE",
        ),
        (
            "PUT",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab/0x12",
            "unknown",
        ),
        (
            "GET",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab?token=x",
            "400",
        ),
        (
            "GET",
            "/p/r.git/info/lfs/objects/ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB",
            "unknown",
        ),
        ("POST", "/p/r.git/info/lfs/verify", "lfs.verify p/r REPO_WRITE"),
        (
            "POST",
            "/p/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab/verify",
            "lfs.verify-object p/r REPO_WRITE",
        ),
        (
            "GET",
            "/p/r.git/gitlab-lfs/objects/abababababababababababababababababababababababababababababababab",
            "lfs.gitlab-download p/r REPO_READ",
        ),
        (
            "PUT",
            "/p/r.git/gitlab-lfs/objects/abababababababababababababababababababababababababababababababab/3",
            "lfs.gitlab-upload p/r REPO_WRITE",
        ),
        (
            "PUT",
            "/p/r.git/gitlab-lfs/objects/abababababababababababababababababababababababababababababababab/3/authorize",
            "unknown",
        ),
        ("GET", "/p/r.git/info/lfs/locks", "lfs.locks p/r REPO_READ"),
        (
            "GET",
            "/p/r.git/info/lfs/locks?path=a%2Fb&limit=1&cursor=x&id=3&refspec=refs/heads/main",
            "lfs.locks p/r REPO_READ",
        ),
        ("GET", "/p/r.git/info/lfs/locks?limit=1&limit=2", "400"),
        ("GET", "/p/r.git/info/lfs/locks?private_token=x", "400"),
        ("GET", "/p/r.git/info/lfs/locks?%6Cimit=1", "400"),
        ("GET", "/p/r.git/info/lfs/locks?path=a;token=x", "400"),
        ("GET", "/p/r.git/info/lfs/locks?path=a%3Btoken=x", "400"),
        ("PUT", "/p/r.git/info/lfs/locks", "405 GET, HEAD, POST"),
        ("POST", "/p/r.git/info/lfs/locks", "lfs.lock p/r REPO_WRITE"),
        ("POST", "/p/r.git/info/lfs/locks?limit=1", "400"),
        ("POST", "/p/r.git/info/lfs/locks/verify", "lfs.locks-verify p/r REPO_WRITE"),
        ("POST", "/p/r.git/info/lfs/locks/17/unlock", "lfs.unlock p/r REPO_WRITE"),
        ("POST", "/p/r.git/info/lfs/locks/1f-a=/unlock", "lfs.unlock p/r REPO_WRITE"),
        ("POST", "/p/r.git/info/lfs/locks/a%2Fb/unlock", "unknown"),
        ("DELETE", "/p/r.git/info/lfs/locks/17", "unknown"),
        // What is not there.
        ("GET", "/", "unknown"),
        ("GET", "/p/r/info/refs?service=git-upload-pack", "unknown"),
        ("GET", "/p/r.git", "unknown"),
        ("GET", "/p/r.git/", "unknown"),
        ("GET", "/p/r.git/config", "unknown"),
        ("GET", "/p/r.git/objects/AB/cdefabcdefabcdefabcdefabcdefabcdefabcd", "unknown"),
        ("GET", "/p/r.git/inf%6F/refs", "unknown"),
        ("GET", "/p/r.git/HEAD/", "unknown"),
        ("GET", "/p/r.git/info/refs?service=git-shell", "unknown"),
        ("GET", "/rest/access-tokens/latest/self", "own"),
        ("GET", "/-/gitlatch/", "own"),
        ("GET", "/-/GitLatch", "own"),
        ("GET", "/%2D/gitlatch/x", "own"),
        // Methods.
        ("POST", "/p/r.git/info/refs?service=git-upload-pack", "405 GET, HEAD"),
        ("GET", "/p/r.git/git-receive-pack", "405 POST"),
        ("PROPFIND", "/p/r.git/info/refs", "405 GET, HEAD"),
        ("get", "/p/r.git/HEAD", "405 GET, HEAD"),
        ("PUT", "/p/r.git/git-upload-pack", "405 POST"),
        // Two readings.
        ("GET", "/p/r.git/info/refs?service=git-upload-pack&service=git-receive-pack", "400"),
        ("GET", "/p/r.git/info/refs?service=git%2Dupload-pack", "400"),
        ("GET", "/p/r.git/info/refs?SERVICE=git-upload-pack", "400"),
        ("GET", "/p/r.git/info/refs?access_token=x", "400"),
        ("GET", "/p/r.git/info/refs?service=git-upload-pack&x=1", "400"),
        ("POST", "/p/r.git/git-upload-pack?service=git-receive-pack", "400"),
        ("POST", "/o/r.git/x.git/git-receive-pack", "400"),
        ("GET", "/o/r.GIT/HEAD", "400"),
        ("GET", "/o/r%2Egit/HEAD", "400"),
        ("GET", "/o/r.git/%2egit/HEAD", "400"),
        ("GET", "/o/.git/HEAD", "400"),
        ("GET", "/.git/HEAD", "400"),
        ("GET", "/o%2Fr.git/HEAD", "400"),
        ("GET", "/o/../p/r.git/HEAD", "400"),
        ("GET", "/o/%2e%2e/r.git/HEAD", "400"),
        ("GET", "//p/r.git/HEAD", "400"),
        ("GET", "/p//r.git/HEAD", "400"),
        ("GET", "/p./r.git/HEAD", "400"),
        ("GET", "/p%20/r.git/HEAD", "400"),
        ("GET", "/p/r .git/HEAD", "400"),
        ("GET", "/p/r%20.git/HEAD", "400"),
        ("GET", "/p%C3%A4/r.git/HEAD", "400"),
        ("GET", "/p;x/r.git/HEAD", "400"),
        ("GET", "/p%3Bx/r.git/HEAD", "400"),
        ("GET", "/scm/scm/r.git/HEAD", "400"),
        ("GET", "/SCM/p/r.git/HEAD", "400"),
        ("GET", "/s%63m/p/r.git/HEAD", "400"),
        ("GET", "/-/r.git/HEAD", "400"),
        ("GET", "/-/p/r.git/HEAD", "400"),
        ("GET", "/p/r*.git/HEAD", "400"),
    ];

    #[test]
    fn requests() {
        for (method, target, expected) in REQUESTS {
            assert_eq!(&judge(method, target), expected, "{method} {target}");
        }
    }

    #[test]
    fn every_row_is_reached_and_none_shadows_another() {
        for row in TABLE {
            let reached = REQUESTS.iter().any(|(_, _, outcome)| {
                outcome.split(' ').next().is_some_and(|name| name == row.name)
            });
            assert!(reached, "no request of the list reaches {}", row.name);
        }
        for (i, a) in TABLE.iter().enumerate() {
            for b in &TABLE[i + 1..] {
                let same = a.describe() == b.describe() && a.method == b.method;
                assert!(!same && a.name != b.name, "{} and {}", a.name, b.name);
            }
        }
    }

    #[test]
    fn the_prefix_is_taken_off_exactly() {
        let judge = |path: &str| {
            let line = RequestLine { method: "GET", path, query: None };
            match Kind::Git.classify("/git", line) {
                Ok(Classified::Known(intent)) => intent.place.to_string(),
                Ok(_) => "unknown".to_owned(),
                Err(_) => "400".to_owned(),
            }
        };
        assert_eq!(judge("/git/p/r.git/HEAD"), "p/r");
        assert_eq!(judge("/p/r.git/HEAD"), "unknown");
        assert_eq!(judge("/gitp/r.git/HEAD"), "unknown");
        assert_eq!(judge("/Git/p/r.git/HEAD"), "unknown");
        assert_eq!(judge("/git/git/r.git/HEAD"), "git/r");
    }
}
