//! `gitlatch serve`.

use super::{Outcome, context};
use crate::app;
use crate::config::{Environment, load};
use std::path::PathBuf;

/// Serves until the process is told to stop.
pub(super) fn run(config: Option<PathBuf>) -> anyhow::Result<Outcome> {
    let path = context::config_path(config)?;
    let (config, report) = load(&path, &Environment::process()).map_err(|report| {
        app::decline(&report.to_string());
        context::mistaken(&path, &report)
    })?;
    app::serve(config, report)?;
    Ok(Outcome::Done)
}
