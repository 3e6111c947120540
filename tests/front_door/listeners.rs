//! Where connections come from: sockets that a service manager passes, and who may connect to those that
//! are made; and the word to a service manager.

use super::support::{
    PATIENCE, Ran, Reply, Site, SiteBuilder, bearer, eventually, replies, request,
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use command_fds::{CommandFdExt, FdMapping};
use gitlatch::config::Listen;
use gitlatch::server::{self, Limits, Peer, Plan, Pulse, Service};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use tokio_util::sync::CancellationToken;

const HEAD: &str = "GET /team/app.git/HEAD";

/// The command, made by a shell that first runs `script`.
fn by_shell(command: &Command, script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{script}; exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

/// The command as a service manager starts it (`sd_listen_fds(3)`): `names` of `sockets`, from 3 on.
fn activated(command: &Command, names: &str, sockets: Vec<OwnedFd>) -> Command {
    let count = sockets.len();
    let mut shell = by_shell(command, "export LISTEN_PID=$$");
    let mapped = (3..).zip(sockets).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
    shell.fd_mappings(mapped.collect()).unwrap();
    shell.env("LISTEN_FDS", count.to_string()).env("LISTEN_FDNAMES", names);
    shell
}

fn tcp() -> (OwnedFd, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener.into(), address)
}

fn read_reply(mut stream: TcpStream) -> Reply {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    replies(&received).into_iter().next().expect("an answer")
}

#[test]
fn sockets_that_are_passed_are_served() {
    let builder = SiteBuilder::repositories().server("listen = ['systemd', 'systemd:more']");
    let mut site = builder.prepare();
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let (sockets, addresses): (Vec<_>, Vec<_>) = (0..3).map(|_| tcp()).unzip();
    // Who comes before gitlatch does is served as well.
    let mut early = TcpStream::connect(addresses[0]).unwrap();
    let head = format!("{HEAD} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", bearer(&token));
    early.write_all(head.as_bytes()).unwrap();
    site.start_by(activated(&site.command(&["serve"]), "web:more:web", sockets));
    assert_eq!(read_reply(early).status, 200);
    for address in &addresses {
        assert_eq!(request(*address, HEAD, &bearer(&token), b"").status, 200, "{address}");
    }
    // No child of gitlatch, which hooks would be, inherits them.
    for number in 3..6 {
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/{number}", site.pid())).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let cloexec = i64::from_str_radix(flags, 8).unwrap() & 0o2_000_000;
        assert_ne!(cloexec, 0, "{number}: {flags}");
    }
    assert!(!site.log().contains("\"warn\""), "{}", site.log());
}

#[test]
fn a_unix_socket_that_is_passed_stays_when_gitlatch_goes() {
    let mut site = SiteBuilder::repositories()
        .server("listen = ['127.0.0.1:0', 'systemd:local']\ntrusted_proxies = ['unix']")
        .prepare();
    let path = site.folder().join("passed.sock");
    let socket = UnixListener::bind(&path).unwrap();
    let (other, address) = tcp();
    let sockets = vec![socket.try_clone().unwrap().into(), other];
    site.start_by(activated(&site.command(&["serve"]), "local:nobody", sockets));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    // What nobody asked for is told, and held by nobody.
    let told = site.logged(&["no `listen` asks for it"]);
    assert_eq!((&told["socket"], &told["level"]), (&"systemd:nobody".into(), &"warn".into()));
    assert!(TcpStream::connect(address).is_err());
    site.signal("TERM");
    assert_eq!(site.wait(), Some(0));
    assert!(path.exists());
}

#[test]
fn what_is_passed_wrongly_is_named() {
    let udp = || UdpSocket::bind("127.0.0.1:0").unwrap().into();
    let connection = || -> OwnedFd { UnixStream::pair().unwrap().0.into() };
    let file = || fs::File::open("/dev/null").unwrap().into();
    let none = "no socket was passed; start gitlatch by its .socket unit";
    let cases: [(&str, &str, Vec<OwnedFd>, &str); 8] = [
        ("systemd", "", vec![], none),
        ("systemd:web", "", vec![], none),
        (
            "systemd:web",
            "wbe",
            vec![tcp().0],
            "cannot listen on systemd:web: no socket of that name was passed, but systemd:wbe;",
        ),
        (
            "systemd",
            "web",
            vec![udp()],
            "descriptor 3 (`web`), which the service manager passed, is a datagram",
        ),
        (
            "systemd",
            "a:b",
            vec![tcp().0, connection()],
            "descriptor 4 (`b`), which the service manager passed, is a connection",
        ),
        ("systemd", "web", vec![file()], "is no socket of TCP or of Unix"),
        // Also what nobody asks for may be inherited by no child.
        ("127.0.0.1:0", "web", vec![file()], "is no socket of TCP or of Unix"),
        ("systemd", "a:b", vec![tcp().0], "LISTEN_FDNAMES"),
    ];
    let site = SiteBuilder::repositories().server("listen = '127.0.0.1:0'").prepare();
    let good = fs::read_to_string(site.config()).unwrap();
    for (listen, names, sockets, expected) in cases {
        let wanted = format!("[server]\nlisten = '{listen}'");
        fs::write(site.config(), good.replace("[server]\nlisten = '127.0.0.1:0'", &wanted))
            .unwrap();
        let mut command = site.command(&["serve"]);
        if !sockets.is_empty() {
            command = activated(&command, names, sockets);
        }
        let ran = end_of(&mut command);
        assert_eq!(ran.code, Some(1), "{listen} {names}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{listen} {names}: {ran:?}");
    }
    // Sockets for another process are none of ours.
    let mut other = activated(&site.command(&["serve"]), "web", vec![tcp().0]);
    fs::write(site.config(), good.replace("'127.0.0.1:0'\n\n[op", "'systemd'\n\n[op")).unwrap();
    other.env("LISTEN_PID", "1");
    let mut command = Command::new("sh");
    command.args(["-c", "LISTEN_PID=1 LISTEN_FDS=1 exec \"$0\" \"$@\""]).arg(other.get_program());
    let ran = end_of(
        command
            .args(["-c", "exec \"$0\" \"$@\""])
            .arg(site.command(&[]).get_program())
            .args(["serve", "--config"])
            .arg(site.config()),
    );
    assert!(ran.stderr.contains("no socket was passed"), "{ran:?}");
}

fn end_of(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn who_may_connect_to_a_unix_socket() {
    // Root may give a socket to any group, and everybody else to their own.
    let group =
        if rustix::process::geteuid().is_root() { 1 } else { rustix::process::getgid().as_raw() };
    let own = rustix::process::getegid().as_raw();
    let given = format!("unix_mode = '0620'\nunix_group = '{group}'");
    for (umask, lines, mode, group) in [
        ("000", "", 0o660, own),
        ("077", "", 0o660, own),
        ("000", "unix_mode = '0600'", 0o600, own),
        ("077", "unix_mode = '0666'", 0o666, own),
        ("022", &given, 0o620, group),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (public, operations) = (path("public.sock"), path("operations.sock"));
        let listen = format!("listen = ['127.0.0.1:0', 'unix:{}']\n{lines}", public.display());
        let mut site = SiteBuilder::repositories().server(&listen).prepare();
        let text = fs::read_to_string(site.config()).unwrap();
        site.start_by(by_shell(&site.command(&["serve"]), &format!("umask {umask}")));
        let seen = fs::metadata(&public).unwrap();
        assert_eq!(
            (seen.permissions().mode() & 0o7777, seen.gid()),
            (mode, group),
            "{umask} {lines}"
        );
        UnixStream::connect(&public).unwrap();
        site.signal("TERM");
        assert_eq!(site.wait(), Some(0));
        assert!(!public.exists());
        // That of the operators goes by the same keys.
        let own = format!("[operations]\nlisten = 'unix:{}'", operations.display());
        fs::write(site.config(), text.replace("[operations]\nlisten = '127.0.0.1:0'", &own))
            .unwrap();
        let mut child = by_shell(&site.command(&["serve"]), &format!("umask {umask}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        super::support::eventually("the socket", || UnixStream::connect(&operations).ok());
        let seen = fs::metadata(&operations).unwrap();
        assert_eq!(
            (seen.permissions().mode() & 0o7777, seen.gid()),
            (mode, group),
            "{umask} {lines}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// A service manager's end of `NOTIFY_SOCKET`.
struct Manager(UnixDatagram);

impl Manager {
    fn of(site: &Site) -> Self {
        let socket = UnixDatagram::bind(site.folder().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The next word that is not about the watchdog.
    fn hears(&self) -> String {
        loop {
            let word = self.next();
            if word != "WATCHDOG=1\n" {
                return word;
            }
        }
    }

    fn next(&self) -> String {
        let mut buffer = [0; 1024];
        let read = self.0.recv(&mut buffer).expect("a word to the service manager");
        String::from_utf8(buffer[..read].to_vec()).unwrap()
    }
}

#[test]
fn a_service_manager_is_told() {
    let mut site = SiteBuilder::repositories().prepare();
    site.repository("team/app");
    let manager = Manager::of(&site);
    let mut command = site.command(&["serve"]);
    command.env("NOTIFY_SOCKET", site.folder().join("notify")).env("WATCHDOG_USEC", "200000");
    site.start_by(command);
    assert_eq!(manager.hears(), "READY=1\nSTATUS=serving\n");
    assert_eq!(request(site.address(), HEAD, "", b"").status, 401);
    // Every thread answers, time and again.
    for _ in 0..3 {
        assert_eq!(manager.next(), "WATCHDOG=1\n");
    }
    site.signal("HUP");
    let word = manager.hears();
    let now = word.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&word);
    let now = now.strip_suffix("\nSTATUS=reloading\n").unwrap();
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let age = uptime - now.parse::<f64>().unwrap() / 1e6;
    assert!((-1.0..60.0).contains(&age), "{now} {uptime}");
    assert_eq!(manager.hears(), "READY=1\nSTATUS=serving\n");
    // A request that is under way keeps it draining, and alive.
    let mut slow = TcpStream::connect(site.address()).unwrap();
    slow.write_all(format!("{HEAD} HTTP/1.1\r\nHost: a\r\n").as_bytes()).unwrap();
    site.signal("TERM");
    assert_eq!(manager.hears(), "STOPPING=1\nSTATUS=draining\n");
    assert_eq!(manager.hears(), "EXTEND_TIMEOUT_USEC=15000000\n");
    // It reloads still, but is not ready any more: that would be taken for the end of the stop.
    let reloaded = |site: &Site| site.log().matches("\"reloaded\"").count();
    let before = reloaded(&site);
    site.signal("HUP");
    eventually("the reload", || (reloaded(&site) > before).then_some(()));
    for _ in 0..2 {
        assert_eq!(manager.next(), "WATCHDOG=1\n");
    }
    slow.write_all(b"\r\n").unwrap();
    assert_eq!(read_reply(slow).status, 401);
    assert_eq!(site.wait(), Some(0));
}

/// Holds its worker until it is let go, as nothing ever should.
struct Stuck(mpsc::Sender<()>, mpsc::Receiver<()>);

impl Service for Stuck {
    type Body = Full<Bytes>;

    async fn call(&self, _peer: Peer, _request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.0.send(()).unwrap();
        self.1.recv().unwrap();
        Response::new(Full::from("late"))
    }

    fn crashed(&self) -> Response<Full<Bytes>> {
        Response::new(Full::from("crashed"))
    }
}

#[test]
fn a_worker_that_hangs_does_not_answer() {
    let listeners = server::bind(&[Listen::Tcp("127.0.0.1:0".parse().unwrap())]).unwrap();
    let address = listeners[0].tcp_address().unwrap();
    let (stop, pulse) = (CancellationToken::new(), Pulse::default());
    let patience = Limits { drain_timeout: PATIENCE, ..Limits::default() };
    let plan = Plan {
        name: "stuck",
        listeners,
        tls: None,
        workers: 2,
        limits: Arc::new(ArcSwap::from_pointee(patience)),
        connections: Arc::default(),
        faults: Arc::default(),
        stop: stop.clone(),
        pulse: pulse.clone(),
        opening: Box::new(|| Ok(())),
    };
    let (tell, told) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let goes = std::sync::Mutex::new(Some(goes));
    let serving = std::thread::spawn(move || {
        // The second worker would wait on a channel of its own, but gets no connection.
        let make = move |_| {
            let goes = goes.lock().unwrap().take().unwrap_or_else(|| mpsc::channel().1);
            Ok(Stuck(tell.clone(), goes))
        };
        server::run(plan, make).is_ok()
    });
    let answered = |question| {
        super::support::eventually("every thread answers", || {
            pulse.silent(question).is_empty().then_some(())
        });
    };
    let mut stream = TcpStream::connect(address).unwrap();
    answered(pulse.ask());
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    told.recv_timeout(PATIENCE).unwrap();
    let question = pulse.ask();
    super::support::eventually("the others answer", || {
        (pulse.silent(question).len() == 1).then_some(())
    });
    assert_eq!(pulse.silent(question), ["stuck-0"]);
    go.send(()).unwrap();
    assert_eq!(read_reply(stream).text(), "late");
    answered(question);
    stop.cancel();
    assert!(serving.join().unwrap());
    // Who has ended in order is not waited for.
    assert_eq!(pulse.silent(pulse.ask()), Vec::<String>::new());
}
