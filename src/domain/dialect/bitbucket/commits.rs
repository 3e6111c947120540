//! Commits of a repository, and what builds and tools say about them.

use super::super::super::intent::Action;
use super::operation::{Operation, Verb, need, operations};

operations! {
    /// Commits of a repository.
    COMMITS below "/rest/api/{version}/projects/{project}/repos/{repo}/commits" {
        "commit.list" Get "" Read REPO_READ "list of commits";
        "commit.get" Get "/{commit}" Read REPO_READ "one commit";
        "commit.build.get" Get "/{commit}/builds" Read REPO_READ "a build's status";
        "commit.build.set" Post "/{commit}/builds" Write REPO_WRITE "reports a build's status";
        "commit.build.delete" Delete "/{commit}/builds" Settings REPO_ADMIN "deletes a build's status";
        "commit.changes" Get "/{commit}/changes" Read REPO_READ "files that it changes";
        "commit.comments" Get "/{commit}/comments" Read REPO_READ "comments on a file";
        "commit.comment.create" Post "/{commit}/comments" Write REPO_WRITE "comments";
        "commit.comment.get" Get "/{commit}/comments/{comment}" Read REPO_READ "one comment";
        "commit.comment.update" Put "/{commit}/comments/{comment}" Write REPO_WRITE "changes a comment";
        "commit.comment.delete" Delete "/{commit}/comments/{comment}" Write REPO_WRITE "deletes a comment";
        "commit.deployment.get" Get "/{commit}/deployments" Read REPO_READ "a deployment";
        "commit.deployment.set" Post "/{commit}/deployments" Write REPO_WRITE "reports a deployment";
        "commit.deployment.delete" Delete "/{commit}/deployments" Settings REPO_ADMIN "deletes a deployment";
        "commit.diff" Get "/{commit}/diff" Read REPO_READ "its diff";
        "commit.diff.path" Get "/{commit}/diff/{path}" Read REPO_READ "its diff of one file";
        "commit.diff-stats" Get "/{commit}/diff-stats-summary" Read REPO_READ "lines added and removed";
        "commit.diff-stats.path" Get "/{commit}/diff-stats-summary/{path}" Read REPO_READ "the same of one file";
        "commit.merge-base" Get "/{commit}/merge-base" Read REPO_READ "the common ancestor with another commit";
        "commit.pull-requests" Get "/{commit}/pull-requests" Read REPO_READ "pull requests that contain it";
        "commit.watch" Post "/{commit}/watch" Write REPO_WRITE "watches it";
        "commit.unwatch" Delete "/{commit}/watch" Write REPO_WRITE "stops watching it";
    }
}

operations! {
    /// Code Insights: reports of tools on a commit, and reactions to comments.
    INSIGHTS below "/rest" {
        "insights.annotations" Get "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/annotations" Read REPO_READ "annotations of all reports";
        "insights.reports" Get "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports" Read REPO_READ "list of reports";
        "insights.report.get" Get "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports/{key}" Read REPO_READ "one report";
        "insights.report.set" Put "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports/{key}" Write REPO_WRITE "makes a report";
        "insights.report.delete" Delete "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports/{key}" Write REPO_WRITE "deletes a report";
        "insights.report.annotations" Get "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports/{key}/annotations" Read REPO_READ "its annotations";
        "insights.annotations.add" Post "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports/{key}/annotations" Write REPO_WRITE "adds annotations";
        "insights.annotations.delete" Delete "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports/{key}/annotations" Write REPO_WRITE "deletes annotations";
        "insights.annotation.set" Put "/insights/{version}/projects/{project}/repos/{repo}/commits/{commit}/reports/{key}/annotations/{name}" Write REPO_WRITE "makes or replaces one";
        "commit.reaction.add" Put "/comment-likes/{version}/projects/{project}/repos/{repo}/commits/{commit}/comments/{comment}/reactions/{name}" Write REPO_WRITE "reacts to a comment";
        "commit.reaction.remove" Delete "/comment-likes/{version}/projects/{project}/repos/{repo}/commits/{commit}/comments/{comment}/reactions/{name}" Write REPO_WRITE "takes a reaction back";
        "commit.likes" Get "/comment-likes/{version}/projects/{project}/repos/{repo}/commits/{commit}/comments/{comment}/likes" Read REPO_READ "who likes a comment";
        "commit.like" Post "/comment-likes/{version}/projects/{project}/repos/{repo}/commits/{commit}/comments/{comment}/likes" Write REPO_WRITE "likes a comment";
        "commit.unlike" Delete "/comment-likes/{version}/projects/{project}/repos/{repo}/commits/{commit}/comments/{comment}/likes" Write REPO_WRITE "takes that back";
    }
}

const BY_COMMIT: &str = "this finds builds by the bare id of a commit, in every repository";

operations! {
    /// Build statuses by the bare id of a commit, whatever its repository.
    BUILD_STATUS below "/rest/build-status/{version}/commits" {
        "build-status.get" Get "/{hash}" Read REPO_READ "statuses of a commit" .refuse(BY_COMMIT);
        "build-status.set" Post "/{hash}" Write REPO_WRITE "reports a build's status" .refuse(BY_COMMIT);
        "build-status.stats" Get "/stats/{hash}" Read REPO_READ "how many failed" .refuse(BY_COMMIT);
        "build-status.stats.many" Post "/stats" Read REPO_READ "the same for many commits; changes nothing" .refuse(BY_COMMIT);
    }
}
