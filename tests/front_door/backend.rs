//! `git http-backend` when things go wrong: programs that hang, that nobody waits for any more, that are
//! too many or say too much, and folders that only look like repositories.

use super::support::{Git, PATIENCE, Site, SiteBuilder, bearer, eventually, request};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

const PUSH: &str = "Content-Type: application/x-git-receive-pack-request\r\n";

/// A site whose backend is a script, with an empty repository for each of these names, and a token.
fn scripted(script: &str, server: &str, names: &[&str]) -> (Site, String) {
    let builder = SiteBuilder::repositories();
    let program = builder.folder().join("backend");
    fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    for name in names {
        let bare = builder.folder().join(format!("repositories/team/{name}.git"));
        fs::create_dir_all(bare.join("objects")).unwrap();
        fs::create_dir_all(bare.join("refs")).unwrap();
        fs::write(bare.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }
    let program = format!("http_backend = '{}'", program.display());
    let site = builder.server(server).section(&program).start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    (site, token)
}

fn send(site: &Site, line: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(site.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    stream
}

/// The numbers that the script has written down, as soon as there are so many.
fn started(file: &Path, count: usize) -> Vec<String> {
    eventually("the backend starts", || {
        let text = fs::read_to_string(file).unwrap_or_default();
        let numbers: Vec<String> = text.lines().map(str::to_owned).collect();
        (text.ends_with('\n') && numbers.len() == count).then_some(numbers)
    })
}

/// Whether a process runs. One that ended may be there until its parent asks for it.
fn runs(number: &str) -> bool {
    fs::read_to_string(format!("/proc/{number}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

/// A backend that never ends by itself, and neither does what it starts.
const HANGS: &str = r#"
sleep 300 >/dev/null 2>&1 </dev/null &
printf '%s\n%s\n' $$ $! > pids.new && mv pids.new pids
case "$PATH_INFO" in
*/begins.git/*) printf 'Content-Type: text/plain\r\n\r\nabc' ;;
*/closes.git/*) printf 'Content-Type: text/plain\r\n\r\nabc'; exec >&- ;;
*/babbles.git/*) printf 'what?\r\n\r\n' ;;
esac
wait
"#;

/// The method, the repository, whether the client leaves at once, and what it is answered otherwise.
const HANGING: &[(&str, &str, bool, u16)] = &[
    ("GET", "silent", false, 504),
    ("GET", "silent", true, 0),
    ("GET", "begins", false, 200),
    ("GET", "begins", true, 0),
    ("GET", "closes", false, 200),
    ("GET", "babbles", false, 502),
    ("POST", "silent", false, 504),
    ("POST", "begins", false, 200),
    ("POST", "closes", false, 200),
    ("POST", "babbles", false, 502),
];

#[test]
fn no_program_outlives_its_request() {
    let names = ["silent", "begins", "closes", "babbles"];
    let (site, token) = scripted(HANGS, "idle_timeout = '1s'", &names);
    let pids = site.folder().join("repositories/pids");
    for &(method, name, leaves, status) in HANGING {
        let case = format!("{method} {name} {leaves}");
        let (service, kind, body) = match method {
            // More than any pipe holds: what feeds it must not wait for ever either.
            "POST" => ("git-receive-pack", PUSH, [&b"0000"[..], &vec![b'x'; 4 << 20]].concat()),
            _ => ("HEAD", "", Vec::new()),
        };
        let line = format!("{method} /team/{name}.git/{service}");
        let mut stream = send(&site, &line, &format!("{}{kind}", bearer(&token)), &body);
        let numbers = started(&pids, 2);
        if leaves {
            drop(stream);
        } else {
            let mut answer = Vec::new();
            let end = stream.read_to_end(&mut answer);
            // What breaks off may do so by a reset; a refusal may not, it would be lost.
            assert!(end.is_ok() || status == 200, "{case}: {end:?}");
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {answer}");
            // An answer that breaks off is not ended as if it were whole.
            assert!(status != 200 || !answer.ends_with("0\r\n\r\n"), "{case}: {answer}");
        }
        eventually(&case, || (!numbers.iter().any(|number| runs(number))).then_some(()));
        fs::remove_file(&pids).unwrap();
    }
}

#[test]
fn a_push_may_finish_without_its_client() {
    let script = "cat > /dev/null\necho $$ > pids\n\
                  while ! [ -e go ]; do sleep 0.02; done\necho done > finished\n";
    let (site, token) = scripted(script, "", &["app"]);
    let folder = site.folder().join("repositories");
    let line = "POST /team/app.git/git-receive-pack";
    let stream = send(&site, line, &format!("{}{PUSH}", bearer(&token)), b"0000");
    started(&folder.join("pids"), 1);
    drop(stream);
    site.logged(&["client-left", "git-receive-pack"]);
    fs::write(folder.join("go"), "").unwrap();
    eventually("the hook finishes", || folder.join("finished").exists().then_some(()));
}

#[test]
fn programs_are_bounded_in_number() {
    const MOST: usize = 64;
    let script = "[ -e calm ] && { printf 'Content-Type: text/plain\\r\\n\\r\\nok'; exit; }\n\
                  echo $$ >> pids\nexec sleep 300\n";
    let (site, token) = scripted(script, "threads = 1", &["app"]);
    let line = "GET /team/app.git/HEAD";
    let pids = site.folder().join("repositories/pids");
    let waiting: Vec<_> = (0..MOST).map(|_| send(&site, line, &bearer(&token), b"")).collect();
    let numbers = started(&pids, MOST);
    let reply = request(site.address(), line, &bearer(&token), b"");
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.text().contains("too many requests are being served"), "{}", reply.text());
    site.logged(&[r#""status":503"#, r#""verdict":"failed""#, r#""reason":"busy""#]);
    fs::write(site.folder().join("repositories/calm"), "").unwrap();
    drop(waiting);
    eventually("a place", || {
        let reply = request(site.address(), line, &bearer(&token), b"");
        (reply.status == 200).then_some(())
    });
    eventually("their end", || (!numbers.iter().any(|number| runs(number))).then_some(()));
}

#[test]
fn what_programs_say_is_bounded() {
    // What git tells of its progress, more than is kept, is no warning, and hides none.
    let script = "i=0; while [ $i -lt 300 ]; do i=$((i + 1)); printf 'Counting objects: %s\r' $i >&2; done\n\
                  for i in 1 2 3 4 5 6 7 8; do echo 'error: no good' >&2; done\n\
                  printf 'Content-Type: text/plain\\r\\n\\r\\nok'\n";
    let (site, token) = scripted(script, "threads = 1", &["app"]);
    for _ in 0..6 {
        let reply = request(site.address(), "GET /team/app.git/HEAD", &bearer(&token), b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let said = || site.log().matches("git http-backend: error: no good").count();
    eventually("twenty lines", || (said() >= 20).then_some(()));
    let requests = || site.log().matches(r#""event":"request""#).count();
    eventually("all requests", || (requests() == 6).then_some(()));
    assert_eq!(said(), 20);
    assert!(!site.log().contains("Counting"), "{}", site.log());
}

#[test]
fn what_git_complains_of_is_a_warning_without_tokens() {
    const FETCH: &str =
        "Content-Type: application/x-git-upload-pack-request\r\nGit-Protocol: version=2\r\n";
    let site = SiteBuilder::repositories().start();
    let off = site.repository("team/off");
    Git::new().done(&[
        "config",
        "-f",
        &format!("{}/config", off.display()),
        "http.receivepack",
        "false",
    ]);
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let other = format!("latu_{}", "a1B2".repeat(9));
    let (push, fetch) = (
        "GET /team/off.git/info/refs?service=git-receive-pack",
        "POST /team/off.git/git-upload-pack",
    );
    let cases = [
        (push, "", "", "Service not enabled: 'receive-pack'"),
        (fetch, FETCH, "nonsense", "fatal: unknown capability 'nonsense'"),
        (fetch, FETCH, &other, "error: (hidden: it held a token)"),
    ];
    for (line, headers, packet, complaint) in cases {
        let body = match packet {
            "" => String::new(),
            packet => format!("{:04x}{packet}0000", packet.len() + 4),
        };
        let headers = format!("{}{headers}Content-Length: {}\r\n", bearer(&token), body.len());
        request(site.address(), line, &headers, body.as_bytes());
        site.logged(&[r#""level":"warn""#, complaint]);
    }
    assert!(!site.log().contains(&other), "{}", site.log());
}

#[test]
fn a_length_that_is_not_told_has_the_same_limit() {
    let site = SiteBuilder::repositories().server("max_body = 5000000").start();
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let git = Git::new();
    let header = format!("http.extraHeader=Authorization: Bearer {token}");
    let url = site.url("/team/app.git");
    git.done(&["-c", &header, "clone", "-q", &url, "app"]);
    // git sends more than 1 MiB in chunks.
    for (file, size, fits) in [("fits", 2 << 20, true), ("over", 8 << 20, false)] {
        git.commit("app", file, size);
        let ran = git.run(&["-c", &header, "-C", "app", "push", "-q", &url, "HEAD:main"]);
        assert_eq!(ran.code == Some(0), fits, "{file}: {}", ran.said());
        assert_eq!(ran.said().contains("413"), !fits, "{file}: {}", ran.said());
    }
    site.logged(&[r#""status":413"#, r#""reason":"too-large""#]);
}

#[test]
fn objects_of_another_repository_are_not_served() {
    let site = SiteBuilder::repositories().section("[access]\nanonymous = 'read'").start();
    let other = site.repository("team/other");
    let bare = site.repository("team/fork");
    let alternates = bare.join("objects/info/alternates");
    let (token, _) =
        site.token(&["--project", "team", "--repo", "fork", "--permission", "REPO_WRITE"]);
    fs::write(bare.join("git-daemon-export-ok"), "").unwrap();
    let refs = "GET /team/fork.git/info/refs?service=git-upload-pack";
    let push = "GET /team/fork.git/info/refs?service=git-receive-pack";
    let outside = format!("{}\n", other.join("objects").display());
    let cases: &[(Option<&str>, u16, u16)] = &[
        (None, 200, 200),
        (Some("# none\n"), 200, 200),
        (Some("../../other.git/objects\n"), 403, 401),
        (Some(&outside), 403, 401),
    ];
    for (lines, status, anonymous) in cases {
        if let Some(lines) = lines {
            fs::write(&alternates, lines).unwrap();
        }
        for line in [refs, push] {
            let reply = request(site.address(), line, &bearer(&token), b"");
            assert_eq!(reply.status, *status, "{lines:?} {line}: {}", reply.text());
            let advice = "borrows objects from another one (objects/info/alternates)";
            assert_eq!(reply.text().contains(advice), *status == 403, "{}", reply.text());
        }
        let reply = request(site.address(), refs, "", b"");
        assert_eq!(reply.status, *anonymous, "{lines:?}: {}", reply.text());
    }
    site.logged(&[r#""verdict":"refused""#, r#""reason":"alternates""#]);
    // What the text advises is what helps.
    let git = Git::new();
    git.done(&["-C", bare.to_str().unwrap(), "repack", "-q", "-a", "-d"]);
    fs::remove_file(&alternates).unwrap();
    assert_eq!(request(site.address(), refs, &bearer(&token), b"").status, 200);
}

/// What makes git look on, or elsewhere.
type Change = fn(&Path, &Path) -> std::io::Result<()>;

const LOOKALIKES: &[(&str, Change)] = &[
    ("a HEAD that is a link", |own, _| {
        fs::remove_file(own.join("HEAD"))?;
        symlink("refs/heads/main", own.join("HEAD"))
    }),
    ("a HEAD of nothing", |own, _| fs::write(own.join("HEAD"), "main\n")),
    ("refs of another", |own, other| {
        fs::remove_dir_all(own.join("refs"))?;
        symlink(other.join("refs"), own.join("refs"))
    }),
    ("objects of another", |own, other| {
        fs::remove_dir_all(own.join("objects"))?;
        symlink(other.join("objects"), own.join("objects"))
    }),
    ("a worktree of another", |own, other| {
        fs::write(own.join("commondir"), format!("{}\n", other.display()))
    }),
    ("another one within", |own, other| symlink(other, own.join(".git"))),
];

#[test]
fn what_only_looks_like_a_repository() {
    let site = SiteBuilder::repositories().start();
    let other = site.repository("team/other");
    let (token, _) =
        site.token(&["--project", "team", "--repo", "own", "--permission", "REPO_READ"]);
    let refs = "GET /team/own.git/info/refs?service=git-upload-pack";
    for (what, change) in LOOKALIKES {
        let own = site.repository("team/own");
        assert_eq!(request(site.address(), refs, &bearer(&token), b"").status, 200, "{what}");
        change(&own, &other).unwrap();
        let reply = request(site.address(), refs, &bearer(&token), b"");
        assert_eq!(reply.status, 404, "{what}: {}", reply.text());
        fs::remove_dir_all(own).unwrap();
    }
}
