//! Git LFS: the real git-lfs against a small server of it, and raw requests in front of a host that puts the
//! credential it was told into its answers.

mod client;
mod links;
mod tickets;

use super::support::{
    LfsServer, Reply, SECRET, Site, SiteBuilder, bearer, oid, request, with_secret,
};
use base64::Engine as _;
use serde_json::{Value, json};

const JSON: &str = "application/vnd.git-lfs+json";
const BATCH: &str = "POST /team/app.git/info/lfs/objects/batch";
/// What the fixed identity is to the host.
const IDENTITY: &str =
    "[upstream.identity]\nmode = 'fixed'\nusername = 'gitlatch'\nsecret_file = 'secret'\n";

/// A host that is told a fixed credential, with an object in it, and gitlatch in front of it.
struct Stage {
    site: Site,
    host: LfsServer,
    object: String,
}

/// What the host is told.
fn told() -> String {
    let pair = format!("gitlatch:{SECRET}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

impl Stage {
    fn new() -> Self {
        Self::of(LfsServer::twisted(Some(&told()), |_| {}), "")
    }

    fn of(host: LfsServer, sections: &str) -> Self {
        let site = with_secret(SiteBuilder::url(&host.url(), IDENTITY)).section(sections);
        Self::at(host, site)
    }

    fn at(host: LfsServer, site: SiteBuilder) -> Self {
        let site = site.section("[access]\nusers = 'grants'").start();
        site.user("alice");
        site.done(&["grant", "add", "alice", "REPO_WRITE", "--project", "team"], "");
        let object = host.put(b"the content of an object");
        Self { site, host, object }
    }

    /// Sends to the path of a batch.
    fn ask(&self, line: &str, token: &str, body: &str) -> Reply {
        let headers = format!(
            "{}Content-Type: {JSON}; charset=utf-8\r\nContent-Length: {}\r\n",
            bearer(token),
            body.len()
        );
        request(self.site.address(), line, &headers, body.as_bytes())
    }

    /// A token of alice's.
    fn token(&self, permission: &str, more: &[&str]) -> (String, String) {
        self.site.token(&[&["--user", "alice", "--permission", permission], more].concat())
    }

    /// A batch with this token.
    fn batch(&self, token: &str, body: &str) -> Reply {
        self.ask(BATCH, token, body)
    }

    /// The one action in the answer to a batch about one object.
    fn action(&self, token: &str, operation: &str, object: &str, action: &str) -> Action {
        let body = asking(operation, object);
        let reply = self.batch(token, &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        Action::of(&answer["objects"][0]["actions"][action], &self.site)
    }
}

/// An action, as a client takes it.
#[derive(Clone, Debug)]
struct Action {
    target: String,
    ticket: String,
}

impl Action {
    fn of(action: &Value, site: &Site) -> Self {
        let href = action["href"].as_str().unwrap_or_else(|| panic!("no link in {action}"));
        let target = href.strip_prefix(&site.url("")).unwrap_or_else(|| panic!("{href}"));
        let ticket = action["header"]["X-Gitlatch-Ticket"].as_str().unwrap();
        Self { target: target.to_owned(), ticket: format!("X-Gitlatch-Ticket: {ticket}\r\n") }
    }
}

/// The body of a batch about one object.
fn asking(operation: &str, object: &str) -> String {
    json!({ "operation": operation, "objects": [{ "oid": object, "size": 24 }] }).to_string()
}

/// Whether anything of what the host is told stands in an answer, head and body.
fn betrayed(reply: &Reply) -> bool {
    let all = [reply.head.as_bytes(), &reply.body].concat();
    let encoded = told().replace("Basic ", "");
    [SECRET, &encoded]
        .iter()
        .any(|secret| all.windows(secret.len()).any(|window| window == secret.as_bytes()))
}

/// Every line: the body of a batch, and the status and words of the answer. `OBJ` stands for an object.
const BATCHES: &[(&str, u16, &str)] = &[
    ("", 422, "it is no JSON"),
    ("null", 422, "it is no object"),
    (r#"{"operation":"upload"}"#, 422, "it has no `objects`"),
    (r#"{"operation":"download","operation":"upload","objects":[]}"#, 422, "a key twice"),
    (r#"{"operation":"download","Operation":"upload","objects":[]}"#, 422, "a key twice"),
    (r#"{"operation":"download","objects":[],"Objects":[OBJ]}"#, 422, "a key twice"),
    (r#"{"operation":"verify","objects":[]}"#, 422, "`operation` is"),
    (r#"{"operation":"UPLOAD","objects":[]}"#, 422, "`operation` is"),
    (r#"{"operation":1,"objects":[]}"#, 422, "`operation` is"),
    (r#"{"operation":"download","objects":[{"oid":"../../x","size":1}]}"#, 422, "the `oid`"),
    (r#"{"operation":"download","objects":[OBJ],"transfers":["ssh"]}"#, 422, "\\\"basic\\\""),
    (r#"{"operation":"upload","objects":[OBJ],"ref":{"name":"main"}}"#, 422, "full name of a ref"),
    (r#"{"operation":"upload","objects":[OBJ]}"#, 403, "REPO_WRITE"),
    (r#"{"operation":"download","objects":[OBJ]}"#, 200, "X-Gitlatch-Ticket"),
    (r#"{"operation":"download","objects":[]}"#, 200, "\"objects\":[]"),
];

#[test]
fn batches_are_read_in_one_way_or_not_at_all() {
    let stage = Stage::new();
    let (token, _) = stage.token("REPO_READ", &[]);
    let object = format!("{{\"oid\":\"{}\",\"size\":24}}", stage.object);
    for (body, status, words) in BATCHES {
        let before = stage.host.seen().len();
        let reply = stage.batch(&token, &body.replace("OBJ", &object));
        let text = reply.text();
        assert!(reply.status == *status && text.contains(words), "{body}: {} {text}", reply.status);
        assert_eq!(reply.header("content-type").as_deref(), Some(JSON), "{body}");
        assert_eq!(stage.host.seen().len() - before, usize::from(*status == 200), "{body}");
        assert!(!betrayed(&reply), "{body}");
    }
}

/// Every line: headers besides the credential, the body's length, and the status.
const SHAPES: &[(&str, usize, u16)] = &[
    ("Content-Type: application/json\r\n", 60, 415),
    ("Content-Type: application/x-www-form-urlencoded\r\n", 60, 415),
    ("", 60, 415),
    ("Content-Type: application/vnd.git-lfs+json\r\nContent-Encoding: gzip\r\n", 60, 415),
    ("Content-Type: application/vnd.git-lfs+json\r\nContent-Encoding: identity\r\n", 60, 422),
    ("Content-Type: application/vnd.git-lfs+json; charset=utf-8\r\n", 1024 * 1024 + 1, 413),
    ("Content-Type: application/vnd.git-lfs+json; charset=utf-8\r\n", 1024 * 1024, 422),
];

#[test]
fn the_body_of_a_batch_has_one_kind_and_a_bound() {
    let stage = Stage::new();
    let (token, _) = stage.token("REPO_READ", &[]);
    for (headers, length, status) in SHAPES {
        let headers = format!("{}{headers}Content-Length: {length}\r\n", bearer(&token));
        let reply = request(stage.site.address(), BATCH, &headers, &vec![b'['; *length]);
        assert_eq!(reply.status, *status, "{headers} {}", reply.text());
    }
    // The same without a length in front.
    for (length, status) in [(1024 * 1024 + 1, 413), (1024 * 1024, 422)] {
        let headers =
            format!("{}Content-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n", bearer(&token));
        let mut body = format!("{length:x}\r\n").into_bytes();
        body.extend(vec![b'['; length]);
        body.extend(b"\r\n0\r\n\r\n");
        assert_eq!(request(stage.site.address(), BATCH, &headers, &body).status, status);
    }
    let many = vec![format!("{{\"oid\":\"{}\",\"size\":1}}", stage.object); 1001].join(",");
    let reply =
        stage.batch(&token, &format!("{{\"operation\":\"download\",\"objects\":[{many}]}}"));
    assert!(reply.status == 422 && reply.text().contains("more than 1000"), "{}", reply.text());
    let twice = vec![format!("{{\"oid\":\"{}\",\"size\":1}}", stage.object); 2].join(",");
    let reply =
        stage.batch(&token, &format!("{{\"operation\":\"download\",\"objects\":[{twice}]}}"));
    assert!(reply.status == 422 && reply.text().contains("twice"), "{}", reply.text());
    assert!(stage.host.seen().is_empty());
}

/// The host reads what was understood, under its own credential, and no header that changes its answer.
#[test]
fn a_batch_goes_on_as_it_was_understood() {
    let stage = Stage::new();
    let (token, _) = stage.token("REPO_WRITE", &[]);
    let body = format!(
        "{{ \"x\": {{}}, \"operation\": \"upload\", \"transfers\": [\"tus\", \"basic\"], \
         \"objects\": [{{\"size\": 24, \"oid\": \"{}\", \"y\": 1}}], \"ref\": {{\"name\": \"refs/heads/main\"}} }}",
        stage.object
    );
    let headers = format!(
        "{}Content-Type: {JSON}\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\nRange: bytes=0-1\r\n\
         Cookie: a=b\r\nContent-Length: {}\r\n",
        bearer(&token),
        body.len()
    );
    let reply = request(stage.site.address(), BATCH, &headers, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = stage.host.seen().remove(0);
    let expected = format!(
        "{{\"operation\":\"upload\",\"transfers\":[\"basic\"],\"ref\":{{\"name\":\"refs/heads/main\"}},\
         \"objects\":[{{\"oid\":\"{}\",\"size\":24}}]}}",
        stage.object
    );
    assert_eq!(String::from_utf8_lossy(&seen.body), expected);
    assert_eq!(seen.header("authorization"), [told()]);
    assert_eq!((seen.header("accept"), seen.header("content-type")), (vec![JSON], vec![JSON]));
    for gone in ["accept-encoding", "range", "cookie"] {
        assert!(seen.header(gone).is_empty(), "{gone}");
    }
}

/// Every line: limits of a token, what else the batch says, and the words of a refusal; empty is allowed.
const REFS: &[(&[&str], &str, &str)] = &[
    (&[], r#","ref":{"name":"refs/heads/main"}"#, ""),
    (&[], "", ""),
    (&[], r#","ref":{"name":"refs/heads/kept"}"#, "team/app protects it"),
    (&["--ref", "refs/heads/bot/*"], r#","ref":{"name":"refs/heads/bot/a"}"#, ""),
    (
        &["--ref", "refs/heads/bot/*"],
        r#","ref":{"name":"refs/heads/main"}"#,
        "may push refs/heads/bot/*",
    ),
    (&["--ref", "refs/heads/bot/*"], "", "does not name the ref"),
    (&["--ref", "refs/heads/bot/*"], r#","ref":{"name":"HEAD"}"#, "does not name the ref"),
    (&["--no-tags"], r#","ref":{"name":"refs/tags/v1"}"#, "may push no tags"),
    (&["--no-delete"], r#","ref":{"name":"refs/heads/main"}"#, ""),
];

#[test]
fn an_upload_is_held_to_rules_about_refs() {
    let protect = "[[protect]]\nproject = 'team'\nrefs = ['refs/heads/kept']\ndeny = ['push']";
    let stage = Stage::of(LfsServer::new(), protect);
    for (limits, more, words) in REFS {
        let (token, _) = stage.token("REPO_WRITE", limits);
        for operation in ["upload", "download"] {
            let body = format!(
                "{{\"operation\":\"{operation}\",\"objects\":[{{\"oid\":\"{}\",\"size\":1}}]{more}}}",
                oid(b"x")
            );
            let reply = stage.batch(&token, &body);
            let refused = operation == "upload" && !words.is_empty();
            assert_eq!(reply.status, if refused { 403 } else { 200 }, "{body}: {}", reply.text());
            assert!(!refused || reply.text().contains(words), "{body}: {}", reply.text());
        }
        // An upload past its batch names no ref at all.
        let line = format!("PUT /team/app.git/info/lfs/objects/{}", oid(b"x"));
        let headers = format!("{}Content-Length: 1\r\n", bearer(&token));
        let reply = request(stage.site.address(), &line, &headers, b"x");
        let expected = if limits.contains(&"--ref") { 403 } else { 200 };
        assert_eq!(reply.status, expected, "{limits:?}: {}", reply.text());
    }
}

/// Every line: a request, what a token with READ and one with WRITE are answered, and nobody.
const CALLS: &[(&str, u16, u16)] = &[
    ("GET /team/app.git/info/lfs/locks", 200, 200),
    ("GET /team/app.git/info/lfs/locks?limit=1&refspec=refs%2Fheads%2Fmain", 200, 200),
    ("GET /team/app.git/info/lfs/locks?private_token=1", 400, 400),
    ("POST /team/app.git/info/lfs/locks", 403, 201),
    ("POST /team/app.git/info/lfs/locks/verify", 403, 200),
    ("POST /team/app.git/info/lfs/locks/1/unlock", 403, 200),
    ("POST /team/app.git/info/lfs/locks/1/unlock", 403, 404),
    ("POST /team/app.git/info/lfs/verify", 403, 404),
    ("GET /team/app.git/info/lfs/objects/OID", 200, 200),
    ("HEAD /team/app.git/info/lfs/objects/OID", 200, 200),
    ("PUT /team/app.git/info/lfs/objects/OID", 403, 422),
    ("PUT /team/app.git/info/lfs/objects/OID/24", 403, 422),
    ("DELETE /team/app.git/info/lfs/objects/OID", 405, 405),
    ("POST /team/app.git/info/lfs/objects", 403, 403),
    ("GET /team/app.git/info/lfs/more", 403, 403),
    ("GET /other/app.git/info/lfs/locks", 403, 403),
];

#[test]
fn each_call_needs_what_it_does() {
    let stage = Stage::new();
    let (reader, _) = stage.token("REPO_READ", &[]);
    let (writer, _) = stage.token("REPO_WRITE", &[]);
    let body = json!({ "path": "f", "oid": stage.object, "size": 1 }).to_string();
    for (line, read, write) in CALLS {
        let line = line.replace("OID", &stage.object);
        let has_body = line.starts_with('P');
        let more = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
        let headers = |credential: String| {
            if has_body { credential + &more } else { credential }
        };
        let body = if has_body { body.as_bytes() } else { b"" };
        for (credential, expected) in [(bearer(&reader), *read), (bearer(&writer), *write)] {
            let before = stage.host.seen().len();
            let reply = request(stage.site.address(), &line, &headers(credential), body);
            assert_eq!(reply.status, expected, "{line}: {}", reply.text());
            if matches!(expected, 400 | 403 | 405) {
                assert_eq!(stage.host.seen().len(), before, "{line}");
            }
            assert!(!betrayed(&reply), "{line}");
        }
        // git-lfs looks for a credential where it is told to.
        let reply = request(stage.site.address(), &line, &headers(String::new()), body);
        if !matches!(*read, 400 | 405) {
            assert_eq!(reply.status, 401, "{line}");
            assert!(reply.header("LFS-Authenticate").is_some(), "{line}: {}", reply.head);
        }
    }
    let form = format!(
        "{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n",
        bearer(&writer)
    );
    let line = format!("PUT /team/app.git/info/lfs/objects/{}", stage.object);
    assert_eq!(request(stage.site.address(), &line, &form, b"a=b").status, 415);
    stage.site.logged(&["\"action\":\"lfs-locks\"", "\"action\":\"lfs-locks\""]);
}

/// A lock is unlocked by its number: that of another repository stays locked, although the host would do it.
#[test]
fn a_lock_of_another_repository_stays() {
    let stage = Stage::new();
    stage.site.done(&["grant", "add", "alice", "REPO_WRITE", "--project", "other"], "");
    let body = r#"{"path":"f"}"#;
    let more = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
    let call = |token: &str, line: &str| {
        request(stage.site.address(), line, &(bearer(token) + &more), body.as_bytes()).status
    };
    let project = |key: &str| stage.site.token(&["--project", key, "--permission", "REPO_WRITE"]).0;
    let (team, other) = (project("team"), project("other"));
    assert_eq!(call(&other, "POST /other/app.git/info/lfs/locks"), 201);
    assert_eq!(call(&team, "POST /team/app.git/info/lfs/locks"), 201);
    assert_eq!(call(&team, "POST /team/app.git/info/lfs/locks/1/unlock"), 404);
    assert_eq!(call(&team, "POST /team/app.git/info/lfs/locks/2/unlock"), 200);
    assert_eq!(call(&other, "POST /other/app.git/info/lfs/locks/1/unlock"), 200);
}

/// A folder of repositories has no LFS, and says what to do about it.
#[test]
fn without_a_server_of_lfs() {
    let site = SiteBuilder::repositories().section("[access]\nanonymous = 'read'").start();
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_WRITE"], "");
    site.repository("team/app");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let body = asking("download", &oid(b"x"));
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
    let reply = request(site.address(), BATCH, &(bearer(&token) + &headers), body.as_bytes());
    assert_eq!((reply.status, reply.header("content-type").as_deref()), (501, Some(JSON)));
    assert!(reply.text().contains("`lfs_url` in [upstream]"), "{}", reply.text());
    assert_eq!(request(site.address(), BATCH, &headers, body.as_bytes()).status, 401);
}
