//! Stored credentials for the host.

use super::*;
use crate::domain::key::KeyId;
use crate::domain::principal::{Scheme, StoredIdentity};
use crate::domain::sealed::Sealed;
use crate::store::NewIdentity;

fn identity(whose: &str, username: &str, case: NameCase) -> NewIdentity {
    let sealed = Sealed { key: KeyId([7; 8]), bytes: username.as_bytes().to_vec() };
    let identity = StoredIdentity {
        owner: owner(whose),
        scheme: Scheme::Basic,
        username: username.to_owned(),
        sealed,
    };
    NewIdentity { identity, case }
}

fn stored(case: NameCase) -> Reading {
    Reading { rights: RightsSource::Host, case, identities: true }
}

fn names_of(registry: &mut impl Registry) -> String {
    let listed = registry.list_identities().expect("lists");
    let names: Vec<String> = listed.into_iter().map(|record| record.username).collect();
    names.join(" ")
}

pub(in crate::store) fn a_credential_is_of_exactly_one_owner(backend: &impl Backend) {
    let mut registry = backend.registry();
    for text in ["alice", "bob"] {
        registry.add_user(user(text), &by(1)).expect("added");
    }
    for (whose, username) in [
        ("Alice", "for-alice"),
        ("team/", "for-team"),
        ("team/app", "for-app"),
        ("below/**/", "for-below"),
    ] {
        registry.set_identity(identity(whose, username, NameCase::Exact), &by(5)).expect("set");
    }
    let cases = [
        ("alice", NameCase::Exact, Some("for-alice")),
        ("ALICE", NameCase::Exact, Some("for-alice")),
        ("bob", NameCase::Ignore, None),
        ("team/", NameCase::Exact, Some("for-team")),
        ("Team/", NameCase::Exact, None),
        ("Team/", NameCase::Ignore, Some("for-team")),
        ("team/**/", NameCase::Ignore, None),
        ("team/app", NameCase::Exact, Some("for-app")),
        ("team/App", NameCase::Exact, None),
        ("TEAM/App", NameCase::Ignore, Some("for-app")),
        ("team/other", NameCase::Ignore, None),
        ("other/app", NameCase::Ignore, None),
        ("below/**/", NameCase::Exact, Some("for-below")),
        ("below/", NameCase::Ignore, None),
        ("below/sub/", NameCase::Ignore, None),
    ];
    for (n, (whose, case, expected)) in cases.into_iter().enumerate() {
        let id = registry.add_token(token(&n.to_string(), whose), &by(10)).expect("added").id;
        let reader = backend.reader(stored(case));
        let by_hash = found(&reader, &n.to_string()).expect("found").identity.clone();
        let told = by_hash.as_ref().map(|identity| identity.username.as_str());
        assert_eq!(told, expected, "{whose} {case:?}");
        let by_number = registry.principal(id, stored(case)).expect("answers").expect("found");
        assert_eq!(by_number.identity, by_hash);
        let plain = registry.principal(id, Reading::PLAIN).expect("answers").expect("found");
        assert_eq!(plain.identity, None);
        if let Some(identity) = by_hash {
            assert_eq!(identity.sealed.bytes, identity.username.as_bytes());
        }
    }
    assert_eq!(names_of(&mut registry), "for-alice for-below for-team for-app");
}

pub(in crate::store) fn credentials_are_replaced_and_removed(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(user("alice"), &by(1)).expect("added");
    for (secret, whose) in [("a", "alice"), ("t", "team/"), ("r", "team/app")] {
        registry.add_token(token(secret, whose), &by(2)).expect("added");
    }
    let reader = backend.reader(stored(NameCase::Exact));
    let told = |secret| found(&reader, secret).expect("found").identity.clone().map(|i| i.username);
    for (whose, secret) in [("alice", "a"), ("team/", "t"), ("team/app", "r")] {
        for username in ["one", "two"] {
            assert_ne!(told(secret).as_deref(), Some(username));
            let new = identity(whose, username, NameCase::Exact);
            registry.set_identity(new, &by(3)).expect("set");
            assert_eq!(told(secret).as_deref(), Some(username));
        }
    }
    assert_eq!(names_of(&mut registry), "two two two");
    // Exactly: the other spelling is another one, until the host takes them for the same.
    registry.set_identity(identity("Team/", "three", NameCase::Exact), &by(4)).expect("set");
    assert_eq!(names_of(&mut registry).matches(' ').count(), 3);
    missing(&registry.remove_identity(&owner("TEAM/"), NameCase::Exact, &by(5)));
    registry.set_identity(identity("TEAM/", "four", NameCase::Ignore), &by(6)).expect("set");
    assert_eq!(names_of(&mut registry), "two four two");
    assert_eq!(told("t"), None);

    registry.remove_identity(&owner("team/app"), NameCase::Exact, &by(7)).expect("removed");
    assert_eq!(told("r"), None);
    missing(&registry.remove_identity(&owner("team/app"), NameCase::Ignore, &by(8)));
    missing(&registry.set_identity(identity("bob", "x", NameCase::Exact), &by(8)));
    registry.remove_user(&name("alice"), &by(9)).expect("removed");
    assert_eq!(names_of(&mut registry), "four");
}

pub(in crate::store) fn all_are_sealed_anew_or_none(backend: &impl Backend) {
    let mut registry = backend.registry();
    for whose in ["a/", "b/", "c/"] {
        let new = identity(whose, whose.trim_end_matches('/'), NameCase::Exact);
        registry.set_identity(new, &by(1)).expect("set");
    }
    let keys = |registry: &mut _| -> Vec<u8> {
        let listed = Registry::list_identities(registry).expect("lists");
        listed.iter().map(|record| record.key.0[0]).collect()
    };
    let anew = Sealed { key: KeyId([8; 8]), bytes: b"anew".to_vec() };
    let head = registry.trail_head().expect("answers");
    let outcome = registry.reseal_identities(
        &mut |identity| match identity.username.as_str() {
            "c" => Err("no key".into()),
            _ => Ok(anew.clone()),
        },
        &by(2),
    );
    match outcome {
        Err(StoreError::Step(error)) => assert_eq!(error.to_string(), "no key"),
        other => panic!("{other:?}"),
    }
    assert_eq!(keys(&mut registry), [7, 7, 7]);
    assert_eq!(registry.trail_head().expect("answers"), head);
    let mut seen = Vec::new();
    let mut reseal = |identity: &StoredIdentity| {
        seen.push(String::from_utf8(identity.sealed.bytes.clone()).expect("text"));
        Ok(anew.clone())
    };
    assert_eq!(registry.reseal_identities(&mut reseal, &by(3)).expect("resealed"), 3);
    assert_eq!((keys(&mut registry), seen.join(" ")), (vec![8, 8, 8], "a b c".to_owned()));
    registry.add_token(token("t", "a/"), &by(4)).expect("added");
    let reader = backend.reader(stored(NameCase::Exact));
    let identity = found(&reader, "t").expect("found").identity.clone().expect("stored");
    assert_eq!(identity.sealed, anew);
}
