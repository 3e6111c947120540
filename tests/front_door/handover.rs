//! A restart by SIGUSR2: nobody who connects, waits, asks or sends notices it.

use super::support::{
    LfsServer, PATIENCE, Reply, Site, SiteBuilder, Upstream, bearer, eventually, oid, replies,
    request,
};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

const HEAD: &str = "GET /team/app.git/HEAD";

/// Sends a signal to a process that is not a test's own child.
fn signal(name: &str, pid: u64) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The processes that were handed over to. They end with the test.
#[derive(Default)]
struct Heirs(Vec<u64>);

impl Heirs {
    /// Has the newest process hand over; the number of the next one.
    fn next(&mut self, site: &Site) -> u64 {
        let refused =
            "\"not restarted: this process starts, drains or is being restarted already\"";
        let (at, mut asked) = (self.0.len(), None);
        let pid = eventually("a restart", || {
            let log = site.log();
            // One that has just begun to serve may not be ready to hand over yet.
            let refusals = log.matches(refused).count();
            if asked.is_none_or(|before| before < refusals) {
                asked = Some(refusals);
                match self.0.last() {
                    Some(pid) => signal("USR2", *pid),
                    None => site.signal("USR2"),
                }
            }
            assert!(!log.contains("this process goes on"), "{log}\n{}", site.errors());
            let mut told = log.lines().filter(|line| line.contains("\"handed over; draining\""));
            let line: serde_json::Value = serde_json::from_str(told.nth(at)?).ok()?;
            line["successor"].as_u64()
        });
        self.0.push(pid);
        pid
    }
}

impl Drop for Heirs {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).output();
        }
    }
}

