//! `kind = "bitbucket"` and the clients that people have: a library for Bitbucket out of Python's index, whose
//! scripts are in `tests/clients`, git and curl.

use super::clients::{led_by, python};
use super::support::{Git, PASSWORD, Seen, Site, SiteBuilder, Upstream, git_host, with_secret};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A Bitbucket that answers everything: with one page of nothing, and the records of a project, a repository
/// and whatever else at once. Its links lead where the client sees it.
fn bitbucket() -> Upstream {
    Upstream::new(|stream, seen, _| {
        let target = seen.line().split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let first = |name: &str| seen.header(name).first().copied().unwrap_or_default().to_owned();
        let link = format!("{}://{}{path}", first("X-Forwarded-Proto"), first("X-Forwarded-Host"));
        let body = serde_json::json!({
            "size": 0, "limit": 25, "isLastPage": true, "values": [], "start": 0,
            "id": 1, "version": 1, "slug": "app", "name": "app", "key": "TEAM", "forkable": true,
            "project": {"key": "TEAM"}, "displayId": "main", "diffs": [],
            "links": {"self": [{"href": link}]},
        });
        let body = if path.ends_with("/reviewers") { "[]".to_owned() } else { body.to_string() };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
        // In one write: what comes in pieces waits for acknowledgements.
        stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).is_ok()
    })
}

/// Each request that a script says was let through, and each that the host got: the same in the same order.
fn compare(said: &str, upstream: &Upstream) -> Vec<Seen> {
    let through: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("through ")).collect();
    let seen = upstream.seen();
    let got: Vec<String> = seen
        .iter()
        .map(|seen| {
            let line = seen.line().strip_suffix(" HTTP/1.1").unwrap();
            format!("{line} {}", seen.body.len())
        })
        .collect();
    assert_eq!(got, through);
    seen
}

#[test]
fn a_library_for_bitbucket_does_what_its_token_may() {
    let upstream = bitbucket();
    let site = SiteBuilder::bitbucket(&upstream.url(), "").start();
    site.user("alice");
    let permissions =
        ["REPO_READ", "REPO_WRITE", "REPO_ADMIN", "PROJECT_READ", "PROJECT_WRITE", "PROJECT_ADMIN"];
    let tokens = permissions.map(|permission| {
        let (token, _) = site.token(&["--user", "alice", "--permission", permission]);
        format!("{permission} {token}")
    });
    let said = led_by(&python(), "bitbucket.py", &site, ("TOKENS", &tokens.join("\n")));
    let seen = compare(&said, &upstream);
    assert!(seen.len() > 1000, "{} requests", seen.len());
    for seen in seen {
        assert_eq!(seen.header("X-Forwarded-User"), ["alice"], "{}", seen.line());
        assert!(seen.header("Authorization").is_empty(), "{}", seen.line());
    }
}

#[test]
fn a_library_for_bitbucket_stays_in_the_project_of_its_token() {
    let upstream = bitbucket();
    let fixed = "[upstream.identity]\nmode = 'fixed'\nusername = 'svc'\nsecret_file = 'secret'\n\
         [access]\nusers = 'grants'";
    let site = with_secret(SiteBuilder::bitbucket(&upstream.url(), fixed)).start();
    let (token, _) = site.token(&["--project", "TEAM", "--permission", "PROJECT_ADMIN"]);
    let tokens = format!("project {token}");
    let said = led_by(&python(), "bitbucket_confined.py", &site, ("TOKENS", &tokens));
    for seen in compare(&said, &upstream) {
        assert!(seen.line().contains("/projects/TEAM"), "{}", seen.line());
        assert!(!String::from_utf8_lossy(&seen.body).contains("OTHER"), "{}", seen.line());
    }
}

const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// A host with the repositories `scm/TEAM/app` and `scm/~alice/tool`, in front of it a gitlatch that has the
/// passwords there of alice and, for the project, of bob.
struct Stage {
    site: Site,
    git: Git,
    folder: TempDir,
    clones: usize,
}

