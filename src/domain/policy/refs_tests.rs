//! Pushes against rules: every line one push.

use super::super::super::git::receive_pack::Manner;
use super::super::super::git::ref_name::RefName;
use super::super::super::names::{GroupName, ProjectPath, RepoName, UserName};
use super::super::super::permission::{Level, Permission, Permissions};
use super::super::super::principal::{Owner, OwnerKind, Rights};
use super::super::super::token::TokenId;
use super::super::limits::Limits;
use super::*;

fn token(rules: &str) -> TokenPrincipal {
    let words: Vec<&str> = rules.split_whitespace().collect();
    let patterns: Vec<&str> = words.iter().copied().filter(|w| w.contains("refs/")).collect();
    let has = |word| words.contains(&word);
    let refs = RefRules::new(&patterns, has("no-delete"), has("no-force"), has("no-tags"));
    let write = [Permission::Repository(Level::Write)];
    TokenPrincipal {
        id: TokenId(1),
        name: "ci".to_owned(),
        owner: Owner::User(UserName::new("alice").expect("a name")),
        permissions: Permissions::combine(&write, OwnerKind::User).expect("one"),
        limits: Limits { refs: refs.expect(rules), ..Limits::default() },
        expires: None,
        rights: Rights::Host,
        groups: vec![GroupName::new("leads").expect("a name")],
        identity: None,
    }
}

/// `+name` makes a ref, `-name` deletes one, `=name` moves one; `o:x` is an option.
fn push(text: &str) -> Push {
    let (zero, one) = ("0".repeat(40), "1".repeat(40));
    let mut push = Push { manner: Manner::default(), ..Push::default() };
    for word in text.split_whitespace() {
        if let Some(option) = word.strip_prefix("o:") {
            push.options.push(option.to_owned());
            continue;
        }
        let (mark, name) = word.split_at(1);
        let (old, new) = match mark {
            "+" => (&zero, &one),
            "-" => (&one, &zero),
            _ => (&one, &one),
        };
        let name = RefName::new(name.as_bytes()).expect(name);
        push.changes.push(RefChange { name, old: old.clone(), new: new.clone() });
    }
    push
}

fn options() -> Vec<OptionPattern> {
    ["ci.*", "merge_request.auto_merge"].map(|text| OptionPattern::new(text).expect(text)).to_vec()
}

fn verdict(who: &TokenPrincipal, text: &str, law: Law<'_>) -> String {
    let project = ProjectPath::new("team").expect("a name");
    let repository = RepoPath::new(&project, &RepoName::new("app").expect("a name"));
    match judge(who, &repository, &push(text), law) {
        Ok(Hold { no_force: true }) => "held".to_owned(),
        Ok(_) => "yes".to_owned(),
        Err(denial) => denial.text,
    }
}

