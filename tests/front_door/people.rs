//! `people = "pass"`: what comes without a token of ours goes upstream as it came, less what would say
//! who it is past gitlatch; what comes with one is held to it.

use super::support::{Seen, Site, SiteBuilder, Upstream, basic, bearer, request};
use std::io::Write;

const PAGE: &str = "GET /projects/team/repos/app?at=main&x=%20y";
const REFS: &str = "GET /team/app.git/info/refs?service=git-upload-pack";

/// What the upstream offers to everybody: challenges of three kinds, and cookies, one in our name.
const ANSWER: &str = "HTTP/1.1 200 OK\r\nWWW-Authenticate: Negotiate\r\n\
    WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"host\"\r\nSet-Cookie: session=1\r\n\
    Set-Cookie: gitlatch_session=forged\r\nSet-Cookie: other=2\r\nContent-Length: 4\r\n\r\nhost";

fn site(upstream: &Upstream) -> (Site, String) {
    let identity = "[upstream.identity]\nmode = 'header'\nheader = 'X-Webauth-User'";
    let site = SiteBuilder::url(&upstream.url(), identity)
        .server("threads = 1")
        .section("[access]\npeople = 'pass'")
        .start();
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    (site, token)
}

/// A person's request: the line, its headers, and of those what the upstream sees.
const PASSED: &[(&str, &str, &[&str])] = &[
    (PAGE, "", &[]),
    (PAGE, "Cookie: a=1; b=2\r\nCookie: c=3\r\n", &["cookie: a=1; b=2; c=3"]),
    (PAGE, "Cookie: a=1; gitlatch_session=x; b=2\r\n", &["cookie: a=1; b=2"]),
    (PAGE, "Cookie: gitlatch_session=x\r\n", &[]),
    (PAGE, "Cookie: gitlatch_session=x\r\nCookie: a=1;gitlatch_session=y\r\n", &["cookie: a=1"]),
    (PAGE, "Cookie: gitlatch_session = x; a=1\r\n", &["cookie: a=1"]),
    (PAGE, "Cookie: not_gitlatch_session=x\r\n", &["cookie: not_gitlatch_session=x"]),
    (PAGE, "Authorization: Basic eDp5\r\n", &["authorization: Basic eDp5"]),
    (PAGE, "Authorization: Bearer host-token\r\n", &["authorization: Bearer host-token"]),
    (PAGE, "Authorization: NTLM TlRMTVNTUAAB\r\n", &[]),
    (PAGE, "Authorization: negotiate YIIB\r\n", &[]),
    (PAGE, "Private-Token: glpat-x\r\n", &["private-token: glpat-x"]),
    (PAGE, "X-Auth-User: root\r\nCf-Access-Authenticated-User-Email: r\r\nX-Method: PUT\r\n", &[]),
    (PAGE, "X-Webauth-User: root\r\nX-Webauth-User: admin\r\n", &[]),
    (PAGE, "X_Webauth_User: root\r\nX.Webauth.User: root\r\nx-WEBAUTH_user: root\r\n", &[]),
    (PAGE, "X-Forwarded-User: root\r\nRemote-User: root\r\nREMOTE_USER: root\r\n", &[]),
    (PAGE, "Connection: X-Hop\r\nX-Hop: 1\r\nUpgrade: websocket\r\nKeep-Alive: 5\r\n", &[]),
    (PAGE, "Accept: text/html\r\nX-Csrf-Token: 7\r\n", &["accept: text/html", "x-csrf-token: 7"]),
    ("DELETE /projects/team", "Authorization: Basic eDp5\r\n", &["authorization: Basic eDp5"]),
    ("PUT /rest/api/1.0/x", "", &["content-length: 0"]),
    ("PROPFIND /dav/x", "", &[]),
    (REFS, "Authorization: Basic eDp5\r\n", &["authorization: Basic eDp5"]),
    (REFS, "", &[]),
];

#[test]
fn people_pass_as_they_came() {
    let upstream = Upstream::answering(ANSWER);
    let (site, _) = site(&upstream);
    for (line, headers, kept) in PASSED {
        let before = upstream.seen().len();
        let reply = request(site.address(), line, headers, b"");
        assert_eq!((reply.status, reply.text().as_str()), (200, "host"), "{line} {headers}");
        let seen = upstream.seen().split_off(before);
        assert_eq!(seen.len(), 1, "{line} {headers}");
        assert_eq!(seen[0].line(), format!("{line} HTTP/1.1"), "{headers}");
        let ours = ["host", "x-request-id", "x-forwarded-"];
        let others: Vec<&str> = seen[0]
            .head
            .lines()
            .skip(1)
            .filter(|line| !ours.iter().any(|name| line.to_ascii_lowercase().starts_with(name)))
            .collect();
        assert_eq!(others, *kept, "{line}");
        assert_eq!(seen[0].header("X-Forwarded-User"), [""; 0], "{line}");
        assert_eq!(seen[0].header("X-Forwarded-For"), ["127.0.0.1"], "{line}");
        // What comes back: the host's cookies but none in our name, and no scheme that binds to a
        // connection.
        assert_eq!(reply.header("Set-Cookie").unwrap(), "session=1\nother=2", "{line}");
        assert_eq!(reply.header("WWW-Authenticate").unwrap(), "Basic realm=\"host\"", "{line}");
    }
}

