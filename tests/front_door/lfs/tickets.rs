//! Tickets: what each lets through, and what none of them does.

use super::{Action, BATCH, IDENTITY, JSON, Stage, asking, betrayed, told};
use crate::support::{LfsServer, SiteBuilder, basic, bearer, oid, request, with_secret};
use serde_json::{Value, json};

const PUT: &str = "Content-Length: 24\r\nContent-Type: application/octet-stream\r\n";

/// Upload, verification and download by their tickets alone; nothing of what the host is told comes back.
#[test]
fn transfers_by_ticket() {
    let stage = Stage::new();
    let address = stage.site.address();
    let (token, _) = stage.token("REPO_WRITE", &[]);
    let content = b"another object of 24 byt";
    let object = oid(content);
    let reply = stage.batch(&token, &asking("upload", &object));
    assert!(!betrayed(&reply), "{}", reply.text());
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let answered = &answer["objects"][0];
    assert_eq!(answered["authenticated"], true);
    let (put, verify) = (&answered["actions"]["upload"], &answered["actions"]["verify"]);
    assert_eq!((&put["expires_in"], &put["header"]["Accept"]), (&json!(3600), &json!(JSON)));
    assert!(put["header"].get("Authorization").is_none(), "{put}");
    let (put, verify) = (Action::of(put, &stage.site), Action::of(verify, &stage.site));

    let reply =
        request(address, &format!("PUT {}", put.target), &(put.ticket.clone() + PUT), content);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(stage.host.object(&object).as_deref().map(Vec::as_slice), Some(&content[..]));
    let body = json!({ "oid": object, "size": 24 }).to_string();
    let headers =
        format!("{}Content-Type: {JSON}\r\nContent-Length: {}\r\n", verify.ticket, body.len());
    let reply = request(address, &format!("POST {}", verify.target), &headers, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());

    let get = stage.action(&token, "download", &object, "download");
    for (more, status, expected) in [
        ("", 200, &content[..]),
        ("Range: bytes=8-13\r\n", 206, b"object"),
        // Old Gitea would answer with the credential.
        ("Accept: application/vnd.git-lfs+json\r\n", 200, content),
    ] {
        let headers = get.ticket.clone() + more;
        let reply = request(address, &format!("GET {}", get.target), &headers, b"");
        assert_eq!((reply.status, &reply.body[..]), (status, expected), "{more}");
        assert!(!betrayed(&reply));
    }
    for seen in stage.host.seen() {
        assert_eq!(seen.header("authorization"), [told()], "{}", seen.line());
        assert!(!seen.head.to_ascii_lowercase().contains("ticket"), "{}", seen.head);
    }
    let said = [stage.site.log(), stage.site.errors()].concat();
    for ticket in [put, verify, get] {
        assert!(!said.contains(ticket.ticket.trim().split(' ').nth(1).unwrap()));
    }
    stage.site.logged(&["\"action\":\"lfs-upload\"", "\"status\":200", "\"repository\":\"app\""]);
    stage.site.logged(&["\"action\":\"lfs-verify\"", "\"status\":200"]);
    stage.site.logged(&["\"action\":\"lfs-download\"", "\"status\":206"]);
}

/// What a ticket lets through counts for the token that it was given to.
#[test]
fn a_ticket_counts_for_its_token() {
    let stage = Stage::new();
    let (token, _) = stage.token("REPO_WRITE", &[]);
    let get = stage.action(&token, "download", &stage.object, "download");
    let text = std::fs::read_to_string(stage.site.config()).unwrap();
    let limit = "\n[limits]\nrequests_per_token = '2/h'\n";
    std::fs::write(stage.site.config(), text + limit).unwrap();
    stage.site.signal("HUP");
    stage.site.logged(&["\"reloaded\""]);
    let statuses = [(); 3].map(|()| {
        let line = format!("GET {}", get.target);
        request(stage.site.address(), &line, &get.ticket, b"").status
    });
    assert_eq!(statuses, [200, 200, 429]);
}

