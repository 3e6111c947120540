//! Clients that people have: a library for Bitbucket and two of Git out of Python's index, and curl. Their
//! scripts are in `tests/clients`, and lead tokens through their whole life, or push.

use super::support::{Git, PASSWORD, Site, SiteBuilder};
use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a script may take: a few seconds on an idle machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A gitlatch as the scripts want it.
fn site() -> Site {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    site.user("alice");
    site.user("paula");
    site.done(&["user", "add", "root", "--admin", "--password-stdin"], PASSWORD);
    site.done(&["grant", "add", "alice", "REPO_WRITE", "--project", "team"], "");
    site.done(&["grant", "add", "paula", "PROJECT_ADMIN", "--project", "team"], "");
    site
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a script against a site; it must work, in time. `variable` is one more of its environment. What it
/// said.
pub(super) fn led_by(
    program: &Path,
    script_name: &str,
    site: &Site,
    variable: (&str, &str),
) -> String {
    let git = Git::new();
    let mut command = Command::new(program);
    // git as the script calls it is nobody's either.
    for (name, value) in git.command(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    let said = git.at("said");
    let out = File::create(&said).unwrap();
    // Scripts that share something leave nothing beside themselves.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(script(script_name)).arg(site.url("")).env(variable.0, variable.1);
    command.current_dir(git.home()).stdout(out.try_clone().unwrap()).stderr(out);
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = std::fs::read_to_string(said).unwrap();
    let fine = status.is_some_and(|status| status.success());
    assert!(fine, "{script_name}: {status:?}\n{said}\n{}", site.log());
    said
}

/// The Python that has the clients of `tests/clients/requirements.txt`.
pub(super) fn python() -> PathBuf {
    let python = env::var_os("GITLATCH_TEST_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python"),
        PathBuf::from,
    );
    assert!(
        python.exists(),
        "{} is missing: scripts/test makes it, or name another Python with \
         tests/clients/requirements.txt installed in GITLATCH_TEST_PYTHON",
        python.display()
    );
    python
}

#[test]
fn a_library_for_bitbucket_leads_the_life_of_a_token() {
    led_by(&python(), "life.py", &site(), ("PASSWORD", PASSWORD));
}

/// What a push was told is told by clients that share no code with git.
#[test]
fn dulwich_and_libgit2_tell_why_a_ref_is_refused() {
    let site = site();
    let limits = ["--user", "alice", "--permission", "REPO_WRITE", "--ref", "refs/heads/bot/*"];
    let (token, _) = site.token(&limits);
    led_by(&python(), "pushes.py", &site, ("TOKEN", &token));
}

#[test]
fn curl_leads_the_life_of_a_token() {
    led_by(Path::new("bash"), "life.sh", &site(), ("PASSWORD", PASSWORD));
}
