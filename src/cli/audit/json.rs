//! An entry as programs read it.

use crate::cli::moment;
use crate::domain::trail::Entry;
use crate::manage::is_odd;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;

/// The names are a contract.
#[derive(Serialize)]
struct EntryJson<'a> {
    number: i64,
    /// RFC 3339, in UTC.
    time: String,
    /// The same in milliseconds since the epoch.
    at: i64,
    event: &'a str,
    actor: ActorJson<'a>,
    from: Option<&'a str>,
    token: Option<String>,
    user: Option<&'a str>,
    project: Option<&'a str>,
    repository: Option<&'a str>,
    details: Value,
}

#[derive(Serialize)]
struct ActorJson<'a> {
    kind: &'a str,
    /// Null for the program itself and for nobody.
    name: Option<&'a str>,
}

/// One object, and the end of its line.
pub(super) fn line(entry: &Entry) -> String {
    let subject = &entry.subject;
    let json = EntryJson {
        number: entry.number,
        time: moment::exact(entry.at),
        at: entry.at.as_millis(),
        event: &entry.event,
        actor: ActorJson {
            kind: &entry.actor_kind,
            name: Some(entry.actor.as_str()).filter(|name| !name.is_empty()),
        },
        from: entry.from.as_deref(),
        token: subject.token.map(|id| id.to_string()),
        user: subject.user.as_deref(),
        project: subject.project.as_deref(),
        repository: subject.repository.as_deref(),
        details: details(entry),
    };
    // No value in it can fail: all keys are texts.
    let text = serde_json::to_string(&json).unwrap_or_default();
    format!("{}\n", escaped(&text))
}

/// What the entry says beside the rest, or the text of it where it is no JSON.
pub(super) fn details(entry: &Entry) -> Value {
    let text = || Value::String(entry.details.clone());
    serde_json::from_str(&entry.details).unwrap_or_else(|_| text())
}

/// JSON itself escapes only half of what a terminal obeys. Outside of strings there is none of it.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_odd(c) {
            // Writing into a text does not fail. None of them lies beyond four digits.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        let value = Value::String("a\u{1b}\u{9b}2J\u{202e}\u{7f}\"é".to_owned());
        let text = escaped(&value.to_string());
        assert_eq!(text, r#""a\u001b\u009b2J\u202e\u007f\"é""#);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }
}
