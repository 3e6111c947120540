//! What other processes, signals and accidents do to a gitlatch that serves.

use super::support::{
    Git, PASSWORD, PATIENCE, Reply, Site, SiteBuilder, Upstream, basic, bearer, eventually, raw,
    replies, request,
};
use base64::Engine as _;
use rusqlite::Connection;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const REFS: &str = "GET /team/app.git/info/refs?service=git-upload-pack";
const PUSH_REFS: &str = "GET /team/app.git/info/refs?service=git-receive-pack";
const HEAD: &str = "GET /team/app.git/HEAD";
const UNKNOWN: &str = "latu_0000000000000000000000000000001vo4SB";

/// One connection for many requests.
struct Kept(TcpStream);

impl Kept {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn ask(&mut self, line: &str, headers: &str) -> Reply {
        let head = format!("{line} HTTP/1.1\r\nHost: gitlatch.test\r\n{headers}\r\n");
        self.0.write_all(head.as_bytes()).unwrap();
        let mut received = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = self.0.read(&mut buffer).unwrap();
            assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&received));
            received.extend_from_slice(&buffer[..read]);
            let Some(reply) = replies(&received).into_iter().next() else { continue };
            let length =
                reply.header("content-length").and_then(|length| length.parse::<usize>().ok());
            let whole = match length {
                Some(length) => reply.body.len() == length,
                None => received.ends_with(b"0\r\n\r\n"),
            };
            if whole {
                return reply;
            }
        }
    }
}

/// A site with one repository, and a project token that reads it.
fn site() -> (Site, String, String) {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    let (token, id) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    (site, token, id)
}

fn status(site: &Site, token: &str) -> u16 {
    request(site.address(), HEAD, &bearer(token), b"").status
}

