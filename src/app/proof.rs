//! Who a name and a password are, for the command line.

use super::rules::public_origin;
use super::workers::BackDoor;
use super::{material, side_door};
use crate::config::{Config, Passwords};
use crate::domain::names::UserName;
use crate::domain::secret::Secret;
use crate::domain::trail::{Author, Event, Note, Subject};
use crate::manage::login::LoginError;
use crate::manage::{ManageError, users};
use crate::store::{Registry, UserRecord};
use anyhow::Context;

/// The user behind a name and a password, proved where the configuration says: here, or at the host,
/// where somebody who was never seen before appears by it.
///
/// # Errors
/// When the password is not this user's, the user may not act, or nobody can tell.
pub fn authenticate(
    config: &Config,
    registry: &mut dyn Registry,
    name: &UserName,
    password: &Secret,
    by: &Author,
) -> anyhow::Result<UserRecord> {
    let proved = prove(config, registry, name, password, by);
    if let Err(error) = &proved
        && is_refusal(error)
    {
        // Like one over HTTP: whoever guesses passwords from a terminal is told of too.
        let known = registry.find_user(name.as_str())?.map(|user| user.name.to_string());
        let subject = Subject { user: known, ..Subject::default() };
        let details = serde_json::json!({ "why": error.to_string() });
        registry.note(Note { event: Event::LoginFailed, subject, details }, by)?;
    }
    proved
}

/// Whether it says that the password is wrong or the user may not act, and not that nobody can tell.
fn is_refusal(error: &anyhow::Error) -> bool {
    let managed = error.downcast_ref().is_some_and(|error| {
        use ManageError::{Credentials, Disabled, ServiceUser};
        matches!(error, Credentials | Disabled(_) | ServiceUser { .. })
    });
    managed || matches!(error.downcast_ref(), Some(LoginError::Wrong))
}

fn prove(
    config: &Config,
    registry: &mut dyn Registry,
    name: &UserName,
    password: &Secret,
    by: &Author,
) -> anyhow::Result<UserRecord> {
    if config.access.passwords == Passwords::Local {
        return Ok(users::authenticate(registry, name, password)?);
    }
    let public = public_origin(config, &[]);
    let host = BackDoor::new(config, public, material::upstream(config)?)?.host(config)?;
    let host = host.context("there is no host to ask for passwords")?;
    side_door::prove(config, host, name, password)?;
    Ok(users::appear(registry, name, config.service_user(), by)?)
}
