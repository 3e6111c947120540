//! Who a person is: a user name and a password, proved here or by the host, with guessing held back.

use super::clerks::{Clerks, Undone};
use super::users;
use super::{ManageError, clock};
use crate::auth::throttle::{Attempt, Throttle, Wait};
use crate::domain::names::UserName;
use crate::domain::secret::Secret;
use crate::domain::service_user::ServiceUser;
use crate::domain::trail::{Actor, Author, Event, Note, Subject};
use crate::store::{Registry, UserRecord};
use crate::telemetry::log::Seldom;
use futures_util::future::LocalBoxFuture;
use serde_json::json;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the host says of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is this user's. The host may tell the name in its own spelling.
    Right(Option<String>),
    /// It is not, or the host does not let this user in.
    Wrong,
    /// Nobody can say: the host is silent, broken, or says the same to everybody. Why, for the log.
    Trouble(String),
}

/// Asks the host.
pub trait Prove {
    /// Whether this is the password of this user, by one call.
    fn prove<'a>(&'a self, name: &'a UserName, password: &'a Secret) -> LocalBoxFuture<'a, Proof>;
}

/// Where people prove their passwords.
pub enum Passwords {
    /// In the store.
    Local,
    /// At the host.
    Host(Box<dyn Prove>),
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The name or the password is wrong: which of them is not said.
    #[error("wrong user name or password")]
    Wrong,
    /// The password is right, and the user may not act.
    #[error("{0}")]
    MayNot(String),
    /// Too many were wrong.
    #[error(transparent)]
    Throttled(#[from] Wait),
    /// The host could not be asked.
    #[error("the host could not be asked whether the password is right; try again in a moment")]
    Host,
    /// There was no time for it.
    #[error(transparent)]
    Undone(#[from] Undone),
    /// There was trouble here.
    #[error(transparent)]
    Trouble(ManageError),
}

impl From<ManageError> for LoginError {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Credentials => Self::Wrong,
            ManageError::Disabled(_) | ManageError::ServiceUser { .. } => {
                Self::MayNot(error.to_string())
            }
            error => Self::Trouble(error),
        }
    }
}

/// How many failed logins a minute are written into the trail one by one: guessing must not fill it.
const WRITTEN: u32 = 20;
const MINUTE: Duration = Duration::from_mins(1);

/// What all workers share about logins.
#[derive(Debug, Default)]
pub struct Logins {
    /// Holds guessing back.
    pub throttle: Throttle,
    /// What operators must hear of the host.
    complaints: Seldom,
    written: Mutex<Written>,
}

/// What was written into the trail lately.
#[derive(Debug, Default)]
struct Written {
    since: Option<Instant>,
    count: u32,
    suppressed: u64,
}

impl Logins {
    /// Whether one more failure is to be written, and how many were not before it.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.since.is_none_or(|since| now.duration_since(since) >= MINUTE) {
            written.since = Some(now);
            written.count = 0;
        }
        written.count += 1;
        if written.count > WRITTEN {
            written.suppressed += 1;
            return None;
        }
        Some(std::mem::take(&mut written.suppressed))
    }
}

/// The desk where one worker's visitors prove who they are.
pub struct Desk {
    /// What the workers share.
    pub logins: Arc<Logins>,
    /// Where passwords are proved.
    pub passwords: Passwords,
    /// The template whose names no person may bear.
    pub service_user: Option<ServiceUser>,
    /// Who checks passwords and writes.
    pub clerks: Clerks,
}

