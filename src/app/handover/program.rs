//! The program as it was called, to be called again: at the place where it lies, whatever lies there then.

use anyhow::Context;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How this process was started.
pub(in crate::app) struct Program {
    path: PathBuf,
    name: OsString,
    arguments: Vec<OsString>,
    folder: PathBuf,
}

impl Program {
    /// Remembers it, which nothing but a restart needs. What lies at the path may be another file later, and `/proc/self/exe` names one that
    /// was deleted then, so it is called at the start.
    ///
    /// # Errors
    /// When the system does not say what is running.
    pub(in crate::app) fn remember() -> anyhow::Result<Self> {
        let folder = env::current_dir().context("the working directory cannot be told")?;
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        let running = env::current_exe().context("the program cannot be told")?;
        let path = called(&name, &folder, &running).unwrap_or(running);
        Ok(Self { path, name, arguments: arguments.collect(), folder })
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same call again.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.arg0(&self.name).args(&self.arguments).current_dir(&self.folder);
        command
    }
}

/// The path by which it was called, with the symbolic links that an upgrade may turn: the name itself, or
/// where the shell found it. It is taken only if it is what runs, for a name may be anything.
fn called(name: &OsString, folder: &Path, running: &Path) -> Option<PathBuf> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let running = identity(running)?;
    let is_it = |path: &PathBuf| identity(path) == Some(running);
    if Path::new(name).components().count() > 1 {
        return Some(folder.join(name)).filter(is_it);
    }
    let places = env::var_os("PATH")?;
    env::split_paths(&places).map(|place| folder.join(place).join(name)).find(is_it)
}