/// Every line: the token's rules, a push, and the beginning of what is said.
const OWN: &[(&str, &str, &str)] = &[
    ("", "=refs/heads/main +refs/tags/v1 -refs/heads/old =refs/notes/commits", "yes"),
    ("", "", "yes"),
    ("", "+refs/for/main", "refs/for/main is refused: token \"ci\" may push branches"),
    (
        "",
        "+refs/for/latu_000000000000000000000000000000000000",
        "a ref whose name holds a token is refused: token \"ci\" may push branches",
    ),
    ("", "+refs/merge-requests/1/head", "refs/merge-requests/1/head is refused"),
    ("", "=refs/pull/1/head", "refs/pull/1/head is refused"),
    ("", "=refs/meta/config", "refs/meta/config is refused"),
    ("", "=refs/replace/abc", "refs/replace/abc is refused"),
    ("", "=refs/Heads/main", "refs/Heads/main is refused"),
    ("", "=refs/stash", "refs/stash is refused"),
    ("refs/for/*", "+refs/for/main", "yes"),
    (
        "refs/for/*",
        "+refs/heads/main",
        "refs/heads/main is refused: token \"ci\" may push refs/for/*",
    ),
    ("refs/heads/bot/*", "+refs/heads/bot/x", "yes"),
    ("refs/heads/bot/*", "+refs/heads/bot/x/y", "refs/heads/bot/x/y is refused"),
    ("refs/heads/bot/**", "+refs/heads/bot/x/y", "yes"),
    ("refs/heads/bot/*", "+refs/heads/Bot/x", "refs/heads/Bot/x is refused"),
    (
        "refs/heads/bot/*",
        "+refs/heads/bot/x =refs/heads/main",
        "refs/heads/main is refused: token \"ci\" may push refs/heads/bot/*",
    ),
    (
        "!refs/heads/main",
        "=refs/heads/main",
        "refs/heads/main is refused: token \"ci\" may push !refs/heads/main",
    ),
    ("!refs/heads/main", "=refs/heads/MAIN", "refs/heads/MAIN is refused"),
    ("!refs/heads/main", "=refs/heads/main/x", "refs/heads/main/x is refused"),
    ("!refs/heads/main", "=refs/heads/dev", "yes"),
    ("!refs/heads/main", "=refs/for/dev", "refs/for/dev is refused"),
    (
        "refs/heads/** !refs/heads/release/**",
        "=refs/heads/release/1",
        "refs/heads/release/1 is refused",
    ),
    ("refs/heads/** !refs/heads/release/**", "=refs/heads/dev", "yes"),
    ("no-delete", "-refs/heads/x", "refs/heads/x is refused: token \"ci\" may delete no refs"),
    ("no-delete", "=refs/heads/x", "yes"),
    ("no-tags", "+refs/tags/v1", "refs/tags/v1 is refused: token \"ci\" may push no tags"),
    ("no-tags", "=refs/heads/tags/v1", "yes"),
    ("no-force", "=refs/heads/x", "held"),
    ("no-force", "+refs/heads/x", "yes"),
    ("no-force", "-refs/heads/x", "yes"),
    ("no-force", "=refs/tags/v1", "refs/tags/v1 is refused: token \"ci\" may not force"),
    ("no-force", "+refs/tags/v1", "yes"),
    ("", "=refs/heads/x o:ci.skip", "the push option `ci.skip` is refused"),
    ("", "=refs/heads/x o:CI.Variable=A=B", "the push option `CI.Variable` is refused"),
    ("", "=refs/heads/x o:merge_request.auto_merge", "the push option"),
    ("", "=refs/heads/x o:mr.auto_merge", "the push option"),
    ("", "=refs/heads/x o:.ci.skip", "the push option"),
    ("", "=refs/heads/x o:MR.Auto_Merge=1", "the push option"),
    ("", "=refs/heads/x o:ci.variable=SECRET=x", "the push option `ci.variable` is refused"),
    ("", "=refs/heads/x o:merge_request.create o:topic=x", "yes"),
];

#[test]
fn a_tokens_own_rules() {
    let options = options();
    let law = Law { protections: &[], options: &options, tells_force: true };
    for (rules, text, expected) in OWN {
        let said = verdict(&token(rules), text, law);
        assert!(said.starts_with(expected), "{rules:?} {text:?}: {said}");
    }
    let blind = Law { tells_force: false, ..law };
    let said = verdict(&token("no-force"), "=refs/heads/x", blind);
    assert!(said.contains("cannot be told"), "{said}");
    assert_eq!(verdict(&token("no-force"), "+refs/heads/x", blind), "yes");
}

fn protection(project: &str, refs: &[&str], deny: &str) -> Protection {
    Protection {
        project: (!project.is_empty()).then(|| Pattern::new(project).expect(project)),
        repository: None,
        refs: refs.iter().map(|text| Pattern::new(text).expect(text)).collect(),
        deny: Deny {
            push: deny.contains("push"),
            delete: deny.contains("delete"),
            force: deny.contains("force"),
        },
        except_users: Vec::new(),
        except_groups: Vec::new(),
        except_people: false,
    }
}

