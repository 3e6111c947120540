//! `gitlatch token revoke`: by number, by secret, or all of an owner's.

use super::{Place, json, text};
use crate::cli::output::wrong_call;
use crate::cli::{Outcome, context, input, moment, output, values};
use crate::config::Config;
use crate::domain::names::{NameCase, ProjectScope, UserName};
use crate::domain::principal::Owner;
use crate::domain::token::{Form, TokenHash, TokenId};
use crate::domain::trail::Author;
use crate::manage::{tokens, users};
use crate::store::{Registry, StoreError, TokenFilter, TokenRecord, Window};
use anyhow::bail;

/// Which tokens to revoke.
#[derive(Debug, clap::Args)]
#[command(override_usage = "gitlatch token revoke <ID>...
       gitlatch token revoke --owner <NAME> --all
       gitlatch token revoke --project <KEY> [--repo <SLUG>] --all
       gitlatch token revoke --secret-stdin")]
#[command(group(
    clap::ArgGroup::new("which").required(true).args(["ids", "owner", "project", "secret_stdin"])
))]
pub(in crate::cli) struct Options {
    /// The tokens' numbers
    #[arg(value_name = "ID", value_parser = values::token_id)]
    ids: Vec<TokenId>,
    /// This user's, with --all
    #[arg(long, alias = "user", requires = "all")]
    #[arg(value_name = "NAME", value_parser = values::user)]
    owner: Option<UserName>,
    #[command(flatten)]
    place: Place,
    /// Every token of that user, project or repository; of a project those of the repositories
    /// directly in it as well
    #[arg(long, conflicts_with_all = ["ids", "secret_stdin"])]
    all: bool,
    /// The token whose secret is on standard input: one line
    #[arg(long)]
    secret_stdin: bool,
    /// Print what was revoked as JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Revokes tokens, and prints which.
pub(super) fn run(config: &Config, options: &Options) -> anyhow::Result<Outcome> {
    let place = options.place.owner()?;
    if place.is_some() && !options.all {
        return Err(wrong_call("--project revokes every token there: say so with --all"));
    }
    let mut registry = context::existing(config)?;
    if options.secret_stdin {
        return by_secret(&mut registry, options.json);
    }
    let by = context::operator()?;
    let owner = match &options.owner {
        Some(name) => Some(Owner::User(users::find(&mut registry, name)?.name)),
        None => place,
    };
    let Some(owner) = owner else {
        return by_number(&mut registry, &options.ids, &by, options.json);
    };
    let revoked = all_of(&mut registry, &owner, config.upstream.kind.case(), &by)?;
    if revoked.is_empty() && !options.json {
        output::line(&format!("{owner} has no token to revoke"))?;
    }
    print(&revoked, &by, options.json)?;
    Ok(Outcome::Done)
}

/// Of several tokens each is revoked that can be: whoever revokes is in a hurry. Those that cannot are
/// named, and then not all is done.
fn by_number(
    registry: &mut impl Registry,
    ids: &[TokenId],
    by: &Author,
    json: bool,
) -> anyhow::Result<Outcome> {
    let (mut revoked, mut failed) = (Vec::new(), Vec::new());
    for (at, id) in ids.iter().enumerate() {
        // A number that was given twice is one token.
        if ids[..at].contains(id) {
            continue;
        }
        match tokens::revoke(registry, *id, by) {
            Ok(token) => revoked.push(token),
            Err(error) => failed.push(anyhow::Error::from(error)),
        }
    }
    print(&revoked, by, json)?;
    for error in &failed {
        output::failure(error);
    }
    Ok(if failed.is_empty() { Outcome::Done } else { Outcome::Refused })
}

/// Every token of an owner: of a project also those of its repositories.
fn all_of(
    registry: &mut impl Registry,
    owner: &Owner,
    case: NameCase,
    by: &Author,
) -> Result<Vec<TokenRecord>, StoreError> {
    match owner {
        Owner::User(_) | Owner::Repository(_) => {
            registry.revoke_tokens(&TokenFilter::of(owner.clone(), case), by)
        }
        Owner::Project(ProjectScope::Exactly(project)) => {
            let filter = TokenFilter { within: Some(project.clone()), ..TokenFilter::all(case) };
            registry.revoke_tokens(&filter, by)
        }
        // No index tells what is below a project.
        Owner::Project(scope) => {
            let live = registry.list_tokens(&TokenFilter::all(case), Window::ALL)?.values;
            let below = live.into_iter().filter(|token| is_within(scope, &token.owner, case));
            // One that somebody else has revoked meanwhile is what was wanted.
            let revoked = below.filter_map(|token| match registry.revoke_token(token.id, by) {
                Err(StoreError::Missing { .. }) => None,
                revoked => Some(revoked),
            });
            revoked.collect()
        }
    }
}

fn is_within(scope: &ProjectScope, owner: &Owner, case: NameCase) -> bool {
    match owner {
        Owner::User(_) => false,
        Owner::Project(own) => scope.contains(own, case),
        Owner::Repository(path) => scope.covers(path.project(), case),
    }
}

/// The token of a secret that leaked. One that is revoked already is what the caller wanted.
fn by_secret(registry: &mut impl Registry, json: bool) -> anyhow::Result<Outcome> {
    let hash = presented()?;
    let Some(token) = registry.find_token_by_hash(&hash)? else {
        bail!(
            "the secret has a token's form, but no token here has it: it is another gitlatch's, or \
             somebody made it up; nothing is revoked"
        );
    };
    let by = context::operator()?;
    if let Some(at) = token.revoked {
        if json {
            output::json(&[json::TokenJson::of(&token)])?;
        } else {
            let at = moment::second(at);
            output::line(&format!("{} was revoked already, {at}", text::title(&token)))?;
        }
        return Ok(Outcome::Done);
    }
    let token = tokens::revoke(registry, token.id, &by)?;
    print(&[token], &by, json)?;
    Ok(Outcome::Done)
}

fn presented() -> anyhow::Result<TokenHash> {
    let secret = input::secret("secret")?;
    // Copied out of a log or a mail, with what stood around it.
    match Form::of(secret.expose().trim().as_bytes()) {
        Form::Token(hash) => Ok(hash),
        Form::Mistyped => bail!(
            "this is like a token, but its check digits do not hold: it is mistyped, cut short or has \
             more around it; nothing is revoked"
        ),
        Form::Foreign => bail!(
            "this is no gitlatch token: those begin with latu_, latp_ or latr_ and have 36 letters and \
             digits behind; nothing is revoked"
        ),
    }
}

fn print(revoked: &[TokenRecord], by: &Author, json: bool) -> anyhow::Result<()> {
    if json {
        let at = Some(by.at);
        let revoked: Vec<_> =
            revoked.iter().map(|token| TokenRecord { revoked: at, ..token.clone() }).collect();
        return output::json(&revoked.iter().map(json::TokenJson::of).collect::<Vec<_>>());
    }
    revoked.iter().try_for_each(|token| output::line(&format!("{} is revoked", text::title(token))))
}
