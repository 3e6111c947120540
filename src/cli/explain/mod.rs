//! `gitlatch explain`: what would become of a request, by the same code that judges it in `serve`.

mod request;
mod verdict;

use super::{Outcome, context, input, moment, output, values};
use crate::app;
use crate::config::Config;
use crate::domain::names::UserName;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::Circumstances;
use crate::domain::policy::limits::Limits;
use crate::domain::principal::{Owner, OwnerKind, Rights, TokenPrincipal};
use crate::domain::token::{Form, TokenId};
use crate::manage::ManageError;
use crate::store::sqlite::Database;
use crate::store::{Lookup, Registry, TokenRecord};
use anyhow::bail;
use request::{Method, Url};
use std::net::IpAddr;
use std::path::PathBuf;
use verdict::{Asker, Law};

/// Whose request, and which.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("who").required(true)))]
pub(super) struct Options {
    /// With the token whose secret is on standard input: one line
    #[arg(long, group = "who")]
    token_stdin: bool,
    /// With the token of this number
    #[arg(long, group = "who", value_name = "ID", value_parser = values::token_id)]
    token: Option<TokenId>,
    #[arg(
        help = "With a user's token without limits, repeatable: {PROJECT,REPO}_{READ,WRITE,ADMIN}"
    )]
    #[arg(long = "permission", group = "who", value_name = "PERMISSION", value_delimiter = ',')]
    permissions: Vec<Permission>,
    /// The client's address; without it the client shows none
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
    /// The request's method: GET, POST, …
    #[arg(value_parser = Method::new)]
    method: Method,
    /// Its path and query; in front of them scheme and host may stand, and are not looked at
    #[arg(value_parser = Url::new)]
    url: Url,
}

/// Says what would become of the request.
pub(super) fn run(config: Option<PathBuf>, options: &Options) -> anyhow::Result<Outcome> {
    let hypothetical = hypothetical(&options.permissions)?;
    let (config, _warnings) = context::config_to_serve(&context::config_path(config)?)?;
    let asker = match (hypothetical, options.token) {
        (Some(token), _) => Asker::of(token),
        (None, Some(id)) => numbered(&config, id)?,
        (None, None) => known(&config, presented(&config)?),
    };
    let at = Circumstances {
        now: app::now()?,
        client: options.from.map(|address| address.to_canonical()),
        case: config.upstream.kind.case(),
        shared_identity: config.shared_identity(),
    };
    let law = Law {
        kind: config.upstream.kind,
        prefix: config.prefix(),
        own: &config.rules,
        protections: &config.push.protections,
        serves_lfs: config.serves_lfs(),
    };
    let request = request::Request { method: &options.method, url: &options.url };
    let explanation = verdict::explain(law, request, &asker, at);
    if options.json {
        output::json(&explanation)?;
    } else {
        output::fields(&explanation.fields())?;
    }
    Ok(if explanation.allowed() { Outcome::Done } else { Outcome::Refused })
}

/// A token that is honoured; in mode `stored` its owner needs a credential for the host as well.
fn known(config: &Config, token: TokenPrincipal) -> Asker {
    let unknown_to_host = config.keys().is_some() && token.identity.is_none();
    Asker { unknown_to_host, ..Asker::of(token) }
}

/// A token that nobody has: a user's, whose rights only the host would narrow.
fn hypothetical(permissions: &[Permission]) -> anyhow::Result<Option<TokenPrincipal>> {
    if permissions.is_empty() {
        return Ok(None);
    }
    Ok(Some(TokenPrincipal {
        id: verdict::HYPOTHETICAL,
        name: String::new(),
        owner: Owner::User(UserName::new("anybody")?),
        permissions: Permissions::combine(permissions, OwnerKind::User)?,
        limits: Limits::default(),
        expires: None,
        rights: Rights::Host,
        groups: Vec::new(),
        identity: None,
    }))
}

/// The token of this number, with its owner's rights; of one that is not honoured, what is known still.
fn numbered(config: &Config, id: TokenId) -> anyhow::Result<Asker> {
    let mut registry = context::existing(config)?;
    let record = registry.find_token(id)?.ok_or(ManageError::NoToken(id))?;
    let suspended = record.suspended.map(moment::minute);
    let why = match (record.revoked, registry.principal(id, app::reading(config))?) {
        (None, Some(token)) => {
            return Ok(known(config, token));
        }
        (None, None) => match suspended {
            Some(since) => format!("the token is suspended since {since}"),
            None => format!("the token's owner, {}, is disabled", record.owner),
        },
        (Some(at), _) => format!("the token was revoked on {}", moment::minute(at)),
    };
    let TokenRecord { name, owner, permissions, limits, expires, .. } = record;
    let (rights, identity) = (Rights::Host, None);
    let token = TokenPrincipal {
        id,
        name,
        owner,
        permissions,
        limits,
        expires,
        rights,
        groups: Vec::new(),
        identity,
    };
    Ok(Asker { dishonoured: Some(why), ..Asker::of(token) })
}

/// The token whose secret is presented on standard input.
fn presented(config: &Config) -> anyhow::Result<TokenPrincipal> {
    let secret = input::secret("token")?;
    let hash = match Form::of(secret.expose().as_bytes()) {
        Form::Token(hash) => hash,
        Form::Mistyped => {
            bail!("this token is mistyped: its checksum does not hold, or more stands around it")
        }
        Form::Foreign => bail!("this is no gitlatch token: those begin with latu_, latp_ or latr_"),
    };
    let reader = Database::open_existing(&config.store.path)?.reader(app::reading(config), 1)?;
    match reader.find_by_hash(&hash)? {
        (Some(who), _) => Ok(TokenPrincipal::clone(&who)),
        (None, _) => bail!(
            "no token that is honoured has this secret: it is unknown or revoked, or its user is \
             disabled"
        ),
    }
}
