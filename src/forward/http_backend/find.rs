//! Finding `git http-backend`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where distributions put git's own programs.
const USUAL: [&str; 4] = [
    "/usr/lib/git-core",
    "/usr/libexec/git-core",
    "/usr/local/libexec/git-core",
    "/opt/homebrew/opt/git/libexec/git-core",
];

/// Variables by which a service manager talks to one process (`sd_notify(3)`, `sd_listen_fds(3)`).
const SUPERVISION: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// Why it cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The program that `http_backend` names is not there or cannot be run.
    #[error("`{0}` is no program that can be run")]
    Named(PathBuf),
    /// It is in none of the places.
    #[error(
        "git http-backend was not found; install git, or name the program with \
         upstream.http_backend"
    )]
    Nowhere,
}

/// The program: the one that is named, or the one of the git in `PATH`, or one in a usual place.
///
/// # Errors
/// When there is none.
pub fn find(named: Option<&Path>) -> Result<PathBuf, FindError> {
    if let Some(path) = named {
        let found = Some(path.to_owned()).filter(|path| runs(path));
        return found.ok_or_else(|| FindError::Named(path.to_owned()));
    }
    let mut git = Command::new("git");
    // What a service manager tells this process is for no child of it.
    for variable in SUPERVISION {
        git.env_remove(variable);
    }
    let told = git.arg("--exec-path").output().ok();
    let told = told.and_then(|output| String::from_utf8(output.stdout).ok());
    let folders = told.as_deref().map(str::trim).into_iter().chain(USUAL);
    folders
        .map(|folder| Path::new(folder).join("git-http-backend"))
        .find(|path| runs(path))
        .ok_or(FindError::Nowhere)
}

fn runs(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}
