//! What commands open: the configuration, and the store that it names.

use super::output;
use crate::config::{Config, Environment, load};
use crate::store::sqlite::Database;
use crate::store::{Registry, RightsSource};
use anyhow::{Context as _, bail};
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

/// Reads the configuration that a command works with. Its warnings are for `check` and `serve`.
pub(super) fn config(named: Option<PathBuf>) -> anyhow::Result<Config> {
    let path = config_path(named)?;
    match load(&path, &Environment::process()) {
        Ok((config, _warnings)) => Ok(config),
        Err(report) => {
            output::complain(report.to_string().trim_end());
            bail!("{} has mistakes", path.display())
        }
    }
}

/// Opens the store that the configuration names, for reading and changing; a new one is made when there
/// is none.
pub(super) fn registry(config: &Config) -> anyhow::Result<impl Registry + use<>> {
    let database = Database::open(&config.store.path)?;
    database.registry().context("the store cannot be opened")
}

/// What limits a user's tokens from the side of the user.
pub(super) fn rights(config: &Config) -> RightsSource {
    if config.access.users_by_grants { RightsSource::Grants } else { RightsSource::Host }
}
