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

/// A key that is replaced while it serves keeps no reload from what else the file says; a bad one does.
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
    site.logged(&["\"info\"", "\"reloaded\""]);
    fs::write(&file, "no key").unwrap();
    site.signal("HUP");
    site.logged(&["\"error\"", "`key_file`: entry 1 is no key"]);
    site.logged(&["\"error\"", "not reloaded: the old settings stay in force"]);
}

/// A site in mode `stored` with its keys in a file, in front of a host that says back what it was shown.
fn keyed(upstream: &Upstream) -> super::support::Site {
    let identity = "[upstream.identity]\nmode = 'stored'\nkey_file = 'keys'";
    let builder = SiteBuilder::url(&upstream.url(), identity);
    let file = builder.folder().join("keys");
    fs::write(&file, KEY).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let site = builder.start();
    site.user("alice");
    site.user("bob");
    site
}

/// Every line: an owner, how its credential is presented, the secret, and what the host is shown.
const CREDENTIALS: [(&[&str], &[&str], &str, &str); 4] = [
    (
        &["--user", "alice"],
        &["--username", "ally"],
        "secret-of-alice",
        "Basic YWxseTpzZWNyZXQtb2YtYWxpY2U=",
    ),
    (&["--user", "bob"], &["--bearer"], "secret-of-bob", "Bearer secret-of-bob"),
    (
        &["--project", "team"],
        &["--username", "team-bot"],
        "secret-of-team",
        "Basic dGVhbS1ib3Q6c2VjcmV0LW9mLXRlYW0=",
    ),
    (
        &["--project", "team", "--repo", "app"],
        &["--bearer"],
        "secret-of-app",
        "Bearer secret-of-app",
    ),
];

/// Each owner's requests travel under the owner's own credential, and under nobody else's.
#[test]
fn every_owner_has_a_credential_of_its_own() {
    let upstream = Upstream::new(|stream, seen, _| {
        let shown = seen.header("Authorization").join(",");
        let answer = format!("HTTP/1.1 200 OK\r\nX-Echo: {shown}\r\nContent-Length: 2\r\n\r\nok");
        std::io::Write::write_all(stream, answer.as_bytes()).is_ok()
    });
    let site = keyed(&upstream);
    for (owner, how, secret, _) in CREDENTIALS {
        site.done(&[&["identity", "set"], owner, how, &["--secret-stdin"]].concat(), secret);
    }
    for rekeyed in [false, true] {
        if rekeyed {
            // The running server finds the new key by itself.
            site.done(&["identity", "rekey"], "");
        }
        for (owner, _, secret, expected) in CREDENTIALS {
            let (token, _) = site.token(&[owner, &["--permission", "REPO_READ"]].concat());
            let reply = request(site.address(), GET, &bearer(&token), b"");
            assert_eq!(reply.status, 200, "{owner:?}: {}", reply.text());
            assert_eq!(upstream.seen().last().unwrap().header("Authorization"), [expected]);
            // What the host says back of it stays here.
            assert!(
                !reply.head.contains(secret) && reply.header("X-Echo").is_none(),
                "{}",
                reply.head
            );
        }
    }
    // Another repository of the project has no credential: its project's is not its own.
    let (token, _) =
        site.token(&["--project", "team", "--repo", "other", "--permission", "REPO_READ"]);
    let reply = request(site.address(), "GET /team/other.git/HEAD", &bearer(&token), b"");
    assert_eq!(reply.status, 403, "{}", reply.text());
    let before = upstream.seen().len();
    site.done(&["identity", "remove", "--user", "alice"], "");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    assert_eq!(request(site.address(), GET, &bearer(&token), b"").status, 403);
    assert_eq!(upstream.seen().len(), before);
    let said = [site.log(), site.errors(), site.done(&["audit", "--json"], "")].concat()
        + &site.done(&["identity", "list", "--json"], "");
    let store = fs::read(site.database()).unwrap();
    for (_, _, secret, _) in CREDENTIALS {
        assert!(!said.contains(secret), "{secret}");
        assert!(!store.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
    assert!(said.contains("identity.set") && said.contains("identity.rekeyed"));
}

/// A credential that the host no longer takes is told by its name, and not as if the token were bad.
#[test]
fn a_credential_that_the_host_refuses() {
    let upstream = Upstream::answering("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    let site = keyed(&upstream);
    site.done(
        &["identity", "set", "--user", "alice", "--username", "ally", "--secret-stdin"],
        "old",
    );
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let reply = request(site.address(), GET, &bearer(&token), b"");
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("the host does not accept ally"), "{}", reply.text());
}
