//! What every store does, whatever it keeps its records in: one suite over a [`Backend`].

mod endings;
mod filters;
mod identities;
mod policy;
mod rights;
mod trail;

pub(super) use endings::*;
pub(super) use filters::*;
pub(super) use identities::*;
pub(super) use policy::*;
pub(super) use rights::*;
pub(super) use trail::*;

use super::{
    Answered, GrantRecord, GroupRecord, LastUse, Lookup, NewToken, NewUser, Reading, Registry,
    RightsSource, StoreError, TokenEdit, TokenFilter, TokenRecord, Window,
};
use crate::domain::names::{NameCase, ProjectPath, ProjectScope, RepoName, UserName};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::limits::{Limits, Only, RefRules};
use crate::domain::principal::{Grant, Grantee, Owner, Rights, TokenPrincipal};
use crate::domain::settings::{Allowed, PermissionSet, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Actor, Author};
use std::rc::Rc;

/// Tokens with the rights that were granted to their owners.
pub(super) const GRANTS: Reading =
    Reading { rights: RightsSource::Grants, case: NameCase::Exact, identities: false };

/// A fresh, empty store, and several handles on it.
pub(super) trait Backend {
    /// What changes it.
    type Registry: Registry;
    /// What looks tokens up.
    type Reader: Lookup;
    /// A registry, as another process would have it.
    fn registry(&self) -> Self::Registry;
    /// A reader, as another process would have it.
    fn reader(&self, reading: Reading) -> Self::Reader;
    /// Returns when every mark of use is written.
    fn settle(&self);
}

/// Makes one test of each case.
macro_rules! conformance {
    ($backend:ty; $($case:ident)*) => {
        $(#[test] fn $case() { crate::store::conformance::$case(&<$backend>::default()); })*
    };
}
pub(super) use conformance;

pub(super) fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn name(text: &str) -> UserName {
    UserName::new(text).expect(text)
}

pub(super) fn user(text: &str) -> NewUser {
    NewUser {
        name: name(text),
        display_name: String::new(),
        email: format!("{text}@example.com"),
        admin: false,
        password: Some(format!("$argon2id${text}")),
        appeared: false,
    }
}

/// The operator, at this moment.
pub(super) fn by(millis: i64) -> Author {
    Author { who: Actor::Operator("root".to_owned()), from: None, at: moment(millis) }
}

pub(super) fn person(text: &str) -> Grantee {
    Grantee::User(name(text))
}

/// `alice`, `team/`, `team/**/` or `team/app`.
pub(super) fn owner(text: &str) -> Owner {
    match text
        .strip_suffix('/')
        .map(|project| (project, None))
        .or_else(|| text.rsplit_once('/').map(|(project, repository)| (project, Some(repository))))
    {
        Some((project, repository)) => Owner::of_project(project, repository).expect(text),
        None => Owner::User(name(text)),
    }
}

/// A token of `owner` whose secret is `secret`.
pub(super) fn token(secret: &str, owner_text: &str) -> NewToken {
    let owner = owner(owner_text);
    NewToken {
        hash: hash(secret),
        name: secret.to_uppercase(),
        permissions: Permissions::combine(&[Permission::ALL[3]], owner.kind()).expect("one"),
        owner,
        limits: Limits::default(),
        expires: None,
    }
}

pub(super) fn hash(secret: &str) -> TokenHash {
    TokenHash::of(secret.as_bytes())
}

fn grant(projects: &str, repository: Option<&str>, permission: &str) -> Grant {
    Grant {
        projects: ProjectScope::new(projects).expect(projects),
        repository: repository.map(|name| RepoName::new(name).expect(name)),
        permission: permission.parse().expect(permission),
    }
}

pub(super) fn found(reader: &impl Lookup, secret: &str) -> Option<Rc<TokenPrincipal>> {
    reader.find_by_hash(&hash(secret)).expect("the store answers").0
}

fn names(tokens: &[TokenRecord]) -> Vec<&str> {
    tokens.iter().map(|token| token.name.as_str()).collect()
}

/// Every token that the filter lets through.
pub(super) fn listed(registry: &mut impl Registry, filter: &TokenFilter) -> Vec<TokenRecord> {
    let page = registry.list_tokens(filter, Window::ALL).expect("lists");
    assert!(page.last);
    page.values
}

fn missing<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Missing { .. })), "{outcome:?}");
}