#[test]
fn what_another_process_changes_holds_for_the_next_request() {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    site.user("alice");
    let grant = ["REPO_WRITE", "--project", "team"];
    site.done(&[&["grant", "add", "alice"], &grant[..]].concat(), "");
    let (user, user_id) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let (last, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let (project, project_id) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let edit = |id: &'static str, to: &'static str| ["token", "edit", id, "--permission", to];
    let (user_id, project_id): (&'static str, &'static str) = (user_id.leak(), project_id.leak());
    let (give, take) = (["grant", "add", "alice"], ["grant", "remove", "alice"]);
    let (give, take) = ([&give, &grant[..]].concat(), [&take, &grant[..]].concat());
    // The command, the token, and what a push and a fetch get from then on.
    let cases: &[(&[&str], &str, u16, u16)] = &[
        (&edit(user_id, "REPO_READ"), &user, 403, 200),
        (&edit(user_id, "REPO_WRITE"), &user, 200, 200),
        (&edit(project_id, "REPO_READ"), &project, 403, 200),
        (&edit(project_id, "REPO_ADMIN"), &project, 200, 200),
        (&take, &user, 403, 403),
        (&give, &user, 200, 200),
        (&["user", "disable", "alice"], &user, 401, 401),
        (&["user", "enable", "alice"], &user, 200, 200),
        (&["token", "revoke", user_id], &user, 401, 401),
        (&["token", "revoke", project_id], &project, 401, 401),
        (&["user", "remove", "alice"], &last, 401, 401),
    ];
    // As many connections as there are workers, and more: each worker has a memory of its own.
    let mut kept: Vec<Kept> = (0..6).map(|_| Kept::to(site.address())).collect();
    for token in [&user, &last, &project] {
        for kept in &mut kept {
            assert_eq!(kept.ask(PUSH_REFS, &bearer(token)).status, 200);
        }
    }
    for (command, token, push, fetch) in cases {
        site.done(command, "");
        for kept in &mut kept {
            for (line, expected) in [(PUSH_REFS, *push), (REFS, *fetch)] {
                let reply = kept.ask(line, &bearer(token));
                assert_eq!(reply.status, expected, "{command:?} {line}: {}", reply.text());
            }
        }
    }
}

#[test]
fn a_token_tells_when_and_from_where_it_was_used() {
    let (site, token, id) = site();
    let show = || -> serde_json::Value {
        let shown = site.done(&["token", "show", &id, "--json"], "");
        serde_json::from_str(&shown).unwrap()
    };
    let before = show();
    assert!(before["lastAuthenticated"].is_null() && before["lastAddress"].is_null(), "{before}");
    // A refused use is a use too.
    assert_eq!(request(site.address(), PUSH_REFS, &bearer(&token), b"").status, 403);
    let first = eventually("the first use", || show()["lastAuthenticated"].as_i64());
    assert!(first >= before["createdDate"].as_i64().unwrap());
    assert_eq!(show()["lastAddress"], "127.0.0.1");
    assert_eq!(status(&site, &token), 200);
    eventually("the second use", || {
        show()["lastAuthenticated"].as_i64().filter(|second| *second > first)
    });
}

/// The token in what `token create --json` printed, if it got as far as that.
fn printed(line: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(json["token"].as_str()?.to_owned())
}

#[test]
fn every_token_that_was_shown_works_whatever_was_killed() {
    let (mut site, known, _) = site();
    let shown = Mutex::new(Vec::new());
    let killed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (site, shown, killed, known) = (&site, &shown, &killed, &known);
            scope.spawn(move || {
                let arguments = ["token", "create", "--json", "--name", "t", "--project", "team"];
                for nth in 0..15_u64 {
                    let mut command = site.command(&arguments);
                    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
                    // Every moment of its life is to be the last of some process.
                    if nth % 3 != 0 {
                        std::thread::sleep(Duration::from_micros(700 * (nth * 4 + thread)));
                        killed.fetch_add(1, Ordering::Relaxed);
                        let _ = child.kill();
                    }
                    let output = child.wait_with_output().unwrap();
                    let text = String::from_utf8(output.stdout).unwrap();
                    assert!(nth % 3 != 0 || output.status.success(), "{text}");
                    shown.lock().unwrap().extend(printed(&text));
                    assert_eq!(status(site, known), 200);
                }
            });
        }
    });
    let shown = shown.into_inner().unwrap();
    assert!(shown.len() >= 20 && killed.into_inner() == 40, "{} were shown", shown.len());
    let works = |site: &Site| {
        for token in &shown {
            assert_eq!(status(site, token), 200);
        }
    };
    works(&site);
    // The one that serves is killed too, amid its work.
    site.signal("KILL");
    assert_eq!(site.wait(), None);
    site.start();
    works(&site);
    let listed = site.done(&["token", "list", "--json"], "");
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    assert!(listed.len() > shown.len());
    let store = Connection::open(site.database()).unwrap();
    let sound: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn processes_that_write_at_once_lose_nothing() {
    let (site, known, id) = site();
    let working = AtomicBool::new(true);
    let made: Vec<(String, String)> = std::thread::scope(|scope| {
        let uses = scope.spawn(|| {
            let mut kept = Kept::to(site.address());
            while working.load(Ordering::Relaxed) {
                assert_eq!(kept.ask(HEAD, &bearer(&known)).status, 200);
            }
        });
        let makers = [0, 1].map(|_| {
            scope.spawn(|| {
                let make = || site.token(&["--project", "team", "--permission", "REPO_READ"]);
                std::iter::repeat_with(make).take(20).collect::<Vec<_>>()
            })
        });
        let made = makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect();
        working.store(false, Ordering::Relaxed);
        uses.join().unwrap();
        made
    });
    let mut ids: Vec<&String> = made.iter().map(|(_, id)| id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 40);
    for (token, id) in &made {
        assert_eq!(status(&site, token), 200, "{id}");
    }
    eventually("the marks of all", || {
        let listed = site.done(&["token", "list", "--json"], "");
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed.len(), 41);
        let used = listed.iter().all(|token| token["lastAuthenticated"].is_i64());
        (used && listed.iter().any(|token| token["id"] == id.as_str())).then_some(())
    });
}

