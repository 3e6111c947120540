//! Who may manage whose tokens.
//!
//! A user manages the own ones. Who has `PROJECT_ADMIN` on a project, or `REPO_ADMIN` on a repository,
//! manages those of the project or the repository. Administrators of gitlatch see, edit and revoke
//! everybody's, and make none for others: who has a token's secret can act as its owner.

use crate::domain::names::NameCase;
use crate::domain::principal::Owner;
use crate::store::{Registry, StoreError, UserRecord};

/// How a person stands to the tokens of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// They are the person's own, or of a place that the person administers.
    own: bool,
    /// The person administers gitlatch.
    admin: bool,
}

impl Standing {
    /// How this person stands to the tokens of this owner now.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn of(
        registry: &mut dyn Registry,
        person: &UserRecord,
        owner: &Owner,
        case: NameCase,
    ) -> Result<Self, StoreError> {
        let own = match owner {
            Owner::User(name) => *name == person.name,
            place => {
                let rights = registry.rights_of(&person.name)?;
                rights.iter().any(|grant| grant.administers(place, case))
            }
        };
        Ok(Self { own, admin: person.admin })
    }

    /// Whether the person may see them, change their names and permissions, and revoke them.
    #[must_use]
    pub(super) const fn may_govern(self) -> bool {
        self.own || self.admin
    }

    /// Whether the person may come to know a new secret: make a token, or rotate one.
    #[must_use]
    pub(super) const fn may_make(self) -> bool {
        self.own
    }
}
