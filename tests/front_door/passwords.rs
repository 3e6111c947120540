//! `passwords = "upstream"`: who a person is, the host says, by one call.

use super::support::{PASSWORD, SiteBuilder, Upstream, basic, request};
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const ACCESS: &str = "[access]\npasswords = 'upstream'\npassword_path = '/who'\nusers = 'grants'\n";
const IDENTITY: &str = "[upstream.identity]\nmode = 'header'\n";
const CREATE: &[u8] = br#"{"name":"ci","permissions":["REPO_READ"]}"#;
const JSON: &str = "Content-Type: application/json\r\nContent-Length: 41\r\n";

fn status(stream: &mut TcpStream, line: &str, more: &str) -> bool {
    write!(stream, "HTTP/1.1 {line}\r\nContent-Length: 0\r\n{more}\r\n").is_ok()
}

/// A host that knows `alice` by [`PASSWORD`].
fn host() -> Upstream {
    Upstream::new(|stream, seen, _| {
        let right = basic("alice", PASSWORD);
        let given = seen.header("Authorization").join(",");
        if right.trim_end().ends_with(&given) && !given.is_empty() {
            status(stream, "200 OK", "X-AUSERNAME: Alice\r\n")
        } else {
            status(stream, "401 Unauthorized", "")
        }
    })
}

fn create(site: &super::support::Site, user: &str, password: &str) -> (u16, String) {
    let line = format!("PUT /rest/access-tokens/latest/users/{user}");
    let headers = format!("{}{JSON}", basic(user, password));
    let reply = request(site.address(), &line, &headers, CREATE);
    (reply.status, reply.text())
}

/// Somebody whom nobody has added makes a token by the password that the host knows.
#[test]
fn people_appear_at_their_first_proof() {
    let upstream = host();
    let site = SiteBuilder::url(&upstream.url(), IDENTITY).section(ACCESS).start();
    let (code, text) = create(&site, "alice", "guess");
    assert_eq!(code, 401, "{text}");
    assert!(!site.done(&["user", "list"], "").contains("alice"));
    let (code, text) = create(&site, "alice", PASSWORD);
    assert_eq!(code, 200, "{text}");
    assert!(site.done(&["user", "list"], "").contains("alice"));
    // One call for each proof, and one that shows that the path refuses whoever is made up.
    let seen = upstream.seen();
    assert_eq!(seen.len(), 3, "{seen:?}");
    for seen in &seen {
        assert_eq!((seen.line(), seen.body.len()), ("GET /who HTTP/1.1", 0));
        assert!(seen.header("X-Forwarded-User").is_empty());
    }
    let trail = site.done(&["audit", "--json"], "");
    assert!(trail.contains("user.appeared") && trail.contains("login.failed"), "{trail}");
    assert!(!trail.contains(PASSWORD) && !site.log().contains(PASSWORD));
    // A user who is disabled here is let in by no host.
    site.done(&["user", "disable", "alice"], "");
    assert_eq!(create(&site, "alice", PASSWORD).0, 401);
    // The command line asks the host as well.
    site.done(&["user", "enable", "alice"], "");
    let arguments = [
        "token",
        "create",
        "--user",
        "alice",
        "--password-stdin",
        "--name",
        "x",
        "--permission",
        "REPO_READ",
    ];
    assert_eq!(site.run(&arguments, PASSWORD).code, Some(0));
    let refused = site.run(&arguments, "guess");
    assert!(refused.code == Some(1) && refused.stderr.contains("wrong user name"), "{refused:?}");
}

/// What the host answers, and what becomes of a login.
#[test]
fn only_a_clear_yes_lets_anybody_in() {
    let made_up = |seen: &super::support::Seen| {
        let ours = basic("alice", PASSWORD);
        !ours.trim_end().ends_with(&seen.header("Authorization").join(","))
    };
    let cases: [(&str, &str, u16, &str); 8] = [
        ("200 OK", "", 200, ""),
        ("204 No Content", "X-AUSERNAME: alice\r\n", 200, ""),
        ("200 OK", "X-AUSERNAME: mallory\r\n", 401, "wrong user name or password"),
        ("401 Unauthorized", "", 401, "wrong user name or password"),
        ("403 Forbidden", "", 401, "wrong user name or password"),
        ("302 Found", "Location: /login\r\n", 503, "could not be asked"),
        ("500 Oops", "", 503, "could not be asked"),
        ("429 Slow down", "", 503, "could not be asked"),
    ];
    for (answer, more, expected, text) in cases {
        let upstream = Upstream::new(move |stream, seen, _| {
            if made_up(seen) {
                status(stream, "401 Unauthorized", "")
            } else {
                status(stream, answer, more)
            }
        });
        let site = SiteBuilder::url(&upstream.url(), IDENTITY).section(ACCESS).start();
        let (code, said) = create(&site, "alice", PASSWORD);
        assert_eq!(code, expected, "{answer}: {said}");
        assert!(said.contains(text), "{answer}: {said}");
    }
}

/// A path that everybody may see would make every password right.
#[test]
fn a_path_that_says_yes_to_everybody_lets_nobody_in() {
    let upstream = Upstream::new(|stream, _, _| status(stream, "200 OK", ""));
    let site = SiteBuilder::url(&upstream.url(), IDENTITY).section(ACCESS).start();
    let (code, text) = create(&site, "alice", PASSWORD);
    assert_eq!(code, 503, "{text}");
    site.logged(&["`password_path` must name a path that takes a login"]);
}

/// A host that is silent is trouble and no verdict, and nobody is throttled for it.
#[test]
fn a_host_that_says_nothing_is_503() {
    let upstream = Upstream::new(|_, _, _| {
        thread::sleep(Duration::from_secs(20));
        false
    });
    let site = SiteBuilder::url(&upstream.url(), IDENTITY)
        .server("idle_timeout = '1s'")
        .section(ACCESS)
        .start();
    let replies: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..12).map(|_| scope.spawn(|| create(&site, "alice", PASSWORD).0)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(replies, [503; 12]);
}

/// Names that tokens of projects travel under, and names that are none, are proved by no host.
#[test]
fn no_person_bears_a_service_users_name() {
    let upstream = Upstream::new(|stream, seen, _| {
        let ours = basic("gitlatch", PASSWORD);
        let right = ours.trim_end().ends_with(&seen.header("Authorization").join(","));
        status(stream, if right { "200 OK" } else { "401 No" }, "")
    });
    let site = SiteBuilder::url(&upstream.url(), IDENTITY).section(ACCESS).start();
    let (code, text) = create(&site, "gitlatch", PASSWORD);
    assert!(code == 401 && text.contains("no person may be called"), "{code} {text}");
    assert!(!site.done(&["user", "list"], "").contains("gitlatch"));
}

/// A browser adds the password that it knows to whatever a page of another site has it send.
#[test]
fn pages_of_other_sites_change_nothing() {
    let site = SiteBuilder::repositories().start();
    site.user("alice");
    let (_, id) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let line = format!("POST /rest/access-tokens/latest/users/alice/{id}/rotate");
    let cases = [
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin: https://gitlatch.test.evil.example\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: http://gitlatch.test\r\n", 403),
        ("Sec-Fetch-Site: same-origin\r\nOrigin: http://GITLATCH.test\r\n", 200),
    ];
    for (headers, expected) in cases {
        let headers = format!("{}Content-Length: 0\r\n{headers}", basic("alice", PASSWORD));
        let reply = request(site.address(), &line, &headers, b"");
        assert_eq!(reply.status, expected, "{headers}: {}", reply.text());
    }
}
