//! `gitlatch group`: users who have rights together.

use super::{Outcome, context, moment, output, values};
use crate::domain::names::{GroupName, UserName};
use crate::domain::trail::Author;
use crate::manage::users;
use crate::store::{GroupRecord, Registry, StoreError};
use anyhow::bail;
use std::path::PathBuf;

/// What to do with groups.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a group, with nobody in it
    Add(Named),
    /// Remove a group with its rights; its members stay users
    Remove(Named),
    /// List the groups and who is in them
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Put users into a group: they have its rights from the next request on
    Join(Members),
    /// Take users out of a group
    Leave(Members),
}

/// A group.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// The group's name
    #[arg(value_parser = values::group)]
    name: GroupName,
}

/// A group and users.
#[derive(Debug, clap::Args)]
pub(super) struct Members {
    /// The group
    #[arg(value_parser = values::group)]
    group: GroupName,
    /// The users
    #[arg(required = true, value_name = "USER", value_parser = values::user)]
    users: Vec<UserName>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupJson<'a> {
    name: &'a str,
    members: Vec<&'a str>,
    created_date: i64,
}

/// Adds, lists or changes groups.
pub(super) fn run(config: Option<PathBuf>, command: Command) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    let existing = || context::existing(&config);
    match command {
        Command::Add(Named { name }) => {
            context::new_or_existing(&config)?.add_group(&name, &context::operator()?)?;
            output::line(&format!("group {name} is added"))?;
        }
        Command::Remove(Named { name }) => {
            existing()?.remove_group(&name, &context::operator()?)?;
            output::line(&format!("group {name} is removed, with its rights"))?;
        }
        Command::List { json } => {
            let groups = context::if_any(&config)?.map(|mut registry| registry.list_groups());
            list(&groups.transpose()?.unwrap_or_default(), json)?;
        }
        Command::Join(members) => members.change(&mut existing()?, true, &context::operator()?)?,
        Command::Leave(members) => {
            members.change(&mut existing()?, false, &context::operator()?)?;
        }
    }
    Ok(Outcome::Done)
}

impl Members {
    /// Looks at everybody first, so that a call with one wrong name changes nothing.
    fn change(&self, registry: &mut impl Registry, join: bool, by: &Author) -> anyhow::Result<()> {
        let group = self.find(registry)?;
        for user in &self.users {
            users::find(registry, user)?;
            match (group.members.contains(user), join) {
                (true, true) => bail!("{user} is in the group {} already", group.name),
                (false, false) => bail!("{user} is not in the group {}", group.name),
                _ => {}
            }
        }
        let mut changed: Vec<&UserName> = Vec::new();
        for user in &self.users {
            // Somebody may be named twice.
            if changed.contains(&user) {
                continue;
            }
            let name = &group.name;
            if join {
                registry.add_member(name, user, by)?;
                output::line(&format!("{user} is in the group {name}"))?;
            } else {
                registry.remove_member(name, user, by)?;
                output::line(&format!("{user} is no longer in the group {name}"))?;
            }
            changed.push(user);
        }
        Ok(())
    }

    fn find(&self, registry: &mut impl Registry) -> anyhow::Result<GroupRecord> {
        find(registry, &self.group)
    }
}

/// The group of this name, which must be there.
pub(super) fn find(registry: &mut impl Registry, name: &GroupName) -> anyhow::Result<GroupRecord> {
    let found = registry.list_groups()?.into_iter().find(|group| group.name == *name);
    let missing = || StoreError::Missing { what: "group", name: name.to_string() };
    Ok(found.ok_or_else(missing)?)
}

fn list(groups: &[GroupRecord], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&groups.iter().map(GroupJson::from).collect::<Vec<_>>());
    }
    let rows: Vec<_> = groups.iter().map(cells).collect();
    output::table(["NAME", "MEMBERS", "ADDED"], &rows)
}

fn cells(group: &GroupRecord) -> [String; 3] {
    let members: Vec<_> = group.members.iter().map(UserName::as_str).collect();
    let members = if members.is_empty() { "none".to_owned() } else { members.join(" ") };
    [group.name.to_string(), members, moment::day(group.created)]
}

impl<'a> From<&'a GroupRecord> for GroupJson<'a> {
    fn from(group: &'a GroupRecord) -> Self {
        Self {
            name: group.name.as_str(),
            members: group.members.iter().map(UserName::as_str).collect(),
            created_date: group.created.as_millis(),
        }
    }
}
