//! What narrows a token further than its permissions: `--only`, `--from`, and what it may do to refs.

use super::super::names::{NameCase, RepoPath};
use super::super::pattern::{Pattern, PatternError};
use ipnet::IpNet;
use std::net::IpAddr;

/// The optional limits of one token. The empty ones limit nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `only`: the projects and repositories that it may reach.
    pub only: Only,
    /// `from`: the client addresses that it may be used from; empty is every address.
    pub from: Vec<IpNet>,
    /// `refs` and what may not be done to them.
    pub refs: RefRules,
}

impl Limits {
    /// Whether the token may be used from this address. A peer without one, behind a Unix socket,
    /// is in no network.
    #[must_use]
    pub fn admit(&self, client: Option<IpAddr>) -> bool {
        self.from.is_empty()
            || client.is_some_and(|client| self.from.iter().any(|net| net.contains(&client)))
    }
}

/// The `only` patterns of a token.
///
/// A pattern of one segment names a project and means the repositories directly in it; a longer one
/// names a repository by its full path, the last segment being the repository's name; `P/**` means
/// everything in and below `P`. A pattern with `!` forbids what it matches and all below, ignores
/// case, and wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only(Vec<Pattern>);

impl Only {
    /// Reads the patterns.
    ///
    /// # Errors
    /// The first that is no pattern.
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Result<Self, PatternError> {
        texts.iter().map(|text| Pattern::new(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns, as they were written.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Whether the project as such is within them: named by a pattern of its own or by `P/**`, and no
    /// prohibition names it or could name anything in it.
    #[must_use]
    pub fn admit_project(&self, project: &str, case: NameCase) -> bool {
        let (forbid, allow): (Vec<&Pattern>, Vec<&Pattern>) =
            self.0.iter().partition(|pattern| pattern.forbids());
        if forbid.iter().any(|pattern| reaches_into(pattern, project)) {
            return false;
        }
        let whole = |pattern: &&Pattern| match pattern.glob().strip_suffix("/**") {
            Some(above) => {
                let above = Pattern::new(above);
                above.is_ok_and(|above| above.matches(project, case))
                    || pattern.matches(project, case)
            }
            None => !pattern.glob().contains('/') && pattern.matches(project, case),
        };
        allow.is_empty() || allow.iter().any(whole)
    }

    /// Whether the repository is within them.
    #[must_use]
    pub fn admit(&self, repository: &RepoPath, case: NameCase) -> bool {
        let (forbid, allow): (Vec<&Pattern>, Vec<&Pattern>) =
            self.0.iter().partition(|pattern| pattern.forbids());
        let full = repository.as_str();
        if forbid.iter().any(|pattern| pattern.matches_at_or_above(full, NameCase::Ignore)) {
            return false;
        }
        allow.is_empty()
            || allow.iter().any(|pattern| {
                let path = if pattern.glob().contains('/') { full } else { repository.project() };
                pattern.matches(path, case)
            })
    }
}

/// Whether a prohibition matches the project, something above it, or might match something in it.
fn reaches_into(pattern: &Pattern, project: &str) -> bool {
    if pattern.matches_at_or_above(project, NameCase::Ignore) || pattern.glob().contains("**") {
        return true;
    }
    let depth = project.split('/').count();
    let mut ends = pattern.glob().match_indices('/').map(|(at, _)| at);
    let Some(end) = ends.nth(depth - 1) else { return false };
    let above = Pattern::new(&pattern.glob()[..end]);
    above.map_or(true, |above| above.matches(project, NameCase::Ignore))
}

/// What a token may do to refs: `--ref`, `--no-delete`, `--no-force`, `--no-tags`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefRules {
    patterns: Vec<Pattern>,
    /// It may delete none.
    pub no_delete: bool,
    /// It may move none to a commit that does not follow from the one before.
    pub no_force: bool,
    /// It may not touch `refs/tags/`.
    pub no_tags: bool,
}

/// Why a text is no pattern of refs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefPatternError {
    /// No pattern at all.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Not the full name of a ref.
    #[error(
        "`{0}` is no pattern of refs: give full names, like refs/heads/bot/* (or refs/tags/v*)"
    )]
    Short(String),
    /// More than a push is held to in reasonable time.
    #[error(
        "a token has at most {} patterns of refs, of {} bytes together",
        RefRules::MOST,
        RefRules::BYTES
    )]
    Many,
    /// A character that git allows in no ref (git-check-ref-format).
    #[error("`{0}` matches no ref: git allows no `~ ^ : ..` or `@{{` in one")]
    Character(String),
}

impl RefRules {
    /// The most patterns.
    pub const MOST: usize = 64;
    /// The most bytes of all of them together.
    pub const BYTES: usize = 4096;

    /// Reads the patterns, and the rest as it is.
    ///
    /// # Errors
    /// The first that is no pattern of refs.
    pub fn new<T: AsRef<str>>(
        texts: &[T],
        no_delete: bool,
        no_force: bool,
        no_tags: bool,
    ) -> Result<Self, RefPatternError> {
        if texts.len() > Self::MOST
            || texts.iter().map(|text| text.as_ref().len()).sum::<usize>() > Self::BYTES
        {
            return Err(RefPatternError::Many);
        }
        let patterns: Result<_, _> = texts.iter().map(|t| Self::pattern(t.as_ref())).collect();
        Ok(Self { patterns: patterns?, no_delete, no_force, no_tags })
    }

