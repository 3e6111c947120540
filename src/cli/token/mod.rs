//! `gitlatch token`: made, listed, edited, rotated, suspended, revoked.

mod create;
mod instructions;
mod json;
mod list;
mod profile;
mod revoke;
mod rotate;
mod text;

pub(super) use json::OwnerJson;

use super::output::wrong_call;
use super::place::Place;
use super::{Outcome, context, moment, output, values};
use crate::app;
use crate::domain::permission::Permission;
use crate::domain::token::TokenId;
use crate::manage::{Label, ManageError, tokens};
use crate::store::{Registry, TokenRecord};
use std::path::PathBuf;

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a token and show its secret, this once
    Create(create::Options),
    /// List tokens
    List(list::List),
    /// Show one token; never its secret, which is kept nowhere
    Show {
        #[command(flatten)]
        token: Numbered,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Give a token another name or other permissions
    Edit(Edit),
    /// Give a token another secret: a successor with the same name, permissions, limits and expiry
    Rotate(rotate::Options),
    /// Refuse a token until it is resumed
    Suspend(Numbered),
    /// Honour a suspended token again
    Resume(Numbered),
    /// Revoke tokens for good
    Revoke(revoke::Options),
}

/// A token.
#[derive(Debug, clap::Args)]
pub(super) struct Numbered {
    /// The token's number
    #[arg(value_parser = values::token_id)]
    id: TokenId,
}

/// What to change about a token. Its owner and its expiry never change.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "gitlatch token edit <ID> [--name <TEXT>] [--permission <PERMISSION>...]"
)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
pub(super) struct Edit {
    #[command(flatten)]
    token: Numbered,
    /// Another name
    #[arg(long, group = "what", value_name = "TEXT", value_parser = values::label)]
    name: Option<Label>,
    #[arg(help = "Instead of those it has, repeatable: {PROJECT,REPO}_{READ,WRITE,ADMIN}")]
    #[arg(long = "permission", group = "what", value_name = "PERMISSION")]
    #[arg(num_args = 1.., value_delimiter = ',', value_parser = values::permission)]
    permissions: Option<Vec<Permission>>,
}

/// Makes, lists or changes tokens.
pub(super) fn run(config: Option<PathBuf>, command: Command) -> anyhow::Result<Outcome> {
    if let Command::Create(options) = command {
        return create::run(config, options);
    }
    let config = context::config(config)?;
    let existing = || context::existing(&config);
    match command {
        Command::Create(_) => {}
        Command::List(list) => list.run(&config)?,
        Command::Show { token, json } => {
            let id = token.id;
            let token = existing()?.find_token(id)?.ok_or(ManageError::NoToken(id))?;
            show(&token, json)?;
        }
        Command::Edit(edit) => {
            let (name, permissions) = (edit.name.as_ref(), edit.permissions.as_deref());
            let token = tokens::edit(
                &mut existing()?,
                edit.token.id,
                name,
                permissions,
                &context::operator()?,
            )?;
            output::line(&format!("{}: {}", text::title(&token), token.permissions))?;
        }
        Command::Rotate(options) => return rotate::run(&config, &options),
        Command::Suspend(Numbered { id }) => {
            let by = context::operator()?;
            let token = tokens::set_suspended(&mut existing()?, id, true, &by)?;
            let title = text::title(&token);
            output::line(&format!("{title} is suspended, until: gitlatch token resume {id}"))?;
        }
        Command::Resume(Numbered { id }) => {
            let by = context::operator()?;
            let token = tokens::set_suspended(&mut existing()?, id, false, &by)?;
            output::line(&format!("{} is resumed", text::title(&token)))?;
        }
        Command::Revoke(options) => return revoke::run(&config, &options),
    }
    Ok(Outcome::Done)
}

fn show(token: &TokenRecord, json: bool) -> anyhow::Result<()> {
    if json {
        output::json(&json::TokenJson::of(token))
    } else {
        output::fields(&text::fields(token, app::now()?))
    }
}
