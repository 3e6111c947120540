//! `--project KEY [--repo SLUG]`: the same wherever something is said about a project or a repository.

use super::output::wrong_call;
use super::values;
use crate::domain::names::{ProjectScope, RepoName, RepoPath};
use crate::domain::principal::Owner;

/// A project, or one repository of it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// The project: its key or path; GROUP/** means every project below as well
    #[arg(long, value_name = "KEY", value_parser = values::projects)]
    pub(super) project: Option<ProjectScope>,
    /// One repository of that project
    #[arg(long = "repo", value_name = "SLUG", requires = "project")]
    #[arg(value_parser = values::repository)]
    pub(super) repository: Option<RepoName>,
}

impl Place {
    /// The owner of a token that it names, if it names one.
    pub(super) fn owner(&self) -> anyhow::Result<Option<Owner>> {
        let Some(project) = &self.project else { return Ok(None) };
        match (project, &self.repository) {
            // A token for everything would be an administrator's; a person is answerable for that.
            (ProjectScope::Everywhere, _) => Err(wrong_call(
                "a token belongs to a project; `*` is none, and there is no token for all",
            )),
            (scope, None) => Ok(Some(Owner::Project(scope.clone()))),
            (ProjectScope::Exactly(path), Some(name)) => {
                Ok(Some(Owner::Repository(RepoPath::new(path, name))))
            }
            (ProjectScope::Below(_), Some(name)) => Err(several(project, name)),
        }
    }

    /// The projects and the repository that a right holds for: without `--project`, everywhere.
    pub(super) fn scope(&self) -> anyhow::Result<(ProjectScope, Option<RepoName>)> {
        match (&self.project, &self.repository) {
            (Some(ProjectScope::Exactly(_)), _) | (_, None) => {}
            (Some(project), Some(name)) => return Err(several(project, name)),
            (None, Some(_)) => return Err(wrong_call("--repo needs --project")),
        }
        let project = self.project.clone().unwrap_or(ProjectScope::Everywhere);
        Ok((project, self.repository.clone()))
    }
}

fn several(project: &ProjectScope, repository: &RepoName) -> anyhow::Error {
    wrong_call(format_args!(
        "--repo {repository} needs the one project that holds it, and `{project}` means several"
    ))
}
