//! Guessing passwords.

use super::api::{Answer, READER, builder, call, from, make, person, populated, site};
use super::support::{PASSWORD, Site, basic, bearer};
use std::thread;

const LIST: &str = "GET /users/alice";

fn guess(site: &Site, name: &str, password: &str, address: &str) -> Answer {
    call(site, LIST, &(basic(name, password) + &from(address)), "")
}

#[test]
fn ten_wrong_passwords_are_enough() {
    let site = site(&["alice", "root!"]);
    let (_, secret) = make(&site, "alice", "/users/alice", READER);
    let here = "10.0.0.1";
    // In any spelling of the name.
    for nth in 0..10 {
        let name = ["alice", "ALICE", "Alice"][nth % 3];
        let answer = guess(&site, name, &format!("wrong {nth}"), here);
        assert_eq!(answer.said(), "401 IncorrectPasswordAuthenticationException", "{nth}");
    }
    for (what, password) in [("an eleventh", "wrong"), ("the right one", PASSWORD)] {
        let answer = guess(&site, "alice", password, here).must(429);
        let wait: u64 = answer.reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{what}: {wait}");
        assert!(answer.message().starts_with("too many wrong passwords"), "{what}");
        assert!(answer.error()["exceptionName"].is_null() && answer.error()["context"].is_null());
    }
    // Nobody else is held up: other accounts here, alice elsewhere, her tokens here.
    assert_eq!(guess(&site, "root", PASSWORD, here).status, 200);
    assert_eq!(guess(&site, "nobody", "wrong", here).status, 401);
    for address in ["10.0.0.2", "2001:db8::1"] {
        assert_eq!(guess(&site, "alice", "wrong", address).status, 401, "{address}");
        assert_eq!(guess(&site, "alice", PASSWORD, address).status, 200, "{address}");
    }
    assert_eq!(guess(&site, "alice", PASSWORD, "::ffff:10.0.0.1").status, 429, "the same address");
    let own = call(&site, "GET /self", &(bearer(&secret) + &from(here)), "");
    assert_eq!(own.status, 200);
    let line = site.logged(&["\"throttled\""]);
    assert_eq!((&line["status"], &line["verdict"]), (&429.into(), &"refused".into()));
    assert!(line["user"].is_null(), "nobody has proved to be alice: {line}");
}

#[test]
fn only_what_was_guessed_counts() {
    let site = site(&["alice", "gone"]);
    site.done(&["user", "disable", "gone"], "");
    // The password is right, whatever else is not.
    let cases = [
        ("gone", "GET /users/gone", "", 401),
        ("alice", "GET /users/gone", "", 401),
        ("alice", "GET /users/alice/99", "", 404),
        ("alice", "PUT /users/alice", "{", 400),
    ];
    for (name, line, body, status) in cases {
        for _ in 0..12 {
            assert_eq!(call(&site, line, &person(name), body).status, status, "{name} {line}");
        }
    }
    // Nobody, and what is no password, are no guesses either.
    let headers = [String::new(), "Authorization: Bearer x\r\n".to_owned(), basic("", "x")];
    for headers in headers {
        for _ in 0..12 {
            assert_eq!(call(&site, LIST, &headers, "").said(), "401 AuthorisationException");
        }
    }
    assert_eq!(call(&site, LIST, &person("alice"), "").status, 200);
}

#[test]
fn many_at_once() {
    let site = populated(builder().start(), &["alice"]);
    let all = |password: &str, address: &str| {
        let mut statuses = thread::scope(|scope| {
            let ask = || guess(&site, "alice", password, address).status;
            let threads: Vec<_> = (0..30).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(all(PASSWORD, "10.0.0.1"), [200; 30], "a script with the right password");
    let guesses = all("wrong", "10.0.0.2");
    assert_eq!(guesses[..10], [401; 10], "{guesses:?}");
    assert_eq!(guesses[10..], [429; 20], "{guesses:?}");
    // Guesses from elsewhere do not lock out who is known here.
    for nth in 3..12 {
        assert_eq!(all("wrong", &format!("10.0.0.{nth}"))[0], 401);
    }
    assert_eq!(guess(&site, "alice", PASSWORD, "10.0.0.1").status, 200);
    assert_eq!(guess(&site, "alice", PASSWORD, "10.0.0.99").status, 429, "not known there");
}

#[test]
fn an_unknown_name_and_a_wrong_password_look_the_same() {
    let site = site(&["alice", "gone"]);
    site.done(&["user", "disable", "gone"], "");
    let told = |name: &str| {
        let answer = guess(&site, name, "wrong", "10.0.0.1");
        let id = answer.reply.header("x-request-id").unwrap();
        let hide = |text: String| text.replace(&id, "ID");
        let head: String = answer.reply.head.clone();
        let head = head.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
        (hide(head.collect::<Vec<_>>().join("\n")), hide(answer.reply.text()))
    };
    let alice = told("alice");
    for name in ["gone", "nobody", "no name", "ä", "a:b", "x-token-auth", &"a".repeat(5000)] {
        assert_eq!(told(name), alice, "{name}");
    }
}
