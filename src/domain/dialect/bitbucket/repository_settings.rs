//! Settings and permissions of a repository.

use super::super::super::confined::{Field, Says};
use super::super::super::intent::Action;
use super::operation::{Operation, SCOPE, Verb, body, need, operations, query};

operations! {
    /// Settings of a repository.
    REPOSITORY_SETTINGS below "/rest/api/{version}/projects/{project}/repos/{repo}" {
        "repo.hook-scripts" Get "/hook-scripts" Settings REPO_ADMIN "scripts that run on events";
        "repo.hook-script.set" Put "/hook-scripts/{id}" Settings REPO_ADMIN "has a script run" .outlives();
        "repo.hook-script.remove" Delete "/hook-scripts/{id}" Settings REPO_ADMIN "has it run no more";
        "repo.permissions.revoke" Delete "/permissions" Settings PROJECT_ADMIN "revokes permissions";
        "repo.permissions.search" Get "/permissions/search" Settings REPO_ADMIN "searches permissions";
        "repo.permissions.groups" Get "/permissions/groups" Settings REPO_ADMIN "permissions of groups";
        "repo.permissions.group.set" Put "/permissions/groups" Settings REPO_ADMIN "grants a group" .outlives();
        "repo.permissions.group.revoke" Delete "/permissions/groups" Settings REPO_ADMIN "revokes a group's";
        "repo.permissions.groups.none" Get "/permissions/groups/none" Settings REPO_ADMIN "groups without any";
        "repo.permissions.users" Get "/permissions/users" Settings REPO_ADMIN "permissions of users";
        "repo.permissions.user.set" Put "/permissions/users" Settings REPO_ADMIN "grants a user" .outlives();
        "repo.permissions.user.revoke" Delete "/permissions/users" Settings REPO_ADMIN "revokes a user's";
        "repo.permissions.users.none" Get "/permissions/users/none" Settings REPO_ADMIN "users without any";
        "repo.secrets.allowlist" Get "/secret-scanning/allowlist" Settings REPO_ADMIN "what the scan for secrets leaves out";
        "repo.secrets.allowlist.add" Post "/secret-scanning/allowlist" Settings REPO_ADMIN "adds to that";
        "repo.secrets.allowed.get" Get "/secret-scanning/allowlist/{id}" Settings REPO_ADMIN "one of that";
        "repo.secrets.allowed.update" Put "/secret-scanning/allowlist/{id}" Settings REPO_ADMIN "changes one";
        "repo.secrets.allowed.delete" Delete "/secret-scanning/allowlist/{id}" Settings REPO_ADMIN "deletes one";
        "repo.secrets.exempt" Get "/secret-scanning/exempt" Settings REPO_ADMIN "whether it is not scanned";
        "repo.secrets.exempt.set" Put "/secret-scanning/exempt" Settings PROJECT_ADMIN "has it not scanned";
        "repo.secrets.exempt.delete" Delete "/secret-scanning/exempt" Settings PROJECT_ADMIN "has it scanned again";
        "repo.secrets.rules" Get "/secret-scanning/rules" Settings REPO_ADMIN "what the scan looks for";
        "repo.secrets.rule.add" Post "/secret-scanning/rules" Settings REPO_ADMIN "adds a rule";
        "repo.secrets.rule.get" Get "/secret-scanning/rules/{id}" Settings REPO_ADMIN "one rule";
        "repo.secrets.rule.update" Put "/secret-scanning/rules/{id}" Settings REPO_ADMIN "changes a rule";
        "repo.secrets.rule.delete" Delete "/secret-scanning/rules/{id}" Settings REPO_ADMIN "deletes a rule";
        "repo.auto-decline" Get "/settings/auto-decline" Read REPO_READ "when idle pull requests are declined";
        "repo.auto-decline.set" Put "/settings/auto-decline" Settings REPO_ADMIN "sets that";
        "repo.auto-decline.delete" Delete "/settings/auto-decline" Settings REPO_ADMIN "takes the project's again";
        "repo.auto-merge" Get "/settings/auto-merge" Read REPO_READ "whether people may have pull requests merge by themselves";
        "repo.auto-merge.set" Put "/settings/auto-merge" Settings REPO_ADMIN "sets that";
        "repo.auto-merge.delete" Delete "/settings/auto-merge" Settings REPO_ADMIN "takes the project's again";
        "repo.hooks" Get "/settings/hooks" Settings REPO_ADMIN "list of hooks";
        "repo.hook.get" Get "/settings/hooks/{key}" Settings REPO_ADMIN "one hook";
        "repo.hook.delete" Delete "/settings/hooks/{key}" Settings REPO_ADMIN "takes the project's again";
        "repo.hook.enable" Put "/settings/hooks/{key}/enabled" Settings REPO_ADMIN "has a hook run" .outlives();
        "repo.hook.disable" Delete "/settings/hooks/{key}/enabled" Settings REPO_ADMIN "has it run no more";
        "repo.hook.settings" Get "/settings/hooks/{key}/settings" Settings REPO_ADMIN "a hook's settings";
        "repo.hook.settings.set" Put "/settings/hooks/{key}/settings" Settings REPO_ADMIN "sets them" .outlives();
        "repo.pr-settings" Get "/settings/pull-requests" Read REPO_READ "what a pull request must have";
        "repo.pr-settings.set" Post "/settings/pull-requests" Settings REPO_ADMIN "sets that";
        "repo.reviewer-groups" Get "/settings/reviewer-groups" Read REPO_READ "groups of reviewers";
        "repo.reviewer-group.create" Post "/settings/reviewer-groups" Settings REPO_ADMIN "makes one" .check(SCOPE);
        "repo.reviewer-group.get" Get "/settings/reviewer-groups/{id}" Read REPO_READ "one of them";
        "repo.reviewer-group.update" Put "/settings/reviewer-groups/{id}" Settings REPO_ADMIN "changes one" .check(SCOPE);
        "repo.reviewer-group.delete" Delete "/settings/reviewer-groups/{id}" Settings REPO_ADMIN "deletes one";
        "repo.reviewer-group.users" Get "/settings/reviewer-groups/{id}/users" Read REPO_READ "who is in it";
        "repo.webhooks" Get "/webhooks" Settings REPO_ADMIN "list of webhooks";
        "repo.webhook.create" Post "/webhooks" Settings REPO_ADMIN "makes one" .outlives();
        "repo.webhooks.search" Get "/webhooks/search" Settings REPO_ADMIN "searches them";
        "repo.webhook.test" Post "/webhooks/test" Settings REPO_ADMIN "has Bitbucket call a URL";
        "repo.webhook.get" Get "/webhooks/{id}" Settings REPO_ADMIN "one webhook";
        "repo.webhook.update" Put "/webhooks/{id}" Settings REPO_ADMIN "changes one" .outlives();
        "repo.webhook.delete" Delete "/webhooks/{id}" Settings REPO_ADMIN "deletes one";
        "repo.webhook.latest" Get "/webhooks/{id}/latest" Settings REPO_ADMIN "its last call";
        "repo.webhook.statistics" Get "/webhooks/{id}/statistics" Settings REPO_ADMIN "how its calls went";
        "repo.webhook.summary" Get "/webhooks/{id}/statistics/summary" Settings REPO_ADMIN "the same in short";
    }
}

