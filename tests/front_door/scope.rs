//! Who reaches what: tokens by repositories by requests, one line a case.

use super::support::{Git, Reply, Site, SiteBuilder, basic, bearer, eventually, replies, request};
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

/// What is asked of a repository: the method, the end of the path, the media type, the body.
type Ask = (&'static str, &'static str, &'static str, &'static str);

/// In the order of the columns of [`CASES`].
const ASKED: [Ask; 6] = [
    ("GET", "info/refs?service=git-upload-pack", "", ""),
    ("GET", "info/refs?service=git-receive-pack", "", ""),
    ("POST", "git-upload-pack", "application/x-git-upload-pack-request", "0000"),
    ("POST", "git-receive-pack", "application/x-git-receive-pack-request", "0000"),
    ("GET", "HEAD", "", ""),
    ("GET", "info/lfs/locks", "", ""),
];

const REPOSITORIES: [&str; 9] = [
    "team/app",
    "team/lib",
    "other/app",
    "group/app",
    "group/sub/app",
    "group/secret/app",
    "root",
    "~alice/app",
    "teams/app",
];

/// Users and what they were granted.
const GRANTS: &[(&str, &[&str])] = &[
    ("alice", &["REPO_READ", "--project", "team"]),
    ("alice", &["REPO_WRITE", "--project", "team", "--repo", "app"]),
    ("alice", &["REPO_READ", "--project", "group/**"]),
    ("alice", &["PROJECT_ADMIN", "--project", "~alice"]),
    ("bob", &["REPO_ADMIN"]),
    ("carol", &["REPO_WRITE", "--project", "group"]),
];

/// Tokens by a name for the table, as they are made.
const TOKENS: &[(&str, &[&str])] = &[
    ("alice-write", &["--user", "alice", "--permission", "REPO_WRITE"]),
    ("alice-read", &["--user", "alice", "--permission", "REPO_READ"]),
    ("alice-project", &["--user", "alice", "--permission", "PROJECT_ADMIN"]),
    ("bob-admin", &["--user", "bob", "--permission", "REPO_ADMIN"]),
    ("bob-read", &["--user", "bob", "--permission", "PROJECT_READ"]),
    ("carol-write", &["--user", "carol", "--permission", "REPO_WRITE"]),
    ("dave-write", &["--user", "dave", "--permission", "REPO_WRITE"]),
    ("team-write", &["--project", "team", "--permission", "PROJECT_WRITE"]),
    ("team-read", &["--project", "team", "--permission", "PROJECT_READ"]),
    ("group-write", &["--project", "group", "--permission", "REPO_WRITE"]),
    ("below-write", &["--project", "group/**", "--permission", "REPO_WRITE"]),
    ("root-write", &["--project", "-", "--permission", "REPO_WRITE"]),
    ("app-write", &["--project", "team", "--repo", "app", "--permission", "REPO_WRITE"]),
    ("app-admin", &["--project", "team", "--repo", "app", "--permission", "REPO_ADMIN"]),
    ("app-read", &["--project", "team", "--repo", "app", "--permission", "REPO_READ"]),
    ("only-team", &["--user", "bob", "--permission", "REPO_WRITE", "--only", "team"]),
    (
        "only-not",
        &["--user", "bob", "--permission", "REPO_WRITE", "--only", "team", "--only", "!team/LIB"],
    ),
    (
        "only-below",
        &[
            "--user",
            "bob",
            "--permission",
            "REPO_READ",
            "--only",
            "group/**",
            "--only",
            "!group/secret",
        ],
    ),
    ("only-app", &["--project", "team", "--permission", "REPO_WRITE", "--only", "team/app"]),
    ("only-any", &["--user", "alice", "--permission", "REPO_WRITE", "--only", "*/app"]),
    ("from-here", &["--user", "bob", "--permission", "REPO_READ", "--from", "127.0.0.0/8"]),
    ("from-there", &["--user", "bob", "--permission", "REPO_READ", "--from", "10.0.0.0/8"]),
];

const ALL: &str = "200 200 200 200 200 501";
const READ: &str = "200 403 200 403 200 501";
const NONE: &str = "403 403 403 403 403 403";
const REFUSED: &str = "401 401 401 401 401 401";
const MISSING: &str = "404 404 404 404 404 501";

