//! What administrators demand of new tokens.

use super::api::{READER, call, make, person, site};
use super::support::{Site, bearer};
use serde_json::{Value, json};

fn put(site: &Site, line: &str, by: &str, body: &str) -> super::api::Answer {
    call(site, &format!("PUT {line}"), &person(by), body)
}

fn all() -> Value {
    let every =
        ["PROJECT_READ", "PROJECT_WRITE", "PROJECT_ADMIN", "REPO_READ", "REPO_WRITE", "REPO_ADMIN"];
    json!({
        "expiryRequired": false, "maxExpiryDays": null, "maxTokensPerOwner": null,
        "allowedPermissions": { "user": every, "project": every, "repository": every },
    })
}

/// Every line: a change, and the member that is changed by it with its value.
const CHANGES: &[(&str, &str, &str)] = &[
    (r#"{"expiryRequired":true}"#, "/expiryRequired", "true"),
    (r#"{"maxExpiryDays":30}"#, "/maxExpiryDays", "30"),
    (r#"{"maxTokensPerOwner":4294967295}"#, "/maxTokensPerOwner", "4294967295"),
    (r#"{"maxTokensPerOwner":null}"#, "/maxTokensPerOwner", "null"),
    (r#"{"expiryRequired":null}"#, "/expiryRequired", "true"),
    ("{}", "/maxExpiryDays", "30"),
    (r#"{"maxExpiryDays":null,"expiryRequired":false}"#, "/expiryRequired", "false"),
    (r#"{"maxExpiryDays":null}"#, "/maxExpiryDays", "null"),
    (
        r#"{"allowedPermissions":{"user":["REPO_WRITE","REPO_READ","REPO_READ"]}}"#,
        "/allowedPermissions/user",
        r#"["REPO_READ","REPO_WRITE"]"#,
    ),
    (r#"{"allowedPermissions":{"repository":[]}}"#, "/allowedPermissions/repository", "[]"),
    (r#"{"allowedPermissions":{}}"#, "/allowedPermissions/repository", "[]"),
    (r#"{"allowedPermissions":null}"#, "/allowedPermissions/repository", "[]"),
];

const BAD: &[(&str, &str)] = &[
    (r#"{"expiryRequired":"true"}"#, "expiryRequired"),
    (r#"{"expiryRequired":1}"#, "expiryRequired"),
    (r#"{"maxExpiryDays":0}"#, "maxExpiryDays"),
    (r#"{"maxExpiryDays":-1}"#, "maxExpiryDays"),
    (r#"{"maxExpiryDays":1.5}"#, "maxExpiryDays"),
    (r#"{"maxExpiryDays":"90"}"#, "maxExpiryDays"),
    (r#"{"maxExpiryDays":4294967296}"#, "maxExpiryDays"),
    (r#"{"maxTokensPerOwner":0}"#, "maxTokensPerOwner"),
    (r#"{"maxTokensPerOwner":[]}"#, "maxTokensPerOwner"),
    (r#"{"allowedPermissions":["REPO_READ"]}"#, "allowedPermissions"),
    (r#"{"allowedPermissions":{"user":"REPO_READ"}}"#, "allowedPermissions"),
    (r#"{"allowedPermissions":{"user":null}}"#, "allowedPermissions"),
    (r#"{"allowedPermissions":{"user":["ADMIN"]}}"#, "allowedPermissions"),
    (r#"{"allowedPermissions":{"group":[]}}"#, "allowedPermissions"),
    (r#"{"expiryrequired":true}"#, "expiryrequired"),
    (r#"{"maxDays":3}"#, "maxDays"),
    (r#"{"expiryRequired":true,"expiryRequired":false}"#, ""),
    (r#"{"allowedPermissions":{"user":[],"user":["REPO_READ"]}}"#, ""),
    ("[]", ""),
    ("true", ""),
];

#[test]
fn settings_change_as_far_as_they_are_named() {
    let site = site(&["alice", "root!"]);
    let show = || call(&site, "GET /settings", &person("root"), "").must(200).json;
    assert_eq!(show(), all());
    for (body, at, expected) in CHANGES {
        let mut should = show();
        let changed = put(&site, "/settings", "root", body).must(200).json;
        *should.pointer_mut(at).unwrap() = serde_json::from_str(expected).unwrap();
        if body.contains("maxExpiryDays\":null") {
            should["maxExpiryDays"] = Value::Null;
        }
        assert_eq!(changed, should, "{body}");
        assert_eq!(show(), should, "{body}");
    }
    let before = show();
    for (body, field) in BAD {
        let answer = put(&site, "/settings", "root", body);
        assert_eq!(answer.said(), "400 ArgumentValidationException", "{body}: {}", answer.json);
        let context = answer.error()["context"].as_str().unwrap_or_default();
        assert_eq!(context, *field, "{body}: {}", answer.json);
        assert_eq!(show(), before, "{body}");
    }
    let refused = put(&site, "/settings", "alice", r#"{"expiryRequired":true}"#);
    assert_eq!(refused.said(), "401 AuthorisationException");
    assert_eq!(show(), before);
    // The command line sees the same.
    let shown = site.done(&["settings", "show", "--json"], "");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["expiryRequired"], before["expiryRequired"]);
}

/// Every line: the settings, a call that must break them, and the field at fault.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    (r#"{"expiryRequired":true}"#, "/users/alice", READER, "expiryDays"),
    (
        r#"{"maxExpiryDays":30}"#,
        "/users/alice",
        r#"{"name":"t","permissions":["REPO_READ"],"expiryDays":31}"#,
        "expiryDays",
    ),
    (
        r#"{"allowedPermissions":{"user":["REPO_WRITE"]}}"#,
        "/users/alice",
        r#"{"name":"t","permissions":["REPO_READ"],"expiryDays":1}"#,
        "permissions",
    ),
    (
        r#"{"allowedPermissions":{"user":["REPO_READ"]}}"#,
        "/users/alice",
        r#"{"name":"t","permissions":["PROJECT_READ"],"expiryDays":1}"#,
        "permissions",
    ),
    (
        r#"{"allowedPermissions":{"repository":[]}}"#,
        "/projects/team/repos/app",
        r#"{"name":"t","permissions":["REPO_READ"],"expiryDays":1}"#,
        "permissions",
    ),
];

#[test]
fn new_tokens_are_held_to_the_settings_and_old_ones_are_not() {
    let site = site(&["alice PROJECT_ADMIN team", "root!"]);
    let (old, secret) = make(&site, "alice", "/users/alice", READER);
    for (settings, place, body, field) in BROKEN {
        put(&site, "/settings", "root", settings).must(200);
        let answer = put(&site, place, "alice", body);
        assert_eq!(answer.said(), "400 ArgumentValidationException", "{settings}");
        assert_eq!(answer.error()["context"], *field, "{settings}: {}", answer.json);
    }
    call(&site, "GET /self", &bearer(&secret), "").must(200);
    let line = format!("POST /users/alice/{old}");
    // Another name is no other token; permissions are what they may be now.
    call(&site, &line, &person("alice"), r#"{"name":"still"}"#).must(200);
    let raised = call(&site, &line, &person("alice"), r#"{"permissions":["REPO_WRITE"]}"#);
    assert_eq!(raised.error()["context"], "permissions", "{}", raised.json);
    let good = r#"{"name":"t","permissions":["REPO_READ"],"expiryDays":30}"#;
    put(&site, "/users/alice", "alice", good).must(200);
}

#[test]
fn an_owner_has_so_many_tokens_at_a_time() {
    let site = site(&["alice PROJECT_ADMIN team", "bob", "root!"]);
    put(&site, "/settings", "root", r#"{"maxTokensPerOwner":2}"#).must(200);
    for place in ["/users/alice", "/projects/team", "/projects/team/repos/app"] {
        let (first, _) = make(&site, "alice", place, READER);
        let (second, _) = make(&site, "alice", place, READER);
        let third = put(&site, place, "alice", READER);
        assert_eq!(third.said(), "400 ArgumentValidationException");
        assert!(
            third.message().contains("has 2 live tokens, and one owner may have 2 here"),
            "{}",
            third.json
        );
        // In the place of one there may be another, which counts by itself while both are live.
        let rotate = format!("POST {place}/{second}/rotate");
        call(&site, &rotate, &person("alice"), r#"{"overlap":"1h"}"#).must(200);
        put(&site, place, "alice", READER).must(400);
        for id in [first, second] {
            put(&site, place, "alice", READER).must(400);
            call(&site, &format!("DELETE {place}/{id}"), &person("alice"), "").must(204);
        }
        put(&site, place, "alice", READER).must(200);
        put(&site, place, "alice", READER).must(400);
    }
    put(&site, "/users/bob", "bob", READER).must(200);
    put(&site, "/settings", "root", r#"{"maxTokensPerOwner":null}"#).must(200);
    put(&site, "/users/alice", "alice", READER).must(200);
}

#[test]
fn a_project_forbids_tokens_of_its_repositories() {
    let site = site(&["pam PROJECT_ADMIN team", "ron REPO_ADMIN team", "root!"]);
    let path = "/projects/team/settings";
    let app = "/projects/team/repos/app";
    let (_, old) = make(&site, "ron", app, READER);
    let show = || call(&site, &format!("GET {path}"), &person("pam"), "").must(200).json;
    assert_eq!(show(), json!({ "repositoryTokens": true }));
    let bad = [
        "{}",
        r#"{"repositoryTokens":null}"#,
        r#"{"repositoryTokens":"false"}"#,
        r#"{"repositorytokens":false}"#,
        r#"{"repositoryTokens":false,"x":1}"#,
        "[]",
    ];
    for body in bad {
        let answer = put(&site, path, "pam", body);
        assert_eq!(answer.said(), "400 ArgumentValidationException", "{body}");
    }
    for (by, status) in [("ron", 401), ("root", 200), ("pam", 200)] {
        let answer = put(&site, path, by, r#"{"repositoryTokens":false}"#);
        assert_eq!(answer.status, status, "{by}");
    }
    assert_eq!(show(), json!({ "repositoryTokens": false }));
    for by in ["ron", "pam"] {
        let answer = put(&site, app, by, READER);
        assert_eq!(answer.said(), "400 ArgumentValidationException");
        assert!(answer.message().contains("forbidden tokens of its repositories"));
    }
    call(&site, "GET /self", &bearer(&old), "").must(200);
    put(&site, "/projects/team", "pam", READER).must(200);
    put(&site, "/users/ron", "ron", READER).must(200);
    put(&site, path, "pam", r#"{"repositoryTokens":true}"#).must(200);
    put(&site, app, "ron", READER).must(200);
    // Only one project has settings.
    let below = call(&site, "GET /projects/team%2F**/settings", &person("root"), "");
    assert_eq!(below.said(), "404 NoSuchObjectException");
}