/// A form of a person's passes with its body, and a redirect to where they log in.
#[test]
fn bodies_and_redirects_of_people() {
    let upstream = Upstream::answering(
        "HTTP/1.1 302 Found\r\nLocation: https://sso.test/login?back=x\r\nContent-Length: 0\r\n\r\n",
    );
    let (site, _) = site(&upstream);
    let headers = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 15\r\n";
    let reply = request(site.address(), "POST /login", headers, b"j_username=root");
    assert_eq!(reply.status, 302);
    assert_eq!(reply.header("Location").unwrap(), "https://sso.test/login?back=x");
    assert_eq!(upstream.seen()[0].body, b"j_username=root");
}

/// Requests that hold something of a token's form: what is judged, and what nobody may see.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn tokens_are_judged_as_tokens() {
    let upstream = Upstream::answering(ANSWER);
    let (site, token) = site(&upstream);
    let unknown = "latu_0000000000000000000000000000001vo4SB";
    let line = basic("alice", &token);
    let unpadded = line.trim_end().trim_end_matches('=').to_owned() + "\r\n";
    let mistyped = format!("{}{}", &token[..40], if token.ends_with('0') { '1' } else { '0' });
    let good = bearer(&token);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n";
    let cases: &[(&str, String, u16)] = &[
        (REFS, good.clone(), 200),
        (REFS, format!("{good}Cookie: a=1\r\nCookie: gitlatch_session=1\r\n"), 200),
        (REFS, line.clone(), 200),
        (REFS, unpadded, 200),
        (REFS, line.replace("Basic ", "Basic\t"), 200),
        (REFS, line.replace("\r\n", ",\r\n"), 400),
        (REFS, line.replacen("YWxp", "YW xp", 1), 400),
        (REFS, line.replace("Basic ", "Negotiate abc, Basic "), 401),
        (REFS, line.replace("Basic ", "Bearer abc, Basic "), 401),
        (REFS, line.replace("Basic ", "Custom "), 401),
        (REFS, bearer(unknown), 401),
        (REFS, bearer(&mistyped), 401),
        (REFS, basic("alice", unknown), 401),
        (REFS, basic("bob", &token), 401),
        (PAGE, good.clone(), 403),
        (PAGE, format!("{good}Cookie: session=1\r\n"), 403),
        (PAGE, bearer(&mistyped), 401),
        (PAGE, basic(&mistyped, ""), 401),
        (PAGE, format!("Authorization: token {token}\r\n"), 401),
        (PAGE, format!("Authorization: {token}\r\n"), 401),
        (PAGE, format!("PRIVATE-TOKEN: {token}\r\n"), 401),
        (PAGE, format!("Cookie: session={token}\r\n"), 400),
        (PAGE, format!("Cookie: a=1; gitlatch_session={token}\r\n"), 400),
        (PAGE, format!("{}Cookie: session={token}\r\n", basic("x", "y")), 400),
        (PAGE, format!("X-Note: {token}\r\n"), 400),
        (PAGE, format!("Referer: https://a/?t={mistyped}\r\n"), 400),
        (PAGE, format!("{good}{}", basic("x", "y")), 400),
        ("GET /page?access_token={token}", String::new(), 400),
        ("GET /page/{token}", String::new(), 400),
        ("GET /a//b", String::new(), 400),
        ("GET /a/%2e%2e/b", String::new(), 400),
        ("TRACE /", String::new(), 405),
        ("OPTIONS /page", String::new(), 405),
        ("POST /page", format!("{good}{form}"), 403),
    ];
    for (line, headers, status) in cases {
        let before = upstream.seen().len();
        let line = line.replace("{token}", &token);
        let body: &[u8] = if headers.contains("Content-Length") { b"a=bc" } else { b"" };
        let reply = request(site.address(), &line, headers, body);
        assert_eq!(reply.status, *status, "{line} {headers}: {}", reply.text());
        let seen = upstream.seen().split_off(before);
        assert_eq!(seen.len(), usize::from(*status == 200), "{line} {headers}: {seen:?}");
        for seen in seen {
            assert_eq!(seen.header("X-Webauth-User"), ["alice"], "{headers}");
            for header in ["Authorization", "Cookie"] {
                assert_eq!(seen.header(header), [""; 0], "{headers}");
            }
            assert_eq!(reply.header("Set-Cookie"), None, "{headers}");
            assert_eq!(reply.header("WWW-Authenticate"), None, "{headers}");
        }
        assert!(!reply.text().contains(&token[5..]) && !reply.head.contains(&token[5..]));
    }
}

