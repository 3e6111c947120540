//! The example: a folder with a repository in it, a user, and two tokens.

use crate::app::{House, now};
use crate::cli::context;
use crate::domain::names::{ProjectPath, ProjectScope, RepoName, RepoPath, UserName};
use crate::domain::permission::{Level, Permission};
use crate::domain::policy::limits::Limits;
use crate::domain::principal::{Grant, Grantee, Owner};
use crate::domain::secret::Secret;
use crate::domain::trail::{Actor, Author};
use crate::manage::Label;
use crate::manage::tokens::{self, TokenRequest, Wanted};
use crate::manage::users::{self, UserRequest};
use crate::store::Registry;
use crate::store::sqlite::Database;
use anyhow::{Context, anyhow, bail};
use std::fs;
use std::path::Path;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The person of the example.
pub(super) const USER: &str = "alice";
/// The repository of the example.
pub(super) const REPOSITORY: (&str, &str) = ("demo", "hello");
/// Where the lines of requests go, so that they do not stand between those of git.
pub(super) const LOG: &str = "requests.log";

/// The temporary folder with everything in it; it goes with this value.
pub(super) struct Scene {
    folder: TempDir,
    pub(super) user_token: Secret,
    pub(super) repository_token: Secret,
}

/// The example while it is served.
pub(super) struct Served {
    pub(super) url: String,
    stop: CancellationToken,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Scene {
    /// Makes the folder, the repository with one commit, the user and the tokens.
    pub(super) fn set() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("gitlatch-demo-").tempdir()?;
        make_repository(folder.path())?;
        fs::write(folder.path().join("proxy.toml"), configuration(folder.path())?)?;
        let database = Database::open(&folder.path().join("gitlatch.db"))?;
        let mut registry = database.registry()?;
        let (user_token, repository_token) = make_tokens(&mut registry)?;
        Ok(Self { folder, user_token, repository_token })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Serves it on a port that the system chooses.
    pub(super) fn serve(&self) -> anyhow::Result<Served> {
        let (config, _warnings) = context::config_to_serve(&self.folder().join("proxy.toml"))?;
        let house = House::build(config)?;
        let address = house.address().context("the example listens nowhere")?;
        let stop = house.stop();
        let log = fs::File::create(self.folder().join(LOG))?;
        let thread = std::thread::spawn(move || house.run_with_log(Box::new(log)));
        Ok(Served { url: format!("http://{address}"), stop, thread })
    }
}

impl Served {
    /// Serves until the process is told to stop.
    pub(super) fn wait(&self, told: &CancellationToken) {
        while !told.is_cancelled() && !self.thread.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Ends serving.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        match self.thread.join() {
            Ok(served) => served,
            Err(_) => bail!("the server of the example crashed"),
        }
    }
}

fn configuration(folder: &Path) -> anyhow::Result<String> {
    let below = |name: &str| -> anyhow::Result<toml::Value> {
        let path = folder.join(name).into_os_string().into_string();
        let path = path.map_err(|_| anyhow!("the folder for temporary files is no UTF-8"))?;
        Ok(toml::Value::String(path))
    };
    Ok(format!(
        "[server]\nlisten = '127.0.0.1:0'\ndrain_timeout = '2s'\n\n[operations]\nlisten = ''\n\n\
         [store]\npath = {}\n\n[upstream]\nkind = 'git'\nrepositories = {}\n",
        below("gitlatch.db")?,
        below("repositories")?
    ))
}

fn make_tokens(registry: &mut dyn Registry) -> anyhow::Result<(Secret, Secret)> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let user = UserName::new(USER)?;
    let request = UserRequest {
        name: user.clone(),
        display_name: None,
        email: None,
        admin: false,
        // Nobody needs to know it: the example makes its tokens here.
        password: Some(Secret::new(format!("{:032x}", u128::from_ne_bytes(random)))),
    };
    let by = Author { who: Actor::Operator("gitlatch demo".to_owned()), from: None, at: now()? };
    users::add(registry, request, None, &by)?;
    let project = ProjectPath::new(REPOSITORY.0)?;
    let grant = Grant {
        projects: ProjectScope::Exactly(project.clone()),
        repository: None,
        permission: Permission::Repository(Level::Write),
    };
    registry.add_grant(&Grantee::User(user.clone()), &grant, &by)?;
    let mut make = |name: &str, owner, level| -> anyhow::Result<Secret> {
        let request = TokenRequest {
            name: Label::new(name)?,
            owner,
            permissions: Wanted::These(vec![Permission::Repository(level)]),
            limits: Limits::default(),
            lifetime: None,
            tells_force: true,
        };
        Ok(tokens::create(registry, request, &by, getrandom::fill)?.secret)
    };
    let repository = RepoPath::new(&project, &RepoName::new(REPOSITORY.1)?);
    let user_token = make("laptop", Owner::User(user), Level::Write)?;
    let repository_token = make("deploy", Owner::Repository(repository), Level::Read)?;
    Ok((user_token, repository_token))
}

/// A bare repository with one commit on `main`.
fn make_repository(folder: &Path) -> anyhow::Result<()> {
    let bare = folder.join("repositories").join(REPOSITORY.0).join(format!("{}.git", REPOSITORY.1));
    let work = folder.join("first");
    fs::create_dir_all(&bare)?;
    git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main"])?;
    fs::create_dir_all(&work)?;
    git(&work, &["init", "--quiet", "--initial-branch=main"])?;
    fs::write(work.join("README"), "Hello from behind gitlatch.\n")?;
    git(&work, &["add", "README"])?;
    git(
        &work,
        &[
            "-c",
            "user.name=demo",
            "-c",
            "user.email=demo@example.com",
            "commit",
            "--quiet",
            "--message=Say hello",
        ],
    )?;
    let target = bare.to_string_lossy();
    git(&work, &["push", "--quiet", &target, "main"])?;
    Ok(fs::remove_dir_all(work)?)
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = super::quiet::command("git");
    let output = command.args(arguments).current_dir(folder).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("git {} failed: {}", arguments.join(" "), said.trim());
    }
    Ok(())
}
