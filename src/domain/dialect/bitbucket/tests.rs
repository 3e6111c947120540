//! What holds for every row of the tables.

use super::super::super::confined::Confined;
use super::super::super::permission::Level;
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
        let personal = path.replace("/projects/KEY/repos", "/users/~alice/repos");
        assert_eq!(judge(method(row.verb), &personal).as_deref(), Some(row.name), "{personal}");
        let below = row.path.strip_suffix("/**").map(sample);
        if let Some(path) = below.filter(|path| !path.is_empty()) {
            assert_eq!(judge(method(row.verb), &path).as_deref(), Some(row.name), "{path}");
        }
    }
}

#[test]
fn names_and_paths_are_rows_of_their_own() {
    let mut names = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for entry in entries() {
        assert!(names.insert(entry.name), "{} stands twice", entry.name);
        assert!(paths.insert((entry.method, entry.path.clone())), "{} twice", entry.path);
    }
}

#[test]
fn what_stands_for_more_than_it_says_only_forbids() {
    for row in operations() {
        let wide = matches!(row.verb, Verb::Change | Verb::Any);
        let segments = || row.path.split('/').filter(|text| !text.is_empty()).map(Segment::new);
        let open =
            segments().any(|s| matches!(s, Segment::Below | Segment::Capture(Capture::Anything)));
        assert!(matches!(row.need, Need::Never(_)) || !(wide || open), "{}", row.name);
        for segment in segments() {
            if let Segment::Literal(text) = segment {
                assert!(!text.contains(['{', '}', '*', '%']), "{}: {text}", row.name);
            }
        }
        let rest = segments().position(|s| matches!(s, Segment::Rest | Segment::Below));
        assert!(rest.is_none_or(|at| at + 1 == segments().count()), "{}", row.name);
    }
}

#[test]
fn the_need_is_what_the_method_implies_or_more() {
    for row in operations() {
        let changes = !matches!(row.verb, Verb::Get);
        let reads = row.note.ends_with("changes nothing");
        let enough = row.need.level().is_none_or(|level| level >= Level::Write);
        assert!(enough || reads || !changes, "{}", row.name);
        let effects = row.effects;
        let harmless = effects == super::super::super::intent::Effects::default();
        assert!(changes || harmless, "{}", row.name);
        assert!(effects.refs || !effects.commits, "{}", row.name);
    }
}

/// A row whose path names neither project nor repository is about the whole host.
#[test]
fn what_names_no_place_is_refused_in_confined_requests() {
    for row in operations().filter(|row| !matches!(row.need, Need::Never(_))) {
        let placed = row.path.contains("/{project}");
        let refused = matches!(row.confined, Confined::Refuse(_));
        assert!(placed || refused || row.name == "host.user", "{}", row.name);
    }
}

#[test]
fn captures_are_as_tight_as_what_bitbucket_puts_there() {
    use Capture::{
        Anything, Commit, Hash, Name, Number, Numbered, Permission, Personal, Project, Version,
        Word,
    };
    let cases = [
        (Version, "latest 1.0 10.12", "Latest 1 1. .1 1.0.0 l%61test 1234.0 v1.0"),
        (
            Project,
            "KEY key K_1-x ~alice ~a.b@c %7Ebob K%45Y",
            "~ 1KEY _K KEY. a%20b ~a/b a%2Fb ~a.git",
        ),
        (Personal, "~a ~a.b %7Ea", "a KEY ~ ~a/b ~a%2Fb ~a.git"),
        (Capture::Repository, "app App-1 a.b_c 1x", "-app .app a%20b a+b app.git %2E a%2Fb"),
        (Number, "0 17 9223372036854775807", "x -1 +1 1.0 %31 99999999999999999999"),
        (Hash, "abcd 0123456789abcdefABCDEF", "abc stats main abcdx"),
        (Commit, "main v1.0 f00d a+b a@b", "a%2Fb a%3Bb a..b a%20b a~1 a^ a:b"),
        (Permission, "PROJECT_READ REPO_ADMIN", "groups users Project_READ"),
        (Word, "git Git-2", "a.b a%20"),
        (Name, "a a%20b com.x:y-z a@b", "a%2Fb a%3Bb a%C3%A4"),
        (Numbered(".diff"), "1.diff", ".diff 1.DIFF x.diff 1.diff.diff"),
        (Anything, "x", ""),
    ];
    for (capture, yes, no) in cases {
        for text in yes.split_whitespace() {
            assert!(capture.admits(text), "{capture:?} {text}");
        }
        for text in no.split_whitespace() {
            assert!(!capture.admits(text), "{capture:?} {text}");
        }
    }
}

/// One segment in another spelling, or another one altogether.
fn twist(segment: &str, how: u8) -> String {
    match how {
        0..24 => segment.to_owned(),
        24 => segment.to_ascii_uppercase(),
        25 => segment.replace('e', "%65").replace('a', "%41"),
        26 => format!("{segment}.json"),
        27 => format!("{segment}%2Fmerge"),
        28 => format!("{segment}/"),
        29 => "credentials".to_owned(),
        30 => "Merge".to_owned(),
        _ => "17".to_owned(),
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]

    /// What is allowed cannot be taken for what is forbidden, however segments are mixed and spelled.
    #[test]
    fn nothing_allowed_reads_like_something_forbidden(
        row in proptest::sample::select(operations().collect::<Vec<_>>()),
        other in proptest::sample::select(operations().collect::<Vec<_>>()),
        method in proptest::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "get"]),
        cut in 0_usize..14,
        twists in proptest::collection::vec(0_u8..32, 24),
    ) {
        let (head, tail) = (sample(row.path), sample(other.path));
        let mixed = head.split('/').skip(1).take(cut).chain(tail.split('/').skip(1 + cut));
        let twisted: Vec<_> = mixed.zip(twists).map(|(segment, how)| twist(segment, how)).collect();
        let path = format!("/{}", twisted.join("/"));
        let line = RequestLine { method, path: &path, query: None };
        if let Ok(Classified::Known(intent)) = Kind::Bitbucket.classify("", line) {
            let row = operations().find(|row| row.name == intent.rule);
            // A row may stand in what is otherwise forbidden as a whole.
            let as_written = row.and_then(|row| NEVER.forbids(method, &sample(row.path)));
            let forbidden = NEVER.forbids(method, &path[..INDEX.find(&path).deciding]);
            let same = forbidden.map(|row| row.name) == as_written.map(|row| row.name);
            let never = matches!(intent.need, Need::Never(_));
            proptest::prop_assert!(
                never || forbidden.is_none() || same, "{method} {path}: {}", intent.rule
            );
        }
    }
}
