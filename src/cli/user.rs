//! `gitlatch user`: the people whose tokens gitlatch holds.

use super::output::wrong_call;
use super::{Outcome, context, input, moment, output, values};
use crate::config::{Access, Passwords};
use crate::domain::names::{NameCase, UserName};
use crate::domain::principal::Owner;
use crate::domain::timestamp::Timestamp;
use crate::manage::users::{self, UserRequest};
use crate::manage::{Email, Label};
use crate::store::{Registry, TokenFilter, UserEdit, UserRecord, Window};
use std::path::PathBuf;

/// What to do with users.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a user, with the name that the host knows
    Add(Add),
    /// List the users
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Show one user
    Show {
        #[command(flatten)]
        user: Named,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Change a user's display name, e-mail address or role; the name never changes
    Edit(Edit),
    /// Refuse a user's tokens until the user is enabled again
    Disable(Named),
    /// Honour a user's tokens again
    Enable(Named),
    /// Set another password
    Passwd {
        #[command(flatten)]
        user: Named,
        /// Read the password from standard input: one line
        #[arg(long = "password-stdin", required = true)]
        _password_stdin: bool,
    },
    /// Remove a user with all rights, and revoke the user's tokens for good
    Remove(Named),
}

/// A user to add.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    #[command(flatten)]
    user: Named,
    /// The name for people
    #[arg(long, value_name = "TEXT", value_parser = values::label)]
    display_name: Option<Label>,
    /// The e-mail address
    #[arg(long, value_name = "ADDRESS", value_parser = values::email)]
    email: Option<Email>,
    /// Make the user an administrator, who edits and revokes anybody's tokens over HTTP and sets the
    /// settings
    #[arg(long)]
    admin: bool,
    /// Read the password from standard input: one line; optional only where the host proves passwords
    #[arg(long)]
    password_stdin: bool,
}

/// What to change about a user.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
pub(super) struct Edit {
    #[command(flatten)]
    user: Named,
    /// Another name for people
    #[arg(long, group = "what", value_name = "TEXT", value_parser = values::label)]
    display_name: Option<Label>,
    /// Another e-mail address
    #[arg(long, group = "what", value_name = "ADDRESS", value_parser = values::email)]
    email: Option<Email>,
    /// Whether the user is an administrator, who edits and revokes anybody's tokens over HTTP and sets
    /// the settings
    #[arg(long, group = "what", value_name = "true|false", action = clap::ArgAction::Set)]
    admin: Option<bool>,
}

/// A user.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// The user's name
    #[arg(value_parser = values::user)]
    name: UserName,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct UserJson<'a> {
    name: &'a str,
    display_name: &'a str,
    email: Option<&'a str>,
    admin: bool,
    active: bool,
    created_date: i64,
}

/// Adds, lists or changes users.
pub(super) fn run(config: Option<PathBuf>, command: Command) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    let existing = || context::existing(&config);
    match command {
        Command::Add(add) => {
            let done = format!("user {} is added", add.user.name);
            let request = add.request(&config.access)?;
            let mut registry = context::new_or_existing(&config)?;
            users::add(&mut registry, request, config.service_user(), &context::operator()?)?;
            output::line(&done)?;
        }
        Command::List { json } => {
            let users = context::if_any(&config)?.map(|mut registry| registry.list_users());
            list(&users.transpose()?.unwrap_or_default(), json)?;
        }
        Command::Show { user, json } => show(&users::find(&mut existing()?, &user.name)?, json)?,
        Command::Edit(edit) => {
            let changed = edit.changes();
            let user = existing()?.edit_user(&edit.user.name, &changed, &context::operator()?)?;
            show(&user, false)?;
        }
        Command::Disable(user) => {
            let mut registry = existing()?;
            let by = context::operator()?;
            let stopped =
                live_tokens(&mut registry, &user.name, config.upstream.kind.case(), by.at)?;
            registry.set_active(&user.name, false, &by)?;
            output::line(&format!("user {} is disabled; {stopped}", user.name))?;
        }
        Command::Enable(user) => {
            existing()?.set_active(&user.name, true, &context::operator()?)?;
            output::line(&format!("user {} is enabled", user.name))?;
        }
        Command::Passwd { user, .. } => {
            let mut registry = existing()?;
            let password = input::secret("password")?;
            users::set_password(&mut registry, &user.name, &password, &context::operator()?)?;
            output::line(&format!("user {} has a new password", user.name))?;
            if config.access.passwords != Passwords::Local {
                output::note(
                    "it counts for nothing while passwords = \"upstream\": the host proves them",
                );
            }
        }
        Command::Remove(user) => {
            let tokens = match existing()?.remove_user(&user.name, &context::operator()?)? {
                1 => "1 token is revoked".to_owned(),
                count => format!("{count} tokens are revoked"),
            };
            output::line(&format!("user {} is removed; {tokens}", user.name))?;
        }
    }
    Ok(Outcome::Done)
}

