//! The ticket that passing the policy leaves behind.

use super::super::intent::Place;
use super::super::names::{RepoPath, UserName};
use super::refs::Hold;

/// Who travels upstream under a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traveller {
    /// Nobody in particular: an anonymous read.
    Nobody,
    /// A person.
    User(UserName),
    /// A project or one repository, which are no persons: the service user.
    Service {
        /// The project, or the project of the repository.
        project: String,
        /// The repository's name, for a repository token.
        repository: Option<String>,
    },
}

/// The right to send exactly one request upstream. Only the policy makes one, so forgetting the check
/// does not compile.
#[derive(Debug)]
pub struct Permit {
    traveller: Traveller,
    place: Place,
    writes: bool,
    confined: bool,
    hold: Hold,
}

impl Permit {
    pub(super) fn new(traveller: Traveller, place: Place, writes: bool, confined: bool) -> Self {
        Self { traveller, place, writes, confined, hold: Hold::default() }
    }

    /// Whom the upstream is told about.
    #[must_use]
    pub fn traveller(&self) -> &Traveller {
        &self.traveller
    }

    /// The one repository that the request is about, if it is about one.
    #[must_use]
    pub fn repository(&self) -> Option<&RepoPath> {
        self.place.repository()
    }

    /// The same, for a push that git itself is to hold to something.
    #[must_use]
    pub fn holding(self, hold: Hold) -> Self {
        Self { hold, ..self }
    }

    /// What git itself is to hold the push to.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// Whether the permit is for a change.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Whether the identity that the request travels under can reach more than its token may.
    #[must_use]
    pub fn confined(&self) -> bool {
        self.confined
    }
}
