//! What becomes of the store's disk while gitlatch serves: full, and damaged.

use super::support::{Knobs, PASSWORD, Site, SiteBuilder, basic, bearer, eventually, raw, request};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::FileExt;

const HEAD: &str = "GET /team/app.git/HEAD";
const UNKNOWN: &str = "latu_0000000000000000000000000000001vo4SB";
const MINE: &str = "/rest/access-tokens/latest/users/alice";

fn status(site: &Site, token: &str) -> u16 {
    request(site.address(), HEAD, &bearer(token), b"").status
}

/// A call of the token API by alice: its status, and its body.
fn call(site: &Site, line: &str, body: &str) -> (u16, String) {
    let headers = format!(
        "{}Content-Type: application/json\r\nContent-Length: {}\r\n",
        basic("alice", PASSWORD),
        body.len()
    );
    let reply = request(site.address(), line, &headers, body.as_bytes());
    if reply.status == 503 {
        assert!(reply.header("Retry-After").is_some(), "{line}: {}", reply.head);
    }
    (reply.status, reply.text())
}

fn site(builder: SiteBuilder) -> Site {
    let site = builder.start();
    site.repository("team/app");
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_READ", "--project", "team"], "");
    site
}

#[test]
fn a_full_disk_refuses_changes_and_nothing_else() {
    let builder = SiteBuilder::repositories();
    let knobs = Knobs::new(builder.folder());
    let site = site(knobs.on(builder));
    let mine = ["--user", "alice", "--permission", "REPO_READ"];
    let [(used, used_id), (fresh, fresh_id)] = [site.token(&mine), site.token(&mine)];
    assert_eq!(status(&site, &used), 200);
    knobs.fill_disk(true);
    let create = r#"{"name": "half", "permissions": ["REPO_READ"]}"#;
    let changes = [
        (format!("PUT {MINE}"), create),
        (format!("POST {MINE}/{used_id}"), r#"{"name": "half"}"#),
        (format!("POST {MINE}/{used_id}/rotate"), "{}"),
        (format!("DELETE {MINE}/{used_id}"), ""),
    ];
    for (line, body) in &changes {
        let (status, text) = call(&site, line, body);
        assert_eq!(status, 503, "{line}: {text}");
        assert!(!text.contains("latu_"), "{line}: {text}");
    }
    let itself = "DELETE /rest/access-tokens/latest/self";
    assert_eq!(request(site.address(), itself, &bearer(&used), b"").status, 503);
    let mut command =
        site.command(&["token", "create", "--json", "--name", "half", "--project", "team"]);
    let made = command.envs(knobs.variables()).output().unwrap();
    assert_eq!((made.status.code(), made.stdout.as_slice()), (Some(1), &b""[..]), "{made:?}");
    let said = String::from_utf8(made.stderr).unwrap();
    assert!(said.contains("disk is full"), "{said}");
    // Who has a token notices nothing, while marks of use are tried to be written again and again.
    let kept = &["\"warn\"", "marks of use are kept, and it is tried again", "disk is full"];
    site.logged(kept);
    for _ in 0..20 {
        for (token, expected) in [(used.as_str(), 200), (&fresh, 200), (UNKNOWN, 401)] {
            assert_eq!(status(&site, token), expected);
        }
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    let log = site.log();
    let said = log.lines().filter(|line| kept.iter().all(|piece| line.contains(piece))).count();
    assert_eq!(said, 1, "{log}");
    knobs.fill_disk(false);
    eventually("the marks of the time without room", || {
        let shown = site.done(&["token", "show", &fresh_id, "--json"], "");
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        shown["lastAuthenticated"].as_i64()
    });
    // Nothing was changed by half, and everything can be.
    let (status_of_list, text) = call(&site, &format!("GET {MINE}"), "");
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status_of_list, list["size"].as_i64()), (200, Some(2)), "{list}");
    assert!(!text.contains("half") && !text.contains("successor"), "{text}");
    assert_eq!(call(&site, &changes[0].0, create).0, 200);
    assert_eq!(call(&site, &changes[3].0, "").0, 204);
    assert_eq!((status(&site, &used), status(&site, &fresh)), (401, 200));
    site.done(&["audit", "verify"], "");
}

/// All pages but the first are overwritten: what nobody has in memory any more cannot be answered.
#[test]
fn damaged_pages_are_trouble_and_no_verdict() {
    let mut site = site(SiteBuilder::repositories().server("threads = 1"));
    let mine = ["--user", "alice", "--permission", "REPO_READ"];
    let (used, id) = site.token(&mine);
    // Everything stands in the file.
    site.signal("TERM");
    assert_eq!(site.wait(), Some(0));
    let store = Connection::open(site.database()).unwrap();
    store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(store);
    site.start();
    // The worker has begun its work, and has looked nothing up.
    assert_eq!(request(site.address(), HEAD, "", b"").status, 401);
    let file = fs::File::options().write(true).open(site.database()).unwrap();
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    file.write_all_at(&vec![0x5a; length - 4096], 4096).unwrap();
    for _ in 0..10 {
        let ask = |token: &str, last: &str| {
            format!("{HEAD} HTTP/1.1\r\nHost: a\r\n{last}{}\r\n", bearer(token))
        };
        let all = ask(&used, "") + &ask(UNKNOWN, "Connection: close\r\n");
        let replies = raw(site.address(), all.as_bytes());
        let found: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(found, [503, 503], "{} {} {replies:?}", site.log(), site.errors());
        assert!(replies.iter().all(|reply| reply.header("Retry-After").is_some()));
    }
    assert_eq!(call(&site, &format!("GET {MINE}"), "").0, 503);
    assert_eq!(request(site.operations(), "GET /readyz", "", b"").status, 503);
    let told = eventually("an error in the log", || {
        let log = site.log();
        let errors = log.lines().filter(|line| {
            line.contains("\"level\":\"error\"") && !line.contains("a call of the token API")
        });
        let errors: Vec<String> = errors.map(str::to_owned).collect();
        (!errors.is_empty()).then_some(errors)
    });
    assert!(told.len() <= 2, "{told:#?}");
    assert!(told.iter().any(|line| line.contains("malformed")), "{told:#?}");
    let commands: &[&[&str]] = &[
        &["token", "list"],
        &["token", "revoke", &id],
        &["token", "create", "--name", "t", "--project", "team"],
        &["audit", "verify"],
        &["backup", "copy.db"],
    ];
    for command in commands {
        let ran = site.run(command, "");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{command:?}: {ran:?}");
        assert!(ran.stderr.contains("malformed"), "{command:?}: {ran:?}");
    }
}
