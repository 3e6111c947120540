//! `gitlatch settings`: what is demanded of every new token, and of those of one project.

mod values;

use super::{Outcome, context, output};
use crate::config::Config;
use crate::domain::names::{NameCase, ProjectPath};
use crate::domain::permission::Permission;
use crate::domain::principal::OwnerKind;
use crate::domain::settings::{PermissionSet, ProjectSettings, Settings};
use crate::store::{Registry, TokenFilter, Window};
use std::path::PathBuf;
use values::{Allow, Most, RepositoryTokens};

/// What shows the tokens that a change leaves as they are.
const SEE: &str = "see: gitlatch token list";

/// What to do with the settings.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show them
    Show {
        /// What is demanded in this project alone
        #[arg(long, value_name = "KEY", value_parser = super::values::project)]
        project: Option<ProjectPath>,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Change them; tokens that exist stay as they are
    Set(Change),
}

/// What to change.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
#[command(group(clap::ArgGroup::new("everywhere").multiple(true)))]
pub(super) struct Change {
    /// Whether every new token must expire
    #[arg(long, groups = ["what", "everywhere"], value_name = "true|false")]
    #[arg(action = clap::ArgAction::Set)]
    expiry_required: Option<bool>,
    /// The most days that a new token may live
    #[arg(long, groups = ["what", "everywhere"], value_name = "N|none")]
    #[arg(value_parser = values::max_days)]
    max_days: Option<Most>,
    /// The most tokens that one owner may have at a time
    #[arg(long, groups = ["what", "everywhere"], value_name = "N|none")]
    #[arg(value_parser = values::max_tokens)]
    max_tokens: Option<Most>,
    #[arg(
        help = "What tokens of one kind of owner may have, repeatable: user, project or repository, \
                  and permissions like REPO_READ,REPO_WRITE, or all"
    )]
    #[arg(long, groups = ["what", "everywhere"], value_name = "KIND=PERMISSION,…|all")]
    #[arg(value_parser = values::allow)]
    allow: Vec<Allow>,
    /// Whether the repositories directly in --project may have tokens of their own
    #[arg(long, group = "what", conflicts_with = "everywhere", requires = "project")]
    #[arg(value_name = "allow|forbid")]
    repository_tokens: Option<RepositoryTokens>,
    /// The project whose repositories --repository-tokens is about
    #[arg(long, value_name = "KEY", requires = "repository_tokens")]
    #[arg(value_parser = super::values::project)]
    project: Option<ProjectPath>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsJson {
    expiry_required: bool,
    max_expiry_days: Option<u32>,
    max_tokens_per_owner: Option<u32>,
    allowed_permissions: AllowedJson,
}

#[derive(serde::Serialize)]
struct AllowedJson {
    user: Vec<&'static str>,
    project: Vec<&'static str>,
    repository: Vec<&'static str>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct ProjectJson<'a> {
    project: &'a str,
    repository_tokens: bool,
}

/// Shows or changes the settings.
pub(super) fn run(config: Option<PathBuf>, command: &Command) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    match command {
        Command::Show { project: None, json } => {
            let settings = context::if_any(&config)?.map(|mut registry| registry.settings());
            show(settings.transpose()?.unwrap_or_default(), *json)?;
        }
        Command::Show { project: Some(project), json } => {
            let found = context::if_any(&config)?;
            let settings = found.map(|mut registry| registry.project_settings(project));
            show_project(project, settings.transpose()?.unwrap_or_default(), *json)?;
        }
        Command::Set(Change { project: Some(project), repository_tokens: Some(word), .. }) => {
            let allow = *word != RepositoryTokens::Forbid;
            set_project(&config, project, ProjectSettings { repository_tokens: allow })?;
        }
        Command::Set(Change { project: Some(_), repository_tokens: None, .. }) => {
            return Err(output::wrong_call(
                "--project goes with --repository-tokens alone; the other settings are everybody's",
            ));
        }
        Command::Set(change) => {
            let mut registry = context::new_or_existing(&config)?;
            let by = context::operator()?;
            let settings = registry.change_settings(&|before| change.apply(before), &by)?;
            show(settings, false)?;
            let case = config.upstream.kind.case();
            let filter = TokenFilter { breaks: Some((settings, by.at)), ..TokenFilter::all(case) };
            let breaking = registry.list_tokens(&filter, Window::ALL)?.values.len();
            output::line(&match breaking {
                0 => "no existing token breaks them".to_owned(),
                1 => format!("1 existing token breaks them; {SEE} --breaking-policy"),
                count => format!("{count} existing tokens break them; {SEE} --breaking-policy"),
            })?;
        }
    }
    Ok(Outcome::Done)
}