const KEY: &[Field] = &[body("repository", Says::Repository), body("project", Says::Project)];
const REVIEWERS: &[Field] =
    &[query("sourceRepoId", Says::Unplaceable), query("targetRepoId", Says::Unplaceable)];
/// Several restrictions in one call have a media type of their own.
const RESTRICTIONS: &[&str] = &["application/json", "application/vnd.atl.bitbucket.bulk+json"];

operations! {
    /// Settings of a repository that other parts of Bitbucket keep.
    REPOSITORY_PARTS below "/rest" {
        "repo.restrictions" Get "/branch-permissions/{version}/projects/{project}/repos/{repo}/restrictions" Settings REPO_ADMIN "who may change which branches";
        "repo.restriction.create" Post "/branch-permissions/{version}/projects/{project}/repos/{repo}/restrictions" Settings REPO_ADMIN "restricts branches" .takes(RESTRICTIONS) .check(SCOPE);
        "repo.restriction.get" Get "/branch-permissions/{version}/projects/{project}/repos/{repo}/restrictions/{id}" Settings REPO_ADMIN "one restriction";
        "repo.restriction.update" Put "/branch-permissions/{version}/projects/{project}/repos/{repo}/restrictions/{id}" Settings REPO_ADMIN "changes one" .check(SCOPE);
        "repo.restriction.delete" Delete "/branch-permissions/{version}/projects/{project}/repos/{repo}/restrictions/{id}" Settings REPO_ADMIN "lifts one";
        "repo.branch-model" Get "/branch-utils/{version}/projects/{project}/repos/{repo}/branchmodel" Read REPO_READ "kinds of branches";
        "repo.branch-model.settings" Get "/branch-utils/{version}/projects/{project}/repos/{repo}/branchmodel/configuration" Settings REPO_ADMIN "how they are named";
        "repo.branch-model.set" Put "/branch-utils/{version}/projects/{project}/repos/{repo}/branchmodel/configuration" Settings REPO_ADMIN "sets that";
        "repo.branch-model.delete" Delete "/branch-utils/{version}/projects/{project}/repos/{repo}/branchmodel/configuration" Settings REPO_ADMIN "takes the project's again";
        "repo.default-reviewers" Get "/default-reviewers/{version}/projects/{project}/repos/{repo}/conditions" Read REPO_READ "who reviews by default";
        "repo.default-reviewers.create" Post "/default-reviewers/{version}/projects/{project}/repos/{repo}/condition" Settings REPO_ADMIN "adds a condition" .check(SCOPE);
        "repo.default-reviewers.update" Put "/default-reviewers/{version}/projects/{project}/repos/{repo}/condition/{id}" Settings REPO_ADMIN "changes one" .check(SCOPE);
        "repo.default-reviewers.delete" Delete "/default-reviewers/{version}/projects/{project}/repos/{repo}/condition/{id}" Settings REPO_ADMIN "deletes one";
        "repo.default-reviewers.of" Get "/default-reviewers/{version}/projects/{project}/repos/{repo}/reviewers" Read REPO_READ "who would review a pull request" .check(REVIEWERS);
        "repo.default-tasks" Get "/default-tasks/{version}/projects/{project}/repos/{repo}/tasks" Read REPO_READ "tasks of every pull request";
        "repo.default-task.create" Post "/default-tasks/{version}/projects/{project}/repos/{repo}/tasks" Settings REPO_ADMIN "adds one" .check(SCOPE);
        "repo.default-tasks.delete" Delete "/default-tasks/{version}/projects/{project}/repos/{repo}/tasks" Settings REPO_ADMIN "deletes all";
        "repo.default-task.update" Put "/default-tasks/{version}/projects/{project}/repos/{repo}/tasks/{id}" Settings REPO_ADMIN "changes one" .check(SCOPE);
        "repo.default-task.delete" Delete "/default-tasks/{version}/projects/{project}/repos/{repo}/tasks/{id}" Settings REPO_ADMIN "deletes one";
        "repo.required-builds" Get "/required-builds/{version}/projects/{project}/repos/{repo}/conditions" Read REPO_READ "builds that a merge waits for";
        "repo.required-build.create" Post "/required-builds/{version}/projects/{project}/repos/{repo}/condition" Settings REPO_ADMIN "adds a condition";
        "repo.required-build.update" Put "/required-builds/{version}/projects/{project}/repos/{repo}/condition/{id}" Settings REPO_ADMIN "changes one";
        "repo.required-build.delete" Delete "/required-builds/{version}/projects/{project}/repos/{repo}/condition/{id}" Settings REPO_ADMIN "deletes one";
        "repo.keys" Get "/keys/{version}/projects/{project}/repos/{repo}/ssh" Settings REPO_ADMIN "access keys";
        "repo.key.add" Post "/keys/{version}/projects/{project}/repos/{repo}/ssh" Settings REPO_ADMIN "lets a key in" .check(KEY) .outlives();
        "repo.key.get" Get "/keys/{version}/projects/{project}/repos/{repo}/ssh/{id}" Settings REPO_ADMIN "one access key";
        "repo.key.revoke" Delete "/keys/{version}/projects/{project}/repos/{repo}/ssh/{id}" Settings REPO_ADMIN "revokes one";
        "repo.key.permission" Put "/keys/{version}/projects/{project}/repos/{repo}/ssh/{id}/permission/{permission}" Settings REPO_ADMIN "what a key may" .outlives();
        "repo.audit" Get "/audit/{version}/projects/{project}/repos/{repo}/events" Settings REPO_ADMIN "who changed what in its settings";
    }
}
