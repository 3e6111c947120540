//! The life of a user.

use super::{Email, Label, ManageError};
use crate::auth::password;
use crate::domain::names::UserName;
use crate::domain::secret::Secret;
use crate::domain::service_user::ServiceUser;
use crate::domain::token::Form;
use crate::domain::trail::Author;
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
    /// The password; without one only the host can prove who the user is.
    pub password: Option<Secret>,
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
    by: &Author,
) -> Result<UserRecord, ManageError> {
    refuse_service_name(&request.name, service_user)?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let user = NewUser {
        display_name: text(request.display_name.as_ref().map(Label::as_str)),
        email: text(request.email.as_ref().map(Email::as_str)),
        admin: request.admin,
        password: request.password.as_ref().map(hash).transpose()?,
        appeared: false,
        name: request.name,
    };
    Ok(registry.add_user(user, by)?)
}

/// The user who has just proved a password to the host: the one who is there, or a new one, who may
/// have been added by another request meanwhile.
///
/// # Errors
/// When the name could be a service user's, the user is disabled, or the store fails.
pub fn appear(
    registry: &mut dyn Registry,
    name: &UserName,
    service_user: Option<&ServiceUser>,
    by: &Author,
) -> Result<UserRecord, ManageError> {
    refuse_service_name(name, service_user)?;
    let user = if let Some(user) = registry.find_user(name.as_str())? {
        user
    } else {
        let new = NewUser {
            name: name.clone(),
            display_name: String::new(),
            email: String::new(),
            admin: false,
            password: None,
            appeared: true,
        };
        match registry.add_user(new, by) {
            Err(StoreError::Exists { .. }) => find(registry, name)?,
            added => added?,
        }
    };
    if user.active { Ok(user) } else { Err(ManageError::Disabled(user.name)) }
}

pub(super) fn refuse_service_name(
    name: &UserName,
    service_user: Option<&ServiceUser>,
) -> Result<(), ManageError> {
    match service_user.filter(|service| service.can_produce(name)) {
        None => Ok(()),
        Some(template) => {
            let (name, template) = (name.clone(), template.clone());
            Err(ManageError::ServiceUser { name, template })
        }
    }
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
    by: &Author,
) -> Result<(), ManageError> {
    let phc = hash(password)?;
    registry.set_password(name, &phc, by)?;
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
