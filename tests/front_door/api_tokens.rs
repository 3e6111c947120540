//! Tokens one by one: their shapes, numbers, rotation, limits, and what they may do about themselves.

use super::api::{Answer, READER, builder, call, from, make, person, populated, site};
use super::api_document::Document;
use super::support::{Git, Site, basic, bearer, eventually, request};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn get(site: &Site, path: &str) -> Answer {
    call(site, &format!("GET {path}"), &person("pam"), "")
}

/// Every line: where a token is made, and what its owner looks like.
fn owners() -> [(&'static str, &'static str, Value); 6] {
    let project = |key: &str, kind: &str| json!({ "key": key, "name": key, "type": kind });
    let (team, personal) = (project("team", "NORMAL"), project("~pam", "PERSONAL"));
    let user = json!({
        "name": "pam", "active": true, "displayName": "Pam", "id": 1, "slug": "pam",
        "emailAddress": "pam@example.com", "type": "NORMAL",
    });
    [
        ("/users/pam", "user", user),
        ("/projects/team", "project", team.clone()),
        ("/projects/~pam", "project", personal.clone()),
        ("/projects/group%2F**", "project", project("group/**", "NORMAL")),
        (
            "/projects/team/repos/app",
            "repository",
            json!({ "slug": "app", "name": "app", "project": team }),
        ),
        (
            "/projects/~pam/repos/dot.files",
            "repository",
            json!({ "slug": "dot.files", "name": "dot.files", "project": personal }),
        ),
    ]
}

#[test]
fn tokens_look_like_bitbuckets() {
    let site = builder().start();
    let pam = ["user", "add", "pam", "--display-name", "Pam", "--email", "pam@example.com"];
    site.done(&[&pam[..], &["--password-stdin"]].concat(), super::support::PASSWORD);
    super::api::grant(&site, "add", "pam", "PROJECT_ADMIN", "*");
    for (path, kind, owner) in owners() {
        let made = call(&site, &format!("PUT {path}"), &person("pam"), READER).must(200);
        let created = made.json["createdDate"].as_i64().unwrap();
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let now = i64::try_from(now).unwrap();
        assert!((now - 60_000..=now + 1000).contains(&created), "{created} in milliseconds");
        let id = made.text("id");
        let mut expected = json!({
            "id": id, "name": "t", "permissions": ["REPO_READ"], "createdDate": created,
        });
        expected[kind] = owner;
        let shown = get(&site, &format!("{path}/{id}")).must(200).json;
        assert_eq!(shown, expected, "{path}");
        assert_eq!(get(&site, path).must(200).json["values"], json!([expected]), "{path}");
        let secret = made.text("token");
        assert!(secret.starts_with(&format!("lat{}_", &kind[..1])), "{path}");
        expected["token"] = secret.clone().into();
        assert_eq!(made.json, expected, "{path}");
        // A use shows.
        call(&site, "GET /self", &bearer(&secret), "").must(200);
        let used = eventually("the use shows", || {
            let shown = get(&site, &format!("{path}/{id}")).json;
            shown.get("lastAuthenticated").is_some().then_some(shown)
        });
        assert!(used["lastAuthenticated"].as_i64().unwrap() >= created);
        assert_eq!(used["lastAddress"], "127.0.0.1");
    }
}

/// A body with every limit there is.
const LIMITED: &str = r#"{"name":"t","permissions":["REPO_WRITE"],"expiryDays":9,
    "only":["team/*","!team/secret"],"refs":["refs/heads/bot/*"],"from":["10.0.0.7","2001:db8::/32"],
    "noDelete":true,"noForce":true,"noTags":true}"#;