/// How git is given a token.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In the URL, behind this user name.
    Url(&'static str),
    /// When it asks for a user name, which is this, and a password.
    Prompt(&'static str),
    /// As a header of every request.
    Header,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for repository in ["TEAM/app", "~alice/tool"] {
            Git::seed(&folder.path().join(format!("scm/{repository}.git")), &[]);
        }
        let host = git_host(folder.path());
        let identity = "[upstream.identity]\nmode = 'stored'\nkey_env = 'GITLATCH_TEST_KEY'";
        let site = SiteBuilder::bitbucket(&host.url(), identity)
            .variable("GITLATCH_TEST_KEY", KEY)
            .start();
        site.user("alice");
        for (owner, name) in [(["--user", "alice"], "alice"), (["--project", "TEAM"], "bob")] {
            let mut command = site.command(&["identity", "set", "--username", name]);
            command.args(owner).arg("--secret-stdin").env("GITLATCH_TEST_KEY", KEY);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "{owner:?}");
        }
        Self { site, git: Git::new(), folder, clones: 0 }
    }

    /// git with a token, given in some way.
    fn git(&self, way: Way, token: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = self.git.command(arguments);
        if let Way::Prompt(user) = way {
            let helper = self.git.at("askpass");
            let script =
                "#!/bin/sh\ncase $1 in User*) echo \"$NAME\" ;; *) echo \"$WORD\" ;; esac\n";
            fs::write(&helper, script).unwrap();
            fs::set_permissions(&helper, fs::Permissions::from_mode(0o700)).unwrap();
            command.env("GIT_ASKPASS", helper).env("NAME", user).env("WORD", token);
        }
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Clones and pushes a new branch: what became of either.
    fn clone_and_push(&mut self, way: Way, token: &str, path: &str) -> [(bool, String); 2] {
        self.clones += 1;
        let name = format!("clone-{}", self.clones);
        let mut url = self.site.url(path);
        let mut arguments = vec!["clone"];
        let header = format!("http.extraHeader=Authorization: Bearer {token}");
        match way {
            Way::Url(user) => url = url.replace("://", &format!("://{user}:{token}@")),
            Way::Header => arguments.extend(["-c", &header]),
            Way::Prompt(_) => {}
        }
        arguments.extend([url.as_str(), name.as_str()]);
        let cloned = self.git(way, token, &arguments);
        if !cloned.0 {
            return [cloned, (false, String::new())];
        }
        self.git.commit(&name, &name, 10);
        let branch = format!("HEAD:refs/heads/{name}");
        let pushed = self.git(way, token, &["-C", &name, "push", "origin", &branch]);
        let bare = self.folder.path().join(format!("{}.git", &path[1..path.len() - 4]));
        let arguments = ["-C", bare.to_str().unwrap(), "rev-parse", "-q", "--verify", &name];
        assert_eq!(self.git.run(&arguments).code == Some(0), pushed.0, "{}", pushed.1);
        [cloned, pushed]
    }
}

