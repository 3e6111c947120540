//! Mode `stored`: the host is told one credential per user, project or repository, and nothing without.

use super::support::{SiteBuilder, Upstream, bearer, request};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const GET: &str = "GET /team/app.git/HEAD";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const IDENTITY: &str = "[upstream.identity]\nmode = 'stored'\nkey_env = 'GITLATCH_TEST_KEY'";

/// A request for whose owner nothing is stored never leaves, and its answer says what to do. The commands
/// here run without the key, which none of them needs.
#[test]
fn without_a_credential_nothing_is_sent() {
    let upstream = Upstream::answering(OK);
    let site = SiteBuilder::url(&upstream.url(), IDENTITY)
        .variable("GITLATCH_TEST_KEY", KEY)
        .section("[access]\nanonymous = 'read'")
        .start();
    site.user("alice");
    let cases: [(&[&str], &str); 3] = [
        (
            &["--user", "alice"],
            "user alice; an operator sets one with: gitlatch identity set --user alice ",
        ),
        (
            &["--project", "team"],
            "project team; an operator sets one with: gitlatch identity set --project team ",
        ),
        (
            &["--project", "team", "--repo", "app"],
            "repository team/app; an operator sets one with: gitlatch identity set --project team --repo app ",
        ),
    ];
    for (owner, expected) in cases {
        let (token, _) = site.token(&[owner, &["--permission", "REPO_READ"]].concat());
        let reply = request(site.address(), GET, &bearer(&token), b"");
        assert_eq!(reply.status, 403, "{}", reply.text());
        let expected = format!("no credential for the host is stored for {expected}");
        assert!(reply.text().contains(&expected), "{}", reply.text());
        site.logged(&["no-identity", owner[1]]);
    }
    assert!(upstream.seen().is_empty());
    // Who says nothing is nobody, and needs no credential.
    assert_eq!(request(site.address(), GET, "", b"").status, 200);
    let seen = upstream.seen();
    assert_eq!((seen.len(), seen[0].header("Authorization").len()), (1, 0));
    assert!(!site.log().contains(KEY) && !site.errors().contains(KEY));
}

/// A key that cannot be used stops the server and not the commands that work with the store alone.
#[test]
fn a_key_that_cannot_be_read() {
    let identity = "[upstream.identity]\nmode = 'stored'\nkey_file = 'key'";
    let site = SiteBuilder::url("http://127.0.0.1:9", identity).prepare();
    let file = site.folder().join("key");
    let cases = [
        (None, 0o600, "`key_file`: the file cannot be read"),
        (Some("secretword"), 0o600, "`key_file`: entry 1 is no key"),
        (Some(KEY), 0o644, "`key_file`: others than its owner and its group may use"),
    ];
    for (content, mode, expected) in cases {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        for command in ["check", "serve"] {
            let ran = site.run(&[command], "");
            assert_eq!(ran.code, Some(1), "{command}: {ran:?}");
            assert!(ran.said().contains(expected), "{command}: {ran:?}");
            assert!(!ran.said().contains("secretword") && !ran.said().contains(KEY), "{ran:?}");
        }
        site.done(&["token", "list"], "");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    site.done(&["check"], "");
}

/// A key that is replaced while it serves is told of, and what else the file says is put in force.
#[test]
fn a_key_is_replaced() {
    let identity = "[upstream.identity]\nmode = 'stored'\nkey_file = 'key'";
    let mut site = SiteBuilder::url("http://127.0.0.1:9", identity).prepare();
    let file = site.folder().join("key");
    fs::write(&file, KEY).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    site.start();
    fs::write(&file, format!("{}\n{KEY}\n", KEY.replace('1', "2"))).unwrap();
    site.signal("HUP");
    site.logged(&["\"warn\"", "upstream.identity.key_file", "changed, but needs a restart"]);
    site.logged(&["\"info\"", "\"reloaded\""]);
    fs::write(&file, "no key").unwrap();
    site.signal("HUP");
    site.logged(&["\"error\"", "`key_file`: entry 1 is no key"]);
    site.logged(&["\"error\"", "not reloaded: the old settings stay in force"]);
}
