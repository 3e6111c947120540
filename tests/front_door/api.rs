//! The token API: how tests call it, and what holds for every answer of it.

use super::api_document::Document;
use super::support::{PASSWORD, Reply, Site, SiteBuilder, basic, request};
use serde_json::Value;
use std::collections::BTreeSet;

/// Where the API is.
pub const ROOT: &str = "/rest/access-tokens/latest";

/// An answer of the API, held to what every one of them is.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The body; null when there is none.
    pub json: Value,
    pub reply: Reply,
    /// What was found of the document, as `Schema.property`.
    pub seen: BTreeSet<String>,
}

impl Answer {
    fn of(line: &str, reply: Reply) -> Self {
        let (method, path) = line.split_once(' ').unwrap();
        let text = reply.text();
        let json = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|e| panic!("{line}: {e}: {text}")),
        };
        let kind = (!text.is_empty()).then(|| "application/json;charset=UTF-8".to_owned());
        if method != "HEAD" {
            assert_eq!(reply.header("content-type"), kind, "{line}");
        }
        assert_eq!(reply.header("cache-control").as_deref(), Some("no-store"), "{line}");
        let challenges = "Basic realm=\"gitlatch\"\nBearer realm=\"gitlatch\"".to_owned();
        let expected = (reply.status == 401).then_some(challenges);
        assert_eq!(reply.header("www-authenticate"), expected, "{line}: {text}");
        let id = reply.header("x-request-id").unwrap();
        if reply.status >= 400 && method != "HEAD" {
            assert_eq!(json["requestId"], id, "{line}: {text}");
        }
        let mut seen = BTreeSet::new();
        if method != "HEAD" {
            let below = path.strip_prefix(ROOT).unwrap_or("-");
            seen = Document::read().check(method, below, reply.status, &json);
        }
        // Only the making of a secret shows it.
        let shows = reply.status == 200 && (method == "PUT" || path.ends_with("/rotate"));
        let secret = ["latu_", "latp_", "latr_"].iter().any(|form| text.contains(form));
        assert!(!secret || shows, "{line}: {text}");
        Self { status: reply.status, json, reply, seen }
    }

    /// The status, and the last part of the name of the exception: `404 NoSuchUserException`.
    pub fn said(&self) -> String {
        let name = self.error()["exceptionName"].as_str().unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or_default();
        format!("{} {name}", self.status).trim_end().to_owned()
    }

    /// The error.
    pub fn error(&self) -> &Value {
        &self.json["errors"][0]
    }

    /// What is wrong, for people.
    pub fn message(&self) -> &str {
        self.error()["message"].as_str().unwrap_or_default()
    }

    /// A text of the body.
    pub fn text(&self, key: &str) -> String {
        self.json[key].as_str().unwrap_or_else(|| panic!("no {key} in {}", self.json)).to_owned()
    }

    /// The same answer, which must have this status.
    pub fn must(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.json);
        self
    }
}

/// A call with a JSON body, if there is any: `line` is `GET /users/alice`, below [`ROOT`].
pub fn call(site: &Site, line: &str, headers: &str, body: &str) -> Answer {
    let json = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    send(site, line, &format!("{json}{headers}"), body.as_bytes())
}

/// A call with whatever body.
pub fn send(site: &Site, line: &str, headers: &str, body: &[u8]) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    ask(site, &format!("{method} {ROOT}{path}"), &format!("{length}{headers}"), body)
}

/// A request for a path as it stands, with these headers and no others.
pub fn ask(site: &Site, line: &str, headers: &str, body: &[u8]) -> Answer {
    Answer::of(line, request(site.address(), line, headers, body))
}

/// The credential of a person, as a header line.
pub fn person(name: &str) -> String {
    basic(name, PASSWORD)
}

/// The address that the client has in front of a proxy that is believed.
pub fn from(address: &str) -> String {
    format!("X-Forwarded-For: {address}\r\n")
}

/// A site whose clients may say where they are.
pub fn builder() -> SiteBuilder {
    SiteBuilder::repositories().server("trusted_proxies = ['127.0.0.1']")
}

/// A site that serves, with these users and rights: `alice`, `root!` for an administrator, and
/// `pam PROJECT_ADMIN team` or `ron REPO_ADMIN team/app` with a right.
pub fn site(users: &[&str]) -> Site {
    populated(builder().start(), users)
}

/// The same users in another site.
pub fn populated(site: Site, users: &[&str]) -> Site {
    for user in users {
        let words: Vec<&str> = user.split(' ').collect();
        let name = words[0].trim_end_matches('!');
        let mut add = vec!["user", "add", name, "--password-stdin"];
        if words[0].ends_with('!') {
            add.push("--admin");
        }
        site.done(&add, PASSWORD);
        if let [_, permission, place] = words[..] {
            grant(&site, "add", name, permission, place);
        }
    }
    site
}

/// Gives a right or takes it: `verb` is `add` or `remove`; `place` is a project, `team/app`, or `*`.
pub fn grant(site: &Site, verb: &str, name: &str, permission: &str, place: &str) {
    let mut all = vec!["grant", verb, name, permission];
    match place.rsplit_once('/') {
        _ if place == "*" => {}
        Some((project, repository)) if repository != "**" => {
            all.extend(["--project", project, "--repo", repository]);
        }
        _ => all.extend(["--project", place]),
    }
    site.done(&all, "");
}

/// Makes a token by the API; its number and its secret.
pub fn make(site: &Site, by: &str, place: &str, body: &str) -> (String, String) {
    let made = call(site, &format!("PUT {place}"), &person(by), body).must(200);
    (made.text("id"), made.text("token"))
}

/// A body that makes a token with one permission.
pub const READER: &str = r#"{"name":"t","permissions":["REPO_READ"]}"#;
