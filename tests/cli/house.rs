//! A folder of its own for each test, and calls of the program in it.

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A configuration, a folder of repositories and a store that is not there yet.
pub struct House {
    folder: tempfile::TempDir,
}

/// What is said beside the answer when a command has made the store.
pub const NEW_STORE: &str = "gitlatch: note: a new store was made at ";

/// How one call ended.
#[derive(Debug, PartialEq)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

pub const FOLDER: &str = r#"
[server]
listen = "127.0.0.1:8080"
public_url = "https://git.example.com/base"
[store]
path = "HERE/gitlatch.db"
[upstream]
kind = "git"
repositories = "HERE/repositories"
[access]
users = "grants"
"#;

pub const REMOTE: &str = r#"
[server]
listen = "127.0.0.1:8080"
public_url = "https://git.example.com"
[store]
path = "HERE/gitlatch.db"
[upstream]
kind = "git"
url = "http://127.0.0.1:3000"
[upstream.identity]
mode = "header"
header = "X-Forwarded-User"
service_user = "bot-{project}"
"#;

impl House {
    pub fn new(config: &str) -> Self {
        let house = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(house.path().join("repositories")).expect("a folder");
        house.configure(config);
        house
    }

    pub fn configure(&self, config: &str) {
        let here = self.path().to_str().expect("UTF-8");
        let text = config.replace("HERE", here);
        std::fs::write(self.path().join("proxy.toml"), text).expect("a file");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn call(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gitlatch"))
            .args(arguments)
            .current_dir(self.path())
            .env_remove("GITLATCH_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        // A program that refuses its arguments may be gone before it has read anything.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("an end");
        // That the store is new is said by whichever command comes first: one test looks for it.
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        let lines = said.split_inclusive('\n').filter(|line| !line.starts_with(NEW_STORE));
        Ended {
            status: output.status.code().expect("no signal"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: lines.collect(),
        }
    }

    pub fn run(&self, arguments: &str, input: &str) -> Ended {
        self.call(&arguments.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// Runs calls that must succeed and whose words do not matter.
    pub fn prepare(&self, calls: &[(&str, &str)]) {
        for (arguments, input) in calls {
            let ended = self.run(arguments, input);
            assert_eq!(ended.status, 0, "{arguments}: {ended:?}");
        }
    }

    pub fn json(&self, arguments: &str) -> Value {
        self.json_of(arguments, "")
    }

    pub fn json_of(&self, arguments: &str, input: &str) -> Value {
        let ended = self.run(arguments, input);
        assert_eq!((ended.status, ended.err.as_str()), (0, ""), "{arguments}");
        serde_json::from_str(&ended.out).expect("JSON")
    }

    /// The numbers of the tokens that a listing has.
    pub fn ids(&self, arguments: &str) -> Vec<String> {
        let listed = self.json(arguments);
        let ids = listed.as_array().expect("an array").iter().map(|token| &token["id"]);
        ids.map(|id| id.as_str().expect("a string").to_owned()).collect()
    }

    /// The database, for what no command does.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path().join("gitlatch.db")).expect("the store")
    }

    /// Runs a table of calls, a line each: `ARGUMENTS [< INPUT] -> STATUS STREAM PIECE`.
    ///
    /// The piece stands in that stream, `out` or `err`, and the other one is empty; `note` is a piece
    /// of standard error beside an answer.
    pub fn check(&self, table: &str) {
        for line in table.lines().filter(|line| !line.is_empty()) {
            let (call, expected) = line.split_once(" -> ").expect(line);
            let (arguments, input) = call.split_once(" < ").unwrap_or((call, ""));
            let ended = self.run(arguments, input);
            let words: Vec<&str> = expected.splitn(3, ' ').collect();
            let (stream, other_is_right) = match words[1] {
                "out" => (&ended.out, ended.err.is_empty()),
                "err" => (&ended.err, ended.out.is_empty()),
                _ => (&ended.err, !ended.out.is_empty()),
            };
            let right = ended.status.to_string() == words[0] && stream.contains(words[2]);
            assert!(right && other_is_right, "{line}: {ended:?}");
        }
    }
}

pub const ALICE: (&str, &str) = ("user add alice --password-stdin", "correct horse\n");
