//! Brings the gate's side door and the token API together, which do not know each other.

use crate::config::{Config, Passwords as Source};
use crate::domain::names::UserName;
use crate::domain::secret::Secret;
use crate::forward::RemoteHost;
use crate::gate::{Knock, Served, SideDoor, Visitor};
use crate::manage::api::{Api, Call, Caller, MOST_BODY};
use crate::manage::clerks::Clerks;
use crate::manage::login::{Desk, LoginError, Logins, Passwords, Proof, Prove};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{FutureExt, LocalBoxFuture};
use http::{HeaderValue, StatusCode};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long the host may take at most to say whether a password is right.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a host answers to a wrong credential.
const REFUSED: [StatusCode; 2] = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
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
        Self(Api::new(desk, config.upstream.kind.case(), config.tells_force()))
    }
}

/// Where people prove their passwords: at the host, where the configuration says so.
pub(super) fn passwords(config: &Config, host: Option<RemoteHost>) -> Passwords {
    match (&config.access.passwords, host) {
        (Source::Upstream { path }, Some(host)) => Passwords::Host(Box::new(Asker {
            host,
            path: path.clone(),
            patience: PATIENCE.min(config.server.idle_timeout),
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

/// Who a name and a password are at the host, for the command line: nothing is held back there, since
/// whoever runs it can read the store anyway.
///
/// # Errors
/// When the host cannot be asked, or the password is not this user's.
pub(super) fn prove(
    config: &Config,
    host: RemoteHost,
    name: &UserName,
    password: &Secret,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Passwords::Host(host) = passwords(config, Some(host)) else {
        anyhow::bail!("the configuration does not ask the host for passwords");
    };
    match runtime.block_on(host.prove(name, password)) {
        Proof::Right(told) if told.as_ref().is_none_or(|told| name.is(told)) => Ok(()),
        Proof::Right(_) | Proof::Wrong => Err(LoginError::Wrong.into()),
        Proof::Trouble(why) => {
            anyhow::bail!("the host could not be asked whether the password is right: {why}")
        }
    }
}

/// Asks the host whether a password is right.
struct Asker {
    host: RemoteHost,
    path: String,
    patience: Duration,
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
        if let Err(why) = self.refuses_nobody().await {
            return Proof::Trouble(why);
        }
        match self.host.prove(&self.path, credential, self.patience).await {
            Ok(proof) if proof.status.is_success() => Proof::Right(proof.user),
            // 403 is Bitbucket's way to ask for a CAPTCHA: right or wrong, nobody gets in.
            Ok(proof) if REFUSED.contains(&proof.status) => Proof::Wrong,
            Ok(proof) => Proof::Trouble(format!(
                "its answer to {} with a credential is {}, which does not say whether that is right",
                self.path, proof.status
            )),
            Err(error) => Proof::Trouble(causes(&error)),
        }
    }

    /// Whether the host refuses a credential that nobody has; if not, why nobody is let in.
    async fn refuses_nobody(&self) -> Result<(), String> {
        if self.honest.get().is_some_and(|at| at.elapsed() < HONEST_FOR) {
            return Ok(());
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let nobody = format!("{:032x}", u128::from_ne_bytes(random));
        let credential = basic(&format!("gitlatch-{}", &nobody[..8]), &nobody);
        let credential = credential.ok_or("there is no credential to try it with")?;
        match self.host.prove(&self.path, credential, self.patience).await {
            Ok(proof) if REFUSED.contains(&proof.status) => {
                self.honest.set(Some(Instant::now()));
                Ok(())
            }
            Ok(proof) => Err(format!(
                "it answers {} to a made-up password at {}: `password_path` must name a path that \
                 takes a login, so nobody is let in",
                proof.status, self.path
            )),
            Err(error) => Err(causes(&error)),
        }
    }
}

/// An error and everything that caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
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