fn exists<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Exists { .. })), "{outcome:?}");
}

pub(super) fn users_are_known_without_case(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(user("Alice"), &by(1)).expect("added");
    exists(&registry.add_user(user("aLICE"), &by(1)));
    registry.add_user(NewUser { admin: true, ..user("bob") }, &by(1)).expect("added");

    let alice = registry.find_user("ALICE").expect("answers").expect("found");
    assert_eq!((alice.name.as_str(), alice.display_name.as_str()), ("Alice", "Alice"));
    assert_eq!(
        (alice.email.as_str(), alice.admin, alice.active),
        ("Alice@example.com", false, true)
    );
    assert_eq!(registry.find_user("carol").expect("answers"), None);
    assert_eq!(registry.find_user("not a name").expect("answers"), None);
    let listed: Vec<String> =
        registry.list_users().expect("lists").iter().map(|u| u.name.to_string()).collect();
    assert_eq!(listed, ["Alice", "bob"]);
}

pub(super) fn passwords_are_kept_as_they_are_given(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(NewUser { password: None, ..user("alice") }, &by(1)).expect("added");
    assert_eq!(registry.password_of(&name("alice")).expect("answers"), None);
    registry.set_password(&name("ALICE"), "$argon2id$new", &by(1)).expect("set");
    let password = registry.password_of(&name("alice")).expect("answers");
    assert_eq!(password.as_deref(), Some("$argon2id$new"));
    missing(&registry.password_of(&name("bob")));
    missing(&registry.set_password(&name("bob"), "x", &by(1)));
    missing(&registry.set_active(&name("bob"), false, &by(1)));
    missing(&registry.remove_user(&name("bob"), &by(1)));
}

pub(super) fn tokens_come_back_as_they_were_added(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(user("Alice"), &by(1)).expect("added");
    let reader = backend.reader(Reading::PLAIN);
    let owners = ["alice", "team/", "group/sub/", "group/**/", "-/", "~bob/", "-/x", "a/b/c"];
    for (n, text) in owners.into_iter().enumerate() {
        for permission in ["REPO_READ", "REPO_ADMIN", "PROJECT_READ", "PROJECT_ADMIN"] {
            let asked = [permission.parse().expect("a permission")];
            let Ok(permissions) = Permissions::combine(&asked, owner(text).kind()) else {
                continue;
            };
            let secret = format!("{n}-{permission}");
            let limits = Limits {
                only: Only::new(&["team", "!team/secret", "a/**"]).expect("patterns"),
                from: ["10.0.0.0/8", "2001:db8::/32"].map(|n| n.parse().expect("net")).to_vec(),
                refs: RefRules::new(
                    &["refs/heads/**", "!refs/heads/main"],
                    n % 2 == 0,
                    n % 3 == 0,
                    n % 5 == 0,
                )
                .expect("patterns"),
            };
            let new = NewToken {
                permissions,
                limits: limits.clone(),
                expires: (n % 2 == 0).then_some(moment(99)),
                name: format!("für \"{n}\""),
                ..token(&secret, text)
            };
            let (label, expires) = (new.name.clone(), new.expires);
            let record = registry.add_token(new, &by(10)).expect("added");
            assert_eq!((&record.owner, record.permissions), (&owner(text), permissions));
            assert_eq!((&record.name, &record.limits), (&label, &limits));
            assert_eq!((record.created, record.expires), (moment(10), expires));
            assert_eq!((record.revoked, record.last_used), (None, None));
            assert_eq!(registry.find_token(record.id).expect("answers"), Some(record.clone()));

            let principal = found(&reader, &secret).expect("found");
            assert_eq!((principal.id, &principal.name), (record.id, &label));
            assert_eq!((&principal.owner, principal.permissions), (&record.owner, permissions));
            assert_eq!((&principal.limits, principal.expires), (&limits, expires));
            assert_eq!(principal.rights, Rights::Host);
        }
    }
    assert!(found(&reader, "never made").is_none());
    assert_eq!(registry.find_token(TokenId(9999)).expect("answers"), None);
}

