//! Real git, through a folder of repositories and through a host: everything that people do with it.

use super::support::{Git, Ran, Seen, Site, SiteBuilder, Upstream, bearer, request};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A gitlatch with a token that writes everywhere, and what lies behind it.
struct Stage {
    front: Site,
    /// The host behind it, if it is not a folder.
    behind: Option<Site>,
    /// What the host was sent on the way.
    way: Option<Upstream>,
    token: String,
}

/// The credential of the host, as long as a token and none: the way between the two changes it for a
/// token of the second gitlatch, which the first one would not send.
const CREDENTIAL: &[u8; 41] = b"upstream-credential-0123456789-0123456789";

impl Stage {
    /// In front of a folder.
    fn folder(builder: SiteBuilder) -> Self {
        let front = builder.start();
        let token = everything(&front);
        Self { front, behind: None, way: None, token }
    }

    /// In front of another gitlatch, which is reached with one credential for all. The public address
    /// of both has this path.
    fn host(prefix: &str) -> Self {
        let server = format!("public_url = 'http://gitlatch.test{prefix}'");
        let behind = SiteBuilder::repositories().server(&server).start();
        let way = way(behind.address(), everything(&behind));
        let secret = behind.folder().join("bearer");
        fs::write(&secret, CREDENTIAL).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let identity = format!(
            "[upstream.identity]\nmode = 'fixed'\nbearer_file = '{}'\n\n[access]\nusers = 'grants'",
            secret.display()
        );
        let url = way.url() + prefix;
        let front = SiteBuilder::url(&url, &identity).server(&server).start();
        let token = everything(&front);
        Self { front, behind: Some(behind), way: Some(way), token }
    }

    /// Both.
    fn all() -> [Self; 2] {
        [Self::folder(SiteBuilder::repositories()), Self::host("")]
    }

    /// Where a repository lies.
    fn bare(&self, path: &str) -> PathBuf {
        let holder = self.behind.as_ref().unwrap_or(&self.front);
        holder.folder().join("repositories").join(format!("{path}.git"))
    }

    /// Makes a repository with one commit.
    fn repository(&self, path: &str) -> PathBuf {
        let bare = self.bare(path);
        Git::seed(&bare, &[]);
        bare
    }

    /// The URL of a path, with the token in it.
    fn url(&self, path: &str) -> String {
        self.front.url(path).replace("://", &format!("://alice:{}@", self.token))
    }
}

/// A user who may write everywhere; a token of this user.
fn everything(site: &Site) -> String {
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_ADMIN"], "");
    site.token(&["--user", "alice", "--permission", "REPO_WRITE"]).0
}

/// A way to the host that changes the credential for a token and writes the heads of requests down.
fn way(to: SocketAddr, token: String) -> Upstream {
    Upstream::raw(move |stream, record, connection| {
        let mut there = TcpStream::connect(to).unwrap();
        let (mut back, mut answers) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut answers, &mut back);
            let _ = back.shutdown(Shutdown::Both);
        });
        let mut buffer = vec![0; 256 * 1024];
        let mut kept = 0;
        while let Ok(read @ 1..) = stream.read(&mut buffer[kept..]) {
            let sent = &mut buffer[..kept + read];
            if let Some(end) =
                find(sent, b"\r\n\r\n").filter(|_| find(sent, b" HTTP/1.1\r\n").is_some())
            {
                let head = String::from_utf8_lossy(&sent[..end]).into_owned();
                record(Seen { head, body: Vec::new(), connection });
            }
            while let Some(at) = find(sent, CREDENTIAL) {
                sent[at..at + CREDENTIAL.len()].copy_from_slice(token.as_bytes());
            }
            // The beginning of a credential waits for the rest of it.
            let begins = |length: &usize| sent.ends_with(&CREDENTIAL[..*length]);
            kept = (8..CREDENTIAL.len()).rev().find(begins).unwrap_or(0);
            let ready = sent.len() - kept;
            if there.write_all(&sent[..ready]).is_err() {
                break;
            }
            sent.copy_within(ready.., 0);
        }
        let _ = there.shutdown(Shutdown::Write);
    })
}

