//! Groups, the rights that come by them, and edits of users.

use super::*;
use crate::domain::names::GroupName;
use crate::store::UserEdit;

fn group(text: &str) -> GroupName {
    GroupName::new(text).expect(text)
}

fn everybody_in(text: &str) -> Grantee {
    Grantee::Group(group(text))
}

/// Alice with a token `t`, and the group `devs` with one right.
fn house(registry: &mut impl Registry) -> Grant {
    registry.add_user(user("Alice"), &by(1)).expect("added");
    registry.add_token(token("t", "alice"), &by(2)).expect("added");
    registry.add_group(&group("Devs"), &by(3)).expect("added");
    let read = grant("team", None, "REPO_READ");
    registry.add_grant(&everybody_in("devs"), &read, &by(4)).expect("granted");
    read
}

pub(in crate::store) fn groups_are_known_without_case(backend: &impl Backend) {
    let mut registry = backend.registry();
    house(&mut registry);
    exists(&registry.add_group(&group("DEVS"), &by(5)));
    missing(&registry.remove_group(&group("ops"), &by(5)));
    missing(&registry.add_member(&group("ops"), &name("alice"), &by(5)));
    missing(&registry.add_member(&group("devs"), &name("bob"), &by(5)));
    missing(&registry.remove_member(&group("devs"), &name("alice"), &by(5)));
    registry.add_member(&group("dEVS"), &name("aLICE"), &by(5)).expect("joined");
    exists(&registry.add_member(&group("devs"), &name("alice"), &by(6)));
    registry.add_group(&group("all"), &by(7)).expect("added");
    let expected = [
        GroupRecord { name: group("all"), members: vec![], created: moment(7) },
        GroupRecord { name: group("Devs"), members: vec![name("Alice")], created: moment(3) },
    ];
    let groups = registry.list_groups().expect("lists");
    assert_eq!(groups, expected);
    assert_eq!(groups[1].name.as_str(), "Devs");
    // As a reader finds them by the name of the user: those of one who may do something.
    let reader = backend.reader(GRANTS);
    let groups = |name: &str| reader.groups_of(&user(name).name).expect("answers");
    assert_eq!((groups("ALICE"), groups("bob")), (vec![group("devs")], vec![]));
    registry.set_active(&name("alice"), false, &by(8)).expect("disabled");
    assert_eq!(groups("alice"), []);
    registry.set_active(&name("alice"), true, &by(9)).expect("enabled");
    registry.remove_member(&group("devs"), &name("alice"), &by(10)).expect("left");
    assert_eq!(groups("alice"), []);
}

/// Rights by a group hold from the next look-up on, and no longer than what gives them is there.
pub(in crate::store) fn rights_come_and_go_with_a_group(backend: &impl Backend) {
    type Undo<R> = fn(&mut R, &Grant);
    fn undos<R: Registry>() -> [(&'static str, Undo<R>); 4] {
        [
            ("left", |registry, _| {
                registry.remove_member(&group("devs"), &name("alice"), &by(9)).expect("left");
                registry.add_member(&group("devs"), &name("alice"), &by(9)).expect("joined");
                registry.remove_member(&group("devs"), &name("alice"), &by(9)).expect("left");
            }),
            ("taken", |registry, right| {
                registry.add_member(&group("devs"), &name("alice"), &by(9)).expect("joined");
                registry.remove_grant(&everybody_in("DEVS"), right, &by(9)).expect("taken");
            }),
            ("removed", |registry, right| {
                registry.add_grant(&everybody_in("devs"), right, &by(9)).expect("given");
                registry.remove_group(&group("devs"), &by(9)).expect("removed");
            }),
            ("made anew", |registry, _| {
                registry.add_group(&group("devs"), &by(9)).expect("added");
            }),
        ]
    }
    let mut registry = backend.registry();
    let reader = backend.reader(GRANTS);
    let right = house(&mut registry);
    let rights = || found(&reader, "t").expect("found").rights.clone();
    assert_eq!(rights(), Rights::Grants(vec![]));
    registry.add_member(&group("devs"), &name("alice"), &by(8)).expect("joined");
    assert_eq!(rights(), Rights::Grants(vec![right.clone()]));
    for (what, undo) in undos() {
        undo(&mut registry, &right);
        assert_eq!(rights(), Rights::Grants(vec![]), "{what}");
        assert_eq!(registry.rights_of(&name("alice")).expect("answers"), [], "{what}");
    }
    assert!(registry.list_grants(None).expect("lists").is_empty());
    assert!(registry.list_groups().expect("lists")[0].members.is_empty());
}

pub(in crate::store) fn rights_are_own_and_of_groups(backend: &impl Backend) {
    let mut registry = backend.registry();
    let by_group = house(&mut registry);
    registry.add_member(&group("devs"), &name("alice"), &by(5)).expect("joined");
    let own = grant("other", Some("app"), "REPO_ADMIN");
    registry.add_grant(&person("alice"), &own, &by(5)).expect("granted");
    // The very same right may come both ways.
    registry.add_grant(&person("alice"), &by_group, &by(5)).expect("granted");
    exists(&registry.add_grant(&everybody_in("devs"), &by_group, &by(5)));
    missing(&registry.remove_grant(&everybody_in("devs"), &own, &by(5)));

    let all = [by_group.clone(), own.clone(), by_group.clone()];
    assert_eq!(registry.rights_of(&name("ALICE")).expect("answers"), all);
    missing(&registry.rights_of(&name("bob")));
    let of = |grantee: Grantee, grant: &Grant| GrantRecord { grantee, grant: grant.clone() };
    let users = [of(person("alice"), &own), of(person("alice"), &by_group)];
    assert_eq!(registry.list_grants(Some(&person("alice"))).expect("lists"), users);
    let groups = [of(everybody_in("devs"), &by_group)];
    assert_eq!(registry.list_grants(Some(&everybody_in("DEVS"))).expect("lists"), groups);
    let everything = [users.as_slice(), &groups].concat();
    assert_eq!(registry.list_grants(None).expect("lists"), everything);

    registry.remove_user(&name("alice"), &by(6)).expect("removed");
    assert_eq!(registry.list_grants(None).expect("lists"), groups);
    assert!(registry.list_groups().expect("lists")[0].members.is_empty());
}

pub(in crate::store) fn an_edit_of_a_user_leaves_the_rest_alone(backend: &impl Backend) {
    let mut registry = backend.registry();
    let mut known = registry.add_user(user("Alice"), &by(1)).expect("added");
    let text = |text: &str| Some(text.to_owned());
    let edits = [
        UserEdit { display_name: text("Alice A."), ..UserEdit::default() },
        UserEdit { email: text("a@b"), ..UserEdit::default() },
        UserEdit { email: text(""), ..UserEdit::default() },
        UserEdit { admin: Some(true), ..UserEdit::default() },
        UserEdit::default(),
    ];
    for edit in edits {
        let edited = registry.edit_user(&name("alice"), &edit, &by(2)).expect("edited");
        known.display_name = edit.display_name.unwrap_or(known.display_name);
        known.email = edit.email.unwrap_or(known.email);
        known.admin = edit.admin.unwrap_or(known.admin);
        assert_eq!(edited, known);
        assert_eq!(registry.find_user("alice").expect("answers").as_ref(), Some(&known));
    }
    assert_eq!((known.name.as_str(), known.admin, known.created), ("Alice", true, moment(1)));
    missing(&registry.edit_user(&name("bob"), &UserEdit::default(), &by(2)));
}