pub(super) fn a_token_needs_an_owner_who_is_there(backend: &impl Backend) {
    let mut registry = backend.registry();
    missing(&registry.add_token(token("t", "alice"), &by(10)));
    registry.add_user(user("alice"), &by(1)).expect("added");
    registry.set_active(&name("alice"), false, &by(1)).expect("disabled");
    missing(&registry.add_token(token("t", "alice"), &by(10)));
    let everything =
        NewToken { owner: Owner::Project(ProjectScope::Everywhere), ..token("t", "team/") };
    assert!(matches!(registry.add_token(everything, &by(10)), Err(StoreError::Damaged { .. })));
    assert!(listed(&mut registry, &TokenFilter::all(NameCase::Exact)).is_empty());
}

/// Whatever changes what a look-up may find is seen by the next one, in memory or not.
pub(super) fn changes_are_seen_by_the_next_look_up(backend: &impl Backend) {
    let mut registry = backend.registry();
    let reader = backend.reader(GRANTS);
    registry.add_user(user("alice"), &by(1)).expect("added");
    assert!(found(&reader, "t").is_none());
    let id = registry.add_token(token("t", "alice"), &by(10)).expect("added").id;
    let other = registry.add_token(token("other", "team/"), &by(10)).expect("added").id;
    let rights = |reader: &_| found(reader, "t").expect("found").rights.clone();
    assert_eq!(rights(&reader), Rights::Grants(vec![]));

    let read = grant("team", None, "REPO_READ");
    registry.add_grant(&person("alice"), &read, &by(1)).expect("granted");
    assert_eq!(rights(&reader), Rights::Grants(vec![read.clone()]));
    registry.remove_grant(&person("alice"), &read, &by(1)).expect("taken");
    assert_eq!(rights(&reader), Rights::Grants(vec![]));

    let edit = TokenEdit { name: Some("new".to_owned()), permissions: None };
    registry.edit_token(id, &edit, &by(1)).expect("edited");
    assert_eq!(found(&reader, "t").expect("found").name, "new");

    registry.set_active(&name("ALICE"), false, &by(1)).expect("disabled");
    assert!(found(&reader, "t").is_none());
    assert!(found(&reader, "other").is_some());
    registry.set_active(&name("alice"), true, &by(1)).expect("enabled");
    assert!(found(&reader, "t").is_some());

    registry.revoke_token(id, &by(20)).expect("revoked");
    assert!(found(&reader, "t").is_none());
    missing(&registry.revoke_token(id, &by(21)));
    missing(&registry.edit_token(id, &edit, &by(1)));
    assert_eq!(registry.find_token(id).expect("answers").expect("kept").revoked, Some(moment(20)));

    assert_eq!(found(&reader, "other").expect("found").rights, Rights::Host);
    registry.revoke_token(other, &by(20)).expect("revoked");
    assert!(found(&reader, "other").is_none());
}

pub(super) fn an_edit_leaves_the_rest_alone(backend: &impl Backend) {
    let mut registry = backend.registry();
    let expiring = NewToken { expires: Some(moment(50)), ..token("t", "team/") };
    let before = registry.add_token(expiring, &by(10)).expect("added");
    let permissions = Permissions::highest(before.owner.kind());
    let edit = TokenEdit { name: None, permissions: Some(permissions) };
    let after = registry.edit_token(before.id, &edit, &by(1)).expect("edited");
    assert_eq!(after, TokenRecord { permissions, ..before.clone() });
    missing(&registry.edit_token(TokenId(99), &edit, &by(1)));
}

pub(super) fn a_removed_user_takes_the_tokens_along(backend: &impl Backend) {
    let mut registry = backend.registry();
    let reader = backend.reader(GRANTS);
    registry.add_user(user("alice"), &by(1)).expect("added");
    registry.add_grant(&person("alice"), &grant("*", None, "REPO_READ"), &by(1)).expect("granted");
    let id = registry.add_token(token("old", "alice"), &by(10)).expect("added").id;
    let expired = NewToken { expires: Some(moment(50)), ..token("expired", "alice") };
    registry.add_token(expired, &by(10)).expect("added");
    assert!(found(&reader, "old").is_some());
    assert_eq!(registry.remove_user(&name("Alice"), &by(60)).expect("removed"), 1);
    assert!(found(&reader, "old").is_none());

    registry.add_user(user("alice"), &by(1)).expect("added again");
    assert!(found(&reader, "old").is_none());
    assert!(registry.list_grants(None).expect("lists").is_empty());
    let all = TokenFilter { revoked: true, ..TokenFilter::all(NameCase::Exact) };
    let theirs = TokenFilter { owner: Some(owner("alice")), ..all.clone() };
    assert!(listed(&mut registry, &theirs).is_empty());
    // For the record: whose it was, and that it ended.
    let kept = registry.find_token(id).expect("answers").expect("kept");
    assert_eq!((kept.owner, kept.revoked), (owner("alice"), Some(moment(60))));
    assert_eq!(names(&listed(&mut registry, &all)), ["OLD", "EXPIRED"]);
    missing(&registry.revoke_token(id, &by(70)));
}

