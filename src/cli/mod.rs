//! The command line: one file a command, each with its options and what it does.
//!
//! Exit status: 0 it is done, 1 it failed or was refused, 2 the call was wrong. The command line is the
//! host operator's; who may read the store's file may do everything here but one: make a user's token
//! without that user's password.

mod audit;
mod backup;
mod check;
mod context;
mod demo;
mod explain;
mod export;
mod grant;
mod group;
mod identity;
mod import;
mod input;
mod moment;
mod output;
mod place;
mod restore;
mod rules;
mod serve;
mod settings;
mod token;
mod user;
mod values;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// An authenticating reverse proxy that gives any Git host HTTP access tokens
#[derive(Debug, Parser)]
#[command(name = "gitlatch", version)]
#[command(after_help = "Exit status: 0 done, 1 it failed or was refused, 2 the call was wrong.")]
struct Cli {
    /// The configuration; without it ./proxy.toml, then /etc/gitlatch/proxy.toml
    #[arg(
        long,
        global = true,
        env = "GITLATCH_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy
    Serve,
    /// Run a complete example on this machine, with nothing to configure
    Demo(demo::Options),
    /// Find every mistake in the configuration
    Check,
    /// Say what would become of a request: which rule, what it needs, the verdict and why
    Explain(explain::Options),
    /// Print the table of requests that are known, and what each needs
    Rules(rules::Options),
    /// Add, list and change users
    #[command(subcommand)]
    User(user::Command),
    /// Add, list and change groups of users
    #[command(subcommand)]
    Group(group::Command),
    /// Give users and groups rights, list them and take them away
    #[command(subcommand)]
    Grant(grant::Command),
    /// Make, list, edit, rotate, suspend and revoke tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Store, list and remove the credentials under which owners are known to the host
    #[command(subcommand)]
    Identity(identity::Command),
    /// Show and change what is demanded of every new token
    #[command(subcommand)]
    Settings(settings::Command),
    /// Read the trail of everything that was changed, and verify it
    Audit(audit::Options),
    /// Write a copy of the store to a file, while it is served
    Backup(backup::Options),
    /// Put a backup in the place of the store; gitlatch must be stopped
    Restore(restore::Options),
    /// Write what the store holds as JSON, for another store
    Export(export::Options),
    /// Take over what another store held, all of it or nothing
    Import(import::Options),
}

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It did what it was told, or the answer is yes.
    Done,
    /// The answer is no, and was printed.
    Refused,
}

/// Runs the program: reads its arguments, does what they say, and tells how that ended.
///
/// Help, and the errors of a wrong call, are printed by the parser, which ends the process itself.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Refused) => ExitCode::from(1),
        Err(error) => ExitCode::from(output::failure(&error)),
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let config = cli.config;
    match cli.command {
        Command::Serve => serve::run(config),
        Command::Demo(options) => demo::run(&options),
        Command::Check => check::run(config),
        Command::Explain(options) => explain::run(config, &options),
        Command::Rules(options) => rules::run(config, &options),
        Command::User(command) => user::run(config, command),
        Command::Group(command) => group::run(config, command),
        Command::Grant(command) => grant::run(config, command),
        Command::Token(command) => token::run(config, command),
        Command::Identity(command) => identity::run(config, command),
        Command::Settings(command) => settings::run(config, &command),
        Command::Audit(options) => audit::run(config, &options),
        Command::Backup(options) => backup::run(config, &options),
        Command::Restore(options) => restore::run(config, &options),
        Command::Export(options) => export::run(config, &options),
        Command::Import(options) => import::run(config, &options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_fit_together() {
        Cli::command().debug_assert();
    }
}
