//! The trail: what each verb leaves in it.

use super::*;
use crate::domain::key::KeyId;
use crate::domain::names::GroupName;
use crate::domain::principal::{Scheme, StoredIdentity};
use crate::domain::sealed::Sealed;
use crate::domain::settings::ProjectSettings;
use crate::domain::trail::{Broken, Entry, Event, Link, Note, Subject};
use crate::store::{NewIdentity, TrailFilter, UserEdit};

/// One entry as a line: what happened, to whom, and the details.
fn line(entry: &Entry) -> String {
    let subject = &entry.subject;
    let token = subject.token.map(|id| format!("#{id}"));
    let place = match (&subject.project, &subject.repository) {
        (Some(project), Some(repository)) => Some(format!("{project}/{repository}")),
        (project, _) => project.clone(),
    };
    let subjects: Vec<String> =
        token.into_iter().chain(subject.user.clone()).chain(place).collect();
    format!("{} {} {}", entry.event, subjects.join(" "), entry.details)
}

fn after(registry: &mut impl Registry, number: i64) -> Vec<String> {
    let filter = TrailFilter { after: number, ..TrailFilter::default() };
    registry.trail(&filter).expect("reads").iter().map(line).collect()
}

type Step<R> = (fn(&mut R), &'static [&'static str]);

fn group() -> GroupName {
    GroupName::new("DEVS").expect("a name")
}

fn everybody() -> Grantee {
    Grantee::Group(group())
}

fn stored(whose: &str, username: &str) -> NewIdentity {
    let sealed = Sealed { key: KeyId([7; 8]), bytes: b"sealed-secret".to_vec() };
    let (owner, scheme) = (owner(whose), Scheme::Basic);
    let identity = StoredIdentity { owner, scheme, username: username.to_owned(), sealed };
    NewIdentity { identity, case: NameCase::Exact }
}

/// What changes users, groups and rights, and exactly what each leaves.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn people<R: Registry>() -> Vec<Step<R>> {
    vec![
        (
            |r| drop(r.add_user(user("Alice"), &by(1)).expect("added")),
            &[
                r#"user.added Alice {"displayName":"Alice","email":"Alice@example.com","admin":false,"active":true}"#,
            ],
        ),
        (
            |r| {
                let new = NewUser { appeared: true, ..user("bob") };
                drop(r.add_user(new, &by(1)).expect("added"));
            },
            &[
                r#"user.appeared bob {"displayName":"bob","email":"bob@example.com","admin":false,"active":true}"#,
            ],
        ),
        (|r| exists(&r.add_user(user("ALICE"), &by(1))), &[]),
        (
            |r| {
                let edit = UserEdit { admin: Some(true), ..UserEdit::default() };
                drop(r.edit_user(&name("ALICE"), &edit, &by(1)).expect("edited"));
                drop(r.edit_user(&name("alice"), &edit, &by(1)).expect("nothing to do"));
            },
            &[concat!(
                r#"user.edited Alice {"before":{"displayName":"Alice","email":"Alice@example.com","admin":false,"active":true},"#,
                r#""after":{"displayName":"Alice","email":"Alice@example.com","admin":true,"active":true}}"#
            )],
        ),
        (
            |r| r.set_password(&name("alice"), "$argon2id$new", &by(1)).expect("set"),
            &["user.password-changed Alice {}"],
        ),
        (
            |r| {
                r.set_active(&name("alice"), false, &by(1)).expect("set");
                r.set_active(&name("alice"), false, &by(1)).expect("nothing to do");
                r.set_active(&name("alice"), true, &by(1)).expect("set");
            },
            &[
                r#"user.disabled Alice {"before":{"active":true},"after":{"active":false}}"#,
                r#"user.enabled Alice {"before":{"active":false},"after":{"active":true}}"#,
            ],
        ),
        (
            |r| {
                r.add_group(&GroupName::new("Devs").expect("a name"), &by(1)).expect("added");
                exists(&r.add_group(&group(), &by(1)));
                r.add_member(&group(), &name("ALICE"), &by(1)).expect("joined");
                r.add_grant(&everybody(), &grant("team", Some("app"), "REPO_READ"), &by(1))
                    .expect("granted");
            },
            &[
                r#"group.added  {"group":"Devs"}"#,
                r#"group.member-added Alice {"group":"Devs"}"#,
                r#"grant.added team/app {"permission":"REPO_READ","group":"Devs"}"#,
            ],
        ),
        (
            |r| {
                r.add_grant(&person("ALICE"), &grant("*", None, "PROJECT_ADMIN"), &by(1))
                    .expect("granted");
                exists(&r.add_grant(&person("alice"), &grant("*", None, "PROJECT_ADMIN"), &by(1)));
                r.add_grant(&person("bob"), &grant("*", None, "REPO_READ"), &by(1))
                    .expect("granted");
                r.remove_grant(&person("BOB"), &grant("*", None, "REPO_READ"), &by(1))
                    .expect("taken");
            },
            &[
                r#"grant.added Alice * {"permission":"PROJECT_ADMIN","group":null}"#,
                r#"grant.added bob * {"permission":"REPO_READ","group":null}"#,
                r#"grant.removed bob * {"permission":"REPO_READ","group":null}"#,
            ],
        ),
        (
            |r| {
                r.add_member(&group(), &name("bob"), &by(1)).expect("joined");
                r.remove_member(&group(), &name("BOB"), &by(1)).expect("left");
            },
            &[
                r#"group.member-added bob {"group":"Devs"}"#,
                r#"group.member-removed bob {"group":"Devs"}"#,
            ],
        ),
    ]
}

