//! `people = "pass"` with `[[protect]]`: real git with passwords of the host, and raw bytes.

use super::support::{
    Git, HOST_TOKEN, PASSWORD, Site, SiteBuilder, Upstream, basic, git_host, request,
};
use tempfile::TempDir;

const IDENTITY: &str = "[upstream.identity]\nmode = 'header'\nheader = 'X-Webauth-User'";
const MAIN: &str = "[[protect]]\nproject = 'team'\nrefs = ['refs/heads/main']\ndeny = ['push']\n";

/// A host with `team/app`, gitlatch in front of it, and a clone with something to push.
struct Stage {
    site: Site,
    host: Upstream,
    git: Git,
    folder: TempDir,
}

impl Stage {
    fn new(protect: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("team/app.git");
        Git::seed(&bare, &[]);
        let host = git_host(folder.path());
        let site = SiteBuilder::url(&host.url(), IDENTITY)
            .section("[access]\npeople = 'pass'")
            .section(protect)
            .start();
        let git = Git::new();
        git.done(&["clone", "-q", bare.to_str().unwrap(), "app"]);
        git.done(&["-C", bare.to_str().unwrap(), "branch", "old", "main"]);
        git.done(&["-C", bare.to_str().unwrap(), "config", "receive.advertisePushOptions", "true"]);
        git.commit("app", "one", 10);
        Self { site, host, git, folder }
    }

    /// Pushes as this user. `before` are options of git itself.
    fn push(&self, user: &str, path: &str, before: &[&str], after: &[&str]) -> (i32, String) {
        let (user, password) = user.split_once(':').unwrap_or((user, PASSWORD));
        let credential = format!("://{user}:{}@", password.replace(' ', "%20"));
        let url = self.site.url(path).replace("://", &credential);
        let ran = self.git.run(&[&["-C", "app"], before, &["push", &url], after].concat());
        (ran.code.unwrap(), ran.said())
    }

    /// What a ref names in the repository behind; empty when there is none.
    fn behind(&self, name: &str) -> String {
        let bare = self.folder.path().join("team/app.git");
        let arguments = ["-C", bare.to_str().unwrap(), "rev-parse", "-q", "--verify", name];
        self.git.run(&arguments).stdout.trim().to_owned()
    }
}

/// Every line: what is added to the protection of `main`, who pushes, to which path, what, and what git is
/// told; empty is a push that works.
const PUSHES: &[(&str, &str, &str, &[&str], &str)] = &[
    (
        "",
        "alice",
        "/team/app.git",
        &["main"],
        "! [remote rejected] main -> main (team/app protects it: alice may not push to it)",
    ),
    (
        "",
        "alice",
        "/team/app",
        &["main"],
        "! [remote rejected] main -> main (team/app protects it: alice may not push to it)",
    ),
    ("", "alice", "/team/app.git", &["main:x", "main:main"], "main -> x (refused with the rest"),
    ("", "alice", "/team/app.git", &["main:x"], ""),
    ("", "alice", "/team/app", &["main:x"], ""),
    ("", "alice", "/team/app.git", &["-o", "ci.skip", "main:x"], ""),
    ("", "alice", "/team/app.git", &[":main"], "alice may not push to it"),
    ("", "alice:wrong", "/team/app.git", &["main:x"], "fatal: Authentication failed"),
    ("repository = 'other'\n", "alice", "/team/app.git", &["main"], ""),
    (
        "except_users = ['bob']\nexcept_people = 'by-name'\n",
        "alice",
        "/team/app.git",
        &["main"],
        "may not",
    ),
    (
        "except_users = ['Alice']\nexcept_people = 'by-name'\n",
        "alice",
        "/team/app.git",
        &["main"],
        "",
    ),
    ("except_users = ['alice']\n", "alice", "/team/app.git", &["main"], "alice may not push to it"),
    (
        "except_groups = ['leads']\nexcept_people = 'by-name'\n",
        "alice",
        "/team/app.git",
        &["main"],
        "",
    ),
    (
        "except_groups = ['leads']\nexcept_people = 'by-name'\n",
        "bob",
        "/team/app",
        &["main"],
        "bob may not",
    ),
    (
        "except_groups = ['leads']\n",
        "alice",
        "/team/app.git",
        &["main"],
        "alice may not push to it",
    ),
];

