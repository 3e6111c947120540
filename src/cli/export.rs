//! `gitlatch export`: what the store holds, for another store.

use super::{Outcome, context, output};
use crate::manage::house;
use crate::store::Moving;
use crate::store::sqlite::Database;
use anyhow::Context;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where to write it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The file to write, with mode 0600; nothing may be there. Without it, or with `-`, standard output
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Writes the document.
pub(super) fn run(config: Option<PathBuf>, options: &Options) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    let now = context::operator()?.at;
    let contents = Database::open_existing(&config.store.path)?.registry()?.export(now)?;
    let text = house::write(&contents)?;
    match options.file.as_deref().filter(|file| *file != Path::new("-")) {
        Some(file) => write(file, &text)?,
        None => output::deliver(&text).context("standard output cannot be written")?,
    }
    output::note(&format!(
        "{} users, {} groups, {} rights and {} tokens; it holds hashes of passwords and tokens: keep it \
         like a password file, and remove it when it was imported",
        contents.users.len(),
        contents.groups.len(),
        contents.grants.len(),
        contents.tokens.len(),
    ));
    Ok(Outcome::Done)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => anyhow::bail!(
            "there is a file at {} already, and nothing is overwritten; choose another name",
            path.display()
        ),
        made => made.with_context(|| format!("{} cannot be made", path.display()))?,
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a document is none.
        let _ = fs::remove_file(path);
        return Err(error).with_context(|| format!("{} cannot be written", path.display()));
    }
    Ok(())
}
