//! What holds for every row of the tables.

use super::super::super::confined::Confined;
use super::super::super::permission::{Level, Permission};
use super::super::Kind;
use super::operation::Verb;
use super::segment::{Capture, Segment};
use super::*;
use std::collections::BTreeSet;

fn judge(method: &str, path: &str) -> Option<String> {
    match Kind::Bitbucket.classify("", RequestLine { method, path, query: None }) {
        Ok(Classified::Known(intent)) => Some(intent.rule.into_owned()),
        _ => None,
    }
}

/// One path that a row means.
fn sample(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(part).collect();
    let sample = parts.join("/");
    if sample.is_empty() { "/".to_owned() } else { sample }
}

fn part(text: &str) -> String {
    let fixed = match text {
        "{version}" => "latest",
        "{project}" => "KEY",
        "{repo}" => "repo",
        "{id}" | "{comment}" => "17",
        "{hash}" => "0123abcd",
        "{commit}" => "feature-x",
        "{permission}" => "PROJECT_READ",
        "{word}" => "git",
        "{name}" | "{user}" | "{key}" => "some:name",
        "{path}" => "a%3Bfolder/file.",
        "**" => "deep/er",
        "*" => "plugin",
        text => return text.replace("{id}", "17"),
    };
    fixed.to_owned()
}

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Change => "POST",
        Verb::Any => "PATCH",
        verb => verb.name(),
    }
}

#[test]
fn every_row_is_reached_and_none_shadows_another() {
    for row in operations() {
        let path = sample(row.path);
        assert_eq!(judge(method(row.verb), &path).as_deref(), Some(row.name), "{path}");
        let below = row.path.strip_suffix("/**").map(sample);
        if let Some(path) = below.filter(|path| !path.is_empty()) {
            assert_eq!(judge(method(row.verb), &path).as_deref(), Some(row.name), "{path}");
        }
    }
}
