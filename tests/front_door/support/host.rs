//! A Git host with people of its own: a folder of repositories behind `git http-backend` that wants a
//! password of everybody, and takes one token of its own beside any user name, as many hosts do.

use super::{PASSWORD, Seen, Upstream, basic};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The token that the host takes for a password of whoever names themselves.
pub const HOST_TOKEN: &str = "glpat-of-somebody-else";

/// A host that serves this folder to whoever has [`PASSWORD`], or [`HOST_TOKEN`]. It does without `.git` in
/// its paths.
pub fn git_host(repositories: &Path) -> Upstream {
    let folder = repositories.to_owned();
    Upstream::new(move |stream, seen, _| {
        let answer = match user_of(seen) {
            Some(user) => backend(&folder, seen, &user),
            None => b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"host\"\r\n\
                      Content-Length: 0\r\n\r\n"
                .to_vec(),
        };
        stream.write_all(&answer).is_ok()
    })
}

fn user_of(seen: &Seen) -> Option<String> {
    let header = seen.header("authorization");
    let presented = |user: &&str, password: &str| {
        let line = basic(user, password);
        header == [line.split_once(": ").unwrap().1.trim_end()]
    };
    let known = ["alice", "bob"];
    let known = known.iter().find(|user| presented(user, PASSWORD) || presented(user, HOST_TOKEN));
    known.map(|user| (*user).to_owned())
}

/// What git's own program answers, as HTTP.
fn backend(folder: &Path, seen: &Seen, user: &str) -> Vec<u8> {
    let mut words = seen.line().split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let first = |name: &str| seen.header(name).first().copied().unwrap_or_default().to_owned();
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear().envs([
        ("PATH", std::env::var("PATH").unwrap()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("PATH_TRANSLATED", translated(folder, path).display().to_string()),
        ("QUERY_STRING", query.to_owned()),
        ("REQUEST_METHOD", method.to_owned()),
        ("CONTENT_TYPE", first("content-type")),
        ("CONTENT_LENGTH", seen.body.len().to_string()),
        ("HTTP_CONTENT_ENCODING", first("content-encoding")),
        ("GIT_PROTOCOL", first("git-protocol")),
        ("REMOTE_USER", user.to_owned()),
    ]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut input, body) = (child.stdin.take().unwrap(), seen.body.clone());
    // It may answer before it has read everything.
    let writing = std::thread::spawn(move || drop(input.write_all(&body)));
    let said = child.wait_with_output().unwrap().stdout;
    writing.join().unwrap();
    let end = said.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let (head, body) = (String::from_utf8_lossy(&said[..end]), &said[end + 4..]);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for line in head.lines().filter(|line| !line.starts_with("Status: ")) {
        answer.extend([line, "\r\n"]);
    }
    [answer.as_bytes(), b"\r\n", body].concat()
}

fn translated(folder: &Path, path: &str) -> PathBuf {
    let path = path.trim_start_matches('/');
    let Some((name, service)) = path.split_once("/info/").map_or_else(
        || path.rsplit_once('/').map(|(name, service)| (name, service.to_owned())),
        |(name, rest)| Some((name, format!("info/{rest}"))),
    ) else {
        return folder.join(path);
    };
    folder.join(format!("{}.git", name.trim_end_matches(".git"))).join(service)
}
