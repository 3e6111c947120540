//! What is written down about calls: the line of each request, the trail, and never a secret.

use super::api::{READER, builder, call, from, make, person, populated, site};
use super::support::{PASSWORD, basic, bearer, eventually};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use std::fs;

#[expect(clippy::too_many_lines, reason = "they are data, a line or a few each")]
#[test]
fn every_call_leaves_a_line() {
    let site = site(&["alice", "bob", "gone", "root!"]);
    let (id, secret) = make(&site, "alice", "/users/alice", READER);
    site.done(&["user", "disable", "gone"], "");
    let (alice, wrong) = (person("alice"), basic("alice", "wrong"));
    let one = format!("/users/alice/{id}");
    let get = |path: &str| format!("GET {path}");
    // The call, then status, verdict, reason, user and token of its line.
    let cases = [
        (get("/users/alice"), &alice, "", 200, "allowed", None, Some("alice"), None),
        (get("/users/alice"), &person("ALICE"), "", 200, "allowed", None, Some("alice"), None),
        (get(&one), &person("root"), "", 200, "allowed", None, Some("root"), None),
        (get("/self"), &bearer(&secret), "", 200, "allowed", None, None, Some(&id)),
        (get("/users/alice"), &wrong, "", 401, "challenged", Some("wrong-password"), None, None),
        (
            get("/users/alice"),
            &String::new(),
            "",
            401,
            "challenged",
            Some("no-credential"),
            None,
            None,
        ),
        (
            get("/users/gone"),
            &person("gone"),
            "",
            401,
            "challenged",
            Some("not-permitted"),
            None,
            None,
        ),
        (
            get("/users/alice"),
            &person("bob"),
            "",
            401,
            "challenged",
            Some("not-permitted"),
            Some("bob"),
            None,
        ),
        (
            get("/users/alice"),
            &bearer(&secret),
            "",
            403,
            "refused",
            Some("own-path"),
            None,
            Some(&id),
        ),
        (
            get("/users/alice/99"),
            &alice,
            "",
            404,
            "refused",
            Some("not-found"),
            Some("alice"),
            None,
        ),
        (get("/nothing"), &alice, "", 404, "refused", Some("not-found"), Some("alice"), None),
        (
            "PATCH /all".to_owned(),
            &alice,
            "",
            405,
            "malformed",
            Some("method"),
            Some("alice"),
            None,
        ),
        (
            "PUT /users/alice".to_owned(),
            &alice,
            "{",
            400,
            "malformed",
            Some("invalid"),
            Some("alice"),
            None,
        ),
        (get("/all?limit=0"), &alice, "", 400, "malformed", Some("invalid"), Some("alice"), None),
        (
            "PUT /users/alice".to_owned(),
            &alice,
            "",
            415,
            "malformed",
            Some("media-type"),
            Some("alice"),
            None,
        ),
    ];
    for (line, headers, body, status, verdict, reason, user, token) in cases {
        let answer = call(&site, &line, &(headers.clone() + &from("10.9.8.7")), body);
        assert_eq!(answer.status, status, "{line}: {}", answer.json);
        let written = site.logged(&[&answer.reply.header("x-request-id").unwrap(), "\"request\""]);
        let (method, path) = line.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let expected = json!({
            "action": "manage", "status": status, "verdict": verdict, "reason": reason,
            "user": user, "method": method, "path": format!("{}{path}", super::api::ROOT),
            "client": "10.9.8.7", "token": token.map(|id| id.parse::<i64>().unwrap()),
        });
        for (key, expected) in expected.as_object().unwrap() {
            assert_eq!(
                written.get(key).unwrap_or(&Value::Null),
                expected,
                "{line} {key}: {written}"
            );
        }
    }
}

/// Every text and every byte string in the store.
fn contents(store: &Connection) -> String {
    let mut tables = store.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = String::new();
    for name in names {
        let mut statement = store.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                        all += &String::from_utf8_lossy(bytes);
                    }
                    _ => {}
                }
                all.push('\n');
            }
        }
    }
    all
}