impl Change {
    fn apply(&self, mut settings: Settings) -> Settings {
        settings.expiry_required = self.expiry_required.unwrap_or(settings.expiry_required);
        settings.max_days = self.max_days.map_or(settings.max_days, |Most(days)| days);
        settings.max_tokens = self.max_tokens.map_or(settings.max_tokens, |Most(tokens)| tokens);
        for allow in &self.allow {
            *settings.allowed.of_mut(allow.kind) = allow.permissions;
        }
        settings
    }
}

fn set_project(
    config: &Config,
    project: &ProjectPath,
    settings: ProjectSettings,
) -> anyhow::Result<()> {
    let mut registry = context::new_or_existing(config)?;
    registry.set_project_settings(project, settings, &context::operator()?)?;
    show_project(project, settings, false)?;
    if settings.repository_tokens {
        return Ok(());
    }
    let count = repository_tokens(&mut registry, project, config.upstream.kind.case())?;
    output::line(&match count {
        0 => "they have none".to_owned(),
        1 => format!("1 token that they have stays; {SEE} --search 'repository {project}/'"),
        count => {
            format!("{count} tokens that they have stay; {SEE} --search 'repository {project}/'")
        }
    })
}

/// How many tokens the repositories directly in a project have.
fn repository_tokens(
    registry: &mut impl Registry,
    project: &ProjectPath,
    case: NameCase,
) -> anyhow::Result<usize> {
    let filter = TokenFilter {
        within: Some(project.clone()),
        kind: Some(OwnerKind::Repository),
        ..TokenFilter::all(case)
    };
    Ok(registry.list_tokens(&filter, Window::ALL)?.values.len())
}

fn show(settings: Settings, json: bool) -> anyhow::Result<()> {
    let allowed = settings.allowed;
    if json {
        return output::json(&SettingsJson {
            expiry_required: settings.expiry_required,
            max_expiry_days: settings.max_days,
            max_tokens_per_owner: settings.max_tokens,
            allowed_permissions: AllowedJson {
                user: names(allowed.user),
                project: names(allowed.project),
                repository: names(allowed.repository),
            },
        });
    }
    let required = if settings.expiry_required { "required" } else { "optional" };
    let text =
        |set: PermissionSet| if set.is_all() { "all".to_owned() } else { names(set).join(", ") };
    let days = settings.max_days.map_or("none".to_owned(), |days| format!("{days} days"));
    output::fields(&[
        ("expiry of new tokens", required.to_owned()),
        ("longest lifetime", days),
        (
            "tokens of one owner",
            settings.max_tokens.map_or("no limit".to_owned(), |most| format!("at most {most}")),
        ),
        ("permissions of user tokens", text(allowed.user)),
        ("permissions of project tokens", text(allowed.project)),
        ("permissions of repository tokens", text(allowed.repository)),
    ])
}

fn show_project(
    project: &ProjectPath,
    settings: ProjectSettings,
    json: bool,
) -> anyhow::Result<()> {
    let repository_tokens = settings.repository_tokens;
    if json {
        return output::json(&ProjectJson { project: project.as_str(), repository_tokens });
    }
    let word = if repository_tokens { "allowed" } else { "forbidden" };
    output::fields(&[
        ("project", project.to_string()),
        ("tokens of its repositories", word.to_owned()),
    ])
}

fn names(set: PermissionSet) -> Vec<&'static str> {
    set.iter().map(Permission::name).collect()
}
