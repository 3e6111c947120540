//! What must hold beyond the configuration's own text before anything is served: `serve` stops at it,
//! `check` names it.

use super::material;
use crate::config::{Config, Listen, Target};
use crate::domain::names::UserName;
use crate::forward::http_backend;
use crate::server::tls::Certificates;
use crate::store::Registry;
use crate::store::sqlite::{Database, Inspection};
use std::path::Path;

/// Everything that would keep `serve` from working with this configuration, a sentence each.
#[must_use]
pub fn faults(config: &Config) -> Vec<String> {
    let mut faults = store(config);
    faults.extend(certificates(config));
    faults.extend(sockets(config));
    if let Target::Folder { http_backend: program, .. } = &config.upstream.target
        && let Err(error) = http_backend::find(program.as_deref())
    {
        faults.push(error.to_string());
    }
    faults
}

/// What is wrong with the certificates, our own and those that the upstream is held to.
fn certificates(config: &Config) -> Vec<String> {
    let own = config.server.tls.as_ref().map(|tls| Certificates::load(tls).map(drop));
    let trusted = material::upstream(config);
    let own = own.and_then(Result::err).map(anyhow::Error::new);
    let trusted = trusted.err();
    own.into_iter().chain(trusted).map(|error| format!("{error:#}")).collect()
}

/// Unix sockets that have no folder to be made in.
fn sockets(config: &Config) -> Vec<String> {
    let listen = config.server.listen.iter().chain(&config.operations.listen);
    let folders = listen.filter_map(|listen| match listen {
        Listen::Unix(path) => path.parent().filter(|folder| *folder != Path::new("")),
        Listen::Tcp(_) | Listen::Systemd(_) => None,
    });
    let missing = folders.filter(|folder| !folder.is_dir());
    missing.map(|folder| format!("there is no folder {} for a socket", folder.display())).collect()
}

/// What is wrong with the store, if there is one: a new one is made by whoever needs it first.
fn store(config: &Config) -> Vec<String> {
    if matches!(config.store.path.try_exists(), Ok(false)) {
        return Vec::new();
    }
    // Looked at and not opened: `check` changes nothing, and an older store is no fault.
    match Inspection::of(&config.store.path) {
        Ok(seen) => taken(config, &seen.users),
        Err(error) => vec![format!("{:#}", anyhow::Error::new(error))],
    }
}

/// Refuses a store that opening it would bring up to date, while a process of the version that wrote it
/// serves from it: that one would take no token any more, and could not be gone back to.
///
/// # Errors
/// When it is older, or cannot be looked at.
pub(super) fn is_current(config: &Config) -> anyhow::Result<()> {
    let path = &config.store.path;
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(());
    }
    anyhow::ensure!(
        !Inspection::of(path)?.older,
        "this version changes the store at {}, which no restart without a gap can: stop gitlatch, back \
         the store up, and start gitlatch",
        path.display()
    );
    Ok(())
}

/// People whose names the host would take for those of tokens of projects and repositories.
pub(super) fn names(config: &Config, database: &Database) -> anyhow::Result<Vec<String>> {
    let users = database.registry()?.list_users()?;
    Ok(taken(config, &users.into_iter().map(|user| user.name).collect::<Vec<_>>()))
}

fn taken(config: &Config, users: &[UserName]) -> Vec<String> {
    let Some(service) = config.service_user() else { return Vec::new() };
    let taken = users.iter().filter(|name| service.can_produce(name));
    let fault = |name: &UserName| {
        format!(
            "service_user `{service}` can produce the name of the user `{name}`; choose another one, \
             or remove the user: gitlatch user remove {name}"
        )
    };
    taken.map(fault).collect()
}
