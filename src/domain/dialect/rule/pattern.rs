//! Patterns of paths, read in two ways: byte for byte, and as the most lenient host would.

use super::super::path::{decode, without_extension};
use crate::domain::intent::Place;
use crate::domain::names::{ProjectPath, RepoName, RepoPath};
use std::fmt;

/// Why a text is no pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern of paths: {why}")]
pub struct PathPatternError {
    text: String,
    why: &'static str,
}

/// A pattern of paths: segments between slashes, in which `*` stands for anything within a segment, `{name}`
/// for one segment, and `**`, as the last, for all that follows. `{project}` and `{repo}` tell where the
/// request acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// A text in which `*` stands for anything.
    Text(String),
    Project,
    Repository,
    /// Any one.
    Any,
    /// All that follow, at least one.
    Rest,
}

/// How segments are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Byte for byte.
    Exact,
    /// As the most lenient host would read it.
    Loose,
}

impl Reading {
    fn matches(self, text: &str, given: &str) -> bool {
        if self == Self::Exact {
            return wildcard(text.as_bytes(), given.as_bytes(), false);
        }
        // Numbers are the same with zeros and a sign in front.
        let number = |text: &str| {
            let digits = text.trim_start_matches('+');
            let digits = Some(digits).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
            Some(digits.trim_start_matches('0').to_owned()).filter(|_| !digits.is_empty())
        };
        [given, &decode(given)].into_iter().any(|given| {
            wildcard(text.as_bytes(), given.as_bytes(), true)
                || (is_version(text) && is_version(given))
                || number(text).is_some_and(|own| number(given) == Some(own))
        })
    }
}

/// `latest` or `1.0`: the versions of an API, of which most hosts serve several.
fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.eq_ignore_ascii_case("latest")
        || text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

/// The path without the `/scm` that Git paths may have in front.
fn without_scm(path: &str) -> Option<&str> {
    let (scm, rest) = path.split_at_checked(4)?;
    (scm.eq_ignore_ascii_case("/scm") && rest.starts_with('/')).then_some(rest)
}

impl PathPattern {
    /// Longest pattern, in bytes.
    pub const MAX: usize = 512;

    /// Reads a pattern.
    ///
    /// # Errors
    /// When it does not begin with a slash, has empty segments, or `**` before its end.
    pub fn new(text: &str) -> Result<Self, PathPatternError> {
        let fault = |why| Err(PathPatternError { text: text.to_owned(), why });
        let Some(local) = text.strip_prefix('/') else {
            return fault("it begins with a slash, behind the path of public_url");
        };
        if text.len() > Self::MAX {
            return fault("it is longer than 512 bytes");
        }
        if text.bytes().any(|b| !(0x21..0x7f).contains(&b) || b"\\;%?#".contains(&b)) {
            return fault("it has a character that stands in no path (write escaped ones as `*`)");
        }
        let mut segments = Vec::new();
        for segment in local.split('/') {
            if matches!(segments.last(), Some(Segment::Rest)) {
                return fault("`**` is its last segment");
            }
            segments.push(match segment {
                "" | "." | ".." => return fault("it has an empty, `.` or `..` segment"),
                "**" => Segment::Rest,
                "{project}" => Segment::Project,
                "{repo}" => Segment::Repository,
                _ if segment.starts_with('{') && segment.ends_with('}') => Segment::Any,
                _ if segment.contains("**") || segment.contains(['{', '}']) => {
                    return fault("`**` and `{name}` are segments of their own");
                }
                _ => Segment::Text(segment.to_owned()),
            });
        }
        let count = |of: &Segment| segments.iter().filter(|segment| *segment == of).count();
        let (projects, repositories) = (count(&Segment::Project), count(&Segment::Repository));
        if projects > 1 || repositories > 1 || repositories > projects {
            return fault("it has `{project}` once at most, and `{repo}` once and beside it");
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// Whether it tells in which project a request acts.
    #[must_use]
    pub fn names_a_project(&self) -> bool {
        self.segments.contains(&Segment::Project)
    }

    /// Whether it names a part of a host's REST API, `/rest/PART/…`, so that what it opens is somebody's to
    /// vouch for.
    #[must_use]
    pub fn names_a_part(&self) -> bool {
        let literal = |at: usize| match self.segments.get(at) {
            Some(Segment::Text(text)) if !text.contains('*') => Some(text.as_str()),
            _ => None,
        };
        literal(0) == Some("rest") && literal(1).is_some() && self.segments.len() > 2
    }

    /// The place that a path names, if the pattern matches it exactly; `None` where it does not.
    pub(super) fn place(&self, path: &str) -> Option<Place> {
        let found = self.captures(path, Reading::Exact)?;
        let project = found.project.map(|key| ProjectPath::new(&decode(key)));
        let repository = found.repository.map(|slug| RepoName::new(&decode(slug)));
        match (project, repository) {
            (None, _) => Some(Place::Host),
            (Some(project), None) => project.ok().map(Place::Project),
            (Some(project), Some(name)) => {
                Some(Place::Repository(RepoPath::new(&project.ok()?, &name.ok()?)))
            }
        }
    }

    /// Whether some reading of the path matches: each segment raw or decoded, in any case, with or without a
    /// slash or the name of a format at its end, by any version of an API, with or without `/scm`, and a
    /// personal repository below its project or its user.
    pub(super) fn catches(&self, path: &str) -> bool {
        let decoded = decode(path);
        let spelled = [path, &decoded];
        let named: Vec<String> = spelled.into_iter().filter_map(named_otherwise).collect();
        let views = spelled.into_iter().chain(named.iter().map(String::as_str));
        let views = views.flat_map(|view| [Some(view), without_scm(view)]);
        let views = views.flatten().map(|view| view.strip_suffix('/').unwrap_or(view));
        let mut views = views.flat_map(|view| [Some(view), without_extension(view)]).flatten();
        views.any(|view| self.captures(view, Reading::Loose).is_some())
    }

    fn captures<'a>(&self, path: &'a str, reading: Reading) -> Option<Captures<'a>> {
        let mut found = Captures::default();
        let mut rest = path.strip_prefix('/')?.split('/');
        for segment in &self.segments {
            let given = rest.next().filter(|given| !given.is_empty())?;
            match segment {
                Segment::Rest => return Some(found),
                Segment::Any => {}
                Segment::Project => found.project = Some(given),
                Segment::Repository => found.repository = Some(given),
                Segment::Text(text) => {
                    if !reading.matches(text, given) {
                        return None;
                    }
                }
            }
        }
        rest.next().is_none().then_some(found)
    }
}