#[test]
fn no_secret_is_written_down() {
    let builder = builder().section("[log]\nlevel = 'trace'");
    let site = populated(builder.start(), &["alice PROJECT_ADMIN team", "root!"]);
    let guess = "my other passphrase";
    let mut secrets = vec![PASSWORD.to_owned(), guess.to_owned()];
    for place in ["/users/alice", "/projects/team", "/projects/team/repos/app"] {
        let (id, secret) = make(&site, "alice", place, READER);
        let line = format!("POST {place}/{id}/rotate");
        let next = call(&site, &line, &person("alice"), r#"{"overlap":"1h"}"#).text("token");
        call(&site, "GET /self", &bearer(&secret), "").must(200);
        call(&site, &format!("DELETE {place}/{id}"), &bearer(&next), "").must(403);
        secrets.extend([secret, next]);
    }
    // Passwords and tokens where none belong.
    let secret = secrets[2].clone();
    call(&site, "GET /users/alice", &basic("alice", guess), "").must(401);
    call(&site, "GET /users/alice", &basic(guess, guess), "").must(401);
    call(&site, "GET /users/alice", &basic(PASSWORD, ""), "").must(401);
    call(&site, "GET /users/alice", &basic(&secret, guess), "").must(401);
    let named = READER.replace("\"t\"", &format!("\"{secret}\""));
    let created = call(&site, "PUT /users/alice", &person("alice"), &named).must(400);
    assert!(!created.json.to_string().contains(&secret));
    let only = READER.replace('}', &format!(",\"only\":[\"{secret}\"]}}"));
    call(&site, "PUT /users/alice", &person("alice"), &only).must(400);
    let last = call(&site, "GET /all", &person("root"), "").must(200);
    site.logged(&[&last.reply.header("x-request-id").unwrap(), "\"request\""]);
    let store = Connection::open(site.database()).unwrap();
    let kept = contents(&store);
    assert!(kept.contains("token.rotated"), "the trail is among it");
    let (log, errors) = (site.log(), site.errors());
    for (what, text) in [("log", &log), ("standard error", &errors), ("store", &kept)] {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{what}: {secret}");
        }
    }
    for file in ["gitlatch.db", "gitlatch.db-wal"] {
        let bytes = fs::read(site.folder().join(file)).unwrap_or_default();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{file}: {secret}");
        }
    }
}

#[test]
fn the_trail_tells_who_did_what_from_where() {
    let site = site(&["alice PROJECT_ADMIN team", "root!"]);
    let at = |name: &str| person(name) + &from("10.1.2.3");
    let put = call(&site, "PUT /users/alice", &at("alice"), READER).must(200);
    let (id, secret) = (put.text("id"), put.text("token"));
    let one = format!("/users/alice/{id}");
    call(&site, &format!("POST {one}"), &at("root"), r#"{"name":"other"}"#).must(200);
    let next = call(&site, &format!("POST {one}/rotate"), &at("alice"), r#"{"overlap":"1h"}"#);
    let next = next.must(200).text("id");
    call(&site, &format!("DELETE /users/alice/{next}"), &at("root"), "").must(204);
    call(&site, "DELETE /self", &(bearer(&secret) + &from("10.1.2.3")), "").must(204);
    call(&site, "PUT /settings", &at("root"), r#"{"maxExpiryDays":9}"#).must(200);
    let forbid = r#"{"repositoryTokens":false}"#;
    call(&site, "PUT /projects/team/settings", &at("alice"), forbid).must(200);
    let wrong = basic("alice", "wrong") + &from("10.1.2.3");
    call(&site, "GET /settings", &wrong, "").must(401);
    // What is refused or changes nothing leaves none.
    call(&site, &format!("DELETE {one}"), &at("root"), "").must(404);
    call(&site, "PUT /settings", &at("alice"), "{}").must(401);
    let store = Connection::open(site.database()).unwrap();
    let read = || -> Vec<String> {
        let sql =
            "SELECT event || ' ' || actor_kind || ' ' || actor || ' ' || ifnull(token_id, '-')
                   FROM trail WHERE from_address = '10.1.2.3' AND event NOT LIKE 'token.%use'
                   AND event NOT LIKE 'token.new%' ORDER BY number";
        let mut statement = store.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let expected = [
        format!("token.created user alice {id}"),
        format!("token.edited user root {id}"),
        format!("token.rotated user alice {id}"),
        format!("token.created user alice {next}"),
        format!("token.revoked user root {next}"),
        format!("token.revoked token {id} {id}"),
        "settings.changed user root -".to_owned(),
        "settings.project-changed user alice -".to_owned(),
        "login.failed nobody  -".to_owned(),
    ];
    eventually("the trail", || (read().len() >= expected.len()).then_some(()));
    assert_eq!(read(), expected);
}