    /// Reads one pattern.
    ///
    /// # Errors
    /// When it is none of full names of refs.
    pub fn pattern(text: &str) -> Result<Pattern, RefPatternError> {
        let pattern = Pattern::new(text)?;
        let glob = pattern.glob();
        if glob.contains(['~', '^', ':']) || glob.contains("..") || glob.contains("@{") {
            return Err(RefPatternError::Character(text.to_owned()));
        }
        // A prohibition may be wide; what is allowed is named.
        let everything = pattern.forbids() && glob == "**";
        if !everything && !glob.starts_with("refs/") {
            return Err(RefPatternError::Short(text.to_owned()));
        }
        Ok(pattern)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && !self.no_delete && !self.no_force && !self.no_tags
    }

    /// The patterns, as they were written.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.patterns.iter().map(ToString::to_string).collect()
    }

    /// The patterns.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// All of it in a few words, for people: `refs refs/heads/bot/*, no delete`.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let refs = (!self.patterns.is_empty()).then(|| format!("refs {}", self.texts().join(" ")));
        let flags =
            [(self.no_delete, "no delete"), (self.no_force, "no force"), (self.no_tags, "no tags")];
        let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, text)| text.to_owned());
        refs.into_iter().chain(flags).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::names::{ProjectPath, RepoName};
    use super::*;

    #[test]
    fn there_are_only_so_many_patterns_of_refs() {
        let many = vec!["refs/heads/x"; RefRules::MOST + 1];
        let long = vec![format!("refs/heads/{}", "x".repeat(480)); 9];
        assert_eq!(RefRules::new(&many, false, false, false), Err(RefPatternError::Many));
        assert_eq!(RefRules::new(&long, false, false, false), Err(RefPatternError::Many));
        assert!(RefRules::new(&many[1..], false, false, false).is_ok());
    }

    #[test]
    fn patterns_of_refs_are_full_names() {
        for good in ["refs/heads/bot/*", "refs/heads/**", "!refs/heads/main", "refs/for/*", "!**"] {
            assert!(RefRules::pattern(good).is_ok(), "{good}");
        }
        for bad in
            ["main", "bot/*", "heads/x", "", "**", "refs/heads/a..b", "refs/heads/a:b", "!main"]
        {
            assert!(RefRules::pattern(bad).is_err(), "{bad}");
        }
        let rules = RefRules::new(&["refs/heads/bot/*"], true, false, true).expect("rules");
        assert_eq!(rules.describe().join(", "), "refs refs/heads/bot/*, no delete, no tags");
        assert!(!rules.is_empty() && RefRules::default().is_empty());
    }

    #[test]
    fn only_admits_projects_as_such() {
        let cases = [
            ("", "team", true),
            ("team", "team", true),
            ("team", "other", false),
            ("*", "team", true),
            ("team/app", "team", false),
            ("team/*", "team", false),
            ("team/**", "team", true),
            ("team/**", "team/sub", true),
            ("team/**", "teams", false),
            ("**", "team/sub", true),
            ("team/app team", "team", true),
            ("!team/secret", "team", false),
            ("!team/secret", "other", true),
            ("team !team/secret", "TEAM", false),
            ("team !*/secret", "team", false),
            ("team !other", "team", true),
            ("team !other/**", "team", false),
            ("group/** !group/sub/x", "group/sub", false),
            ("group/** !group/sub/x", "group/other", true),
        ];
        for (patterns, project, expected) in cases {
            let texts: Vec<&str> = patterns.split_whitespace().collect();
            let only = Only::new(&texts).expect(patterns);
            assert_eq!(
                only.admit_project(project, NameCase::Exact),
                expected,
                "{patterns} {project}"
            );
        }
    }

    #[test]
    fn only_admits_what_it_names() {
        let cases = [
            ("", "team/app", true),
            ("team", "team/app", true),
            ("team", "team/sub/app", false),
            ("team", "Team/app", false),
            ("team/app", "team/app", true),
            ("team/app", "team/app/other", false),
            ("team/app", "team/application", false),
            ("team/*", "team/app", true),
            ("team/*", "team/sub/app", false),
            ("team/**", "team/sub/app", true),
            ("team/**", "teams/app", false),
            ("*", "team/app", true),
            ("*", "team/sub/app", false),
            ("other team/app", "team/app", true),
            ("!team/secret", "team/secret", false),
            ("!team/secret", "team/app", true),
            ("!team/secret", "team/SECRET", false),
            ("!team", "team/sub/app", false),
            ("team/** !team/secret/**", "team/secret/x", false),
            ("team/** !team/secret", "team/secret/x", false),
            ("team/** !team/secret", "team/app", true),
            ("-", "-/root", true),
            ("-/root", "-/root", true),
        ];
        for (patterns, path, expected) in cases {
            let texts: Vec<&str> = patterns.split_whitespace().collect();
            let only = Only::new(&texts).expect(patterns);
            let (project, name) = path.rsplit_once('/').expect("a slash");
            let repository = RepoPath::new(
                &ProjectPath::new(project).expect(project),
                &RepoName::new(name).expect(name),
            );
            assert_eq!(only.admit(&repository, NameCase::Exact), expected, "{patterns} {path}");
        }
    }
}
