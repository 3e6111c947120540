//! `--profile`: the limits that a kind of holder should have, in one word.

use super::create::Options;
use super::wrong_call;
use crate::cli::output;
use crate::config::Config;
use crate::domain::duration;
use crate::domain::pattern::Pattern;
use crate::domain::permission::{Level, Permission};
use crate::domain::policy::limits::RefRules;

/// A kind of holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Profile {
    /// A program that works on a branch of its own and opens a pull request
    Agent,
}

/// Where an agent pushes.
const REFS: &str = "refs/heads/agent/**";
/// How long its token lives.
const LIFETIME: &str = "8h";

impl Profile {
    /// Fills in what the options leave open, and holds the rest to what the profile is.
    pub(super) fn apply(self, options: &mut Options, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Agent => agent(options, config),
        }
    }
}

fn agent(options: &mut Options, config: &Config) -> anyhow::Result<()> {
    if options.place.repository.is_none() && !one_repository(&options.only) {
        return Err(wrong_call(
            "an agent's token is for one repository: --project KEY --repo SLUG, or --user NAME --only \
             PROJECT/REPO",
        ));
    }
    if options.permissions.is_empty() {
        options.permissions = vec![Permission::Repository(Level::Write)];
    }
    if options.expires_in.is_none() {
        options.expires_in = Some(duration::parse(LIFETIME)?);
    }
    let refs = &mut options.refs;
    if refs.patterns.is_empty() {
        refs.patterns = vec![RefRules::pattern(REFS)?];
    }
    refs.no_delete = true;
    refs.no_tags = true;
    refs.no_force |= config.tells_force();
    if !refs.no_force {
        let refs: Vec<String> = refs.patterns.iter().map(ToString::to_string).collect();
        output::note(&format!(
            "in front of a host a forced push cannot be told from another one: the token may force within \
             {}, and nowhere else",
            refs.join(" ")
        ));
    }
    Ok(())
}

/// Whether the patterns name one repository and nothing else.
fn one_repository(only: &[Pattern]) -> bool {
    let mut allowed = only.iter().filter(|pattern| !pattern.forbids());
    let named = |pattern: &Pattern| pattern.glob().contains('/') && !pattern.glob().contains('*');
    allowed.next().is_some_and(named) && allowed.next().is_none()
}