/// A token, a path; the status of each of [`ASKED`]; what every refusal of them says.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("alice-write", "team/app", ALL, ""),
    ("alice-write", "team/lib", READ, "the token's owner alice has REPO_READ there"),
    ("alice-write", "other/app", NONE, "the token's owner alice has no rights there"),
    ("alice-write", "other/missing", NONE, "the token's owner alice has no rights there"),
    ("alice-write", "teams/app", NONE, "the token's owner alice has no rights there"),
    ("alice-write", "Team/app", NONE, "the token's owner alice has no rights there"),
    ("alice-write", "team/missing", "404 403 404 403 404 501", ""),
    ("alice-write", "group/app", READ, "the token's owner alice has REPO_READ there"),
    ("alice-write", "group/sub/app", READ, "the token's owner alice has REPO_READ there"),
    ("alice-write", "~alice/app", ALL, ""),
    ("alice-write", "scm/team/app", ALL, ""),
    ("alice-read", "team/app", READ, "the token has REPO_READ"),
    ("alice-read", "~alice/app", READ, "the token has REPO_READ"),
    ("alice-project", "~alice/app", ALL, ""),
    ("alice-project", "team/lib", READ, "the token's owner alice has REPO_READ there"),
    ("bob-admin", "team/app", ALL, ""),
    ("bob-admin", "group/secret/app", ALL, ""),
    ("bob-admin", "root", ALL, ""),
    ("bob-admin", "team/missing", MISSING, "gitlatch: there is no repository team/missing here"),
    ("bob-admin", "TEAM/app", MISSING, "gitlatch: there is no repository TEAM/app here"),
    ("bob-admin", "team/outside", MISSING, "there is no repository team/outside here"),
    ("bob-admin", "team/alias", MISSING, "there is no repository team/alias here"),
    ("bob-admin", "elsewhere/secret", MISSING, "there is no repository elsewhere/secret here"),
    ("bob-read", "team/app", READ, "the token has PROJECT_READ, REPO_READ"),
    ("bob-read", "team/missing", "404 403 404 403 404 501", ""),
    ("carol-write", "group/app", ALL, ""),
    ("carol-write", "group/sub/app", NONE, "the token's owner carol has no rights there"),
    ("dave-write", "team/app", NONE, "the token's owner dave has no rights there"),
    ("team-write", "team/app", ALL, ""),
    ("team-write", "team/lib", ALL, ""),
    ("team-write", "team/missing", MISSING, "there is no repository team/missing here"),
    ("team-write", "teams/app", NONE, "the token belongs to project team and reaches nothing else"),
    ("team-write", "root", NONE, "the token belongs to project team and reaches nothing else"),
    ("team-read", "team/app", READ, "the token has PROJECT_READ, REPO_READ"),
    ("team-read", "team/alias", "404 403 404 403 404 501", ""),
    ("group-write", "group/app", ALL, ""),
    (
        "group-write",
        "group/sub/app",
        NONE,
        "the token belongs to project group and reaches nothing",
    ),
    ("below-write", "group/app", ALL, ""),
    ("below-write", "group/sub/app", ALL, ""),
    ("below-write", "team/app", NONE, "the token belongs to project group/** and reaches nothing"),
    ("root-write", "root", ALL, ""),
    ("root-write", "team/app", NONE, "the token belongs to project - and reaches nothing else"),
    ("app-write", "team/app", ALL, ""),
    ("app-write", "team/lib", NONE, "the token belongs to repository team/app and reaches nothing"),
    ("app-write", "team/missing", NONE, "belongs to repository team/app and reaches nothing else"),
    ("app-admin", "team/app", ALL, ""),
    ("app-read", "team/app", READ, "the token has REPO_READ"),
    ("only-team", "team/app", ALL, ""),
    ("only-team", "team/lib", ALL, ""),
    ("only-team", "other/app", NONE, "the token is limited to team"),
    ("only-not", "team/app", ALL, ""),
    ("only-not", "team/lib", NONE, "the token is limited to team !team/LIB"),
    ("only-below", "group/sub/app", READ, "the token has REPO_READ"),
    ("only-below", "group/secret/app", NONE, "the token is limited to group/** !group/secret"),
    ("only-below", "team/app", NONE, "the token is limited to group/** !group/secret"),
    ("only-app", "team/app", ALL, ""),
    ("only-app", "team/lib", NONE, "the token is limited to team/app"),
    ("only-app", "other/app", NONE, "the token belongs to project team and reaches nothing else"),
    ("only-any", "team/app", ALL, ""),
    ("only-any", "team/lib", NONE, "the token is limited to */app"),
    ("only-any", "group/app", READ, "the token's owner alice has REPO_READ there"),
    ("only-any", "group/sub/app", NONE, "the token is limited to */app"),
    ("from-here", "team/app", READ, "the token has REPO_READ"),
    ("from-there", "team/app", NONE, "the token may not be used from 127.0.0.1"),
    ("from-there", "team/missing", NONE, "the token may not be used from 127.0.0.1"),
];

