//! What a row says, in words.

use crate::domain::confined::{Absent, At, Field, Says};
use crate::domain::dialect::Entry;
use crate::domain::intent::{Effects, NameEffect};

/// The methods of a row.
pub(super) fn methods(row: &Entry) -> String {
    match row.method {
        "*" => "any".to_owned(),
        "!GET" => "any but GET, HEAD".to_owned(),
        _ => row.methods.join(", "),
    }
}

/// What is looked at in a confined request.
pub(super) fn field(field: &Field) -> String {
    let (place, name) = match field.at {
        At::Query(name) => ("query", name),
        At::Body(name) => ("body", name),
    };
    let says = match field.says {
        Says::Repository => "a repository within the token's scope",
        Says::Project => "a project within the token's scope",
        Says::TargetProject => "a project within the token's scope, with PROJECT_ADMIN there",
        Says::OwnName => "the name that it has, which stays",
        Says::OwnProject => "the project that it is in, where it stays",
        Says::Unplaceable => "nothing: nobody here can tell where that is",
        Says::Exactly(text) => return format!("{place} `{name}`: `{text}`"),
    };
    let absent = match field.absent {
        Absent::Within => "",
        Absent::Outside => "; it must be there",
    };
    format!("{place} `{name}`: {says}{absent}")
}

/// What a request does besides.
pub(super) fn effects(effects: Effects) -> Vec<&'static str> {
    let name = match effects.name {
        NameEffect::Stays => None,
        NameEffect::Ends => Some("ends-name"),
        NameEffect::MayChange => Some("may-rename"),
    };
    let flags = [
        (effects.refs, "writes-refs"),
        (effects.commits, "commits"),
        (effects.outlives, "outlives-token"),
    ];
    flags.into_iter().filter_map(|(on, word)| on.then_some(word)).chain(name).collect()
}
