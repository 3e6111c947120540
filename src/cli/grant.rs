//! `gitlatch grant`: rights of users that are held here.

use super::output::wrong_call;
use super::place::Place;
use super::{Outcome, context, output, values};
use crate::domain::names::{ProjectScope, RepoName, UserName};
use crate::domain::permission::Permission;
use crate::domain::principal::{Grant, Grantee};
use crate::manage::users;
use crate::store::{GrantRecord, Registry, StoreError};
use anyhow::anyhow;
use std::path::PathBuf;

/// What to do with rights.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Give a user a right, everywhere or in one place
    Add(Right),
    /// List the rights of one user or of all
    List {
        /// The user; without it everybody
        #[arg(value_parser = values::user)]
        name: Option<UserName>,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Take a right away: the same arguments that gave it
    Remove(Right),
}

/// A right and whose it is.
#[derive(Debug, clap::Args)]
pub(super) struct Right {
    /// The user
    #[arg(value_parser = values::user)]
    name: UserName,
    #[arg(help = "{PROJECT,REPO}_{READ,WRITE,ADMIN}")]
    permission: Permission,
    #[command(flatten)]
    place: Place,
}

/// `project` is `*` for a right that holds everywhere; `repository` is null for all of the project's.
#[derive(serde::Serialize)]
struct GrantJson<'a> {
    user: String,
    permission: &'static str,
    project: String,
    repository: Option<&'a str>,
}

/// Gives, lists or takes rights.
pub(super) fn run(config: Option<PathBuf>, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Add(Right { name, permission, place }) => {
            let grant = grant(permission, &place)?;
            let mut registry = context::existing(&context::config(config)?)?;
            let by = context::operator()?;
            let to = Grantee::User(name.clone());
            registry.add_grant(&to, &grant, &by).map_err(|error| plainly(error, &name, &grant))?;
            output::line(&format!("{name} now has {}", describe(&grant)))?;
        }
        Command::Remove(Right { name, permission, place }) => {
            let grant = grant(permission, &place)?;
            let mut registry = context::existing(&context::config(config)?)?;
            let by = context::operator()?;
            let from = Grantee::User(name.clone());
            registry
                .remove_grant(&from, &grant, &by)
                .map_err(|error| plainly(error, &name, &grant))?;
            output::line(&format!("{name} no longer has {}", describe(&grant)))?;
        }
        Command::List { name, json } => {
            let grants = match context::if_any(&context::config(config)?)? {
                Some(mut registry) => grants_of(&mut registry, name.as_ref())?,
                None => Vec::new(),
            };
            list(&grants, json)?;
        }
    }
    Ok(Outcome::Done)
}

fn grant(permission: Permission, place: &Place) -> anyhow::Result<Grant> {
    let (projects, repository) = place.scope()?;
    if let (Permission::Project(_), Some(name)) = (permission, &repository) {
        return Err(wrong_call(format_args!(
            "{permission} is a permission on a project; on the repository {name} alone give a REPO_… one"
        )));
    }
    Ok(Grant { projects, repository, permission })
}

/// The rights of a user who must be there, or of all.
fn grants_of(
    registry: &mut impl Registry,
    name: Option<&UserName>,
) -> anyhow::Result<Vec<GrantRecord>> {
    if let Some(name) = name {
        users::find(registry, name)?;
    }
    Ok(registry.list_grants(name.cloned().map(Grantee::User).as_ref())?)
}

/// What the store says about a right, in the words that a right is given with.
fn plainly(error: StoreError, user: &UserName, grant: &Grant) -> anyhow::Error {
    match error {
        StoreError::Exists { what: "grant", .. } => {
            anyhow!("{user} has {} already", describe(grant))
        }
        StoreError::Missing { what: "grant", .. } => anyhow!("{user} has no {}", describe(grant)),
        other => other.into(),
    }
}

fn list(grants: &[GrantRecord], json: bool) -> anyhow::Result<()> {
    if json {
        let grants: Vec<_> = grants.iter().map(GrantJson::from).collect();
        return output::json(&grants);
    }
    let rows: Vec<_> = grants.iter().map(cells).collect();
    output::table(["USER", "PERMISSION", "PROJECT", "REPOSITORY"], &rows)
}

fn cells(record: &GrantRecord) -> [String; 4] {
    let GrantRecord { grantee, grant } = record;
    let repository = grant.repository.as_ref().map_or("all", RepoName::as_str);
    [
        grantee.to_string(),
        grant.permission.to_string(),
        grant.projects.to_string(),
        repository.to_owned(),
    ]
}

fn describe(grant: &Grant) -> String {
    let place = match (&grant.projects, &grant.repository) {
        (ProjectScope::Everywhere, _) => "everywhere".to_owned(),
        (project, Some(name)) => format!("on the repository {project}/{name}"),
        (project, None) => format!("on the project {project}"),
    };
    format!("{} {place}", grant.permission)
}

impl<'a> From<&'a GrantRecord> for GrantJson<'a> {
    fn from(record: &'a GrantRecord) -> Self {
        Self {
            user: record.grantee.to_string(),
            permission: record.grant.permission.name(),
            project: record.grant.projects.to_string(),
            repository: record.grant.repository.as_ref().map(RepoName::as_str),
        }
    }
}
