//! Brings the gate's side door and the token API together, which do not know each other.

use crate::config::{Config, Passwords as Source};
use crate::domain::dialect::Kind;
use crate::domain::names::UserName;
use crate::domain::secret::Secret;
use crate::forward::{ForwardError, RemoteHost};
use crate::gate::{Knock, Served, SideDoor, Visitor};
use crate::manage::api::{Api, Call, Caller, MOST_BODY};
use crate::manage::clerks::Clerks;
use crate::manage::login::{Desk, Logins, Passwords, Proof, Prove};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{FutureExt, LocalBoxFuture};
use http::{HeaderValue, StatusCode};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long the host may take to say whether a password is right.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is good for that the host was seen to refuse a made-up credential.
const HONEST_FOR: Duration = Duration::from_hours(1);

/// The token API as one worker serves it.
pub(super) struct Door(Api);

impl Door {
    pub(super) fn new(
        config: &Config,
        host: Option<RemoteHost>,
        logins: &Arc<Logins>,
        clerks: &Clerks,
    ) -> Self {
        let desk = Desk {
            logins: Arc::clone(logins),
            passwords: passwords(config, host),
            service_user: config.service_user().cloned(),
            clerks: clerks.clone(),
        };
        Self(Api::new(desk, config.upstream.kind.case()))
    }
}

/// Where people prove their passwords: at the host, where the configuration says so.
pub(super) fn passwords(config: &Config, host: Option<RemoteHost>) -> Passwords {
    match (&config.access.passwords, host) {
        (Source::Upstream { path }, Some(host)) => Passwords::Host(Box::new(Asker {
            host,
            kind: config.upstream.kind,
            path: path.clone(),
            honest: Cell::new(None),
        })),
        _ => Passwords::Local,
    }
}

impl SideDoor for Door {
    fn serve<'a>(&'a self, knock: Knock<'a>) -> LocalBoxFuture<'a, Served> {
        async move {
            let caller = match knock.visitor {
                Visitor::Nobody => Caller::Nobody,
                Visitor::Person(name, password) => Caller::Person(name, password),
                Visitor::Token(token) => Caller::Token(token),
            };
            let call = Call {
                method: knock.method,
                path: knock.path,
                query: knock.query,
                media_type: knock.media_type,
                body: knock.body,
                client: knock.client,
                caller,
            };
            let served = self.0.serve(call).await;
            let answer = served.answer.map_err(|refused| {
                let reason = refused.reason();
                (refused.into_answer(), reason)
            });
            Served { answer, person: served.person }
        }
        .boxed_local()
    }

    fn most_body(&self) -> usize {
        MOST_BODY
    }
}

/// Asks the host whether a password is right.
struct Asker {
    host: RemoteHost,
    kind: Kind,
    path: String,
    /// When the host was last seen to refuse a made-up credential.
    honest: Cell<Option<Instant>>,
}

impl Prove for Asker {
    fn prove<'a>(&'a self, name: &'a UserName, password: &'a Secret) -> LocalBoxFuture<'a, Proof> {
        self.ask(name, password).boxed_local()
    }
}

impl Asker {
    async fn ask(&self, name: &UserName, password: &Secret) -> Proof {
        let Some(credential) = basic(name.as_str(), password.expose()) else { return Proof::Wrong };
        // A path that answers 2xx to everybody would make every password right.
        if !self.is_honest().await {
            return Proof::Trouble;
        }
        match self.host.prove(&self.path, credential, PATIENCE).await {
            Ok(proof) if proof.status.is_success() => Proof::Right(proof.user),
            Ok(proof) if proof.status == StatusCode::UNAUTHORIZED => Proof::Wrong,
            // Bitbucket wants a CAPTCHA solved by then: right or wrong, nobody gets in.
            Ok(proof) if proof.status == StatusCode::FORBIDDEN => Proof::Wrong,
            Ok(proof) => {
                tracing::error!(
                    status = proof.status.as_u16(),
                    path = self.path,
                    "the host's answer does not say whether a password is right"
                );
                Proof::Trouble
            }
            Err(error) => {
                complain(&error);
                Proof::Trouble
            }
        }
    }

    /// Whether the host refuses a credential that nobody can have.
    async fn is_honest(&self) -> bool {
        if self.honest.get().is_some_and(|at| at.elapsed() < HONEST_FOR) {
            return true;
        }
        let mut random = [0; 16];
        if getrandom::fill(&mut random).is_err() {
            return false;
        }
        let nobody = format!("{:032x}", u128::from_ne_bytes(random));
        let Some(credential) = basic(&format!("gitlatch-{}", &nobody[..8]), &nobody) else {
            return false;
        };
        match self.host.prove(&self.path, credential, PATIENCE).await {
            Ok(proof)
                if matches!(proof.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                self.honest.set(Some(Instant::now()));
                true
            }
            Ok(proof) => {
                tracing::error!(
                    status = proof.status.as_u16(),
                    path = self.path,
                    kind = self.kind.name(),
                    "the host does not refuse a made-up password there: `password_path` must name a \
                     path that takes a login; nobody is let in"
                );
                false
            }
            Err(error) => {
                complain(&error);
                false
            }
        }
    }
}

fn complain(error: &ForwardError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "the host could not be asked for a password");
}

fn basic(name: &str, password: &str) -> Option<HeaderValue> {
    // Basic can carry neither (RFC 7617 section 2).
    if name.contains(':') || password.contains(char::is_control) {
        return None;
    }
    let pair = Zeroizing::new(format!("{name}:{password}"));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    let mut value = HeaderValue::from_str(&Zeroizing::new(format!("Basic {}", *encoded))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
