//! The dialect of Bitbucket Data Center, by data: what each documented operation needs, and what becomes of
//! other spellings.

mod samples;

use gitlatch::domain::dialect::path::check_token_query;
use gitlatch::domain::dialect::{Classified, Kind, RequestLine, Unclear};
use gitlatch::domain::intent::{Need, Never, Place};

const OPERATIONS: &str = include_str!("data/bitbucket-operations.tsv");
const MEANINGS: &str = include_str!("data/bitbucket-meanings.tsv");
const SPELLINGS: &str = include_str!("data/bitbucket-spellings.tsv");

fn lines(data: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines = data.lines().enumerate().map(|(at, line)| (at + 1, line));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(at, line)| (at, line.split('\t').collect()))
}

fn need(need: Need) -> String {
    let never = match need {
        Need::Never(Never::Merge) => "merge",
        Need::Never(Never::Login) => "login",
        Need::Never(Never::Account) => "account",
        Need::Never(Never::Administration) => "administration",
        Need::Never(Never::Page) => "page",
        need => return need.to_string(),
    };
    format!("never {never}")
}

/// What is made of a request with a token: the need and the place, or why there is none.
fn judge(method: &str, target: &str) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    if query.is_some_and(|query| check_token_query(query).is_err()) {
        return "400".to_owned();
    }
    match Kind::Bitbucket.classify("", RequestLine { method, path, query }) {
        Ok(Classified::Known(intent)) => match (intent.need, &intent.place) {
            (Need::Never(_), _) => need(intent.need),
            (_, Place::Host) => format!("{} on the host", need(intent.need)),
            (_, Place::Project(project)) => format!("{} on {project}", need(intent.need)),
            (_, Place::Repository(path)) => format!("{} on {path}", need(intent.need)),
        },
        Ok(Classified::Unknown) => "unknown".to_owned(),
        Ok(Classified::Own) => "own".to_owned(),
        Err(Unclear::Method { allow }) => format!("405 {allow}"),
        Err(Unclear::Path(_)) => "400".to_owned(),
    }
}

fn place(pattern: &str) -> &'static str {
    match (pattern.contains("{projectKey}"), pattern.contains("{repositorySlug}")) {
        (true, true) => "KEY/my.repo-1",
        (true, false) => "KEY",
        (false, _) => "the host",
    }
}

#[test]
fn every_documented_operation_needs_what_it_should() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (at, fields) in lines(OPERATIONS).chain(lines(MEANINGS)) {
        let [method, pattern, _demanded, expected] = fields[..] else { panic!("line {at}") };
        let expected = match expected {
            never if never.starts_with("never") => never.to_owned(),
            need => format!("{need} on {}", place(pattern)),
        };
        for version in ["latest", "1.0", "2.0"] {
            let target = samples::path(&pattern.replace("/latest/", &format!("/{version}/")));
            let found = judge(method, &target);
            if found != expected {
                wrong.push(format!("{at}: {method} {target}: {found}, not {expected}"));
            }
            if method == "GET" && judge("HEAD", &target) != found {
                wrong.push(format!("{at}: HEAD {target} is not like GET"));
            }
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 280, "{count} operations");
}

#[test]
fn every_spelling_has_its_answer() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (at, fields) in lines(SPELLINGS) {
        let [method, target, expected] = fields[..] else { panic!("line {at}") };
        let target = target.replace("(long)", &"x".repeat(300));
        let found = judge(method, &target);
        if found != expected {
            wrong.push(format!("{at}: {method} {target}: {found}, not {expected}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 150, "{count} spellings");
}

/// Whatever is done to the letters of a forbidden path, it becomes nothing that is allowed.
#[test]
fn no_spelling_of_what_is_forbidden_is_allowed() {
    for (at, fields) in lines(OPERATIONS).chain(lines(MEANINGS)) {
        let [method, pattern, _demanded, expected] = fields[..] else { panic!("line {at}") };
        if !expected.starts_with("never") {
            continue;
        }
        let path = samples::path(pattern);
        for (i, letter) in path.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()) {
            let (before, after) = (&path[..i], &path[i + 1..]);
            for other in [
                format!("%{:02x}", letter as u32),
                format!("%{:02X}", letter.to_ascii_uppercase() as u32),
                letter.to_ascii_uppercase().to_string(),
            ] {
                let target = format!("{before}{other}{after}");
                let found = judge(method, &target);
                assert!(found.starts_with("never"), "{method} {target}: {found}");
            }
        }
        for target in [format!("{path}/"), path.replace('/', "%2F"), format!("{path}.json")] {
            let found = judge(
                method,
                &format!("/{}", target.trim_start_matches("%2F").trim_start_matches('/')),
            );
            assert!(
                ["never", "400", "unknown"].iter().any(|ok| found.starts_with(ok)),
                "{target}: {found}"
            );
        }
    }
}
