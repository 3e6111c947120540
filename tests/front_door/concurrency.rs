//! Several processes that change one store at once: nothing is lost, nothing is stale, nothing is half done.

mod book;
mod hand;
mod kill;
mod locks;
mod wire;

use super::support::{Site, SiteBuilder, eventually};
use book::{Book, Token, listed, number, registry, token};
use gitlatch::store::Registry as _;
use hand::Hand;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use wire::{HEAD, PUSH_REFS, Wire};

/// A site with a repository, and alice, who administers its project.
fn site() -> Site {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    site.user("alice");
    site.done(&["grant", "add", "alice", "PROJECT_ADMIN", "--project", "team"], "");
    site
}

/// The tokens that the API lists, by number.
fn listed_by_http(site: &Site) -> BTreeMap<u64, Token> {
    let mut wire = Wire::to(site.address()).unwrap();
    let mut found = BTreeMap::new();
    for owner in ["/users/alice", "/projects/team", "/projects/team/repos/app"] {
        let mut start = 0;
        loop {
            let line = format!("GET {owner}?limit=7&start={start}");
            let (status, page) = wire.call(&line, "alice", &Value::Null).unwrap();
            assert_eq!(status, 200, "{page}");
            found.extend(page["values"].as_array().unwrap().iter().map(|v| (number(v), token(v))));
            if page["isLastPage"] == true {
                break;
            }
            start = page["nextPageStart"].as_u64().unwrap();
        }
    }
    found
}

/// An operator who takes bob's rights and gives them back, and looks each time what bob and his token get.
fn bob_on_and_off(site: &Site, secret: &str, rounds: usize) -> Book {
    let mut book = Book::default();
    let mut wires: Vec<Wire> = (0..4).map(|_| Wire::to(site.address()).unwrap()).collect();
    let right = ["bob", "REPO_ADMIN", "--project", "team", "--repo", "app"];
    let (give, take) = (["grant", "add"], ["grant", "remove"]);
    let (give, take) = ([&give[..], &right].concat(), [&take[..], &right].concat());
    // The command, its event, what the token gets, and what bob gets who lists the repository's tokens.
    let cases: &[(&[&str], &str, u16, u16)] = &[
        (&["user", "disable", "bob"], "user.disabled", 401, 401),
        (&["user", "enable", "bob"], "user.enabled", 200, 200),
        (&take, "grant.removed", 403, 401),
        (&give, "grant.added", 200, 200),
    ];
    for (command, event, uses, manages) in cases.iter().cycle().take(rounds * cases.len()) {
        site.done(command, "");
        book.event(event, "bob");
        for wire in &mut wires {
            assert_eq!(wire.status(HEAD, secret).unwrap(), *uses, "{command:?}");
        }
        let line = "GET /projects/team/repos/app";
        let (status, answer) = wires[0].call(line, "bob", &Value::Null).unwrap();
        assert_eq!(status, *manages, "{command:?} {answer}");
        if *event == "user.disabled" {
            book.event("login.failed", "bob");
        }
    }
    book
}

#[test]
fn changes_by_two_processes_at_once_are_neither_lost_nor_stale() {
    let site = site();
    site.user("bob");
    site.done(&["grant", "add", "bob", "REPO_ADMIN", "--project", "team", "--repo", "app"], "");
    let (secret, id) = site.token(&["--user", "bob", "--permission", "REPO_READ"]);
    let before = registry(&site).trail_head().unwrap();
    let mut book = std::thread::scope(|scope| {
        let operator = scope.spawn(|| bob_on_and_off(&site, &secret, 5));
        let hands: Vec<_> = (0..4_u64)
            .map(|nth| {
                let site = &site;
                scope.spawn(move || {
                    let mut hand = Hand::new(site, &format!("hand {nth}"), 0x5eed + 977 * nth);
                    for _ in 0..20 {
                        assert!(hand.step(), "the server goes on");
                    }
                    hand.book
                })
            })
            .collect();
        let mut book = operator.join().unwrap();
        for hand in hands {
            book.absorb(hand.join().unwrap());
        }
        book
    });
    assert!(book.maybes.is_empty());
    let live = book.tokens.iter().filter(|(_, token)| token.live);
    let live: BTreeMap<u64, Token> = live.map(|(id, token)| (*id, token.clone())).collect();
    assert_eq!(listed_by_http(&site), live);
    // Bob's was there before.
    let id = id.parse().unwrap();
    book.tokens.insert(id, listed(&site)[&id].clone());
    book.hold(&site, before.entries, before.link);
    for trouble in ["\"level\":\"error\"", "did not finish in time", "locked"] {
        assert!(!site.log().contains(trouble), "{}", site.log());
    }
}

/// A second server before the store and the repositories of the first.
fn beside(first: &Site) -> Site {
    let mut second = SiteBuilder::repositories().prepare();
    let (own, other) = (second.folder().to_str().unwrap(), first.folder().to_str().unwrap());
    let text = fs::read_to_string(second.config()).unwrap().replace(own, other);
    fs::write(second.config(), text).unwrap();
    second.start();
    second
}

#[test]
fn what_one_server_changes_holds_for_the_next_request_at_the_other() {
    let first = site();
    let second = beside(&first);
    let wires =
        |site: &Site| -> Vec<Wire> { (0..5).map(|_| Wire::to(site.address()).unwrap()).collect() };
    let (mut here, mut there) = (wires(&first), wires(&second));
    for nth in 0..6 {
        let mut call = |line: &str, body: Value| -> Value {
            let (status, answer) = here[0].call(line, "alice", &body).unwrap();
            assert!(matches!(status, 200 | 204), "{line}: {status} {answer}");
            answer
        };
        let mut get = |secret: &str, read: u16, push: u16| {
            for wire in &mut there {
                assert_eq!(wire.status(HEAD, secret).unwrap(), read, "round {nth}");
                assert_eq!(wire.status(PUSH_REFS, secret).unwrap(), push, "round {nth}");
            }
        };
        let secret = |made: &Value| made["token"].as_str().unwrap().to_owned();
        let owner = ["/users/alice", "/projects/team"][nth % 2];
        let wish = json!({ "name": "t", "permissions": ["REPO_WRITE"] });
        let made = call(&format!("PUT {owner}"), wish);
        let (path, old) = (format!("{owner}/{}", number(&made)), secret(&made));
        get(&old, 200, 200);
        call(&format!("POST {path}"), json!({ "permissions": ["REPO_READ"] }));
        get(&old, 200, 403);
        let made = call(&format!("POST {path}/rotate"), Value::Null);
        let (path, new) = (format!("{owner}/{}", number(&made)), secret(&made));
        get(&old, 401, 401);
        get(&new, 200, 403);
        call(&format!("DELETE {path}"), Value::Null);
        get(&new, 401, 401);
        // The next round is the other way round.
        std::mem::swap(&mut here, &mut there);
    }
    let (secret, _) = first.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let cases = [("enable", 200), ("disable", 401), ("enable", 200)];
    for (verb, status) in cases {
        first.done(&["user", verb, "alice"], "");
        for wire in here.iter_mut().chain(&mut there) {
            assert_eq!(wire.status(HEAD, &secret).unwrap(), status, "{verb}");
        }
    }
    // A use at either shows at both.
    eventually("the use at the second", || {
        let (_, page) = here[0].call("GET /users/alice", "alice", &Value::Null).unwrap();
        page["values"][0]["lastAuthenticated"].as_i64()
    });
    registry(&first).verify_trail(None).unwrap().unwrap();
}
