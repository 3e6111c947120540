//! An entry as people read it: one line.

use super::json;
use crate::cli::moment;
use crate::domain::timestamp::Timestamp;
use crate::domain::trail::{Entry, Subject};
use crate::manage::is_odd;
use serde_json::{Map, Value};

/// Number, time, event, who, from where, what about, and the details in short words.
pub(super) fn line(entry: &Entry) -> String {
    let Entry { number, event, actor_kind, actor, .. } = entry;
    let who = if actor.is_empty() { actor_kind.clone() } else { format!("{actor_kind} {actor}") };
    let from = entry.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    let told = match (about(&entry.subject), words(&json::details(entry))) {
        (None, details) if details.is_empty() => String::new(),
        (None, details) => format!(": {details}"),
        (Some(about), details) if details.is_empty() => format!(": {about}"),
        (Some(about), details) => format!(": {about} ({details})"),
    };
    let time = moment::second(entry.at);
    visible(&format!("{number:>6}  {time}  {event:<24}  by {who}{from}{told}")) + "\n"
}

fn about(subject: &Subject) -> Option<String> {
    let Subject { token, user, project, repository } = subject;
    let owner = match (user, project, repository) {
        (Some(user), None, _) => Some(format!("user {user}")),
        (user, Some(project), repository) => {
            let place = match repository {
                Some(repository) => format!("repository {project}/{repository}"),
                None => format!("project {project}"),
            };
            Some(user.as_ref().map_or(place.clone(), |user| format!("user {user}, {place}")))
        }
        (None, None, _) => None,
    };
    match (token, owner) {
        (Some(token), Some(owner)) => Some(format!("token {token} of {owner}")),
        (Some(token), None) => Some(format!("token {token}")),
        (None, owner) => owner,
    }
}

/// `name ci, permissions REPO_READ`; of a change what is different: `name ci → nightly`.
fn words(details: &Value) -> String {
    match details {
        Value::Object(fields) if fields.contains_key("refs") && fields.contains_key("count") => {
            pushed(fields)
        }
        Value::Object(fields) => match (fields.get("before"), fields.get("after")) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                changes(before, after).join(", ")
            }
            _ => facts(fields).join(", "),
        },
        Value::Null => String::new(),
        other => value(other),
    }
}

/// The refs of a push: `refs/heads/x made a2295ce`, and of a refused one why.
fn pushed(fields: &Map<String, Value>) -> String {
    let refs = fields.get("refs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let short = |id: String| id.chars().take(7).collect::<String>();
    let none = |id: &str| !id.is_empty() && id.bytes().all(|b| b == b'0');
    let mut told: Vec<String> = refs
        .iter()
        .map(|of| {
            let (name, old, new) = (text(of, "ref"), text(of, "old"), text(of, "new"));
            let what = match (none(&old), none(&new)) {
                (_, true) => format!("{name} deleted, was {}", short(old)),
                (true, false) => format!("{name} made {}", short(new)),
                (false, false) => format!("{name} {} → {}", short(old), short(new)),
            };
            match text(of, "reason").as_str() {
                "" => what,
                reason => format!("{what}: {reason}"),
            }
        })
        .collect();
    let count = fields.get("count").and_then(Value::as_u64).unwrap_or_default();
    if let Some(more) = count.checked_sub(refs.len() as u64).filter(|more| *more > 0) {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut changes = Vec::new();
    for (name, after) in after {
        match (before.get(name), after) {
            (Some(before), after) if before == after => {}
            (Some(Value::Object(before)), Value::Object(after)) => {
                let below = self::changes(before, after).into_iter();
                changes.extend(below.map(|change| format!("{} {change}", spoken(name))));
            }
            (before, after) => {
                let before = before.map_or("none".to_owned(), |before| dated(name, before));
                changes.push(format!("{} {before} → {}", spoken(name), dated(name, after)));
            }
        }
    }
    changes
}

fn facts(fields: &Map<String, Value>) -> Vec<String> {
    let told = fields.iter().filter(|(_, value)| !value.is_null());
    told.map(|(name, of)| match of {
        Value::Bool(true) => spoken(name),
        Value::Bool(false) => format!("not {}", spoken(name)),
        Value::Object(_) => format!("{} {}", spoken(name), words(of)),
        of => format!("{} {}", spoken(name), dated(name, of)),
    })
    .collect()
}

/// `expiryDate` as `expiry date`.
fn spoken(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

fn dated(name: &str, of: &Value) -> String {
    match of.as_i64() {
        Some(at) if name.ends_with("Date") => moment::second(Timestamp::from_millis(at)),
        _ => value(of),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(self::value).collect::<Vec<_>>().join(" "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Names and texts come from outside: nothing that a terminal obeys is printed as it is.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if is_odd(c) {
            visible.extend(c.escape_unicode());
        } else {
            visible.push(c);
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::TokenId;

    #[test]
    fn lines() {
        let cases = [(
            "{}",
            "     7  1970-01-01 00:00:01 UTC  token.edited              by user alice from ::1: token 3 of user bob\n",
        )];
        let entry = Entry {
            number: 7,
            at: Timestamp::from_millis(1000),
            event: "token.edited".to_owned(),
            actor_kind: "user".to_owned(),
            actor: "alice".to_owned(),
            from: Some("::1".to_owned()),
            subject: Subject {
                token: Some(TokenId(3)),
                user: Some("bob".to_owned()),
                ..Subject::default()
            },
            details: String::new(),
        };
        for (details, expected) in cases {
            assert_eq!(line(&Entry { details: details.to_owned(), ..entry.clone() }), expected);
        }
    }

    #[test]
    fn details_in_short_words() {
        let cases = [
            ("null", ""),
            ("{}", ""),
            (
                r#"{"request":"x","count":3,"refs":[{"ref":"refs/heads/a","old":"000","new":"1234567890"},
                    {"ref":"refs/heads/b","old":"abcdefabc","new":"1234567890","reason":"no"}]}"#,
                "refs/heads/a made 1234567; refs/heads/b abcdefa → 1234567: no; and 1 more",
            ),
            (
                r#"{"name":"ci","permissions":["REPO_READ"],"expiryDate":null}"#,
                "name ci, permissions REPO_READ",
            ),
            (
                r#"{"expiryDate":0,"noDelete":true,"revokedTokens":[]}"#,
                "expiry date 1970-01-01 00:00:00 UTC, no delete, revoked tokens none",
            ),
            (
                r#"{"before":{"name":"a","permissions":["REPO_READ"]},"after":{"name":"b","permissions":["REPO_READ"]}}"#,
                "name a → b",
            ),
            (
                r#"{"before":{"a":{"user":["X"],"project":[]}},"after":{"a":{"user":["Y","Z"],"project":[]}}}"#,
                "a user X → Y Z",
            ),
            (
                r#"{"before":null,"after":{"scheme":"basic","username":"bot"}}"#,
                "after scheme basic, username bot",
            ),
            (r#"{"before":{"email":""},"after":{"email":"a@b"}}"#, "email none → a@b"),
            (r#""text""#, "text"),
        ];
        for (details, expected) in cases {
            assert_eq!(words(&serde_json::from_str(details).expect(details)), expected);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(visible("a\u{1b}[2J\u{202e}\n→"), r"a\u{1b}[2J\u{202e}\u{a}→");
    }
}
