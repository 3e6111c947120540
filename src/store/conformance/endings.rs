//! How tokens end: rotated, suspended, revoked by a filter.

use super::*;

fn settled<T: std::fmt::Debug>(outcome: &Result<T, StoreError>, text: &str) {
    match outcome {
        Err(error @ StoreError::Settled { .. }) => {
            assert!(error.to_string().contains(text), "{error}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

pub(in crate::store) fn a_successor_equals_and_the_old_one_ends(backend: &impl Backend) {
    let mut registry = backend.registry();
    let reader = backend.reader(Reading::PLAIN);
    registry.add_user(user("alice"), &by(1)).expect("added");
    let limits = Limits {
        only: Only::new(&["team"]).expect("patterns"),
        from: vec!["10.0.0.0/8".parse().expect("a network")],
        refs: RefRules::new(&["refs/heads/x"], true, false, true).expect("patterns"),
    };
    let new = NewToken { limits, expires: Some(moment(900)), ..token("old", "alice") };
    let old = registry.add_token(new, &by(10)).expect("added");
    assert_eq!(found(&reader, "old").expect("found").expires, Some(moment(900)));

    let new = registry.rotate_token(old.id, hash("new"), moment(500), &by(100)).expect("rotated");
    assert_ne!(new.id, old.id);
    let equal = TokenRecord { id: new.id, created: moment(100), ..old.clone() };
    assert_eq!(new, equal);
    assert_eq!(found(&reader, "new").expect("found").id, new.id);
    // Both are honoured for a while: the old one until the end of the overlap.
    assert_eq!(found(&reader, "old").expect("found").expires, Some(moment(500)));
    let kept = registry.find_token(old.id).expect("answers").expect("found");
    let (successor, retires) = (Some(new.id), Some(moment(500)));
    assert_eq!(kept, TokenRecord { successor, retires, ..old.clone() });
    assert!(kept.is_live(moment(499)) && !kept.is_live(moment(500)));
    assert_eq!(registry.find_token_by_hash(&hash("new")).expect("answers"), Some(new.clone()));

    // An expiry that comes first stays the end; and the count is of what is honoured.
    let newer = registry.rotate_token(new.id, hash("newer"), moment(9999), &by(200));
    newer.expect("rotated");
    assert_eq!(found(&reader, "new").expect("found").expires, Some(moment(900)));
    for (now, expected) in [(200, 3), (499, 3), (500, 2), (899, 2), (900, 0)] {
        assert_eq!(registry.count_tokens(moment(now)).expect("counts"), expected, "{now}");
    }
}

pub(in crate::store) fn no_overlap_revokes_at_once(backend: &impl Backend) {
    let mut registry = backend.registry();
    let reader = backend.reader(Reading::PLAIN);
    for (end, secret) in [(100, "a"), (1, "b")] {
        let id = registry.add_token(token(secret, "team/"), &by(10)).expect("added").id;
        assert!(found(&reader, secret).is_some());
        let next = format!("{secret}-next");
        registry.rotate_token(id, hash(&next), moment(end), &by(100)).expect("rotated");
        assert!(found(&reader, secret).is_none());
        assert!(found(&reader, &next).is_some());
        let old = registry.find_token(id).expect("answers").expect("found");
        assert_eq!((old.revoked, old.retires), (Some(moment(100)), Some(moment(100))));
    }
}

pub(in crate::store) fn what_is_not_live_has_no_successor(backend: &impl Backend) {
    let mut registry = backend.registry();
    let mut rotate = |what: &str, prepare: &dyn Fn(&mut _, TokenId)| {
        let expires = (what == "expired").then_some(moment(50));
        let new = NewToken { expires, ..token(what, "team/") };
        let id = registry.add_token(new, &by(10)).expect("added").id;
        prepare(&mut registry, id);
        let outcome = registry.rotate_token(id, hash("never"), moment(900), &by(50));
        settled(&outcome, what);
        let error = outcome.expect_err("refused").to_string();
        assert!(error.starts_with(&format!("token {id} ")), "{error}");
    };
    rotate("expired", &|_, _| {});
    rotate("revoked", &|registry, id| drop(registry.revoke_token(id, &by(20)).expect("revoked")));
    rotate("suspended", &|registry, id| {
        registry.set_suspended(id, true, &by(20)).expect("suspended");
    });
    rotate("was rotated before", &|registry, id| {
        registry.rotate_token(id, hash("next"), moment(900), &by(20)).expect("rotated");
    });
    missing(&registry.rotate_token(TokenId(99), hash("never"), moment(900), &by(50)));
    assert_eq!(registry.find_token_by_hash(&hash("never")).expect("answers"), None);
}

pub(in crate::store) fn a_failed_rotation_changes_nothing(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(user("alice"), &by(1)).expect("added");
    let before = registry.add_token(token("t", "alice"), &by(10)).expect("added");
    let head = registry.trail_head().expect("answers");
    // A hash that is there already.
    assert!(registry.rotate_token(before.id, hash("t"), moment(900), &by(20)).is_err());
    assert_eq!(registry.find_token(before.id).expect("answers"), Some(before.clone()));
    assert_eq!(registry.trail_head().expect("answers"), head);
    registry.set_active(&name("alice"), false, &by(20)).expect("disabled");
    missing(&registry.rotate_token(before.id, hash("u"), moment(900), &by(20)));
    assert_eq!(registry.find_token(before.id).expect("answers"), Some(before));
}

pub(in crate::store) fn suspension_is_seen_by_the_next_look_up(backend: &impl Backend) {
    let mut registry = backend.registry();
    let reader = backend.reader(Reading::PLAIN);
    let before = registry.add_token(token("t", "team/"), &by(10)).expect("added");
    let id = before.id;
    for _ in 0..2 {
        assert!(found(&reader, "t").is_some());
        settled(&registry.set_suspended(id, false, &by(20)), "is not suspended");
        let after = registry.set_suspended(id, true, &by(20)).expect("suspended");
        assert_eq!(after, TokenRecord { suspended: Some(moment(20)), ..before.clone() });
        assert!(!after.is_live(moment(20)));
        assert!(found(&reader, "t").is_none());
        assert!(registry.principal(id, Reading::PLAIN).expect("answers").is_none());
        settled(&registry.set_suspended(id, true, &by(21)), "is suspended already");
        assert_eq!(registry.set_suspended(id, false, &by(30)).expect("resumed"), before);
    }
    assert!(found(&reader, "t").is_some());
    registry.revoke_token(id, &by(40)).expect("revoked");
    missing(&registry.set_suspended(id, true, &by(41)));
    missing(&registry.set_suspended(TokenId(99), true, &by(41)));
}

/// Tokens of every kind of owner, by their secrets.
const OWNERS: &[(&str, &str)] = &[
    ("a", "alice"),
    ("b", "bob"),
    ("t", "team/"),
    ("tt", "team/**/"),
    ("app", "team/app"),
    ("App", "Team/app"),
    ("sub", "team/sub/app"),
    ("o", "other/"),
];

/// Every line: whose, within what, in which case, and what is met.
const FILTERS: &[(&str, &str, NameCase, &str)] = &[
    ("alice", "", NameCase::Exact, "A"),
    ("team/", "", NameCase::Exact, "T"),
    ("team/app", "", NameCase::Ignore, "APP APP"),
    ("", "team", NameCase::Exact, "T APP"),
    ("", "TEAM", NameCase::Ignore, "T APP APP"),
    ("", "TEAM", NameCase::Exact, ""),
    ("", "team/sub", NameCase::Exact, "SUB"),
    ("", "", NameCase::Exact, "A B T TT APP APP SUB O"),
    ("nobody", "", NameCase::Exact, ""),
];

pub(in crate::store) fn filters_revoke_and_suspend(backend: &impl Backend) {
    let mut registry = backend.registry();
    let reader = backend.reader(Reading::PLAIN);
    for text in ["alice", "bob"] {
        registry.add_user(user(text), &by(1)).expect("added");
    }
    for (round, (whose, within, case, expected)) in FILTERS.iter().enumerate() {
        let secret = |text: &str| format!("{text}.{round}");
        let name = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
        for (text, owner) in OWNERS {
            let new = NewToken { name: text.to_uppercase(), ..token(&secret(text), owner) };
            registry.add_token(new, &by(10)).expect("added");
            assert!(found(&reader, &secret(text)).is_some());
        }
        let filter = TokenFilter {
            owner: (!whose.is_empty()).then(|| owner(whose)),
            within: (!within.is_empty()).then(|| ProjectPath::new(within).expect("a project")),
            ..TokenFilter::all(*case)
        };
        let all = TokenFilter::all(NameCase::Exact);
        let live = |registry: &mut _, reader: &_| {
            let rest = listed(registry, &all);
            let honoured = OWNERS.iter().filter(|(text, _)| found(reader, &secret(text)).is_some());
            assert_eq!(rest.iter().filter(|t| t.suspended.is_none()).count(), honoured.count());
            rest.len()
        };
        let suspended = registry.suspend_tokens(&filter, &by(20)).expect("suspended");
        let met: Vec<String> = suspended.iter().map(|token| name(&token.name)).collect();
        assert_eq!(met.join(" "), *expected, "{whose} {within}");
        live(&mut registry, &reader);
        assert!(registry.suspend_tokens(&filter, &by(21)).expect("suspended").is_empty());
        let revoked = registry.revoke_tokens(&filter, &by(30)).expect("revoked");
        assert_eq!(revoked.len(), suspended.len());
        assert_eq!(live(&mut registry, &reader), OWNERS.len() - revoked.len());
        assert!(registry.revoke_tokens(&filter, &by(31)).expect("revoked").is_empty());
        for token in revoked {
            let kept = registry.find_token(token.id).expect("answers").expect("kept");
            assert_eq!((kept.suspended, kept.revoked), (Some(moment(20)), Some(moment(30))));
        }
        registry.revoke_tokens(&all, &by(40)).expect("revoked");
    }
}