#[test]
fn people_are_held_to_what_is_protected() {
    for (more, user, path, arguments, expected) in PUSHES {
        let stage = Stage::new(&format!("{MAIN}{more}"));
        stage.site.user("alice");
        stage.site.done(&["group", "add", "leads"], "");
        stage.site.done(&["group", "join", "leads", "alice"], "");
        let before = stage.behind("refs/heads/main");
        let (code, said) = stage.push(user, path, &[], arguments);
        assert_eq!(code == 0, expected.is_empty(), "{more:?} {user} {arguments:?}: {said}");
        assert!(said.contains(expected), "{more:?} {user} {arguments:?}: {said}");
        let moved = stage.behind("refs/heads/main") != before;
        assert_eq!(moved, expected.is_empty() && *arguments == ["main"], "{more:?} {arguments:?}");
        if !expected.is_empty() {
            assert_eq!(stage.behind("refs/heads/x"), "", "{arguments:?}");
        }
    }
}

/// A record names the refs of such a push; the trail, which tells of those who proved something, does not.
#[test]
fn the_log_names_the_refs() {
    let stage = Stage::new(MAIN);
    let (code, said) = stage.push("bob", "/team/app", &[], &["main"]);
    assert_eq!(code, 1, "{said}");
    let line = stage.site.logged(&["\"action\":\"push\"", "\"reason\":\"refs\""]);
    assert_eq!(line["refs"][0]["ref"], "refs/heads/main");
    assert_eq!((&line["project"], &line["repository"]), (&"team".into(), &"app".into()));
    assert_eq!((&line["verdict"], &line["status"]), (&"refused".into(), &200.into()));
    assert!(line["user"].is_null() && line["token"].is_null(), "{line}");
    let trail = stage.site.done(&["audit", "--json"], "");
    assert!(!trail.contains("push."), "{trail}");
}

/// Where an exception holds by name, it does so for what names one person and nothing beside.
#[test]
fn an_exception_is_for_one_credential_alone() {
    let more = "except_users = ['alice']\nexcept_people = 'by-name'\n";
    let stage = Stage::new(&format!("{MAIN}{more}"));
    let beside = [
        "Cookie: session=of-bob",
        "Cookie: gitlatch_session=x",
        "Job-Token: of-bob",
        "X-Sso-Ticket: of-bob",
    ];
    for header in beside {
        let config = format!("http.extraHeader={header}");
        let (code, said) = stage.push("alice", "/team/app.git", &["-c", &config], &["main"]);
        assert!(
            code == 1 && said.contains("(team/app protects it: you may not"),
            "{header}: {said}"
        );
    }
    // What is known to travel with a push, or does not travel on, takes nothing away. This last push works.
    let config =
        ["-c", "http.extraHeader=X-Forwarded-User: bob", "-c", "http.extraHeader=Via: 1.1 x"];
    let (code, said) = stage.push("alice", "/team/app.git", &config, &["main"]);
    assert_eq!(code, 0, "{said}");
}

/// Why exceptions by name must be asked for: a host that takes a token of its own beside any name.
#[test]
fn a_name_proves_nothing_where_the_host_takes_a_token_beside_any() {
    let plain = Stage::new(&format!("{MAIN}except_users = ['alice']\n"));
    let bob_as_alice = format!("alice:{HOST_TOKEN}");
    let (code, said) = plain.push(&bob_as_alice, "/team/app.git", &[], &["main"]);
    assert!(code == 1 && said.contains("alice may not push to it"), "{said}");
    let (code, said) = plain.push(&bob_as_alice, "/team/app.git", &[], &["main:x"]);
    assert_eq!(code, 0, "{said}");
}

