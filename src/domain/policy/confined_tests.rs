//! What confined requests name, a case a line.

use super::super::super::intent::{Action, Body, Effects, Voice};
use super::super::super::names::{ProjectScope, UserName};
use super::super::super::permission::Permissions;
use super::super::super::principal::{Grant, Owner, Rights};
use super::super::super::token::TokenId;
use super::super::limits::{Limits, Only};
use super::*;
use crate::domain::timestamp::Timestamp;

const FIELDS: &[Field] = &[
    Field { at: At::Query("fromRepo"), says: Says::Repository, absent: Absent::Within },
    Field { at: At::Body("from.repository"), says: Says::Repository, absent: Absent::Within },
    Field { at: At::Body("links[].repository"), says: Says::Repository, absent: Absent::Within },
    Field { at: At::Body("name"), says: Says::OwnName, absent: Absent::Within },
    Field { at: At::Body("project"), says: Says::OwnProject, absent: Absent::Within },
    Field { at: At::Body("sourceId"), says: Says::Unplaceable, absent: Absent::Within },
];
const FORK: &[Field] =
    &[Field { at: At::Body("project"), says: Says::TargetProject, absent: Absent::Outside }];

fn intent(fields: &'static [Field]) -> Intent {
    let project = ProjectPath::new("TEAM").expect("a key");
    Intent {
        action: Action::Write,
        place: Place::Repository(RepoPath::new(&project, &RepoName::new("app").expect("a slug"))),
        need: Need::Permission(Permission::Repository(Level::Write)),
        also: Vec::new(),
        voice: Voice::Rest,
        body: Body::None,
        confined: Confined::Check(fields),
        effects: Effects::default(),
        rule: "test".into(),
        service: 0,
    }
}

fn who(owner: &str) -> TokenPrincipal {
    let (owner, only, rights) = match owner {
        "project" => {
            (Owner::of_project("TEAM", None).expect("an owner"), Only::default(), Rights::Host)
        }
        "repository" => (
            Owner::of_project("TEAM", Some("app")).expect("an owner"),
            Only::default(),
            Rights::Host,
        ),
        "only" => {
            let only = Only::new(&["TEAM", "OTHER/lib"]).expect("patterns");
            (Owner::User(UserName::new("alice").expect("a name")), only, Rights::Host)
        }
        _ => {
            let grant = |scope, permission| Grant {
                projects: ProjectScope::new(scope).expect(scope),
                repository: None,
                permission,
            };
            let grants = vec![
                grant("TEAM", Permission::Project(Level::Admin)),
                grant("OTHER", Permission::Repository(Level::Read)),
            ];
            let alice = Owner::User(UserName::new("alice").expect("a name"));
            (alice, Only::default(), Rights::Grants(grants))
        }
    };
    TokenPrincipal {
        id: TokenId(1),
        name: "t".to_owned(),
        permissions: Permissions::highest(owner.kind()),
        owner,
        limits: Limits { only, ..Limits::default() },
        expires: None,
        rights,
        groups: Vec::new(),
        identity: None,
    }
}

