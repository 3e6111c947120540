//! What can be done with the example: for people to paste, or played and checked.

use super::super::{Outcome, output};
use super::quiet::{self, shell_word};
use super::scene::{LOG, REPOSITORY, Scene, USER};
use crate::domain::secret::Secret;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// One step of the transcript.
pub(super) struct Step {
    what: &'static str,
    command: String,
    /// Whether git is to succeed.
    works: bool,
    /// What its output must contain.
    says: &'static [&'static str],
}

/// The steps, with the address and the tokens in them.
pub(super) fn script(url: &str, user_token: &Secret, repository_token: &Secret) -> Vec<Step> {
    let (project, name) = REPOSITORY;
    let path = format!("{project}/{name}.git");
    let authority = url.trim_start_matches("http://");
    let (user_token, repository_token) = (user_token.expose(), repository_token.expose());
    vec![
        Step {
            what: "Clone with a user's token in place of the password",
            command: format!("git clone http://{USER}:{user_token}@{authority}/{path} by-basic"),
            works: true,
            says: &["Cloning into 'by-basic'"],
        },
        Step {
            what: "Clone with a repository's token as Bearer",
            command: format!(
                "git clone -c http.extraHeader='Authorization: Bearer {repository_token}' \
                 {url}/{path} by-bearer"
            ),
            works: true,
            says: &["Cloning into 'by-bearer'"],
        },
        Step {
            what: "Push with the user's token, which has REPO_WRITE",
            command: "git -C by-basic -c user.name=demo -c user.email=demo@example.com commit \
                      --allow-empty --message='From the demonstration' && git -C by-basic push"
                .to_owned(),
            works: true,
            says: &["main -> main"],
        },
        Step {
            what: "Push with the repository's token, which has REPO_READ: refused",
            command: "git -C by-bearer push origin HEAD:refs/heads/other".to_owned(),
            works: false,
            says: &[
                "remote: gitlatch: this needs REPO_WRITE on demo/hello; the token has REPO_READ",
                "403",
            ],
        },
    ]
}

/// The transcript to paste.
pub(super) fn for_people(script: &[Step], scene: &Scene, url: &str) -> String {
    let folder = scene.folder().to_string_lossy();
    let mut text = format!(
        "gitlatch serves {url} from {folder}/repositories.\n\
         There are a user {USER} with a token that has REPO_WRITE, and a token of the repository\n\
         {}/{} that has REPO_READ. Paste this into another terminal:\n\n    cd {}\n",
        REPOSITORY.0,
        REPOSITORY.1,
        shell_word(&folder)
    );
    let steps = script.iter().map(|step| ["\n    # ", step.what, "\n    ", &step.command, "\n"]);
    text.extend(steps.flatten());
    text + &format!("\nEach request is written to {folder}/{LOG}. Ctrl-C ends it all.\n")
}

/// Plays the transcript, shows it, and holds every step to what it promises, until it is told to stop.
pub(super) fn play(
    script: &[Step],
    folder: &Path,
    told: &CancellationToken,
) -> anyhow::Result<Outcome> {
    let mut failed = 0;
    for step in script {
        output::print(&format!("# {}\n$ {}\n", step.what, step.command))?;
        let done =
            quiet::command("sh").arg("-c").arg(&step.command).current_dir(folder).output()?;
        anyhow::ensure!(!told.is_cancelled(), "told to stop before the end");
        let said = [done.stdout.as_slice(), &done.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        output::print(&said)?;
        let missing = step.says.iter().find(|text| !said.contains(**text));
        if done.status.success() != step.works || missing.is_some() {
            failed += 1;
            let wanted = if step.works { "to work" } else { "to be refused" };
            let text = missing.map(|text| format!(" and to say \"{text}\"")).unwrap_or_default();
            output::line(&format!("=> this was {wanted}{text}"))?;
        }
        output::line("")?;
    }
    let all = script.len();
    output::line(&format!("{} of {all} steps came out as told.", all - failed))?;
    if failed > 0 {
        anyhow::bail!("{failed} of {all} steps did not come out as told");
    }
    Ok(Outcome::Done)
}
