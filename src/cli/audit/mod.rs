//! `gitlatch audit`: the trail of everything that was changed.

mod follow;
mod json;
mod text;

use super::{Outcome, context, output, values};
use crate::app;
use crate::config::Config;
use crate::domain::names::UserName;
use crate::domain::token::TokenId;
use crate::domain::trail::{Entry, Event, Link};
use crate::store::{Registry, TrailFilter};
use std::path::PathBuf;
use std::time::Duration;

/// Which entries to read, or to verify them all.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

/// What else to do with the trail.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Look whether the trail is what was written, and print how far it goes
    Verify {
        /// A head that was printed before and kept elsewhere: the trail must still contain it
        #[arg(long, value_name = "HASH", value_parser = values::head)]
        head: Option<Link>,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

/// Which entries to read. What is given must all hold.
#[derive(Debug, clap::Args)]
struct List {
    /// Only those about or by this token
    #[arg(long, value_name = "ID", value_parser = values::token_id)]
    token: Option<TokenId>,
    /// Only those about or by this user
    #[arg(long, value_name = "NAME", value_parser = values::user)]
    user: Option<UserName>,
    /// Only those of this event
    #[arg(long, value_name = "EVENT", value_parser = values::event())]
    event: Option<Event>,
    /// Only those of this time up to now
    #[arg(long, value_name = "DURATION", value_parser = values::lifetime)]
    since: Option<Duration>,
    /// Only the last so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    last: Option<u64>,
    /// Print JSON, for programs: an object a line
    #[arg(long)]
    json: bool,
    /// Go on printing what is added, until interrupted
    #[arg(long)]
    follow: bool,
}

/// Prints entries, or verifies them.
pub(super) fn run(config: Option<PathBuf>, options: &Options) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    match options.command {
        Some(Command::Verify { head, json }) => verify(&config, head, json),
        None => options.list.run(&config),
    }
}

impl List {
    fn run(&self, config: &Config) -> anyhow::Result<Outcome> {
        let filter = self.filter()?;
        if self.follow {
            let mut registry = context::existing(config)?;
            follow::run(&mut registry, filter, |entries| self.print(entries))?;
        } else if let Some(mut registry) = context::if_any(config)? {
            output::print(&self.print(&registry.trail(&filter)?))?;
        }
        Ok(Outcome::Done)
    }

    fn filter(&self) -> anyhow::Result<TrailFilter> {
        // Durations that are given are at most a hundred years.
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let now = app::now()?;
        Ok(TrailFilter {
            token: self.token,
            user: self.user.clone(),
            event: self.event,
            since: self.since.map(|time| now.plus_millis(-millis(time))),
            after: 0,
            last: self.last,
        })
    }

    fn print(&self, entries: &[Entry]) -> String {
        entries.iter().map(if self.json { json::line } else { text::line }).collect()
    }
}

#[derive(serde::Serialize)]
struct VerifiedJson {
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// Where it is not what was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

fn verify(config: &Config, kept: Option<Link>, json: bool) -> anyhow::Result<Outcome> {
    match context::existing(config)?.verify_trail(kept)? {
        Ok(head) => {
            let (entries, link) = (head.entries, head.link.to_string());
            if json {
                let (entries, head) = (Some(entries), Some(link));
                output::json(&VerifiedJson { whole: true, entries, head, broken: None })?;
            } else {
                let entries = entries.to_string();
                output::fields(&[("entries", entries), ("head", link)])?;
            }
            Ok(Outcome::Done)
        }
        Err(broken) if json => {
            let broken = Some(broken.to_string());
            output::json(&VerifiedJson { whole: false, entries: None, head: None, broken })?;
            Ok(Outcome::Refused)
        }
        Err(broken) => Err(anyhow::Error::new(broken).context("the trail is broken")),
    }
}