pub(super) fn lists_are_of_one_owner(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(user("alice"), &by(1)).expect("added");
    registry.add_user(user("bob"), &by(1)).expect("added");
    let mut gone = None;
    for (secret, whose) in [
        ("a1", "alice"),
        ("b1", "bob"),
        ("t1", "team/"),
        ("t2", "Team/"),
        ("t3", "team/**/"),
        ("r1", "team/app"),
        ("r2", "team/App"),
        ("a2", "Alice"),
        ("gone", "team/"),
    ] {
        gone = Some(registry.add_token(token(secret, whose), &by(10)).expect(secret).id);
    }
    registry.revoke_token(gone.expect("some"), &by(5)).expect("revoked");
    let cases = [
        (None, NameCase::Exact, false, "A1 B1 T1 T2 T3 R1 R2 A2"),
        (Some("ALICE"), NameCase::Exact, false, "A1 A2"),
        (Some("carol"), NameCase::Exact, false, ""),
        (Some("team/"), NameCase::Exact, false, "T1"),
        (Some("team/"), NameCase::Exact, true, "T1 GONE"),
        (Some("TEAM/"), NameCase::Ignore, false, "T1 T2"),
        (Some("TEAM/"), NameCase::Exact, true, ""),
        (Some("team/**/"), NameCase::Exact, false, "T3"),
        (Some("team/app"), NameCase::Exact, false, "R1"),
        (Some("Team/app"), NameCase::Ignore, false, "R1 R2"),
        (Some("other/"), NameCase::Ignore, true, ""),
    ];
    for (whose, case, revoked, expected) in cases {
        let filter = TokenFilter { owner: whose.map(owner), revoked, ..TokenFilter::all(case) };
        let listed = listed(&mut registry, &filter);
        assert_eq!(names(&listed).join(" "), expected, "{whose:?} {case:?} {revoked}");
    }
}

pub(super) fn live_tokens_are_counted(backend: &impl Backend) {
    let mut registry = backend.registry();
    for (secret, expires) in [("a", None), ("b", Some(100)), ("c", Some(200)), ("d", None)] {
        let new = NewToken { expires: expires.map(moment), ..token(secret, "team/") };
        let id = registry.add_token(new, &by(10)).expect("added").id;
        if secret == "d" {
            registry.revoke_token(id, &by(1)).expect("revoked");
        }
    }
    for (now, expected) in [(0, 3), (99, 3), (100, 2), (150, 2), (200, 1)] {
        assert_eq!(registry.count_tokens(moment(now)).expect("counts"), expected, "{now}");
    }
}

pub(super) fn grants_are_each_once(backend: &impl Backend) {
    let mut registry = backend.registry();
    for text in ["alice", "bob"] {
        registry.add_user(user(text), &by(1)).expect("added");
    }
    let grants = [
        grant("*", None, "REPO_READ"),
        grant("team", None, "PROJECT_ADMIN"),
        grant("team", Some("app"), "REPO_WRITE"),
        grant("team/**", None, "REPO_WRITE"),
    ];
    for one in &grants {
        registry.add_grant(&person("alice"), one, &by(1)).expect("granted");
        exists(&registry.add_grant(&person("Alice"), one, &by(1)));
        missing(&registry.remove_grant(&person("bob"), one, &by(1)));
    }
    missing(&registry.add_grant(&person("carol"), &grants[0], &by(1)));
    registry.add_grant(&person("bob"), &grants[0], &by(1)).expect("granted");
    let expected: Vec<GrantRecord> = grants
        .iter()
        .map(|one| GrantRecord { grantee: person("alice"), grant: one.clone() })
        .collect();
    assert_eq!(registry.list_grants(Some(&person("ALICE"))).expect("lists"), expected);
    assert_eq!(registry.list_grants(None).expect("lists").len(), 5);
    registry.remove_grant(&person("alice"), &grants[1], &by(1)).expect("taken");
    missing(&registry.remove_grant(&person("alice"), &grants[1], &by(1)));
}

