//! `gitlatch grant`: rights of users that are held here.

use super::output::wrong_call;
use super::place::Place;
use super::{Outcome, context, output, values};
use crate::domain::names::{ProjectScope, RepoName, UserName};
use crate::domain::permission::Permission;
use crate::domain::principal::Grant;
use crate::store::{GrantRecord, Registry};
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
    user: &'a str,
    permission: &'static str,
    project: String,
    repository: Option<&'a str>,
}

/// Gives, lists or takes rights.
pub(super) fn run(config: Option<PathBuf>, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Add(right) => {
            let grant = right.grant()?;
            context::registry(&context::config(config)?)?.add_grant(&right.name, &grant)?;
            output::line(&format!("{} now has {}", right.name, describe(&grant)))?;
        }
        Command::Remove(right) => {
            let grant = right.grant()?;
            context::registry(&context::config(config)?)?.remove_grant(&right.name, &grant)?;
            output::line(&format!("{} no longer has {}", right.name, describe(&grant)))?;
        }
        Command::List { name, json } => {
            let mut registry = context::registry(&context::config(config)?)?;
            let grants = registry.list_grants(name.as_ref())?;
            list(&grants, json)?;
        }
    }
    Ok(Outcome::Done)
}

impl Right {
    fn grant(&self) -> anyhow::Result<Grant> {
        let (projects, repository) = self.place.scope()?;
        if let (Permission::Project(_), Some(name)) = (self.permission, &repository) {
            return Err(wrong_call(format_args!(
                "{} is a permission on a project; on the repository {name} alone give a REPO_… one",
                self.permission
            )));
        }
        Ok(Grant { projects, repository, permission: self.permission })
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
    let GrantRecord { user, grant } = record;
    let repository = grant.repository.as_ref().map_or("all", RepoName::as_str);
    [
        user.to_string(),
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
            user: record.user.as_str(),
            permission: record.grant.permission.name(),
            project: record.grant.projects.to_string(),
            repository: record.grant.repository.as_ref().map(RepoName::as_str),
        }
    }
}
