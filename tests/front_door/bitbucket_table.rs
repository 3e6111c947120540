//! Every operation of Bitbucket's in `tests/data`, asked for with each combination of permissions: the verdict,
//! and what of it reaches the host.

use super::samples;
use super::support::{Site, SiteBuilder, Upstream};
use std::io::{Read, Write};
use std::net::TcpStream;

const OPERATIONS: [&str; 2] = [
    include_str!("../data/bitbucket-operations.tsv"),
    include_str!("../data/bitbucket-meanings.tsv"),
];
/// Permissions that go together, and how high they reach in a project and in a repository.
const COMBINATIONS: &[(&[&str], usize, usize)] = &[
    (&["REPO_READ"], 0, 1),
    (&["REPO_WRITE"], 0, 2),
    (&["REPO_ADMIN"], 0, 3),
    (&["PROJECT_READ", "REPO_READ"], 1, 1),
    (&["PROJECT_READ", "REPO_WRITE"], 1, 2),
    (&["PROJECT_READ", "REPO_ADMIN"], 1, 3),
    (&["PROJECT_WRITE", "REPO_WRITE"], 2, 2),
    (&["PROJECT_WRITE", "REPO_ADMIN"], 2, 3),
    (&["PROJECT_ADMIN", "REPO_ADMIN"], 3, 3),
];

/// One line of the data.
struct Operation {
    method: &'static str,
    path: String,
    need: &'static str,
}

fn operations() -> impl Iterator<Item = Operation> {
    let lines = OPERATIONS.into_iter().flat_map(str::lines);
    lines.filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        Operation { method: columns[0], path: samples::path(columns[1]), need: columns[3] }
    })
}

/// Whether a token that reaches so high has what an operation needs.
fn has(need: &str, project: usize, repository: usize) -> bool {
    let height = |level: &str| match level {
        "READ" => 1,
        "WRITE" => 2,
        "ADMIN" => 3,
        other => panic!("{other} is no level"),
    };
    match need.split_once('_') {
        _ if need == "any token" => true,
        _ if need.starts_with("never ") => false,
        Some(("PROJECT", level)) => project >= height(level),
        Some(("REPO", level)) => repository >= height(level),
        _ => panic!("{need} is no need"),
    }
}

fn site(upstream: &Upstream) -> Site {
    let site = SiteBuilder::bitbucket(&upstream.url(), "").server("threads = 1").start();
    site.user("alice");
    site
}

/// One connection on which requests follow one another.
struct Client(TcpStream);

impl Client {
    /// The status of the answer.
    fn ask(&mut self, method: &str, path: &str, token: &str) -> u16 {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: gitlatch.test\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: 0\r\nCookie: session=1\r\n\r\n"
        );
        self.0.write_all(head.as_bytes()).unwrap();
        let head = super::support::read_head(&mut self.0).expect("an answer");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body).unwrap();
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }
}

#[test]
fn every_operation_with_every_combination_of_permissions() {
    // Of a repository and of a project at once, under the names that they have.
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 56\r\n\r\n\
         {\"slug\":\"my.repo-1\",\"key\":\"KEY\",\"project\":{\"key\":\"KEY\"}}",
    );
    let site = site(&upstream);
    let mut client = Client(TcpStream::connect(site.address()).unwrap());
    client.0.set_nodelay(true).unwrap();
    let (mut asked, mut passed) = (0, Vec::new());
    for (permissions, project, repository) in COMBINATIONS {
        let mut arguments = vec!["--user", "alice"];
        for permission in *permissions {
            arguments.extend(["--permission", permission]);
        }
        let (token, _) = site.token(&arguments);
        for Operation { method, path, need } in operations() {
            let status = client.ask(method, &path, &token);
            let expected = if has(need, *project, *repository) { 200 } else { 403 };
            assert_eq!(status, expected, "{permissions:?}: {method} {path}, which needs {need}");
            asked += 1;
            if expected == 200 {
                passed.push(format!("{method} {path} HTTP/1.1"));
            }
        }
    }
    assert!(asked > 9 * 400, "{asked} requests");
    // What passed, as it was asked for; and nothing else.
    let seen = upstream.seen();
    let lines: Vec<&str> = seen.iter().map(super::support::Seen::line).collect();
    assert_eq!(lines, passed);
    for seen in &seen {
        assert_eq!(seen.header("X-Forwarded-User"), ["alice"], "{}", seen.line());
        assert!(seen.header("Authorization").is_empty() && seen.header("Cookie").is_empty());
    }
}
