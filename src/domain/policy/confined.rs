//! What a confined request names besides its path, held to the scope of its token.
//!
//! The row of the dialect says which fields of query and body name something. What cannot be placed counts
//! as outside, and so does a target that is left out where the host would choose one.

use super::super::confined::{Absent, At, Confined, Field, Says};
use super::super::dialect::path::parameter;
use super::super::intent::{Intent, NameEffect, Need, Place};
use super::super::names::{NameCase, ProjectPath, RepoName, RepoPath};
use super::super::permission::{Level, Permission};
use super::super::principal::TokenPrincipal;
use super::decide::{Circumstances, permitted};
use super::denial::{Asked, Denial};
use serde_json::Value;

/// Whether the body has to be read for it.
#[must_use]
pub fn looks_at_body(intent: &Intent) -> bool {
    in_the_body(intent).next().is_some()
}

/// Whether a body has to be read to see whether it moves a repository to another project, which takes
/// administration of that: the host asks for it, and of its person.
#[must_use]
pub fn may_move(who: &TokenPrincipal, intent: &Intent) -> bool {
    let administers = who.permissions.contain(Permission::Project(Level::Admin));
    intent.effects.name == NameEffect::MayChange
        && intent.place.repository().is_some()
        && !administers
}

/// Holds a token that administers no projects to the project that the repository is in.
///
/// # Errors
/// When the body names another one.
pub fn stays_in_project(
    who: &TokenPrincipal,
    intent: &Intent,
    body: Option<&Value>,
    at: Circumstances,
) -> Result<(), Denial> {
    const PROJECT: Field =
        Field { at: At::Body("project"), says: Says::OwnProject, absent: Absent::Within };
    judge_fields([&PROJECT].into_iter(), who, intent, (None, body), at).map_err(|_elsewhere| {
        let asked = Need::Permission(Permission::Project(Level::Admin));
        let have = who.permissions.to_string();
        Denial::Permission { asked: Asked::elsewhere(asked), have }
    })
}

/// Holds what a confined request names in its query and body to what its token may reach. `body` is what
/// it is as JSON; without one all its fields are absent.
///
/// # Errors
/// [`Denial::Confined`], naming the field.
pub fn judge(
    who: &TokenPrincipal,
    intent: &Intent,
    query: Option<&str>,
    body: Option<&Value>,
    at: Circumstances,
) -> Result<(), Denial> {
    judge_fields(fields(intent).iter(), who, intent, (query, body), at)
}

/// The same for the query alone, where the body is not at hand.
///
/// # Errors
/// [`Denial::Confined`], naming the field.
pub fn judge_query(
    who: &TokenPrincipal,
    intent: &Intent,
    query: Option<&str>,
    at: Circumstances,
) -> Result<(), Denial> {
    let in_query = fields(intent).iter().filter(|field| matches!(field.at, At::Query(_)));
    judge_fields(in_query, who, intent, (query, None), at)
}

/// The fields of the body that are looked at.
pub fn in_the_body(intent: &Intent) -> impl Iterator<Item = &'static str> {
    fields(intent).iter().filter_map(|field| match field.at {
        At::Body(path) => Some(path),
        At::Query(_) => None,
    })
}

fn judge_fields<'a>(
    fields: impl Iterator<Item = &'a Field>,
    who: &TokenPrincipal,
    intent: &Intent,
    (query, body): (Option<&str>, Option<&Value>),
    at: Circumstances,
) -> Result<(), Denial> {
    for field in fields {
        let (name, found) = match field.at {
            At::Query(name) => (name, in_query(query.unwrap_or_default(), name)),
            At::Body(path) => (path, in_body(body, path)),
        };
        let refused = |why: String| Denial::Confined { text: format!("`{name}` {why}") };
        let values = found.map_err(refused)?;
        if values.is_empty() && field.absent == Absent::Outside {
            let text =
                "is left out, and the host would choose for it: name what this token may reach";
            return Err(refused(text.to_owned()));
        }
        for value in values {
            // Texts stand in queries; a host that wants an object would find none in a text.
            let named = matches!(field.says, Says::Repository | Says::OwnRepository)
                || matches!(field.says, Says::TargetProject | Says::OwnProject);
            if matches!(field.at, At::Body(_)) && named && !value.is_object() {
                return Err(refused(NO_OBJECT.to_owned()));
            }
            placed(who, intent, field.says, &value, at).map_err(refused)?;
        }
    }
    Ok(())
}

fn fields(intent: &Intent) -> &'static [Field] {
    match intent.confined {
        Confined::Check(fields) => fields,
        Confined::Pass | Confined::Refuse(_) => &[],
    }
}

/// The value of a parameter, which may be there once.
fn in_query(query: &str, name: &'static str) -> Result<Vec<Value>, String> {
    let found = parameter(query, name).map_err(|_fault| "stands in the query twice")?;
    Ok(found.map(|value| Value::from(value.into_owned())).into_iter().collect())
}

