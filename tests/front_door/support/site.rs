//! One gitlatch: its folder, its configuration, its process.

use super::Git;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test gives up. Nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The password of every user that tests make.
pub const PASSWORD: &str = "correct horse";

/// A gitlatch to be started.
pub struct SiteBuilder {
    folder: TempDir,
    kind: &'static str,
    server: String,
    upstream: String,
    rest: String,
    environment: Vec<(String, String)>,
}

/// A gitlatch in a folder of its own, with the process that serves it.
pub struct Site {
    folder: TempDir,
    environment: Vec<(String, String)>,
    serving: Option<Serving>,
}

struct Serving {
    child: Child,
    address: SocketAddr,
    operations: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    errors: Arc<Mutex<Vec<String>>>,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Everything it said.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl SiteBuilder {
    /// In front of `repositories`, a folder of its own.
    pub fn repositories() -> Self {
        let mut builder = Self::bare();
        let path = builder.folder.path().join("repositories");
        fs::create_dir(&path).unwrap();
        builder.upstream = format!("repositories = '{}'\n", path.display());
        builder
    }

    /// In front of a host at this address. `more` are further lines of `[upstream]` and of
    /// `[upstream.identity]`; with identity `none`, users need grants.
    pub fn url(url: &str, more: &str) -> Self {
        let mut builder = Self::bare();
        // A host that counts its connections is not looked after, unless that is what is tested.
        let unwatched = "health_interval = '0s'\n";
        let watch = if more.contains("health_interval") { "" } else { unwatched };
        builder.upstream = format!("url = '{url}'\n{watch}{more}\n");
        builder
    }

    fn bare() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            kind: "git",
            server: String::new(),
            upstream: String::new(),
            rest: String::new(),
            environment: Vec::new(),
        }
    }

    /// In front of a Bitbucket Data Center at this address.
    pub fn bitbucket(url: &str, more: &str) -> Self {
        Self { kind: "bitbucket", ..Self::url(url, more) }
    }

    /// A variable of the environment that the program serves in.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder, which is there before the configuration is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// More lines of `[upstream]`.
    pub fn upstream(mut self, lines: &str) -> Self {
        self.upstream.extend([lines, "\n"]);
        self
    }

    /// More lines of `[server]`.
    pub fn server(mut self, lines: &str) -> Self {
        self.server = format!("{lines}\n");
        self
    }

    /// More sections.
    pub fn section(mut self, lines: &str) -> Self {
        self.rest.extend(["\n", lines, "\n"]);
        self
    }

    /// Writes the configuration, without serving yet.
    pub fn prepare(self) -> Site {
        let folder = self.folder.path();
        let listen = if self.server.contains("listen") { "" } else { "listen = '127.0.0.1:0'\n" };
        let text = format!(
            "[server]\n{listen}{}\n[operations]\nlisten = '127.0.0.1:0'\n\n[store]\n\
             path = '{}/gitlatch.db'\n\n[upstream]\nkind = '{}'\n{}{}",
            self.server,
            folder.display(),
            self.kind,
            self.upstream,
            self.rest
        );
        fs::write(folder.join("proxy.toml"), text).unwrap();
        Site { folder: self.folder, environment: self.environment, serving: None }
    }

    /// Writes the configuration and serves.
    pub fn start(self) -> Site {
        let mut site = self.prepare();
        site.start();
        site
    }
}

