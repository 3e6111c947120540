//! What must hold beyond the configuration's own text before anything is served: `serve` stops at it,
//! `check` names it.

use crate::config::{Config, Target};
use crate::forward::http_backend;
use crate::store::Registry;
use crate::store::sqlite::Database;

/// Everything that would keep `serve` from working with this configuration, a sentence each.
#[must_use]
pub fn faults(config: &Config) -> Vec<String> {
    let mut faults = store(config);
    if let Target::Folder { http_backend: program, .. } = &config.upstream.target
        && let Err(error) = http_backend::find(program.as_deref())
    {
        faults.push(error.to_string());
    }
    faults
}

/// What is wrong with the store, if there is one: a new one is made by whoever needs it first.
fn store(config: &Config) -> Vec<String> {
    if matches!(config.store.path.try_exists(), Ok(false)) {
        return Vec::new();
    }
    let opened = Database::open_existing(&config.store.path).map_err(anyhow::Error::new);
    opened
        .and_then(|database| names(config, &database))
        .unwrap_or_else(|error| vec![format!("{error:#}")])
}

/// People whose names the host would take for those of tokens of projects and repositories.
pub(super) fn names(config: &Config, database: &Database) -> anyhow::Result<Vec<String>> {
    let users = database.registry()?.list_users()?;
    let Some(service) = config.service_user() else { return Ok(Vec::new()) };
    let taken = users.iter().filter(|user| service.can_produce(&user.name));
    let fault = |name| {
        format!(
            "service_user `{service}` can produce the name of the user `{name}`; choose another one, \
             or remove the user: gitlatch user remove {name}"
        )
    };
    Ok(taken.map(|user| fault(&user.name)).collect())
}
