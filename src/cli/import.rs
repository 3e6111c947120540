//! `gitlatch import`: what another store held.

use super::{Outcome, context, output};
use crate::manage::house;
use crate::store::Moving;
use crate::store::sqlite::Database;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Longest document, in bytes: a token is well under 1 KiB of it.
const MAX: u64 = 256 * 1024 * 1024;

/// What to import.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The document, as `gitlatch export` wrote it; `-` is standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Take over the settings too, in the place of those that are in force
    #[arg(long)]
    settings: bool,
}

/// Takes over all of it or nothing.
pub(super) fn run(config: Option<PathBuf>, options: &Options) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    let by = context::operator()?;
    let file = options.file.as_path();
    let nothing = || format!("nothing of {} was imported", file.display());
    let text = if file == Path::new("-") {
        read(&mut io::stdin().lock())
    } else {
        File::open(file).map_err(Into::into).and_then(|mut file| read(&mut file))
    };
    let text = text.with_context(nothing)?;
    let contents = house::read(&text, config.service_user()).with_context(nothing)?;
    // Opened when the document is known to be one: a store is not made for a bad one.
    let mut registry = Database::open(&config.store.path)?.registry()?;
    let imported = registry.import(&contents, options.settings, &by).with_context(nothing)?;
    output::fields(&[
        ("users", imported.users.to_string()),
        ("groups", imported.groups.to_string()),
        ("rights", imported.grants.to_string()),
        ("tokens", imported.tokens.to_string()),
        ("settings", if options.settings { "taken over" } else { "as they were" }.to_owned()),
    ])?;
    Ok(Outcome::Done)
}

fn read(input: &mut impl Read) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    input.take(MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX {
        bail!("it is longer than {} MiB", MAX / 1024 / 1024);
    }
    Ok(text)
}
