//! The life of a token: made, edited, rotated, suspended, revoked.

use super::{Label, ManageError};
use crate::domain::names::UserName;
use crate::domain::permission::{Level, Permission, Permissions};
use crate::domain::policy::limits::Limits;
use crate::domain::principal::{Owner, OwnerKind};
use crate::domain::secret::Secret;
use crate::domain::token::{TokenHash, TokenId, mint};
use crate::domain::trail::Author;
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
    /// Whether what lies behind can tell a forced push from another one: a token that may not force is
    /// made only where it can be held to that.
    pub tells_force: bool,
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
/// When the permissions do not go together, the settings do not allow the token, the owner has no
/// rights or is not there, the source fails, or the store does.
pub fn create(
    registry: &mut dyn Registry,
    request: TokenRequest,
    by: &Author,
    entropy: impl FnMut(&mut [u8]) -> Result<(), getrandom::Error>,
) -> Result<Issued, ManageError> {
    let kind = request.owner.kind();
    if request.limits.refs.no_force && !request.tells_force {
        return Err(ManageError::Force);
    }
    let permissions = match request.permissions {
        Wanted::These(asked) => Permissions::combine(&asked, kind)?,
        Wanted::Highest { rights } => highest(registry, &request.owner, rights)?,
    };
    // Looked at here for the message; the store holds the token to it again in its transaction.
    let expires = registry.settings()?.expiry(request.lifetime.map(millis), by.at)?;
    let secret = mint(kind, entropy).map_err(ManageError::Random)?;
    let token = NewToken {
        hash: TokenHash::of(secret.expose().as_bytes()),
        name: request.name.to_string(),
        owner: request.owner,
        permissions,
        limits: request.limits,
        expires,
    };
    let record = registry.add_token(token, by)?;
    Ok(Issued { record, secret })
}

/// Gives a token another name, other permissions, or both.
///
/// # Errors
/// When there is no such token, it is revoked, the permissions do not go together for its owner or are
/// not allowed by the settings, or the store fails.
pub fn edit(
    registry: &mut dyn Registry,
    id: TokenId,
    name: Option<&Label>,
    permissions: Option<&[Permission]>,
    by: &Author,
) -> Result<TokenRecord, ManageError> {
    let kind = live(registry, id, ManageError::Revoked)?.owner.kind();
    let edit = TokenEdit {
        name: name.map(ToString::to_string),
        permissions: permissions.map(|asked| Permissions::combine(asked, kind)).transpose()?,
    };
    Ok(registry.edit_token(id, &edit, by)?)
}

/// Makes a successor of a token with the same name, permissions, limits and expiry, and ends the old
/// secret after `overlap`.
///
/// # Errors
/// When there is no such token, it is not live or has a successor, the settings do not allow the
/// successor, the source fails, or the store does.
pub fn rotate(
    registry: &mut dyn Registry,
    id: TokenId,
    overlap: Duration,
    by: &Author,
    entropy: impl FnMut(&mut [u8]) -> Result<(), getrandom::Error>,
) -> Result<Issued, ManageError> {
    let kind = registry.find_token(id)?.ok_or(ManageError::NoToken(id))?.owner.kind();
    let secret = mint(kind, entropy).map_err(ManageError::Random)?;
    let hash = TokenHash::of(secret.expose().as_bytes());
    let record = registry.rotate_token(id, hash, by.at.plus_millis(millis(overlap)), by)?;
    Ok(Issued { record, secret })
}

/// Revokes a token for good, and returns it as it was.
///
/// # Errors
/// When there is no such token, it is revoked already, or the store fails.
pub fn revoke(
    registry: &mut dyn Registry,
    id: TokenId,
    by: &Author,
) -> Result<TokenRecord, ManageError> {
    live(registry, id, ManageError::RevokedAlready)?;
    Ok(registry.revoke_token(id, by)?)
}

/// Suspends a token, or resumes it.
///
/// # Errors
/// When there is no such token, it is revoked, or it is so already; or the store fails.
pub fn set_suspended(
    registry: &mut dyn Registry,
    id: TokenId,
    suspended: bool,
    by: &Author,
) -> Result<TokenRecord, ManageError> {
    live(registry, id, ManageError::Revoked)?;
    Ok(registry.set_suspended(id, suspended, by)?)
}

/// More milliseconds than a timestamp holds are the end of time, which no limit of days allows.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
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
            let grants = registry.rights_of(user)?;
            highest_of(user, grants.iter().map(|grant| grant.permission))
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