/// What changes tokens.
fn tokens<R: Registry>() -> Vec<Step<R>> {
    vec![
        (
            |r| {
                let limits = Limits {
                    only: Only::new(&["team"]).expect("patterns"),
                    from: vec!["10.0.0.0/8".parse().expect("a network")],
                    refs: RefRules::new(&["refs/heads/x"], true, false, false).expect("patterns"),
                };
                let new = NewToken { limits, expires: Some(moment(99)), ..token("t", "alice") };
                drop(r.add_token(new, &by(1)).expect("added"));
            },
            &[
                r#"token.created #1 Alice {"name":"T","permissions":["REPO_READ"],"expiryDate":99,"only":["team"],"from":["10.0.0.0/8"],"refs":["refs/heads/x"],"noDelete":true}"#,
            ],
        ),
        (
            |r| drop(r.add_token(token("r", "team/app"), &by(1)).expect("added")),
            &[
                r#"token.created #2 team/app {"name":"R","permissions":["REPO_READ"],"expiryDate":null}"#,
            ],
        ),
        (
            |r| {
                let edit = TokenEdit { name: Some("new".to_owned()), permissions: None };
                drop(r.edit_token(TokenId(2), &edit, &by(1)).expect("edited"));
                drop(r.edit_token(TokenId(2), &edit, &by(1)).expect("nothing to do"));
            },
            &[
                r#"token.edited #2 team/app {"before":{"name":"R","permissions":["REPO_READ"]},"after":{"name":"new","permissions":["REPO_READ"]}}"#,
            ],
        ),
        (
            |r| drop(r.rotate_token(TokenId(2), hash("s"), moment(9), &by(1)).expect("rotated")),
            &[
                r#"token.rotated #2 team/app {"name":"new","successor":"3","endsDate":9}"#,
                r#"token.created #3 team/app {"name":"new","permissions":["REPO_READ"],"expiryDate":null,"predecessor":"2"}"#,
            ],
        ),
        (
            |r| {
                drop(r.set_suspended(TokenId(3), true, &by(1)).expect("suspended"));
                drop(r.set_suspended(TokenId(3), false, &by(1)).expect("resumed"));
                let all = TokenFilter::of(owner("team/app"), NameCase::Exact);
                assert_eq!(r.suspend_tokens(&all, &by(1)).expect("suspended").len(), 2);
                drop(r.revoke_token(TokenId(2), &by(1)).expect("revoked"));
                missing(&r.revoke_token(TokenId(2), &by(1)));
                assert_eq!(r.revoke_tokens(&all, &by(1)).expect("revoked").len(), 1);
                assert_eq!(r.revoke_tokens(&all, &by(1)).expect("revoked").len(), 0);
            },
            &[
                r#"token.suspended #3 team/app {"name":"new"}"#,
                r#"token.resumed #3 team/app {"name":"new"}"#,
                r#"token.suspended #2 team/app {"name":"new"}"#,
                r#"token.suspended #3 team/app {"name":"new"}"#,
                r#"token.revoked #2 team/app {"name":"new"}"#,
                r#"token.revoked #3 team/app {"name":"new"}"#,
            ],
        ),
    ]
}

