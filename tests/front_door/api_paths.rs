//! Paths: every spelling of the API's own is gitlatch's, and none leads to another owner.

use super::api::{READER, ROOT, ask, builder, call, make, person, populated, site};
use super::support::{Site, SiteBuilder, Upstream, bearer, request};

const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhost\n";

/// Every line: a path, and what nobody and alice get there.
const SPELLINGS: &[(&str, u16, u16)] = &[
    ("/rest/access-tokens", 401, 404),
    ("/rest/access-tokens/", 401, 404),
    ("/rest/access-tokens/latest", 401, 404),
    ("/rest/access-tokens/latest/", 401, 404),
    ("/rest/access-tokens/2.0/users/alice", 401, 404),
    ("/rest/access-tokens/1/users/alice", 401, 404),
    ("/rest/access-tokens/LATEST/users/alice", 401, 404),
    ("/rest/access-tokens/lat%65st/users/alice", 401, 404),
    ("/rest/access-tokens/latest/users", 401, 404),
    ("/rest/access-tokens/latest/users/", 401, 404),
    ("/rest/access-tokens/latest/Users/alice", 401, 404),
    ("/rest/access-tokens/latest/us%65rs/alice", 401, 404),
    ("/rest/access-tokens/latest/users/alice/", 401, 404),
    ("/rest/access-tokens/latest/users/alice/1/2", 401, 404),
    ("/rest/access-tokens/latest/users/alice%2F1", 401, 404),
    ("/rest/access-tokens/latest/users/alice%20", 401, 404),
    ("/rest/access-tokens/latest/users/al%FFice", 401, 404),
    ("/rest/access-tokens/latest/users/x-token-auth", 401, 404),
    ("/REST/access-tokens/latest/users/alice", 401, 404),
    ("/rest/Access-Tokens/latest/users/alice", 401, 404),
    ("/%72est/access-tokens/latest/users/alice", 401, 404),
    ("/rest/%61ccess-tokens/latest/users/alice", 401, 404),
    ("/rest/access%2dtokens/latest/users/alice", 401, 404),
    ("/rest%2Faccess-tokens%2Flatest%2Fusers%2Falice", 401, 404),
    ("/-/gitlatch", 404, 404),
    ("/-/GitLatch/tokens", 404, 404),
    ("/-%2Fgitlatch/", 404, 404),
    ("//rest/access-tokens/latest/users/alice", 400, 400),
    ("/rest//access-tokens/latest/users/alice", 400, 400),
    ("/rest/access-tokens//latest/users/alice", 400, 400),
    ("/rest/access-tokens/latest/users//alice", 400, 400),
    ("/./rest/access-tokens/latest/users/alice", 400, 400),
    ("/rest/./access-tokens/latest/users/alice", 400, 400),
    ("/rest/%2e/access-tokens/latest/users/alice", 400, 400),
    ("/x/../rest/access-tokens/latest/users/alice", 400, 400),
    ("/x/%2E%2e/rest/access-tokens/latest/users/alice", 400, 400),
    ("/x/..%2Frest/access-tokens/latest/users/alice", 400, 400),
    ("/rest/access-tokens/../access-tokens/latest/users/alice", 400, 400),
    ("/rest/access-tokens/latest/users/bob/../alice", 400, 400),
    ("/rest/access-tokens/latest/users/bob%2F..%2Falice", 400, 400),
    ("/rest/access-tokens;a=b/latest/users/alice", 400, 400),
    ("/rest;a=b/access-tokens/latest/users/alice", 400, 400),
    ("/rest\\access-tokens\\latest", 400, 400),
    ("/rest%5Caccess-tokens/latest", 400, 400),
    ("/rest/access-tokens%00/latest", 400, 400),
    ("/rest/access-tokens/latest/users/alice%0A", 400, 400),
    ("/rest%252Faccess-tokens/latest/users/alice", 400, 400),
    ("/rest/access-tokens/latest/users/%", 400, 400),
    ("/rest/access-tokens/latest/users/alice", 401, 200),
    ("/rest/access-tokens/1.0/users/alice", 401, 200),
    ("/rest/access-tokens/latest/users/ALICE", 401, 200),
    ("/rest/access-tokens/latest/users/%61lice", 401, 200),
    ("/rest/access-tokens/latest/users/alice?a=//../x", 401, 200),
];