/// A site with the repositories, users and links of the table.
fn site() -> Site {
    let site = SiteBuilder::repositories().start();
    let folder = site.folder().join("repositories");
    let seed = site.folder().join("outside/secret.git");
    Git::seed(&seed, &[]);
    for repository in REPOSITORIES {
        let bare = folder.join(format!("{repository}.git"));
        std::fs::create_dir_all(bare.parent().unwrap()).unwrap();
        assert!(Command::new("cp").arg("-r").args([&seed, &bare]).status().unwrap().success());
    }
    symlink(site.folder().join("outside/secret.git"), folder.join("team/outside.git")).unwrap();
    symlink(site.folder().join("outside"), folder.join("elsewhere")).unwrap();
    symlink(folder.join("other/app.git"), folder.join("team/alias.git")).unwrap();
    for user in ["alice", "bob", "carol", "dave"] {
        site.user(user);
    }
    for (user, grant) in GRANTS {
        site.done(&[&["grant", "add", user], *grant].concat(), "");
    }
    site
}

fn ask(site: &Site, headers: &str, path: &str, (method, end, media, body): Ask) -> Reply {
    let line = format!("{method} /{path}.git/{end}");
    let length = body.len();
    let typed = match media {
        "" => String::new(),
        media => format!("Content-Type: {media}\r\nContent-Length: {length}\r\n"),
    };
    request(site.address(), &line, &(headers.to_owned() + &typed), body.as_bytes())
}

/// What a refusal says, without the request's number.
fn said(reply: &Reply) -> String {
    let text = reply.text();
    text.split("(request ").next().unwrap().split("\",\"request_id").next().unwrap().to_owned()
}

