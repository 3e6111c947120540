//! What happens while somebody else holds the lock for writing.

use super::book::{Book, Token, listed, number, registry};
use super::site;
use super::wire::{API, REFS, Wire};
use crate::support::{PASSWORD, Reply, Site, SiteBuilder, basic, eventually, request};
use gitlatch::store::{Registry as _, TrailFilter};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

/// Takes the lock for writing, until it is rolled back or let go.
fn lock(site: &Site) -> Connection {
    let other = Connection::open(site.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE token SET name = name || '!'").unwrap();
    other
}

/// One call by alice, on a connection of its own.
fn call(site: &Site, line: &str, headers: &str, body: &Value) -> Reply {
    let (method, path) = line.split_once(' ').unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let headers = format!(
        "{}{headers}Content-Type: application/json\r\nContent-Length: {}\r\n",
        basic("alice", PASSWORD),
        body.len()
    );
    request(site.address(), &format!("{method} {API}{path}"), &headers, body.as_bytes())
}

fn wish(name: &str) -> Value {
    json!({ "name": name, "permissions": ["REPO_READ"] })
}

/// The message of a refusal, in the shape of Bitbucket's.
fn message(reply: &Reply) -> String {
    let json: Value = serde_json::from_slice(&reply.body).unwrap();
    json["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn changes_wait_for_a_short_lock_and_requests_by_token_wait_for_none() {
    let site = &site();
    let (secret, id) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let before = registry(site).trail_head().unwrap();
    let mut book = Book::default();
    let (mut wire, other) = (Wire::to(site.address()).unwrap(), lock(site));
    std::thread::scope(|scope| {
        let lines = ["PUT /users/alice", "PUT /projects/team", "PUT /projects/team/repos/app"];
        let creates = lines.map(|line| scope.spawn(move || call(site, line, "", &wish(line))));
        let command = ["token", "create", "--json", "--name", "t", "--project", "team"];
        let command = scope.spawn(move || site.done(&command, ""));
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1500) {
            assert_eq!(wire.status(REFS, &secret).unwrap(), 200);
        }
        assert!(!creates.iter().any(ScopedJoinHandle::is_finished), "somebody did not wait");
        assert!(!command.is_finished(), "the command did not wait");
        other.execute_batch("ROLLBACK").unwrap();
        for create in creates {
            let reply = create.join().unwrap();
            assert_eq!(reply.status, 200, "{}", reply.text());
            told(&mut book, &serde_json::from_slice(&reply.body).unwrap());
        }
        told(&mut book, &serde_json::from_str(&command.join().unwrap()).unwrap());
    });
    let id = id.parse().unwrap();
    book.tokens.insert(id, listed(site)[&id].clone());
    book.hold(site, before.entries, before.link);
}

/// Writes down a token that was made.
fn told(book: &mut Book, made: &Value) {
    let token = Token { live: true, ..super::token(made) };
    book.created(number(made), token, made["token"].as_str());
}

#[test]
fn a_lock_that_is_held_too_long_is_trouble_and_nothing_is_half_done() {
    let site = &site();
    let (secret, id) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let (mut wire, before) = (Wire::to(site.address()).unwrap(), listed(site));
    // Its first use is written before the lock is taken.
    assert_eq!(wire.status(REFS, &secret).unwrap(), 200);
    eventually("the first use", || {
        let head = registry(site).trail(&TrailFilter::default()).unwrap();
        head.iter().any(|entry| entry.event == "token.first-use").then_some(())
    });
    let head = registry(site).trail_head().unwrap();
    let other = lock(site);
    std::thread::scope(|scope| {
        let lines = ["PUT /users/alice".to_owned(), format!("DELETE /projects/team/{id}")];
        let calls = lines.map(|line| scope.spawn(move || call(site, &line, "", &wish("never"))));
        while !calls.iter().all(ScopedJoinHandle::is_finished) {
            assert_eq!(wire.status(REFS, &secret).unwrap(), 200);
        }
        for refused in calls.map(|call| call.join().unwrap()) {
            assert_eq!(refused.status, 503, "{}", refused.text());
            assert!(refused.header("Retry-After").is_some(), "{}", refused.head);
            let text = "the store of tokens cannot answer; try again in a moment";
            assert_eq!(message(&refused), text);
        }
    });
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(listed(site), before);
    assert_eq!(wire.status(REFS, &secret).unwrap(), 200, "it is not revoked");
    let mut registry = registry(site);
    assert_eq!(registry.trail_head().unwrap().entries, head.entries, "the trail tells of nothing");
    registry.verify_trail(Some(head.link)).unwrap().unwrap();
    assert_eq!(call(site, "PUT /users/alice", "", &wish("now")).status, 200);
}

/// Callers, and how many of them there is room for: two at work and a queue.
const CALLERS: usize = 96;
const ROOM: usize = 2 + 64;

#[test]
fn more_passwords_than_there_is_room_for_are_refused_while_git_goes_on() {
    let site = SiteBuilder::repositories().server("trusted_proxies = ['127.0.0.1']").start();
    site.repository("team/app");
    site.user("alice");
    let (secret, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let (mut wire, other) = (Wire::to(site.address()).unwrap(), lock(&site));
    let answered = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for nth in 0..CALLERS {
            let (site, answered) = (&site, &answered);
            scope.spawn(move || {
                // From one address, or under one name, more than some wait for each other before this.
                let headers = format!("X-Forwarded-For: 10.0.0.{nth}\r\n");
                let name = format!("caller {nth}");
                let reply = call(site, "PUT /users/alice", &headers, &wish(&name));
                answered.lock().unwrap().push((name, reply));
            });
        }
        // Nobody can be served, and who is in excess is told so at once.
        eventually("those in excess are refused", || {
            (answered.lock().unwrap().len() >= CALLERS - ROOM).then_some(())
        });
        for _ in 0..50 {
            assert_eq!(wire.status(REFS, &secret).unwrap(), 200);
        }
        for (name, reply) in answered.lock().unwrap().iter() {
            assert_eq!(reply.status, 503, "{name}: {}", reply.text());
            assert!(reply.header("Retry-After").is_some(), "{}", reply.head);
            assert!(message(reply).contains("try again in a moment"), "{}", reply.text());
        }
        other.execute_batch("ROLLBACK").unwrap();
    });
    // Who had room was served, and nobody else.
    let answered = answered.into_inner().unwrap();
    let mut made: Vec<&str> = Vec::new();
    for (name, reply) in &answered {
        match reply.status {
            200 => made.push(name),
            503 => {}
            other => panic!("{name}: {other} {}", reply.text()),
        }
    }
    assert!(!made.is_empty() && made.len() <= ROOM, "{} were served", made.len());
    let listed = listed(&site);
    let mut listed: Vec<&str> = listed.values().map(|token| token.name.as_str()).collect();
    listed.retain(|name| name.starts_with("caller"));
    made.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, made);
}
