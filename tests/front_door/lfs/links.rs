//! What of a host's answer to a batch reaches the client.

use super::{IDENTITY, Stage, asking, betrayed, told};
use crate::support::{LfsServer, SECRET, Upstream, bearer, request};
use serde_json::{Value, json};

/// Every line: the link that the host gives, and what becomes of it: a target of ours, itself, or words.
/// `HOST` is the host's URL, `OID` the object, `TOLD` and `SECRET` what the host is told.
const LINKS: &[(&str, &str)] = &[
    ("HOST/team/app.git/info/lfs/objects/OID", "/team/app.git/info/lfs/objects/OID"),
    ("HOST/storage/x?sig=1", "/storage/x?sig=1"),
    ("https://storage.test/b/x?X-Amz-Signature=1", "https://storage.test/b/x?X-Amz-Signature=1"),
    ("http://storage.test:9000/x", "http://storage.test:9000/x"),
    ("https://storage.test/x?auth=TOLD", "holds a credential"),
    ("HOST/x?password=SECRET", "holds a credential"),
    ("http://u:p@storage.test/x", "cannot be read in one way"),
    ("ftp://storage.test/x", "cannot be read in one way"),
    ("/team/app.git/info/lfs/objects/OID", "cannot be read in one way"),
    ("HOST/a/../team/other.git/info/lfs/objects/OID", "cannot be read in one way"),
    ("HOST/rest/access-tokens/latest/self", "cannot be read in one way"),
    ("HOST/-/gitlatch/x", "cannot be read in one way"),
    ("HOST/team/other.git/info/lfs/objects/OID", "leads to something else"),
    ("HOST/team/app.git/HEAD", "leads to something else"),
    ("HOST/team/app.git/info/lfs/locks", "leads to something else"),
];

#[test]
fn links_lead_through_gitlatch_or_elsewhere() {
    for (link, expected) in LINKS {
        let host = LfsServer::twisted(Some(&told()), move |answer| {
            let object = &mut answer["objects"][0];
            let oid = object["oid"].as_str().unwrap().to_owned();
            let action = &mut object["actions"]["download"];
            let own = action["href"].as_str().unwrap().split("/team/").next().unwrap().to_owned();
            let href = link.replace("HOST", &own).replace("OID", &oid);
            let encoded = told().replace("Basic ", "");
            action["href"] = href.replace("TOLD", &encoded).replace("SECRET", SECRET).into();
            action["header"]["X-Signed"] = "yes".into();
            action["header"]["X-Echo"] = format!("Token {SECRET}").into();
        });
        let stage = Stage::of(host, "");
        let (token, _) = stage.token("REPO_READ", &[]);
        let reply = stage.batch(&token, &asking("download", &stage.object));
        assert!(reply.status == 200 && !betrayed(&reply), "{link}: {}", reply.text());
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        let object = &answer["objects"][0];
        let action = &object["actions"]["download"];
        if expected.starts_with('/') {
            let expected = stage.site.url(&expected.replace("OID", &stage.object));
            assert_eq!(action["href"], expected, "{link}");
            assert!(action["header"].get("X-Signed").is_none(), "{link}");
        } else if expected.starts_with("http") {
            assert_eq!(action["href"], *expected, "{link}");
            assert_eq!(action["header"]["X-Signed"], "yes");
            assert!(action["header"].get("Authorization").is_none(), "{action}");
        } else {
            let error = &object["error"];
            let said = error["message"].as_str().unwrap_or_default();
            assert!(error["code"] == 502 && said.contains(expected), "{link}: {object}");
            assert!(object.get("actions").is_none(), "{object}");
        }
    }
}

#[test]
fn links_to_other_hosts_may_be_refused() {
    let host = LfsServer::twisted(Some(&told()), |answer| {
        answer["objects"][0]["actions"]["download"]["href"] = "https://storage.test/x".into();
    });
    let stage = Stage::of(host, "[lfs]\nother_hosts = 'refuse'");
    let (token, _) = stage.token("REPO_READ", &[]);
    let reply = stage.batch(&token, &asking("download", &stage.object));
    let text = reply.text();
    assert!(text.contains("other_hosts") && !text.contains("storage.test"), "{text}");
}

