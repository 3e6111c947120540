//! `gitlatch audit`.

use crate::house::{ALICE, FOLDER, House};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WRONG: &str = r"
audit --event token.stolen -> 2 err token.created, token.edited, token.rotated
audit --since 24 -> 2 err a duration is a whole number and a unit
audit --last 0 -> 2 err 0 is not in 1..
audit --token x -> 2 err a token is named by its number
audit --user a:b -> 2 err a user name is 1 to 64
audit verify --head x -> 2 err 64 hexadecimal digits
audit verify --last 3 -> 2 err unexpected argument
audit --json verify -> 2 err cannot be used with
";

#[test]
fn wrong_calls() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    house.check(WRONG);
}

/// The events that a wrong call lists are those that the guide explains.
#[test]
fn every_event_is_documented() {
    let house = House::new(FOLDER);
    let error = house.run("audit --event none", "").err;
    let listed = error.split_once("[possible values: ").expect("a list").1;
    let listed = listed.split_once(']').expect("an end").0;
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide/governing.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let rows: Vec<&str> = guide.lines().filter(|line| line.starts_with("| `")).collect();
    for event in listed.split(',').map(str::trim) {
        let name = format!("`{event}`");
        assert!(rows.iter().any(|row| row.contains(&name)), "{event} is not in the guide");
    }
}

fn lived() -> House {
    let house = House::new(FOLDER);
    house.prepare(&[
        ALICE,
        ("group add devs", ""),
        ("group join devs alice", ""),
        ("grant add --group devs REPO_WRITE --project team", ""),
        ("grant add alice REPO_READ --project team --repo app", ""),
        ("token create --project team --name ci --permission REPO_READ --only team/**", ""),
        ("token edit 1 --name nightly", ""),
        ("token rotate 1", ""),
        ("settings set --max-days 30", ""),
        ("user disable alice", ""),
    ]);
    house
}