pub(super) fn a_principal_is_found_by_number_too(backend: &impl Backend) {
    let mut registry = backend.registry();
    registry.add_user(user("alice"), &by(1)).expect("added");
    registry.add_grant(&person("alice"), &grant("*", None, "REPO_READ"), &by(1)).expect("granted");
    let id = registry.add_token(token("t", "alice"), &by(10)).expect("added").id;
    for reading in [Reading::PLAIN, GRANTS] {
        let by_number = registry.principal(id, reading).expect("answers").expect("found");
        let by_hash = found(&backend.reader(reading), "t").expect("found");
        assert_eq!(format!("{by_number:?}"), format!("{by_hash:?}"));
    }
    registry.set_active(&name("alice"), false, &by(1)).expect("disabled");
    assert!(registry.principal(id, Reading::PLAIN).expect("answers").is_none());
}

pub(super) fn settings_are_kept(backend: &impl Backend) {
    let mut registry = backend.registry();
    assert_eq!(registry.settings().expect("answers"), Settings::default());
    for settings in [
        Settings {
            expiry_required: true,
            max_days: Some(90),
            max_tokens: Some(5),
            allowed: Allowed {
                user: Permission::ALL.into_iter().take(4).collect(),
                project: PermissionSet::ALL,
                repository: std::iter::empty().collect(),
            },
        },
        Settings::default(),
    ] {
        let changed = registry.change_settings(&|_| settings, &by(1)).expect("set");
        assert_eq!(changed, settings);
        assert_eq!(backend.registry().settings().expect("answers"), settings);
    }
}

pub(super) fn the_later_mark_of_use_is_kept(backend: &impl Backend) {
    let mut registry = backend.registry();
    let id = registry.add_token(token("t", "team/"), &by(10)).expect("added").id;
    let (one, other) = (backend.reader(Reading::PLAIN), backend.reader(Reading::PLAIN));
    let at = |millis, from: Option<&str>| LastUse {
        at: moment(millis),
        from: from.map(|address| address.parse().expect(address)),
    };
    let mut last = || {
        backend.settle();
        registry.find_token(id).expect("answers").expect("found").last_used
    };
    one.touch(id, at(10, Some("192.0.2.1")));
    one.touch(TokenId(99), at(10, None));
    assert_eq!(last(), Some(at(10, Some("192.0.2.1"))));
    one.touch(id, at(30, Some("2001:db8::1")));
    other.touch(id, at(20, None));
    assert_eq!(last(), Some(at(30, Some("2001:db8::1"))));
    other.touch(id, at(25, None));
    assert_eq!(last(), Some(at(30, Some("2001:db8::1"))));
    drop(one);
    other.touch(id, at(40, None));
    drop(other);
    assert_eq!(last(), Some(at(40, None)));
}

pub(super) fn a_second_look_up_is_answered_from_memory(backend: &impl Backend) {
    let mut registry = backend.registry();
    let id = registry.add_token(token("t", "team/"), &by(10)).expect("added").id;
    let reader = backend.reader(Reading::PLAIN);
    let answered = |secret| reader.find_by_hash(&hash(secret)).expect("answers").1;
    assert_eq!(answered("t"), Answered::Database);
    assert_eq!(answered("t"), Answered::Memory);
    assert_eq!(answered("unknown"), Answered::Database);
    assert_eq!(answered("unknown"), Answered::Database, "what is not there is not remembered");

    // Neither marks of use nor new tokens make it forget.
    reader.touch(id, LastUse { at: moment(5), from: None });
    backend.settle();
    assert_eq!(answered("t"), Answered::Memory);
    registry.add_token(token("another", "team/"), &by(10)).expect("added");
    assert_eq!(answered("t"), Answered::Memory);

    let other = registry.add_token(token("other", "team/"), &by(10)).expect("added").id;
    registry.revoke_token(other, &by(9)).expect("revoked");
    assert_eq!(answered("t"), Answered::Database);
    assert_eq!(answered("t"), Answered::Memory);
}
