//! `gitlatch token`: made, listed, edited, revoked.

mod create;
mod instructions;
mod json;
mod text;

use super::output::wrong_call;
use super::place::Place;
use super::{Outcome, context, moment, output, values};
use crate::app;
use crate::config::Config;
use crate::domain::names::{NameCase, UserName};
use crate::domain::permission::Permission;
use crate::domain::principal::Owner;
use crate::domain::token::TokenId;
use crate::manage::{Label, ManageError, tokens, users};
use crate::store::{Registry, TokenFilter, TokenRecord, Window};
use std::path::PathBuf;

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a token and show its secret, this once
    Create(create::Options),
    /// List tokens
    List(List),
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
    /// Revoke a token for good
    Revoke(Numbered),
}

/// A token.
#[derive(Debug, clap::Args)]
pub(super) struct Numbered {
    /// The token's number
    #[arg(value_parser = values::token_id)]
    id: TokenId,
}

/// Which tokens to list.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only this user's
    #[arg(long, value_name = "NAME", value_parser = values::user, conflicts_with = "project")]
    user: Option<UserName>,
    #[command(flatten)]
    place: Place,
    /// Revoked tokens as well
    #[arg(long)]
    all: bool,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
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
        Command::Revoke(token) => {
            let token = tokens::revoke(&mut existing()?, token.id, &context::operator()?)?;
            output::line(&format!("{} is revoked", text::title(&token)))?;
        }
    }
    Ok(Outcome::Done)
}

impl List {
    fn run(&self, config: &Config) -> anyhow::Result<()> {
        let place = self.place.owner()?;
        let tokens = match context::if_any(config)? {
            Some(mut registry) => self.find(&mut registry, place, config.upstream.kind.case())?,
            None => Vec::new(),
        };
        if self.json {
            return output::json(&tokens.iter().map(json::TokenJson::of).collect::<Vec<_>>());
        }
        let now = app::now()?;
        let rows: Vec<_> = tokens.iter().map(|token| text::cells(token, now)).collect();
        output::table(text::HEADINGS, &rows)
    }

    /// The tokens of a user who must be there, of a place, or of all.
    fn find(
        &self,
        registry: &mut impl Registry,
        place: Option<Owner>,
        case: NameCase,
    ) -> anyhow::Result<Vec<TokenRecord>> {
        let owner = match &self.user {
            Some(name) => Some(Owner::User(users::find(registry, name)?.name)),
            None => place,
        };
        let filter = TokenFilter { owner, revoked: self.all, ..TokenFilter::all(case) };
        Ok(registry.list_tokens(&filter, Window::ALL)?.values)
    }
}

fn show(token: &TokenRecord, json: bool) -> anyhow::Result<()> {
    if json {
        output::json(&json::TokenJson::of(token))
    } else {
        output::fields(&text::fields(token, app::now()?))
    }
}
