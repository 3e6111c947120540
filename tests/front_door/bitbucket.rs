//! `kind = "bitbucket"`: what a token may do over REST, and what becomes of the host's answers.

use super::support::{Reply, Site, SiteBuilder, Upstream, basic, bearer, request, with_secret};
use std::io::Write;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: BITBUCKETSESSIONID=1\r\n\
    ETag: \"e\"\r\nContent-Length: 2\r\n\r\n{}";
/// The record of the repository and of its project at once, under the names that they have.
const NAMED: &str = "HTTP/1.1 200 OK\r\nSet-Cookie: BITBUCKETSESSIONID=1\r\nETag: \"e\"\r\n\
    Content-Length: 52\r\n\r\n{\"slug\":\"app\",\"key\":\"TEAM\",\"project\":{\"key\":\"TEAM\"}}";
const REPO: &str = "/rest/api/latest/projects/TEAM/repos/app";
const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "application/x-www-form-urlencoded";
const FIXED: &str = "[upstream.identity]\nmode = 'fixed'\nusername = 'svc'\nsecret_file = 'secret'";
const GRANTS: &str = "[access]\nusers = 'grants'";

/// A host that every token shares an identity at: each of its requests is confined.
fn shared(upstream: &Upstream) -> Site {
    let site = with_secret(SiteBuilder::bitbucket(&upstream.url(), FIXED)).section(GRANTS).start();
    site.user("alice");
    for (permission, place) in [("PROJECT_ADMIN", "TEAM"), ("REPO_READ", "OTHER")] {
        site.done(&["grant", "add", "alice", permission, "--project", place], "");
    }
    site
}

/// A host that is told who asks.
fn told(upstream: &Upstream, more: &str) -> Site {
    let site = SiteBuilder::bitbucket(&upstream.url(), "").section(more).start();
    site.user("alice");
    site
}

fn send(site: &Site, token: &str, line: &str, body: &str) -> Reply {
    let length = format!("Content-Length: {}\r\n", body.len());
    let headers = if body.is_empty() { String::new() } else { format!("{JSON}{length}") };
    request(site.address(), line, &format!("{}{headers}", bearer(token)), body.as_bytes())
}