/// Every line: whose token, how git is given it, where, and what a clone and a push are told; empty is what
/// works.
const GIT: &[(&str, Way, &str, [&str; 2])] = &[
    ("read", Way::Url("alice"), "/scm/TEAM/app.git", ["", "needs REPO_WRITE on TEAM/app"]),
    ("read", Way::Prompt("alice"), "/scm/TEAM/app.git", ["", "needs REPO_WRITE"]),
    ("read", Way::Header, "/scm/TEAM/app.git", ["", "needs REPO_WRITE"]),
    ("read", Way::Header, "/scm/~alice/tool.git", ["", "needs REPO_WRITE"]),
    ("write", Way::Url("alice"), "/scm/TEAM/app.git", ["", ""]),
    ("write", Way::Url("ALICE"), "/scm/~alice/tool.git", ["", ""]),
    ("write", Way::Prompt("alice"), "/scm/TEAM/app.git", ["", ""]),
    ("write", Way::Prompt("alice"), "/scm/~alice/tool.git", ["", ""]),
    ("write", Way::Header, "/scm/TEAM/app.git", ["", ""]),
    ("write", Way::Header, "/scm/~alice/tool.git", ["", ""]),
    ("write", Way::Url("bob"), "/scm/TEAM/app.git", ["Authentication failed", ""]),
    ("write", Way::Url("alice"), "/projects/TEAM/repos/app", ["no token uses the web pages", ""]),
    ("write", Way::Url("alice"), "/TEAM/app.git", ["/scm/PROJECT/REPOSITORY.git", ""]),
    ("project", Way::Header, "/scm/TEAM/app.git", ["", ""]),
    ("project", Way::Prompt("x-token-auth"), "/scm/TEAM/app.git", ["", ""]),
    ("project", Way::Header, "/scm/~alice/tool.git", ["reaches nothing else", ""]),
];

#[test]
fn git_as_bitbucket_tells_its_users() {
    let mut stage = Stage::new();
    let token = |arguments: &[&str]| stage.site.token(arguments).0;
    let tokens = [
        ("read", token(&["--user", "alice", "--permission", "REPO_READ"])),
        ("write", token(&["--user", "alice", "--permission", "REPO_WRITE"])),
        ("project", token(&["--project", "TEAM", "--permission", "REPO_WRITE"])),
    ];
    for (whose, way, path, expected) in GIT {
        let (_, token) = tokens.iter().find(|(name, _)| name == whose).unwrap();
        let told = stage.clone_and_push(*way, token, path);
        for ((done, said), expected) in told.iter().zip(expected) {
            let case = format!("{whose} {way:?} {path}: {said}");
            assert!(said.contains(expected), "{case}");
            assert_eq!(*done, expected.is_empty() && !said.is_empty(), "{case}");
            assert!(!said.contains(PASSWORD), "{case}");
        }
    }
}

/// `curl -u username:TOKEN` and `curl -H 'Authorization: Bearer TOKEN'`.
#[test]
fn curl_as_bitbucket_tells_its_users() {
    let upstream = bitbucket();
    let site = SiteBuilder::bitbucket(&upstream.url(), "").start();
    site.user("alice");
    let (user, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let (project, _) = site.token(&["--project", "TEAM", "--permission", "PROJECT_READ"]);
    let basic = |name: &str, token: &str| ["-u".to_owned(), format!("{name}:{token}")];
    let bearer = |token: &str| ["-H".to_owned(), format!("Authorization: Bearer {token}")];
    let api = "/rest/api/1.0/projects/TEAM";
    let cases = [
        (basic("alice", &user), "GET", "/repos/app", "200", "\"slug\":\"app\""),
        (basic("bob", &user), "GET", "/repos/app", "401", "authentication is required"),
        (basic("alice", &user), "DELETE", "/repos/app", "403", "this needs REPO_ADMIN"),
        (bearer(&user), "GET", "/repos/app", "200", "\"slug\":\"app\""),
        (bearer(&project), "GET", "/repos", "200", "\"values\":[]"),
        (bearer(&project), "POST", "/repos", "403", "this needs PROJECT_ADMIN"),
        (bearer(&project), "GET", "S/repos", "403", "reaches nothing else"),
    ];
    for (credential, method, path, status, text) in cases {
        let mut command = Command::new("curl");
        command.args(["-s", "--noproxy", "*", "-w", "\n%{http_code}", "-X", method]);
        command.args(&credential).arg(site.url(&format!("{api}{path}")));
        let before = upstream.seen().len();
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(text) && said.ends_with(status), "{method} {path}: {said}");
        assert_eq!(upstream.seen().len() - before, usize::from(status == "200"), "{path}");
    }
}
