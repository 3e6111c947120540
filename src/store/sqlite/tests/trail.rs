//! The trail against somebody who writes to the file past gitlatch.

use super::*;
use crate::domain::trail::{Broken, Link};

/// A store with five entries, and a raw connection to it.
fn told() -> (File, SqliteRegistry, Connection) {
    let store = File::default();
    let mut registry = store.registry();
    for n in 0..5 {
        registry.add_token(token(&format!("t{n}"), "team/"), &by(n)).expect("added");
    }
    let raw = Connection::open(store.path()).expect("opens");
    (store, registry, raw)
}

#[test]
fn the_schema_lets_nobody_change_the_trail() {
    let (_store, mut registry, raw) = told();
    for sql in [
        "UPDATE trail SET details = '{}' WHERE number = 2",
        "UPDATE trail SET number = 9",
        "DELETE FROM trail WHERE number = 5",
        "DELETE FROM trail",
    ] {
        let error = raw.execute_batch(sql).expect_err(sql).to_string();
        assert!(error.contains("the trail is append-only"), "{sql}: {error}");
    }
    assert!(registry.verify_trail(None).expect("reads").is_ok());
}

#[test]
fn what_was_done_to_the_trail_shows() {
    let free = "DROP TRIGGER trail_is_never_changed; DROP TRIGGER trail_is_never_cut;";
    let cases = [
        ("UPDATE trail SET details = '{}' WHERE number = 2", Broken::Changed(2)),
        ("UPDATE trail SET actor = 'nobody' WHERE number = 5", Broken::Changed(5)),
        ("UPDATE trail SET from_address = '' WHERE number = 1", Broken::Changed(1)),
        ("UPDATE trail SET hash = zeroblob(32) WHERE number = 4", Broken::Changed(4)),
        ("UPDATE trail SET previous = zeroblob(32) WHERE number = 3", Broken::Changed(3)),
        ("DELETE FROM trail WHERE number = 3", Broken::Gap { missing: 3, after: 2, found: 4 }),
        ("DELETE FROM trail WHERE number = 1", Broken::Gap { missing: 1, after: 0, found: 2 }),
        (
            "INSERT OR REPLACE INTO trail SELECT 1, at_ms, event, actor_kind, actor, from_address,
              token_id, user_name, project, repository, details, previous, hash
          FROM trail WHERE number = 2",
            Broken::Changed(1),
        ),
    ];
    for (sql, expected) in cases {
        let (_store, mut registry, raw) = told();
        raw.execute_batch(free).expect("dropped");
        raw.execute_batch(sql).expect(sql);
        assert_eq!(registry.verify_trail(None).expect("reads"), Err(expected), "{sql}");
    }
}

#[test]
fn a_cut_end_shows_against_a_head_that_was_kept() {
    let (_store, mut registry, raw) = told();
    let head = registry.trail_head().expect("answers");
    raw.execute_batch("DROP TRIGGER trail_is_never_cut; DELETE FROM trail WHERE number > 3")
        .expect("cut");
    assert_eq!(registry.verify_trail(None).expect("reads").map(|head| head.entries), Ok(3));
    let broken = registry.verify_trail(Some(head.link)).expect("reads");
    assert_eq!(broken, Err(Broken::Head(head.link)));
    raw.execute_batch("DELETE FROM trail").expect("cut");
    let nothing = registry.verify_trail(None).expect("reads").map(|head| head.link);
    assert_eq!(nothing, Ok(Link::START));
    assert!(registry.verify_trail(Some(head.link)).expect("reads").is_err());
}
