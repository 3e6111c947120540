//! The operator's own rules (`[[rule]]`), which add to a dialect's table or tighten it.
//!
//! A rule that denies catches every spelling of what it names. A rule that allows matches exactly, can raise
//! what a known request needs, and can open a path that the table does not know; it opens nothing that no
//! token may do, in whatever spelling.

use super::path::{check_deciding, decode, without_extension};
use super::{Classified, Kind, RequestLine, Unclear};
use crate::domain::intent::{Action, Also, Body, Confined, Effects, Intent, Need, Place, Voice};
use crate::domain::names::{ProjectPath, RepoName, RepoPath};
use crate::domain::permission::{Level, Permission};
use crate::domain::policy::Denial;
use std::fmt;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its number in the file, from 1 on.
    pub number: usize,
    /// The methods, in upper case; empty is every one. GET stands for HEAD as well.
    pub methods: Vec<String>,
    /// The paths, behind the prefix of the public URL.
    pub path: PathPattern,
    /// What it says of them.
    pub verdict: RuleVerdict,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleVerdict {
    /// Tokens with this permission may.
    Allow {
        /// The permission.
        need: Permission,
        /// A confined request may as well: the operator vouches that nothing but the path names what it is
        /// about.
        confined: bool,
    },
    /// No token may, for this reason.
    Deny(String),
}

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
    fn place(&self, path: &str) -> Option<Place> {
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
    fn catches(&self, path: &str) -> bool {
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

impl Rule {
    /// What it is called: `[[rule]] 2`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("[[rule]] {}", self.number)
    }

    fn has_method(&self, method: &str) -> bool {
        let get = |own: &String| own == "GET" && method.eq_ignore_ascii_case("HEAD");
        self.methods.is_empty()
            || self.methods.iter().any(|own| own.eq_ignore_ascii_case(method) || get(own))
    }
}

/// Refuses a request that a rule denies. `path` is the path behind the prefix.
///
/// # Errors
/// The first rule that does.
pub fn refuse_denied(rules: &[Rule], method: &str, path: &str) -> Result<(), Denial> {
    match denying(rules, method, path) {
        None => Ok(()),
        Some((rule, reason)) => Err(Denial::Rule { name: rule.name(), reason: reason.to_owned() }),
    }
}

fn denying<'a>(rules: &'a [Rule], method: &str, path: &str) -> Option<(&'a Rule, &'a str)> {
    rules.iter().find_map(|rule| match &rule.verdict {
        RuleVerdict::Deny(reason) if rule.has_method(method) && rule.path.catches(path) => {
            Some((rule, reason.as_str()))
        }
        RuleVerdict::Deny(_) | RuleVerdict::Allow { .. } => None,
    })
}

/// Understands a request, whose path has the prefix in front: by the table of this kind of host, and by the
/// rules that allow.
///
/// # Errors
/// When no reading of it, or more than one, is possible; or when the path lacks the method.
pub fn classify(
    rules: &[Rule],
    kind: Kind,
    prefix: &str,
    line: RequestLine<'_>,
) -> Result<Classified, Unclear> {
    let what = kind.classify(prefix, line);
    if rules.is_empty() { what } else { allowing(rules, kind, prefix, line, what) }
}

/// What the rules that allow make of what the dialect has understood: a known request may need more, an
/// unknown one may become known. What is unclear stays so, unless a rule opens a method that a path lacks.
fn allowing(
    rules: &[Rule],
    kind: Kind,
    prefix: &str,
    line: RequestLine<'_>,
    what: Result<Classified, Unclear>,
) -> Result<Classified, Unclear> {
    let Some(local) = line.path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')) else {
        return what;
    };
    let allows = |rule: &&Rule| {
        matches!(rule.verdict, RuleVerdict::Allow { .. }) && rule.has_method(line.method)
    };
    match what {
        Ok(Classified::Known(mut intent)) => {
            // Tightened is every spelling; a rule that could open it matches exactly.
            for rule in rules.iter().filter(allows).filter(|rule| rule.path.catches(local)) {
                if let RuleVerdict::Allow { need, .. } = rule.verdict {
                    intent.also.push(Also { need: Need::Permission(need), rule: rule.name() });
                }
            }
            Ok(Classified::Known(intent))
        }
        Ok(Classified::Unknown) | Err(Unclear::Method { .. }) => {
            let mut opening = rules.iter().filter(allows);
            match opening.find_map(|rule| opened(rule, kind, local, line.method)) {
                Some(intent) => Ok(Classified::Known(Box::new(intent))),
                None => what,
            }
        }
        other => other,
    }
}

