//! `gitlatch backup`: a copy of the store, while it is served.

use super::{Outcome, context, output};
use crate::store::sqlite::Database;
use std::path::PathBuf;

/// Where to write it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The file to write, with mode 0600; nothing may be there
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Writes the copy, and says what is in it.
pub(super) fn run(config: Option<PathBuf>, options: &Options) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    let backup = Database::open_existing(&config.store.path)?.back_up(&options.file)?;
    output::fields(&[
        ("file", options.file.display().to_string()),
        ("size", format!("{} bytes", backup.size)),
        ("tokens", format!("{} not revoked", backup.tokens)),
        ("trail", format!("{} entries, head {}", backup.head.entries, backup.head.link)),
    ])?;
    Ok(Outcome::Done)
}
