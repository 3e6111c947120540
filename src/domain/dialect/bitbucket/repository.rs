//! A repository: its record, refs and files.

use super::super::super::confined::{Field, Says};
use super::super::super::intent::Action;
use super::operation::{Operation, Verb, body, chosen, need, operations, query};

/// A fork without a target goes into the personal project of whoever asks.
const FORK: &[Field] = &[chosen("project", Says::TargetProject)];
const UPDATE: &[Field] = &[
    body("name", Says::OwnName),
    body("slug", Says::OwnName),
    body("project", Says::OwnProject),
    body("origin", Says::Repository),
];
const COMPARE: &[Field] = &[query("fromRepo", Says::Repository)];
const OTHERS: &str = "this answers with other repositories";

operations! {
    /// A repository, its refs and its files.
    REPOSITORY below "/rest/api/{version}/projects/{project}/repos/{repo}" {
        "repo.get" Get "" Read REPO_READ "its record";
        "repo.fork" Post "" Fork PROJECT_ADMIN "forks it; the permission counts at the target too" .check(FORK);
        "repo.update" Put "" Settings REPO_ADMIN "name, description, default branch, project" .check(UPDATE) .refs() .renames();
        "repo.delete" Delete "" Settings REPO_ADMIN "deletes it" .refs() .ends();
        "repo.recreate" Post "/recreate" CreateRepository PROJECT_ADMIN "tries a failed creation again";
        "repo.forks" Get "/forks" Read REPO_READ "list of forks" .refuse(OTHERS);
        "repo.related" Get "/related" Read REPO_READ "forks and origins" .refuse(OTHERS);
        "repo.archive" Get "/archive" Read REPO_READ "its files as an archive";
        "repo.attachment.add" Post "/attachments" Write REPO_WRITE "attaches a file to a comment" .upload();
        "repo.attachment.get" Get "/attachments/{name}" Read REPO_READ "an attachment";
        "repo.attachment.delete" Delete "/attachments/{name}" Settings REPO_ADMIN "deletes an attachment";
        "repo.attachment.metadata" Get "/attachments/{name}/metadata" Read REPO_READ "an attachment's metadata";
        "repo.attachment.metadata.set" Put "/attachments/{name}/metadata" Settings REPO_ADMIN "changes it";
        "repo.attachment.metadata.delete" Delete "/attachments/{name}/metadata" Settings REPO_ADMIN "deletes it";
        "repo.branches" Get "/branches" Read REPO_READ "list of branches";
        "repo.branch.create" Post "/branches" Write REPO_WRITE "makes a branch" .refs();
        "repo.branches.default" Get "/branches/default" Read REPO_READ "the default branch";
        "repo.branches.default.set" Put "/branches/default" Settings REPO_ADMIN "sets the default branch" .refs();
        "repo.default-branch" Get "/default-branch" Read REPO_READ "the default branch as configured";
        "repo.default-branch.set" Put "/default-branch" Settings REPO_ADMIN "sets the default branch" .refs();
        "repo.browse" Get "/browse" Read REPO_READ "files of the root";
        "repo.browse.path" Get "/browse/{path}" Read REPO_READ "a folder, or a file by lines";
        "repo.edit" Put "/browse/{path}" Commit REPO_WRITE "commits a file" .upload() .commits();
        "repo.changes" Get "/changes" Read REPO_READ "files that a commit changes";
        "repo.compare.changes" Get "/compare/changes" Read REPO_READ "files that differ" .check(COMPARE);
        "repo.compare.commits" Get "/compare/commits" Read REPO_READ "commits of one and not the other" .check(COMPARE);
        "repo.compare.diff" Get "/compare/diff" Read REPO_READ "their diff" .check(COMPARE);
        "repo.compare.diff.path" Get "/compare/diff/{path}" Read REPO_READ "their diff of one file" .check(COMPARE);
        "repo.compare.diff-stats" Get "/compare/diff-stats-summary" Read REPO_READ "lines added and removed" .check(COMPARE);
        "repo.compare.diff-stats.path" Get "/compare/diff-stats-summary/{path}" Read REPO_READ "the same of one file" .check(COMPARE);
        "repo.contributing" Get "/contributing" Read REPO_READ "its guide for contributors";
        "repo.diff" Get "/diff" Read REPO_READ "a diff as text";
        "repo.diff.path" Get "/diff/{path}" Read REPO_READ "a diff of one file as text";
        "repo.files" Get "/files" Read REPO_READ "names of all files";
        "repo.files.path" Get "/files/{path}" Read REPO_READ "names of the files below a folder";
        "repo.labels" Get "/labels" Read REPO_READ "its labels";
        "repo.label.add" Post "/labels" Settings REPO_ADMIN "adds a label";
        "repo.label.remove" Delete "/labels/{name}" Settings REPO_ADMIN "removes a label";
        "repo.last-modified" Get "/last-modified" Read REPO_READ "the last commit of each file";
        "repo.last-modified.path" Get "/last-modified/{path}" Read REPO_READ "the same below a folder";
        "repo.license" Get "/license" Read REPO_READ "its licence";
        "repo.participants" Get "/participants" Read REPO_READ "who took part in pull requests";
        "repo.patch" Get "/patch" Read REPO_READ "commits as a patch";
        "repo.raw" Get "/raw/{path}" Read REPO_READ "a file as it is";
        "repo.readme" Get "/readme" Read REPO_READ "its README";
        "repo.ref-changes" Get "/ref-change-activities" Settings REPO_ADMIN "who changed which ref";
        "repo.ref-changes.branches" Get "/ref-change-activities/branches" Settings REPO_ADMIN "branches among them";
        "repo.tags" Get "/tags" Read REPO_READ "list of tags";
        "repo.tag.create" Post "/tags" Write REPO_WRITE "makes a tag" .refs();
        "repo.tag.get" Get "/tags/{path}" Read REPO_READ "one tag";
        "repo.watch" Post "/watch" Write REPO_WRITE "watches it";
        "repo.unwatch" Delete "/watch" Write REPO_WRITE "stops watching it";
    }
}

operations! {
    /// What other parts of Bitbucket do to the refs of a repository.
    REFS below "/rest" {
        "branch.create" Post "/branch-utils/{version}/projects/{project}/repos/{repo}/branches" Write REPO_WRITE "makes a branch" .refs();
        "branch.delete" Delete "/branch-utils/{version}/projects/{project}/repos/{repo}/branches" Write REPO_WRITE "deletes a branch" .refs();
        "branch.info" Get "/branch-utils/{version}/projects/{project}/repos/{repo}/branches/info/{commit}" Read REPO_READ "branches that contain a commit";
        "tag.create" Post "/git/{version}/projects/{project}/repos/{repo}/tags" Write REPO_WRITE "makes a tag" .refs();
        "tag.delete" Delete "/git/{version}/projects/{project}/repos/{repo}/tags/{path}" Write REPO_WRITE "deletes a tag" .refs();
        "fork.sync.get" Get "/sync/{version}/projects/{project}/repos/{repo}" Read REPO_READ "whether it follows its origin";
        "fork.sync" Change "/sync/{version}/projects/{project}/repos/{repo}/**" Merge NEVER_MERGE "fork synchronisation";
    }
}