/// In front of a host that writes down what it gets, with people let through.
fn passing(upstream: &Upstream, prefix: &str) -> Site {
    let server = format!("public_url = 'http://gitlatch.test{prefix}'");
    let url = format!("{}{prefix}", upstream.url());
    let builder = SiteBuilder::url(&url, "").server(&server);
    populated(builder.section("[access]\npeople = 'pass'").start(), &["alice"])
}

#[test]
fn no_spelling_of_our_paths_goes_upstream() {
    let upstream = Upstream::answering(ANSWER);
    let plain = passing(&upstream, "");
    let prefixed = passing(&upstream, "/bitbucket");
    for (site, prefix) in [(&plain, ""), (&prefixed, "/bitbucket")] {
        let (_, secret) = site_token(site, prefix);
        for (path, nobody, alice) in SPELLINGS {
            // A token gets to know nothing but that it may not.
            let token = if *nobody == 401 { 403 } else { *nobody };
            let token = if path.to_lowercase().contains("gitlatch") { 403 } else { token };
            let foreign = "Authorization: Bearer of-the-host\r\n".to_owned();
            let callers = [
                (String::new(), *nobody),
                (foreign, *nobody),
                ("Cookie: JSESSIONID=1\r\n".to_owned(), *nobody),
                (person("alice"), *alice),
                (bearer(&secret), token),
            ];
            for (headers, expected) in callers {
                let line = format!("GET {prefix}{path}");
                let reply = request(site.address(), &line, &headers, b"");
                assert_eq!(reply.status, expected, "{line} {headers}: {}", reply.text());
            }
        }
        for method in ["PUT", "POST", "DELETE", "PATCH", "PROPFIND", "OPTIONS", "TRACE"] {
            let line = format!("{method} {prefix}{ROOT}/nothing");
            let status = request(site.address(), &line, &person("alice"), b"").status;
            let expected = if ["OPTIONS", "TRACE"].contains(&method) { 405 } else { 404 };
            assert_eq!(status, expected, "{line}");
        }
        // Neither is the prefix a way round.
        for spelled in ["/%62itbucket", "/BITBUCKET", "/bitbucke%74"] {
            for (headers, expected) in [(String::new(), 401), (person("alice"), 404)] {
                let line = format!("GET {spelled}{ROOT}/users/alice");
                let reply = request(prefixed.address(), &line, &headers, b"");
                assert_eq!(reply.status, expected, "{line}: {}", reply.text());
            }
        }
        let seen: Vec<_> = upstream.seen().iter().map(|seen| seen.line().to_owned()).collect();
        assert!(seen.is_empty(), "{prefix}: {seen:?}");
    }
    let reply = request(plain.address(), "GET /rest/api/latest/users/alice", "", b"");
    assert_eq!(reply.text(), "host\n", "everything else does go there");
}

