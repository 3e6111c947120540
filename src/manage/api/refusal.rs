//! Every way in which a call of the token API is refused, in the shape of Bitbucket's errors.

use crate::auth::throttle::Wait;
use crate::domain::settings::PolicyError;
use crate::manage::ManageError;
use crate::manage::clerks::Undone;
use crate::manage::login::LoginError;
use crate::reply::Answer;
use crate::store::StoreError;
use http::StatusCode;

/// The names that Bitbucket Data Center gives the same errors: clients match on them.
mod exception {
    pub(super) const NOT_AUTHENTICATED: &str =
        "com.atlassian.bitbucket.auth.IncorrectPasswordAuthenticationException";
    pub(super) const NOT_AUTHORISED: &str = "com.atlassian.bitbucket.AuthorisationException";
    pub(super) const INVALID: &str =
        "com.atlassian.bitbucket.validation.ArgumentValidationException";
    pub(super) const NO_OBJECT: &str = "com.atlassian.bitbucket.NoSuchObjectException";
    pub(super) const NO_USER: &str = "com.atlassian.bitbucket.user.NoSuchUserException";
}

/// Why a call is refused: the status, and one sentence that a person can act on.
#[derive(Debug)]
pub struct Refused {
    answer: Box<Answer>,
    /// A short stable name, for the record.
    reason: &'static str,
}

impl Refused {
    fn new(
        status: StatusCode,
        reason: &'static str,
        exception: Option<&'static str>,
        text: impl Into<String>,
    ) -> Self {
        let mut answer = Box::new(Answer::new(status, text));
        answer.exception = exception;
        Self { answer, reason }
    }

    /// Nobody said who is asking.
    pub(super) fn no_credential() -> Self {
        let text = "authentication is required: send your user name and password as Basic";
        let exception = Some(exception::NOT_AUTHORISED);
        Self::new(StatusCode::UNAUTHORIZED, "no-credential", exception, text)
    }

    /// The name or the password is wrong: which of them is not said.
    pub(super) fn wrong_password() -> Self {
        let exception = Some(exception::NOT_AUTHENTICATED);
        let text = "wrong user name or password";
        Self::new(StatusCode::UNAUTHORIZED, "wrong-password", exception, text)
    }

    /// The person is known, and may not.
    pub(super) fn not_permitted(text: impl Into<String>) -> Self {
        let exception = Some(exception::NOT_AUTHORISED);
        Self::new(StatusCode::UNAUTHORIZED, "not-permitted", exception, text)
    }

    /// A token manages nothing.
    pub(super) fn by_token() -> Self {
        let text = "tokens are not managed with a token: send your user name and password; a token may \
                    only look at itself and revoke itself (/rest/access-tokens/latest/self)";
        let exception = Some(exception::NOT_AUTHORISED);
        Self::new(StatusCode::FORBIDDEN, "own-path", exception, text)
    }

    /// There is none.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", Some(exception::NO_OBJECT), text)
    }

    /// There is no such person.
    pub(super) fn no_user(name: impl std::fmt::Display) -> Self {
        let text = format!("there is no user `{name}`");
        Self::new(StatusCode::NOT_FOUND, "not-found", Some(exception::NO_USER), text)
    }

    /// The path has no such method.
    pub(super) fn method(allow: String) -> Self {
        let text = format!("this path has no such method; it has {allow}");
        let mut refused = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", None, text);
        refused.answer.allow = Some(allow.into());
        refused
    }

    /// The body or the query asks for something that is not to be had; `field` is the one at fault.
    pub(super) fn invalid(field: Option<&str>, text: impl Into<String>) -> Self {
        let exception = Some(exception::INVALID);
        let mut refused = Self::new(StatusCode::BAD_REQUEST, "invalid", exception, text);
        refused.answer.context = field.map(str::to_owned);
        refused
    }

    /// The settings do not allow it.
    fn policy(error: &PolicyError) -> Self {
        let field = match error {
            PolicyError::Required(_) | PolicyError::TooLate(_) | PolicyError::Past => {
                Some("expiryDays")
            }
            PolicyError::NotAllowed { .. } => Some("permissions"),
            PolicyError::TooMany { .. } | PolicyError::NoRepositoryTokens(_) => None,
        };
        Self::invalid(field, error.to_string())
    }

    /// The body is larger than any call's.
    pub(super) fn too_large(most: usize) -> Self {
        let text = format!("the body of a call has at most {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", None, text)
    }

    /// The body is not JSON by its own account.
    pub(super) fn media_type() -> Self {
        let text = "the body of this call is JSON: send Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", None, text)
    }

    /// Too many wrong passwords.
    pub(super) fn throttled(wait: Wait) -> Self {
        let seconds = wait.seconds;
        let text = format!("too many wrong passwords; try again in {seconds} seconds");
        let mut refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", None, text);
        refused.answer.retry_after = Some(seconds);
        refused
    }

    /// It cannot be told.
    pub(super) fn unwritable() -> Self {
        let text = "this answer could not be written";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "crashed", None, text)
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// The short stable name of the reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// What is said.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        *self.answer
    }

    #[cfg(test)]
    pub(super) fn allowed(&self) -> String {
        self.answer.allow.as_ref().map(|allow| format!(" {allow}")).unwrap_or_default()
    }
}

impl From<Undone> for Refused {
    fn from(undone: Undone) -> Self {
        let (status, reason) = match undone {
            Undone::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Undone::Crashed => (StatusCode::INTERNAL_SERVER_ERROR, "crashed"),
        };
        Self::new(status, reason, None, undone.to_string())
    }
}

impl From<LoginError> for Refused {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Wrong => Self::wrong_password(),
            LoginError::MayNot(text) => Self::not_permitted(text),
            LoginError::Throttled(wait) => Self::throttled(wait),
            LoginError::Host => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "host", None, error.to_string())
            }
            LoginError::Undone(undone) => undone.into(),
            LoginError::Trouble(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Policy(error) => Self::policy(&error),
            StoreError::Missing { what: "user", name } => Self::no_user(name),
            StoreError::Missing { .. } => Self::not_found(error.to_string()),
            StoreError::Settled { .. } | StoreError::Exists { .. } => {
                Self::invalid(None, error.to_string())
            }
            error => {
                // What the store's trouble is, is the operator's business and not the caller's.
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "a call of the token API could not be served");
                let text = "the store of tokens cannot answer; try again in a moment";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", None, text)
            }
        }
    }
}

impl From<ManageError> for Refused {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Combination(_) | ManageError::NoRights(_) => {
                Self::invalid(Some("permissions"), error.to_string())
            }
            ManageError::Policy(error) => Self::policy(&error),
            ManageError::Force => Self::invalid(Some("noForce"), error.to_string()),
            ManageError::NoToken(_) | ManageError::Revoked(_) | ManageError::RevokedAlready(_) => {
                Self::not_found(error.to_string())
            }
            ManageError::Credentials => Self::wrong_password(),
            ManageError::Disabled(_) | ManageError::ServiceUser { .. } => {
                Self::not_permitted(error.to_string())
            }
            ManageError::Store(error) => error.into(),
            error => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "a call of the token API could not be served");
                let text = "this could not be done here; the log of the server says why";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "failed", None, text)
            }
        }
    }
}