/// gitlatch's own paths are gitlatch's, in every spelling.
#[test]
fn own_paths_never_pass() {
    let upstream = Upstream::answering(ANSWER);
    let (site, token) = site(&upstream);
    let paths = [
        "/-/gitlatch",
        "/-/gitlatch/",
        "/-/gitlatch/tokens?x=1",
        "/-/GitLatch/",
        "/%2D/gitlatch/",
        "/-%2Fgitlatch/x",
        "/-/gitl%61tch/",
        "/rest/access-tokens/1.0/users/alice",
        "/rest/access-tokens/latest/all",
        "/rest/access-tokens",
        "/REST/Access-Tokens/1.0",
        "/rest/access%2dtokens/1.0",
        "/rest%2Faccess-tokens%2F1.0",
        "/rest/./access-tokens/1.0",
        "//rest/access-tokens/1.0",
        "/x/../rest/access-tokens/1.0",
    ];
    for path in paths {
        let password = basic("alice", "correct horse");
        for headers in ["", "Cookie: gitlatch_session=x\r\n", &password, &bearer(&token)] {
            for method in ["GET", "PUT", "POST", "DELETE"] {
                let reply = request(site.address(), &format!("{method} {path}"), headers, b"");
                assert!(
                    [200, 400, 401, 403, 404, 405, 415].contains(&reply.status),
                    "{method} {path}"
                );
                let text = reply.text();
                let ours = ["gitlatch: ", r#"{"errors":[{"context":"#, r#"{"size":"#];
                assert!(ours.iter().any(|own| text.starts_with(own)), "{method} {path} {text}");
            }
        }
    }
    let lines: Vec<String> = upstream.seen().iter().map(|seen| seen.line().to_owned()).collect();
    assert_eq!(lines, [""; 0]);
}

/// A connection that a person used may be bound to that person: a token never travels on it, nor a
/// person on a token's.
#[test]
fn pools_are_not_shared() {
    let upstream = Upstream::answering(ANSWER);
    let (site, token) = site(&upstream);
    let kinds = [false, true, false, false, true, true, false, true];
    for by_token in kinds {
        let headers = if by_token { bearer(&token) } else { "Cookie: a=1\r\n".to_owned() };
        assert_eq!(request(site.address(), REFS, &headers, b"").status, 200);
    }
    let seen = upstream.seen();
    let is_token = |seen: &Seen| seen.header("Cookie").is_empty();
    assert_eq!(seen.iter().map(is_token).collect::<Vec<_>>(), kinds);
    for one in &seen {
        for other in &seen {
            let same = one.connection == other.connection;
            assert_eq!(same, is_token(one) == is_token(other), "{one:?} {other:?}");
        }
    }
}

/// Nor does what a person sent on one connection mark what follows on the same one.
#[test]
fn people_and_tokens_on_one_connection() {
    let upstream = Upstream::new(|stream, seen, _| {
        let who = format!("{:?}{:?}", seen.header("X-Webauth-User"), seen.header("Cookie"));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{who}", who.len());
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let (site, token) = site(&upstream);
    let target = REFS.strip_prefix("GET ").unwrap();
    let line = |headers: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    let bytes = [
        line("Cookie: a=1\r\n"),
        line(&bearer(&token)),
        line("X-Webauth-User: root\r\n"),
        line(&format!("{}Connection: close\r\n", bearer(&token))),
    ];
    let answers = super::support::raw(site.address(), bytes.concat().as_bytes());
    let said: Vec<String> = answers.iter().map(super::support::Reply::text).collect();
    assert_eq!(said, ["[][\"a=1\"]", "[\"alice\"][]", "[][]", "[\"alice\"][]"]);
}

/// git's probe without its credential is answered here: the host would refuse it, and git give up.
#[test]
fn the_probe_does_not_pass() {
    let upstream = Upstream::answering(ANSWER);
    let (site, _) = site(&upstream);
    let headers = "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 4\r\n";
    let push = "POST /team/app.git/git-receive-pack";
    for (body, status) in [(b"0000", 200), (b"0001", 401)] {
        let reply = request(site.address(), push, headers, body);
        assert_eq!((reply.status, upstream.seen().len()), (status, 0), "{}", reply.text());
    }
}

/// A 401 without a challenge is fatal to git: where the host's own are not offered, ours are.
#[test]
fn no_401_goes_out_without_a_challenge() {
    let cases = [
        ("WWW-Authenticate: Negotiate\r\n", "Basic realm=\"gitlatch\"\nBearer realm=\"gitlatch\""),
        ("", "Basic realm=\"gitlatch\"\nBearer realm=\"gitlatch\""),
        ("WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"h\"\r\n", "Basic realm=\"h\""),
    ];
    for (lines, expected) in cases {
        let answer = format!("HTTP/1.1 401 No\r\n{lines}Content-Length: 0\r\n\r\n");
        let upstream =
            Upstream::new(move |stream, _, _| stream.write_all(answer.as_bytes()).is_ok());
        let (site, _) = site(&upstream);
        let reply = request(site.address(), REFS, "", b"");
        assert_eq!(reply.header("WWW-Authenticate").as_deref(), Some(expected), "{lines}");
    }
}
