//! Listing: each condition of a filter, and windows.

use super::*;
use crate::domain::principal::OwnerKind;
use crate::store::{ExpiryFilter, UseFilter};

/// Secret, owner, permission, when it was made, when it ends, when it is rotated out, and its last use.
type Line = (&'static str, &'static str, &'static str, i64, [Option<i64>; 3]);

const TOKENS: &[Line] = &[
    ("plain", "team/", "REPO_READ", 10, [None, None, None]),
    ("ends", "team/app", "REPO_WRITE", 20, [Some(500), None, Some(30)]),
    ("retires", "team/", "PROJECT_READ", 30, [None, Some(400), Some(300)]),
    ("both", "alice", "PROJECT_ADMIN", 40, [Some(600), Some(450), None]),
    ("later", "alice", "REPO_ADMIN", 50, [Some(700), Some(9000), Some(700)]),
];

/// The names of the tokens that those which are rotated out get as successors.
const SUCCESSOR: &str = "next";

fn fill(backend: &impl Backend, registry: &mut impl Registry) {
    let reader = backend.reader(Reading::PLAIN);
    registry.add_user(user("alice"), &by(1)).expect("added");
    for (secret, whose, permission, created, [expires, retires, used]) in TOKENS {
        let asked = [permission.parse().expect("a permission")];
        let new = NewToken {
            permissions: Permissions::combine(&asked, owner(whose).kind()).expect("a combination"),
            expires: expires.map(moment),
            ..token(secret, whose)
        };
        let id = registry.add_token(new, &by(*created)).expect("added").id;
        if let Some(end) = retires {
            let next = hash(&format!("{secret} {SUCCESSOR}"));
            let next = registry.rotate_token(id, next, moment(*end), &by(*created));
            let edit = TokenEdit { name: Some(SUCCESSOR.to_owned()), permissions: None };
            registry.edit_token(next.expect("rotated").id, &edit, &by(*created)).expect("edited");
        }
        if let Some(at) = used {
            reader.touch(id, LastUse { at: moment(*at), from: None });
        }
    }
    backend.settle();
}

pub(in crate::store) fn each_condition_holds(backend: &impl Backend) {
    let mut registry = backend.registry();
    fill(backend, &mut registry);
    let all = || TokenFilter::all(NameCase::Exact);
    let expiry = |expiry| TokenFilter { expiry: Some(expiry), ..all() };
    let between = |from, to| expiry(ExpiryFilter::Between(moment(from), moment(to)));
    let used = |used| TokenFilter { used: Some(used), ..all() };
    let need = |text: &str| TokenFilter { permission: Some(text.parse().expect(text)), ..all() };
    let text = |text: &str| TokenFilter { text: Some(text.to_owned()), ..all() };
    let kind = |kind| TokenFilter { kind: Some(kind), ..all() };
    let breaks = |settings| TokenFilter { breaks: Some((settings, moment(0))), ..all() };
    let required = Settings { expiry_required: true, ..Settings::default() };
    let readers = Allowed { user: PermissionSet::default(), ..Allowed::default() };
    let read = "REPO_READ".parse::<Permission>().expect("a permission");
    let readers = Allowed { project: [read].into_iter().collect(), ..readers };
    let cases = [
        (expiry(ExpiryFilter::Never), "PLAIN"),
        (between(0, 10_000), "ENDS RETIRES BOTH LATER"),
        (between(400, 450), "RETIRES"),
        (between(450, 451), "BOTH"),
        (between(600, 700), ""),
        (between(700, 701), "LATER"),
        (between(9000, 9001), ""),
        (used(UseFilter::Never), "PLAIN BOTH"),
        (used(UseFilter::Since(moment(300))), "RETIRES LATER"),
        (used(UseFilter::NotSince(moment(300))), "PLAIN ENDS BOTH"),
        (used(UseFilter::NotSince(moment(40))), "PLAIN ENDS"),
        (used(UseFilter::NotSince(moment(10))), ""),
        (need("REPO_READ"), "PLAIN ENDS RETIRES BOTH LATER"),
        (need("REPO_WRITE"), "ENDS BOTH LATER"),
        (need("PROJECT_READ"), "RETIRES BOTH"),
        (need("PROJECT_ADMIN"), "BOTH"),
        (kind(OwnerKind::User), "BOTH LATER"),
        (kind(OwnerKind::Project), "PLAIN RETIRES"),
        (kind(OwnerKind::Repository), "ENDS"),
        (text("TeAm"), "PLAIN ENDS RETIRES"),
        (text("team/APP"), "ENDS"),
        (text("lAt"), "LATER"),
        (text("%"), ""),
        (breaks(required), "PLAIN RETIRES"),
        (breaks(Settings { allowed: readers, ..Settings::default() }), "RETIRES"),
        (breaks(Settings::default()), ""),
        (TokenFilter { kind: Some(OwnerKind::User), ..text("team") }, ""),
        (TokenFilter { used: Some(UseFilter::Never), ..need("REPO_WRITE") }, "BOTH"),
    ];
    for (filter, expected) in cases {
        let listed = listed(&mut registry, &filter);
        let first: Vec<TokenRecord> = listed.into_iter().filter(|t| t.name != SUCCESSOR).collect();
        assert_eq!(names(&first).join(" "), expected, "{filter:?}");
    }
}

pub(in crate::store) fn windows_are_parts_of_a_listing(backend: &impl Backend) {
    let mut registry = backend.registry();
    for secret in ["a", "b", "c", "d", "e"] {
        // Of two spellings, of which one is filtered out after the database gave it.
        registry.add_token(token(secret, "team/"), &by(10)).expect("added");
        registry.add_token(token(&secret.repeat(2), "TEAM/"), &by(10)).expect("added");
    }
    let filter = TokenFilter::of(owner("team/"), NameCase::Exact);
    let cases = [
        (0, 2, "A B", false),
        (2, 2, "C D", false),
        (4, 2, "E", true),
        (0, 5, "A B C D E", true),
        (0, 4, "A B C D", false),
        (5, 2, "", true),
        (99, 2, "", true),
        (0, 0, "", false),
        (0, u64::MAX, "A B C D E", true),
    ];
    for (start, limit, expected, last) in cases {
        let page = registry.list_tokens(&filter, Window { start, limit }).expect("lists");
        assert_eq!((names(&page.values).join(" "), page.last), (expected.to_owned(), last));
    }
}
