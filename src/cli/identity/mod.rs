//! `gitlatch identity`: the credentials under which owners are known to the host.

mod rekey;

use super::output::wrong_call;
use super::place::Place;
use super::token::OwnerJson;
use super::{Outcome, context, input, moment, output, values};
use crate::config::{Config, KeySource};
use crate::domain::names::UserName;
use crate::domain::principal::{Owner, Scheme};
use crate::manage::identities::{self, HostUser, Presented};
use crate::manage::users;
use crate::store::{IdentityRecord, Registry};
use anyhow::anyhow;
use std::path::PathBuf;

/// What to do with stored credentials.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Store the credential of a user, a project or a repository, in the place of one that is there
    Set(Set),
    /// List whose credentials are stored; never their secrets
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Remove a credential: requests of its owner's tokens are refused from then on
    Remove(Whose),
    /// Seal every credential with another key
    ///
    /// Where the configuration names one key in a file, a new key is made, and takes its place in the
    /// file when all credentials are sealed with it. With several keys, or keys in a variable, all
    /// credentials are sealed with the first, and the others are not needed any more.
    Rekey,
}

/// Whose credential it is.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("owner").required(true).args(["user", "project"])))]
pub(super) struct Whose {
    /// A user's
    #[arg(long, value_name = "NAME", value_parser = values::user)]
    user: Option<UserName>,
    #[command(flatten)]
    place: Place,
}

/// A credential to store.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("how").required(true)))]
pub(super) struct Set {
    #[command(flatten)]
    whose: Whose,
    /// Present it as Basic, under this user name of the host
    #[arg(long, group = "how", value_name = "NAME", value_parser = HostUser::new)]
    username: Option<HostUser>,
    /// Present it as Bearer
    #[arg(long, group = "how")]
    bearer: bool,
    /// Read the host's password or token from standard input: one line
    #[arg(long = "secret-stdin", required = true)]
    _secret_stdin: bool,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct IdentityJson<'a> {
    owner: OwnerJson<'a>,
    scheme: &'static str,
    /// Null with Bearer.
    username: Option<&'a str>,
    /// By what the key is known that it is sealed with.
    key: String,
    set_date: i64,
}

/// Stores, lists or removes credentials, or seals them anew.
pub(super) fn run(config: Option<PathBuf>, command: Command) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    match command {
        Command::Set(set) => set.run(&config)?,
        Command::List { json } => {
            let found = context::if_any(&config)?.map(|mut registry| registry.list_identities());
            list(&found.transpose()?.unwrap_or_default(), json)?;
        }
        Command::Remove(whose) => {
            let mut registry = context::existing(&config)?;
            let owner = whose.owner(&mut registry)?;
            let case = config.upstream.kind.case();
            registry.remove_identity(&owner, case, &context::operator()?)?;
            output::line(&format!("the credential of the {owner} is removed"))?;
        }
        Command::Rekey => rekey::run(&mut context::existing(&config)?, keys(&config)?)?,
    }
    Ok(Outcome::Done)
}

/// Where the keys are.
fn keys(config: &Config) -> anyhow::Result<&KeySource> {
    config.keys().ok_or_else(|| {
        anyhow!(
            "the configuration has no key that seals credentials: that takes [upstream.identity] mode \
             = \"stored\", with `key_file` or `key_env`"
        )
    })
}

impl Whose {
    /// The owner; a user must be there.
    fn owner(&self, registry: &mut impl Registry) -> anyhow::Result<Owner> {
        if let Some(name) = &self.user {
            return Ok(Owner::User(users::find(registry, name)?.name));
        }
        let owner = self.place.owner()?;
        owner.ok_or_else(|| wrong_call("name an owner: --user or --project"))
    }
}

impl Set {
    fn run(&self, config: &Config) -> anyhow::Result<()> {
        let keys = keys(config)?;
        let mut registry = context::new_or_existing(config)?;
        let owner = self.whose.owner(&mut registry)?;
        let presented = self.username.clone().map_or(Presented::Bearer, Presented::Basic);
        let secret = input::secret("secret")?;
        // No `rekey` drops the key between the reading of it and the end of the change.
        let _held = rekey::held(keys)?;
        let ring = keys.read()?;
        let case = config.upstream.kind.case();
        let by = context::operator()?;
        let done = format!("the credential of the {owner} is stored");
        identities::set(&mut registry, &ring, owner, &presented, &secret, case, &by)?;
        output::line(&done)
    }
}

fn list(identities: &[IdentityRecord], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&identities.iter().map(IdentityJson::from).collect::<Vec<_>>());
    }
    let rows: Vec<_> = identities.iter().map(cells).collect();
    output::table(["OWNER", "SCHEME", "USER NAME", "KEY", "SET"], &rows)
}

fn cells(identity: &IdentityRecord) -> [String; 5] {
    [
        identity.owner.to_string(),
        identity.scheme.name().to_owned(),
        username(identity).unwrap_or_default().to_owned(),
        identity.key.to_string(),
        moment::day(identity.set),
    ]
}

fn username(identity: &IdentityRecord) -> Option<&str> {
    (identity.scheme == Scheme::Basic).then_some(identity.username.as_str())
}

impl<'a> From<&'a IdentityRecord> for IdentityJson<'a> {
    fn from(identity: &'a IdentityRecord) -> Self {
        Self {
            owner: OwnerJson::of(&identity.owner),
            scheme: identity.scheme.name(),
            username: username(identity),
            key: identity.key.to_string(),
            set_date: identity.set.as_millis(),
        }
    }
}
