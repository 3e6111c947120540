//! `gitlatch token create`.

use super::json::TokenJson;
use super::profile::Profile;
use super::{Place, instructions, wrong_call};
use crate::app;
use crate::cli::{Outcome, context, input, output, values};
use crate::config::Config;
use crate::domain::names::UserName;
use crate::domain::pattern::Pattern;
use crate::domain::permission::Permission;
use crate::domain::policy::limits::{Limits, Only, RefRules};
use crate::domain::principal::Owner;
use crate::manage::Label;
use crate::manage::tokens::{self, TokenRequest, Wanted};
use crate::store::Registry;
use ipnet::IpNet;
use std::path::PathBuf;
use std::time::Duration;

/// The token to make.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("owner").required(true).args(["user", "project"])))]
pub(in crate::cli) struct Options {
    /// A user's token; it takes that user's password
    #[arg(long, value_name = "NAME", requires = "password_stdin", value_parser = values::user)]
    user: Option<UserName>,
    /// Read the user's password from standard input: one line
    #[arg(long, requires = "user")]
    password_stdin: bool,
    #[command(flatten)]
    pub(super) place: Place,
    /// A name to know the token by
    #[arg(long, value_name = "TEXT", value_parser = values::label)]
    name: Label,
    #[arg(long = "permission", value_name = "PERMISSION", num_args = 1.., value_delimiter = ',')]
    #[arg(help = "What it may do, repeatable: {PROJECT,REPO}_{READ,WRITE,ADMIN}; \
                without it the highest that the owner has now")]
    pub(super) permissions: Vec<Permission>,
    /// How long it lives: 30s, 15m, 8h, 90d; without it for ever. It cannot be changed later
    #[arg(long, value_name = "DURATION", value_parser = values::lifetime)]
    pub(super) expires_in: Option<Duration>,
    /// Only these, repeatable: PROJECT, PROJECT/REPO, PROJECT/**; `!` in front forbids
    #[arg(long, value_name = "PATTERN", value_parser = values::pattern)]
    pub(super) only: Vec<Pattern>,
    /// Only from these client addresses, repeatable: an address or a network
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = values::network)]
    from: Vec<IpNet>,
    #[command(flatten)]
    pub(super) refs: Refs,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
    #[arg(
        help = "The limits of a kind of holder in one word. agent: REPO_WRITE on one repository, pushes \
                to refs/heads/agent/** alone, no deleting, no tags, no force where that can be held, 8 \
                hours; what is given besides takes the place of its part"
    )]
    #[arg(long, value_name = "NAME")]
    profile: Option<Profile>,
}

/// What the token may do to refs.
#[derive(Debug, clap::Args)]
pub(super) struct Refs {
    /// It may push to these refs only, repeatable: full names, like refs/heads/bot/*; `!` in front
    /// forbids. Without it: branches, tags and notes
    #[arg(long = "ref", value_name = "PATTERN", value_parser = values::ref_pattern)]
    pub(super) patterns: Vec<Pattern>,
    /// It may delete no ref
    #[arg(long)]
    pub(super) no_delete: bool,
    /// It may move no ref to a commit that does not follow from the one before; only with `repositories`
    #[arg(long)]
    pub(super) no_force: bool,
    /// It may not touch tags
    #[arg(long)]
    pub(super) no_tags: bool,
}

/// Makes the token and shows its secret.
pub(super) fn run(config: Option<PathBuf>, mut options: Options) -> anyhow::Result<Outcome> {
    let place = options.place.owner()?;
    let config = context::config(config)?;
    if let Some(profile) = options.profile {
        profile.apply(&mut options, &config)?;
    }
    let mut registry = context::new_or_existing(&config)?;
    let owner = match (&options.user, place) {
        (Some(name), _) => proven(&config, &mut registry, name)?,
        (None, Some(owner)) => owner,
        (None, None) => return Err(wrong_call("name an owner: --user or --project")),
    };
    warn_of_repositories(&options.only);
    let limits = options.limits()?;
    let rules = limits.refs.clone();
    let permissions = if options.permissions.is_empty() {
        Wanted::Highest { rights: app::rights(&config) }
    } else {
        Wanted::These(options.permissions)
    };
    let request = TokenRequest {
        name: options.name,
        owner,
        permissions,
        limits,
        lifetime: options.expires_in,
        tells_force: config.tells_force(),
    };
    let by = context::operator()?;
    let issued = tokens::create(&mut registry, request, &by, getrandom::fill)?;
    warn_of_refs(&rules);
    let answer = if options.json {
        format!("{}\n", serde_json::to_string(&TokenJson::issued(&issued.record, &issued.secret))?)
    } else {
        instructions::text(&issued, &config)
    };
    if let Err(error) = output::deliver(&answer) {
        tokens::revoke(&mut registry, issued.record.id, &by)?;
        let lost = "the secret could not be shown, so the token is revoked";
        return Err(anyhow::Error::new(error).context(lost));
    }
    Ok(Outcome::Done)
}

impl Options {
    fn limits(&self) -> anyhow::Result<Limits> {
        let Refs { patterns, no_delete, no_force, no_tags } = &self.refs;
        Ok(Limits {
            only: Only::new(&texts(&self.only))?,
            from: self.from.clone(),
            refs: RefRules::new(&texts(patterns), *no_delete, *no_force, *no_tags)?,
        })
    }
}

fn texts(patterns: &[Pattern]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

/// What does not follow from the options, and whoever chooses them would want to know.
fn warn_of_refs(rules: &RefRules) {
    if rules.no_force && !rules.no_delete {
        output::note(
            "the token may not force, but it may delete a branch and make it anew; --no-delete keeps it \
             from that too",
        );
    }
}

/// The user, who is who the password says: here, or at the host where that proves passwords.
pub(super) fn proven(
    config: &Config,
    registry: &mut impl Registry,
    name: &UserName,
) -> anyhow::Result<Owner> {
    let (password, by) = (input::secret("password")?, context::operator()?);
    let user = app::authenticate(config, registry, name, &password, &by)?;
    Ok(Owner::User(user.name))
}

/// Projects nest, so `group/sub/name` is easily meant for a project of that name: say what it means. Two
/// names are what everybody writes for a repository, and need no word.
fn warn_of_repositories(only: &[Pattern]) {
    let plain = only.iter().filter(|pattern| !pattern.forbids() && !pattern.glob().contains('*'));
    let parts = plain.filter_map(|pattern| pattern.glob().rsplit_once('/'));
    for (project, name) in parts.filter(|(project, _)| project.contains('/')) {
        output::note(&format!(
            "`{project}/{name}` names one repository: `{name}` of `{project}`; for all repositories \
             of a project {project}/{name} write `{project}/{name}/*`"
        ));
    }
}
