//! `gitlatch check`: everything that would keep `serve` from working, found before it is started.

use super::{Outcome, context, output};
use crate::app::preflight;
use crate::config::{Environment, load};
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
    let faults = preflight::faults(&config);
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