impl Add {
    fn request(self, access: &Access) -> anyhow::Result<UserRequest> {
        if !self.password_stdin && access.passwords == Passwords::Local {
            return Err(wrong_call(
                "a user proves who they are with a password: give --password-stdin (it may be left out \
                 only where the host proves passwords: [access] passwords = \"upstream\")",
            ));
        }
        let password = self.password_stdin.then(|| input::secret("password")).transpose()?;
        Ok(UserRequest {
            name: self.user.name,
            display_name: self.display_name,
            email: self.email,
            admin: self.admin,
            password,
        })
    }
}

impl Edit {
    fn changes(&self) -> UserEdit {
        UserEdit {
            display_name: self.display_name.as_ref().map(ToString::to_string),
            email: self.email.as_ref().map(|email| email.as_str().to_owned()),
            admin: self.admin,
        }
    }
}

/// How many tokens stop when their owner, who must be there, is disabled.
fn live_tokens(
    registry: &mut impl Registry,
    name: &UserName,
    case: NameCase,
    now: Timestamp,
) -> anyhow::Result<String> {
    let user = users::find(registry, name)?;
    let tokens =
        registry.list_tokens(&TokenFilter::of(Owner::User(user.name), case), Window::ALL)?;
    // Those of a user who is disabled already have stopped before.
    let stopped = tokens.values.iter().filter(|token| user.active && token.is_live(now)).count();
    Ok(match stopped {
        0 => "no token stops by it".to_owned(),
        1 => "1 token stops".to_owned(),
        count => format!("{count} tokens stop"),
    })
}

fn show(user: &UserRecord, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&UserJson::from(user));
    }
    let lines = [
        ("name", user.name.to_string()),
        ("display name", user.display_name.clone()),
        ("e-mail", user.email.clone()),
        ("administrator", yes(user.admin)),
        ("enabled", yes(user.active)),
        ("added", moment::minute(user.created)),
    ];
    output::fields(&lines)
}

fn list(users: &[UserRecord], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&users.iter().map(UserJson::from).collect::<Vec<_>>());
    }
    let rows: Vec<_> = users.iter().map(cells).collect();
    output::table(["NAME", "DISPLAY NAME", "E-MAIL", "ADMIN", "ENABLED", "ADDED"], &rows)
}

fn cells(user: &UserRecord) -> [String; 6] {
    [
        user.name.to_string(),
        user.display_name.clone(),
        user.email.clone(),
        yes(user.admin),
        yes(user.active),
        moment::day(user.created),
    ]
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

impl<'a> From<&'a UserRecord> for UserJson<'a> {
    fn from(user: &'a UserRecord) -> Self {
        Self {
            name: user.name.as_str(),
            display_name: &user.display_name,
            email: Some(user.email.as_str()).filter(|email| !email.is_empty()),
            admin: user.admin,
            active: user.active,
            created_date: user.created.as_millis(),
        }
    }
}
