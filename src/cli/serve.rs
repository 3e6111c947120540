//! `gitlatch serve`.

use super::{Outcome, context};
use crate::app;
use std::path::PathBuf;

/// Serves until the process is told to stop.
pub(super) fn run(config: Option<PathBuf>) -> anyhow::Result<Outcome> {
    let (config, report) = context::config_to_serve(&context::config_path(config)?)?;
    app::serve(config, report)?;
    Ok(Outcome::Done)
}
