//! Listings: pages, and what administrators ask for.

use super::api::{Answer, READER, builder, call, make, person, populated, site};
use super::support::{Site, bearer, eventually};
use rusqlite::Connection;

fn numbers(answer: &Answer) -> Vec<i64> {
    let values = answer.json["values"].as_array().unwrap().iter();
    values.map(|token| token["id"].as_str().unwrap().parse().unwrap()).collect()
}

type PageCase = (&'static str, (i64, i64), u64, bool, Option<u64>);

/// Every line: the query, then what the page says: from which token to which, limit, last, next.
const PAGES: &[PageCase] = &[
    ("", (1, 25), 25, false, Some(25)),
    ("?start=25", (26, 50), 25, false, Some(50)),
    ("?start=50", (51, 60), 25, true, None),
    ("?limit=60", (1, 60), 60, true, None),
    ("?limit=59", (1, 59), 59, false, Some(59)),
    ("?limit=61", (1, 60), 61, true, None),
    ("?start=59&limit=1", (60, 60), 1, true, None),
    ("?start=58&limit=1", (59, 59), 1, false, Some(59)),
    ("?limit=1", (1, 1), 1, false, Some(1)),
    ("?limit=1000", (1, 60), 1000, true, None),
    ("?limit=1001", (1, 60), 1000, true, None),
    ("?limit=4294967295", (1, 60), 1000, true, None),
    ("?start=60", (1, 0), 25, true, None),
    ("?start=4000000000", (1, 0), 25, true, None),
    ("?avatarSize=64&limit=2&start=3", (4, 5), 2, false, Some(5)),
    ("?li%6Dit=2", (1, 2), 2, false, Some(2)),
];

/// Queries that mean nothing, and the parameter at fault.
const BAD_PAGES: &[(&str, &str)] = &[
    ("?limit=0", "limit"),
    ("?limit=-1", "limit"),
    ("?limit=", "limit"),
    ("?limit", "limit"),
    ("?limit=ten", "limit"),
    ("?limit=1.5", "limit"),
    ("?limit=%2B1", "limit"),
    ("?limit=4294967296", "limit"),
    ("?start=-1", "start"),
    ("?start=1e2", "start"),
    ("?start=%D9%A1", "start"),
    ("?start=1&start=2", "start"),
    ("?limit=5&limi%74=6", "limit"),
];

/// A site with the tokens 1 to 60 of alice.
fn sixty() -> Site {
    let site = site(&["alice", "bob", "root!"]);
    for _ in 0..60 {
        make(&site, "alice", "/users/alice", READER);
    }
    site
}

#[test]
fn a_listing_has_pages() {
    let site = sixty();
    for (path, by) in [("/users/alice", "alice"), ("/all", "root")] {
        for (query, (first, last), limit, is_last, next) in PAGES {
            let page = call(&site, &format!("GET {path}{query}"), &person(by), "").must(200);
            assert_eq!(numbers(&page), (*first..=*last).collect::<Vec<_>>(), "{query}");
            assert_eq!(page.json["size"], *last - *first + 1, "{query}");
            assert_eq!(page.json["limit"], *limit, "{query}");
            assert_eq!(page.json["isLastPage"], *is_last, "{query}");
            assert_eq!(page.json["nextPageStart"].as_u64(), *next, "{query}");
            let keys: Vec<&String> = page.json.as_object().unwrap().keys().collect();
            let all = ["size", "limit", "isLastPage", "values", "start", "nextPageStart"];
            assert_eq!(keys, all, "{query}");
        }
        for (query, field) in BAD_PAGES {
            let answer = call(&site, &format!("GET {path}{query}"), &person(by), "");
            assert_eq!(answer.said(), "400 ArgumentValidationException", "{query}");
            assert_eq!(answer.error()["context"], *field, "{query}");
        }
    }
    // Page by page comes to all of them, once.
    let (mut all, mut start) = (Vec::new(), Some(0));
    while let Some(from) = start {
        let line = format!("GET /users/alice?limit=7&start={from}");
        let page = call(&site, &line, &person("alice"), "").must(200);
        all.extend(numbers(&page));
        start = page.json["nextPageStart"].as_u64();
    }
    assert_eq!(all, (1..=60).collect::<Vec<_>>());
    assert_eq!(call(&site, "GET /users/bob", &person("bob"), "").must(200).json["size"], 0);
}

/// Tokens of every kind, by their numbers:
///
/// 1. alice's `nightly build`, `REPO_READ`, never expires, was used
/// 2. alice's `release`, `REPO_WRITE`, 10 days
/// 3. bob's `nightly`, `PROJECT_ADMIN`, 100 days
/// 4. the project team's `ci: deploy`, `REPO_ADMIN`, never
/// 5. the repository team/app's `mirror`, `REPO_READ`, 30 days, made long ago
/// 6. alice's `old`, `REPO_READ`, revoked
/// 7. the project `group/sub/**`'s `all`, `PROJECT_READ`
/// 8. alice's `past`, which has expired
fn variety() -> Site {
    let site = populated(builder().start(), &["alice", "bob", "pam PROJECT_ADMIN *", "root!"]);
    let body = |name: &str, permission: &str, days: &str| {
        format!(r#"{{"name":"{name}","permissions":["{permission}"],"expiryDays":{days}}}"#)
    };
    let make = |by: &str, place: &str, name: &str, permission: &str, days: &str| {
        make(&site, by, place, &body(name, permission, days)).1
    };
    let used = make("alice", "/users/alice", "nightly build", "REPO_READ", "null");
    make("alice", "/users/alice", "release", "REPO_WRITE", "10");
    make("bob", "/users/bob", "nightly", "PROJECT_ADMIN", "100");
    make("pam", "/projects/team", "ci: deploy", "REPO_ADMIN", "null");
    make("pam", "/projects/team/repos/app", "mirror", "REPO_READ", "30");
    make("alice", "/users/alice", "old", "REPO_READ", "null");
    make("pam", "/projects/group%2Fsub%2F**", "all", "PROJECT_READ", "null");
    make("alice", "/users/alice", "past", "REPO_READ", "1");
    call(&site, "DELETE /users/alice/6", &person("alice"), "").must(204);
    call(&site, "GET /self", &bearer(&used), "").must(200);
    eventually("the use shows", || {
        let shown = call(&site, "GET /users/alice/1", &person("alice"), "").json;
        shown.get("lastAuthenticated").map(|_| ())
    });
    let store = Connection::open(site.database()).unwrap();
    store.busy_timeout(super::support::PATIENCE).unwrap();
    let year = 365_i64 * 86_400_000;
    store.execute("UPDATE token SET created_ms = created_ms - ?1 WHERE id = 5", [year]).unwrap();
    store.execute("UPDATE token SET expires_ms = created_ms - 1 WHERE id = 8", []).unwrap();
    site
}

/// Every line: a filter, and the tokens of [`variety`] that it lets through.
const FILTERS: &[(&str, &[i64])] = &[
    ("", &[1, 2, 3, 4, 5, 7, 8]),
    ("owner:alice", &[1, 2, 8]),
    ("owner:ALICE", &[1, 2, 8]),
    ("owner:user/bob", &[3]),
    ("owner:nobody", &[]),
    ("owner:project/team", &[4]),
    ("owner:project/Team", &[]),
    ("owner:project/group/sub/**", &[7]),
    ("owner:repository/team/app", &[5]),
    ("owner:repository/team/other", &[]),
    ("kind:user", &[1, 2, 3, 8]),
    ("kind:project", &[4, 7]),
    ("kind:repository", &[5]),
    ("expires:never", &[1, 4, 7]),
    ("expires:past", &[8]),
    ("expires:14d", &[2]),
    ("expires:31d", &[2, 5]),
    ("expires:1s", &[]),
    ("used:never", &[2, 3, 4, 5, 7, 8]),
    ("used:1h", &[1]),
    ("unused:30d", &[5]),
    ("unused:1000d", &[]),
    ("permission:REPO_READ", &[1, 2, 3, 4, 5, 7, 8]),
    ("permission:REPO_WRITE", &[2, 3, 4]),
    ("permission:REPO_ADMIN", &[3, 4]),
    ("permission:PROJECT_READ", &[3, 7]),
    ("policy:broken", &[1, 3, 4, 5, 7]),
    ("state:revoked", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("nightly", &[1, 3]),
    ("NIGHTLY", &[1, 3]),
    ("nightly+build", &[1]),
    ("build+nightly", &[]),
    ("team", &[4, 5]),
    ("owner:alice+kind:user+permission:REPO_WRITE", &[2]),
    ("owner:alice+kind:project", &[]),
    ("release+owner:alice", &[2]),
    ("%20+kind:repository++", &[5]),
    ("kind%3Auser%20owner%3Abob", &[3]),
];

const BAD_FILTERS: &[&str] = &[
    "owner:",
    "owner:a%20b:c",
    "owner:team/app",
    "owner:project/",
    "owner:project/*",
    "owner:repository/app",
    "owner:repository/team/a.git",
    "owner:al!ce",
    "kind:",
    "kind:group",
    "kind:User",
    "expires:",
    "expires:soon",
    "expires:14",
    "expires:-1d",
    "used:",
    "used:0d",
    "unused:never",
    "permission:",
    "permission:repo_read",
    "permission:ADMIN",
    "policy:kept",
    "state:live",
    "nonsense:1",
    ":",
    "::",
    "ci:+deploy",
    "kind:user+kind:project",
    "kind:user+kind:user",
    "owner:alice+owner:bob",
    "used:never+unused:30d",
    "expires:never+expires:14d",
];

#[test]
fn administrators_find_what_they_look_for() {
    let site = variety();
    let root = person("root");
    let settings = r#"{"expiryRequired":true,"maxExpiryDays":50}"#;
    call(&site, "PUT /settings", &root, settings).must(200);
    for (filter, expected) in FILTERS {
        let found = call(&site, &format!("GET /all?filter={filter}"), &root, "").must(200);
        assert_eq!(numbers(&found), *expected, "{filter}");
    }
    for filter in BAD_FILTERS {
        let answer = call(&site, &format!("GET /all?filter={filter}"), &root, "");
        assert_eq!(answer.said(), "400 ArgumentValidationException", "{filter}: {}", answer.json);
        assert_eq!(answer.error()["context"], "filter", "{filter}");
    }
    let twice = call(&site, "GET /all?filter=a&filter=b", &root, "");
    assert_eq!(twice.status, 400);
    let revoked = call(&site, "GET /all?filter=state:revoked+owner:alice+old", &root, "").json;
    assert!(revoked["values"][0]["revokedDate"].is_i64(), "{revoked}");
    // A page of what is found.
    let page = call(&site, "GET /all?filter=kind:user&limit=2&start=1", &root, "").must(200);
    assert_eq!(numbers(&page), [2, 3]);
    assert_eq!(page.json["nextPageStart"], 3);
    for name in ["alice", "pam"] {
        let refused = call(&site, "GET /all?filter=kind:user", &person(name), "");
        assert_eq!(refused.said(), "401 AuthorisationException", "{name}");
    }
}