/// Every line: what the host answers to a batch, and the status and words of what the client gets.
const ANSWERS: &[(&str, &str, u16, &str)] = &[
    ("200 OK", "<html>", 502, "cannot be read"),
    ("200 OK", r#"{"transfer":"tus","objects":[]}"#, 502, "`transfer`"),
    ("200 OK", r#"{"objects":[],"objects":[]}"#, 502, "a key twice"),
    ("202 Accepted", r#"{"objects":[]}"#, 502, "another form"),
    ("204 No Content", "", 502, "another form"),
    ("302 Found\r\nLocation: /elsewhere", "", 502, "another form"),
    (
        "404 Not Found",
        r#"{"message":"no such repository","x":1}"#,
        404,
        r#""message":"no such repository""#,
    ),
    ("403 Forbidden", "<html>SECRET</html>", 403, "does not say why"),
    ("507 Insufficient Storage", r#"{"message":"you are SECRET"}"#, 507, "(hidden"),
    ("429 Too Many Requests\r\nRetry-After: 7", r#"{"message":"slow down"}"#, 429, "slow down"),
    ("200 OK\r\nContent-Encoding: gzip", "x", 502, "another form"),
    ("401 Unauthorized", "no", 502, "does not accept the credential"),
    ("200 OK", "{}", 200, "does not tell of this object"),
    ("200 OK", r#"{"objects":[]}"#, 200, "does not tell of this object"),
];

#[test]
fn other_answers_keep_their_status_or_are_none() {
    for (status, body, expected, words) in ANSWERS {
        let body = body.replace("SECRET", SECRET);
        let answer = format!(
            "HTTP/1.1 {status}\r\nX-Echo: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            told(),
            body.len()
        );
        let upstream = Upstream::new(move |stream, _, _| {
            std::io::Write::write_all(stream, answer.as_bytes()).is_ok()
        });
        let site = super::with_secret(super::SiteBuilder::url(&upstream.url(), IDENTITY))
            .section("[access]\nusers = 'grants'")
            .start();
        let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
        let asked = asking("download", &"ab".repeat(32));
        let headers = format!(
            "{}Content-Type: {}\r\nContent-Length: {}\r\n",
            bearer(&token),
            super::JSON,
            asked.len()
        );
        let reply = request(site.address(), super::BATCH, &headers, asked.as_bytes());
        let text = reply.text();
        assert!(
            reply.status == *expected && text.contains(words),
            "{status}: {} {text}",
            reply.status
        );
        assert_eq!(reply.header("content-type").as_deref(), Some(super::JSON), "{status}");
        assert!(!betrayed(&reply), "{status}: {} {text}", reply.head);
        assert_eq!(reply.header("retry-after").is_some(), *expected == 429, "{status}");
    }
}

/// An answer to a GET of an object that is no object, but what the host knows of it, goes no further.
#[test]
fn metadata_is_no_object() {
    let body =
        json!({ "actions": { "download": { "header": { "Authorization": told() } } } }).to_string();
    let upstream = Upstream::new(move |stream, _, _| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.git-lfs+json; charset=utf-8\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        std::io::Write::write_all(stream, answer.as_bytes()).is_ok()
    });
    let site = super::with_secret(super::SiteBuilder::url(&upstream.url(), IDENTITY))
        .section("[access]\nusers = 'grants'")
        .start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let line = format!("GET /team/app.git/info/lfs/objects/{}", "ab".repeat(32));
    let reply = request(site.address(), &line, &bearer(&token), b"");
    assert!(reply.status == 502 && !betrayed(&reply), "{} {}", reply.status, reply.text());
    assert!(upstream.seen()[0].header("accept").is_empty());
}
