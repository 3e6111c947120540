//! The token API: `/rest/access-tokens/{1.0|latest}/…` on the proxy's own address, with the paths, shapes
//! and answers that Bitbucket Data Center documents, whatever the host behind.
//!
//! It shares who is asking, the rules about tokens and the store with everything else, and never passes
//! the gate: nothing here goes upstream.

mod answers;
mod body;
mod fields;
mod query;
mod refusal;
mod routes;
mod settings;
mod verbs;
mod wish;

pub use fields::MOST as MOST_BODY;
pub use refusal::Refused;
pub use routes::{ROOT, ROUTES, Route, VERSIONS, Verb};

use super::clock;
use super::login::Desk;
use crate::domain::names::{NameCase, UserName};
use crate::domain::principal::TokenPrincipal;
use crate::domain::secret::Secret;
use crate::domain::trail::{Actor, Author};
use bytes::Bytes;
use http::{Method, StatusCode};
use routes::Found;
use std::net::IpAddr;
use std::rc::Rc;
use verbs::Asked;
use wish::Wish;

/// One call of the API.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path behind the prefix of the public URL.
    pub path: &'a str,
    /// The query.
    pub query: Option<&'a str>,
    /// The `Content-Type`, if there is exactly one.
    pub media_type: Option<&'a str>,
    /// The body; `None` when it is larger than [`MOST_BODY`].
    pub body: Option<Bytes>,
    /// Where the client is.
    pub client: Option<IpAddr>,
    /// Who calls.
    pub caller: Caller,
}

/// Who calls.
#[derive(Debug)]
pub enum Caller {
    /// Nobody said who, or in a way that proves nothing here.
    Nobody,
    /// Somebody with a user name and a password.
    Person(String, Secret),
    /// A token that was found and may be used from here.
    Token(Rc<TokenPrincipal>),
}

/// What is answered.
#[derive(Debug)]
pub struct Served {
    /// The status and the JSON, or why not.
    pub answer: Result<(StatusCode, String), Refused>,
    /// The person who proved to be one.
    pub person: Option<UserName>,
}

/// The API, as one worker serves it.
pub struct Api {
    desk: Desk,
    case: NameCase,
    tells_force: bool,
}

impl Api {
    /// The API of a host that compares names like this; whether what lies behind can tell a forced push
    /// from another one.
    #[must_use]
    pub fn new(desk: Desk, case: NameCase, tells_force: bool) -> Self {
        Self { desk, case, tells_force }
    }

    /// Serves one call.
    pub async fn serve(&self, call: Call<'_>) -> Served {
        let mut person = None;
        let answer = self.answer(call, &mut person).await;
        Served { answer, person }
    }

    async fn answer(
        &self,
        call: Call<'_>,
        person: &mut Option<UserName>,
    ) -> Result<(StatusCode, String), Refused> {
        // Who is asking comes first: a path tells nothing to somebody who proves nothing. All that a
        // token may learn about other paths is that it may not go there.
        let found = routes::find(call.method, call.path);
        let by = |who| Ok::<_, Refused>(Author { who, from: call.client, at: clock::now()? });
        let (case, tells_force) = (self.case, self.tells_force);
        match call.caller {
            Caller::Nobody => Err(Refused::no_credential()),
            Caller::Token(token) => match found {
                Ok(Found { verb: verb @ (Verb::GetSelf | Verb::RevokeSelf), .. }) => {
                    let (id, by) = (token.id, by(Actor::Token(token.id))?);
                    self.desk
                        .clerks
                        .run_for_token(move |registry| verbs::of_itself(registry, verb, id, &by))
                        .await?
                }
                // What else may be done on its own path is no secret to it.
                Err(refused) if routes::is_own(call.path) => Err(refused),
                _ => Err(Refused::by_token()),
            },
            Caller::Person(name, password) => {
                let user = self.desk.login(&name, password, call.client).await?;
                *person = Some(user.name.clone());
                let Found { verb, owner, token } = found?;
                let by = by(Actor::User(user.name.clone()))?;
                let wish = Wish::read(verb, call.query, call.media_type, call.body.as_ref())?;
                let query = call.query.map(str::to_owned);
                let asked = Asked { user, owner, token, case, tells_force, by, query };
                self.desk.clerks.run(move |registry| verbs::serve(registry, &asked, wish)).await?
            }
        }
    }
}