/// A token of alice's, made at a prefix.
fn site_token(site: &Site, prefix: &str) -> (String, String) {
    let line = format!("PUT {prefix}{ROOT}/users/alice");
    let headers = format!(
        "{}Content-Type: application/json\r\nContent-Length: {}\r\n",
        person("alice"),
        READER.len()
    );
    let reply = request(site.address(), &line, &headers, READER.as_bytes());
    let made: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

/// Every line: a path below the root, and the owner it names; nothing for none.
const PLACES: &[(&str, &str)] = &[
    ("/projects/team", "/project/key=team"),
    ("/projects/te%61m", "/project/key=team"),
    ("/projects/Team", "/project/key=Team"),
    ("/projects/group%2Fsub", "/project/key=group/sub"),
    ("/projects/group%2fsub", "/project/key=group/sub"),
    ("/projects/group%2F**", "/project/key=group/**"),
    ("/projects/group%2Fsub%2F%2A%2A", "/project/key=group/sub/**"),
    ("/projects/group%2Fsub%2Frepos%2Fapp", "/project/key=group/sub/repos/app"),
    ("/projects/~alice", "/project/key=~alice"),
    ("/projects/%7Ealice", "/project/key=~alice"),
    ("/projects/-", "/project/key=-"),
    ("/projects/settings", "/project/key=settings"),
    ("/projects/a%20b", "/project/key=a b"),
    ("/projects/a+b", "/project/key=a+b"),
    ("/projects/team/repos/app", "/repository/slug=app"),
    ("/projects/group%2Fsub/repos/app", "/repository/project/key=group/sub"),
    ("/projects/team/repos/repos", "/repository/slug=repos"),
    ("/projects/repos/repos/rotate", "/repository/slug=rotate"),
    ("/projects/team/repos/settings", "/repository/slug=settings"),
    ("/projects/-/repos/app", "/repository/project/key=-"),
    ("/projects/team/repos/app.js", "/repository/slug=app.js"),
    ("/users/alice", "/user/name=alice"),
    ("/users/ALICE", "/user/name=alice"),
    ("/projects/*", ""),
    ("/projects/**", ""),
    ("/projects/%2A", ""),
    ("/projects/group%2F*", ""),
    ("/projects/%2Fgroup", ""),
    ("/projects/-%2Fsub", ""),
    ("/projects/team.git", ""),
    ("/projects/team%3Bx", ""),
    ("/projects/t%C3%A9am", ""),
    ("/projects/team/repos/app.git", ""),
    ("/projects/team/repos/a%2Fb", ""),
    ("/projects/team/repos/*", ""),
    ("/projects/team%2F**/repos/app", ""),
    ("/projects/team/repos", ""),
    ("/projects", ""),
];

#[test]
fn a_path_names_one_owner() {
    let site = site(&["alice PROJECT_ADMIN *"]);
    for (path, expected) in PLACES {
        let made = call(&site, &format!("PUT {path}"), &person("alice"), READER);
        let Some((at, owner)) = expected.split_once('=') else {
            assert!([400, 404, 405].contains(&made.status), "{path}: {}", made.json);
            continue;
        };
        assert_eq!(made.status, 200, "{path}: {}", made.json);
        assert_eq!(made.json.pointer(at).unwrap(), owner, "{path}");
        // And it is found under the path again.
        let id = made.text("id");
        let shown = call(&site, &format!("GET {path}/{id}"), &person("alice"), "").must(200);
        assert_eq!(shown.json.pointer(at).unwrap(), owner, "{path}");
    }
    let team = call(&site, "GET /projects/team", &person("alice"), "").json;
    let other = call(&site, "GET /projects/Team", &person("alice"), "").json;
    assert_eq!((team["size"].as_i64(), other["size"].as_i64()), (Some(2), Some(1)));
}

/// Every line: a method, a path, and the methods there are.
const METHODS: &[(&str, &str, &str)] = &[
    ("POST", "/users/alice", "GET, PUT"),
    ("DELETE", "/users/alice", "GET, PUT"),
    ("PATCH", "/users/alice/1", "GET, POST, DELETE"),
    ("PUT", "/users/alice/1", "GET, POST, DELETE"),
    ("GET", "/users/alice/1/rotate", "POST"),
    ("DELETE", "/projects/team", "GET, PUT"),
    ("POST", "/projects/team/settings", "GET, PUT"),
    ("DELETE", "/projects/team/settings", "GET, PUT"),
    ("POST", "/projects/team/repos/rotate", "GET, PUT"),
    ("PUT", "/all", "GET"),
    ("DELETE", "/settings", "GET, PUT"),
    ("POST", "/self", "GET, DELETE"),
    ("get", "/users/alice", "GET, PUT"),
    ("PROPFIND", "/settings", "GET, PUT"),
];

#[test]
fn a_path_has_its_methods() {
    let site = populated(builder().start(), &["alice PROJECT_ADMIN team"]);
    let (_, secret) = make(&site, "alice", "/users/alice", READER);
    // Before the token is used, which its record would show.
    for path in ["/users/alice", "/users/alice/1", "/projects/team/settings"] {
        let get = call(&site, &format!("GET {path}"), &person("alice"), "").must(200);
        let head = ask(&site, &format!("HEAD {ROOT}{path}"), &person("alice"), b"").must(200);
        assert_eq!(head.reply.header("content-length"), get.reply.header("content-length"));
        assert!(head.reply.body.is_empty());
    }
    for (method, path, allow) in METHODS {
        let line = format!("{method} {path}");
        let answer = call(&site, &line, &person("alice"), "").must(405);
        assert_eq!(answer.reply.header("allow").as_deref(), Some(*allow), "{line}");
        assert_eq!(call(&site, &line, "", "").status, 401, "{line}");
        let token = if *path == "/self" { 405 } else { 403 };
        assert_eq!(call(&site, &line, &bearer(&secret), "").status, token, "{line}");
    }
}
