//! SIGHUP: what can change while serving changes, and what cannot is named.

use super::limits;
use super::material::Material;
use crate::config::{self, Config, Environment, Identity, Target};
use crate::domain::token::TokenHash;
use crate::forward::queue::Queue;
use crate::gate::Rules;
use arc_swap::ArcSwap;
use std::path::PathBuf;
use std::sync::Arc;

/// Settings that the reloadable ones were judged together with: what is safe beside the new ones may not
/// be beside those in force.
const BINDING: [&str; 3] = ["upstream", "upstream.identity", "access.users"];

/// Knows what was started with, and puts the reloadable part of a changed file in force.
pub(super) struct Reloader {
    path: PathBuf,
    fixed: Vec<(&'static str, String)>,
    in_force: InForce,
}

/// What changes while serving.
pub(super) struct InForce {
    pub(super) rules: Arc<ArcSwap<Rules>>,
    pub(super) limits: limits::InForce,
    pub(super) material: Material,
    pub(super) queue: Arc<Queue>,
}

impl Reloader {
    pub(super) fn new(path: PathBuf, config: &Config, in_force: InForce) -> Self {
        Self { path, fixed: fixed(config), in_force }
    }

    /// Reads the file again. A bad one, or bad certificates, leave the old settings in force; certificates that
    /// are in force and good on disk are renewed all the same, as they would be without being asked.
    pub(super) fn reload(&self) {
        let file = self.path.display().to_string();
        let config = match config::load(&self.path, &Environment::process()) {
            Ok((config, report)) => {
                super::warn(&report);
                config
            }
            Err(report) => {
                for mistake in &report.mistakes {
                    let (line, column) = (mistake.line, mistake.column);
                    tracing::error!(file, line, column, "{}", mistake.text);
                }
                tracing::error!(file, "not reloaded: the old settings stay in force");
                self.in_force.material.look();
                return;
            }
        };
        let changed: Vec<&str> = self
            .fixed
            .iter()
            .zip(fixed(&config))
            .filter(|((_, old), (_, new))| old != new)
            .map(|((key, _), _)| *key)
            .collect();
        for key in &changed {
            tracing::warn!(file, key, "changed, but needs a restart");
        }
        if changed.iter().any(|key| BINDING.contains(key)) {
            tracing::error!(file, "not reloaded: the old settings stay in force until a restart");
            return;
        }
        if let Err(error) = self.in_force.material.reload(&config) {
            tracing::error!(file, "{error:#}");
            tracing::error!(file, "not reloaded: the old settings stay in force");
            return;
        }
        let InForce { rules, limits, queue, .. } = &self.in_force;
        let running = rules.load_full();
        rules.store(Arc::new(running.reloaded(&super::rules::of(&config, &running.prefix))));
        limits.reload(&config);
        queue.resize(limits::queue(&config));
        tracing::info!(file, "reloaded");
    }
}

/// The settings that only a restart changes, in a form that can be compared and tells no secret.
fn fixed(config: &Config) -> Vec<(&'static str, String)> {
    vec![
        ("server.listen", format!("{:?}", config.server.listen)),
        ("server.redirect_listen", format!("{:?}", config.server.redirect_listen)),
        ("server.unix_mode", format!("{:?}", config.server.unix)),
        ("server.public_url", format!("{:?}", config.server.public_url)),
        // Which certificates there are can change, whether there is HTTPS cannot.
        ("server.tls_cert", format!("{:?}", config.server.tls.is_some())),
        ("server.threads", format!("{:?}", config.server.threads)),
        ("server.drain_timeout", format!("{:?}", config.server.drain_timeout)),
        ("server.header_timeout", format!("{:?}", config.server.header_timeout)),
        // The gate takes a new one at once, the connections of clients do not.
        ("server.idle_timeout", format!("{:?}", config.server.idle_timeout)),
        ("operations", format!("{:?}", config.operations)),
        ("store", format!("{:?}", config.store)),
        ("upstream", format!("{:?}", config.upstream)),
        ("upstream.identity", credential(config)),
        // The keys that seal credentials are read again when one is met that is not known.
        ("access.users", format!("{:?}", config.access.users_by_grants)),
        ("access.passwords", format!("{:?}", config.access.passwords)),
        ("log", format!("{:?}", config.log)),
    ]
}

/// The hash of the credential for the upstream.
fn credential(config: &Config) -> String {
    match &config.upstream.target {
        Target::Url(remote) => match &remote.identity {
            Identity::Fixed(secret) => {
                format!("{:x?}", TokenHash::of(secret.expose().as_bytes()).as_bytes())
            }
            Identity::None | Identity::Header { .. } | Identity::Stored { .. } => String::new(),
        },
        Target::Folder { .. } => String::new(),
    }
}
