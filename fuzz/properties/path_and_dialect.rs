//! The first line of a request, put to every dialect.

use gitlatch::domain::dialect::{Classified, Kind, RequestLine};
use gitlatch::domain::intent::Place;
use percent_encoding::percent_decode_str;

/// `METHOD TARGET`, or a target alone, which is got. What is understood names its repository in the bytes
/// that are sent on, and HEAD follows GET.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (method, target) = text.split_once(' ').unwrap_or(("GET", text));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    for kind in Kind::ALL {
        for prefix in ["", "/git"] {
            let line = |method| RequestLine { method, path, query };
            let _ = kind.voice(prefix, path);
            let by_get = shown(kind.classify(prefix, line("GET")).as_ref().ok());
            let by_head = shown(kind.classify(prefix, line("HEAD")).as_ref().ok());
            assert_eq!(by_get, by_head, "HEAD follows GET");
            let Ok(Classified::Known(intent)) = kind.classify(prefix, line(method)) else {
                continue;
            };
            nothing_reads_otherwise(path);
            if kind.name() != "git" {
                continue;
            }
            let Place::Repository(repository) = &intent.place else {
                panic!("Git paths are about repositories: {intent:?}")
            };
            let local = path.strip_prefix(prefix).expect("the prefix is in front");
            let folder = decoded(&local[..intent.service]);
            let folder =
                folder.strip_prefix("/scm").filter(|rest| rest.starts_with('/')).unwrap_or(&folder);
            let named = match repository.project() {
                "-" => format!("/{}.git", repository.name()),
                project => format!("/{project}/{}.git", repository.name()),
            };
            assert_eq!(folder, named, "what is judged is what is sent on");
        }
    }
}

fn shown(what: Option<&Classified>) -> String {
    match what {
        Some(Classified::Known(intent)) => {
            format!("{:?} {} {}", intent.action, intent.place, intent.need)
        }
        other => format!("{other:?}"),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decoded once or twice, what was understood has no segment that another reader would take for none, and
/// no byte that ends a line or a path. The control characters beyond ASCII are bytes of names like others.
fn nothing_reads_otherwise(path: &str) {
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{path:?}");
    let once = decoded(path);
    for view in [path, &once, &decoded(&once)] {
        let mut segments =
            view.strip_prefix('/').expect("a slash is in front").split('/').peekable();
        while let Some(segment) = segments.next() {
            let odd =
                matches!(segment, "." | "..") || (segment.is_empty() && segments.peek().is_some());
            assert!(!odd, "{path:?} as {view:?}");
        }
        assert!(!view.chars().any(|c| c.is_ascii_control() || c == '\\'), "{path:?} as {view:?}");
    }
}
