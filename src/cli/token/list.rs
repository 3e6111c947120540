//! `gitlatch token list`.

use super::{Place, json, text};
use crate::app;
use crate::cli::{context, output, values};
use crate::config::Config;
use crate::domain::names::{NameCase, UserName};
use crate::domain::permission::Permission;
use crate::domain::principal::Owner;
use crate::domain::settings::Settings;
use crate::domain::timestamp::Timestamp;
use crate::manage::users;
use crate::store::{ExpiryFilter, Registry, TokenFilter, TokenRecord, UseFilter, Window};
use std::time::Duration;

/// Which tokens to list. What is given must all hold.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only this user's
    #[arg(long, value_name = "NAME", value_parser = values::user, conflicts_with = "project")]
    user: Option<UserName>,
    #[command(flatten)]
    place: Place,
    /// Revoked tokens as well
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    ends: Ends,
    /// Only those that were made longer ago than this and were not used since
    #[arg(long, value_name = "DURATION", value_parser = values::lifetime)]
    unused: Option<Duration>,
    /// Only those that have this permission, or a higher one of the same kind
    #[arg(long, value_name = "PERMISSION")]
    permission: Option<Permission>,
    /// Only those that could not be made today, because the settings do not allow them; with why
    #[arg(long)]
    breaking_policy: bool,
    /// Only those with this text in their name or their owner's, in any case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// When they end.
#[derive(Debug, clap::Args)]
struct Ends {
    /// Only those that end within this time, by expiry or because a successor takes their place
    #[arg(long, value_name = "DURATION", value_parser = values::lifetime)]
    #[arg(conflicts_with = "expired")]
    expiring: Option<Duration>,
    /// Only those that have ended like that
    #[arg(long)]
    expired: bool,
}

impl List {
    /// Prints the tokens.
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        let place = self.place.owner()?;
        let now = app::now()?;
        let Some(mut registry) = context::if_any(config)? else {
            return self.print(&[], now);
        };
        let settings = registry.settings()?;
        let owner = match &self.user {
            Some(name) => Some(Owner::User(users::find(&mut registry, name)?.name)),
            None => place,
        };
        let filter = self.filter(owner, config.upstream.kind.case(), settings, now);
        self.print(&registry.list_tokens(&filter, Window::ALL)?.values, now)
    }

    fn filter(
        &self,
        owner: Option<Owner>,
        case: NameCase,
        settings: Settings,
        now: Timestamp,
    ) -> TokenFilter {
        TokenFilter {
            owner,
            revoked: self.all,
            expiry: self.ends.filter(now),
            used: self.unused.map(|time| UseFilter::NotSince(now.plus_millis(-millis(time)))),
            permission: self.permission,
            breaks: self.breaking_policy.then_some((settings, now)),
            text: self.search.clone(),
            ..TokenFilter::all(case)
        }
    }

    fn print(&self, tokens: &[TokenRecord], now: Timestamp) -> anyhow::Result<()> {
        if self.json {
            let json = |token| {
                let plain = json::TokenJson::of(token);
                if self.breaking_policy { plain.breaking(token) } else { plain }
            };
            return output::json(&tokens.iter().map(json).collect::<Vec<_>>());
        }
        let mut headings = text::HEADINGS.to_vec();
        let mut rows: Vec<_> =
            tokens.iter().map(|token| text::cells(token, now).to_vec()).collect();
        if self.breaking_policy {
            headings.push("BREAKS");
            for (row, token) in rows.iter_mut().zip(tokens) {
                row.push(token.breaks.clone().unwrap_or_default());
            }
        }
        output::table(headings, &rows)
    }
}

impl Ends {
    fn filter(&self, now: Timestamp) -> Option<ExpiryFilter> {
        // A token is over at the very moment of its end.
        let ended = now.plus_millis(1);
        match self.expiring {
            Some(within) => Some(ExpiryFilter::Between(ended, ended.plus_millis(millis(within)))),
            None if self.expired => {
                Some(ExpiryFilter::Between(Timestamp::from_millis(i64::MIN), ended))
            }
            None => None,
        }
    }
}

/// Durations that are given are at most a hundred years.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