impl Desk {
    /// The user behind a name and a password.
    ///
    /// # Errors
    /// The same for a name that is not there and for a wrong password; that the user may not act is told
    /// only to somebody who knows the password.
    pub async fn login(
        &self,
        name: &str,
        password: Secret,
        from: Option<IpAddr>,
    ) -> Result<UserRecord, LoginError> {
        let read = UserName::new(name);
        // What is no user name is nobody's, and costs the guesser an attempt like any other: all of them
        // count as one account, which nobody can have.
        let account = read.as_ref().map_or("", UserName::as_str);
        let attempt = self.logins.throttle.begin(account, from).await?;
        let Ok(user) = read else {
            attempt.failed();
            self.note(None, from, "wrong user name or password").await;
            return Err(LoginError::Wrong);
        };
        let outcome = match &self.passwords {
            Passwords::Local => self.check_here(user.clone(), password).await,
            Passwords::Host(host) => self.ask(host.as_ref(), &user, &password, from).await,
        };
        self.settle(attempt, &user, from, outcome).await
    }

    async fn check_here(&self, name: UserName, password: Secret) -> Result<UserRecord, LoginError> {
        let checked =
            self.clerks.run(move |registry| users::authenticate(registry, &name, &password));
        Ok(checked.await??)
    }

    async fn ask(
        &self,
        host: &dyn Prove,
        name: &UserName,
        password: &Secret,
        from: Option<IpAddr>,
    ) -> Result<UserRecord, LoginError> {
        match host.prove(name, password).await {
            Proof::Wrong => return Err(LoginError::Wrong),
            Proof::Trouble(why) => {
                if self.logins.complaints.is_due() {
                    tracing::error!(why, "the host could not be asked whether a password is right");
                }
                return Err(LoginError::Host);
            }
            // Hosts take other things for a user name too, such as an address: only the name is one here.
            Proof::Right(Some(told)) if !name.is(&told) => return Err(LoginError::Wrong),
            Proof::Right(_) => {}
        }
        let (name, service) = (name.clone(), self.service_user.clone());
        let appeared = self.clerks.run(move |registry| {
            let by = Author { who: Actor::User(name.clone()), from, at: clock::now()? };
            users::appear(registry, &name, service.as_ref(), &by)
        });
        Ok(appeared.await??)
    }

    /// Tells the throttle and the trail how it went.
    async fn settle(
        &self,
        attempt: Attempt,
        name: &UserName,
        from: Option<IpAddr>,
        outcome: Result<UserRecord, LoginError>,
    ) -> Result<UserRecord, LoginError> {
        match &outcome {
            Ok(_) => attempt.succeeded(),
            Err(LoginError::Wrong) => {
                attempt.failed();
                self.note(Some(name.clone()), from, "wrong user name or password").await;
            }
            Err(LoginError::MayNot(_)) => {
                // The password was right: nothing was guessed.
                attempt.unjudged();
                self.note(Some(name.clone()), from, "the user may not act").await;
            }
            Err(_) => attempt.unjudged(),
        }
        outcome
    }

    /// Writes a failed login into the trail. Names of nobody are left out: people type passwords there.
    async fn note(&self, name: Option<UserName>, from: Option<IpAddr>, why: &'static str) {
        let Some(suppressed) = self.logins.admit(Instant::now()) else { return };
        let written = self.clerks.run(move |registry: &mut dyn Registry| {
            let known = name.and_then(|name| registry.find_user(name.as_str()).ok().flatten());
            let subject =
                Subject { user: known.map(|user| user.name.to_string()), ..Subject::default() };
            let mut details = json!({ "why": why });
            if suppressed > 0 {
                details["suppressed"] = suppressed.into();
            }
            let by = Author { who: Actor::Nobody, from, at: clock::now()? };
            let note = Note { event: Event::LoginFailed, subject, details };
            registry.note(note, &by).map_err(ManageError::from)
        });
        if !matches!(written.await, Ok(Ok(()))) {
            tracing::warn!("a failed login could not be written into the trail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_written_up_to_a_bound_and_then_counted() {
        let logins = Logins::default();
        let start = Instant::now();
        let written = (0..WRITTEN + 50).filter(|_| logins.admit(start).is_some()).count();
        assert_eq!(written, WRITTEN as usize);
        assert_eq!(logins.admit(start + MINUTE), Some(50));
        assert_eq!(logins.admit(start + MINUTE), Some(0));
    }
}