/// A ticket is for one method on one target. Used for anything else it is none.
#[test]
fn a_ticket_is_for_one_request_alone() {
    let stage = Stage::new();
    let (token, _) = stage.token("REPO_WRITE", &[]);
    let (reader, _) = stage.token("REPO_READ", &[]);
    let other = stage.host.put(b"other");
    let get = stage.action(&token, "download", &stage.object, "download");
    let put = stage.action(&token, "upload", &oid(b"new"), "upload");
    let target = get.target.clone();
    let cases: &[(&str, String, &str, &str, u16)] = &[
        ("GET", target.clone(), &get.ticket, "", 200),
        ("HEAD", target.clone(), &get.ticket, "", 200),
        ("PUT", target.clone(), &get.ticket, "", 401),
        ("POST", target.clone(), &get.ticket, "", 401),
        ("DELETE", target.clone(), &get.ticket, "", 401),
        ("GET", target.replace(&stage.object, &other), &get.ticket, "", 401),
        ("GET", target.replace("team/app", "team/other"), &get.ticket, "", 401),
        ("GET", target.replace("team/app", "te%61m/app"), &get.ticket, "", 401),
        ("GET", format!("{target}?x=1"), &get.ticket, "", 401),
        ("GET", format!("{target}?"), &get.ticket, "", 401),
        ("GET", format!("/scm{target}"), &get.ticket, "", 401),
        ("GET", "/team/app.git/info/refs?service=git-upload-pack".to_owned(), &get.ticket, "", 401),
        ("GET", "/rest/access-tokens/latest/self".to_owned(), &get.ticket, "", 401),
        ("GET", put.target.clone(), &put.ticket, "", 401),
        // With a token besides, it is the token that counts where the ticket is for something else.
        ("GET", target.replace(&stage.object, &other), &get.ticket, &token, 200),
        ("GET", target.replace("team/app", "other/app"), &get.ticket, &token, 403),
        ("GET", target.clone(), &get.ticket, &token, 200),
        // With another one, neither does.
        ("GET", target.clone(), &get.ticket, &reader, 403),
        ("GET", target.clone(), &get.ticket, "latu_000000000000000000000000000000000000", 401),
        ("GET", target.clone(), "X-Gitlatch-Ticket: x\r\n", "", 401),
        ("GET", target.clone(), "X-Gitlatch-Ticket: \r\n", "", 401),
        ("GET", target.clone(), "", "", 401),
    ];
    for (method, target, ticket, token, expected) in cases {
        let credential = if token.is_empty() { String::new() } else { bearer(token) };
        let before = stage.host.seen().len();
        let headers = format!("{ticket}{credential}");
        let reply = request(stage.site.address(), &format!("{method} {target}"), &headers, b"");
        assert_eq!(reply.status, *expected, "{method} {target} {headers}: {}", reply.text());
        let sent = stage.host.seen().len() - before;
        assert_eq!(sent, usize::from(*expected == 200), "{method} {target}");
        if *expected == 401 && !ticket.is_empty() {
            assert!(reply.header("LFS-Authenticate").is_some(), "{}", reply.head);
        }
    }
    let twice = format!("{}{}", get.ticket, get.ticket);
    assert_eq!(request(stage.site.address(), &format!("GET {target}"), &twice, b"").status, 400);
}

/// What ends a token, or narrows it, ends its tickets with the next request.
#[test]
fn a_ticket_is_worth_what_its_token_is() {
    let stage = Stage::new();
    let address = stage.site.address();
    let (token, id) = stage.token("REPO_WRITE", &[]);
    let get = stage.action(&token, "download", &stage.object, "download");
    let put = stage.action(&token, "upload", &oid(b"new"), "upload");
    let line = format!("GET {}", get.target);
    assert_eq!(request(address, &line, &get.ticket, b"").status, 200);
    stage.site.done(&["token", "edit", &id, "--permission", "REPO_READ"], "");
    assert_eq!(request(address, &line, &get.ticket, b"").status, 200);
    let headers = put.ticket + "Content-Length: 3\r\n";
    let reply = request(address, &format!("PUT {}", put.target), &headers, b"new");
    assert!(reply.status == 403 && reply.text().contains("REPO_WRITE"), "{}", reply.text());
    stage.site.done(&["grant", "remove", "alice", "REPO_WRITE", "--project", "team"], "");
    assert_eq!(request(address, &line, &get.ticket, b"").status, 403);
    stage.site.done(&["grant", "add", "alice", "REPO_READ", "--project", "team"], "");
    assert_eq!(request(address, &line, &get.ticket, b"").status, 200);
    stage.site.done(&["token", "revoke", &id], "");
    assert_eq!(request(address, &line, &get.ticket, b"").status, 401);
}

