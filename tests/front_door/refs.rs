//! Pushes judged by ref: real git against a folder and against a host, and raw bytes.

use super::support::{
    Git, Reply, Site, SiteBuilder, Upstream, basic, bearer, eventually, raw, request, with_secret,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Command;

/// A folder with `team/app`, the user alice who may do everything in it, and a clone of hers.
struct Stage {
    site: Site,
    git: Git,
}

impl Stage {
    fn new() -> Self {
        Self::of(SiteBuilder::repositories())
    }

    fn of(builder: SiteBuilder) -> Self {
        let site = builder.start();
        site.user("alice");
        site.done(&["grant", "add", "alice", "REPO_ADMIN"], "");
        let bare = site.repository("team/app");
        let git = Git::new();
        git.done(&["clone", "-q", bare.to_str().unwrap(), "app"]);
        Self { site, git }
    }

    /// A token of alice's with these limits, and its URL of the repository.
    fn url(&self, limits: &[&str]) -> String {
        let arguments = [&["--user", "alice", "--permission", "REPO_WRITE"], limits].concat();
        let (token, _) = self.site.token(&arguments);
        self.site.url("/team/app.git").replace("://", &format!("://alice:{token}@"))
    }

    fn push(&self, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let all = [&["-C", "app", "push", url], arguments].concat();
        let ran = self.git.run(&all);
        (ran.code, ran.said())
    }

    /// What a ref names in the repository behind; empty when there is none.
    fn behind(&self, name: &str) -> String {
        let bare = self.site.folder().join("repositories/team/app.git");
        let ran =
            self.git.run(&["-C", bare.to_str().unwrap(), "rev-parse", "-q", "--verify", name]);
        ran.stdout.trim().to_owned()
    }
}

/// Every line: the limits of the token, what is pushed, and what git is told; empty is a push that works.
const RULES: &[(&[&str], &[&str], &str)] = &[
    (&[], &["main:refs/heads/x1"], ""),
    (&[], &["main:refs/tags/t1"], ""),
    (
        &[],
        &["main:refs/for/main"],
        "main -> refs/for/main (token \"t\" may push branches, tags and notes",
    ),
    (&[], &["main:refs/merge-requests/1/head"], "[remote rejected]"),
    (&["--ref", "refs/heads/bot/*"], &["main:refs/heads/bot/a"], ""),
    (
        &["--ref", "refs/heads/bot/*"],
        &["main:refs/heads/x2"],
        "! [remote rejected] main -> x2 (token \"t\" may push refs/heads/bot/*)",
    ),
    (
        &["--ref", "refs/heads/bot/*"],
        &["main:refs/heads/bot/b", "main:refs/heads/x3"],
        "! [remote rejected] main -> bot/b (refused with the rest of this push)",
    ),
    (
        &["--ref", "refs/heads/bot/*"],
        &["--atomic", "main:refs/heads/bot/c", "main:refs/heads/x3"],
        "! [remote rejected] main -> x3 (token \"t\" may push refs/heads/bot/*)",
    ),
    (
        &["--ref", "refs/heads/**", "--ref", "!refs/heads/release/**"],
        &["main:refs/heads/release/1"],
        "! [remote rejected] main -> release/1",
    ),
    (
        &["--ref", "refs/heads/**", "--ref", "!refs/heads/release/**"],
        &["main:refs/heads/dev/1"],
        "",
    ),
    (&["--ref", "refs/for/*"], &["main:refs/for/x"], ""),
    (
        &["--no-delete"],
        &[":refs/heads/old"],
        "! [remote rejected] old (token \"t\" may delete no refs)",
    ),
    (&["--no-delete"], &["+old~1:refs/heads/old"], ""),
    (
        &["--no-tags"],
        &["main:refs/tags/t2"],
        "! [remote rejected] main -> t2 (token \"t\" may push no tags)",
    ),
    (&["--no-tags"], &["main:refs/heads/x4", "main:refs/tags/t3"], "[remote rejected]"),
    (&["--no-force"], &["main:refs/heads/x5"], ""),
    (&["--no-force"], &["next:refs/heads/forward"], ""),
    (
        &["--no-force"],
        &["+old~1:refs/heads/forced"],
        "[remote rejected] old~1 -> forced (non-fast-forward)",
    ),
    (&["--no-force"], &["+next:refs/tags/fixed"], "token \"t\" may not force: only branches"),
    (&[], &["-o", "ci.skip", "main:refs/heads/x6"], "the push option `ci.skip` is refused"),
    (
        &[],
        &["-o", "merge_request.merge_when_pipeline_succeeds=true", "main:refs/heads/x6"],
        "is refused",
    ),
    (&[], &["-o", "topic=x", "main:refs/heads/x7"], ""),
    (&["--ref", "refs/heads/bot/*"], &["--mirror"], "[remote rejected]"),
    (&[], &["main"], "Everything up-to-date"),
];

fn prepared() -> Stage {
    let stage = Stage::new();
    let bare = stage.site.folder().join("repositories/team/app.git");
    let bare = bare.to_str().unwrap();
    let git = &stage.git;
    git.done(&["-C", bare, "config", "receive.advertisePushOptions", "true"]);
    git.done(&["-C", "app", "checkout", "-q", "-b", "next"]);
    git.commit("app", "one", 10);
    git.done(&["-C", "app", "checkout", "-q", "-b", "old"]);
    git.commit("app", "two", 10);
    git.done(&["-C", "app", "tag", "fixed", "main"]);
    let refs = ["main:refs/heads/forward", "old", "old:refs/heads/forced", "refs/tags/fixed"];
    git.done(&[&["-C", "app", "push", "-q", bare], &refs[..]].concat());
    stage
}

#[test]
fn real_git_is_told_ref_by_ref() {
    let stage = prepared();
    for (limits, arguments, expected) in RULES {
        let url = stage.url(limits);
        let (code, said) = stage.push(&url, arguments);
        let refused = !expected.is_empty() && !expected.starts_with("Everything");
        assert_eq!(code, Some(i32::from(refused)), "{limits:?} {arguments:?}: {said}");
        assert!(said.contains(expected), "{limits:?} {arguments:?}: {said}");
    }
    for never in
        ["refs/heads/x2", "refs/heads/x3", "refs/heads/bot/b", "refs/heads/bot/c", "refs/tags/t2"]
    {
        assert_eq!(stage.behind(never), "", "{never}");
    }
    assert_ne!(stage.behind("refs/heads/bot/a"), "");
    let line = stage.site.logged(&["\"action\":\"push\"", "\"reason\":\"refs\"", "refs/heads/x2"]);
    assert_eq!(line["status"], 200);
    assert_eq!(line["verdict"], "refused");
    assert_eq!(line["refs"][0]["ref"], "refs/heads/x2");
    assert_eq!(line["refs"][0]["old"], "0".repeat(40));
    let trail = eventually("the trail tells of it", || {
        let trail = stage.site.done(&["audit", "--json"], "");
        let told = trail.contains("push.refused") && trail.contains("push.forwarded");
        told.then_some(trail)
    });
    let entry =
        trail.lines().find(|line| line.contains("push.refused") && line.contains("heads/x2"));
    let entry: serde_json::Value = serde_json::from_str(entry.expect("an entry")).unwrap();
    assert_eq!(entry["details"]["refs"][0]["reason"], "token \"t\" may push refs/heads/bot/*");
    assert_eq!((&entry["project"], &entry["repository"]), (&"team".into(), &"app".into()));
}

/// Every git that is found, by `PATH` or in `GITLATCH_TEST_GITS` (programs, separated by colons), each version
/// once: what is told is shown by old ones too.
#[test]
fn every_git_shows_why_a_ref_is_refused() {
    let mut versions = std::collections::BTreeMap::new();
    let path = std::env::var_os("PATH").unwrap();
    let named = std::env::var_os("GITLATCH_TEST_GITS").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("git"));
    for program in found.chain(std::env::split_paths(&named)).filter(|program| program.is_file()) {
        let program = program.to_str().unwrap().to_owned();
        let version = Git::of(&program).done(&["--version"]);
        versions.entry(version.trim().to_owned()).or_insert(program);
    }
    assert!(!versions.is_empty(), "no git in {path:?}");
    let stage = Stage::new();
    let url = stage.url(&["--ref", "refs/heads/bot/*"]);
    for (nth, (version, program)) in versions.iter().enumerate() {
        let git = Git::of(program);
        git.done(&["clone", "-q", &url, "app"]);
        git.commit("app", "new", nth + 1);
        let own = format!("main:refs/heads/bot/{nth}");
        git.done(&["-C", "app", "push", &url, &own]);
        assert_ne!(stage.behind(&format!("refs/heads/bot/{nth}")), "", "{version}");
        let ran = git.run(&["-C", "app", "push", &url, &own, "main:refs/heads/x"]);
        let said = ran.said();
        assert_eq!(ran.code, Some(1), "{version}: {said}");
        for line in [
            "remote: gitlatch: refs/heads/x is refused: token \"t\" may push refs/heads/bot/* (request ",
            "! [remote rejected] main -> x (token \"t\" may push refs/heads/bot/*)",
        ] {
            assert!(said.contains(line), "{version}: {said}");
        }
        assert_eq!(stage.behind("refs/heads/x"), "", "{version}");
    }
}