fn alive(pid: u64) -> bool {
    // An orphan that ended may wait to be collected by whoever is process 1 here.
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

/// Asks in threads until it is told to stop; what fails panics there.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(address: std::net::SocketAddr, operations: std::net::SocketAddr, token: &str) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let spawn = |ask: fn(std::net::SocketAddr, &str, &AtomicBool, &AtomicUsize)| {
            let (token, stop, asked) = (token.to_owned(), Arc::clone(&stop), Arc::clone(&asked));
            std::thread::spawn(move || ask(address, &token, &stop, &asked))
        };
        let mut threads = vec![spawn(anew), spawn(anew), spawn(kept)];
        let stop_probes = Arc::clone(&stop);
        threads.push(std::thread::spawn(move || probe(operations, &stop_probes)));
        Self { stop, asked, threads }
    }

    /// Waits until so many more were answered.
    fn passes(&self, more: usize) {
        let until = self.asked.load(Ordering::Relaxed) + more;
        eventually("answers", || {
            assert!(!self.threads.iter().any(JoinHandle::is_finished), "a request failed");
            (self.asked.load(Ordering::Relaxed) >= until).then_some(())
        });
    }

    fn ends(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Each request on a connection of its own: none is refused, and each is answered.
fn anew(address: std::net::SocketAddr, token: &str, stop: &AtomicBool, asked: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        assert_eq!(request(address, HEAD, &bearer(token), b"").status, 200);
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the service is ready, as a load balancer asks.
fn probe(operations: std::net::SocketAddr, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let reply = request(operations, "GET /readyz", "", b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// All on one connection, as long as it is kept; the first on each is answered.
fn kept(address: std::net::SocketAddr, token: &str, stop: &AtomicBool, asked: &AtomicUsize) {
    let head = format!("{HEAD} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(token));
    while !stop.load(Ordering::Relaxed) {
        let mut stream = connect(address);
        let mut first = true;
        while !stop.load(Ordering::Relaxed) {
            let Some(reply) = ask(&mut stream, head.as_bytes()) else {
                assert!(!first, "a new connection was closed without an answer");
                break;
            };
            assert_eq!(reply.status, 200, "{}", reply.text());
            asked.fetch_add(1, Ordering::Relaxed);
            first = false;
            if reply.header("connection").is_some_and(|value| value == "close") {
                break;
            }
        }
    }
}

fn connect(address: std::net::SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One answer on a connection that may go on; nothing when it was closed before.
fn ask(stream: &mut TcpStream, bytes: &[u8]) -> Option<Reply> {
    stream.write_all(bytes).ok()?;
    let mut received = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer).unwrap_or_default();
        if read == 0 {
            assert!(received.is_empty(), "cut: {}", String::from_utf8_lossy(&received));
            return None;
        }
        received.extend_from_slice(&buffer[..read]);
        if let Some(reply) = replies(&received).into_iter().next()
            && let Some(length) = reply.header("content-length")
            && length.parse() == Ok(reply.body.len())
        {
            return Some(reply);
        }
    }
}

/// A host that says how much it was sent.
fn counting() -> Upstream {
    Upstream::new(|stream, seen, _| {
        let body = seen.body.len().to_string();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).is_ok()
    })
}

#[test]
fn under_load_nobody_notices() {
    const SIZE: usize = 4 * 1024 * 1024;
    let upstream = counting();
    let host = "[upstream.identity]\nmode = 'none'\n[access]\nusers = 'grants'\n";
    let mut site = SiteBuilder::url(&upstream.url(), host).start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let (address, first) = (site.address(), u64::from(site.pid()));
    let mut heirs = Heirs::default();
    let load = Load::on(address, site.operations(), &token);
    load.passes(20);
    // An upload that has half come, a connection that is idle, and one that has said nothing yet.
    let mut upload = connect(address);
    let half = vec![b'x'; SIZE / 2];
    let head = format!(
        "POST /team/app.git/git-upload-pack HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\
         Content-Type: application/x-git-upload-pack-request\r\n{}\r\n",
        bearer(&token)
    );
    upload.write_all(&[head.as_bytes(), &half].concat()).unwrap();
    let simple = format!("{HEAD} HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer(&token));
    let mut idle = connect(address);
    assert_eq!(ask(&mut idle, simple.as_bytes()).unwrap().status, 200);
    let mut silent = connect(address);
    load.passes(20);
    let second = heirs.next(&site);
    assert_ne!(first, second);
    // What the old process has begun it finishes, and keeps nothing.
    let reply = ask(&mut silent, simple.as_bytes()).expect("who was accepted is served");
    assert_eq!(reply.status, 200);
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0, "and not kept");
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "an idle connection ends in order");
    load.passes(20);
    // While the old process drains, it is the new one that says how the service is.
    for _ in 0..20 {
        let reply = request(site.operations(), "GET /readyz", "", b"");
        assert_eq!((reply.status, reply.text().as_str()), (200, "store: ok\nupstream: ok\n"));
    }
    assert!(alive(first));
    let reply = ask(&mut upload, &half).expect("the upload is answered");
    assert_eq!((reply.status, reply.text()), (200, SIZE.to_string()));
    assert_eq!(reply.header("connection").as_deref(), Some("close"));
    // And once more, by the new one.
    load.passes(20);
    let third = heirs.next(&site);
    load.passes(20);
    assert_eq!(site.wait(), Some(0));
    eventually("the end of the second", || (!alive(second)).then_some(()));
    load.passes(20);
    load.ends();
    assert!(alive(third));
    signal("TERM", third);
    eventually("the end of the third", || (!alive(third)).then_some(()));
    assert!(TcpStream::connect(address).is_err());
}

/// A store as the first version made it.
fn older_store(folder: &Path) -> PathBuf {
    let path = folder.join("older.db");
    let store = rusqlite::Connection::open(&path).unwrap();
    store.execute_batch(include_str!("../../src/store/sqlite/migrations/0001.sql")).unwrap();
    store.pragma_update(None, "application_id", i32::from_be_bytes(*b"glat")).unwrap();
    store.pragma_update(None, "user_version", 1).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn what_cannot_start_changes_nothing() {
    let builder = SiteBuilder::repositories();
    let program = builder.folder().join("gitlatch");
    symlink(env!("CARGO_BIN_EXE_gitlatch"), &program).unwrap();
    let mut site = builder.prepare();
    let mut command = Command::new(&program);
    command.args(["serve", "--config"]).arg(site.config()).current_dir(site.folder());
    site.start_by(command);
    // Who has answered can hand over.
    assert_eq!(request(site.address(), HEAD, "", b"").status, 401);
    let good = fs::read_to_string(site.config()).unwrap();
    let nowhere = good.replace(site.database().to_str().unwrap(), "/proc/gitlatch.db");
    assert_ne!(good, nowhere);
    // The store of an older version is not touched: nobody could go back.
    let older = older_store(site.folder());
    let bytes = fs::read(&older).unwrap();
    let changing = good.replace(site.database().to_str().unwrap(), older.to_str().unwrap());
    // What stands in the file and lies at the program's place, and what the log says.
    let cases: [(&str, Option<Lying>, &str); 7] = [
        ("[server]\nlisten = 'x'\n", None, "; $FILE:2:10: `listen`"),
        (&nowhere, None, "(exit status: 1): "),
        (&changing, None, "(exit status: 1): this version changes the store at"),
        (&good, Some(("", 0)), "cannot be started"),
        (&good, Some(("#!/bin/sh\n", 0o644)), "cannot be started"),
        (&good, Some(("\x7fELF rubbish", 0o755)), "not "),
        (&good, Some(("#!/bin/sh\nexit 3\n", 0o755)), "exit status: 3"),
    ];
    for (at, (config, file, expected)) in cases.iter().enumerate() {
        fs::write(site.config(), config).unwrap();
        if let Some((text, mode)) = file {
            script(&program, text, *mode);
        }
        site.signal("USR2");
        let told = eventually("the word that it goes on", || {
            let log = site.log();
            let mut told =
                log.lines().filter(|line| line.contains("\"not restarted: this process goes on"));
            told.nth(at).map(str::to_owned)
        });
        let expected = expected.replace("$FILE", site.config().to_str().unwrap());
        assert!(told.contains(&expected), "{at}: {told}");
        assert!(told.contains(&format!("\"pid\":{}", site.pid())), "{at}: {told}");
        assert_eq!(request(site.address(), HEAD, "", b"").status, 401, "{at}");
    }
    // What was wrong is in the same place as everything else that is said.
    assert!(site.errors().contains("proxy.toml:2:10: `listen`"), "{}", site.errors());
    assert!(site.errors().contains("this version changes the store at"), "{}", site.errors());
    assert!(fs::read(&older).unwrap() == bytes, "an older store was changed");
    // The program that lies there now is the one that is taken.
    fs::write(site.config(), &good).unwrap();
    fs::remove_file(&program).unwrap();
    symlink(env!("CARGO_BIN_EXE_gitlatch"), &program).unwrap();
    let (first, address) = (u64::from(site.pid()), site.address());
    site.signal("USR2");
    let pid = site.logged(&["\"handed over; draining\""])["successor"].as_u64().unwrap();
    let _heirs = Heirs(vec![pid]);
    assert_ne!(pid, first);
    // Each says of itself who it is.
    for (word, pid) in [("listening", pid), ("restarting", first), ("handed over; draining", first)]
    {
        site.logged(&[&format!("\"message\":\"{word}\""), &format!("\"pid\":{pid}")]);
    }
    assert_eq!(site.wait(), Some(0));
    assert_eq!(request(address, HEAD, "", b"").status, 401);
}

/// What lies at a place: a text and its mode.
type Lying = (&'static str, u32);

/// Puts a program there in place of another one; with mode 0 none.
fn script(path: &Path, text: &str, mode: u32) {
    let _ = fs::remove_file(path);
    if mode == 0 {
        return;
    }
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_second_signal_is_refused_and_an_end_comes_first() {
    let builder = SiteBuilder::repositories();
    let program = builder.folder().join("gitlatch");
    symlink(env!("CARGO_BIN_EXE_gitlatch"), &program).unwrap();
    let mut site = builder.prepare();
    let mut command = Command::new(&program);
    command.args(["serve", "--config"]).arg(site.config()).current_dir(site.folder());
    site.start_by(command);
    assert_eq!(request(site.address(), HEAD, "", b"").status, 401);
    script(&program, "#!/bin/sh\necho waits >&2\nexec sleep 60\n", 0o755);
    site.signal("USR2");
    eventually("a new process that does not begin", || {
        site.errors().contains("waits").then_some(())
    });
    site.signal("USR2");
    site.logged(&["\"not restarted: this process starts, drains or is being restarted already\""]);
    let child = fs::read_to_string(format!("/proc/{0}/task/{0}/children", site.pid()));
    site.signal("TERM");
    site.logged(&["\"not restarted: this process goes on", "told to stop meanwhile"]);
    assert_eq!(site.wait(), Some(0));
    for pid in child.unwrap_or_default().split_whitespace() {
        assert!(!alive(pid.parse().unwrap()), "{pid}");
    }
}

/// Speaks for the new process until it is told to take over, and then takes its time.
const SLOW: &str = "#!/bin/sh
trap 'echo \"the new one is told\" >&2; exit 0' TERM
word() { dd bs=65536 count=1 2>/dev/null >/dev/null; }
word && word && printf ready >&0 && word
echo waits >&2
while [ -e gitlatch ] && [ ! -e go ]; do sleep 0.02; done
printf taken >&0
while [ -e gitlatch ]; do sleep 0.02; done
";

#[test]
fn an_end_that_comes_while_handing_over_is_everybodys() {
    let builder = SiteBuilder::repositories();
    let program = builder.folder().join("gitlatch");
    symlink(env!("CARGO_BIN_EXE_gitlatch"), &program).unwrap();
    let mut site = builder.prepare();
    let mut command = Command::new(&program);
    command.args(["serve", "--config"]).arg(site.config()).current_dir(site.folder());
    site.start_by(command);
    assert_eq!(request(site.address(), HEAD, "", b"").status, 401);
    // What is under way lasts until all is told.
    let mut slow = connect(site.address());
    slow.write_all(format!("{HEAD} HTTP/1.1\r\nHost: a\r\n").as_bytes()).unwrap();
    script(&program, SLOW, 0o755);
    site.signal("USR2");
    let said = |words: &str| site.errors().contains(words).then_some(());
    eventually("a new process that is to take over", || said("waits"));
    site.signal("TERM");
    site.logged(&["\"draining\""]);
    fs::write(site.folder().join("go"), "").unwrap();
    let pid = site.logged(&["\"handed over; draining\""])["successor"].as_u64().unwrap();
    let _heirs = Heirs(vec![pid]);
    site.logged(&["\"told to stop while handing over: so is the new process\""]);
    eventually("the end of the new process", || said("the new one is told"));
    slow.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(site.wait(), Some(0));
}

#[test]
fn where_no_restart_is_possible_it_serves() {
    let builder = SiteBuilder::repositories();
    let gone = builder.folder().join("gone");
    let mut site = builder.prepare();
    let serve = site.command(&["serve"]);
    fs::create_dir(&gone).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "rmdir \"$PWD\" && exec \"$0\" \"$@\""]).arg(serve.get_program());
    command.args(serve.get_args()).current_dir(&gone);
    site.start_by(command);
    assert_eq!(request(site.address(), HEAD, "", b"").status, 401);
    site.signal("USR2");
    site.logged(&["\"not restarted: what to start was not known", "working directory"]);
    assert_eq!(request(site.address(), HEAD, "", b"").status, 401);
}

#[test]
fn addresses_come_and_go_with_the_configuration() {
    let builder = SiteBuilder::repositories();
    let (old, new) = (builder.folder().join("old.sock"), builder.folder().join("new.sock"));
    let listen = |paths: &[&Path]| {
        let paths: Vec<_> =
            paths.iter().map(|path| format!(", 'unix:{}'", path.display())).collect();
        format!("listen = ['127.0.0.1:0'{}]\n", paths.concat())
    };
    let mut site = builder.server(&listen(&[&old])).start();
    let (address, operations) = (site.address(), site.operations());
    let text = fs::read_to_string(site.config()).unwrap();
    let mut heirs = Heirs::default();
    let answers = |path: &Path| {
        let mut stream = UnixStream::connect(path).ok()?;
        stream.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.starts_with("HTTP/1.1 401"))
    };
    // The same again: the file is not removed by the one that goes.
    heirs.next(&site);
    assert_eq!(answers(&old), Some(true));
    fs::write(site.config(), text.replace(&listen(&[&old]), &listen(&[&old, &new]))).unwrap();
    heirs.next(&site);
    assert_eq!((answers(&old), answers(&new)), (Some(true), Some(true)));
    fs::write(site.config(), text.replace(&listen(&[&old]), &listen(&[&new]))).unwrap();
    let last = heirs.next(&site);
    site.logged(&["\"not listened on any more\"", "old.sock"]);
    assert_eq!(site.wait(), Some(0));
    assert!(!old.exists());
    assert_eq!(answers(&new), Some(true));
    // Ports that the system chose stay as well.
    assert_eq!(request(address, HEAD, "", b"").status, 401);
    assert_eq!(request(operations, "GET /healthz", "", b"").status, 200);
    signal("TERM", last);
    eventually("the end", || (!alive(last)).then_some(()));
    assert!(!new.exists());
}

#[test]
fn tickets_of_the_old_process_are_good_in_the_new_one() {
    let host = LfsServer::new();
    let object = host.put(b"content");
    assert_eq!(object, oid(b"content"));
    let mut site =
        SiteBuilder::repositories().upstream(&format!("lfs_url = '{}'", host.url())).start();
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let batch =
        format!("{{\"operation\":\"download\",\"objects\":[{{\"oid\":\"{object}\",\"size\":7}}]}}");
    let headers = format!(
        "{}Content-Type: application/vnd.git-lfs+json\r\nAccept: application/vnd.git-lfs+json\r\n\
         Content-Length: {}\r\n",
        bearer(&token),
        batch.len()
    );
    let line = "POST /team/app.git/info/lfs/objects/batch";
    let reply = request(site.address(), line, &headers, batch.as_bytes());
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let action = &answer["objects"][0]["actions"]["download"];
    let href = action["href"].as_str().unwrap().to_owned();
    let path = href.splitn(4, '/').nth(3).unwrap().to_owned();
    let ticket = action["header"]["X-Gitlatch-Ticket"].as_str().unwrap();
    let ticket = format!("X-Gitlatch-Ticket: {ticket}\r\n");
    let address = site.address();
    // The key is in nothing that others may read of the process.
    let environment = |pid: u64| {
        let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.split('\0').filter(|line| !line.is_empty()).map(str::to_owned);
        lines.collect::<BTreeSet<String>>()
    };
    let old = environment(u64::from(site.pid()));
    let mut heirs = Heirs::default();
    let new = environment(heirs.next(&site));
    let more: Vec<&String> = new.difference(&old).collect();
    assert_eq!(more, ["GITLATCH_HANDOVER=stdin"]);
    assert_eq!(site.wait(), Some(0));
    let reply = request(address, &format!("GET /{path}"), &ticket, b"");
    assert_eq!((reply.status, reply.text()), (200, "content".to_owned()));
}

#[test]
fn a_service_manager_learns_who_the_service_is() {
    let mut site = SiteBuilder::repositories().prepare();
    // An abstract address, as some managers have.
    let name = format!("gitlatch-{}", site.folder().display());
    let place = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = UnixDatagram::bind_addr(&place).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    // Heard at once, as a service manager does.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(read) = manager.recv(&mut buffer) {
            let _ = tell.send(String::from_utf8(buffer[..read].to_vec()).unwrap());
        }
    });
    let heard = |wanted: &dyn Fn(&str) -> bool| {
        let mut words = Vec::new();
        loop {
            let word = told.recv_timeout(PATIENCE).expect("a word to the service manager");
            if wanted(&word) {
                return words;
            }
            words.push(word);
        }
    };
    let mut command = Command::new("sh");
    let serve = site.command(&["serve"]);
    command.args(["-c", "export WATCHDOG_PID=$$; exec \"$0\" \"$@\""]).arg(serve.get_program());
    command.args(serve.get_args()).current_dir(site.folder());
    command.env("NOTIFY_SOCKET", format!("@{name}")).env("WATCHDOG_USEC", "400000");
    site.start_by(command);
    heard(&|word| word == "READY=1\nSTATUS=serving\n");
    let mut heirs = Heirs::default();
    let pid = heirs.next(&site);
    heard(&|word| word == format!("MAINPID={pid}\n"));
    heard(&|word| word == "READY=1\nSTATUS=serving\n");
    assert_eq!(site.wait(), Some(0));
    // Nobody else says that the service stops, and the new one is alive.
    let said = heard(&|word| word == "WATCHDOG=1\n");
    assert!(!said.iter().any(|word| word.contains("STOPPING")), "{said:?}");
    for _ in 0..2 {
        assert!(heard(&|word| word == "WATCHDOG=1\n").is_empty());
    }
}

#[test]
fn nobody_else_sets_the_variable() {
    let site = SiteBuilder::repositories().prepare();
    let mut command = site.command(&["serve"]);
    command.env("GITLATCH_HANDOVER", "stdin").stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("unset GITLATCH_HANDOVER"), "{said}");
}