/// What changes credentials and settings, and the removals.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn house<R: Registry>() -> Vec<Step<R>> {
    vec![
        (
            |r| {
                for username in ["one", "two"] {
                    r.set_identity(stored("team/", username), &by(1)).expect("set");
                }
                r.set_identity(stored("alice", "a"), &by(1)).expect("set");
                let anew = Sealed { key: KeyId([8; 8]), bytes: b"other".to_vec() };
                r.reseal_identities(&mut |_| Ok(anew.clone()), &by(1)).expect("resealed");
                r.remove_identity(&owner("team/"), NameCase::Exact, &by(1)).expect("removed");
            },
            &[
                r#"identity.set team {"before":null,"after":{"scheme":"basic","username":"one"}}"#,
                r#"identity.set team {"before":{"scheme":"basic","username":"one"},"after":{"scheme":"basic","username":"two"}}"#,
                r#"identity.set alice {"before":null,"after":{"scheme":"basic","username":"a"}}"#,
                r#"identity.rekeyed  {"count":2}"#,
                r#"identity.removed team {"before":{"scheme":"basic","username":"two"}}"#,
            ],
        ),
        (
            |r| {
                let change = |settings| Settings { max_days: Some(9), ..settings };
                r.change_settings(&change, &by(1)).expect("set");
                r.change_settings(&change, &by(1)).expect("nothing to do");
                let read = "REPO_READ".parse::<Permission>().expect("a permission");
                let change = |mut settings: Settings| {
                    settings.allowed.user = [read].into_iter().collect();
                    settings.allowed.project = [read].into_iter().collect();
                    settings.allowed.repository = [read].into_iter().collect();
                    settings
                };
                r.change_settings(&change, &by(1)).expect("set");
            },
            &[
                concat!(
                    r#"settings.changed  {"before":{"expiryRequired":false,"maxExpiryDays":null,"maxTokensPerOwner":null,"allowedPermissions":{"#,
                    r#""user":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"],"#,
                    r#""project":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"],"#,
                    r#""repository":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"]}},"#,
                    r#""after":{"expiryRequired":false,"maxExpiryDays":9,"maxTokensPerOwner":null,"allowedPermissions":{"#,
                    r#""user":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"],"#,
                    r#""project":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"],"#,
                    r#""repository":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"]}}}"#
                ),
                concat!(
                    r#"settings.changed  {"before":{"expiryRequired":false,"maxExpiryDays":9,"maxTokensPerOwner":null,"allowedPermissions":{"#,
                    r#""user":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"],"#,
                    r#""project":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"],"#,
                    r#""repository":["PROJECT_READ","PROJECT_WRITE","PROJECT_ADMIN","REPO_READ","REPO_WRITE","REPO_ADMIN"]}},"#,
                    r#""after":{"expiryRequired":false,"maxExpiryDays":9,"maxTokensPerOwner":null,"allowedPermissions":{"#,
                    r#""user":["REPO_READ"],"project":["REPO_READ"],"repository":["REPO_READ"]}}}"#
                ),
            ],
        ),
        (
            |r| {
                let project = ProjectPath::new("team").expect("a project");
                for repository_tokens in [false, false, true] {
                    let settings = ProjectSettings { repository_tokens };
                    r.set_project_settings(&project, settings, &by(1)).expect("set");
                }
            },
            &[
                r#"settings.project-changed team {"before":{"repositoryTokens":true},"after":{"repositoryTokens":false}}"#,
                r#"settings.project-changed team {"before":{"repositoryTokens":false},"after":{"repositoryTokens":true}}"#,
            ],
        ),
        (
            |r| assert_eq!(r.remove_user(&name("ALICE"), &by(1)).expect("removed"), 1),
            &[
                r#"token.revoked #1 Alice {"name":"T","why":"its owner was removed"}"#,
                concat!(
                    r#"user.removed Alice {"displayName":"Alice","email":"Alice@example.com","admin":true,"active":true,"#,
                    r#""groups":["Devs"],"grants":["PROJECT_ADMIN *"],"revokedTokens":["1"]}"#
                ),
            ],
        ),
        (
            |r| {
                r.add_member(&group(), &name("bob"), &by(1)).expect("joined");
                r.remove_group(&group(), &by(1)).expect("removed");
            },
            &[
                r#"group.member-added bob {"group":"Devs"}"#,
                r#"group.removed  {"group":"Devs","members":["bob"],"grants":["REPO_READ team/app"]}"#,
            ],
        ),
        (
            |r| {
                let note = Note {
                    event: Event::LoginFailed,
                    subject: Subject { user: Some("bob".to_owned()), ..Subject::default() },
                    details: serde_json::json!({ "why": "wrong" }),
                };
                r.note(note, &by(1)).expect("noted");
            },
            &[r#"login.failed bob {"why":"wrong"}"#],
        ),
    ]
}