/// Every line: the protection, what is pushed, and what git is told.
const PROTECTED: &[(&str, &[&str], &str)] = &[
    (
        "refs = ['refs/heads/forward']\ndeny = ['push']",
        &["next:refs/heads/forward"],
        "(team/app protects it: this token may not push to it)",
    ),
    (
        "refs = ['refs/heads/forward']\ndeny = ['push']\nproject = 'other'",
        &["next:refs/heads/forward"],
        "",
    ),
    (
        "refs = ['refs/heads/old']\ndeny = ['delete']",
        &[":refs/heads/old"],
        "this token may not delete it",
    ),
    (
        "refs = ['refs/heads/forced']\ndeny = ['force']",
        &["+old~1:refs/heads/forced"],
        "(non-fast-forward)",
    ),
    ("refs = ['refs/heads/forced']\ndeny = ['force']", &["+old~1:refs/heads/old"], ""),
    (
        "refs = ['refs/heads/forward']\ndeny = ['push']\nexcept_users = ['alice']",
        &["next:refs/heads/forward"],
        "",
    ),
    (
        "refs = ['refs/heads/forward']\ndeny = ['push']\nexcept_groups = ['leads']",
        &["next:refs/heads/forward"],
        "",
    ),
];

#[test]
fn what_the_operator_protects() {
    for (lines, arguments, expected) in PROTECTED {
        let stage =
            Stage::of(SiteBuilder::repositories().section(&format!("[[protect]]\n{lines}")));
        stage.site.done(&["group", "add", "leads"], "");
        stage.site.done(&["group", "join", "leads", "alice"], "");
        let bare = stage.site.folder().join("repositories/team/app.git");
        let git = &stage.git;
        git.done(&["-C", "app", "checkout", "-q", "-b", "next"]);
        git.commit("app", "one", 10);
        git.done(&["-C", "app", "checkout", "-q", "-b", "old"]);
        git.commit("app", "two", 10);
        let refs = ["main:refs/heads/forward", "old", "old:refs/heads/forced"];
        git.done(&[&["-C", "app", "push", "-q", bare.to_str().unwrap()], &refs[..]].concat());
        let (code, said) = stage.push(&stage.url(&[]), arguments);
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{lines}: {said}");
        assert!(said.contains(expected), "{lines}: {said}");
    }
}