fn find(bytes: &[u8], piece: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, piece)
}

fn header(token: &str) -> String {
    format!("http.extraHeader=Authorization: Bearer {token}")
}

/// Adds commits to a branch, one a day from 2020-01-01 on.
fn history(git: &Git, repository: &Path, branch: &str, from: Option<&str>, commits: u64) {
    let mut stream = String::new();
    for nth in 0..commits {
        let date = 1_577_836_800 + nth * 86_400;
        let _ = write!(
            stream,
            "commit refs/heads/{branch}\ncommitter t <t@example.com> {date} +0000\ndata 1\nx\n"
        );
        if let (0, Some(from)) = (nth, from) {
            let _ = writeln!(stream, "from {from}");
        }
        let _ = write!(stream, "M 100644 inline {branch}-{nth}\ndata 5\n{nth:05}\n\n");
    }
    let repository = repository.to_str().unwrap();
    let mut command = git.command(&["-C", repository, "fast-import", "--quiet", "--force"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The commit that a name stands for.
fn commit(git: &Git, clone: &str, name: &str) -> String {
    git.done(&["-C", clone, "rev-parse", "--verify", name]).trim().to_owned()
}

/// Whatever people do with a repository in a day. `options` go in front of every command.
fn day(git: &Git, url: &str, options: &[&str], name: &str) {
    let go = |arguments: &[&str]| git.done(&[options, arguments].concat());
    let (one, two) = (format!("{name}-one"), format!("{name}-two"));
    go(&["clone", "-q", url, &one]);
    git.commit(&one, "first", 100);
    go(&["-C", &one, "push", "-q"]);
    go(&["clone", "-q", url, &two]);
    assert_eq!(commit(git, &one, "HEAD"), commit(git, &two, "HEAD"), "{name}: clone");

    git.commit(&one, "second", 200);
    go(&["-C", &one, "push", "-q"]);
    go(&["-C", &two, "pull", "-q", "--ff-only"]);
    let read = |clone: &str| fs::read(git.at(clone).join("second")).unwrap();
    assert_eq!(read(&one), read(&two), "{name}: pull");

    git.done(&["-C", &two, "checkout", "-q", "-b", "topic"]);
    git.commit(&two, "third", 300);
    go(&["-C", &two, "push", "-q", "-u", "origin", "topic"]);
    git.done(&["-C", &two, "tag", "-a", "-m", "v1", "v1"]);
    go(&["-C", &two, "push", "-q", "origin", "v1"]);
    go(&["-C", &one, "fetch", "-q", "--tags"]);
    assert_eq!(commit(git, &one, "origin/topic"), commit(git, &two, "HEAD"), "{name}: branch");
    assert_eq!(commit(git, &one, "v1"), commit(git, &two, "v1"), "{name}: tag");

    let refs = |listed: String| -> Vec<String> {
        let names = listed.lines().filter_map(|line| Some(line.split_once('\t')?.1.to_owned()));
        names.filter(|name| name != "HEAD").collect()
    };
    let before = ["refs/heads/main", "refs/heads/topic", "refs/tags/v1", "refs/tags/v1^{}"];
    assert_eq!(refs(go(&["ls-remote", "-q", url])), before, "{name}: ls-remote");
    go(&["-C", &two, "push", "-q", "origin", "--delete", "topic", "v1"]);
    assert_eq!(refs(go(&["ls-remote", "-q", url])), before[..1], "{name}: delete");
    go(&["-C", &one, "fetch", "-q", "--prune"]);
    let gone = git.run(&["-C", &one, "rev-parse", "-q", "--verify", "origin/topic"]);
    assert_eq!(gone.code, Some(1), "{name}: prune");
    git.done(&["-C", &one, "fsck", "--strict"]);
}

#[test]
fn a_day_by_every_version_of_the_protocol() {
    let git = Git::new();
    let [folder, host] = Stage::all();
    for (stage, name, version) in
        [(&folder, "folder", "2"), (&host, "host", "0"), (&host, "host", "1"), (&host, "host", "2")]
    {
        let path = format!("team/v{version}");
        stage.repository(&path);
        let option = format!("protocol.version={version}");
        let url = stage.url(&format!("/{path}.git"));
        day(&git, &url, &["-c", &option], &format!("{name}-{version}"));
    }
}

#[test]
fn a_day_with_the_git_of_the_system() {
    let system = "/usr/bin/git";
    if !Path::new(system).exists() {
        return;
    }
    let stage = Stage::host("");
    stage.repository("team/app");
    day(&Git::of(system), &stage.url("/team/app.git"), &[], "system");
}

#[test]
fn wherever_a_repository_lies() {
    let git = Git::new();
    // Where it lies, and by which paths.
    let cases: &[(&str, &[&str])] = &[
        ("team/app", &["/team/app.git", "/scm/team/app.git", "/team/app.git/"]),
        ("group/sub/deeper/app", &["/group/sub/deeper/app.git", "/scm/group/sub/deeper/app.git"]),
        ("group/sub/app", &["/group/sub/app.git"]),
        ("root", &["/root.git", "/scm/root.git"]),
        ("~alice/dotfiles", &["/~alice/dotfiles.git", "/%7Ealice/dotfiles.git"]),
        ("team/with space", &["/team/with%20space.git"]),
        ("team/dots.in.name-_+1", &["/team/dots.in.name-_+1.git"]),
    ];
    let prefixed = "public_url = 'http://gitlatch.test/git'";
    let stages = [
        (Stage::folder(SiteBuilder::repositories()), ""),
        (Stage::host(""), ""),
        (Stage::folder(SiteBuilder::repositories().server(prefixed)), "/git"),
        (Stage::host("/git"), "/git"),
    ];
    let seeded = git.at("seed.git");
    Git::seed(&seeded, &[]);
    git.done(&["clone", "-q", "seed.git", "one"]);
    let head = commit(&git, "one", "HEAD");
    git.commit("one", "more", 30);
    for (nth, (stage, prefix)) in stages.iter().enumerate() {
        // Under a prefix a few will do.
        for (lies, paths) in &cases[..if prefix.is_empty() { cases.len() } else { 2 }] {
            let bare = stage.bare(lies);
            git.done(&["clone", "-q", "--bare", seeded.to_str().unwrap(), bare.to_str().unwrap()]);
            for (branch, path) in paths.iter().enumerate() {
                let url = stage.url(&format!("{prefix}{path}"));
                let listed = git.done(&["ls-remote", "-q", &url, "main"]);
                assert!(listed.starts_with(&head), "{nth} {path}: {listed}");
                git.done(&["-C", "one", "push", "-q", &url, &format!("main:new-{branch}")]);
                let name = format!("new-{branch}");
                let pushed = git.done(&["-C", bare.to_str().unwrap(), "rev-parse", &name]);
                assert_eq!(pushed.trim(), commit(&git, "one", "main"), "{nth} {path}");
            }
        }
        if !prefix.is_empty() {
            let line = "GET /team/app.git/info/refs?service=git-upload-pack";
            let reply = request(stage.front.address(), line, &bearer(&stage.token), b"");
            assert_eq!(reply.status, 403, "{}", reply.text());
        }
    }
}

#[test]
fn parts_of_a_repository() {
    let git = Git::new();
    for (stage, name) in Stage::all().iter().zip(["folder", "host"]) {
        let bare = stage.bare("team/app");
        Git::seed(&bare, &[]);
        history(&git, &bare, "main", None, 30);
        for key in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
            git.done(&["-C", bare.to_str().unwrap(), "config", key, "true"]);
        }
        let url = stage.url("/team/app.git");
        let count = |clone: &str| git.done(&["-C", clone, "rev-list", "--count", "HEAD"]);
        let cases: &[(&str, &[&str], &str)] = &[
            ("all", &[], "30"),
            ("depth", &["--depth", "1"], "1"),
            ("depth-v0", &["--depth", "1", "-c", "protocol.version=0"], "1"),
            ("since", &["--shallow-since=2020-01-26T00:00:00Z"], "5"),
        ];
        for (clone, options, expected) in cases {
            let clone = format!("{name}-{clone}");
            git.done(&[&["clone", "-q"], *options, &[&url, &clone]].concat());
            assert_eq!(count(&clone).trim(), *expected, "{clone}");
        }
        for shallow in ["depth", "since"].map(|clone| format!("{name}-{clone}")) {
            let before: usize = count(&shallow).trim().parse().unwrap();
            git.done(&["-C", &shallow, "fetch", "-q", "--deepen=2"]);
            assert_eq!(count(&shallow).trim(), (before + 2).to_string(), "{shallow}");
            git.commit(&shallow, "more", 20);
            git.done(&["-C", &shallow, "push", "-q", "origin", &format!("HEAD:{shallow}")]);
            git.done(&["-C", &shallow, "fetch", "-q", "--unshallow"]);
            assert_eq!(count(&shallow).trim(), "31", "{shallow}");
        }
        for version in ["0", "2"] {
            let clone = format!("{name}-partial-{version}");
            let option = format!("protocol.version={version}");
            let go = |arguments: &[&str]| git.done(&[&["-c", &option], arguments].concat());
            go(&["clone", "-q", "--filter=blob:none", "--no-checkout", &url, &clone]);
            let missing = || {
                let all = ["-C", &clone, "rev-list", "--objects", "--missing=print", "HEAD"];
                git.done(&all).lines().filter(|line| line.starts_with('?')).count()
            };
            assert_eq!(missing(), 30, "{clone}");
            assert_eq!(go(&["-C", &clone, "cat-file", "-p", "HEAD:main-7"]), "00007");
            assert_eq!(missing(), 29, "{clone}");
            go(&["-C", &clone, "checkout", "-q", "main"]);
            assert_eq!(missing(), 0, "{clone}");
        }
    }
}

#[test]
fn kinds_of_repositories() {
    let git = Git::new();
    for (stage, name) in Stage::all().iter().zip(["folder", "host"]) {
        if name == "host" {
            Git::seed(&stage.bare("team/sha256"), &["--object-format=sha256"]);
            day(&git, &stage.url("/team/sha256.git"), &[], "sha256");
        }

        let packed = stage.repository("team/packed");
        history(&git, &packed, "main", None, 50);
        git.done(&["-C", packed.to_str().unwrap(), "gc", "-q", "--prune=now"]);
        assert!(packed.join("packed-refs").exists() && !packed.join("refs/heads/main").exists());
        let clone = format!("{name}-packed");
        git.done(&["clone", "-q", &stage.url("/team/packed.git"), &clone]);
        git.commit(&clone, "more", 30);
        git.done(&["-C", &clone, "push", "-q"]);
        git.done(&["-C", &clone, "fetch", "-q"]);
        assert_eq!(commit(&git, &clone, "origin/main"), commit(&git, &clone, "HEAD"), "{clone}");

        let empty = stage.bare("team/empty");
        git.done(&["init", "-q", "--bare", "--initial-branch=main", empty.to_str().unwrap()]);
        let url = stage.url("/team/empty.git");
        assert_eq!(git.done(&["ls-remote", "-q", &url]), "", "{name}: an empty repository");
        let clone = format!("{name}-empty");
        git.done(&["clone", "-q", &url, &clone]);
        git.commit(&clone, "first", 30);
        git.done(&["-C", &clone, "push", "-q", "origin", "HEAD:main"]);
        git.done(&["clone", "-q", &url, &format!("{clone}-again")]);
        assert!(git.at(&format!("{clone}-again/first")).exists());
    }
}

#[test]
fn the_dumb_protocol_reads_and_never_writes() {
    let git = Git::new();
    for (stage, name) in Stage::all().iter().zip(["folder", "host"]) {
        let bare = stage.repository("team/app");
        let bare = bare.to_str().unwrap();
        let url = stage.url("/team/app.git");
        let dumb = |arguments: &[&str]| -> Ran {
            let mut command = git.command(arguments);
            command.env("GIT_SMART_HTTP", "0");
            let output = command.output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            Ran {
                code: output.status.code(),
                stdout: text(output.stdout),
                stderr: text(output.stderr),
            }
        };
        for (clone, prepare) in [("loose", &["update-server-info"][..]), ("packed", &["gc", "-q"])]
        {
            let clone = format!("{name}-{clone}");
            git.done(&[&["-C", bare], prepare].concat());
            let cloned = dumb(&["clone", "-q", &url, &clone]);
            assert_eq!(cloned.code, Some(0), "{}", cloned.said());
            git.done(&["-C", &clone, "fsck", "--strict"]);
        }
        stage.front.logged(&["\"action\":\"file\"", "/objects/info/packs", "\"status\":200"]);
        let clone = format!("{name}-packed");
        git.commit(&clone, "more", 20);
        let pushed = dumb(&["-C", &clone, "push", "-q", "origin", "main"]);
        assert_ne!(pushed.code, Some(0), "{}", pushed.said());
        let there = git.done(&["-C", bare, "rev-parse", "main"]);
        assert_eq!(there.trim(), commit(&git, &clone, "HEAD~"));
    }
}

#[test]
fn archives_are_a_read() {
    let git = Git::new();
    for (stage, name) in Stage::all().iter().zip(["folder", "host"]) {
        let bare = stage.repository("team/app");
        let (read, _) = stage.front.token(&["--project", "team", "--permission", "REPO_READ"]);
        let url = stage.front.url("/team/app.git");
        let remote = format!("--remote={url}");
        let archive = || {
            let file = format!("--output={name}.tar");
            git.run(&["-c", &header(&read), "archive", &remote, &file, "main"])
        };
        // git's own http-backend serves archives only where the repository says so.
        let refused = archive();
        assert_eq!(refused.code, Some(128), "{}", refused.said());
        git.done(&["-C", bare.to_str().unwrap(), "config", "http.uploadarchive", "true"]);
        let served = archive();
        if served.said().contains("operation not supported by protocol") {
            // This git is older than 2.44, and asks nobody for archives over HTTP.
            assert_eq!(served.code, Some(128));
            assert!(!stage.front.log().contains("\"action\":\"archive\""));
            continue;
        }
        assert_eq!(served.code, Some(0), "{}", served.said());
        let tar = fs::read(git.at(&format!("{name}.tar"))).unwrap();
        assert!(tar.starts_with(b"README\0") || find(&tar, b"README\0").is_some());
        stage.front.logged(&["git-upload-archive", "\"action\":\"archive\"", "\"status\":200"]);
    }
}

#[test]
fn large_pushes_are_probed_first_and_come_out_as_they_went_in() {
    let stage = Stage::host("");
    stage.repository("team/app");
    let url = stage.url("/team/app.git");
    let git = Git::new();
    git.done(&["clone", "-q", &url, "one"]);
    git.commit("one", "large", 20 << 20);
    git.done(&["-C", "one", "push", "-q"]);
    for site in [&stage.front, stage.behind.as_ref().unwrap()] {
        let sizes = || -> Vec<u64> {
            let log = site.log();
            let lines = log.lines().filter(|line| line.contains("\"action\":\"push\""));
            let lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            lines.map(|line| line["bytes_in"].as_u64().unwrap()).collect()
        };
        site.logged(&["\"action\":\"push\"", "\"bytes_in\":2", "\"status\":200"]);
        let sizes = sizes();
        assert!(matches!(sizes[..], [4, large] if large > 20 << 20), "{sizes:?}");
    }
    git.done(&["clone", "-q", &url, "two"]);
    let read = |clone: &str| fs::read(git.at(clone).join("large")).unwrap();
    assert!(read("one") == read("two"), "the file is another one now");
}

#[test]
fn a_credential_helper_that_speaks_bearer() {
    let git = Git::new();
    let version = git.done(&["--version"]);
    let numbers: Vec<u32> =
        version.split([' ', '.']).filter_map(|n| n.trim().parse().ok()).collect();
    if numbers[..2] < [2, 46][..] {
        return;
    }
    for (stage, name) in Stage::all().iter().zip(["folder", "host"]) {
        stage.repository("team/app");
        let (project, _) = stage.front.token(&["--project", "team", "--permission", "REPO_WRITE"]);
        let helper = format!(
            "credential.helper=!f() {{ test \"$1\" = get || exit 0; echo 'capability[]=authtype'; \
             echo authtype=Bearer; echo credential={project}; }}; f"
        );
        let url = stage.front.url("/team/app.git");
        git.done(&["-c", &helper, "clone", "-q", &url, name]);
        git.commit(name, "large", 2 << 20);
        git.done(&["-C", name, "-c", &helper, "push", "-q"]);
        let there = git.done(&["-c", &helper, "ls-remote", "-q", &url, "main"]);
        assert!(there.starts_with(&commit(&git, name, "HEAD")), "{there}");
    }
}

#[test]
fn what_git_says_and_does_when_a_push_is_refused() {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    site.repository("other/app");
    let (read, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let (write, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let (revoked, id) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    site.done(&["token", "revoke", &id], "");
    let git = Git::new();
    git.done(&["-c", &header(&read), "clone", "-q", &site.url("/team/app.git"), "app"]);
    git.commit("app", "more", 30);
    let needs = "remote: gitlatch: this needs REPO_WRITE on";
    // The token, the repository; git's exit status, a line that it prints, what the helper was told.
    let cases = [
        (&read, "team/app", 128, format!("{needs} team/app; the token has REPO_READ"), "get"),
        (
            &write,
            "other/app",
            128,
            format!(
                "{needs} other/app; the token belongs to project team and reaches nothing else"
            ),
            "get",
        ),
        (&revoked, "team/app", 128, "fatal: Authentication failed".to_owned(), "get erase"),
        (&write, "team/missing", 128, "remote: gitlatch: there is no repository".to_owned(), "get"),
        (&write, "team/app", 0, String::new(), "get store"),
    ];
    for (nth, (token, repository, code, printed, told)) in cases.iter().enumerate() {
        let log = git.at(&format!("told-{nth}"));
        let helper = format!(
            "credential.helper=!f() {{ echo \"$1\" >> '{}'; test \"$1\" = get || exit 0; \
             echo username=x-token-auth; echo password={token}; }}; f",
            log.display()
        );
        let url = site.url(&format!("/{repository}.git"));
        let ran = git.run(&["-C", "app", "-c", &helper, "push", "-q", &url, "main"]);
        assert_eq!(ran.code, Some(*code), "{nth}: {}", ran.said());
        let found = ran.stderr.lines().any(|line| line.starts_with(printed.as_str()));
        assert!(found || printed.is_empty(), "{nth}: {}", ran.said());
        let said = fs::read_to_string(&log).unwrap();
        assert_eq!(
            said.split_whitespace().collect::<Vec<_>>().join(" "),
            *told,
            "{nth}: {}",
            ran.said()
        );
    }
}

#[test]
fn long_requests_to_fetch_are_compressed_and_arrive() {
    for (stage, name) in Stage::all().iter().zip(["folder", "host"]) {
        let bare = stage.repository("team/app");
        let git = Git::new();
        let url = stage.url("/team/app.git");
        for version in ["2", "0"] {
            let app = format!("app-{version}");
            git.done(&["clone", "-q", &url, &app]);
            // Many commits that the server does not have, which git offers, and a few to ask for.
            history(&git, &git.at(&app), "mine", None, 300);
            history(&git, &bare, "main", Some("refs/heads/main^0"), 3);
            let option = format!("protocol.version={version}");
            let mut fetch = git.command(&["-C", &app, "-c", &option, "fetch", "-q"]);
            fetch.env("GIT_TRACE_CURL", "1").env("GIT_TRACE_CURL_NO_DATA", "1");
            let output = fetch.output().unwrap();
            let trace = String::from_utf8_lossy(&output.stderr).to_lowercase();
            assert!(output.status.success(), "{name}: {trace}");
            assert!(trace.contains("send header: content-encoding: gzip"), "{name}: {trace}");
            let there = git.done(&["-C", bare.to_str().unwrap(), "rev-parse", "main"]);
            assert_eq!(commit(&git, &app, "origin/main"), there.trim(), "{name}");
            if let Some(way) = &stage.way {
                let compressed = |seen: &Seen| seen.header("content-encoding") == ["gzip"];
                let post = |seen: &Seen| seen.line().contains("/git-upload-pack");
                assert!(way.seen().iter().any(|seen| compressed(seen) && post(seen)), "{name}");
            }
        }
    }
}

#[test]
fn hooks_know_who_pushes_and_nothing_that_they_should_not() {
    // What git's http-backend is told, what it and receive-pack tell hooks, and what a shell adds.
    const EXPECTED: &[&str] = &[
        "CONTENT_TYPE GIT_CONFIG_NOSYSTEM GIT_HTTP_EXPORT_ALL GIT_PROJECT_ROOT PATH",
        "PATH_INFO QUERY_STRING REMOTE_ADDR REMOTE_USER REQUEST_METHOD HTTP_GIT_PROTOCOL",
        "GIT_COMMITTER_EMAIL GIT_COMMITTER_NAME GIT_DIR GIT_EXEC_PATH GIT_PROTOCOL",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY GIT_QUARANTINE_PATH",
        "GIT_PUSH_OPTION_COUNT PWD OLDPWD SHLVL _",
    ];
    let secret = "a-secret-of-the-operator";
    let site = SiteBuilder::repositories()
        .variable("GITLATCH_UPSTREAM_SECRET", secret)
        .variable("AWS_SECRET_ACCESS_KEY", secret)
        .variable("GIT_TRACE", "/nowhere")
        .variable("REMOTE_USER", "root")
        .start();
    let bare = site.repository("team/app");
    let seen = site.folder().join("seen");
    for hook in ["pre-receive", "post-receive", "update", "post-update"] {
        let file = bare.join("hooks").join(hook);
        let script = format!("#!/bin/sh\nenv > '{}-{hook}'\n", seen.display());
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let user = everything(&site);
    let (project, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let (repository, _) =
        site.token(&["--project", "team", "--repo", "app", "--permission", "REPO_WRITE"]);
    let git = Git::new();
    git.done(&["-c", &header(&user), "clone", "-q", &site.url("/team/app.git"), "app"]);
    // A small push and one in chunks.
    for (nth, (token, name, size)) in [
        (&user, "alice", 30),
        (&project, "gitlatch", 30),
        (&repository, "gitlatch", 30),
        (&user, "alice", 2 << 20),
    ]
    .iter()
    .enumerate()
    {
        git.commit("app", &nth.to_string(), *size);
        git.done(&["-C", "app", "-c", &header(token), "push", "-q"]);
        for hook in ["pre-receive", "post-receive", "update", "post-update"] {
            let file = format!("{}-{hook}", seen.display());
            let text = fs::read_to_string(&file).unwrap();
            fs::remove_file(&file).unwrap();
            let set =
                |wanted: &str| text.lines().find_map(|l| l.strip_prefix(wanted)?.strip_prefix('='));
            assert_eq!(set("REMOTE_USER"), Some(*name), "{hook} {nth}");
            assert_eq!(set("REMOTE_ADDR"), Some("127.0.0.1"), "{hook} {nth}");
            for variable in text.lines().filter_map(|line| Some(line.split_once('=')?.0)) {
                let expected =
                    EXPECTED.iter().flat_map(|line| line.split(' ')).any(|e| e == variable);
                assert!(expected, "{hook}: {variable}\n{text}");
            }
            assert!(
                !text.contains(secret) && !text.contains(token.as_str()),
                "{hook} {nth}: {text}"
            );
        }
    }
}