impl Site {
    /// The folder with everything in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder().join("proxy.toml")
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.folder().join("gitlatch.db")
    }

    /// A command of the program, with `--config`, fed with `stdin`.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same command, to be run otherwise.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitlatch"));
        command.args(arguments).arg("--config").arg(self.config()).current_dir(self.folder());
        command.env_remove("GITLATCH_CONFIG");
        command
    }

    /// A command that must work; what it printed.
    pub fn done(&self, arguments: &[&str], stdin: &str) -> String {
        let ran = self.run(arguments, stdin);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.stdout
    }

    /// Adds a user with [`PASSWORD`].
    pub fn user(&self, name: &str) {
        self.done(&["user", "add", name, "--password-stdin"], PASSWORD);
    }

    /// Makes a token by `token create --json ARGUMENTS`; its secret and its number.
    pub fn token(&self, arguments: &[&str]) -> (String, String) {
        let mut all = vec!["token", "create", "--json", "--name", "t"];
        all.extend(arguments);
        let user = arguments.contains(&"--user");
        if user {
            all.push("--password-stdin");
        }
        let printed = self.done(&all, if user { PASSWORD } else { "" });
        let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        (text("token"), text("id"))
    }

    /// Makes a bare repository `project/name.git` with one commit on `main`, in `repositories`.
    pub fn repository(&self, path: &str) -> PathBuf {
        let bare = self.folder().join("repositories").join(format!("{path}.git"));
        Git::seed(&bare, &[]);
        bare
    }

    /// Serves.
    pub fn start(&mut self) {
        let command = self.command(&["serve"]);
        self.start_by(command);
    }

    /// Serves by a command that becomes `serve`.
    pub fn start_by(&mut self, mut command: Command) {
        self.stop();
        command.envs(self.environment.iter().cloned());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = collect(child.stdout.take().unwrap());
        let errors = collect(child.stderr.take().unwrap());
        let find = |event: &str| {
            let lines = log.lock().unwrap();
            let line = lines.iter().find(|line| line.contains(&format!("\"{event}\"")))?;
            let json: serde_json::Value = serde_json::from_str(line).ok()?;
            json["address"].as_str()?.parse::<SocketAddr>().ok()
        };
        let start = Instant::now();
        loop {
            if let (Some(address), Some(operations)) = (find("listening"), find("operations")) {
                let log = Arc::clone(&log);
                self.serving = Some(Serving { child, address, operations, log, errors });
                return;
            }
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "serve ended: {ended:?} {log:?} {errors:?}");
            assert!(start.elapsed() < PATIENCE, "serve does not begin to listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn serving(&self) -> &Serving {
        self.serving.as_ref().expect("the site serves")
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.serving().address
    }

    /// Where operators look.
    pub fn operations(&self) -> SocketAddr {
        self.serving().operations
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.serving().child.id()
    }

    /// The most memory that the process has had resident, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Sends a signal by its name (`TERM`, `HUP`, `KILL`).
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the process; its exit status.
    pub fn wait(&mut self) -> Option<i32> {
        let mut serving = self.serving.take().expect("the site serves");
        let start = Instant::now();
        loop {
            if let Some(status) = serving.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "serve does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> String {
        self.serving().log.lock().unwrap().join("\n")
    }

    /// Everything that it said on standard error so far.
    pub fn errors(&self) -> String {
        self.serving().errors.lock().unwrap().join("\n")
    }

    /// The first line of the log that contains all of these, waited for.
    pub fn logged(&self, pieces: &[&str]) -> serde_json::Value {
        let start = Instant::now();
        loop {
            let found = {
                let lines = self.serving().log.lock().unwrap();
                lines.iter().find(|l| pieces.iter().all(|piece| l.contains(piece))).cloned()
            };
            if let Some(line) = found {
                return serde_json::from_str(&line).unwrap();
            }
            assert!(start.elapsed() < PATIENCE, "no line with {pieces:?} in:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn stop(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            let _ = serving.child.kill();
            let _ = serving.child.wait();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The lines of a stream as they come.
fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let found = Arc::<Mutex<Vec<String>>>::default();
    let lines = Arc::clone(&found);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
    found
}

/// The secret that [`with_secret`] writes.
pub const SECRET: &str = "upstream-secret-1234";

/// Puts `secret`, a file with [`SECRET`] that its owner alone reads, into the folder.
pub fn with_secret(builder: SiteBuilder) -> SiteBuilder {
    let path = builder.folder().join("secret");
    fs::write(&path, SECRET).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    builder
}
