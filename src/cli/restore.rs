//! `gitlatch restore`: a backup in the place of the store.

use super::{Outcome, context, output};
use crate::store::sqlite::{Carried, restore};
use std::path::PathBuf;

/// What to restore.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The backup, as `gitlatch backup` wrote it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Restore although the store that is replaced cannot be read, so that nobody knows what was revoked
    /// in it: every token is suspended until it is resumed
    #[arg(long)]
    forget_revocations: bool,
}

/// Restores it, and says what was carried over from the store that was there before.
pub(super) fn run(config: Option<PathBuf>, options: &Options) -> anyhow::Result<Outcome> {
    let config = context::config(config)?;
    let (file, forget) = (&options.file, options.forget_revocations);
    let restored = restore(&config.store.path, file, forget, &context::operator()?)?;
    let kept = restored.kept.as_ref().map(|kept| kept.display().to_string());
    output::fields(&[
        ("store", config.store.path.display().to_string()),
        ("tokens", format!("{} not revoked", restored.tokens)),
        ("carried over", carried(restored.carried)),
        ("trail", format!("{} entries, head {}", restored.head.entries, restored.head.link)),
        ("kept", kept.unwrap_or_default()),
    ])?;
    if let Some(error) = restored.unreadable {
        output::note(&format!(
            "the store that was there before could not be read ({:#}), so every token is suspended: look \
             through `gitlatch token list`, revoke what should be, and `gitlatch token resume` the rest",
            anyhow::Error::new(error)
        ));
    }
    Ok(Outcome::Done)
}

fn carried(carried: Carried) -> String {
    let Carried { revoked, suspended, ending, disabled, removed } = carried;
    let counts = [
        (revoked, "revoked", "token"),
        (suspended, "suspended", "token"),
        (ending, "ending", "token"),
        (disabled, "disabled", "user"),
        (removed, "removed", "user"),
    ];
    let counts = counts.into_iter().filter(|(count, ..)| *count > 0).map(|(count, what, of)| {
        format!("{count} {what} {of}{}", if count == 1 { "" } else { "s" })
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    if counts.is_empty() { "nothing".to_owned() } else { counts }
}
