//! Who is asking: from headers to a principal by way of a look-up.

pub mod credential;
pub mod password;
pub mod seal;
pub mod throttle;
pub mod ticket;
pub mod vault;

use crate::domain::names::{GroupName, UserName};
use crate::domain::principal::{Owner, TokenPrincipal};
use crate::domain::timestamp::Timestamp;
use crate::domain::trail::{Author, Note};
use crate::store::{Answered, LastUse, Lookup, StoreError};
use credential::{Claim, Presented};
use std::net::IpAddr;
use std::rc::Rc;

/// Who is asking.
#[derive(Debug)]
pub enum Identified {
    /// Nobody said anything.
    Nobody,
    /// Somebody with a credential that is not ours: a password, or a token of the host's own.
    Foreign,
    /// A token that is mistyped, unknown, revoked, or presented under another's name.
    Unknown,
    /// A token that exists. Whether it has expired is the policy's to say.
    Token(Rc<TokenPrincipal>),
}

/// The store could not answer, which is never "unknown".
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Trouble(#[from] StoreError);

/// Where a look-up was answered from: `memory` or `database`.
pub type Source = &'static str;

/// Finds out who presents something.
pub trait Identify {
    /// Who presents this, and where the answer came from if the store was asked.
    ///
    /// # Errors
    /// When the store cannot answer.
    fn identify(&self, presented: &Presented) -> Result<(Identified, Option<Source>), Trouble>;

    /// The groups of gitlatch's user of this name: read anew each time, off the path of most requests.
    ///
    /// # Errors
    /// When the store cannot answer.
    fn groups(&self, user: &UserName) -> Result<Vec<GroupName>, Trouble>;

    /// Remembers that a token was used.
    fn used(&self, token: &TokenPrincipal, at: Timestamp, from: Option<IpAddr>);

    /// Has something written into the trail.
    fn tell(&self, note: Note, by: Author);
}

impl<L: Lookup> Identify for L {
    fn identify(&self, presented: &Presented) -> Result<(Identified, Option<Source>), Trouble> {
        let (hash, claim) = match presented {
            Presented::Nothing => return Ok((Identified::Nobody, None)),
            Presented::Foreign => return Ok((Identified::Foreign, None)),
            Presented::Mistyped => return Ok((Identified::Unknown, None)),
            Presented::Token { hash, claim } => (hash, claim),
        };
        let (found, answered) = self.find_by_hash(hash)?;
        let known = found.filter(|token| fits(claim, &token.owner));
        let source = match answered {
            Answered::Memory => "memory",
            Answered::Database => "database",
        };
        Ok((known.map_or(Identified::Unknown, Identified::Token), Some(source)))
    }

    fn groups(&self, user: &UserName) -> Result<Vec<GroupName>, Trouble> {
        Ok(self.groups_of(user)?)
    }

    fn used(&self, token: &TokenPrincipal, at: Timestamp, from: Option<IpAddr>) {
        self.touch(token.id, LastUse { at, from });
    }

    fn tell(&self, note: Note, by: Author) {
        Lookup::tell(self, note, by);
    }
}

/// Whether a token of this owner may be presented like that.
fn fits(claim: &Claim, owner: &Owner) -> bool {
    match (claim, owner) {
        (Claim::Bare, _) | (Claim::TokenAuth, Owner::Project(_) | Owner::Repository(_)) => true,
        (Claim::User(name), Owner::User(owner)) => owner.is(name),
        (Claim::TokenAuth, Owner::User(_)) | (Claim::User(_), _) => false,
    }
}