/// The intent of a request that a rule opens, if it may.
fn opened(rule: &Rule, kind: Kind, path: &str, method: &str) -> Option<Intent> {
    let RuleVerdict::Allow { need, confined } = rule.verdict else { return None };
    let opens = kind != Kind::Git
        && rule.path.names_a_part()
        && check_deciding(path).is_ok()
        && !forbidden(kind, path);
    // A method that nobody knows means nothing here that anybody could vouch for.
    let known = METHODS.contains(&method);
    let place = rule.path.place(path).filter(|_| opens && known)?;
    let reads = matches!(method, "GET" | "HEAD");
    let least = if reads { need } else { need.at_least(Level::Write) };
    let refuse = Confined::Refuse("this is opened by a rule of the operator's");
    Some(Intent {
        action: if reads { Action::Read } else { Action::Write },
        place,
        need: Need::Permission(least),
        also: Vec::new(),
        voice: Voice::Rest,
        body: if reads { Body::None } else { Body::OneOf(&["application/json"]) },
        confined: if confined { Confined::Pass } else { refuse },
        // What nobody here knows may write refs.
        effects: Effects { refs: !reads, ..Effects::default() },
        rule: rule.name().into(),
        service: 0,
    })
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];

/// Words of what no token may do, in parts of paths that nobody here knows.
const WORDS: [&str; 20] = [
    "merge",
    "rebase",
    "synchroni",
    "login",
    "logout",
    "oauth",
    "saml",
    "session",
    "password",
    "admin",
    "credential",
    "token",
    "authenticat",
    "authoriz",
    "signin",
    "sign-in",
    "impersonat",
    "ssh",
    "gpg",
    "account",
];

/// Whether some reading of the path may be something that the table has, of whatever method, or sounds like
/// what no token may do. Its own spelling may lack a method that no row forbids.
fn forbidden(kind: Kind, path: &str) -> bool {
    let lower = decode(path).to_ascii_lowercase();
    let sounds = |segment: &str| {
        (WORDS.iter().any(|word| segment.contains(word)) && segment != "merge-base")
            || segment.starts_with("j_")
            || segment == "sso"
    };
    if !lower.starts_with("/rest/") || lower.split('/').any(sounds) {
        return true;
    }
    let of = |method| kind.classify("", RequestLine { method, path, query: None });
    let lacks = METHODS.into_iter().any(|method| matches!(of(method), Err(Unclear::Method { .. })));
    let never = METHODS.into_iter().any(|method| match of(method) {
        Ok(Classified::Known(intent)) => matches!(intent.need, Need::Never(_)),
        Ok(Classified::Own) | Err(Unclear::Path(_)) => true,
        Ok(Classified::Unknown) | Err(Unclear::Method { .. }) => false,
    });
    never || !lacks && kind.resembles(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(methods: &str, path: &str, verdict: RuleVerdict) -> Rule {
        Rule {
            number: 1,
            methods: methods.split_whitespace().map(str::to_owned).collect(),
            path: PathPattern::new(path).expect(path),
            verdict,
        }
    }

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

    #[test]
    fn what_denies_catches_every_spelling() {
        let deny = [rule("POST", "/rest/keys/**", RuleVerdict::Deny("no".to_owned()))];
        let cases = [
            ("POST", "/rest/keys/1.0/x", true),
            ("post", "/rest/keys/1.0/x", true),
            ("POST", "/REST/Keys/1.0", true),
            ("POST", "/rest/k%65ys/1.0/", true),
            ("POST", "/rest%2Fkeys/1.0", true),
            ("GET", "/rest/keys/1.0/x", false),
            ("POST", "/rest/keys", false),
            ("POST", "/rest/keysx/1.0", false),
        ];
        let more = [
            ("/rest/api/latest/projects/TEAM", "/rest/api/1.0/projects/team", true),
            ("/rest/api/latest/projects/TEAM", "/rest/api/latest/projects/TEAM.json", true),
            ("/rest/x/7", "/rest/x/007", true),
            ("/rest/x/7", "/rest/x/+7", true),
            ("/rest/x/7", "/rest/x/70", false),
            ("/rest/raw/*/x", "/rest/raw/a%2Fb/%78", true),
            ("/team/app.git/**", "/scm/team/app.git/git-receive-pack", true),
            ("/scm/team/app.git/**", "/scm/team/app.git/git-receive-pack", true),
        ];
        for (method, path, expected) in cases {
            assert_eq!(denying(&deny, method, path).is_some(), expected, "{method} {path}");
        }
        for (pattern, path, expected) in more {
            let deny = [rule("", pattern, RuleVerdict::Deny("no".to_owned()))];
            assert_eq!(denying(&deny, "GET", path).is_some(), expected, "{pattern} {path}");
        }
        let get = [rule("GET", "/a", RuleVerdict::Deny(String::new()))];
        assert!(denying(&get, "HEAD", "/a").is_some());
    }

    #[test]
    fn what_allows_raises_and_opens_nothing_of_git() {
        let allow = |need| RuleVerdict::Allow { need, confined: false };
        let admin = Permission::Repository(Level::Admin);
        let rules =
            [rule("", "/{project}/*/info/refs", allow(admin)), rule("", "/x/**", allow(admin))];
        let judge = |path: &str| {
            let line = RequestLine { method: "GET", path, query: None };
            allowing(&rules, Kind::Git, "", line, Kind::Git.classify("", line))
        };
        let Ok(Classified::Known(intent)) = judge("/p/r.git/info/refs") else { panic!("known") };
        let also: Vec<Need> = intent.also.iter().map(|also| also.need).collect();
        assert_eq!(also, [Need::Permission(admin)]);
        assert!(matches!(judge("/x/y"), Ok(Classified::Unknown)));
    }
}
