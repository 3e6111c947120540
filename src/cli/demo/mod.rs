//! `gitlatch demo`: a complete example on this machine, with nothing to configure.

mod quiet;
mod scene;
mod script;

use super::{Outcome, output};
use anyhow::Context;
use scene::Scene;
use tokio_util::sync::CancellationToken;

/// What the demonstration may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Play the example from beginning to end and stop, instead of waiting for you to try it
    #[arg(long)]
    run: bool,
}

/// Sets the example up, serves it, and shows or plays what can be done with it.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let git = quiet::command("git").arg("--version").output();
    git.context("the demonstration needs git, which cannot be run")?;
    // From the beginning, for a process that is told to stop to take its folder along.
    let told = CancellationToken::new();
    crate::app::stop_on_signals(told.clone())?;
    let scene = Scene::set()?;
    let served = scene.serve()?;
    let script = script::script(&served.url, &scene.user_token, &scene.repository_token);
    let outcome = if options.run {
        script::play(&script, scene.folder(), &told)
    } else {
        output::print(&script::for_people(&script, &scene, &served.url))
            .map(|()| served.wait(&told))
            .map(|()| Outcome::Done)
    };
    served.stop()?;
    outcome
}
