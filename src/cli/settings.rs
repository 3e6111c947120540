//! `gitlatch settings`: what is demanded of every new token.

use super::{Outcome, context, output};
use crate::domain::settings::Settings;
use crate::store::Registry;
use std::path::PathBuf;

/// What to do with the settings.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show them
    Show {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Change them; tokens that exist stay as they are
    #[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
    Set {
        /// Whether every new token must expire
        #[arg(long, group = "what", value_name = "true|false", action = clap::ArgAction::Set)]
        expiry_required: Option<bool>,
        /// The most days that a new token may live
        #[arg(long, group = "what", value_name = "N|none", value_parser = max_days)]
        max_days: Option<MaxDays>,
    },
}

/// A number of days, or no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct MaxDays(Option<u32>);

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsJson {
    expiry_required: bool,
    max_expiry_days: Option<u32>,
}

/// Shows or changes the settings.
pub(super) fn run(config: Option<PathBuf>, command: &Command) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    match command {
        Command::Show { json } => {
            let settings = context::if_any(&config)?.map(|mut registry| registry.settings());
            show(settings.transpose()?.unwrap_or_default(), *json)?;
        }
        Command::Set { expiry_required, max_days } => {
            let mut registry = context::new_or_existing(&config)?;
            let change = |mut settings: Settings| {
                settings.expiry_required = expiry_required.unwrap_or(settings.expiry_required);
                settings.max_days = max_days.map_or(settings.max_days, |MaxDays(days)| days);
                settings
            };
            let settings = registry.change_settings(&change, &context::operator()?)?;
            show(settings, false)?;
        }
    }
    Ok(Outcome::Done)
}

fn show(settings: Settings, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&SettingsJson {
            expiry_required: settings.expiry_required,
            max_expiry_days: settings.max_days,
        });
    }
    let required = if settings.expiry_required { "required" } else { "optional" };
    let days = settings.max_days.map_or("none".to_owned(), |days| format!("{days} days"));
    output::print(&format!("expiry of new tokens  {required}\nlongest lifetime      {days}\n"))
}

fn max_days(text: &str) -> Result<MaxDays, &'static str> {
    match (text, text.parse()) {
        ("none", _) => Ok(MaxDays(None)),
        (_, Ok(days @ 1..)) => Ok(MaxDays(Some(days))),
        _ => Err("a number of days, 1 or more, or `none`"),
    }
}