#[derive(Default)]
struct Captures<'a> {
    project: Option<&'a str>,
    repository: Option<&'a str>,
}

/// The other path of what belongs to a personal repository, which Bitbucket has below `projects/~slug/repos`
/// and `users/~slug/repos`.
fn named_otherwise(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = path.split('/').collect();
    let [_, _, _, _, kind, owner, repos, ..] = segments.as_mut_slice() else { return None };
    if !repos.eq_ignore_ascii_case("repos") {
        return None;
    }
    let slug = owner.strip_prefix('~');
    let project = format!("~{}", slug.unwrap_or(owner));
    if kind.eq_ignore_ascii_case("users") {
        (*kind, *owner) = ("projects", &project);
    } else if kind.eq_ignore_ascii_case("projects") && slug.is_some() {
        *kind = "users";
    } else {
        return None;
    }
    Some(segments.join("/"))
}

/// Matches a segment by going on from the last `*`, in any case where case does not count.
fn wildcard(pattern: &[u8], text: &[u8], any_case: bool) -> bool {
    let same = |a: u8, b: u8| a == b || any_case && a.eq_ignore_ascii_case(&b);
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| same(*c, text[t])) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_paths() {
        for good in
            ["/rest/keys/**", "/a", "/rest/*/x*y/{project}/{repo}/{id}", "/**", "/{project}"]
        {
            assert!(PathPattern::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "rest",
            "/",
            "//a",
            "/a/",
            "/**/a",
            "/a**",
            "/a/../b",
            "/a{b}",
            "/{repo}",
            "/a?b",
            "/a%2Fb",
            "/{project}/{project}",
            "/ä",
            "/a b",
            "/a;b",
        ] {
            assert!(PathPattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places_of_exact_paths() {
        let cases = [
            (
                "/rest/x/1.0/projects/{project}/repos/{repo}/y",
                "/rest/x/1.0/projects/P/repos/r/y",
                "P/r",
            ),
            ("/rest/x/{project}", "/rest/x/~alice", "project ~alice"),
            ("/rest/x/**", "/rest/x/y/z", "the host"),
            ("/rest/x/**", "/rest/x", "-"),
            ("/rest/x/*-y", "/rest/x/a-b-y", "the host"),
            ("/rest/x/*-y", "/rest/x/a-yy", "-"),
            ("/rest/x", "/rest/X", "-"),
            ("/rest/x", "/rest/x/", "-"),
            ("/rest/x", "/rest/%78", "-"),
            ("/rest/{project}", "/rest/a%2Fb", "project a/b"),
        ];
        for (pattern, path, expected) in cases {
            let place = PathPattern::new(pattern).expect(pattern).place(path);
            let place = place.map_or_else(|| "-".to_owned(), |place| place.to_string());
            assert_eq!(place, expected, "{pattern} {path}");
        }
    }
}
