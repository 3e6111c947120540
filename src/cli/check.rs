//! `gitlatch check`: everything that would keep `serve` from working, found before it is started.

use super::{Outcome, context, output};
use crate::config::{Config, Environment, Target, load};
use crate::store::Registry;
use crate::store::sqlite::Database;
use std::path::PathBuf;

/// Checks the file, and then what the file names.
pub(super) fn run(config: Option<PathBuf>) -> anyhow::Result<Outcome> {
    let path = context::config_path(config)?;
    let (config, report) = match load(&path, &Environment::process()) {
        Ok(loaded) => loaded,
        Err(report) => {
            output::line(&report.to_string())?;
            return Ok(Outcome::Refused);
        }
    };
    let file = path.display();
    if !report.mistakes.is_empty() {
        output::line(&report.to_string())?;
    }
    let faults = [store(&config), git(&config)].concat();
    for fault in &faults {
        output::line(&format!("{file}: {fault}"))?;
    }
    if !faults.is_empty() {
        return Ok(Outcome::Refused);
    }
    output::line(&match report.mistakes.len() {
        0 => format!("{file}: ok"),
        1 => format!("{file}: ok, 1 warning"),
        warnings => format!("{file}: ok, {warnings} warnings"),
    })?;
    Ok(Outcome::Done)
}

/// What is wrong with the store, if there is one: a new one is made by whoever needs it first.
fn store(config: &Config) -> Vec<String> {
    if matches!(config.store.path.try_exists(), Ok(false)) {
        return Vec::new();
    }
    users(config).unwrap_or_else(|error| vec![format!("{error:#}")])
}

/// People whose names the host would take for those of tokens of projects and repositories.
fn users(config: &Config) -> anyhow::Result<Vec<String>> {
    let mut registry = Database::open_existing(&config.store.path)?.registry()?;
    let users = registry.list_users()?;
    let Some(service) = context::service_user(config) else { return Ok(Vec::new()) };
    let taken = users.iter().filter(|user| service.can_produce(&user.name));
    let fault = |name| {
        format!(
            "service_user `{service}` can produce the name of the user `{name}`; choose another one, \
             or remove the user: gitlatch user remove {name}"
        )
    };
    Ok(taken.map(|user| fault(&user.name)).collect())
}

/// Whether git can serve the folder of repositories, if there is one.
fn git(config: &Config) -> Vec<String> {
    let Target::Folder { http_backend, .. } = &config.upstream.target else { return Vec::new() };
    // The look that `serve` takes.
    let found = crate::forward::http_backend::find(http_backend.as_deref());
    found.err().map(|error| format!("{:#}", anyhow::Error::new(error))).into_iter().collect()
}
