//! The settings, held in the transaction that makes or changes a token.

use super::*;
use crate::domain::settings::{DAY_MILLIS, PolicyError, ProjectSettings};
use std::thread;

fn policy<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> PolicyError {
    match outcome {
        Err(StoreError::Policy(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn demand(registry: &mut impl Registry, settings: Settings) {
    registry.change_settings(&|_| settings, &by(1)).expect("set");
}

pub(in crate::store) fn a_lifetime_is_held_to_the_settings(backend: &impl Backend) {
    let mut registry = backend.registry();
    let days = |days: i64| Some(moment(10 + days * DAY_MILLIS));
    let cases = [
        (true, None, None, Some(PolicyError::Required(None))),
        (true, Some(5), None, Some(PolicyError::Required(Some(5)))),
        (true, Some(5), days(5), None),
        (true, Some(5), days(6), Some(PolicyError::TooLate(5))),
        (false, Some(5), days(6), Some(PolicyError::TooLate(5))),
        (false, Some(5), None, None),
        (false, None, days(9999), None),
    ];
    for (n, (expiry_required, max_days, expires, expected)) in cases.into_iter().enumerate() {
        demand(&mut registry, Settings { expiry_required, max_days, ..Settings::default() });
        let head = registry.trail_head().expect("answers");
        let new = NewToken { expires, ..token(&n.to_string(), "team/") };
        let outcome = registry.add_token(new, &by(10));
        match expected {
            None => drop(outcome.expect("added")),
            Some(expected) => {
                assert_eq!(policy(outcome), expected);
                assert_eq!(registry.trail_head().expect("answers"), head);
            }
        }
    }
    // A successor is a new token: one without an end is not let on.
    demand(&mut registry, Settings::default());
    let id = registry.add_token(token("t", "team/"), &by(10)).expect("added").id;
    demand(&mut registry, Settings { expiry_required: true, ..Settings::default() });
    let outcome = registry.rotate_token(id, hash("u"), moment(99), &by(20));
    assert_eq!(policy(outcome), PolicyError::Required(None));
    let kept = registry.find_token(id).expect("answers").expect("found");
    assert_eq!((kept.successor, kept.retires, kept.revoked), (None, None, None));
    // Its expiry is what it is: other edits go on.
    let edit = TokenEdit { name: Some("new".to_owned()), permissions: Some(kept.permissions) };
    registry.edit_token(id, &edit, &by(30)).expect("edited");
}

pub(in crate::store) fn permissions_are_held_to_the_settings(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(user("alice"), &by(1)).expect("added");
    let owners = ["alice", "team/", "team/app"];
    let ids: Vec<TokenId> = owners
        .iter()
        .map(|whose| registry.add_token(token(whose, whose), &by(10)).expect("added").id)
        .collect();
    let permission = |text: &str| text.parse::<Permission>().expect(text);
    let write = |kind| Permissions::combine(&[permission("REPO_WRITE")], kind).expect("one");
    for (n, forbidden) in owners.iter().enumerate() {
        let mut settings = Settings::default();
        let kind = owner(forbidden).kind();
        *settings.allowed.of_mut(kind) = [permission("REPO_READ")].into_iter().collect();
        demand(&mut registry, settings);
        for (id, whose) in ids.iter().zip(owners) {
            let kind = owner(whose).kind();
            let secret = format!("{whose} {n}");
            let new = NewToken { permissions: write(kind), ..token(&secret, whose) };
            let edit = TokenEdit { name: None, permissions: Some(write(kind)) };
            let outcomes =
                [registry.add_token(new, &by(10)), registry.edit_token(*id, &edit, &by(10))];
            for outcome in outcomes {
                if whose == *forbidden {
                    assert!(matches!(policy(outcome), PolicyError::NotAllowed { .. }), "{whose}");
                } else {
                    outcome.expect(whose);
                }
            }
            let read = token("x", whose).permissions;
            let edit = TokenEdit { name: None, permissions: Some(read) };
            registry.edit_token(*id, &edit, &by(10)).expect("allowed");
        }
    }
}

pub(in crate::store) fn an_owner_has_no_more_tokens_than_allowed(backend: &impl Backend) {
    let mut registry = backend.registry();
    demand(&mut registry, Settings { max_tokens: Some(2), ..Settings::default() });
    for (n, whose) in ["team/", "team/app", "team/**/"].iter().enumerate() {
        let secret = |m: usize| format!("{n} {m}");
        let expired = NewToken { expires: Some(moment(15)), ..token(&secret(0), whose) };
        registry.add_token(expired, &by(10)).expect("added");
        let first = registry.add_token(token(&secret(1), whose), &by(10)).expect("added").id;
        policy(registry.add_token(token(&secret(2), whose), &by(14)));
        let second = registry.add_token(token(&secret(2), whose), &by(15)).expect("added").id;
        // In any spelling, and suspended ones are there as well.
        registry.set_suspended(second, true, &by(16)).expect("suspended");
        let error = policy(registry.add_token(token(&secret(3), &whose.to_uppercase()), &by(16)));
        assert!(matches!(error, PolicyError::TooMany { most: 2, .. }), "{error}");
        // A rotation takes a place of its own only while the old secret lives beside the new one.
        let next = registry.rotate_token(first, hash(&secret(4)), moment(999), &by(17));
        let next = next.expect("rotated").id;
        policy(registry.add_token(token(&secret(5), whose), &by(18)));
        registry.revoke_token(next, &by(19)).expect("revoked");
        policy(registry.add_token(token(&secret(5), whose), &by(20)));
        registry.add_token(token(&secret(5), whose), &by(999)).expect("added");
    }
}

/// The limit is held in the transaction: of many who add at once none is one too many.
pub(in crate::store) fn a_limit_holds_for_all_who_add_at_once<B: Backend>(backend: &B)
where
    B::Registry: Send,
{
    let mut registry = backend.registry();
    demand(&mut registry, Settings { max_tokens: Some(3), ..Settings::default() });
    let added: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let mut registry = backend.registry();
                scope.spawn(move || {
                    let mut add =
                        |m| registry.add_token(token(&format!("{n} {m}"), "team/"), &by(10));
                    (0..4).filter(|m| add(*m).is_ok()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("lives")).sum()
    });
    assert_eq!(added, 3);
    assert_eq!(registry.count_tokens(moment(10)).expect("counts"), 3);
}

pub(in crate::store) fn a_project_may_forbid_tokens_of_its_repositories(backend: &impl Backend) {
    let mut registry = backend.registry();
    let project = |text: &str| ProjectPath::new(text).expect(text);
    let forbid = ProjectSettings { repository_tokens: false };
    assert!(registry.project_settings(&project("team")).expect("answers").repository_tokens);
    let id = registry.add_token(token("before", "team/app"), &by(10)).expect("added").id;
    registry.set_project_settings(&project("Team"), forbid, &by(11)).expect("set");
    for spelling in ["team", "Team", "TEAM"] {
        assert_eq!(registry.project_settings(&project(spelling)).expect("answers"), forbid);
        let outcome = registry.add_token(token("never", &format!("{spelling}/app")), &by(12));
        assert_eq!(policy(outcome), PolicyError::NoRepositoryTokens(spelling.to_owned()));
    }
    policy(registry.rotate_token(id, hash("never"), moment(99), &by(12)));
    for (n, free) in ["team/", "team/sub/app", "teams/app"].iter().enumerate() {
        registry.add_token(token(&n.to_string(), free), &by(12)).expect(free);
    }
    let allow = ProjectSettings::default();
    registry.set_project_settings(&project("tEAM"), allow, &by(13)).expect("set");
    registry.add_token(token("again", "team/app"), &by(14)).expect("added");
}
