//! Who may call what: every route by every kind of caller.

use super::api::{READER, call, from, grant, make, person, site};
use super::support::{Site, basic, bearer, eventually};

/// Where tokens are: of a person, of a project, of a repository.
const PLACES: [&str; 3] = ["/users/alice", "/projects/team", "/projects/team/repos/app"];
/// Who may make tokens there.
const MAKERS: [&str; 3] = ["alice", "pam", "ron"];

/// Calls at a place that whoever governs its tokens may make; `#` is a token.
const GOVERN: [(&str, &str); 4] =
    [("GET", ""), ("GET /#", ""), ("POST /#", r#"{"name":"n"}"#), ("DELETE /#", "")];
/// And those that whoever may make tokens there may make.
const MAKE: [(&str, &str); 2] = [("PUT", READER), ("POST /#/rotate", "")];
/// The calls of administrators.
const ADMINISTER: [(&str, &str); 3] =
    [("GET /all", ""), ("GET /settings", ""), ("PUT /settings", "{}")];
/// Those about a project's settings.
const PROJECT: [(&str, &str); 2] = [
    ("GET /projects/team/settings", ""),
    ("PUT /projects/team/settings", r#"{"repositoryTokens":true}"#),
];

struct Caller {
    what: &'static str,
    headers: String,
    /// At each place: whether the caller governs its tokens, and whether it may make any.
    may: [(bool, bool); 3],
    admin: bool,
    /// What is said otherwise.
    refused: &'static str,
    /// What `GET /self` says.
    of_itself: &'static str,
}

const NOT: [(bool, bool); 3] = [(false, false); 3];
const GOVERNS: [(bool, bool); 3] = [(true, false); 3];
const OWN: (bool, bool) = (true, true);
const NONE: (bool, bool) = (false, false);
const DENIED: &str = "401 AuthorisationException";
const WRONG: &str = "401 IncorrectPasswordAuthenticationException";
const TOKEN: &str = "403 AuthorisationException";
const NOTHING: &str = "404 NoSuchObjectException";

/// People, and tokens in every way of presenting one.
fn callers(site: &Site) -> Vec<Caller> {
    let caller = |what, headers: String, may, refused, of_itself| Caller {
        what,
        headers,
        may,
        admin: what == "administrator",
        refused,
        of_itself,
    };
    let people = [
        ("owner", "alice", [OWN, NONE, NONE], NOTHING),
        ("other", "bob", NOT, NOTHING),
        ("project admin", "pam", [NONE, OWN, OWN], NOTHING),
        ("repository admin", "ron", [NONE, NONE, OWN], NOTHING),
        ("administrator", "root", GOVERNS, NOTHING),
        ("disabled", "gone", NOT, DENIED),
    ];
    let mut all: Vec<Caller> = people
        .into_iter()
        .map(|(what, name, may, own)| caller(what, person(name), may, DENIED, own))
        .collect();
    let (user, _) = site.token(&["--user", "alice", "--permission", "REPO_ADMIN"]);
    let (project, _) = site.token(&["--project", "team", "--permission", "PROJECT_ADMIN"]);
    let (repository, _) =
        site.token(&["--project", "team", "--repo", "app", "--permission", "REPO_ADMIN"]);
    let read = ["--user", "alice", "--permission", "REPO_READ"];
    let (expired, _) = site.token(&[&read[..], &["--expires-in", "1s"]].concat());
    let (revoked, id) = site.token(&read);
    site.done(&["token", "revoke", &id], "");
    let (elsewhere, _) = site.token(&[&read[..], &["--from", "10.0.0.0/8"]].concat());
    let disabled = gone(site);
    let of = |status: u16| if status == 200 { "200" } else { DENIED };
    let tokens = [
        ("user token", bearer(&user), TOKEN, of(200)),
        ("user token as password", basic("alice", &user), TOKEN, of(200)),
        ("user token as name", basic(&user, ""), TOKEN, of(200)),
        ("user token of another name", basic("bob", &user), DENIED, of(401)),
        ("project token", bearer(&project), TOKEN, of(200)),
        ("project token as password", basic("x-token-auth", &project), TOKEN, of(200)),
        ("repository token", bearer(&repository), TOKEN, of(200)),
        ("repository token as password", basic("x-token-auth", &repository), TOKEN, of(200)),
        ("expired token", bearer(&expired), DENIED, of(401)),
        ("revoked token", bearer(&revoked), DENIED, of(401)),
        ("token of a disabled user", bearer(&disabled), DENIED, of(401)),
        ("unknown token", bearer("latu_0000000000000000000000000000001vo4SB"), DENIED, of(401)),
        ("mistyped token", bearer(&format!("{}-", &user[..40])), DENIED, of(401)),
        ("token from elsewhere", bearer(&elsewhere), TOKEN, TOKEN),
        ("nobody", String::new(), DENIED, DENIED),
        ("a token of the host's", bearer("glpat-12345"), DENIED, DENIED),
    ];
    eventually("the token expires", || {
        (call(site, "GET /self", &bearer(&expired), "").status == 401).then_some(())
    });
    all.extend(
        tokens.map(|(what, headers, refused, own)| caller(what, headers, NOT, refused, own)),
    );
    all
}

/// A user who is disabled, and a token from before.
fn gone(site: &Site) -> String {
    let (token, _) = site.token(&["--user", "gone", "--permission", "REPO_READ"]);
    site.done(&["user", "disable", "gone"], "");
    token
}

fn house() -> Site {
    let pam = "pam PROJECT_ADMIN team";
    site(&["alice", "bob", "root!", "gone", pam, "ron REPO_ADMIN team/app"])
}

#[test]
fn every_route_by_every_kind_of_caller() {
    let site = house();
    let targets: Vec<String> =
        PLACES.iter().zip(MAKERS).map(|(place, by)| make(&site, by, place, READER).0).collect();
    for caller in callers(&site) {
        let ask = |line: &str, body: &str, may: bool| {
            let answer = call(&site, line, &caller.headers, body);
            let done = if line.starts_with("DELETE") { "204" } else { "200" };
            let expected = if may { done } else { caller.refused };
            assert_eq!(answer.said(), expected, "{} {line}: {}", caller.what, answer.json);
        };
        for (at, place) in PLACES.iter().enumerate() {
            let (governs, makes) = caller.may[at];
            let calls = GOVERN.iter().map(|c| (c, governs)).chain(MAKE.iter().map(|c| (c, makes)));
            for ((call, body), may) in calls {
                // What is to be changed for good is made for it.
                let spent = may && (call.starts_with("DELETE") || call.ends_with("rotate"));
                let made = spent.then(|| make(&site, MAKERS[at], place, READER).0);
                let target = made.as_ref().unwrap_or(&targets[at]);
                let (method, below) = call.split_once(' ').unwrap_or((call, ""));
                ask(&format!("{method} {place}{}", below.replace('#', target)), body, may);
            }
        }
        for (line, body) in ADMINISTER {
            ask(line, body, caller.admin);
        }
        for (line, body) in PROJECT {
            ask(line, body, caller.may[1].0);
        }
        let own = call(&site, "GET /self", &caller.headers, "");
        assert_eq!(own.said(), caller.of_itself, "{} GET /self", caller.what);
    }
    for ((place, by), id) in PLACES.iter().zip(MAKERS).zip(targets) {
        let there = call(&site, &format!("GET {place}/{id}"), &person(by), "").must(200);
        assert_eq!(there.json["name"], "n", "its governors gave it another name");
        assert!(there.json.get("successor").is_none(), "{place}");
    }
}

#[test]
fn a_wrong_password_gets_the_same_everywhere() {
    let site = house();
    let lines = [
        "GET /users/alice",
        "PUT /users/alice",
        "GET /users/nobody",
        "DELETE /projects/team/1",
        "GET /settings",
        "GET /self",
        "GET /nothing/like/that",
        "PATCH /users/alice",
    ];
    for (nth, line) in lines.into_iter().enumerate() {
        for name in ["alice", "gone", "nobody", "no name"] {
            let headers = basic(name, "wrong") + &from(&format!("10.1.0.{nth}"));
            let answer = call(&site, line, &headers, "");
            assert_eq!(answer.said(), WRONG, "{line} {name}");
            assert_eq!(answer.message(), "wrong user name or password", "{line} {name}");
        }
    }
}

#[test]
fn rights_count_as_they_are_now_and_where_they_hold() {
    let site = site(&["alice"]);
    let (project, repository) = ("/projects/team", "/projects/team/repos/app");
    let (nested, below) = ("/projects/team%2Fsub", "/projects/team%2F**");
    let other = "/projects/other";
    // A right, where it holds, and where it makes an administrator.
    let cases: &[(&str, &str, &[&str])] = &[
        ("PROJECT_ADMIN", "team", &[project, repository]),
        ("PROJECT_WRITE", "team", &[]),
        ("REPO_ADMIN", "team", &[repository]),
        ("REPO_WRITE", "team/app", &[]),
        ("REPO_ADMIN", "team/app", &[repository]),
        ("REPO_ADMIN", "team/other", &[]),
        ("PROJECT_ADMIN", "team/**", &[project, repository, nested, below]),
        ("PROJECT_ADMIN", "*", &[project, repository, nested, below, other]),
        ("REPO_ADMIN", "*", &[repository]),
    ];
    for (permission, place, administers) in cases {
        grant(&site, "add", "alice", permission, place);
        for path in [project, repository, nested, below, other] {
            let expected = if administers.contains(&path) { "200" } else { DENIED };
            for (method, body) in [("GET", ""), ("PUT", READER)] {
                let answer = call(&site, &format!("{method} {path}"), &person("alice"), body);
                assert_eq!(answer.said(), expected, "{permission} on {place}: {method} {path}");
            }
        }
        grant(&site, "remove", "alice", permission, place);
        let after = call(&site, &format!("GET {repository}"), &person("alice"), "");
        assert_eq!(after.said(), DENIED, "{permission} on {place}, removed");
    }
}

#[test]
fn who_is_disabled_comes_back_with_every_token() {
    let site = site(&["alice", "root!"]);
    let (id, secret) = make(&site, "alice", "/users/alice", READER);
    let show = format!("GET /users/alice/{id}");
    for (verb, person_gets, token_gets) in [("disable", 401, 401), ("enable", 200, 200)] {
        site.done(&["user", verb, "alice"], "");
        call(&site, &show, &person("alice"), "").must(person_gets);
        call(&site, "GET /self", &bearer(&secret), "").must(token_gets);
        let shown = call(&site, &show, &person("root"), "").must(200);
        assert_eq!(shown.json["user"]["active"], verb == "enable");
    }
}