/// A ticket ends with the process that made it; the token goes on.
#[test]
fn a_ticket_ends_with_the_process() {
    let mut stage = Stage::new();
    let (token, _) = stage.token("REPO_READ", &[]);
    let get = stage.action(&token, "download", &stage.object, "download");
    stage.site.start();
    let line = format!("GET {}", get.target);
    assert_eq!(request(stage.site.address(), &line, &get.ticket, b"").status, 401);
    let both = get.ticket + &bearer(&token);
    assert_eq!(request(stage.site.address(), &line, &both, b"").status, 200);
}

/// Where the host's link ends sooner, so does the ticket.
#[test]
fn a_ticket_ends() {
    let host = LfsServer::twisted(Some(&told()), |answer| {
        answer["objects"][0]["actions"]["download"]["expires_in"] = json!(1);
    });
    let stage = Stage::of(host, "");
    let (token, _) = stage.token("REPO_READ", &[]);
    let get = stage.action(&token, "download", &stage.object, "download");
    let line = format!("GET {}", get.target);
    crate::support::eventually("the ticket ends", || {
        (request(stage.site.address(), &line, &get.ticket, b"").status == 401).then_some(())
    });
}

/// A host's own credential for a transfer reaches it, at a path that no dialect knows, and nobody else.
#[test]
fn a_credential_of_the_hosts_travels_sealed() {
    let host = LfsServer::twisted(None, |answer| {
        let action = &mut answer["objects"][0]["actions"]["download"];
        let href = action["href"].as_str().unwrap().to_owned();
        let (origin, _) = href.split_once("/team/").unwrap();
        action["href"] = format!("{origin}/rest/git-lfs/storage/team/app/x?a=%2Fb").into();
        action["header"] = json!({
            "Authorization": "JWT secret-of-the-storage",
            "X-Storage": "one",
            "X-Forwarded-User": "admin",
            "Host": "evil",
            "Cookie": "a=b",
        });
    });
    let stage = Stage::of(host, "");
    let (token, _) = stage.token("REPO_READ", &[]);
    let reply = stage.batch(&token, &asking("download", &stage.object));
    assert!(!reply.text().contains("JWT") && !betrayed(&reply), "{}", reply.text());
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let get = Action::of(&answer["objects"][0]["actions"]["download"], &stage.site);
    assert_eq!(get.target, "/rest/git-lfs/storage/team/app/x?a=%2Fb");
    let line = format!("GET {}", get.target);
    request(stage.site.address(), &line, &get.ticket, b"");
    let seen = stage.host.seen().pop().unwrap();
    assert!(seen.line().contains("/rest/git-lfs/storage/team/app/x?a=%2Fb"), "{}", seen.line());
    assert_eq!(seen.header("authorization"), ["JWT secret-of-the-storage"]);
    assert_eq!(seen.header("x-storage"), ["one"]);
    for name in ["x-forwarded-user", "cookie"] {
        assert!(seen.header(name).is_empty(), "{name}");
    }
    assert_ne!(seen.header("host"), ["evil"]);
    // The path by itself is none that a token may ask for.
    assert_eq!(request(stage.site.address(), &line, &bearer(&token), b"").status, 403);
    let said = [stage.site.log(), stage.site.errors()].concat();
    assert!(!said.contains("secret-of-the-storage"));
    // A batch by ticket is none.
    let body = asking("download", &stage.object);
    let headers =
        format!("{}Content-Type: {JSON}\r\nContent-Length: {}\r\n", get.ticket, body.len());
    assert_eq!(request(stage.site.address(), BATCH, &headers, body.as_bytes()).status, 401);
}

