//! Pull requests and everything below them.

use super::super::super::confined::{Field, Says};
use super::super::super::intent::Action;
use super::operation::{Operation, Verb, body, chosen, need, operations, query};

/// A request that is opened without saying from where to where leaves that to the host. It is opened where
/// the path says: a repository that may only be read is no place to open one in.
const CREATE: &[Field] = &[
    chosen("fromRef.repository", Says::Repository),
    chosen("toRef.repository", Says::OwnRepository),
];
const UPDATE: &[Field] = &[body("toRef.repository", Says::OwnRepository)];
/// `OUTGOING` lists requests to other repositories.
const LIST: &[Field] = &[query("direction", Says::Exactly("INCOMING"))];
const SOURCE: &str =
    "this commits to the source branch of a pull request, which may lie in another repository";

operations! {
    /// Pull requests of a repository.
    PULL_REQUESTS below "/rest/api/{version}/projects/{project}/repos/{repo}/pull-requests" {
        "pr.list" Get "" Read REPO_READ "list of pull requests" .check(LIST);
        "pr.create" Post "" PullRequest REPO_WRITE "opens one" .check(CREATE);
        "pr.get" Get "/{id}" Read REPO_READ "one pull request";
        "pr.update" Put "/{id}" PullRequest REPO_WRITE "title, description, reviewers, target" .check(UPDATE);
        "pr.delete" Delete "/{id}" PullRequest REPO_WRITE "deletes it";
        "pr.diff-text" Get "/{id}.diff" Read REPO_READ "its diff as text";
        "pr.patch-text" Get "/{id}.patch" Read REPO_READ "its commits as a patch";
        "pr.activities" Get "/{id}/activities" Read REPO_READ "what happened to it";
        "pr.approve" Post "/{id}/approve" PullRequest REPO_WRITE "approves it";
        "pr.unapprove" Delete "/{id}/approve" PullRequest REPO_WRITE "takes an approval back";
        "pr.auto-merge.get" Get "/{id}/auto-merge" Read REPO_READ "whether it merges by itself";
        "pr.auto-merge" Change "/{id}/auto-merge/**" Merge NEVER_MERGE "schedules or cancels a merge";
        "pr.blockers" Get "/{id}/blocker-comments" Read REPO_READ "tasks that block it";
        "pr.blocker.create" Post "/{id}/blocker-comments" PullRequest REPO_WRITE "adds a task";
        "pr.blocker.get" Get "/{id}/blocker-comments/{comment}" Read REPO_READ "one task";
        "pr.blocker.update" Put "/{id}/blocker-comments/{comment}" PullRequest REPO_WRITE "changes or resolves a task";
        "pr.blocker.delete" Delete "/{id}/blocker-comments/{comment}" PullRequest REPO_WRITE "deletes a task";
        "pr.changes" Get "/{id}/changes" Read REPO_READ "files that it changes";
        "pr.comments" Get "/{id}/comments" Read REPO_READ "comments on a file";
        "pr.comment.create" Post "/{id}/comments" PullRequest REPO_WRITE "comments";
        "pr.comment.get" Get "/{id}/comments/{comment}" Read REPO_READ "one comment";
        "pr.comment.update" Put "/{id}/comments/{comment}" PullRequest REPO_WRITE "changes a comment";
        "pr.comment.delete" Delete "/{id}/comments/{comment}" PullRequest REPO_WRITE "deletes a comment";
        "pr.suggestion.apply" Post "/{id}/comments/{comment}/apply-suggestion" Commit REPO_WRITE "commits what a comment suggests" .commits() .refuse(SOURCE);
        "pr.commit-message" Get "/{id}/commit-message-suggestion" Read REPO_READ "a message for the merge";
        "pr.commits" Get "/{id}/commits" Read REPO_READ "its commits";
        "pr.decline" Post "/{id}/decline" PullRequest REPO_WRITE "declines it";
        "pr.diff" Get "/{id}/diff" Read REPO_READ "its diff";
        "pr.diff.path" Get "/{id}/diff/{path}" Read REPO_READ "its diff of one file";
        "pr.diff-stats" Get "/{id}/diff-stats-summary" Read REPO_READ "lines added and removed";
        "pr.diff-stats.path" Get "/{id}/diff-stats-summary/{path}" Read REPO_READ "the same of one file";
        "pr.mergeable" Get "/{id}/merge" Read REPO_READ "whether it could be merged; a dry run";
        "pr.merge" Change "/{id}/merge/**" Merge NEVER_MERGE "merges it";
        "pr.merge-base" Get "/{id}/merge-base" Read REPO_READ "the common ancestor of its branches";
        "pr.participants" Get "/{id}/participants" Read REPO_READ "who takes part";
        "pr.participant.add" Post "/{id}/participants" PullRequest REPO_WRITE "adds a reviewer";
        "pr.participant.remove-by-name" Delete "/{id}/participants" PullRequest REPO_WRITE "removes a reviewer";
        "pr.participant.status" Put "/{id}/participants/{user}" PullRequest REPO_WRITE "approves, or asks for work";
        "pr.participant.remove" Delete "/{id}/participants/{user}" PullRequest REPO_WRITE "removes a reviewer";
        "pr.reopen" Post "/{id}/reopen" PullRequest REPO_WRITE "opens it again";
        "pr.review.get" Get "/{id}/review" Read REPO_READ "comments that are not published yet";
        "pr.review.finish" Put "/{id}/review" PullRequest REPO_WRITE "publishes a review";
        "pr.review.discard" Delete "/{id}/review" PullRequest REPO_WRITE "drops a review";
        "pr.tasks" Get "/{id}/tasks" Read REPO_READ "tasks, as until Bitbucket 7";
        "pr.tasks.count" Get "/{id}/tasks/count" Read REPO_READ "how many are open";
        "pr.watch" Post "/{id}/watch" PullRequest REPO_WRITE "watches it";
        "pr.unwatch" Delete "/{id}/watch" PullRequest REPO_WRITE "stops watching it";
    }
}

operations! {
    /// What other parts of Bitbucket keep about pull requests.
    AROUND below "/rest" {
        "pr.rebaseable" Get "/git/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/rebase" Read REPO_READ "whether it could be rebased";
        "pr.rebase" Change "/git/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/rebase/**" Merge NEVER_MERGE "rebases it";
        "pr.issues" Get "/jira/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/issues" Read REPO_READ "Jira issues that it names";
        "pr.reaction.add" Put "/comment-likes/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/comments/{comment}/reactions/{name}" PullRequest REPO_WRITE "reacts to a comment";
        "pr.reaction.remove" Delete "/comment-likes/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/comments/{comment}/reactions/{name}" PullRequest REPO_WRITE "takes a reaction back";
        "pr.likes" Get "/comment-likes/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/comments/{comment}/likes" Read REPO_READ "who likes a comment";
        "pr.like" Post "/comment-likes/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/comments/{comment}/likes" PullRequest REPO_WRITE "likes a comment";
        "pr.unlike" Delete "/comment-likes/{version}/projects/{project}/repos/{repo}/pull-requests/{id}/comments/{comment}/likes" PullRequest REPO_WRITE "takes that back";
    }
}
