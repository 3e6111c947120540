//! `gitlatch user`: the people whose tokens gitlatch holds.

use super::{Outcome, context, input, moment, output, values};
use crate::domain::names::UserName;
use crate::manage::users::{self, UserRequest};
use crate::manage::{Email, Label};
use crate::store::{Registry, UserRecord};
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
    /// Refuse a user's tokens until the user is enabled again
    Disable(Named),
    /// Honour a user's tokens again
    Enable(Named),
    /// Set another password
    Passwd {
        #[command(flatten)]
        user: Named,
        #[command(flatten)]
        password: ByStdin,
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
    /// Mark the user as an administrator; so far this is only shown: managing over HTTP comes later
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    password: ByStdin,
}

/// A user.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// The user's name
    #[arg(value_parser = values::user)]
    name: UserName,
}

/// The one way that a password comes in.
#[derive(Debug, clap::Args)]
pub(super) struct ByStdin {
    /// Read the password from standard input: one line
    #[arg(long = "password-stdin", required = true)]
    _password_stdin: bool,
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
            let request = add.request()?;
            let mut registry = context::new_or_existing(&config)?;
            users::add(&mut registry, request, config.service_user(), &context::operator()?)?;
            output::line(&done)?;
        }
        Command::List { json } => {
            let users = context::if_any(&config)?.map(|mut registry| registry.list_users());
            list(&users.transpose()?.unwrap_or_default(), json)?;
        }
        Command::Show { user, json } => show(&users::find(&mut existing()?, &user.name)?, json)?,
        Command::Disable(user) => {
            existing()?.set_active(&user.name, false, &context::operator()?)?;
            output::line(&format!(
                "user {} is disabled; no token of theirs is honoured",
                user.name
            ))?;
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
    fn request(self) -> anyhow::Result<UserRequest> {
        Ok(UserRequest {
            name: self.user.name,
            display_name: self.display_name,
            email: self.email,
            admin: self.admin,
            password: Some(input::secret("password")?),
        })
    }
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