/// The entries of a call, and whether each is one line of JSON.
fn entries(house: &House, options: &str) -> Vec<Value> {
    let ended = house.run(&format!("audit --json {options}"), "");
    assert_eq!((ended.status, ended.err.as_str()), (0, ""), "{options}");
    ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Every line: options, and the numbers of the entries that are listed.
const LISTED: &[(&str, &str)] = &[
    ("", "1 2 3 4 5 6 7 8 9 10 11"),
    ("--token 1", "6 7 8"),
    ("--token 2", "9"),
    ("--user alice", "1 3 5 11"),
    ("--user ALICE --event grant.added", "5"),
    ("--event token.created", "6 9"),
    ("--event login.failed", ""),
    ("--last 2", "10 11"),
    ("--last 1 --token 1", "8"),
    ("--since 1h --last 3", "9 10 11"),
    ("--since 1h --user alice --last 1", "11"),
    ("--user nobody", ""),
];

#[test]
fn entries_are_chosen() {
    let house = lived();
    for (options, expected) in LISTED {
        let numbers: Vec<_> =
            entries(&house, options).iter().map(|entry| entry["number"].to_string()).collect();
        assert_eq!(numbers.join(" "), *expected, "{options}");
    }
    std::thread::sleep(Duration::from_millis(1100));
    house.prepare(&[("user enable alice", "")]);
    assert_eq!(entries(&house, "--since 1s").len(), 1);
}

#[test]
fn the_json_of_an_entry() {
    let entry = &entries(&lived(), "--event token.edited")[0];
    let (time, at) = (entry["time"].as_str().expect("a time"), entry["at"].as_i64());
    assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{time}");
    let operator = entry["actor"]["name"].as_str().expect("an account");
    let expected = json!({
        "number": 7,
        "time": time,
        "at": at,
        "event": "token.edited",
        "actor": {"kind": "operator", "name": operator},
        "from": null,
        "token": "1",
        "user": null,
        "project": "team",
        "repository": null,
        "details": {
            "before": {"name": "ci", "permissions": ["REPO_READ"]},
            "after": {"name": "nightly", "permissions": ["REPO_READ"]},
        },
    });
    assert!(at.is_some_and(|at| at > 0));
    assert_eq!(entry.to_string(), expected.to_string());
}

#[test]
fn entries_as_people_read_them() {
    let house = lived();
    let operator = entries(&house, "--last 1")[0]["actor"]["name"].clone();
    let operator = format!("operator {}", operator.as_str().expect("an account"));
    let text = house.run("audit", "").out.replace(&operator, "operator ME");
    // The times stand in the same columns of every line; one within the details is when 1 ended.
    let masked = text.lines().map(|line| [&line[..8], "TIME", &line[31..], "\n"].concat());
    let mut text: String = masked.collect();
    if let Some(at) = text.find("ends date 20") {
        text.replace_range(at + 10..at + 33, "TIME");
    }
    insta::assert_snapshot!(text, @r"
     1  TIME  user.added                by operator ME: user alice (display name alice, email none, not admin, active)
     2  TIME  group.added               by operator ME: group devs
     3  TIME  group.member-added        by operator ME: user alice (group devs)
     4  TIME  grant.added               by operator ME: project team (permission REPO_WRITE, group devs)
     5  TIME  grant.added               by operator ME: user alice, repository team/app (permission REPO_READ)
     6  TIME  token.created             by operator ME: token 1 of project team (name ci, permissions REPO_READ, only team/**)
     7  TIME  token.edited              by operator ME: token 1 of project team (name ci → nightly)
     8  TIME  token.rotated             by operator ME: token 1 of project team (name nightly, successor 2, ends date TIME)
     9  TIME  token.created             by operator ME: token 2 of project team (name nightly, permissions REPO_READ, only team/**, predecessor 1)
    10  TIME  settings.changed          by operator ME: max expiry days none → 30
    11  TIME  user.disabled             by operator ME: user alice (active yes → no)
    ");
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    let evil = "a\u{1b}[2J\u{9b}31m\u{202e}\nb";
    let insert = "INSERT INTO trail (number, at_ms, event, actor_kind, actor, user_name, details,
                                     previous, hash)
                  VALUES (2, 0, 'x', 'nobody', ?1, ?1, ?2, zeroblob(32), zeroblob(32))";
    let details = json!({ "name": evil }).to_string();
    house.database().execute(insert, [evil, &details]).expect("an entry");
    for call in ["audit", "audit --json"] {
        let out = house.run(call, "").out;
        assert_eq!(out.lines().count(), 2, "{call}: {out:?}");
        let odd = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!out.contains(odd), "{call}: {out:?}");
    }
    assert_eq!(entries(&house, "")[1]["details"]["name"], evil);
}

#[test]
fn a_trail_is_verified() {
    let house = lived();
    let verified = house.json("audit verify --json");
    let head = verified["head"].as_str().expect("a head").to_owned();
    assert_eq!(verified, json!({"whole": true, "entries": 11, "head": head}));
    let text = house.run("audit verify", "").out;
    assert_eq!(text, format!("entries  11\nhead     {head}\n"));
    house.prepare(&[("user enable alice", "")]);
    assert_ne!(house.json("audit verify --json")["head"], head);
    house.prepare(&[(&format!("audit verify --head {head}"), "")]);
    let other = "ab".repeat(32);
    let lost = house.run(&format!("audit verify --head {other}"), "");
    let said = format!("gitlatch: the trail is broken: no entry has the head {other}");
    assert!(lost.status == 1 && lost.err.starts_with(&said) && lost.out.is_empty(), "{lost:?}");

    let tamper =
        "DROP TRIGGER trail_is_never_changed; UPDATE trail SET actor = 'eve' WHERE number = 7";
    house.database().execute_batch(tamper).expect("a change");
    house.check("audit verify -> 1 err gitlatch: the trail is broken: entry 7 was changed after it was written");
    let broken = house.run("audit verify --json", "");
    assert_eq!((broken.status, broken.err.as_str()), (1, ""));
    let broken: Value = serde_json::from_str(&broken.out).expect("JSON");
    assert_eq!(broken["whole"], false);
    assert!(broken["broken"].as_str().is_some_and(|why| why.starts_with("entry 7")), "{broken}");
}

fn follow(house: &House, options: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_gitlatch"))
        .args(["audit", "--follow", "--json"])
        .args(options)
        .current_dir(house.path())
        .env_remove("GITLATCH_CONFIG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program")
}

#[test]
fn what_is_added_is_followed() {
    let house = lived();
    let mut child = follow(&house, &["--last", "1", "--user", "alice"]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    };
    assert_eq!(next()["number"], 11);
    house.prepare(&[("group add ops", ""), ("user enable alice", ""), ("user disable alice", "")]);
    assert_eq!((next()["number"].clone(), next()["number"].clone()), (json!(13), json!(14)));
    // A reader who went away ends it, although nothing more is added.
    drop(lines);
    let until = Instant::now() + Duration::from_secs(20);
    let status = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None => assert!(Instant::now() < until, "it stays"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}