#[test]
fn limits_are_shown_everywhere_and_hold() {
    let site = site(&["pam PROJECT_ADMIN team", "root!"]);
    site.repository("team/app");
    let limits = json!({
        "only": ["team/*", "!team/secret"], "refs": ["refs/heads/bot/*"],
        "from": ["10.0.0.7/32", "2001:db8::/32"], "noDelete": true, "noForce": true, "noTags": true,
    });
    let holds = |shown: &Value| {
        for (key, expected) in limits.as_object().unwrap() {
            assert_eq!(shown[key], *expected, "{key}: {shown}");
        }
    };
    for path in ["/users/pam", "/projects/team", "/projects/team/repos/app"] {
        let made = call(&site, &format!("PUT {path}"), &person("pam"), LIMITED).must(200);
        let (id, secret) = (made.text("id"), made.text("token"));
        holds(&made.json);
        holds(&get(&site, &format!("{path}/{id}")).json);
        holds(&get(&site, path).json["values"][0]);
        let here = bearer(&secret) + &from("10.0.0.7");
        holds(&call(&site, "GET /self", &here, "").must(200).json);
        let all = call(&site, "GET /all", &person("root"), "").json;
        holds(all["values"].as_array().unwrap().last().unwrap());
        let line = format!("POST {path}/{id}/rotate");
        holds(&call(&site, &line, &person("pam"), r#"{"overlap":"1h"}"#).must(200).json);
        // A push asks first; its refs are looked at when they come.
        let cases = [
            ("team/app", "git-upload-pack", "10.0.0.7", 200),
            ("team/app", "git-upload-pack", "10.0.0.8", 403),
            ("team/app", "git-upload-pack", "127.0.0.1", 403),
            ("team/app", "git-upload-pack", "2001:db8::1", 200),
            ("team/secret", "git-upload-pack", "10.0.0.7", 403),
            ("other/app", "git-upload-pack", "10.0.0.7", 403),
            ("team/app", "git-receive-pack", "10.0.0.7", 200),
        ];
        for (repository, service, address, expected) in cases {
            let line = format!("GET /{repository}.git/info/refs?service={service}");
            let headers = bearer(&secret) + &from(address);
            let reply = request(site.address(), &line, &headers, b"");
            assert_eq!(reply.status, expected, "{path} {line} {address}: {}", reply.text());
        }
    }
}

#[test]
fn real_git_is_held_to_what_the_api_made() {
    let site = site(&["pam PROJECT_ADMIN team"]);
    site.repository("team/app");
    let write = r#"{"name":"t","permissions":["REPO_WRITE"]}"#;
    let refs = r#"{"name":"t","permissions":["REPO_WRITE"],"refs":["refs/heads/bot/*"]}"#;
    let deletes = r#"{"name":"t","permissions":["REPO_WRITE"],"noDelete":true}"#;
    let cases = [(write, true), (refs, false), (deletes, true), (READER, false)];
    for (nth, (body, pushes)) in cases.into_iter().enumerate() {
        for place in ["/users/pam", "/projects/team", "/projects/team/repos/app"] {
            let (_, secret) = make(&site, "pam", place, body);
            let git = Git::new();
            let name = format!("clone-{nth}");
            let header = format!("http.extraHeader=Authorization: Bearer {secret}");
            git.done(&["-c", &header, "clone", "-q", &site.url("/team/app.git"), &name]);
            git.commit(&name, &format!("{nth}{}", place.replace('/', "-")), 10);
            let pushed = git.run(&["-C", &name, "-c", &header, "push", "-q", "origin", "main"]);
            assert_eq!(pushed.code == Some(0), pushes, "{body} {place}: {}", pushed.said());
        }
    }
}

#[test]
fn only_numbers_are_numbers_and_only_of_their_owner() {
    let site = site(&["pam PROJECT_ADMIN *", "root!"]);
    let places =
        ["/users/pam", "/projects/team", "/projects/team/repos/app", "/projects/team%2F**"];
    let ids: Vec<String> = places.iter().map(|path| make(&site, "pam", path, READER).0).collect();
    let huge = "9".repeat(400);
    let odd = ["0", "-1", "1e0", "+1", "%2B1", "%201", "1%20", "0x1", "1.0", "9223372036854775808"];
    let calls = [
        ("GET", "", ""),
        ("POST", "", r#"{"name":"x"}"#),
        ("DELETE", "", ""),
        ("POST", "/rotate", ""),
    ];
    for (place, own) in places.iter().zip(&ids) {
        for id in ids.iter().filter(|id| *id != own) {
            for (method, rest, body) in calls {
                let line = format!("{method} {place}/{id}{rest}");
                let answer = call(&site, &line, &person("pam"), body);
                assert_eq!(answer.said(), "404 NoSuchObjectException", "{line}");
            }
            let by_root = call(&site, &format!("DELETE {place}/{id}"), &person("root"), "");
            assert_eq!(by_root.said(), "404 NoSuchObjectException", "{place} {id}");
        }
    }
    let unknown = ["99", "18446744073709551617", &huge, "", "x", "%D9%A1", "null"];
    for id in odd.into_iter().chain(unknown) {
        for method in ["GET", "DELETE"] {
            let answer = call(&site, &format!("{method} /users/pam/{id}"), &person("pam"), "");
            assert_eq!(answer.said(), "404 NoSuchObjectException", "{method} {id}");
        }
    }
    for (place, own) in places.iter().zip(&ids) {
        let there = get(&site, &format!("{place}/{own}")).must(200);
        assert_eq!(there.json["name"], "t");
    }
    // Zeros in front do not make another number.
    get(&site, &format!("/users/pam/00{}", ids[0])).must(200);
}

#[test]
fn revoked_is_gone() {
    let site = site(&["pam PROJECT_ADMIN team", "root!"]);
    for place in ["/users/pam", "/projects/team", "/projects/team/repos/app"] {
        for by in ["pam", "root"] {
            let (id, secret) = make(&site, "pam", place, READER);
            let path = format!("{place}/{id}");
            let deleted = call(&site, &format!("DELETE {path}"), &person(by), "").must(204);
            assert!(
                deleted.reply.body.is_empty() && deleted.reply.header("content-type").is_none()
            );
            call(&site, "GET /self", &bearer(&secret), "").must(401);
            let after =
                [("GET", "", ""), ("POST", "", "{}"), ("DELETE", "", ""), ("POST", "/rotate", "")];
            for (method, rest, body) in after {
                let answer = call(&site, &format!("{method} {path}{rest}"), &person("pam"), body);
                assert_eq!(answer.said(), "404 NoSuchObjectException", "{method} {path}{rest}");
            }
            assert_eq!(get(&site, place).must(200).json["size"], 0);
        }
    }
}

#[test]
fn a_token_is_rotated_at_once_or_with_an_overlap() {
    let site = site(&["pam PROJECT_ADMIN team"]);
    let changes = ["id", "createdDate"];
    let own = |secret: &str| call(&site, "GET /self", &bearer(secret), "");
    // The body, and whether the old secret still works.
    let cases = [
        ("", false),
        ("{}", false),
        (r#"{"overlap":null}"#, false),
        (r#"{"overlap":"0s"}"#, false),
        (r#"{"overlap":"1h"}"#, true),
        (r#"{"overlap":"90d"}"#, true),
    ];
    for (body, overlaps) in cases {
        let limited =
            r#"{"name":"t","permissions":["REPO_WRITE"],"expiryDays":90,"only":["team"]}"#;
        let (old_id, old) = make(&site, "pam", "/users/pam", limited);
        let shown = get(&site, &format!("/users/pam/{old_id}")).json;
        let line = format!("POST /users/pam/{old_id}/rotate");
        let made = call(&site, &line, &person("pam"), body).must(200);
        let (id, secret) = (made.text("id"), made.text("token"));
        assert!(id != old_id && secret != old);
        for (key, expected) in shown.as_object().unwrap() {
            assert!(made.json[key] == *expected || changes.contains(&key.as_str()), "{body} {key}");
        }
        own(&secret).must(200);
        own(&old).must(if overlaps { 200 } else { 401 });
        // Without an overlap it is revoked. Otherwise it says when it ends; and it is rotated once.
        let before =
            get(&site, &format!("/users/pam/{old_id}")).must(if overlaps { 200 } else { 404 });
        let again = call(&site, &line, &person("pam"), "");
        if overlaps {
            assert_eq!(before.json["successor"], id, "{body}");
            assert!(before.json["endsDate"].as_i64() <= before.json["expiryDate"].as_i64());
            assert_eq!(own(&old).json["successor"], id);
            assert_eq!(again.said(), "400 ArgumentValidationException", "{body}");
        } else {
            assert_eq!(again.said(), "404 NoSuchObjectException", "{body}");
        }
        // The successor can be rotated, and the end of one is not the end of the other.
        let next = format!("POST /users/pam/{id}/rotate");
        let last = call(&site, &next, &person("pam"), "").must(200).text("token");
        own(&secret).must(401);
        let delete = format!("DELETE /users/pam/{old_id}");
        call(&site, &delete, &person("pam"), "").must(if overlaps { 204 } else { 404 });
        own(&old).must(401);
        own(&last).must(200);
    }
}

#[test]
fn a_bad_overlap_rotates_nothing() {
    let site = site(&["pam"]);
    let (id, secret) = make(&site, "pam", "/users/pam", READER);
    let line = format!("POST /users/pam/{id}/rotate");
    let bodies = [
        r#"{"overlap":60}"#,
        r#"{"overlap":"60"}"#,
        r#"{"overlap":"-1h"}"#,
        r#"{"overlap":"1h30m"}"#,
        r#"{"overlap":""}"#,
        r#"{"overlap":"36501d"}"#,
        r#"{"overlap":["1h"]}"#,
        r#"{"overlap":"1h","overlap":"2h"}"#,
        r#"{"overlaps":"1h"}"#,
        r#"{"name":"x"}"#,
        "[]",
        "{",
    ];
    for body in bodies {
        let answer = call(&site, &line, &person("pam"), body);
        assert_eq!(answer.said(), "400 ArgumentValidationException", "{body}: {}", answer.json);
    }
    assert!(
        call(&site, "GET /self", &bearer(&secret), "").must(200).json.get("successor").is_none()
    );
    assert_eq!(get(&site, "/users/pam").json["size"], 1);
}

#[test]
fn a_token_looks_at_itself_and_revokes_itself_by_every_carrier() {
    type Carrier = fn(&str) -> String;
    let site = site(&["pam PROJECT_ADMIN team"]);
    let cases: [(&str, &str, Carrier); 7] = [
        ("/users/pam", "latest", |secret| bearer(secret)),
        ("/users/pam", "1.0", |secret| basic("pam", secret)),
        ("/users/pam", "latest", |secret| basic("PAM", secret)),
        ("/users/pam", "latest", |secret| basic(secret, "")),
        ("/users/pam", "latest", |secret| basic(secret, "x-oauth-basic")),
        ("/projects/team", "latest", |secret| basic("x-token-auth", secret)),
        ("/projects/team/repos/app", "1.0", |secret| bearer(secret)),
    ];
    for (place, version, carrier) in cases {
        let (id, secret) = make(&site, "pam", place, READER);
        let line = |method: &str| format!("{method} /rest/access-tokens/{version}/self");
        let headers = carrier(&secret);
        let own = request(site.address(), &line("GET"), &headers, b"");
        let own: Value = serde_json::from_slice(&own.body).unwrap();
        assert_eq!(own["id"], id);
        let head = request(site.address(), &line("HEAD"), &headers, b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        for method in ["PUT", "POST", "PATCH"] {
            let reply = request(site.address(), &line(method), &headers, b"");
            assert_eq!(reply.status, 405, "{method}");
            assert_eq!(reply.header("allow").as_deref(), Some("GET, DELETE"), "{method}");
        }
        assert_eq!(request(site.address(), &line("DELETE"), &headers, b"").status, 204);
        for method in ["GET", "DELETE", "POST"] {
            assert_eq!(request(site.address(), &line(method), &headers, b"").status, 401);
        }
    }
    // A token may not end another by naming it, nor by what stands in a body.
    let (id, secret) = make(&site, "pam", "/users/pam", READER);
    call(&site, &format!("DELETE /users/pam/{id}"), &bearer(&secret), "").must(403);
    call(&site, "DELETE /self", &person("pam"), "").must(404);
    call(&site, "DELETE /self", "", "").must(401);
    call(&site, "GET /self", &bearer(&secret), "").must(200);
}

/// Every property that the document promises is there in some answer, and none besides.
#[test]
fn the_document_promises_what_there_is() {
    let site = populated(builder().start(), &["root!"]);
    let pam = ["user", "add", "pam", "--email", "p@example.com", "--password-stdin"];
    site.done(&pam, super::support::PASSWORD);
    super::api::grant(&site, "add", "pam", "PROJECT_ADMIN", "*");
    let mut seen = BTreeSet::new();
    let mut see = |answer: Answer| {
        seen.extend(answer.seen.iter().cloned());
        answer
    };
    let (pam, root) = (person("pam"), person("root"));
    for path in ["/users/pam", "/projects/team", "/projects/team/repos/app"] {
        let made = see(call(&site, &format!("PUT {path}"), &pam, LIMITED).must(200));
        let id = made.text("id");
        let here = bearer(&made.text("token")) + &from("10.0.0.7");
        call(&site, "GET /self", &here, "").must(200);
        eventually("the use shows", || {
            let shown = get(&site, &format!("{path}/{id}")).json;
            shown.get("lastAuthenticated").map(|_| ())
        });
        see(call(&site, &format!("POST {path}/{id}/rotate"), &pam, r#"{"overlap":"1h"}"#).must(200));
        let store = Connection::open(site.database()).unwrap();
        store.busy_timeout(super::support::PATIENCE).unwrap();
        store.execute("UPDATE token SET suspended_ms = 1 WHERE id = ?1", [&id]).unwrap();
        see(get(&site, &format!("{path}/{id}")).must(200));
        call(&site, &format!("DELETE {path}/{id}"), &pam, "").must(204);
    }
    see(call(&site, "GET /all?filter=state:revoked", &root, "").must(200));
    see(call(&site, "GET /settings", &root, "").must(200));
    see(call(&site, "GET /projects/team/settings", &pam, "").must(200));
    see(call(&site, "GET /settings", &pam, "").must(401));
    let mut promised = BTreeSet::new();
    for schema in ["TokenPage", "IssuedToken", "Settings", "ProjectSettings", "Errors"] {
        promised.extend(Document::read().properties(schema));
    }
    // A token on its way is as it was made.
    let later = [
        "lastAuthenticated",
        "lastAddress",
        "suspendedDate",
        "revokedDate",
        "successor",
        "endsDate",
    ];
    let never: BTreeSet<String> = later.map(|name| format!("IssuedToken.{name}")).into();
    let missing: Vec<_> = promised.difference(&seen).filter(|p| !never.contains(*p)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(seen.iter().all(|property| promised.contains(property)), "{seen:?}");
}
