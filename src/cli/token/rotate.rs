//! `gitlatch token rotate`: another secret for a token that keeps all else.

use super::json::TokenJson;
use super::{Numbered, create, instructions, text};
use crate::cli::output::wrong_call;
use crate::cli::{Outcome, context, moment, output, values};
use crate::config::Config;
use crate::domain::principal::Owner;
use crate::domain::timestamp::Timestamp;
use crate::manage::{ManageError, tokens};
use crate::store::{Registry, TokenRecord};
use std::time::Duration;

/// The token to rotate.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    token: Numbered,
    /// How long the old secret works beside the new one, like 24h; without it, it ends at once
    #[arg(long, value_name = "DURATION", value_parser = values::overlap)]
    overlap: Option<Duration>,
    /// Read the user's password from standard input: one line; for a user's token
    #[arg(long)]
    password_stdin: bool,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Makes the successor and shows its secret.
pub(super) fn run(config: &Config, options: &Options) -> anyhow::Result<Outcome> {
    let mut registry = context::existing(config)?;
    let id = options.token.id;
    let before = registry.find_token(id)?.ok_or(ManageError::NoToken(id))?;
    prove(config, &mut registry, &before, options.password_stdin)?;
    let by = context::operator()?;
    let overlap = options.overlap.unwrap_or_default();
    let issued = tokens::rotate(&mut registry, id, overlap, &by, getrandom::fill)?;
    let old = registry.find_token(id)?.ok_or(ManageError::NoToken(id))?;
    let ends = end(&old, by.at);
    let answer = if options.json {
        let json = TokenJson::issued(&issued.record, &issued.secret).succeeding(id, ends);
        format!("{}\n", serde_json::to_string(&json)?)
    } else {
        format!("{}\n{}\n", instructions::text(&issued, config), farewell(&old, ends, by.at))
    };
    let Err(error) = output::deliver(&answer) else { return Ok(Outcome::Done) };
    tokens::revoke(&mut registry, issued.record.id, &by)?;
    let lost = format!(
        "the new secret could not be shown, so the new token {} is revoked, and a token has one \
         successor only: make another with `gitlatch token create`. {}",
        issued.record.id,
        farewell(&old, ends, by.at)
    );
    Err(anyhow::Error::new(error).context(lost))
}

/// A successor is a user's token with a new secret, and such a secret is shown to nobody who does not
/// prove to be that user, not even to the operator.
fn prove(
    config: &Config,
    registry: &mut impl Registry,
    token: &TokenRecord,
    password_stdin: bool,
) -> anyhow::Result<()> {
    match (&token.owner, password_stdin) {
        (Owner::User(name), true) => create::proven(config, registry, name).map(drop),
        (Owner::User(name), false) => Err(wrong_call(format_args!(
            "token {} is {name}'s: a new secret for it takes that user's password: --password-stdin",
            token.id
        ))),
        (owner, true) => Err(wrong_call(format_args!(
            "token {} belongs to the {owner}, who has no password: leave --password-stdin out",
            token.id
        ))),
        (_, false) => Ok(()),
    }
}

/// When the old secret ends: it may expire before the overlap is over.
fn end(old: &TokenRecord, now: Timestamp) -> Timestamp {
    old.retires.into_iter().chain(old.expires).min().unwrap_or(now)
}

fn farewell(old: &TokenRecord, ends: Timestamp, now: Timestamp) -> String {
    let title = text::title(old);
    if ends > now {
        format!("The old secret, of {title}, works until {}.", moment::second(ends))
    } else {
        format!("The old secret, of {title}, has ended.")
    }
}