#[test]
fn a_locked_store_still_answers_and_says_why_it_takes_nothing() {
    let (site, used, _) = site();
    let (fresh, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    assert_eq!(status(&site, &used), 200);
    let other = Connection::open(site.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE token SET name = name").unwrap();
    let create = ["token", "create", "--name", "t", "--project", "team"];
    std::thread::scope(|scope| {
        let refused = scope.spawn(|| site.run(&create, ""));
        while !refused.is_finished() {
            assert_eq!(status(&site, &used), 200);
            assert_eq!(status(&site, &fresh), 200);
            assert_eq!(status(&site, UNKNOWN), 401);
            std::thread::sleep(Duration::from_millis(50));
        }
        let refused = refused.join().unwrap();
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        let why = "another program is writing to it and did not finish in time";
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    });
    other.execute_batch("ROLLBACK").unwrap();
    site.token(&["--project", "team", "--permission", "REPO_READ"]);
    assert_eq!(status(&site, &used), 200);
}

#[test]
fn a_store_that_is_gone_is_trouble_and_no_verdict() {
    type Accident = fn(&Path);
    let cases: &[(&str, Accident)] = &[
        ("removed", |store| fs::remove_file(store).unwrap()),
        ("renamed", |store| fs::rename(store, store.with_extension("away")).unwrap()),
        ("replaced by a copy", |store| {
            fs::copy(store, store.with_extension("copy")).unwrap();
            fs::rename(store.with_extension("copy"), store).unwrap();
        }),
        ("replaced by nothing", |store| {
            fs::remove_file(store).unwrap();
            fs::write(store, "").unwrap();
        }),
        ("truncated", |store| {
            fs::File::options().write(true).open(store).unwrap().set_len(0).unwrap();
        }),
        ("overwritten", |store| {
            let length = usize::try_from(fs::metadata(store).unwrap().len()).unwrap();
            let mut file = fs::File::options().write(true).open(store).unwrap();
            file.write_all(&vec![b'x'; length]).unwrap();
        }),
        ("its log removed", |store| {
            fs::remove_file(store.with_extension("db-shm")).unwrap();
            fs::remove_file(store.with_extension("db-wal")).unwrap();
        }),
    ];
    std::thread::scope(|scope| {
        for (what, accident) in cases {
            scope.spawn(move || gone(what, *accident));
        }
    });
}

fn gone(what: &str, accident: fn(&Path)) {
    let (site, used, _) = site();
    let (fresh, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    // Everything shall stand in the file and nothing in its log, but what is used in memory too.
    eventually("the log is empty", || {
        let store = Connection::open(site.database()).unwrap();
        store
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .ok()
            .filter(|busy: &i64| *busy == 0)
    });
    let mut kept: Vec<Kept> = (0..6).map(|_| Kept::to(site.address())).collect();
    for kept in &mut kept {
        assert_eq!(kept.ask(HEAD, &bearer(&used)).status, 200, "{what}");
    }
    accident(&site.database());
    for token in [&used, &fresh] {
        let start = Instant::now();
        for kept in &mut kept {
            loop {
                let reply = kept.ask(HEAD, &bearer(token));
                match reply.status {
                    503 => break assert_eq!(reply.header("Retry-After").as_deref(), Some("5")),
                    200 => assert!(start.elapsed() < Duration::from_secs(10), "{what}: still 200"),
                    other => panic!("{what}: {other} {}", reply.text()),
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    for token in [&used, &fresh, UNKNOWN] {
        for kept in &mut kept {
            assert_eq!(kept.ask(HEAD, &bearer(token)).status, 503, "{what}");
        }
    }
    assert_eq!(request(site.operations(), "GET /readyz", "", b"").status, 503, "{what}");
    if what == "renamed" {
        fs::rename(site.database().with_extension("away"), site.database()).unwrap();
        eventually("the store is back", || (status(&site, &used) == 200).then_some(()));
    }
}

/// The credential of the indiscreet host, and how it travels.
const CREDENTIAL: &str = "the-credential-of-the-host";

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A host that tells what it was told: in headers, in a refusal, and in disorder.
fn indiscreet_host() -> Upstream {
    Upstream::new(|stream, seen, _| {
        let given = seen.header("authorization").join(",");
        let answer = match seen.line() {
            line if line.contains("/refused.git") => format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"{given}\"\r\n\
                 Content-Length: 0\r\n\r\n"
            ),
            line if line.contains("/broken.git") => format!("{given}\r\n\r\n"),
            _ => format!(
                "HTTP/1.1 200 OK\r\nX-Echo: {given}\r\nSet-Cookie: session=secret-session\r\n\
                 Content-Length: 2\r\n\r\nok"
            ),
        };
        stream.write_all(answer.as_bytes()).is_ok() && answer.starts_with("HTTP")
    })
}

/// Presents a token everywhere where one could stand, rightly or wrongly.
fn present(site: &Site, token: &str) {
    let travels = base64(&format!("bot:{CREDENTIAL}"));
    let hidden = token.replace('l', "%6c");
    for headers in [
        bearer(token),
        basic("alice", token),
        basic("bob", token),
        basic(token, ""),
        basic("x-token-auth", token),
        format!("PRIVATE-TOKEN: {token}\r\n"),
        format!("Authorization: token {token}\r\n"),
        format!("X-Note: {token}\r\n"),
        format!("Cookie: a={token}\r\n"),
        format!("Referer: http://x/{token}\r\nUser-Agent: {token}\r\n"),
        bearer(token).repeat(2),
    ] {
        for line in [
            HEAD,
            PUSH_REFS,
            "GET /team/refused.git/HEAD",
            "GET /team/broken.git/HEAD",
            &format!("GET /{token}/app.git/HEAD"),
            &format!("GET /team/{hidden}.git/HEAD"),
            &format!("GET /team/app.git/HEAD?token={token}"),
            &format!("GET /team/app.git/HEAD?private_token={hidden}"),
            &format!("{token} /team/app.git/HEAD"),
        ] {
            let reply = request(site.address(), line, &headers, b"");
            let whole = reply.head.clone() + &reply.text();
            for secret in [CREDENTIAL, &travels, "secret-session", token] {
                assert!(!whole.contains(secret), "{line} {headers}: {whole}");
            }
            assert!(reply.status != 200 || line == HEAD, "{line} {headers}");
        }
    }
    // No request at all, about which the connection complains at the level of debugging.
    let nonsense = format!("GET / HTTP/1.1\r\n{token} : {token}\r\n{token}\r\n\r\n");
    raw(site.address(), nonsense.as_bytes());
}

/// Everything that was written, by where it stands: the log, what was said, the files of the store.
fn written(site: &Site, told: String) -> Vec<(&'static str, Vec<u8>)> {
    let mut places = vec![
        ("the log", site.log().into_bytes()),
        ("standard error", site.errors().into_bytes()),
        ("the commands", told.into_bytes()),
    ];
    for (name, suffix) in [("the store", "db"), ("its log", "db-wal"), ("its index", "db-shm")] {
        if let Ok(bytes) = fs::read(site.database().with_extension(suffix)) {
            places.push((name, bytes));
        }
    }
    places
}

#[test]
fn no_secret_is_written_anywhere() {
    let upstream = indiscreet_host();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, CREDENTIAL).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let identity = format!(
        "[upstream.identity]\nmode = 'fixed'\nusername = 'bot'\nsecret_file = '{}'\n\n[access]\n\
         users = 'grants'\n\n[log]\nlevel = 'trace'",
        secret.display()
    );
    let site = SiteBuilder::url(&upstream.url(), &identity).start();
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_READ"], "");
    let (user, user_id) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let (project, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let (revoked, revoked_id) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    site.done(&["token", "revoke", &revoked_id], "");
    let mut mistyped = user.clone();
    mistyped.replace_range(40.., if user.ends_with('0') { "1" } else { "0" });
    let tokens = [user.as_str(), &project, &revoked, &mistyped];
    for token in tokens {
        present(&site, token);
    }
    let passwords = [PASSWORD, "another secret word", "a wrong password"];
    for password in passwords {
        assert_eq!(request(site.address(), HEAD, &basic("alice", password), b"").status, 401);
    }
    let url = format!("/team/app.git/HEAD?t={project}");
    let commands: &[(&[&str], &str)] = &[
        (&["user", "passwd", "alice", "--password-stdin"], passwords[1]),
        (&["token", "create", "--user", "alice", "--name", "t", "--password-stdin"], passwords[2]),
        (&["explain", "--token-stdin", "GET", "/team/app.git/HEAD"], &user),
        (&["explain", "--token-stdin", "GET", "/team/app.git/HEAD"], &mistyped),
        (&["explain", "--token", &user_id, "GET", &url], ""),
        (&["token", "list", "--json"], ""),
        (&["token", "show", &user_id], ""),
        (&["user", "show", "alice", "--json"], ""),
        (&["check"], ""),
    ];
    let told = commands.iter().map(|(command, stdin)| site.run(command, stdin).said()).collect();
    // It did say something, at the lowest level too.
    site.logged(&["\"level\":\"error\"", "credential"]);
    site.logged(&["\"level\":\"debug\""]);
    let travels = base64(&format!("bot:{CREDENTIAL}"));
    assert!(upstream.seen().iter().any(|seen| seen.head.contains(&travels)));
    // The last words come when it ends.
    site.signal("TERM");
    site.logged(&["\"stopped\""]);
    let words = [CREDENTIAL, &travels, "secret-session"];
    // As `TOKEN:` stands in Basic.
    let hidden: Vec<String> = tokens.iter().map(|token| base64(&token[..39])).collect();
    let hidden = hidden.iter().map(String::as_str);
    let places = written(&site, told);
    for secret in tokens.into_iter().chain(passwords).chain(words).chain(hidden) {
        for (name, bytes) in &places {
            let found = memchr::memmem::find(bytes, secret.as_bytes());
            assert!(found.is_none(), "{secret} stands in {name}: {}", around(bytes, found));
        }
    }
}

fn around(bytes: &[u8], at: Option<usize>) -> String {
    let at = at.unwrap_or_default();
    let piece = &bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())];
    String::from_utf8_lossy(piece).into_owned()
}

/// A way to a site that lets so many bytes of answers through and then waits to be opened.
struct Valve {
    way: Upstream,
    passed: Arc<AtomicU64>,
    open: Arc<AtomicBool>,
}

impl Valve {
    fn before(to: SocketAddr, most: u64) -> Self {
        let (passed, open) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (count, opened) = (Arc::clone(&passed), Arc::clone(&open));
        let way = Upstream::raw(move |stream, _, _| {
            let mut there = TcpStream::connect(to).unwrap();
            let (mut asks, mut asked) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut asks, &mut asked);
                let _ = asked.shutdown(Shutdown::Write);
            });
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = there.read(&mut buffer) {
                let whole = count.fetch_add(read as u64, Ordering::SeqCst) + read as u64;
                while whole > most && !opened.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                if stream.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = stream.shutdown(Shutdown::Both);
        });
        Self { way, passed, open }
    }
}

/// A repository with a file of so many bytes that no compression makes smaller.
fn large(site: &Site, length: usize) {
    let bare = site.repository("team/app");
    let mut stream = format!(
        "commit refs/heads/main\ncommitter t <t@example.com> 1600000000 +0000\ndata 1\nx\n\
         M 100644 inline large\ndata {length}\n"
    )
    .into_bytes();
    // zlib finds no repetition that is farther away than 32 KiB.
    let mut state = 0x1234_5678_9abc_def1_u64;
    let random = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    });
    stream.extend(random.take(50_000).collect::<Vec<u8>>().repeat(length / 50_000));
    stream.push(b'\n');
    let git = Git::new();
    let bare = bare.to_str().unwrap();
    let quick = ["-c", "core.bigFileThreshold=1m", "-c", "core.compression=0"];
    let import = ["-C", bare, "fast-import", "--quiet", "--force"];
    let mut command = git.command(&[&quick[..], &import].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&stream).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn told_to_stop_it_finishes_what_it_is_doing_or_cuts_it_in_time() {
    for (timeout, length, whole) in [("30s", 50_000_000, true), ("1s", 25_000_000, false)] {
        let drain = format!("drain_timeout = '{timeout}'");
        let mut site = SiteBuilder::repositories().server(&drain).start();
        large(&site, length);
        let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
        let valve = Valve::before(site.address(), 1 << 20);
        let git = Git::new();
        let url = format!("{}/team/app.git", valve.way.url());
        let header = format!("http.extraHeader=Authorization: Bearer {token}");
        let mut clone = git.command(&["-c", &header, "clone", "-q", &url, "app"]);
        let mut clone = clone.stderr(Stdio::null()).spawn().unwrap();
        eventually("the clone has begun", || {
            (valve.passed.load(Ordering::SeqCst) > 1 << 20).then_some(())
        });
        let address = site.address();
        let mut idle = Kept::to(address);
        assert_eq!(idle.ask(HEAD, &bearer(&token)).status, 200);
        site.signal("TERM");
        eventually("no new connections", || TcpStream::connect(address).is_err().then_some(()));
        // A connection on which nothing goes on is closed at once.
        assert_eq!(idle.0.read(&mut [0; 16]).unwrap(), 0);
        if whole {
            valve.open.store(true, Ordering::SeqCst);
            assert!(clone.wait().unwrap().success());
            assert_eq!(fs::metadata(git.at("app/large")).unwrap().len(), length as u64);
            assert_eq!(site.wait(), Some(0));
        } else {
            site.logged(&["at the end of drain_timeout are cut"]);
            assert_eq!(site.wait(), Some(0));
            valve.open.store(true, Ordering::SeqCst);
            assert!(!clone.wait().unwrap().success());
        }
    }
}

#[test]
fn told_to_reload_it_takes_a_good_file_and_no_bad_one() {
    let site = SiteBuilder::repositories().section("[access]\nanonymous = 'refuse'").start();
    let bare = site.repository("team/app");
    fs::write(bare.join("git-daemon-export-ok"), "").unwrap();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let good = fs::read_to_string(site.config()).unwrap();
    let open = good.replace("'refuse'", "'read'");
    // What is safe in front of one host may not be in front of another.
    fs::create_dir(site.folder().join("elsewhere")).unwrap();
    let moved = open.replace("/repositories'", "/elsewhere'");
    let loud = good.clone() + "\n[log]\nlevel = 'debug'\n";
    // The file; a line of the log that it leads to; what a request without credentials gets then.
    let cases: &[(&str, &[&str], u16)] = &[
        (&open, &["\"info\"", "reloaded"], 200),
        ("nonsense", &["\"error\"", "not reloaded: the old settings stay in force"], 200),
        (&good.replace("anonymous", "anonymus"), &["\"error\"", "anonymus", "\"line\":"], 200),
        (&good.replace("'refuse'", "'sometimes'"), &["\"error\"", "`anonymous`"], 200),
        (&loud, &["\"warn\"", "\"log\"", "changed, but needs a restart"], 401),
        (
            &moved,
            &["\"error\"", "not reloaded: the old settings stay in force until a restart"],
            401,
        ),
        (&open, &["\"info\"", "reloaded"], 200),
        (&good, &["\"info\"", "reloaded"], 401),
    ];
    let mut kept: Vec<Kept> = (0..4).map(|_| Kept::to(site.address())).collect();
    assert_eq!(kept[0].ask(HEAD, "").status, 401);
    for (text, pieces, expected) in cases {
        fs::write(site.config(), text).unwrap();
        let outcomes = || {
            let log = site.log();
            log.lines().filter(|l| l.contains("\"reloaded\"") || l.contains("not reloaded")).count()
        };
        let before = site.log().lines().count();
        let decided = outcomes();
        site.signal("HUP");
        eventually("the outcome", || (outcomes() > decided).then_some(()));
        let log = site.log();
        let mut lines = log.lines().skip(before);
        assert!(lines.any(|l| pieces.iter().all(|piece| l.contains(piece))), "{pieces:?}\n{log}");
        for kept in &mut kept {
            assert_eq!(kept.ask(HEAD, "").status, *expected, "{text}");
            assert_eq!(kept.ask(HEAD, &bearer(&token)).status, 200, "{text}");
        }
    }
}