/// Bitbucket keeps objects at a path of its own, under a token of its own.
#[test]
fn as_bitbucket_has_it() {
    let host = LfsServer::twisted(None, |answer| {
        let action = &mut answer["objects"][0]["actions"]["download"];
        let href = action["href"].as_str().unwrap().replace("/scm/", "/rest/git-lfs/storage/");
        action["href"] = href.into();
        action["header"] = json!({ "Authorization": "JWT of-the-storage" });
    });
    let builder = with_secret(SiteBuilder::bitbucket(&host.url(), IDENTITY));
    let stage = Stage::at(host, builder);
    let (token, _) = stage.token("REPO_READ", &["--only", "team/app"]);
    let line = "POST /scm/team/app.git/info/lfs/objects/batch";
    let reply = stage.ask(line, &token, &asking("download", &stage.object));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let get = Action::of(&answer["objects"][0]["actions"]["download"], &stage.site);
    assert!(get.target.starts_with("/rest/git-lfs/storage/team/app.git/"), "{}", get.target);
    let line = format!("GET {}", get.target);
    let reply = request(stage.site.address(), &line, &get.ticket, b"");
    assert_eq!((reply.status, &reply.body[..]), (200, &b"the content of an object"[..]));
    assert_eq!(stage.host.seen().pop().unwrap().header("authorization"), ["JWT of-the-storage"]);
    assert_eq!(request(stage.site.address(), &line, &bearer(&token), b"").status, 403);
    let line = "POST /scm/team/sub/app.git/info/lfs/objects/batch";
    assert_eq!(stage.ask(line, &token, &asking("download", &stage.object)).status, 403);
}

/// What the operator denies is denied with a ticket too, and a path below a prefix is that of a link.
#[test]
fn rules_of_the_operator_and_a_prefix() {
    let host = LfsServer::twisted(Some(&told()), |_| {});
    let url = format!("{}/git", host.url());
    let builder = with_secret(SiteBuilder::url(&url, IDENTITY))
        .server("public_url = 'https://git.example.com/git'")
        .section(
            "[[rule]]\nmethods = ['PUT']\npath = '/team/*/info/lfs/**'\ndeny = 'no uploads here'",
        );
    let stage = Stage::at(host, builder);
    let (token, _) = stage.token("REPO_WRITE", &[]);
    let line = "POST /git/team/app.git/info/lfs/objects/batch";
    for (operation, action, method, object, status) in [
        ("download", "download", "GET", stage.object.clone(), 200),
        ("upload", "upload", "PUT", oid(b"new"), 403),
    ] {
        let reply = stage.ask(line, &token, &asking(operation, &object));
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        let action = &answer["objects"][0]["actions"][action];
        let target =
            action["href"].as_str().unwrap().strip_prefix("https://git.example.com").unwrap();
        assert!(target.starts_with("/git/team/app.git/info/lfs/objects/"), "{target}");
        let ticket = action["header"]["X-Gitlatch-Ticket"].as_str().unwrap();
        let headers = format!("X-Gitlatch-Ticket: {ticket}\r\n");
        let reply = request(stage.site.address(), &format!("{method} {target}"), &headers, b"");
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(status == 200 || reply.text().contains("no uploads here"), "{}", reply.text());
    }
}

