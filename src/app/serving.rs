//! `gitlatch serve`: a house with everything around it that a process has: signals, a service manager, the
//! process that served before and the one that will.

use super::handover::{Predecessor, Program, Successor};
use super::signals::{self, Reactions};
use super::supervision::{Readiness, Supervision};
use super::{House, preflight, warn};
use crate::auth::ticket::TicketKey;
use crate::config::{Config, Report};
use crate::server::Inherited;
use crate::telemetry;
use std::path::PathBuf;
use std::sync::Arc;

/// Serves until SIGTERM. `report` is what the loader said about the file of this configuration; a
/// reload reads that file again.
///
/// # Errors
/// When the house cannot be built from the configuration.
pub fn serve(config: Config, report: Report) -> anyhow::Result<()> {
    let program = Program::remember();
    telemetry::log::start(config.log.json, config.log.level);
    warn(&report);
    let successor = Successor::arrive()?;
    let voice = successor.as_ref().map(Successor::voice);
    let served = serve_as(successor, program, config, report.file);
    if let (Err(error), Some(voice)) = (&served, voice) {
        voice.decline(&format!("{error:#}"));
    }
    served
}

/// Tells the process that serves, when this one is to take over from it, why it will not. Without one there
/// is nobody to tell.
pub fn decline(why: &str) {
    if let Ok(Some(successor)) = Successor::arrive() {
        successor.voice().decline(why);
    }
}

fn serve_as(
    mut successor: Option<Successor>,
    program: anyhow::Result<Program>,
    config: Config,
    file: PathBuf,
) -> anyhow::Result<()> {
    // No token could be judged by a clock that is wrong, and no answer dated.
    super::now()?;
    let mut inherited = match &mut successor {
        Some(successor) => {
            preflight::is_current(&config)?;
            successor.sockets()?
        }
        None => Inherited::passed()?,
    };
    let key = successor.as_mut().and_then(Successor::key).map_or_else(TicketKey::generate, Ok)?;
    let house = House::on(config, &mut inherited, key)?;
    let (stop, handed) = (house.stop(), house.handed.clone());
    let predecessor =
        Arc::new(Predecessor::new(program, house.key.clone(), stop.clone(), handed.clone()));
    let supervision = Supervision::start(house.pulse.clone(), stop.clone(), handed)?;
    let readiness = Readiness::new(stop.clone());
    let reload = house.reloader(file);
    let restart = Arc::clone(&predecessor);
    let (drain, ending) = (Arc::clone(&restart), Arc::clone(&restart));
    let reloading = readiness.clone();
    let reactions = Reactions {
        reload: Box::new(move || reloading.reloading(|| reload.reload())),
        restart: Box::new(move || restart.begin()),
        drain: Box::new(move || drain.drains()),
    };
    signals::watch(stop.clone(), reactions)?;
    let shared = house.share()?;
    let opening = move || {
        if let Some(successor) = successor {
            successor.take_over(inherited, &stop)?;
        } else {
            drop(inherited);
        }
        readiness.begins();
        predecessor.serves(shared);
        Ok(())
    };
    let served = house.run_with(Box::new(std::io::stdout()), Box::new(opening));
    ending.end();
    if let Some(supervision) = supervision {
        supervision.end();
    }
    served
}
