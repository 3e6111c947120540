//! `gitlatch grant`: rights of users and groups that are held here.

use super::output::wrong_call;
use super::place::Place;
use super::{Outcome, context, group, output};
use crate::domain::names::{GroupName, ProjectScope, RepoName, UserName};
use crate::domain::permission::Permission;
use crate::domain::principal::{Grant, Grantee};
use crate::manage::users;
use crate::store::{GrantRecord, Registry, StoreError};
use anyhow::anyhow;
use std::path::PathBuf;

/// What to do with rights.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Give a user or a group a right, everywhere or in one place
    Add(Right),
    /// List the rights of one user or group, or of all
    List(List),
    /// Take a right away: the same arguments that gave it
    Remove(Right),
}

/// A right and whose it is.
#[derive(Debug, clap::Args)]
pub(super) struct Right {
    /// The user, or with --group the group
    name: String,
    #[arg(help = "{PROJECT,REPO}_{READ,WRITE,ADMIN}")]
    permission: Permission,
    /// NAME is a group's: everybody in it has the right
    #[arg(long)]
    group: bool,
    #[command(flatten)]
    place: Place,
}

/// Whose rights to list.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// The user, or with --group the group; without it everybody
    name: Option<String>,
    /// NAME is a group's
    #[arg(long, requires = "name", conflicts_with = "effective")]
    group: bool,
    /// The user's rights through groups as well, and through which
    #[arg(long, requires = "name")]
    effective: bool,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// One of `user` and `group` is null. `project` is `*` for a right that holds everywhere; `repository`
/// is null for all of the project's.
#[derive(serde::Serialize)]
struct GrantJson<'a> {
    user: Option<&'a str>,
    group: Option<&'a str>,
    permission: &'static str,
    project: String,
    repository: Option<&'a str>,
}

/// Gives, lists or takes rights.
pub(super) fn run(config: Option<PathBuf>, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Add(right) => {
            let (to, grant) = right.read()?;
            let mut registry = context::existing(&context::config(config)?)?;
            let by = context::operator()?;
            registry.add_grant(&to, &grant, &by).map_err(|error| plainly(error, &to, &grant))?;
            output::line(&format!("{to} now has {}", describe(&grant)))?;
        }
        Command::Remove(right) => {
            let (from, grant) = right.read()?;
            let mut registry = context::existing(&context::config(config)?)?;
            let by = context::operator()?;
            registry
                .remove_grant(&from, &grant, &by)
                .map_err(|error| plainly(error, &from, &grant))?;
            output::line(&format!("{from} no longer has {}", describe(&grant)))?;
        }
        Command::List(list) => {
            let of = list.name.as_deref().map(|name| grantee(name, list.group)).transpose()?;
            let grants = match context::if_any(&context::config(config)?)? {
                Some(mut registry) => grants_of(&mut registry, of.as_ref(), list.effective)?,
                None => Vec::new(),
            };
            print(&grants, list.json)?;
        }
    }
    Ok(Outcome::Done)
}

impl Right {
    fn read(&self) -> anyhow::Result<(Grantee, Grant)> {
        let grantee = grantee(&self.name, self.group)?;
        let (projects, repository) = self.place.scope()?;
        let permission = self.permission;
        if let (Permission::Project(_), Some(name)) = (permission, &repository) {
            return Err(wrong_call(format_args!(
                "{permission} is a permission on a project; on the repository {name} alone give a \
                 REPO_… one"
            )));
        }
        Ok((grantee, Grant { projects, repository, permission }))
    }
}

fn grantee(name: &str, group: bool) -> anyhow::Result<Grantee> {
    if group {
        GroupName::new(name).map(Grantee::Group).map_err(wrong_call)
    } else {
        UserName::new(name).map(Grantee::User).map_err(wrong_call)
    }
}

/// The rights of a user or a group that must be there, or of all.
fn grants_of(
    registry: &mut impl Registry,
    of: Option<&Grantee>,
    effective: bool,
) -> anyhow::Result<Vec<GrantRecord>> {
    match of {
        None => {}
        Some(Grantee::Group(name)) => drop(group::find(registry, name)?),
        Some(Grantee::User(name)) => {
            let user = users::find(registry, name)?.name;
            if effective {
                return effective_of(registry, &user);
            }
        }
    }
    Ok(registry.list_grants(of)?)
}

/// A user's own rights and those of each group that the user is in, with whose they are.
fn effective_of(registry: &mut impl Registry, user: &UserName) -> anyhow::Result<Vec<GrantRecord>> {
    let mut grants = registry.list_grants(Some(&Grantee::User(user.clone())))?;
    for group in registry.list_groups()? {
        if group.members.contains(user) {
            grants.extend(registry.list_grants(Some(&Grantee::Group(group.name)))?);
        }
    }
    Ok(grants)
}

/// What the store says about a right, in the words that a right is given with.
fn plainly(error: StoreError, of: &Grantee, grant: &Grant) -> anyhow::Error {
    match error {
        StoreError::Exists { what: "grant", .. } => {
            anyhow!("{of} has {} already", describe(grant))
        }
        StoreError::Missing { what: "grant", .. } => {
            anyhow!("{of} has no {} by itself; gitlatch grant list shows each", describe(grant))
        }
        other => other.into(),
    }
}

fn print(grants: &[GrantRecord], json: bool) -> anyhow::Result<()> {
    if json {
        let grants: Vec<_> = grants.iter().map(GrantJson::from).collect();
        return output::json(&grants);
    }
    let rows: Vec<_> = grants.iter().map(cells).collect();
    output::table(["HOLDER", "PERMISSION", "PROJECT", "REPOSITORY"], &rows)
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
        let (user, group) = match &record.grantee {
            Grantee::User(name) => (Some(name.as_str()), None),
            Grantee::Group(name) => (None, Some(name.as_str())),
        };
        Self {
            user,
            group,
            permission: record.grant.permission.name(),
            project: record.grant.projects.to_string(),
            repository: record.grant.repository.as_ref().map(RepoName::as_str),
        }
    }
}
