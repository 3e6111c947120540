//! The life of a user.

use super::{Email, Label, ManageError};
use crate::auth::password;
use crate::domain::names::UserName;
use crate::domain::secret::Secret;
use crate::domain::service_user::ServiceUser;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::Form;
use crate::store::{NewUser, Registry, StoreError, UserRecord};

/// A user to be added.
#[derive(Debug)]
pub struct UserRequest {
    /// The name, as the host behind the proxy knows it.
    pub name: UserName,
    /// The name for people; the user name when there is none.
    pub display_name: Option<Label>,
    /// The address.
    pub email: Option<Email>,
    /// Whether the user administers gitlatch.
    pub admin: bool,
    /// The password.
    pub password: Secret,
}

/// Adds a user. `service_user` is the template whose names no person may bear.
///
/// # Errors
/// When the name is taken or could be a service user's, the password looks like a token, or the store
/// fails.
pub fn add(
    registry: &mut dyn Registry,
    request: UserRequest,
    service_user: Option<&ServiceUser>,
    now: Timestamp,
) -> Result<(), ManageError> {
    if let Some(template) = service_user.filter(|service| service.can_produce(&request.name)) {
        let template = template.clone();
        return Err(ManageError::ServiceUser { name: request.name, template });
    }
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    registry.add_user(NewUser {
        display_name: text(request.display_name.as_ref().map(Label::as_str)),
        email: text(request.email.as_ref().map(Email::as_str)),
        admin: request.admin,
        password: Some(hash(&request.password)?),
        created: now,
        name: request.name,
    })?;
    Ok(())
}

/// The user of this name.
///
/// # Errors
/// When there is none, or the store fails.
pub fn find(registry: &mut dyn Registry, name: &UserName) -> Result<UserRecord, ManageError> {
    let missing = || StoreError::Missing { what: "user", name: name.to_string() };
    Ok(registry.find_user(name.as_str())?.ok_or_else(missing)?)
}

/// Sets another password.
///
/// # Errors
/// When there is no such user, the password looks like a token, or the store fails.
pub fn set_password(
    registry: &mut dyn Registry,
    name: &UserName,
    password: &Secret,
) -> Result<(), ManageError> {
    let phc = hash(password)?;
    registry.set_password(name, &phc)?;
    Ok(())
}

/// The user behind a name and a password.
///
/// # Errors
/// [`ManageError::Credentials`] for a name that is not there and for a wrong password alike, after the
/// same work; [`ManageError::Disabled`] only to somebody who knows the password.
pub fn authenticate(
    registry: &mut dyn Registry,
    name: &UserName,
    password: &Secret,
) -> Result<UserRecord, ManageError> {
    let phc = match registry.password_of(name) {
        Ok(phc) => phc,
        Err(StoreError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if !password::verify(password, phc.as_deref())? {
        return Err(ManageError::Credentials);
    }
    let user = registry.find_user(name.as_str())?.ok_or(ManageError::Credentials)?;
    if user.active { Ok(user) } else { Err(ManageError::Disabled(user.name)) }
}

fn hash(password: &Secret) -> Result<String, ManageError> {
    // Whatever has a token's form is taken for a token, so such a password would never work.
    if Form::of(password.expose().as_bytes()) != Form::Foreign {
        return Err(ManageError::TokenAsPassword);
    }
    Ok(password::hash(password)?)
}
