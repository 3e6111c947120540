//! The life of a token: made, edited, revoked.

use super::{Label, ManageError};
use crate::domain::names::UserName;
use crate::domain::permission::{Level, Permission, Permissions};
use crate::domain::policy::limits::Limits;
use crate::domain::principal::{Owner, OwnerKind};
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId, mint};
use crate::store::{NewToken, Registry, RightsSource, TokenEdit, TokenRecord};
use std::time::Duration;

/// A token to be made.
#[derive(Debug)]
pub struct TokenRequest {
    /// The name for people.
    pub name: Label,
    /// Whose it is to be. That the one who asks may make it is for the caller to prove first.
    pub owner: Owner,
    /// What it is to be allowed.
    pub permissions: Wanted,
    /// What narrows it.
    pub limits: Limits,
    /// How long it is to live; `None` is without end.
    pub lifetime: Option<Duration>,
}

/// The permissions that a new token is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// These.
    These(Vec<Permission>),
    /// The highest that the owner has now.
    Highest {
        /// What limits a user's tokens from the side of the user.
        rights: RightsSource,
    },
}

/// A token that was made, with its secret, which exists nowhere else.
#[derive(Debug)]
pub struct Issued {
    /// What the store keeps.
    pub record: TokenRecord,
    /// The secret, to be shown this once.
    pub secret: Secret,
}

/// Makes a token out of `entropy`, a source that fills a buffer with random bytes.
///
/// # Errors
/// When the permissions do not go together, the settings do not allow the expiry, the owner has no
/// rights or is not there, the source fails, or the store does.
pub fn create(
    registry: &mut dyn Registry,
    request: TokenRequest,
    now: Timestamp,
    entropy: impl FnMut(&mut [u8]) -> Result<(), getrandom::Error>,
) -> Result<Issued, ManageError> {
    let kind = request.owner.kind();
    let permissions = match request.permissions {
        Wanted::These(asked) => Permissions::combine(&asked, kind)?,
        Wanted::Highest { rights } => highest(registry, &request.owner, rights)?,
    };
    // More milliseconds than a timestamp holds are the end of time, which no limit of days allows.
    let millis = |lifetime: Duration| i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    let expires = registry.settings()?.expiry(request.lifetime.map(millis), now)?;
    let secret = mint(kind, entropy).map_err(ManageError::Random)?;
    let record = registry.add_token(NewToken {
        hash: TokenHash::of(secret.expose().as_bytes()),
        name: request.name.to_string(),
        owner: request.owner,
        permissions,
        limits: request.limits,
        created: now,
        expires,
    })?;
    Ok(Issued { record, secret })
}

/// Gives a token another name, other permissions, or both.
///
/// # Errors
/// When there is no such token, it is revoked, the permissions do not go together for its owner, or
/// the store fails.
pub fn edit(
    registry: &mut dyn Registry,
    id: TokenId,
    name: Option<&Label>,
    permissions: Option<&[Permission]>,
) -> Result<TokenRecord, ManageError> {
    let kind = live(registry, id, ManageError::Revoked)?.owner.kind();
    let edit = TokenEdit {
        name: name.map(ToString::to_string),
        permissions: permissions.map(|asked| Permissions::combine(asked, kind)).transpose()?,
    };
    Ok(registry.edit_token(id, &edit)?)
}

/// Revokes a token for good, and returns it as it was.
///
/// # Errors
/// When there is no such token, it is revoked already, or the store fails.
pub fn revoke(
    registry: &mut dyn Registry,
    id: TokenId,
    now: Timestamp,
) -> Result<TokenRecord, ManageError> {
    let token = live(registry, id, ManageError::RevokedAlready)?;
    registry.revoke_token(id, now)?;
    Ok(token)
}

/// Looks first, so that the message can tell a token that is revoked from one that never was. The store
/// looks again within its transaction.
fn live(
    registry: &mut dyn Registry,
    id: TokenId,
    revoked: fn(TokenId) -> ManageError,
) -> Result<TokenRecord, ManageError> {
    let token = registry.find_token(id)?.ok_or(ManageError::NoToken(id))?;
    if token.revoked.is_some() { Err(revoked(id)) } else { Ok(token) }
}

fn highest(
    registry: &mut dyn Registry,
    owner: &Owner,
    rights: RightsSource,
) -> Result<Permissions, ManageError> {
    match owner {
        Owner::User(user) if rights == RightsSource::Grants => {
            let grants = registry.list_grants(Some(user))?;
            highest_of(user, grants.iter().map(|record| record.grant.permission))
        }
        // Where the host holds people to their rights, it is the host that narrows the token.
        Owner::User(_) | Owner::Project(_) | Owner::Repository(_) => {
            Ok(Permissions::highest(owner.kind()))
        }
    }
}

/// A grant on a project is one on its repositories too; a grant on repositories is none on a project.
fn highest_of(
    user: &UserName,
    granted: impl Iterator<Item = Permission>,
) -> Result<Permissions, ManageError> {
    let (mut project, mut repository): (Option<Level>, Option<Level>) = (None, None);
    for permission in granted {
        let (Permission::Project(level) | Permission::Repository(level)) = permission;
        repository = repository.max(Some(level));
        if matches!(permission, Permission::Project(_)) {
            project = project.max(Some(level));
        }
    }
    let repository = repository.ok_or_else(|| ManageError::NoRights(user.clone()))?;
    let project = project.map(Permission::Project);
    let both: Vec<Permission> =
        project.into_iter().chain([Permission::Repository(repository)]).collect();
    Ok(Permissions::combine(&both, OwnerKind::User)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_permissions_of_grants() {
        let cases = [
            ("REPO_READ", "REPO_READ"),
            ("REPO_READ REPO_ADMIN REPO_WRITE", "REPO_ADMIN"),
            ("PROJECT_READ", "PROJECT_READ, REPO_READ"),
            ("PROJECT_READ REPO_WRITE", "PROJECT_READ, REPO_WRITE"),
            ("PROJECT_WRITE REPO_READ", "PROJECT_WRITE, REPO_WRITE"),
            ("PROJECT_READ PROJECT_ADMIN", "PROJECT_ADMIN, REPO_ADMIN"),
            ("", "user alice has no rights that a token could have"),
        ];
        let alice = UserName::new("alice").expect("a name");
        for (granted, expected) in cases {
            let granted: Vec<Permission> =
                granted.split_whitespace().map(|p| p.parse().expect(p)).collect();
            let outcome = match highest_of(&alice, granted.iter().copied()) {
                Ok(permissions) => permissions.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(outcome.starts_with(expected), "{granted:?}: {outcome}");
        }
    }
}
