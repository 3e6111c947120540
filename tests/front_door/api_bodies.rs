//! What stands in the bodies of calls, good and bad.

use super::api::{Answer, READER, call, make, person, send, site};
use super::api_document::Document;
use super::support::{Site, raw};
use std::fmt::Write as _;

const JSON: &str = "Content-Type: application/json\r\n";

fn put(site: &Site, path: &str, body: &str) -> Answer {
    call(site, &format!("PUT {path}"), &person("pam"), body)
}

/// A body with a name, and these members beside it.
fn named(rest: &str) -> String {
    format!(r#"{{"name":"t",{rest}}}"#)
}

/// A body that makes a token, and these members beside.
fn reader(rest: &str) -> String {
    named(&format!(r#""permissions":["REPO_READ"],{rest}"#))
}

/// Every line: a body, the field at fault, and a piece of what is said.
#[expect(clippy::too_many_lines, reason = "they are data, a line or a few each")]
fn bad_creations() -> Vec<(String, &'static str, &'static str)> {
    let long = "ä".repeat(256);
    let name = |name: &str| format!(r#"{{"name":{name},"permissions":["REPO_READ"]}}"#);
    let permissions = |list: &str| named(&format!(r#""permissions":{list}"#));
    let token = format!("\"latu_{}\"", "a".repeat(36));
    let escaped = token.replacen('l', "\\u006c", 1);
    vec![
        (r#"{"permissions":["REPO_READ"]}"#.to_owned(), "name", "needs a `name`"),
        (name("null"), "name", "needs a `name`"),
        (name(r#""""#), "name", "it is empty"),
        (name(r#"" \t ""#), "name", "it is empty"),
        (name(r#""a\u0000b""#), "name", "control characters"),
        (name(r#""a\nb""#), "name", "control characters"),
        (name(r#""\u001b[31m""#), "name", "control characters"),
        (name(r#""a\u202eb""#), "name", "control characters"),
        (name(&format!("\"{long}\"")), "name", "longer than 255"),
        (name("7"), "name", "no text"),
        (name(r#"["t"]"#), "name", "no text"),
        (name(&token), "", "a gitlatch token stands in it"),
        (name(&escaped), "", "a gitlatch token stands in it"),
        (r#"{"name":"t"}"#.to_owned(), "permissions", "needs `permissions`"),
        (permissions("null"), "permissions", "needs `permissions`"),
        (permissions("[]"), "permissions", "at least one permission"),
        (permissions(r#""REPO_READ""#), "permissions", "a list of texts"),
        (permissions(r#"{"REPO_READ":true}"#), "permissions", "a list of texts"),
        (permissions(r#"["REPO_READ",1]"#), "permissions", "a list of texts"),
        (permissions(r#"["REPO_READ",null]"#), "permissions", "a list of texts"),
        (permissions(r#"[["REPO_READ"]]"#), "permissions", "a list of texts"),
        (permissions(r#"["repo_read"]"#), "permissions", "`repo_read` is no permission"),
        (permissions(r#"["REPO_OWNER"]"#), "permissions", "`REPO_OWNER` is no permission"),
        (permissions(r#"[""]"#), "permissions", "is no permission"),
        (permissions(r#"["ADMIN"]"#), "permissions", "a global permission"),
        (permissions(r#"["SYS_ADMIN"]"#), "permissions", "a global permission"),
        (permissions(r#"["PROJECT_CREATE"]"#), "permissions", "a global permission"),
        (permissions(r#"["LICENSED_USER"]"#), "permissions", "a global permission"),
        (permissions(r#"["REPO_READ","REPO_WRITE"]"#), "permissions", "two levels of the same"),
        (permissions(r#"["PROJECT_READ","PROJECT_ADMIN"]"#), "permissions", "two levels"),
        (permissions(r#"["PROJECT_WRITE","REPO_READ"]"#), "permissions", "at least the project"),
        (permissions(r#"["PROJECT_ADMIN","REPO_WRITE"]"#), "permissions", "at least the project"),
        (permissions(r#"["PROJECT_ADMIN","REPO_READ"]"#), "permissions", "at least the project"),
        (reader(r#""expiryDays":0"#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDays":-1"#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDays":1.5"#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDays":1e1"#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDays":"90""#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDays":true"#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDays":[90]"#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDays":36501"#), "expiryDays", "1 to 36500"),
        (reader(r#""expiryDays":18446744073709551615"#), "expiryDays", "1 to 36500"),
        (reader(r#""expiryDays":99999999999999999999999"#), "expiryDays", "a whole number of days"),
        (reader(r#""expiryDate":1900000000000"#), "expiryDate", "`expiryDays`"),
        (reader(r#""only":"team""#), "only", "a list of texts"),
        (reader(r#""only":[""]"#), "only", "`only`"),
        (reader(r#""only":["a//b"]"#), "only", "`only`"),
        (reader(r#""refs":["main"]"#), "refs", "full names"),
        (reader(r#""refs":[1]"#), "refs", "a list of texts"),
        (reader(r#""from":["example.com"]"#), "from", "no address and no network"),
        (reader(r#""from":["10.0.0.0/33"]"#), "from", "no address and no network"),
        (reader(r#""noDelete":"yes""#), "noDelete", "true or false"),
        (reader(r#""noForce":1"#), "noForce", "true or false"),
        (reader(r#""noTags":[]"#), "noTags", "true or false"),
        (reader(r#""expiryDay":1"#), "expiryDay", "did you mean `expiryDays`?"),
        (reader(r#""names":"x""#), "names", "did you mean `name`?"),
        (reader(r#""nodelete":true"#), "nodelete", "did you mean `noDelete`?"),
        (reader(r#""owner":"alice""#), "owner", "unknown field"),
        (reader(r#""id":"1""#), "id", "unknown field"),
        (reader(r#""user":{"name":"alice"}"#), "user", "unknown field"),
        (reader(r#""zzzzzzzzzzz":null"#), "zzzzzzzzzzz", "; there are name, permissions"),
        (reader(r#""permissions":["REPO_ADMIN"]"#), "", "stands in it twice"),
        (reader(r#""n\u0061me":"x""#), "", "stands in it twice"),
        (reader(r#""x":{"a":1,"a":2}"#), "", "stands in it twice"),
        (READER[..READER.len() - 1].to_owned(), "", "the body is no JSON"),
        (format!("{READER}x"), "", "trailing characters"),
        (format!("{READER}{READER}"), "", "trailing characters"),
        (format!("{READER},"), "", "trailing characters"),
        (format!("[{READER}]"), "", "no object"),
        ("null".to_owned(), "", "no object"),
        ("\"x\"".to_owned(), "", "no object"),
        ("17".to_owned(), "", "no object"),
        (" ".to_owned(), "", "the body is no JSON"),
        ("{'name':'t'}".to_owned(), "", "the body is no JSON"),
        (r#"{"name":"t",}"#.to_owned(), "", "the body is no JSON"),
        (r#"{"name":"\ud800","permissions":["REPO_READ"]}"#.to_owned(), "", "the body is no JSON"),
        (format!("\u{feff}{READER}"), "", "the body is no JSON"),
        (format!("{}1{}", "[".repeat(200), "]".repeat(200)), "", "recursion limit"),
        (format!("{}1{}", r#"{"a":"#.repeat(5000), "}".repeat(5000)), "", "recursion limit"),
        ("name=t&permissions=REPO_READ".to_owned(), "", "the body is no JSON"),
    ]
}

#[test]
fn bad_bodies_are_refused_and_make_nothing() {
    let site = site(&["pam PROJECT_ADMIN team"]);
    for (body, field, piece) in bad_creations() {
        let answer = put(&site, "/users/pam", &body);
        assert_eq!(answer.said(), "400 ArgumentValidationException", "{body}: {}", answer.json);
        assert!(answer.message().contains(piece), "{body}: {}", answer.json);
        let context = answer.error()["context"].as_str().unwrap_or_default();
        assert_eq!(context, field, "{body}: {}", answer.json);
    }
    let listed = call(&site, "GET /users/pam", &person("pam"), "");
    assert_eq!(listed.json["size"], 0);
    // Only a repository's token has no project permission.
    for (place, status) in [("/projects/team/repos/app", 400), ("/projects/team", 200)] {
        let answer = put(&site, place, &named(r#""permissions":["PROJECT_READ"]"#));
        assert_eq!(answer.status, status, "{place}: {}", answer.json);
    }
}

/// Every line: what is asked for, and what the token has.
const PERMISSIONS: &[(&str, &str)] = &[
    (r#"["REPO_READ"]"#, r#"["REPO_READ"]"#),
    (r#"["REPO_READ","REPO_READ"]"#, r#"["REPO_READ"]"#),
    (r#"["PROJECT_READ"]"#, r#"["PROJECT_READ","REPO_READ"]"#),
    (r#"["REPO_ADMIN","PROJECT_READ"]"#, r#"["PROJECT_READ","REPO_ADMIN"]"#),
    (r#"["PROJECT_WRITE","REPO_ADMIN"]"#, r#"["PROJECT_WRITE","REPO_ADMIN"]"#),
    (r#"["PROJECT_ADMIN"]"#, r#"["PROJECT_ADMIN","REPO_ADMIN"]"#),
];

#[test]
fn good_bodies_make_what_they_say() {
    let site = site(&["pam PROJECT_ADMIN team"]);
    for (asked, expected) in PERMISSIONS {
        let made = put(&site, "/users/pam", &named(&format!(r#""permissions":{asked}"#))).must(200);
        assert_eq!(made.json["permissions"].to_string(), *expected, "{asked}");
    }
    let names =
        ["ci", "日本", " a ", "ä\u{301}", "quote \\\" back \\\\", "<script>", &"é".repeat(255)];
    for name in names {
        let body = format!(r#"{{"name":"{name}","permissions":["REPO_READ"]}}"#);
        let expected: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(put(&site, "/users/pam", &body).must(200).json["name"], expected["name"]);
    }
    // null is the same as nothing.
    let nulls: String = Document::read()
        .own_properties("NewToken")
        .iter()
        .filter(|name| !["name", "permissions"].contains(&name.as_str()))
        .fold(String::new(), |mut all, name| {
            let _ = write!(all, r#","{name}":null"#);
            all
        });
    let body = format!(r#"{{"name":"t","permissions":["REPO_READ"]{nulls}}}"#);
    let made = put(&site, "/users/pam", &body).must(200);
    assert!(made.json.get("expiryDate").is_none() && made.json.get("only").is_none());
    for days in [1, 90, 36500_i64] {
        let made = put(&site, "/users/pam", &reader(&format!(r#""expiryDays":{days}"#))).must(200);
        let lives =
            made.json["expiryDate"].as_i64().unwrap() - made.json["createdDate"].as_i64().unwrap();
        assert_eq!(lives, days * 86_400_000);
    }
    // The document names the fields that there are.
    let unknown = put(&site, "/users/pam", &reader(r#""zzzzzzzzzzz":1"#));
    let fields = Document::read().own_properties("NewToken").join(", ");
    assert!(unknown.message().ends_with(&format!("there are {fields}")), "{}", unknown.message());
}

#[test]
fn bodies_are_json_by_their_own_account() {
    let site = site(&["alice"]);
    let cases = [
        ("Content-Type: application/json\r\n", 200),
        ("Content-Type: application/json; charset=utf-8\r\n", 200),
        ("content-type: Application/JSON;charset=UTF-8\r\n", 200),
        ("", 415),
        ("Content-Type:\r\n", 415),
        ("Content-Type: text/plain\r\n", 415),
        ("Content-Type: application/x-www-form-urlencoded\r\n", 415),
        ("Content-Type: application/jsonp\r\n", 415),
        ("Content-Type: application/json, text/plain\r\n", 415),
        ("Content-Type: application/json\r\nContent-Type: application/json\r\n", 415),
        ("Content-Type: application/json\r\nContent-Type: text/plain\r\n", 415),
        ("Content-Type: \u{e9}\r\n", 415),
    ];
    let (id, _) = make(&site, "alice", "/users/alice", READER);
    let update = format!("POST /users/alice/{id}");
    for (headers, expected) in cases {
        for line in ["PUT /users/alice", &update] {
            let answer =
                send(&site, line, &(headers.to_owned() + &person("alice")), READER.as_bytes());
            assert_eq!(answer.status, expected, "{line} {headers}: {}", answer.json);
        }
    }
    let empty = call(&site, "PUT /users/alice", &(JSON.to_owned() + &person("alice")), "");
    assert_eq!(empty.said(), "400 ArgumentValidationException");
    assert_eq!(call(&site, "PUT /users/alice", &person("alice"), "").status, 415);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let site = site(&["alice"]);
    let cases: &[&[u8]] = &[
        b"{\"name\":\"\xff\",\"permissions\":[\"REPO_READ\"]}",
        b"{\"name\":\"\xc0\xaf\",\"permissions\":[\"REPO_READ\"]}",
        b"{\"name\":\"\xed\xa0\x80\",\"permissions\":[\"REPO_READ\"]}",
        b"{\"n\xffame\":\"t\",\"permissions\":[\"REPO_READ\"]}",
        b"{\"name\":\"t\",\"permissions\":[\"REPO_READ\"]}\0",
        b"{\"name\":\"a\0b\",\"permissions\":[\"REPO_READ\"]}",
        b"\xff\xfe{\0}\0",
    ];
    for body in cases {
        let answer = send(&site, "PUT /users/alice", &(JSON.to_owned() + &person("alice")), body);
        let text = String::from_utf8_lossy(body);
        assert_eq!(answer.said(), "400 ArgumentValidationException", "{text}");
    }
}

/// A body of exactly so many bytes.
fn sized(size: usize) -> String {
    let padding = " ".repeat(size - READER.len());
    format!("{READER}{padding}")
}

fn chunked(body: &str) -> String {
    let mut all = String::new();
    for chunk in body.as_bytes().chunks(10_000) {
        let _ = write!(all, "{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap());
    }
    all + "0\r\n\r\n"
}

#[test]
fn bodies_have_an_end() {
    let site = site(&["alice"]);
    let most = 64 * 1024;
    let headers = JSON.to_owned() + &person("alice");
    for (size, expected) in [(most, 200), (most + 1, 413), (20 * most, 413)] {
        let length = send(&site, "PUT /users/alice", &headers, sized(size).as_bytes());
        assert_eq!(length.status, expected, "{size}: {}", length.json);
        let head = format!(
            "PUT /rest/access-tokens/latest/users/alice HTTP/1.1\r\nHost: x\r\n\
             Connection: close\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
        );
        let replies = raw(site.address(), (head + &chunked(&sized(size))).as_bytes());
        assert_eq!(replies[0].status, expected, "{size} in chunks");
    }
    // Nobody's body is not waited for.
    let head = "PUT /rest/access-tokens/latest/users/alice HTTP/1.1\r\nHost: x\r\n\
                Connection: close\r\nContent-Length: 1000\r\n\r\n{";
    assert_eq!(raw(site.address(), head.as_bytes())[0].status, 401);
}

#[test]
fn reading_has_no_body_and_deleting_may_have_one() {
    let site = site(&["alice"]);
    let (id, _) = make(&site, "alice", "/users/alice", READER);
    let (list, one) = ("/users/alice".to_owned(), format!("/users/alice/{id}"));
    for path in [&list, &one, "/settings", "/all", "/self"] {
        for method in ["GET", "HEAD"] {
            let answer = call(&site, &format!("{method} {path}"), &person("alice"), "{}");
            assert_eq!(answer.status, 400, "{method} {path}");
        }
    }

    let delete = call(&site, &format!("DELETE {one}"), &person("alice"), "not even JSON");
    assert_eq!(delete.status, 204);
}

/// Every line: a body for a token that expires and has limits, and what is answered.
fn updates(expiry: i64) -> Vec<(String, u16, &'static str)> {
    let same = format!(r#"{{"expiryDate":{expiry}}}"#);
    vec![
        ("{}".to_owned(), 200, ""),
        (r#"{"name":null,"permissions":null}"#.to_owned(), 200, ""),
        (same, 200, ""),
        (format!(r#"{{"expiryDate":{}}}"#, expiry + 1), 400, "expiryDate"),
        (format!(r#"{{"expiryDate":"{expiry}"}}"#), 400, "expiryDate"),
        (format!(r#"{{"expiryDate":{expiry}.0}}"#), 400, "expiryDate"),
        (r#"{"expiryDate":null}"#.to_owned(), 400, "expiryDate"),
        (r#"{"expiryDays":null}"#.to_owned(), 200, ""),
        (r#"{"expiryDays":30}"#.to_owned(), 400, "expiryDays"),
        (r#"{"only":["team/*"]}"#.to_owned(), 200, ""),
        (r#"{"only":["team/app"]}"#.to_owned(), 400, "only"),
        (r#"{"only":[]}"#.to_owned(), 400, "only"),
        (r#"{"only":null}"#.to_owned(), 400, "only"),
        (r#"{"refs":["refs/heads/bot/*"]}"#.to_owned(), 400, "refs"),
        (r#"{"refs":[]}"#.to_owned(), 200, ""),
        (r#"{"from":["10.0.0.0/8"]}"#.to_owned(), 400, "from"),
        (r#"{"noDelete":true,"noForce":false}"#.to_owned(), 200, ""),
        (r#"{"noDelete":false}"#.to_owned(), 400, "noDelete"),
        (r#"{"noForce":true}"#.to_owned(), 400, "noForce"),
        (r#"{"noTags":true}"#.to_owned(), 400, "noTags"),
        (r#"{"name":""}"#.to_owned(), 400, "name"),
        (r#"{"name":7}"#.to_owned(), 400, "name"),
        (r#"{"permissions":[]}"#.to_owned(), 400, "permissions"),
        (r#"{"permissions":"REPO_READ"}"#.to_owned(), 400, "permissions"),
        (r#"{"permissions":["PROJECT_WRITE","REPO_READ"]}"#.to_owned(), 400, "permissions"),
        (r#"{"permision":["REPO_READ"]}"#.to_owned(), 400, "permision"),
        (r#"{"owner":{"name":"bob"}}"#.to_owned(), 400, "owner"),
        (r#"{"links":{},"user":{"name":"bob"},"id":"9"}"#.to_owned(), 200, ""),
        ("[]".to_owned(), 400, ""),
    ]
}

#[test]
fn updates_change_what_they_name_and_nothing_else() {
    let site = site(&["alice"]);
    let body = r#"{"name":"old","permissions":["REPO_WRITE"],"expiryDays":9,"only":["team/*"],"noDelete":true}"#;
    let (id, _) = make(&site, "alice", "/users/alice", body);
    let (alice, path) = (person("alice"), format!("/users/alice/{id}"));
    let show = || call(&site, &format!("GET {path}"), &alice, "").must(200).json;
    let post = |body: &str| call(&site, &format!("POST {path}"), &alice, body);
    let made = show();
    for (body, status, field) in updates(made["expiryDate"].as_i64().unwrap()) {
        let answer = post(&body);
        assert_eq!(answer.status, status, "{body}: {}", answer.json);
        let context = answer.error()["context"].as_str().unwrap_or_default();
        assert_eq!(context, field, "{body}: {}", answer.json);
        assert_eq!(show(), made, "{body}");
    }
    // What was read can be sent back.
    assert_eq!(post(&made.to_string()).must(200).json, made);
    let mut expected = made.clone();
    expected["name"] = "new".into();
    assert_eq!(post(r#"{"name":"new"}"#).must(200).json, expected);
    expected["permissions"] = serde_json::json!(["PROJECT_READ", "REPO_ADMIN"]);
    let answer = post(r#"{"permissions":["REPO_ADMIN","PROJECT_READ"]}"#).must(200);
    assert_eq!(answer.json, expected);
    assert_eq!(show(), expected);
    // A token that never expires never will.
    let (id, _) = make(&site, "alice", "/users/alice", READER);
    let line = format!("POST /users/alice/{id}");
    for (body, status) in [(r#"{"expiryDate":null}"#, 200), (r#"{"expiryDate":1}"#, 400)] {
        assert_eq!(call(&site, &line, &alice, body).status, status, "{body}");
    }
}
