//! `gitlatch demo`: played from beginning to end, in surroundings that are not its friends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A folder for temporary files whose name means something to shells and to TOML.
struct Odd {
    _outer: TempDir,
    path: PathBuf,
}

impl Odd {
    fn new() -> Self {
        let outer = tempfile::tempdir().expect("a folder");
        let path = outer.path().join("it's a \"folder\"");
        fs::create_dir(&path).expect("a folder");
        Self { _outer: outer, path }
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.path).expect("a folder").next().is_none()
    }
}

fn demo(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitlatch"));
    command.arg("demo").args(arguments).env("TMPDIR", folder).stdin(Stdio::null());
    command
}

#[test]
fn every_step_comes_out_as_told() {
    let odd = Odd::new();
    let plain = demo(&["--run"], Path::new("/tmp")).output().expect("the program");
    // Nobody listens on the port of this proxy.
    let nowhere = "http://127.0.0.1:9";
    let mut hostile = demo(&["--run"], &odd.path);
    for (name, value) in [
        ("http_proxy", nowhere),
        ("HTTP_PROXY", nowhere),
        ("all_proxy", nowhere),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "http.proxy"),
        ("GIT_CONFIG_VALUE_0", nowhere),
        ("GIT_CONFIG_PARAMETERS", "'http.proxy'='http://127.0.0.1:9'"),
        ("GIT_DIR", "/nowhere"),
        ("GIT_OBJECT_DIRECTORY", "/nowhere"),
        ("GIT_TRACE", "1"),
    ] {
        hostile.env(name, value);
    }
    for output in [plain, hostile.output().expect("the program")] {
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(out.ends_with("4 of 4 steps came out as told.\n"), "{out}");
    }
    assert!(odd.is_empty());
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().expect("kill");
    assert!(sent.success());
}

#[test]
fn what_is_interrupted_leaves_nothing_behind() {
    let odd = Odd::new();
    let mut child =
        demo(&["--run"], &odd.path).stdout(Stdio::piped()).spawn().expect("the program");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a line");
    interrupt(&child);
    out.read_to_string(&mut first).expect("the rest");
    // Where it was quicker than the signal it came to its end.
    assert!(child.wait().expect("an end").code().is_some(), "{first}");
    assert!(odd.is_empty());
}

#[test]
fn the_transcript_can_be_pasted() {
    let odd = Odd::new();
    let mut child = demo(&[], &odd.path).stdout(Stdio::piped()).spawn().expect("the program");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.ends_with("ends it all.\n")) {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).expect("a line"), 0, "{lines:?}");
        lines.push(line);
    }
    let pasted = lines.iter().filter_map(|line| line.strip_prefix("    ")).collect::<String>();
    let steps = pasted.replace("git ", "git -c http.proxy= ");
    let script =
        format!("GIT_CONFIG_GLOBAL=/dev/null\nexport GIT_CONFIG_GLOBAL\n{steps}\nls by-basic");
    let shell = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let said = String::from_utf8_lossy(&shell.stderr);
    assert!(shell.stdout.ends_with(b"README\n"), "{script}{shell:?}");
    assert!(said.contains("this needs REPO_WRITE on demo/hello"), "{said}");
    interrupt(&child);
    assert!(child.wait().expect("an end").success());
    assert!(odd.is_empty());
}
