//! The life of tokens and users, in verbs: what the command line and the token API call.
//!
//! Every rule about what may be made or changed is here, so that no caller can forget one.

mod access;
pub mod api;
pub mod clerks;
mod clock;
pub mod endings;
pub mod house;
pub mod identities;
mod label;
pub mod login;
pub mod tokens;
pub mod users;

pub use label::{Email, Label, LabelError, is_odd};

use crate::auth::password::PasswordError;
use crate::domain::names::UserName;
use crate::domain::permission::CombinationError;
use crate::domain::service_user::ServiceUser;
use crate::domain::settings::PolicyError;
use crate::domain::token::TokenId;
use crate::store::StoreError;

/// Why something was not made or changed. The text is for the person who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The permissions do not go together.
    #[error(transparent)]
    Combination(#[from] CombinationError),
    /// The settings do not allow it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A user without any grant, where only grants give rights.
    #[error(
        "user {0} has no rights that a token could have; give some: gitlatch grant add {0} PERMISSION"
    )]
    NoRights(UserName),
    /// There is no such user, or it is another password: which of them is not said.
    #[error("wrong user name or password")]
    Credentials,
    /// The password is right, but the user may not act.
    #[error("user {0} is disabled")]
    Disabled(UserName),
    /// A name that tokens of projects and repositories travel under.
    #[error(
        "no person may be called `{name}`: tokens of projects and repositories travel under such \
         names (service_user = \"{template}\")"
    )]
    ServiceUser {
        /// The name.
        name: UserName,
        /// What it could be produced from.
        template: ServiceUser,
    },
    /// A password that would be taken for a token wherever it is presented.
    #[error("a password may not look like a token")]
    TokenAsPassword,
    /// There is no such token.
    #[error("there is no token `{0}`")]
    NoToken(TokenId),
    /// A token that is revoked stays as it was.
    #[error("token {0} is revoked, which is for good")]
    Revoked(TokenId),
    /// It was revoked before.
    #[error("token {0} is revoked already")]
    RevokedAlready(TokenId),
    /// The password could not be hashed or checked.
    #[error("the password could not be processed")]
    Password(#[from] PasswordError),
    /// The system gave no random bytes for the secret.
    #[error("no secret could be made")]
    Random(#[source] getrandom::Error),
    /// Nothing here could hold a token to it.
    #[error(
        "a token cannot be kept from forced pushes in front of a host: whether a push is forced shows in \
         its pack and not in its commands; let the host refuse forced pushes, or limit the token to refs \
         of its own (--ref)"
    )]
    Force,
    /// A clock that stands before 1970.
    #[error("the clock of this server is wrong")]
    Clock,
    /// The store did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}