#[test]
fn tokens_by_repositories_by_requests() {
    let site = site();
    let tokens: HashMap<&str, (String, String)> =
        TOKENS.iter().map(|(name, arguments)| (*name, site.token(arguments))).collect();
    let mut wrong = Vec::new();
    for (name, path, statuses, text) in CASES {
        let (token, id) = &tokens[name];
        let asked = ASKED.map(|asked| ask(&site, &bearer(token), path, asked));
        let found: Vec<String> = asked.iter().map(|reply| reply.status.to_string()).collect();
        if found.join(" ") != *statuses {
            wrong.push(format!("{name} {path}: {} and not {statuses}", found.join(" ")));
        }
        for (reply, (method, end, ..)) in asked.iter().zip(ASKED) {
            if !matches!(reply.status, 403 | 404) {
                continue;
            }
            if !reply.text().contains(text) {
                wrong.push(format!("{name} {path} {end}: {}", reply.text()));
            }
            // `explain` gives the same reason. A repository that is missing is none of its business.
            if reply.status == 403 && method == "GET" {
                let url = format!("/{path}.git/{end}");
                let arguments =
                    ["explain", "--json", "--token", id, "--from", "127.0.0.1", method, &url];
                let explained = site.run(&arguments, "");
                let json: serde_json::Value = serde_json::from_str(&explained.stdout).unwrap();
                let why = json["why"].as_str().unwrap();
                let same = said(reply).trim_end().ends_with(&format!("gitlatch: {why}"));
                if explained.code != Some(1) || json["status"] != 403 || !same {
                    wrong.push(format!("{name} {path} {end}: {explained:?} {}", reply.text()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_learns_what_exists_outside_of_the_scope() {
    let site = site();
    for arguments in [
        &["--user", "alice", "--permission", "REPO_WRITE"][..],
        &["--project", "team", "--permission", "REPO_READ"],
        &["--project", "team", "--repo", "lib", "--permission", "REPO_ADMIN"],
        &["--user", "bob", "--permission", "REPO_READ", "--only", "team"],
        &["--user", "bob", "--permission", "REPO_READ", "--from", "10.0.0.0/8"],
    ] {
        let (token, _) = site.token(arguments);
        for asked in ASKED {
            let (there, missing) = (
                ask(&site, &bearer(&token), "other/app", asked),
                ask(&site, &bearer(&token), "other/xyz", asked),
            );
            assert_eq!((there.status, missing.status), (403, 403), "{arguments:?} {asked:?}");
            assert_eq!(said(&there), said(&missing).replace("xyz", "app"), "{arguments:?}");
            let names = |reply: &Reply| -> Vec<String> {
                let lines = reply.head.lines().skip(1);
                lines.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
            };
            assert_eq!(names(&there), names(&missing), "{arguments:?} {asked:?}");
        }
    }
}

#[test]
fn addresses_behind_trusted_proxies() {
    let trusting = SiteBuilder::repositories()
        .server("trusted_proxies = ['127.0.0.0/8', '10.9.0.0/16']")
        .start();
    let strict = SiteBuilder::repositories().start();
    let one = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    let cases: &[(bool, String, u16)] = &[
        (true, one("10.1.2.3"), 200),
        (true, one("192.0.2.1"), 403),
        (true, one("10.1.2.3, 192.0.2.1"), 403),
        (true, one("192.0.2.1, 10.1.2.3"), 200),
        (true, one("192.0.2.1, 10.9.0.1"), 403),
        (true, one("192.0.2.1, 10.1.2.3, 10.9.0.1"), 200),
        (true, one("10.1.2.3") + &one("192.0.2.1"), 403),
        (true, one("192.0.2.1") + &one("10.1.2.3"), 200),
        (true, one("::ffff:10.1.2.3"), 200),
        (true, one("10.1.2.3:4711"), 200),
        (true, one("unknown"), 400),
        (true, one(""), 400),
        (true, String::new(), 403),
        (true, "Forwarded: for=10.1.2.3\r\nX-Real-IP: 10.1.2.3\r\n".to_owned(), 403),
        (false, one("10.1.2.3"), 403),
        (false, one("unknown"), 403),
        (false, String::new(), 403),
    ];
    for site in [&trusting, &strict] {
        site.repository("team/app");
        let arguments = ["--project", "team", "--permission", "REPO_READ", "--from", "10.0.0.0/8"];
        let (token, _) = site.token(&arguments);
        for (_, headers, status) in
            cases.iter().filter(|c| c.0 == std::ptr::eq(site, &raw const trusting))
        {
            let line = "GET /team/app.git/HEAD";
            let reply = request(site.address(), line, &(bearer(&token) + headers), b"");
            assert_eq!(reply.status, *status, "{headers:?}: {}", reply.text());
        }
    }
}

/// One request over a Unix socket.
fn over_unix(path: &Path, headers: &str) -> Reply {
    let mut stream = UnixStream::connect(path).unwrap();
    let head = "GET /team/app.git/HEAD HTTP/1.1\r\nHost: gitlatch.test\r\nConnection: close\r\n";
    stream.write_all(format!("{head}{headers}\r\n").as_bytes()).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    replies(&received).into_iter().next().expect("an answer")
}

#[test]
fn peers_on_a_unix_socket_have_no_address() {
    for (trusted, cases) in [
        ("", [("", 403), ("X-Forwarded-For: 10.1.2.3\r\n", 403)]),
        ("'unix'", [("", 403), ("X-Forwarded-For: 10.1.2.3\r\n", 200)]),
    ] {
        let builder = SiteBuilder::repositories();
        let socket = builder.folder().join("socket");
        let listen = format!(
            "listen = ['127.0.0.1:0', 'unix:{}']\ntrusted_proxies = [{trusted}]",
            socket.display()
        );
        let site = builder.server(&listen).start();
        site.repository("team/app");
        let (free, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
        let arguments = ["--project", "team", "--permission", "REPO_READ", "--from", "10.0.0.0/8"];
        let (limited, _) = site.token(&arguments);
        assert_eq!(over_unix(&socket, &bearer(&free)).status, 200);
        assert_eq!(over_unix(&socket, "").status, 401);
        for (headers, status) in cases {
            let reply = over_unix(&socket, &(bearer(&limited) + headers));
            assert_eq!(reply.status, status, "{trusted} {headers}: {}", reply.text());
            let none = "gitlatch: the token may be used from some addresses only";
            assert!(status == 200 || reply.text().starts_with(none), "{}", reply.text());
        }
    }
}

#[test]
fn a_token_ends_when_it_was_said_to() {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    let arguments = ["--project", "team", "--permission", "REPO_READ", "--expires-in", "1s"];
    let (token, id) = site.token(&arguments);
    let get = |headers: &str| request(site.address(), "GET /team/app.git/HEAD", headers, b"");
    // A machine that sleeps for a second right here lets the token end before it was used.
    let ended = eventually("the end of the token", || {
        let reply = get(&bearer(&token));
        (reply.status != 200).then_some(reply)
    });
    let unknown = get(&bearer("latu_0000000000000000000000000000001vo4SB"));
    assert_eq!((ended.status, unknown.status), (401, 401));
    assert_eq!(said(&ended), said(&unknown));
    assert_eq!(ended.header("WWW-Authenticate"), unknown.header("WWW-Authenticate"));
    for headers in [bearer(&token), basic("x-token-auth", &token), basic(&token, "")] {
        assert_eq!(get(&headers).status, 401);
    }
    let explained = site.run(&["explain", "--token", &id, "GET", "/team/app.git/HEAD"], "");
    assert_eq!(explained.code, Some(1));
    assert!(explained.stdout.contains("the token has expired"), "{}", explained.said());
}

#[test]
fn anonymous_reads_show_what_is_public() {
    let open = SiteBuilder::repositories().section("[access]\nanonymous = 'read'").start();
    let closed = SiteBuilder::repositories().start();
    for site in [&open, &closed] {
        for name in ["public", "private"] {
            site.repository(&format!("team/{name}"));
        }
        let public = site.folder().join("repositories/team/public.git");
        std::fs::write(public.join("git-daemon-export-ok"), "").unwrap();
    }
    let other = bearer(&open.token(&["--project", "other", "--permission", "REPO_READ"]).0);
    let unknown = bearer("latu_0000000000000000000000000000001vo4SB");
    let cases: &[(&Site, &str, &str, &str)] = &[
        (&open, "", "team/public", "200 401 200 401 200 401"),
        (&open, "", "team/private", "401 401 401 401 401 401"),
        (&open, "", "team/missing", "401 401 401 401 401 401"),
        (&open, &basic("", ""), "team/public", "200 401 200 401 200 401"),
        (&open, &basic("alice", "password"), "team/public", REFUSED),
        (&open, &unknown, "team/public", REFUSED),
        (&open, &other, "team/public", NONE),
        (&closed, "", "team/public", REFUSED),
        (&closed, "", "team/private", REFUSED),
        (&closed, "", "team/missing", REFUSED),
    ];
    for (site, headers, path, statuses) in cases {
        let asked = ASKED.map(|(method, end, media, body)| {
            // A single flush is git's question whether it would be let in, and answered to anybody.
            let body = if body.is_empty() { "" } else { "00000000" };
            ask(site, headers, path, (method, end, media, body))
        });
        let found: Vec<String> = asked.iter().map(|reply| reply.status.to_string()).collect();
        assert_eq!(found.join(" "), *statuses, "{headers} {path}");
        for reply in asked.iter().filter(|reply| reply.status == 401) {
            assert!(reply.header("WWW-Authenticate").is_some(), "{path}: {}", reply.head);
            assert!(!reply.text().contains("team"), "{path}: {}", reply.text());
        }
    }
    let git = Git::new();
    git.done(&["clone", "-q", &open.url("/team/public.git"), "public"]);
    for (site, path) in [(&open, "private"), (&open, "missing"), (&closed, "public")] {
        let ran = git.run(&["clone", "-q", &site.url(&format!("/team/{path}.git")), "no"]);
        assert_eq!(ran.code, Some(128), "{path}: {}", ran.said());
        assert!(ran.stderr.contains("could not read Username"), "{path}: {}", ran.said());
    }
    git.commit("public", "more", 20);
    let pushed = git.run(&["-C", "public", "push", "-q"]);
    assert!(pushed.stderr.contains("could not read Username"), "{}", pushed.said());
}
