//! The operator's own rules (`[[rule]]`), which add to a dialect's table or tighten it.
//!
//! A rule that denies catches every spelling of what it names. A rule that allows matches exactly, can raise
//! what a known request needs, and can open a path that the table does not know; it opens nothing that no
//! token may do, in whatever spelling.

mod pattern;

pub use pattern::{PathPattern, PathPatternError};

use super::path::{check_deciding, decode};
use super::{Classified, Kind, RequestLine, Unclear};
use crate::domain::intent::{Action, Also, Body, Confined, Effects, Intent, Need, Voice};
use crate::domain::permission::{Level, Permission};
use crate::domain::policy::Denial;

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
    let refuse =
        Confined::Refuse("this is opened by a rule of the operator's without confined = \"pass\"");
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

/// The word of what no token may do that stands in a part of a path.
fn word_in(segment: &str) -> Option<&'static str> {
    if segment == "merge-base" {
        return None;
    }
    let others = [("j_", segment.starts_with("j_")), ("sso", segment == "sso")];
    let other = || others.into_iter().find(|(_, is)| *is).map(|(word, _)| word);
    WORDS.into_iter().find(|word| segment.contains(word)).or_else(other)
}

/// The word in a pattern for which nothing that it means is opened.
#[must_use]
pub fn sounds(pattern: &PathPattern) -> Option<&'static str> {
    pattern.to_string().to_ascii_lowercase().split('/').find_map(word_in)
}

/// Whether some reading of the path may be something that the table has, of whatever method, or sounds like
/// what no token may do. Its own spelling may lack a method that no row forbids.
fn forbidden(kind: Kind, path: &str) -> bool {
    let lower = decode(path).to_ascii_lowercase();
    if !lower.starts_with("/rest/") || lower.split('/').any(|segment| word_in(segment).is_some()) {
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
