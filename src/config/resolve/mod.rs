//! From what the file says to what the rooms are given: every rule, with the place of what breaks it.

mod access;
mod credential;
pub(super) mod files;
mod folder;
mod host_tls;
mod identity;
mod keys;
mod limits;
mod listen;
mod networks;
mod origin;
mod push;
mod rule;
mod server;
mod store;
mod tls;
mod unix;
mod upstream;

#[cfg(test)]
mod tests;

pub use keys::{KeyError, KeySource};

use super::mistake::{Notes, Place, Report};
use super::read::{Document, Section};
use super::{Config, Lfs, Log, Push, Server};
use crate::domain::dialect::rule::Rule;
use crate::domain::git::lfs::OtherHosts;
use std::path::Path;

/// What the process finds around it; tests bring their own.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The value of an environment variable; `None` when it is not set, or is no Unicode.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether what only serving needs is looked at: secrets, and files and folders besides the store's.
    /// Without it a secret is empty, for whoever manages tokens in a shell that has none.
    pub for_serving: bool,
}

impl Environment<'static> {
    /// The environment of this process.
    #[must_use]
    pub fn process() -> Self {
        Self { variable: &|name| std::env::var(name).ok(), for_serving: true }
    }

    /// The environment of this process, for a command that only works with the store.
    #[must_use]
    pub fn for_the_store() -> Self {
        Self { for_serving: false, ..Self::process() }
    }
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

/// Reads and checks the file at `path`. The report of a good file has warnings at most.
///
/// # Errors
/// The report of every mistake in the file, when at least one of them is an error.
pub fn load(path: &Path, environment: &Environment<'_>) -> Result<(Config, Report), Report> {
    let file = path.to_path_buf();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) => {
            let mut notes = Notes::default();
            notes.error(Place::START, format!("cannot read {}: {cause}", files::quoted(path)));
            return Err(notes.into_report(file));
        }
    };
    let mut document = match Document::parse(&text) {
        Ok(document) => document,
        Err(notes) => return Err(notes.into_report(file)),
    };
    let config = resolve(&mut document, environment);
    let mut notes = document.finish();
    match config {
        Some(config) if !notes.has_errors() => Ok((config, notes.into_report(file))),
        _ => {
            // Whoever resolves nothing has said why; a report without an error would look good.
            if !notes.has_errors() {
                notes.error(Place::START, "the configuration is incomplete");
            }
            Err(notes.into_report(file))
        }
    }
}

/// Every section is read before any of them gives up, so that each of its mistakes is found.
fn resolve(document: &mut Document<'_>, environment: &Environment<'_>) -> Option<Config> {
    let server = server::read(&mut document.section("server"));
    let certificates = document.each("certificate", tls::another);
    let tls = server.tls.resolve(certificates, environment, &mut document.notes);
    let limits = limits::read(&mut document.section("limits"), environment);
    let operations = listen::operations(&mut document.section("operations"), &server.listen);
    let store = store::read(&mut document.section("store"));
    let upstream = upstream::read(document, environment, server.public_url.as_ref());
    let access = access::read(&mut document.section("access"), upstream.rights, upstream.kind);
    let mut forces = push::Forces::default();
    let protections = document.each("protect", |section| push::protection(section, &mut forces));
    let rules = document.each("rule", rule::read);
    let mut section = document.section("push");
    let push_options = push::options(&mut section);
    if upstream.rights.is_some_and(|rights| rights != access::Rights::Folder) {
        forces.refuse(&mut section);
    }
    let other_hosts = document
        .section("lfs")
        .choice("other_hosts", &[("pass", OtherHosts::Pass), ("refuse", OtherHosts::Refuse)]);
    let log = log(&mut document.section("log"));
    Some(Config {
        server: Server { tls, ..server.server? },
        limits: limits?,
        operations: operations?,
        store: store?,
        upstream: upstream.upstream?,
        access: access?,
        push: Push {
            protections: protections.into_iter().collect::<Option<_>>()?,
            refuse_options: push_options?,
        },
        lfs: Lfs { other_hosts: other_hosts?.value },
        rules: numbered(rules.into_iter().collect::<Option<_>>()?),
        log: log?,
    })
}

/// They are called by their numbers, in the order of the file.
fn numbered(rules: Vec<Rule>) -> Vec<Rule> {
    let numbered = rules.into_iter().enumerate();
    numbered.map(|(at, rule)| Rule { number: at + 1, ..rule }).collect()
}

fn log(section: &mut Section<'_>) -> Option<Log> {
    let json = section.choice("format", &[("json", true), ("pretty", false)]);
    let level = section.choice(
        "level",
        &[
            ("error", tracing::Level::ERROR),
            ("warn", tracing::Level::WARN),
            ("info", tracing::Level::INFO),
            ("debug", tracing::Level::DEBUG),
            ("trace", tracing::Level::TRACE),
        ],
    );
    Some(Log { json: json?.value, level: level?.value })
}
