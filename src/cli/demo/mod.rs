//! `gitlatch demo`: a complete example on this machine, with nothing to configure.

mod scene;
mod script;

use super::{Outcome, output};
use anyhow::Context;
use scene::Scene;
use std::process::Command;

/// What the demonstration may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Play the example from beginning to end and stop, instead of waiting for you to try it
    #[arg(long)]
    run: bool,
}

/// Sets the example up, serves it, and shows or plays what can be done with it.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let git = Command::new("git").arg("--version").output();
    git.context("the demonstration needs git, which cannot be run")?;
    let scene = Scene::set()?;
    let served = scene.serve()?;
    let script = script::script(&served.url, &scene.user_token, &scene.repository_token);
    let outcome = if options.run {
        script::play(&script, scene.folder())
    } else {
        output::print(&script::for_people(&script, &scene, &served.url))?;
        served.wait()?;
        Ok(Outcome::Done)
    };
    served.stop()?;
    outcome
}