/// Every line: whose token, the query, the body, and whether it is within.
const CASES: &[(&str, &str, &str, bool)] = &[
    ("project", "", "", true),
    ("project", "", "{}", true),
    ("project", "fromRepo=TEAM/lib", "", true),
    ("project", "fromRepo=team%2Flib", "", true),
    ("project", "fromRepo=OTHER/lib", "", false),
    ("project", "fromRepo=OTHER%2Flib&x=1", "", false),
    ("project", "from%52epo=OTHER/lib", "", false),
    ("project", "FROMREPO=OTHER/lib", "", false),
    ("project", "fromRepo=TEAM/lib&fromRepo=OTHER/lib", "", false),
    ("project", "fromRepo=TEAM/lib&fromrepo=TEAM/lib", "", false),
    ("project", "fromRepo=42", "", false),
    ("project", "fromRepo=", "", false),
    ("project", "fromRepo", "", false),
    ("project", "fromRepo=TEAM/lib/x", "", false),
    ("project", "fromRepo=TEAM/..", "", false),
    ("project", "fromRepo=%ff", "", false),
    ("repository", "fromRepo=TEAM/lib", "", false),
    ("repository", "fromRepo=TEAM/APP", "", true),
    ("only", "fromRepo=OTHER/lib", "", true),
    ("only", "fromRepo=OTHER/app", "", false),
    ("grants", "fromRepo=OTHER/app", "", true),
    ("grants", "fromRepo=THIRD/app", "", false),
    ("project", "", r#"{"from":{"repository":{"slug":"lib","project":{"key":"TEAM"}}}}"#, true),
    ("project", "", r#"{"from":{"repository":{"slug":"lib","project":{"key":"OTHER"}}}}"#, false),
    ("project", "", r#"{"From":{"Repository":{"slug":"lib","project":{"key":"OTHER"}}}}"#, false),
    ("project", "", r#"{"from":{"repository":{"slug":"lib","project":"OTHER"}}}"#, false),
    (
        "project",
        "",
        r#"{"from":{"repository":{"id":7,"slug":"lib","project":{"key":"TEAM"}}}}"#,
        false,
    ),
    (
        "project",
        "",
        r#"{"from":{"repository":{"slug":"lib","project":{"key":"TEAM","id":3}}}}"#,
        false,
    ),
    ("project", "", r#"{"from":{"repository":{"slug":"lib"}}}"#, false),
    ("project", "", r#"{"from":{"repository":{"slug":7,"project":{"key":"TEAM"}}}}"#, false),
    ("project", "", r#"{"from":{"repository":42}}"#, false),
    ("project", "", r#"{"from":{"repository":[]}}"#, false),
    ("project", "", r#"{"from":[{"repository":42}]}"#, false),
    ("project", "", r#"{"from":null}"#, true),
    ("project", "", r#"{"from":"x"}"#, false),
    ("project", "", "[]", false),
    ("project", "", r#"{"links":[{"repository":"TEAM/a"},{"repository":"TEAM/b"}]}"#, true),
    ("project", "", r#"{"links":[{"repository":"TEAM/a"},{"repository":"OTHER/b"}]}"#, false),
    ("project", "", r#"{"links":{"repository":"TEAM/a"}}"#, false),
    ("project", "", r#"{"name":"App","description":"x"}"#, true),
    ("project", "", r#"{"name":"other"}"#, false),
    ("project", "", r#"{"NAME":"other"}"#, false),
    ("project", "", r#"{"name":["app"]}"#, false),
    ("project", "", r#"{"project":{"key":"team"}}"#, true),
    ("project", "", r#"{"project":{"key":"OTHER"}}"#, false),
    ("grants", "", r#"{"project":{"key":"OTHER"}}"#, false),
    ("project", "", r#"{"sourceId":1}"#, false),
];

/// The same for a fork, of which the project is named.
const FORKS: &[(&str, &str, bool)] = &[
    ("project", r#"{"project":{"key":"TEAM"}}"#, true),
    ("project", r#"{"project":{"key":"OTHER"}}"#, false),
    ("project", r#"{"project":{"key":"~alice"}}"#, false),
    ("project", r#"{"name":"x"}"#, false),
    ("project", r#"{"project":null}"#, false),
    ("project", r#"{"project":{}}"#, false),
    ("project", "", false),
    ("repository", r#"{"project":{"key":"TEAM"}}"#, false),
    ("only", r#"{"project":{"key":"TEAM"}}"#, true),
    ("only", r#"{"project":{"key":"OTHER"}}"#, false),
    ("grants", r#"{"project":{"key":"TEAM"}}"#, true),
    ("grants", r#"{"project":{"key":"OTHER"}}"#, false),
];

/// The same for settings, of which several may come at once.
const SETTINGS: &[(&str, bool)] = &[
    (r#"{"type":"read-only"}"#, true),
    (r#"{"scope":{"resourceId":7}}"#, false),
    (r#"[{"type":"read-only"},{"type":"no-deletes"}]"#, true),
    (r#"[{"type":"read-only"},{"SCOPE":{"resourceId":7}}]"#, false),
    (r#"[[{"scope":{"resourceId":7}}]]"#, false),
    ("[]", true),
    ("7", false),
];
const SCOPE: &[Field] =
    &[Field { at: At::Body("[].scope"), says: Says::Unplaceable, absent: Absent::Within }];

fn judged(owner: &str, fields: &'static [Field], query: &str, body: &str) -> Result<(), Denial> {
    let body =
        (!body.is_empty()).then(|| super::super::super::json::read(body.as_bytes()).expect(body));
    let at = Circumstances {
        now: Timestamp::from_millis(0),
        client: None,
        case: NameCase::Ignore,
        shared_identity: true,
    };
    judge(&who(owner), &intent(fields), Some(query), body.as_ref(), at)
}

#[test]
fn what_is_named_is_within() {
    for (owner, query, body, within) in CASES {
        let judged = judged(owner, FIELDS, query, body);
        assert_eq!(judged.is_ok(), *within, "{owner} {query} {body}: {judged:?}");
    }
    for (owner, body, within) in FORKS {
        let judged = judged(owner, FORK, "", body);
        assert_eq!(judged.is_ok(), *within, "{owner} {body}: {judged:?}");
    }
    for (body, within) in SETTINGS {
        let judged = judged("project", SCOPE, "", body);
        assert_eq!(judged.is_ok(), *within, "{body}: {judged:?}");
    }
    let denial = judged("project", FIELDS, "fromRepo=OTHER/lib", "").expect_err("outside");
    assert_eq!(
        denial.to_string(),
        "`fromRepo` names OTHER/lib: this needs REPO_READ on OTHER/lib; the token belongs to project TEAM \
         and reaches nothing else"
    );
}