/// Every line: the path, headers, the body, and the status. Nothing of what is refused reaches the host.
const RAW: &[(&str, &str, &str, u16)] = &[
    ("/team/app.git/git-receive-pack", "", "MAIN", 200),
    ("/team/app/git-receive-pack", "", "MAIN", 200),
    ("/team/app/git-receive-pack/", "", "MAIN", 200),
    ("/team/app.git/git%2Dreceive-pack", "", "MAIN", 200),
    ("/team/app/GIT-RECEIVE-PACK", "", "MAIN", 200),
    ("/TEAM/App/git-receive-pack", "", "MAIN", 200),
    ("/t%65am/app/git-receive-pack", "", "MAIN", 200),
    ("/team%2Fapp/git-receive-pack", "", "MAIN", 200),
    ("/git-receive-pack", "", "MAIN", 200),
    ("/team/app/git-receive-pack?x=1", "", "MAIN", 200),
    ("/team/app.git/x/git-receive-pack", "", "MAIN", 200),
    ("/team/app.git/git-receive-pack", "Content-Encoding: gzip\r\n", "MAIN", 400),
    ("/team/app/git-receive-pack", "Content-Encoding: deflate\r\n", "MAIN", 415),
    ("/team/app.git/git-receive-pack", "", "zzzz", 400),
    ("/team/app.git/git-receive-pack", "", "", 400),
    ("/team/app/git-receive-pack", "", "0009done\n0000", 400),
];

#[test]
fn no_spelling_of_a_push_slips_through() {
    let stage = Stage::new(MAIN);
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let line = format!("{one} {two} refs/heads/main\0 report-status");
    let main = format!("{:04x}{line}0000PACK", line.len() + 4);
    let credential = basic("alice", PASSWORD);
    for method in ["POST", "PUT"] {
        for (path, more, text, expected) in RAW {
            let body = if *text == "MAIN" { &main } else { *text };
            let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
            let headers = format!("{credential}{kind}{more}Content-Length: {}\r\n", body.len());
            let line = format!("{method} {path}");
            let reply = request(stage.site.address(), &line, &headers, body.as_bytes());
            let known = path.ends_with(".git/git-receive-pack") && method == "PUT";
            let expected = if known { 405 } else { *expected };
            assert_eq!(reply.status, expected, "{line} {more}{text}: {}", reply.text());
            if reply.status == 200 {
                assert!(reply.text().contains("ng refs/heads/main "), "{line}: {}", reply.text());
            }
        }
    }
    assert!(stage.host.seen().is_empty(), "{:?}", stage.host.seen());
}

/// Where nothing is protected, a push is not looked into: its very bytes go on, whatever they are.
#[test]
fn what_is_not_protected_passes_as_it_came() {
    let other = MAIN.replace("'team'", "'other'");
    let stage = Stage::new(&other);
    let kind = "Content-Type: application/x-git-receive-pack-request\r\n";
    let headers = format!(
        "{}{kind}Content-Encoding: gzip\r\nContent-Length: 4\r\n",
        basic("alice", PASSWORD)
    );
    let path = "POST /team/app.git/git-receive-pack";
    request(stage.site.address(), path, &headers, b"zzzz");
    let seen = stage.host.seen();
    assert_eq!((seen.len(), seen[0].body.as_slice()), (1, b"zzzz".as_slice()));
    // And where something is, the bytes that were judged are the bytes that the host gets.
    let stage = Stage::new(MAIN);
    stage.git.commit("app", "large", 3_000_000);
    let (code, said) = stage.push("alice", "/team/app.git", &[], &["main:large"]);
    assert_eq!(code, 0, "{said}");
    assert_ne!(stage.behind("refs/heads/large"), "");
}