/// Where people pass, their batches go on and come back as they are; a ticket goes to no host with them.
#[test]
fn where_people_pass() {
    let host = LfsServer::new();
    let url = host.url();
    let site = SiteBuilder::url(&url, "").section("[access]\npeople = 'pass'").start();
    let object = host.put(b"the content of an object");
    let body = asking("download", &object);
    let headers = format!(
        "{}Content-Type: {JSON}\r\nContent-Length: {}\r\nX-Gitlatch-Ticket: x\r\n",
        basic("bob", "password"),
        body.len()
    );
    let reply = request(site.address(), BATCH, &headers, body.as_bytes());
    assert!(reply.status == 200 && reply.text().contains("Authorization"), "{}", reply.text());
    let line = format!("GET /team/app.git/info/lfs/objects/{object}");
    assert_eq!(request(site.address(), &line, &basic("bob", "password"), b"").status, 200);
    for seen in host.seen() {
        assert!(!seen.head.to_ascii_lowercase().contains("ticket"), "{}", seen.head);
    }
    // With a ticket of a token's beside it, the password counts for nothing and goes nowhere.
    site.user("alice");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let headers =
        format!("{}Content-Type: {JSON}\r\nContent-Length: {}\r\n", bearer(&token), body.len());
    let reply = request(site.address(), BATCH, &headers, body.as_bytes());
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let get = Action::of(&answer["objects"][0]["actions"]["download"], &site);
    let headers = get.ticket + &basic("bob", "password");
    assert_eq!(request(site.address(), &format!("GET {}", get.target), &headers, b"").status, 200);
    let seen = host.seen().pop().unwrap();
    assert!(seen.header("authorization").is_empty(), "{}", seen.head);
    assert_eq!(seen.header("x-forwarded-user"), ["alice"]);
}

/// A ticket is held to the addresses of its token.
#[test]
fn a_ticket_is_used_from_where_its_token_is() {
    let host = LfsServer::twisted(Some(&told()), |_| {});
    let builder = with_secret(SiteBuilder::url(&host.url(), IDENTITY));
    let stage = Stage::at(host, builder.server("trusted_proxies = ['127.0.0.1']"));
    let (token, _) = stage.token("REPO_READ", &["--from", "10.0.0.0/8"]);
    let from = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    let body = asking("download", &stage.object);
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
    let headers = headers + &bearer(&token) + &from("10.0.0.1");
    let reply = request(stage.site.address(), BATCH, &headers, body.as_bytes());
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let get = Action::of(&answer["objects"][0]["actions"]["download"], &stage.site);
    for (address, status) in [("10.9.9.9", 200), ("11.0.0.1", 403)] {
        let headers = get.ticket.clone() + &from(address);
        let reply = request(stage.site.address(), &format!("GET {}", get.target), &headers, b"");
        assert_eq!(reply.status, status, "{address}: {}", reply.text());
    }
}

/// In mode `stored` each owner's transfers travel under the owner's own credential, which no answer holds.
#[test]
fn under_a_credential_of_its_own() {
    const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";
    let host = LfsServer::new();
    let object = host.put(b"the content of an object");
    let identity = "[upstream.identity]\nmode = 'stored'\nkey_env = 'GITLATCH_TEST_KEY'";
    let site = SiteBuilder::url(&host.url(), identity).variable("GITLATCH_TEST_KEY", KEY).prepare();
    let mut site = site;
    let mut set =
        site.command(&["identity", "set", "--project", "team", "--bearer", "--secret-stdin"]);
    set.env("GITLATCH_TEST_KEY", KEY).stdin(std::process::Stdio::piped());
    set.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut set = set.spawn().unwrap();
    std::io::Write::write_all(&mut set.stdin.take().unwrap(), b"secret-of-the-team").unwrap();
    assert!(set.wait().unwrap().success());
    site.start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let body = asking("download", &object);
    let headers =
        format!("{}Content-Type: {JSON}\r\nContent-Length: {}\r\n", bearer(&token), body.len());
    let reply = request(site.address(), BATCH, &headers, body.as_bytes());
    assert!(
        reply.status == 200 && !reply.text().contains("secret-of-the-team"),
        "{}",
        reply.text()
    );
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let get = Action::of(&answer["objects"][0]["actions"]["download"], &site);
    let reply = request(site.address(), &format!("GET {}", get.target), &get.ticket, b"");
    assert_eq!(reply.status, 200, "{}", reply.text());
    for seen in host.seen() {
        assert_eq!(seen.header("authorization"), ["Bearer secret-of-the-team"]);
    }
    // Whoever's credential is gone is refused by name, with a ticket too.
    site.done(&["identity", "remove", "--project", "team"], "");
    let reply = request(site.address(), &format!("GET {}", get.target), &get.ticket, b"");
    assert!(reply.status == 403 && reply.text().contains("no credential"), "{}", reply.text());
}
