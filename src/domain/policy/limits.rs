//! What narrows a token further than its permissions: `--only` and `--from`.

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

#[cfg(test)]
mod tests {
    use super::super::super::names::{ProjectPath, RepoName};
    use super::*;

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