/// Every line: the project, the refs, what is denied, a push, and the beginning of what is said.
const PROTECTED: &[(&str, &[&str], &str, &str, &str)] = &[
    (
        "",
        &["refs/heads/main"],
        "push",
        "=refs/heads/main",
        "refs/heads/main is refused: team/app protects it",
    ),
    ("", &["refs/heads/main"], "push", "=refs/heads/MAIN", "refs/heads/MAIN is refused"),
    ("", &["refs/heads/main"], "push", "=refs/heads/dev", "yes"),
    ("team", &["refs/heads/main"], "push", "=refs/heads/main", "refs/heads/main is refused"),
    ("TEAM", &["refs/heads/main"], "push", "=refs/heads/main", "refs/heads/main is refused"),
    ("other", &["refs/heads/main"], "push", "=refs/heads/main", "yes"),
    ("", &["refs/heads/**", "!refs/heads/bot/**"], "push", "=refs/heads/bot/x", "yes"),
    (
        "",
        &["refs/heads/**", "!refs/heads/bot/**"],
        "push",
        "=refs/heads/Bot/x",
        "refs/heads/Bot/x is refused",
    ),
    ("", &["refs/heads/main"], "delete", "-refs/heads/main", "refs/heads/main is refused"),
    ("", &["refs/heads/main"], "delete", "=refs/heads/main", "yes"),
    ("", &["refs/heads/main"], "force", "=refs/heads/main", "held"),
    ("", &["refs/heads/main"], "force", "=refs/heads/dev", "yes"),
    ("", &["refs/tags/**"], "force", "=refs/tags/v1", "refs/tags/v1 is refused"),
];

#[test]
fn what_the_operator_protects() {
    for (project, refs, deny, text, expected) in PROTECTED {
        let protections = [protection(project, refs, deny)];
        let law = Law { protections: &protections, options: &[], tells_force: true };
        let said = verdict(&token(""), text, law);
        assert!(said.starts_with(expected), "{project} {refs:?} {deny} {text}: {said}");
    }
}

#[test]
fn exceptions_are_for_people() {
    let mut protections = [protection("", &["refs/heads/main"], "push")];
    let mut who = token("");
    let judged = |who: &TokenPrincipal, protections: &[Protection]| {
        let law = Law { protections, options: &[], tells_force: true };
        verdict(who, "=refs/heads/main", law) == "yes"
    };
    assert!(!judged(&who, &protections));
    protections[0].except_users = vec![UserName::new("ALICE").expect("a name")];
    assert!(judged(&who, &protections));
    protections[0].except_users.clear();
    protections[0].except_groups = vec![GroupName::new("Leads").expect("a name")];
    assert!(judged(&who, &protections));
    who.owner = Owner::of_project("team", None).expect("a name");
    assert!(!judged(&who, &protections));
}

#[test]
fn a_push_that_would_take_too_long_to_judge_is_refused() {
    let law = Law { protections: &[], options: &[], tells_force: true };
    let rules = vec![format!("!refs/heads/**{}b", "a/".repeat(200)); 9].join(" ");
    let long = format!("+refs/heads/{}x", "a/".repeat(240));
    assert!(verdict(&token(&rules), &long, law) == "yes");
    let many: Vec<String> = (0..400).map(|n| format!("{long}{n}")).collect();
    assert!(verdict(&token(&rules), &many.join(" "), law).contains("push fewer at a time"));
}

#[test]
fn one_refused_command_refuses_all() {
    let law = Law { protections: &[], options: &[], tells_force: true };
    let project = ProjectPath::new("team").expect("a name");
    let repository = RepoPath::new(&project, &RepoName::new("app").expect("a name"));
    let text = "+refs/heads/bot/x +refs/heads/y";
    let denial =
        judge(&token("refs/heads/bot/*"), &repository, &push(text), law).expect_err("refused");
    assert_eq!(denial.reasons, [OTHER, "token \"ci\" may push refs/heads/bot/*"]);
}