pub(in crate::store) fn every_change_leaves_its_entries(backend: &impl Backend) {
    let mut registry = backend.registry();
    let mut everything = String::new();
    for (step, expected) in people().into_iter().chain(tokens()).chain(house()) {
        let head = registry.trail_head().expect("answers");
        step(&mut registry);
        let found = after(&mut registry, head.entries);
        assert_eq!(found, expected);
        let now = registry.trail_head().expect("answers");
        assert_eq!(now.entries, head.entries + expected.len().cast_signed() as i64);
        everything.extend(found);
    }
    for secret in ["argon2id", "sealed-secret", "hash", "lat"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    let head = registry.trail_head().expect("answers");
    assert_eq!(registry.verify_trail(None).expect("reads"), Ok(head));
    assert_eq!(registry.verify_trail(Some(head.link)).expect("reads"), Ok(head));
    let other = Link([1; 32]);
    assert_eq!(registry.verify_trail(Some(other)).expect("reads"), Err(Broken::Head(other)));
}

pub(in crate::store) fn entries_tell_who_from_where_and_when(backend: &impl Backend) {
    let mut registry = backend.registry();
    let head = registry.trail_head().expect("answers");
    assert_eq!((head.entries, head.link), (0, Link::START));
    let actors = [
        (Actor::Operator("root".to_owned()), None, "operator root -"),
        (Actor::User(name("bob")), Some("192.0.2.1"), "user bob 192.0.2.1"),
        (Actor::Token(TokenId(7)), Some("2001:db8::1"), "token 7 2001:db8::1"),
        (Actor::Gitlatch, None, "gitlatch  -"),
        (Actor::Nobody, None, "nobody  -"),
    ];
    for (n, (who, from, expected)) in (1..).zip(actors) {
        let from = from.map(|text| text.parse().expect(text));
        let author = Author { who, from, at: moment(n) };
        registry.add_token(token(&n.to_string(), "team/"), &author).expect("added");
        let last = TrailFilter { last: Some(1), ..TrailFilter::default() };
        let entry = registry.trail(&last).expect("reads").remove(0);
        let from = entry.from.as_deref().unwrap_or("-");
        assert_eq!(format!("{} {} {from}", entry.actor_kind, entry.actor), expected);
        assert_eq!((entry.number, entry.at), (n, moment(n)));
    }
}

pub(in crate::store) fn entries_are_found_by_each_condition(backend: &impl Backend) {
    let mut registry = backend.registry();
    let author = |who, at| Author { who, from: None, at: moment(at) };
    let (alice, seven) = (Actor::User(name("Alice")), Actor::Token(TokenId(1)));
    registry.add_user(user("alice"), &by(1)).expect("added");
    registry.add_user(user("bob"), &author(alice.clone(), 2)).expect("added");
    registry.add_token(token("a", "alice"), &author(alice, 3)).expect("added");
    registry.add_token(token("t", "team/"), &by(4)).expect("added");
    registry.revoke_token(TokenId(1), &author(seven.clone(), 5)).expect("revoked");
    registry.revoke_token(TokenId(2), &author(seven, 6)).expect("revoked");
    let none = TrailFilter::default;
    let cases: [(TrailFilter, &[i64]); 10] = [
        (none(), &[1, 2, 3, 4, 5, 6]),
        (TrailFilter { token: Some(TokenId(1)), ..none() }, &[3, 5, 6]),
        (TrailFilter { user: Some(name("ALICE")), ..none() }, &[1, 2, 3, 5]),
        (TrailFilter { user: Some(name("carol")), ..none() }, &[]),
        (TrailFilter { event: Some(Event::UserAdded), ..none() }, &[1, 2]),
        (TrailFilter { since: Some(moment(5)), ..none() }, &[5, 6]),
        (TrailFilter { after: 4, ..none() }, &[5, 6]),
        (TrailFilter { last: Some(2), ..none() }, &[5, 6]),
        (TrailFilter { last: Some(0), ..none() }, &[]),
        (TrailFilter { last: Some(1), event: Some(Event::TokenCreated), ..none() }, &[4]),
    ];
    for (filter, expected) in cases {
        let found = registry.trail(&filter).expect("reads");
        let numbers: Vec<i64> = found.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, expected, "{filter:?}");
    }
}

