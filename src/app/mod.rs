//! Builds the house from a configuration and hands each room only what it needs (`house`).

mod beside;
mod endings;
mod handover;
mod health;
mod house;
mod limits;
mod material;
mod operations;
pub mod preflight;
mod proof;
mod reach;
mod redirect;
mod reload;
mod rules;
mod serving;
mod side_door;
mod signals;
mod supervision;
mod workers;

use crate::config::{Config, Report};
use crate::domain::timestamp::Timestamp;
use crate::store::{Reading, RightsSource};
use anyhow::Context;
pub use house::House;
pub use proof::authenticate;
pub use serving::{decline, serve};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

/// Writes what a configuration that is accepted is warned of to the log.
fn warn(report: &Report) {
    for warning in &report.mistakes {
        tracing::warn!(file = %report.file.display(), line = warning.line, "{}", warning.text);
    }
}

/// Cancels `stop` when the process is told to stop, or its terminal goes away.
///
/// # Errors
/// When signals cannot be listened for.
pub fn stop_on_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let hung_up = stop.clone();
    let reactions = signals::Reactions {
        reload: Box::new(move || hung_up.cancel()),
        restart: Box::new(|| tracing::warn!("this command cannot be restarted")),
        drain: Box::new(|| {}),
    };
    Ok(signals::watch(stop, reactions)?)
}

/// What limits a user's tokens from the side of the user.
#[must_use]
pub fn rights(config: &Config) -> RightsSource {
    if config.access.users_by_grants { RightsSource::Grants } else { RightsSource::Host }
}

/// What a look-up of the store goes by.
#[must_use]
pub fn reading(config: &Config) -> Reading {
    Reading {
        rights: rights(config),
        case: config.upstream.kind.case(),
        identities: config.keys().is_some(),
    }
}

/// The time of now, for what is not in the path of a request.
///
/// # Errors
/// When the clock stands before 1970.
pub fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let since =
        since.context("the clock stands before 1970; set it right (by NTP, say) and try again")?;
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis())?))
}