/// Many refs in one push, the last of them refused.
#[test]
fn two_thousand_refs() {
    let stage = Stage::new();
    let url = stage.url(&["--ref", "refs/heads/bot/*"]);
    let mut updates = String::new();
    for n in 0..2_000 {
        writeln!(updates, "create refs/heads/bot/{n} main").unwrap();
    }
    let file = stage.git.at("updates");
    fs::write(&file, updates).unwrap();
    let mut update = stage.git.command(&["-C", "app", "update-ref", "--stdin"]);
    assert!(update.stdin(fs::File::open(&file).unwrap()).status().unwrap().success());
    let bots = "refs/heads/bot/*:refs/heads/bot/*";
    let (code, said) = stage.push(&url, &[bots, "main:refs/heads/zzz"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("main -> zzz (token \"t\" may push refs/heads/bot/*)"), "{said}");
    assert_eq!(said.matches("refused with the rest of this push").count(), 2_000);
    assert_eq!(stage.behind("refs/heads/bot/0"), "");
    let few = "refs/heads/bot/19*:refs/heads/bot/19*";
    let (code, said) = stage.push(&url, &[few]);
    assert_eq!(code, Some(0), "{said}");
    assert_ne!(stage.behind("refs/heads/bot/1999"), "");
}

/// The commands of 20,000 refs, by hand: git itself takes minutes over a report of so many.
#[test]
fn twenty_thousand_refs() {
    let stage = Stage::new();
    let arguments = ["--user", "alice", "--permission", "REPO_WRITE", "--ref", "refs/heads/bot/*"];
    let (token, _) = stage.site.token(&arguments);
    let mut lines = String::from("{Z} {A} refs/heads/bot/0\0 report-status side-band-64k");
    for n in 1..20_000 {
        write!(lines, "|{{Z}} {{A}} refs/heads/bot/{n}").unwrap();
    }
    let body = body_of(&format!("{lines}|{{Z}} {{A}} refs/heads/zzz-"));
    let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
    let headers = format!("{}{kind}Content-Length: {}\r\n", bearer(&token), body.len());
    let post = "POST /team/app.git/git-receive-pack";
    let reply = request(stage.site.address(), post, &headers, &body);
    assert_eq!(reply.status, 200);
    let report = band_one(&reply.body);
    assert_eq!(report.matches("refused with the rest of this push").count(), 20_000);
    assert!(report.contains("ng refs/heads/zzz token \"t\" may push"));
    let line = stage.site.logged(&["\"action\":\"push\"", "\"reason\":\"refs\""]);
    assert_eq!(
        (line["refs"].as_array().unwrap().len(), &line["refs_count"]),
        (100, &20_001.into())
    );
}

/// What the first side band of an answer says.
fn band_one(mut answer: &[u8]) -> String {
    let mut said = Vec::new();
    while let Some((digits, rest)) = answer.split_at_checked(4) {
        let length = usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        let (packet, rest) = rest.split_at(length - 4);
        if packet[0] == 1 {
            said.extend_from_slice(&packet[1..]);
        }
        answer = rest;
    }
    String::from_utf8(said).unwrap()
}

/// A push of 100 MB that is refused: its pack is read out, and git reads why.
#[test]
fn a_large_push_is_told_why() {
    let stage = Stage::new();
    let url = stage.url(&["--ref", "refs/heads/bot/*"]);
    stage.git.commit("app", "large", 100_000_000);
    for version in ["HTTP/1.1", "HTTP/2"] {
        let http = format!("http.version={version}");
        let ran = stage.git.run(&["-C", "app", "-c", &http, "push", &url, "main:refs/heads/large"]);
        assert_eq!(ran.code, Some(1), "{version}: {}", ran.said());
        assert!(ran.said().contains("may push refs/heads/bot/*"), "{version}: {}", ran.said());
    }
}

/// Pushes that git makes in other ways: shallow, of sha-256, with an old certificate of nobody's, empty.
#[test]
fn other_pushes() {
    let stage = Stage::new();
    let url = stage.url(&["--ref", "refs/heads/bot/*"]);
    let bare = stage.site.folder().join("repositories/team/app.git");
    stage.git.commit("app", "more", 10);
    stage.git.done(&["-C", "app", "push", "-q", bare.to_str().unwrap(), "main"]);
    let file = format!("file://{}", bare.display());
    stage.git.done(&["clone", "-q", "--depth", "1", &file, "shallow"]);
    stage.git.commit("shallow", "new", 10);
    stage.git.done(&["-C", "shallow", "push", &url, "HEAD:refs/heads/bot/s"]);
    let ran = stage.git.run(&["-C", "shallow", "push", &url, "HEAD:refs/heads/s"]);
    assert!(ran.code == Some(1) && ran.said().contains("may push"), "{}", ran.said());
    // sha-256
    let long = stage.site.folder().join("repositories/team/long.git");
    Git::seed(&long, &["--object-format=sha256"]);
    stage.git.done(&["clone", "-q", long.to_str().unwrap(), "long"]);
    stage.git.commit("long", "new", 10);
    let url = url.replace("app.git", "long.git");
    stage.git.done(&["-C", "long", "push", &url, "HEAD:refs/heads/bot/x"]);
    let ran = stage.git.run(&["-C", "long", "push", &url, "HEAD:refs/heads/x"]);
    assert!(ran.code == Some(1) && ran.said().contains("may push"), "{}", ran.said());
}

/// In front of a host the bytes that are judged are the bytes that it gets.
#[test]
fn a_host_gets_the_very_bytes() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let identity = "[upstream.identity]\nmode = 'header'";
    let site = SiteBuilder::url(&upstream.url(), identity).start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--ref", "refs/heads/bot/*"]);
    let (one, zero) = ("1".repeat(40), "0".repeat(40));
    let line = format!("{zero} {one} refs/heads/bot/x\0 report-status side-band-64k");
    let mut body = format!("{:04x}{line}0000PACK", line.len() + 4).into_bytes();
    body.extend((0..200_000_u32).map(|n| n.to_le_bytes()[0]));
    let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
    let post = "POST /team/app.git/git-receive-pack";
    let length = format!("{}{kind}Content-Length: {}\r\n", bearer(&token), body.len());
    assert_eq!(request(site.address(), post, &length, &body).status, 200);
    // The same in chunks of every size, the first of them one byte.
    let mut chunked = Vec::new();
    let (mut start, mut length_now) = (0, 1);
    while start < body.len() {
        let piece = &body[start..(start + length_now).min(body.len())];
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
        start += length_now;
        length_now = if start < 200 { 1 } else { length_now * 2 };
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let headers = format!("{}{kind}Transfer-Encoding: chunked\r\n", bearer(&token));
    assert_eq!(request(site.address(), post, &headers, &chunked).status, 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.body == body));
    assert_eq!(seen[0].header("Content-Length"), [body.len().to_string()]);
}

/// Every line: what is posted, the headers beside, and the status. Nothing of it reaches the host.
const RAW: &[(&str, &str, u16)] = &[
    ("", "", 400),
    ("000", "", 400),
    ("0001", "", 400),
    ("0003", "", 400),
    ("zzzz", "", 400),
    ("fff1", "", 400),
    ("-005", "", 400),
    ("00040000", "", 400),
    ("0008abcd0000", "", 400),
    ("{Z} {A} refs/heads/bot/x", "", 400),
    ("{Z} {A} refs/heads/bot/x\0a\0b-", "", 400),
    ("{Z} {A} refs/heads/bot/x|{Z} {A} refs/heads/bot/y\0push-options-", "", 400),
    ("{Z} {A} refs/heads/bot/x\0\tpush-options-", "", 400),
    ("{Z} {A} refs/heads/bot/x -", "", 400),
    ("{Z} {A} refs/heads/bot/x|{Z} {A} refs/heads/bot/x-", "", 400),
    ("{Z} {A} bot/x-", "", 400),
    ("{Z} {A} refs/heads/bot/../x-", "", 400),
    ("{Z} {A} refs/heads/bot/x.lock-", "", 400),
    ("{Z} {A} refs/heads/bot/x|shallow {A}-", "", 400),
    ("shallow {A}\0push-options|{Z} {A} refs/heads/bot/x-", "", 400),
    ("{Z} {A} refs/heads/bot/x\0 report-status-", "Content-Encoding: gzip\r\n", 400),
    ("{Z} {A} refs/heads/bot/x\0 report-status-", "Content-Encoding: br\r\n", 415),
    (
        "{Z} {A} refs/heads/bot/x\0 report-status-",
        "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n",
        415,
    ),
    ("{Z} {A} refs/heads/x\0 report-status-", "", 200),
    ("{Z} {A} refs/heads/x\0 report-status side-band-64k-", "", 200),
    ("{Z} {A} refs/heads/x\0 side-band-64k-", "", 403),
    ("{Z} {A} refs/heads/x-", "", 403),
];

fn body_of(text: &str) -> Vec<u8> {
    if !text.contains('{') {
        return text.as_bytes().to_vec();
    }
    let (zero, one) = ("0".repeat(40), "1".repeat(40));
    let lines = text.strip_suffix('-').unwrap_or(text);
    let mut body = Vec::new();
    for line in lines.split('|') {
        let line = line.replace("{Z}", &zero).replace("{A}", &one);
        body.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
    }
    if text.ends_with('-') {
        body.extend_from_slice(b"0000PACK");
    }
    body
}

#[test]
fn raw_pushes_that_never_leave() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let builder = SiteBuilder::url(&upstream.url(), "[upstream.identity]\nmode = 'header'");
    let site = with_secret(builder).start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--ref", "refs/heads/bot/*"]);
    let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
    let post = "POST /team/app.git/git-receive-pack";
    for (text, more, expected) in RAW {
        let body = body_of(text);
        let headers = format!("{}{kind}Content-Length: {}\r\n{more}", bearer(&token), body.len());
        let reply: Reply = request(site.address(), post, &headers, &body);
        assert_eq!(reply.status, *expected, "{text:?} {more}: {}", reply.text());
        if reply.status == 200 {
            assert!(
                reply.text().contains("ng refs/heads/x token \"t\" may push"),
                "{}",
                reply.text()
            );
            let kind = reply.header("content-type");
            assert_eq!(kind.as_deref(), Some("application/x-git-receive-pack-result"));
        }
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    // An innocent request behind a refused one on the same connection.
    let body = body_of("{Z} {A} refs/heads/x\0 report-status-");
    let length = body.len();
    let auth = basic("alice", &token);
    let mut bytes =
        format!("{post} HTTP/1.1\r\nHost: h\r\n{auth}{kind}Content-Length: {length}\r\n\r\n")
            .into_bytes();
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(
        format!("GET /team/app.git/HEAD HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{auth}\r\n")
            .as_bytes(),
    );
    let replies = raw(site.address(), &bytes);
    assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), [200, 200]);
    assert_eq!(upstream.seen().len(), 1);
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// JGit packs every push that gets smaller by it: what it unpacks to is judged, what came is sent on.
#[test]
fn packed_pushes() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let builder = SiteBuilder::url(&upstream.url(), "[upstream.identity]\nmode = 'header'");
    let site = with_secret(builder).start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--ref", "refs/heads/bot/*"]);
    let good = body_of("{Z} {A} refs/heads/bot/x\0 report-status-");
    let bad = body_of("{Z} {A} refs/heads/x\0 report-status-");
    let many = format!("{}{{Z}} {{A}} refs/heads/bot/x-", "shallow {A}|".repeat(200_000));
    let (head, tail) = good.split_at(20);
    let mut long = good.clone();
    long.extend((0..500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    // Every line: the encoding, what comes, the status, and whether the host gets it.
    let cases = [
        ("gzip", packed(&good), 200, true),
        ("x-gzip", packed(&good), 200, true),
        ("gzip", packed(&long), 200, true),
        ("gzip", packed(&bad), 200, false),
        ("x-gzip", packed(&bad), 200, false),
        ("gzip", [packed(head), packed(tail)].concat(), 400, false),
        ("gzip", [packed(&bad), good.clone()].concat(), 200, false),
        ("gzip", packed(&good)[..40].to_vec(), 400, false),
        ("gzip", good.clone(), 400, false),
        ("gzip", packed(&body_of(&many)), 400, false),
        ("gzip", packed(&packed(&good)), 400, false),
        ("gzip, gzip", packed(&packed(&good)), 415, false),
        ("gzip\r\nContent-Encoding: gzip", packed(&packed(&good)), 415, false),
        ("deflate", packed(&good), 415, false),
        ("identity", packed(&good), 400, false),
    ];
    let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
    for (nth, (encoding, body, status, reaches)) in cases.iter().enumerate() {
        let headers = format!(
            "{}{kind}Content-Encoding: {encoding}\r\nContent-Length: {}\r\n",
            bearer(&token),
            body.len()
        );
        let before = upstream.seen().len();
        let post = "POST /team/app.git/git-receive-pack";
        let reply = request(site.address(), post, &headers, body);
        assert_eq!(reply.status, *status, "{nth} {encoding}: {}", reply.text());
        let seen = upstream.seen().split_off(before);
        assert_eq!(seen.len(), usize::from(*reaches), "{nth} {encoding}");
        for seen in seen {
            assert!(seen.body == *body, "{nth}: other bytes");
            assert_eq!(seen.header("Content-Encoding"), [*encoding], "{nth}");
        }
        if *status == 200 && !reaches {
            assert!(reply.text().contains("ng refs/heads/x token \"t\" may push"), "{nth}");
        }
    }
    let line = site.logged(&["refs/heads/bot/x", "\"action\":\"push\"", "\"status\":200"]);
    assert_eq!(line["bytes_in"], cases[0].1.len());
}

/// And git's own program behind reads what was judged.
#[test]
fn a_packed_push_to_a_folder() {
    let stage = prepared();
    let (token, _) = stage.site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let old = stage.behind("refs/heads/old");
    let line = format!("{old} {} refs/heads/old\0 report-status", "0".repeat(40));
    let body = packed(format!("{:04x}{line}0000", line.len() + 4).as_bytes());
    let headers = format!(
        "{}Content-Type: application/x-git-receive-pack-request\r\nContent-Encoding: gzip\r\n\
         Content-Length: {}\r\n",
        bearer(&token),
        body.len()
    );
    let post = "POST /team/app.git/git-receive-pack";
    let reply = request(stage.site.address(), post, &headers, &body);
    assert!(reply.text().contains("ok refs/heads/old"), "{}", reply.text());
    assert_eq!(stage.behind("refs/heads/old"), "");
}

/// `git check-ref-format` says the same of names as we do.
#[test]
fn names_of_refs_are_those_of_git() {
    let names = [
        "refs/heads/x",
        "refs/heads/x.y",
        "refs/heads/.x",
        "refs/heads/x.",
        "refs/heads/x..y",
        "refs/heads/x.lock",
        "refs/heads/x.lock/y",
        "refs/heads/a b",
        "refs/heads/a~b",
        "refs/heads/a^b",
        "refs/heads/a:b",
        "refs/heads/a?b",
        "refs/heads/a*b",
        "refs/heads/a[b",
        "refs/heads/a]b",
        "refs/heads/a\\b",
        "refs/heads/a@b",
        "refs/heads/a@{b",
        "refs/heads/@",
        "refs/heads/a//b",
        "refs/heads/a/",
        "refs//a",
        "refs/heads/\u{7f}",
        "refs/heads/é",
        "refs/heads/-a",
        "refs/heads/a'b",
        "refs/heads/a\"b",
        "refs/heads/a{b}",
        "refs/x",
    ];
    for name in names {
        let git = Command::new("git").args(["check-ref-format", name]).status().unwrap().success();
        let ours = gitlatch::domain::git::ref_name::RefName::new(name.as_bytes()).is_ok();
        assert_eq!(ours, git, "{name:?}");
    }
}

/// A ref that stands for another one is none that could be judged; and a stand-in commit makes no
/// stranger a descendant.
#[test]
fn what_stands_for_something_else() {
    let stage = Stage::new();
    let bare = stage.site.folder().join("repositories/team/app.git");
    let bare = bare.to_str().unwrap();
    let git = &stage.git;
    git.done(&["-C", bare, "symbolic-ref", "refs/heads/bot/alias", "refs/heads/main"]);
    git.commit("app", "one", 10);
    let url = stage.url(&["--ref", "refs/heads/bot/*"]);
    // A linked folder makes another spelling of everything in it.
    std::os::unix::fs::symlink("..", format!("{bare}/refs/heads/bot/up")).unwrap();
    let url_below = stage.url(&["--ref", "refs/heads/bot/**"]);
    for (url, push, name) in [
        (&url, "main:refs/heads/bot/alias", "refs/heads/bot/alias"),
        (&url, ":refs/heads/bot/alias", "refs/heads/bot/alias"),
        (&url_below, "main:refs/heads/bot/up/main", "refs/heads/bot/up/main"),
        (&url_below, "main:refs/heads/bot/up/new", "refs/heads/bot/up/new"),
    ] {
        let (code, said) = stage.push(url, &[push]);
        assert!(code == Some(1) && said.contains(&format!("{name} is symbolic")), "{said}");
    }
    std::fs::remove_file(format!("{bare}/refs/heads/bot/up")).unwrap();
    let (code, said) = stage.push(&url, &["main:refs/heads/bot/own"]);
    assert_eq!(code, Some(0), "{said}");
    // The old main is to be the parent of what has nothing to do with it.
    let url = stage.url(&["--ref", "refs/**", "--no-force", "--no-delete"]);
    let main = stage.behind("refs/heads/main");
    let orphan = ["-C", "app", "commit-tree", "main^{tree}", "-m", "evil"];
    let evil = git.run(&orphan).stdout.trim().to_owned();
    let stand_in = ["-C", "app", "commit-tree", "main^{tree}", "-p", &main, "-m", "evil"];
    let stand_in = git.run(&stand_in).stdout.trim().to_owned();
    let (code, said) = stage.push(&url, &[&format!("{stand_in}:refs/replace/{evil}")]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = stage.push(&url, &[&format!("+{evil}:refs/heads/main")]);
    assert!(code == Some(1) && said.contains("non-fast-forward"), "{said}");
    assert_eq!(stage.behind("refs/heads/main"), main);
}

/// Who takes the time of a whole life to send the commands of a push is judged when they have come.
#[test]
fn a_token_that_ends_while_its_push_begins() {
    use std::io::Read as _;
    let stage = Stage::new();
    let (token, id) = stage.site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let body = body_of("{Z} {A} refs/heads/late\0 report-status-");
    let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
    let head = format!(
        "POST /team/app.git/git-receive-pack HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}{kind}\
         Content-Length: {}\r\n\r\n",
        bearer(&token),
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(stage.site.address()).unwrap();
    stream.set_read_timeout(Some(super::support::PATIENCE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..10]).unwrap();
    eventually("it is used", || {
        let shown = stage.site.done(&["token", "show", &id, "--json"], "");
        shown.contains("lastAuthenticated").then_some(())
    });
    stage.site.done(&["token", "revoke", &id], "");
    stream.write_all(&body[10..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(stage.behind("refs/heads/late"), "");
}