/// The values at a path of members; `null` is the same as nothing. A path that begins with `[]` goes through
/// each of a list, or through what is no list.
fn in_body(body: Option<&Value>, path: &str) -> Result<Vec<Value>, String> {
    let Some(body) = body else { return Ok(Vec::new()) };
    let mut values = vec![body];
    for step in path.split('.') {
        let (step, list) = step.strip_suffix("[]").map_or((step, false), |step| (step, true));
        let mut next = Vec::new();
        for value in values {
            if list && step.is_empty() {
                next.extend(value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
                continue;
            }
            let Value::Object(members) = value else {
                return Err("stands in what is no object".to_owned());
            };
            // A host that tells names apart by case would find none, and choose by itself.
            if members.keys().any(|name| name != step && name.eq_ignore_ascii_case(step)) {
                return Err("is spelled in another case".to_owned());
            }
            match members.get(step) {
                None | Some(Value::Null) => {}
                Some(Value::Array(items)) if list => next.extend(items),
                Some(_) if list => return Err("is no list".to_owned()),
                Some(member) => next.push(member),
            }
        }
        values = next;
    }
    Ok(values.into_iter().cloned().collect())
}

/// Whether what is named is within the token's reach; why not.
fn placed(
    who: &TokenPrincipal,
    intent: &Intent,
    says: Says,
    value: &Value,
    at: Circumstances,
) -> Result<(), String> {
    let (need, place) = match says {
        Says::Repository => {
            let need = Need::Permission(Permission::Repository(Level::Read));
            (need, Place::Repository(repository(value)?))
        }
        Says::TargetProject => {
            let need = Need::Permission(Permission::Project(Level::Admin));
            (need, Place::Project(project(value)?))
        }
        Says::OwnName => return stays(&intent.place, value, at.case),
        Says::OwnProject => {
            let named = project(value)?;
            return only(intent.place.project(), named.as_str(), at.case);
        }
        Says::OwnRepository => {
            let named = repository(value)?;
            return only(intent.place.repository().map(RepoPath::as_str), named.as_str(), at.case);
        }
        Says::Exactly(text) => {
            let same = value.as_str().is_some_and(|given| given.eq_ignore_ascii_case(text));
            return if same {
                Ok(())
            } else {
                Err(format!("is not `{text}`, and reaches further"))
            };
        }
        Says::Unplaceable => {
            return Err("names something by an id, which cannot be held to a scope".to_owned());
        }
    };
    permitted(who, need, &place, at).map_err(|denial| format!("names {place}: {denial}"))
}

/// Whether what is named is the place itself.
fn only(own: Option<&str>, named: &str, case: NameCase) -> Result<(), String> {
    match own {
        Some(own) if case.equal(own, named) => Ok(()),
        Some(own) => Err(format!("names {named}: with this token it is {own}")),
        None => Err(format!("names {named}: leave it out")),
    }
}

/// Whether the name is that which the place has.
fn stays(place: &Place, value: &Value, case: NameCase) -> Result<(), String> {
    let own = match place {
        Place::Host => None,
        Place::Project(path) => Some(path.as_str()),
        Place::Repository(path) => Some(path.name()),
    };
    let same = value.as_str().zip(own).is_some_and(|(named, own)| case.equal(named, own));
    if same {
        return Ok(());
    }
    Err(format!(
        "is not {}, the name by which tokens belong to it: leave it out, or have a person rename it",
        own.unwrap_or_default()
    ))
}

const NO_OBJECT: &str =
    "is no object: name a repository by `slug` and `project.key`, a project by `key`";
const UNPLACEABLE: &str = "is neither KEY/slug nor an object with `slug` and `project.key`";

fn repository(value: &Value) -> Result<RepoPath, String> {
    let (key, slug) = match value {
        Value::String(text) => {
            let (key, slug) = text.split_once('/').ok_or(UNPLACEABLE)?;
            (key.to_owned(), slug.to_owned())
        }
        Value::Object(members) => {
            let member = |name: &str| one(members, name);
            by_name_only(members)?;
            let project = member("project").filter(|project| project.is_object());
            let key = project_key(project.ok_or(UNPLACEABLE)?)?;
            let slug = member("slug").and_then(Value::as_str).ok_or(UNPLACEABLE)?;
            (key, slug.to_owned())
        }
        _ => return Err(UNPLACEABLE.to_owned()),
    };
    let project = ProjectPath::new(&key).map_err(|error| error.to_string())?;
    let slug = RepoName::new(&slug).map_err(|error| error.to_string())?;
    if key.contains('/') || project.is_root() {
        return Err(UNPLACEABLE.to_owned());
    }
    Ok(RepoPath::new(&project, &slug))
}

fn project(value: &Value) -> Result<ProjectPath, String> {
    let key = project_key(value)?;
    let path = ProjectPath::new(&key).map_err(|error| error.to_string())?;
    if key.contains('/') { Err("is no key of a project".to_owned()) } else { Ok(path) }
}

fn project_key(value: &Value) -> Result<String, String> {
    const WHY: &str = "names no project by its `key`";
    let key = match value {
        Value::String(key) => Some(key.as_str()),
        Value::Object(members) => {
            by_name_only(members)?;
            one(members, "key").and_then(Value::as_str)
        }
        _ => None,
    };
    key.map(str::to_owned).ok_or_else(|| WHY.to_owned())
}

/// Nobody here knows what a number stands for, and a host may go by it rather than by the name beside it.
fn by_name_only(members: &serde_json::Map<String, Value>) -> Result<(), String> {
    match one(members, "id") {
        None => Ok(()),
        Some(_) => Err("names something by its `id`; leave that out and name it".to_owned()),
    }
}

fn one<'a>(members: &'a serde_json::Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

#[cfg(test)]
#[path = "confined_tests.rs"]
mod tests;
