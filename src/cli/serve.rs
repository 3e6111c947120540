//! `gitlatch serve`.

use super::{Outcome, context};
use std::path::PathBuf;

/// Serves until the process is told to stop.
pub(super) fn run(config: Option<PathBuf>) -> anyhow::Result<Outcome> {
    crate::app::serve(&context::config_path(config)?)?;
    Ok(Outcome::Done)
}
