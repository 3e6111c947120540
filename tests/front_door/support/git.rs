//! git, without anybody's configuration.

use super::site::Ran;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A home for git: what it clones lies here, and nobody's configuration is read.
pub struct Git {
    home: TempDir,
    program: String,
}

impl Git {
    /// The git in `PATH`.
    pub fn new() -> Self {
        Self::of("git")
    }

    /// Another git.
    pub fn of(program: &str) -> Self {
        Self { home: tempfile::tempdir().unwrap(), program: program.to_owned() }
    }

    /// The folder in which commands run.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in that folder.
    pub fn at(&self, path: &str) -> PathBuf {
        self.home().join(path)
    }

    /// `git ARGUMENTS`, in the home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        isolate(&mut command, self.home());
        command.args(arguments).current_dir(self.home()).stdin(Stdio::null());
        command
    }

    /// Runs `git ARGUMENTS`.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments))
    }

    /// Runs `git ARGUMENTS`, which must work.
    pub fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "git {arguments:?}: {}", ran.said());
        ran.said()
    }

    /// Commits a file of `size` bytes that no compression makes smaller, in the clone `name`.
    pub fn commit(&self, name: &str, file: &str, size: usize) {
        let mut state = 0x1234_5678_9abc_def1_u64 ^ size as u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .take(size)
        .collect();
        fs::write(self.at(name).join(file), bytes).unwrap();
        self.done(&["-C", name, "add", file]);
        self.done(&["-C", name, "commit", "-q", "-m", file]);
    }

    /// Makes a bare repository with one commit on `main`. `options` are further ones of `git init`.
    pub fn seed(bare: &Path, options: &[&str]) {
        let git = Self::new();
        fs::create_dir_all(bare).unwrap();
        let bare = bare.to_str().unwrap();
        let mut init = vec!["init", "-q", "--bare", "--initial-branch=main"];
        init.extend(options);
        init.push(bare);
        git.done(&init);
        let mut init = vec!["init", "-q", "--initial-branch=main"];
        init.extend(options);
        init.push("work");
        git.done(&init);
        git.commit("work", "README", 20);
        git.done(&["-C", "work", "push", "-q", bare, "main"]);
    }
}

fn isolate(command: &mut Command, home: &Path) {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        command.env_remove(name);
    }
    command
        .env("HOME", home)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "tester")
        .env("GIT_AUTHOR_EMAIL", "tester@example.com")
        .env("GIT_COMMITTER_NAME", "tester")
        .env("GIT_COMMITTER_EMAIL", "tester@example.com")
        .env("LC_ALL", "C");
}

fn finish(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