/// Whose token, a request, its body, and what becomes of it where an identity is shared.
const CONFINED: &[(&str, &str, &str, u16)] = &[
    ("project", "GET /rest/api/latest/projects/TEAM", "", 200),
    ("project", "GET /rest/api/latest/projects/team/repos", "", 200),
    ("project", "GET /rest/api/latest/projects/OTHER", "", 403),
    ("project", "GET /rest/api/latest/projects", "", 403),
    ("project", "GET /rest/api/latest/repos?projectname=TEAM", "", 403),
    ("project", "GET /rest/api/latest/dashboard/pull-requests", "", 403),
    ("project", "GET /rest/api/latest/inbox/pull-requests", "", 403),
    ("project", "GET REPO/forks", "", 403),
    ("project", "GET REPO/related", "", 403),
    ("project", "GET REPO/compare/changes?from=a&to=b", "", 200),
    ("project", "GET REPO/compare/changes?from=a&fromRepo=TEAM/lib", "", 200),
    ("project", "GET REPO/compare/changes?from=a&fromRepo=OTHER%2Flib", "", 403),
    ("project", "GET REPO/compare/commits?fromRepo=TEAM/lib&fromRepo=OTHER/lib", "", 403),
    (
        "project",
        "GET /rest/build-status/latest/commits/0123456789012345678901234567890123456789",
        "",
        403,
    ),
    ("project", "PUT REPO", r#"{"description":"x"}"#, 200),
    ("project", "PUT REPO", r#"{"name":"app","description":"x"}"#, 200),
    ("project", "PUT REPO", r#"{"name":"other"}"#, 403),
    ("project", "PUT REPO", r#"{"project":{"key":"OTHER"}}"#, 403),
    ("project", "PUT REPO", r#"{"description":"x","description":"y"}"#, 400),
    ("project", "PUT REPO", r#"{"description":"x","Description":"y"}"#, 400),
    ("project", "PUT REPO", r#"{"description""#, 400),
    ("project", "PUT /rest/api/latest/projects/TEAM", r#"{"key":"NEW"}"#, 403),
    ("project", "PUT /rest/api/latest/projects/TEAM", r#"{"key":"TEAM","description":"x"}"#, 200),
    ("project", "POST REPO", r#"{"name":"fork","project":{"key":"TEAM"}}"#, 200),
    ("project", "POST REPO", r#"{"name":"fork","project":{"key":"OTHER"}}"#, 403),
    ("project", "POST REPO", r#"{"name":"fork"}"#, 403),
    ("project", "POST REPO", r#"{"name":"fork","Project":{"key":"TEAM"}}"#, 403),
    ("project", "GET REPO/participants?direction=OUTGOING", "", 403),
    ("project", "POST REPO/pull-requests", PULL_WITHIN, 200),
    ("project", "POST REPO/pull-requests", PULL_FROM_OUTSIDE, 403),
    (
        "project",
        "POST REPO/pull-requests",
        r#"{"fromRef":{"id":"refs/heads/x"},"toRef":{"id":"m"}}"#,
        403,
    ),
    ("project", "POST REPO/pull-requests/1/comments", r#"{"text":"hi"}"#, 200),
    ("project", "POST REPO/pull-requests/1/merge?version=0", "", 403),
    ("project", "PUT REPO/browse/README.md", "", 403),
    ("repository", "GET /rest/api/latest/projects/TEAM", "", 200),
    ("repository", "GET /rest/api/latest/projects/TEAM/repos", "", 403),
    ("repository", "GET REPO", "", 200),
    ("repository", "GET REPO/compare/diff?fromRepo=TEAM/lib", "", 403),
    ("repository", "POST REPO", r#"{"project":{"key":"TEAM"}}"#, 403),
    ("user", "GET REPO", "", 200),
    ("user", "GET /rest/api/latest/projects/OTHER/repos/lib", "", 200),
    ("user", "GET /rest/api/latest/projects/OTHER", "", 200),
    ("user", "GET /rest/api/latest/projects/OTHER/repos", "", 403),
    ("user", "GET /rest/api/latest/projects/THIRD", "", 403),
    ("user", "POST REPO", r#"{"project":{"key":"OTHER"}}"#, 403),
    ("user", "POST REPO", r#"{"project":{"key":"TEAM"}}"#, 200),
    // Read there, and write here: a request is opened where the path says.
    ("user", "POST REPO/pull-requests", PULL_FROM_OUTSIDE, 200),
    ("user", "POST REPO/pull-requests", PULL_TO_OUTSIDE, 403),
    ("user", "PUT REPO/pull-requests/1", PULL_TO_OUTSIDE, 403),
    ("project", "POST REPO/pull-requests", PULL_TO_OUTSIDE, 403),
    ("user", "DELETE /rest/api/latest/projects/OTHER/repos/lib", "", 403),
    ("only", "GET REPO", "", 200),
    ("only", "GET /rest/api/latest/projects/TEAM", "", 403),
    ("only", "GET /rest/api/latest/projects/TEAM/repos/lib", "", 403),
];

const PULL_WITHIN: &str = r#"{"title":"t","fromRef":{"id":"refs/heads/x","repository":{"slug":"lib","project":{"key":"TEAM"}}},"toRef":{"id":"refs/heads/main","repository":{"slug":"app","project":{"key":"TEAM"}}}}"#;
const PULL_TO_OUTSIDE: &str = r#"{"title":"t","fromRef":{"id":"refs/heads/x","repository":{"slug":"app","project":{"key":"TEAM"}}},"toRef":{"id":"refs/heads/main","repository":{"slug":"lib","project":{"key":"OTHER"}}}}"#;
const PULL_FROM_OUTSIDE: &str = r#"{"title":"t","fromRef":{"id":"refs/heads/x","repository":{"slug":"lib","project":{"key":"OTHER"}}},"toRef":{"id":"refs/heads/main","repository":{"slug":"app","project":{"key":"TEAM"}}}}"#;

#[test]
fn confined_requests_stay_within_their_scope() {
    let upstream = Upstream::answering(NAMED);
    let site = shared(&upstream);
    let token = |arguments: &[&str], permission: &str| {
        site.token(&[arguments, &["--permission", permission]].concat()).0
    };
    let tokens = [
        ("project", token(&["--project", "TEAM"], "PROJECT_ADMIN")),
        ("repository", token(&["--project", "TEAM", "--repo", "app"], "REPO_ADMIN")),
        ("user", token(&["--user", "alice"], "PROJECT_ADMIN")),
        ("only", token(&["--user", "alice", "--only", "TEAM/app"], "PROJECT_ADMIN")),
    ];
    for (whose, line, body, status) in CONFINED {
        let line = line.replace("REPO", REPO);
        let (_, token) = tokens.iter().find(|(name, _)| name == whose).unwrap();
        let before = upstream.seen().len();
        let reply = send(&site, token, &line, body);
        assert_eq!(reply.status, *status, "{whose} {line} {body}: {}", reply.text());
        let seen = upstream.seen().split_off(before);
        if *status == 200 {
            assert_eq!(seen.len(), 1, "{line}");
            assert_eq!(seen[0].line(), format!("{line} HTTP/1.1"));
            assert_eq!(String::from_utf8_lossy(&seen[0].body), *body, "{line}");
            assert_eq!(seen[0].header("Authorization"), ["Basic c3ZjOnVwc3RyZWFtLXNlY3JldC0xMjM0"]);
            assert_eq!(reply.header("Set-Cookie"), None);
            assert_eq!(reply.header("ETag").as_deref(), Some("\"e\""));
        } else {
            assert!(seen.is_empty(), "{whose} {line} {body}");
            let error: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
            assert!(error["errors"][0]["message"].is_string(), "{line}");
            assert!(reply.header("WWW-Authenticate").is_none(), "{line}");
        }
    }
}

/// A request under the person's own identity goes on as it came: the host holds it to the person's rights.
#[test]
fn what_is_not_confined_is_the_hosts_to_judge() {
    let upstream = Upstream::answering(OK);
    let site = told(&upstream, "");
    let (token, _) = site.token(&["--user", "alice", "--permission", "PROJECT_ADMIN"]);
    let (narrow, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let (refs, _) =
        site.token(&["--user", "alice", "--permission", "REPO_ADMIN", "--ref", "refs/heads/bot/*"]);
    let (admin, _) = site.token(&["--user", "alice", "--permission", "REPO_ADMIN"]);
    let cases: &[(&str, &str, &str, u16)] = &[
        (&token, "GET /rest/api/1.0/repos?name=x", "", 200),
        (&token, "POST REPO", r#"{"name":"mine"}"#, 200),
        (&token, "GET REPO/forks", "", 200),
        (&token, "PUT REPO/browse/a%20b", "", 200),
        (&token, "POST REPO/pull-requests/1/merge?version=0", "", 403),
        (&token, "GET REPO/pull-requests/1/merge", "", 200),
        (&token, "GET REPO?os_username=root", "", 400),
        (&token, "GET REPO?access_token=x", "", 400),
        (&token, "GET /rest/access-tokens/latest/users/alice", "", 403),
        (&token, "GET /rest/api/latest/admin/users", "", 403),
        (&token, "GET /plugins/servlet/x", "", 403),
        (&token, "GET /login", "", 403),
        (&token, "GET /projects/TEAM", "", 403),
        (&token, "OPTIONS REPO", "", 405),
        (&narrow, "GET REPO/browse/x", "", 200),
        (&narrow, "POST REPO/pull-requests/1/comments", r#"{"text":"hi"}"#, 403),
        (&narrow, "GET REPO/permissions/users", "", 403),
        (&refs, "POST REPO/branches", r#"{"name":"x","startPoint":"main"}"#, 403),
        (&refs, "POST REPO/pull-requests", "{}", 200),
        (&refs, "DELETE REPO", "", 403),
        (&admin, "PUT REPO", r#"{"description":"x"}"#, 200),
        (&admin, "PUT REPO", r#"{"project":{"key":"team"}}"#, 200),
        (&admin, "PUT REPO", r#"{"project":{"key":"OTHER"}}"#, 403),
        (&token, "PUT REPO", r#"{"project":{"key":"OTHER"}}"#, 200),
    ];
    for (token, line, body, status) in cases {
        let line = line.replace("REPO", REPO);
        let before = upstream.seen().len();
        let reply = send(&site, token, &line, body);
        assert_eq!(reply.status, *status, "{line}: {}", reply.text());
        let seen = upstream.seen().split_off(before);
        assert_eq!(seen.len(), usize::from(*status == 200), "{line}");
        if *status == 200 {
            assert_eq!(seen[0].line(), format!("{line} HTTP/1.1"));
            assert_eq!(seen[0].header("X-Forwarded-User"), ["alice"], "{line}");
            assert!(seen[0].header("Authorization").is_empty(), "{line}");
        }
    }
    // A form may carry what outranks everything else; a token beside a form is no token's request.
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n";
    let headers = format!("{}{form}X-Atlassian-Token: no-check\r\n", bearer(&token));
    let line = format!("POST {REPO}/pull-requests/1/comments");
    assert_eq!(request(site.address(), &line, &headers, b"a=b").status, 415);
    // What keeps other sites' pages out of Bitbucket's REST is the client's to send.
    let headers = format!("{}X-Atlassian-Token: no-check\r\nCookie: a=b\r\n", bearer(&token));
    let reply =
        request(site.address(), &format!("DELETE {REPO}/pull-requests/1/watch"), &headers, b"");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = upstream.seen();
    let last = seen.last().unwrap();
    assert_eq!(last.header("X-Atlassian-Token"), ["no-check"]);
    assert!(last.header("Cookie").is_empty());
}

/// The operator protects refs: what writes them past Git is refused in repositories that have protected ones.
#[test]
fn protected_refs_are_not_written_past_git() {
    let upstream = Upstream::answering(OK);
    let protect = "[[protect]]\nproject = 'team'\nrefs = ['refs/heads/main']\ndeny = ['push']\n\
                   except_users = ['carol']";
    let site = told(&upstream, protect);
    site.user("carol");
    let (alice, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let (carol, _) = site.token(&["--user", "carol", "--permission", "REPO_WRITE"]);
    let body = r#"{"name":"x","startPoint":"main"}"#;
    for (token, project, status) in
        [(&alice, "TEAM", 403), (&carol, "TEAM", 200), (&alice, "OTHER", 200)]
    {
        let line = format!("POST /rest/api/latest/projects/{project}/repos/app/branches");
        let reply = send(&site, token, &line, body);
        assert_eq!(reply.status, status, "{project}: {}", reply.text());
    }
}

/// Bitbucket says 401 when it knows somebody who may not; only that becomes the body of a 403.
#[test]
fn a_permission_error_of_the_hosts() {
    const DENIED: &str = r#"{"errors":[{"context":null,"message":"no","exceptionName":"com.atlassian.bitbucket.AuthorisationException"}]}"#;
    const WRONG: &str = r#"{"errors":[{"context":null,"message":"no","exceptionName":"com.atlassian.bitbucket.auth.IncorrectPasswordAuthenticationException"}]}"#;
    let long = format!("{}{}", DENIED.trim_end_matches('}'), " ".repeat(70_000));
    let answers = [DENIED.to_owned(), WRONG.to_owned(), long, "<html>".to_owned()];
    let told_answers = answers.clone();
    let upstream = Upstream::new(move |stream, seen, _nth| {
        let which = seen.line().split("/pull-requests/").nth(1).and_then(|rest| rest.get(..1));
        let body = &answers[which.and_then(|n| n.parse::<usize>().ok()).unwrap_or(0)];
        write!(
            stream,
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"Atlassian Bitbucket\"\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .is_ok()
    });
    let site = told(&upstream, "");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    for (which, expected) in told_answers.iter().enumerate() {
        let reply = send(&site, &token, &format!("GET {REPO}/pull-requests/{which}"), "");
        assert_eq!(reply.status, 403, "{which}: {}", reply.text());
        assert_eq!(reply.header("WWW-Authenticate"), None);
        if which == 0 {
            assert_eq!(reply.text(), *expected);
        } else {
            assert!(reply.text().contains("the host does not accept alice"), "{}", reply.text());
        }
    }
}

/// Who does it, the request and its body, the tokens that are asked then, and their answers.
const ENDINGS: &[(&str, &str, &str, [u16; 3])] = &[
    ("token", "DELETE /rest/api/latest/projects/TEAM/repos/app", "", [401, 200, 200]),
    ("token", "DELETE /rest/api/latest/projects/TEAM/repos/kept", "", [200, 200, 200]),
    ("token", "DELETE /rest/api/latest/projects/team/repos/APP", "", [401, 200, 200]),
    ("person", "DELETE /rest/api/latest/projects/TEAM/repos/app", "", [401, 200, 200]),
    ("person", "DELETE /rest/api/latest/projects/TEAM/repos/app/", "", [401, 200, 200]),
    ("person", "DELETE /rest/api/latest/projects/TEAM/repos/app.json", "", [401, 200, 200]),
    ("person", "DELETE /rest/api/latest/pro%6Aects/Team/repos/app", "", [401, 200, 200]),
    ("person", "DELETE /rest/api/latest/projects/TEAM/repos/app?page=1", "", [200, 200, 200]),
    ("token", "DELETE /rest/api/latest/projects/TEAM/repos/app?page=1", "", [401, 200, 200]),
    ("token", "DELETE /rest/api/latest/projects/TEAM", "", [401, 401, 200]),
    (
        "token",
        "PUT /rest/api/latest/projects/TEAM/repos/app",
        r#"{"name":"renamed"}"#,
        [401, 200, 200],
    ),
    (
        "person",
        "PUT /rest/api/1.0/projects/TEAM/repos/app",
        r#"{"name":"renamed"}"#,
        [401, 200, 200],
    ),
    ("token", "PUT /rest/api/latest/projects/TEAM/repos/app", r#"{"name":"App"}"#, [200, 200, 200]),
    ("token", "PUT /rest/api/latest/projects/TEAM", r#"{"key":"renamed"}"#, [401, 401, 200]),
];

/// Names that end take their tokens along, whoever ended them; the trail says so.
#[test]
fn tokens_end_with_the_names_they_belong_to() {
    let upstream = Upstream::new(|stream, seen, _nth| {
        let renamed = String::from_utf8_lossy(&seen.body).contains("renamed");
        let (status, body) = match seen.line().split(' ').next() {
            Some("DELETE") if seen.line().contains("/kept") => ("409 Conflict", "{}"),
            Some("DELETE") if seen.line().contains("?page") => ("200 OK", "<html>log in</html>"),
            Some("DELETE") => ("202 Accepted", "{}"),
            Some("PUT") if renamed => {
                ("200 OK", r#"{"slug":"renamed","key":"NEW","project":{"key":"TEAM"}}"#)
            }
            _ => ("200 OK", r#"{"slug":"app","key":"TEAM","project":{"key":"TEAM"}}"#),
        };
        let kind =
            if body.starts_with('<') { "text/html" } else { "application/json;charset=UTF-8" };
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}");
        write!(stream, "{head}\r\n\r\n{body}").is_ok()
    });
    let site = told(&upstream, "[access]\npeople = 'pass'");
    for (who, line, body, expected) in ENDINGS {
        let (admin, _) = site.token(&["--user", "alice", "--permission", "PROJECT_ADMIN"]);
        let owned: Vec<String> = [
            &["--project", "TEAM", "--repo", "app"][..],
            &["--project", "TEAM"],
            &["--project", "OTHER"],
        ]
        .iter()
        .map(|owner| site.token(&[owner, &["--permission", "REPO_READ"][..]].concat()).0)
        .collect();
        let reply = if *who == "token" {
            send(&site, &admin, line, body)
        } else {
            let length = format!("{JSON}Content-Length: {}\r\n", body.len());
            request(site.address(), line, &(basic("root", "secret") + &length), body.as_bytes())
        };
        assert!(reply.status < 410, "{line}: {}", reply.text());
        let asked = ["TEAM/repos/app", "TEAM/repos/lib", "OTHER/repos/x"];
        for ((token, place), status) in owned.iter().zip(asked).zip(expected) {
            let reply = send(&site, token, &format!("GET /rest/api/latest/projects/{place}"), "");
            assert_eq!(reply.status, *status, "{who} {line} {body}: {place} {}", reply.text());
        }
    }
    let trail = site.done(&["audit", "--json", "--event", "name.ended"], "");
    assert_eq!(trail.lines().count(), 11, "{trail}");
    let suspended = site.done(&["audit", "--json", "--event", "token.suspended"], "");
    assert!(suspended.contains("\"project\":\"TEAM\""), "{suspended}");
}

/// Access that goes on without its token is told to the trail; the operator may deny it.
#[test]
fn what_outlives_a_token_is_told() {
    let upstream = Upstream::answering(OK);
    let site = told(&upstream, "");
    let (token, _) = site.token(&["--user", "alice", "--permission", "PROJECT_ADMIN"]);
    let line = format!("POST {REPO}/webhooks");
    assert_eq!(send(&site, &token, &line, r#"{"name":"x","url":"http://x"}"#).status, 200);
    super::support::eventually("the trail is told", || {
        let trail = site.done(&["audit", "--json", "--event", "access.given"], "");
        trail.contains("\"repository\":\"app\"").then_some(())
    });
}

/// Rules of the operator's: what they deny, tighten and open, and what no rule opens.
#[test]
fn rules_of_the_operator() {
    const RULES: &str = r"
[[rule]]
path = '/rest/keys/**'
deny = 'access keys outlive their token'
[[rule]]
path = '/rest/api/latest/projects/~alice/repos/*/tags'
deny = 'no tags of alice'
[[rule]]
methods = ['GET']
path = '/rest/api/latest/projects/{project}/repos/{repo}/commits'
allow = 'REPO_ADMIN'
[[rule]]
path = '/rest/my-plugin/1.0/projects/{project}/repos/{repo}/**'
allow = 'REPO_READ'
[[rule]]
path = '/rest/my-plugin/1.0/open/{project}/{repo}'
allow = 'REPO_READ'
confined = 'pass'
[[rule]]
path = '/rest/**'
allow = 'REPO_READ'
[[rule]]
path = '/rest/api/**'
allow = 'REPO_READ'
[[rule]]
path = '/rest/unheard-of/**'
allow = 'REPO_READ'
";
    let upstream = Upstream::answering(OK);
    let site = told(&upstream, RULES);
    let (write, _) = site.token(&["--user", "alice", "--permission", "PROJECT_WRITE"]);
    let (read, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let (project, _) = site.token(&["--project", "TEAM", "--permission", "PROJECT_ADMIN"]);
    let cases: &[(&str, &str, u16)] = &[
        (&project, "GET /rest/keys/latest/projects/TEAM/ssh", 403),
        (&project, "GET /rest/Keys/latest/projects/TEAM/ssh", 403),
        (&write, "GET /rest/api/latest/projects/~alice/repos/app/commits", 403),
        (&write, "GET /rest/api/latest/users/~alice/repos/app/commits", 403),
        (&write, "GET /rest/api/latest/users/~alice/repos/app/branches", 200),
        (&write, "GET /rest/api/latest/users/~alice/repos/app/tags", 403),
        (&write, "GET /rest/api/latest/projects/~alice/repos/app/tags", 403),
        (&write, "GET REPO/commits", 403),
        (&project, "GET REPO/commits", 200),
        (&write, "GET /rest/api/1.0/projects/TEAM/repos/app/commits", 403),
        (&read, "GET /rest/my-plugin/1.0/projects/TEAM/repos/app/x", 200),
        (&read, "POST /rest/my-plugin/1.0/projects/TEAM/repos/app/x", 403),
        (&write, "POST /rest/my-plugin/1.0/projects/TEAM/repos/app/x", 200),
        (&project, "GET /rest/my-plugin/1.0/projects/TEAM/repos/app/x", 403),
        (&project, "GET /rest/my-plugin/1.0/open/TEAM/app", 200),
        (&project, "GET /rest/my-plugin/1.0/open/OTHER/app", 403),
        (&write, "POST REPO/pull-requests/1/merge", 403),
        (&write, "POST REPO/pull-requests/1/Merge", 403),
        (&write, "POST REPO/pull-requests/1/%6Derge", 403),
        (&write, "POST REPO/pull-requests/1/merge/", 403),
        (&write, "PATCH REPO/pull-requests/1/merge", 403),
        (&write, "POST /REST/api/latest/projects/TEAM/repos/app/pull-requests/1/merge", 403),
        (&write, "GET /rest/api/latest/admin/unheard-of", 403),
        (&write, "GET /login", 403),
        (&write, "GET /Login", 403),
        (&write, "GET /plugins/servlet/oauth/authorize", 403),
        (&write, "GET /rest/unheard-of/1.0/thing", 200),
        (&write, "GET /rest/other/1.0/thing", 403),
        (&write, "GET /rest/unheard-of/1.0/login", 403),
        (&write, "GET REPO/webhooks/+5", 403),
        (&write, "PUT REPO/permissions/users.json?name=x&permission=REPO_ADMIN", 403),
        (&write, "DELETE /rest/api/latest/projects/TEAM/repos/app.json", 403),
        (&write, "DELETE /rest/api/latest/projects/TEAM/repos/app.txt", 403),
        (&write, "POST REPO/pull-requests/1/merge.txt", 403),
        (&write, "POST REPO/pull-requests/1/comments/2/apply-suggestion.json", 403),
        (
            &write,
            "POST /rest/api/latest/projects/TEAM/permissions/project_admin/all?allow=true",
            403,
        ),
        (&write, "GET /rest/api/latest/projects/team/repos/app/commits", 403),
        (&write, "GET /rest/api/latest/projects/T%45AM/repos/app/commits", 403),
    ];
    for (token, line, status) in cases {
        let line = line.replace("REPO", REPO);
        let before = upstream.seen().len();
        let reply = send(&site, token, &line, "");
        assert_eq!(reply.status, *status, "{line}: {}", reply.text());
        assert_eq!(upstream.seen().len() - before, usize::from(*status == 200), "{line}");
    }
    let reply = send(&site, &project, "GET /rest/keys/latest/projects/TEAM/ssh", "");
    assert!(reply.text().contains("access keys outlive their token"), "{}", reply.text());
    let arguments =
        ["explain", "--permission", "REPO_READ", "GET", "/rest/my-plugin/1.0/open/TEAM/app"];
    let explained = site.done(&arguments, "");
    assert!(explained.contains("[[rule]] 5"), "{explained}");
}

/// A token that somebody types where a password belongs, and where it ends.
#[test]
fn a_token_in_a_form_goes_to_no_host() {
    let upstream = Upstream::answering(OK);
    let site = told(&upstream, "[access]\npeople = 'pass'");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let escaped = token.replace('_', "%5F").replacen('l', "%6c", 1);
    let multipart = format!(
        "--b\r\nContent-Disposition: form-data; name=\"j_password\"\r\n\r\n{token}\r\n--b--"
    );
    let json = format!(r#"{{"username":"alice","password":"{token}"}}"#);
    let cases: &[(&str, &str, String, u16)] = &[
        ("POST /j_atl_security_check", FORM, format!("j_username=alice&j_password={token}"), 400),
        ("POST /j_atl_security_check", FORM, format!("j_username=alice&j_password={escaped}"), 400),
        ("POST /j_atl_security_check", "text/html", format!("j_password={token}"), 400),
        ("POST /elsewhere", FORM, format!("x={token}"), 400),
        ("POST /elsewhere", "multipart/form-data; boundary=b", multipart, 400),
        ("POST /rest/tsv/1.0/authenticate", "application/json", json, 400),
        ("POST /j_atl_security_check", FORM, "j_username=alice&j_password=right".to_owned(), 200),
        ("POST /rest/api/latest/markup/preview", "application/json", r#"{"x":1}"#.to_owned(), 200),
    ];
    for (line, kind, body, status) in cases {
        let before = upstream.seen().len();
        let headers = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        let reply = request(site.address(), line, &headers, body.as_bytes());
        assert_eq!(reply.status, *status, "{line} {body}: {}", reply.text());
        let seen = upstream.seen().split_off(before);
        assert_eq!(seen.len(), usize::from(*status == 200), "{line}");
        if *status == 200 {
            assert_eq!(String::from_utf8_lossy(&seen[0].body), *body);
        }
        assert!(!reply.text().contains(&token));
    }
    // Compressed, it could not be looked at.
    let headers =
        format!("Content-Type: {FORM}\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n");
    assert_eq!(request(site.address(), "POST /login", &headers, b"a=b").status, 415);
    assert!(!site.log().contains(&token));
}
