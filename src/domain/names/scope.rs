//! Which projects something holds for.

use super::{NameCase, NameError, ProjectPath};
use std::fmt;

/// Which projects something holds for: one, one with all below it, or every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectScope {
    /// Every project (`*`).
    Everywhere,
    /// The repositories directly in this project (`group`).
    Exactly(ProjectPath),
    /// This project and every project below it (`group/**`).
    Below(ProjectPath),
}

impl ProjectScope {
    /// Reads `*`, `PROJECT` or `PROJECT/**`.
    ///
    /// # Errors
    /// When the project's name is none.
    pub fn new(text: &str) -> Result<Self, NameError> {
        match text {
            "*" | "**" => Ok(Self::Everywhere),
            "-/**" => ProjectPath::new("-/-").map(Self::Below),
            _ => match text.strip_suffix("/**") {
                Some(above) => ProjectPath::new(above).map(Self::Below),
                None => ProjectPath::new(text).map(Self::Exactly),
            },
        }
    }

    /// Whether it holds for `project`.
    #[must_use]
    pub fn covers(&self, project: &str, case: NameCase) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Exactly(own) => case.equal(own.as_str(), project),
            Self::Below(own) => {
                let own = own.as_str();
                case.equal(own, project)
                    || (project.as_bytes().get(own.len()) == Some(&b'/')
                        && project.get(..own.len()).is_some_and(|p| case.equal(own, p)))
            }
        }
    }

    /// Whether it holds wherever `other` does.
    #[must_use]
    pub fn contains(&self, other: &Self, case: NameCase) -> bool {
        match (self, other) {
            (Self::Everywhere, _) => true,
            (_, Self::Everywhere) | (Self::Exactly(_), Self::Below(_)) => false,
            (scope, Self::Exactly(project) | Self::Below(project)) => {
                scope.covers(project.as_str(), case)
            }
        }
    }

    /// Its text, as a name and what stands behind it.
    #[must_use]
    pub fn pieces(&self) -> [&str; 2] {
        match self {
            Self::Everywhere => ["*", ""],
            Self::Exactly(project) => [project.as_str(), ""],
            Self::Below(project) => [project.as_str(), "/**"],
        }
    }
}

impl fmt::Display for ProjectScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().into_iter().try_for_each(|piece| f.write_str(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_cover_what_they_name() {
        let cases = [
            ("*", "any/thing", NameCase::Exact, true),
            ("team", "team", NameCase::Exact, true),
            ("team", "Team", NameCase::Exact, false),
            ("team", "Team", NameCase::Ignore, true),
            ("team", "team/sub", NameCase::Exact, false),
            ("team/**", "team", NameCase::Exact, true),
            ("team/**", "team/sub/x", NameCase::Exact, true),
            ("team/**", "teams", NameCase::Exact, false),
            ("team/**", "TEAM/sub", NameCase::Ignore, true),
        ];
        for (scope, project, case, expected) in cases {
            let parsed = ProjectScope::new(scope).expect(scope);
            assert_eq!(parsed.covers(project, case), expected, "{scope} {project}");
        }
        assert!(ProjectScope::new("-/**").is_err());
    }

    #[test]
    fn scopes_contain_what_they_cover_wholly() {
        let cases = [
            ("*", "team/**", true),
            ("*", "*", true),
            ("team", "team", true),
            ("team", "team/**", false),
            ("team", "*", false),
            ("team/**", "team", true),
            ("team/**", "team/**", true),
            ("team/**", "team/sub/**", true),
            ("team/sub/**", "team/**", false),
        ];
        for (scope, other, expected) in cases {
            let read = |text| ProjectScope::new(text).expect("a scope");
            let contains = read(scope).contains(&read(other), NameCase::Exact);
            assert_eq!(contains, expected, "{scope} {other}");
        }
    }
}