pub(in crate::store) fn first_uses_and_new_addresses_are_told_once(backend: &impl Backend) {
    let mut registry = backend.registry();
    let reader = backend.reader(Reading::PLAIN);
    let ids = ["t", "u"]
        .map(|secret| registry.add_token(token(secret, "team/"), &by(1)).expect("added").id);
    let use_it = |id, at, from: &str| {
        reader.touch(id, LastUse { at: moment(at), from: from.parse().ok() });
    };
    // Two addresses and a socket within one second; what is met again; and a whole network of IPv6.
    use_it(ids[0], 12, "192.0.2.2");
    use_it(ids[0], 11, "192.0.2.1");
    use_it(ids[0], 13, "");
    use_it(ids[0], 10, "192.0.2.1");
    backend.settle();
    use_it(ids[0], 20, "192.0.2.2");
    use_it(ids[0], 21, "2001:db8:1:2::1");
    use_it(ids[0], 22, "2001:db8:1:2:ffff::9");
    use_it(ids[1], 23, "192.0.2.1");
    use_it(TokenId(99), 24, "192.0.2.1");
    backend.settle();
    use_it(ids[0], 30, "2001:db8:1:2:a::1");
    use_it(ids[0], 31, "2001:db8:1:3::1");
    use_it(ids[1], 32, "192.0.2.1");
    backend.settle();
    let told: Vec<String> = registry
        .trail(&TrailFilter { after: 2, ..TrailFilter::default() })
        .expect("reads")
        .iter()
        .map(|entry| {
            assert_eq!(entry.actor_kind, "token");
            assert_eq!(entry.subject.token.map(|id| id.to_string()).as_ref(), Some(&entry.actor));
            let from = entry.from.as_deref().unwrap_or("socket");
            format!("{} {} {from} {}", entry.at, entry.actor, entry.event)
        })
        .collect();
    let expected = [
        "11 1 192.0.2.1 token.first-use",
        "12 1 192.0.2.2 token.new-address",
        "13 1 socket token.new-address",
        "21 1 2001:db8:1:2::1 token.new-address",
        "23 2 192.0.2.1 token.first-use",
        "31 1 2001:db8:1:3::1 token.new-address",
    ];
    assert_eq!(told, expected);
    assert!(registry.verify_trail(None).expect("reads").is_ok());
}
