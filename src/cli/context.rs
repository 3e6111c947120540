//! What commands open: the configuration, and the store that it names.

use super::output;
use crate::app;
use crate::config::{Config, Environment, Report, load};
use crate::domain::trail::{Actor, Author};
use crate::store::sqlite::Database;
use crate::store::{Registry, StoreError};
use anyhow::bail;
use std::path::{Path, PathBuf};

const HERE: &str = "proxy.toml";
const SYSTEM: &str = "/etc/gitlatch/proxy.toml";

/// The file that was named, or the first that is there.
pub(super) fn config_path(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path);
    }
    let found = [HERE, SYSTEM].map(Path::new).into_iter().find(|path| path.exists());
    match found {
        Some(path) => Ok(path.to_owned()),
        None => bail!(
            "there is no configuration: neither ./{HERE} nor {SYSTEM} exists; name one with --config \
             or GITLATCH_CONFIG"
        ),
    }
}

/// Reads the configuration for a command that works with the store, and needs no secret for it and no
/// repository. Warnings are for `check` and `serve`.
pub(super) fn config(named: Option<PathBuf>) -> anyhow::Result<Config> {
    let (config, _warnings) = read(&config_path(named)?, &Environment::for_the_store())?;
    Ok(config)
}

/// Reads the whole configuration, as `serve` needs it, with the report of its warnings.
pub(super) fn config_to_serve(path: &Path) -> anyhow::Result<(Config, Report)> {
    read(path, &Environment::process())
}

fn read(path: &Path, environment: &Environment<'_>) -> anyhow::Result<(Config, Report)> {
    load(path, environment).map_err(|report| mistaken(path, &report))
}

/// Tells of mistakes on standard error, a line each.
pub(super) fn mistaken(path: &Path, report: &Report) -> anyhow::Error {
    output::complain(&report.to_string());
    anyhow::anyhow!("{} has mistakes", path.display())
}

/// The store, for a command that adds to it: a new one is made when there is none.
pub(super) fn new_or_existing(config: &Config) -> anyhow::Result<impl Registry + use<>> {
    let path = &config.store.path;
    let new = matches!(path.try_exists(), Ok(false));
    let registry = Database::open(path)?.registry()?;
    if new {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        output::note(&format!("a new store was made at {}", whole.display()));
    }
    Ok(registry)
}

/// The store, for a command about something that must be in it already.
pub(super) fn existing(config: &Config) -> anyhow::Result<impl Registry + use<>> {
    Ok(Database::open_existing(&config.store.path)?.registry()?)
}

/// The store, for a command that reads. Reading makes none: where there is none nothing is in it, which
/// is said beside the answer.
pub(super) fn if_any(config: &Config) -> anyhow::Result<Option<impl Registry + use<>>> {
    match Database::open_existing(&config.store.path) {
        Ok(database) => Ok(Some(database.registry()?)),
        Err(StoreError::Absent(path)) => {
            output::note(&format!("there is no store at {} yet", path.display()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Who changes something from the command line: the account that runs it.
pub(super) fn operator() -> anyhow::Result<Author> {
    let uid = rustix::process::getuid().as_raw();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    let account = name.unwrap_or_else(|| format!("uid {uid}"));
    Ok(Author { who: Actor::Operator(account), from: None, at: app::now()? })
}
