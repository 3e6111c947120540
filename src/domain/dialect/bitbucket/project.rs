//! A project: its record, repositories and settings.

use super::super::super::confined::{Field, Says};
use super::super::super::intent::Action;
use super::operation::{Operation, SCOPE, Verb, body, need, operations, query};

const TEST: &[Field] = &[query("webhookId", Says::Unplaceable)];
const UPDATE: &[Field] = &[body("key", Says::OwnName)];
const CREATE: &[Field] = &[body("project", Says::OwnProject), body("origin", Says::Repository)];

operations! {
    /// A project and its settings.
    PROJECT below "/rest/api/{version}/projects/{project}" {
        "project.get" Get "" Read ANY "its record";
        "project.update" Put "" ProjectSettings PROJECT_ADMIN "key, name, description" .check(UPDATE) .renames();
        "project.delete" Delete "" ProjectSettings PROJECT_ADMIN "deletes it" .refs() .ends();
        "project.avatar" Get "/avatar.png" Read ANY "its picture";
        "project.avatar.set" Post "/avatar.png" ProjectSettings PROJECT_ADMIN "sets its picture" .upload();
        "project.hook-scripts" Get "/hook-scripts" ProjectSettings PROJECT_ADMIN "scripts that run on events";
        "project.hook-script.set" Put "/hook-scripts/{id}" ProjectSettings PROJECT_ADMIN "has a script run" .outlives();
        "project.hook-script.remove" Delete "/hook-scripts/{id}" ProjectSettings PROJECT_ADMIN "has it run no more";
        "project.permissions.revoke" Delete "/permissions" ProjectSettings PROJECT_ADMIN "revokes permissions";
        "project.permissions.search" Get "/permissions/search" ProjectSettings PROJECT_ADMIN "searches permissions";
        "project.permissions.groups" Get "/permissions/groups" ProjectSettings PROJECT_ADMIN "permissions of groups";
        "project.permissions.group.set" Put "/permissions/groups" ProjectSettings PROJECT_ADMIN "grants a group" .outlives();
        "project.permissions.group.revoke" Delete "/permissions/groups" ProjectSettings PROJECT_ADMIN "revokes a group's";
        "project.permissions.groups.none" Get "/permissions/groups/none" ProjectSettings PROJECT_ADMIN "groups without any";
        "project.permissions.users" Get "/permissions/users" ProjectSettings PROJECT_ADMIN "permissions of users";
        "project.permissions.user.set" Put "/permissions/users" ProjectSettings PROJECT_ADMIN "grants a user" .outlives();
        "project.permissions.user.revoke" Delete "/permissions/users" ProjectSettings PROJECT_ADMIN "revokes a user's";
        "project.permissions.users.none" Get "/permissions/users/none" ProjectSettings PROJECT_ADMIN "users without any";
        "project.permissions.all" Get "/permissions/{permission}/all" ProjectSettings PROJECT_ADMIN "what everybody may";
        "project.permissions.all.set" Post "/permissions/{permission}/all" ProjectSettings PROJECT_ADMIN "grants everybody" .outlives();
        "project.repos" Get "/repos" Read PROJECT_READ "list of its repositories";
        "project.repo.create" Post "/repos" CreateRepository PROJECT_ADMIN "makes a repository" .check(CREATE);
        "project.secrets.allowlist" Get "/secret-scanning/allowlist" ProjectSettings PROJECT_ADMIN "what the scan for secrets leaves out";
        "project.secrets.allowlist.add" Post "/secret-scanning/allowlist" ProjectSettings PROJECT_ADMIN "adds to that";
        "project.secrets.allowed.get" Get "/secret-scanning/allowlist/{id}" ProjectSettings PROJECT_ADMIN "one of that";
        "project.secrets.allowed.update" Put "/secret-scanning/allowlist/{id}" ProjectSettings PROJECT_ADMIN "changes one";
        "project.secrets.allowed.delete" Delete "/secret-scanning/allowlist/{id}" ProjectSettings PROJECT_ADMIN "deletes one";
        "project.secrets.exempt" Get "/secret-scanning/exempt" ProjectSettings PROJECT_ADMIN "repositories that are not scanned";
        "project.secrets.exempt.add" Post "/secret-scanning/exempt" Administration NEVER_ADMIN "has repositories not scanned";
        "project.secrets.rules" Get "/secret-scanning/rules" ProjectSettings PROJECT_ADMIN "what the scan looks for";
        "project.secrets.rule.add" Post "/secret-scanning/rules" ProjectSettings PROJECT_ADMIN "adds a rule";
        "project.secrets.rule.get" Get "/secret-scanning/rules/{id}" ProjectSettings PROJECT_ADMIN "one rule";
        "project.secrets.rule.update" Put "/secret-scanning/rules/{id}" ProjectSettings PROJECT_ADMIN "changes a rule";
        "project.secrets.rule.delete" Delete "/secret-scanning/rules/{id}" ProjectSettings PROJECT_ADMIN "deletes a rule";
        "project.restriction" Get "/settings-restriction" Read ANY "a setting that its repositories must have";
        "project.restriction.create" Post "/settings-restriction" ProjectSettings PROJECT_ADMIN "has them have it";
        "project.restriction.set" Put "/settings-restriction" ProjectSettings PROJECT_ADMIN "the same";
        "project.restriction.delete" Delete "/settings-restriction" ProjectSettings PROJECT_ADMIN "leaves it to them";
        "project.restrictions" Get "/settings-restriction/all" Read ANY "all of those";
        "project.auto-decline" Get "/settings/auto-decline" Read PROJECT_READ "when idle pull requests are declined";
        "project.auto-decline.set" Put "/settings/auto-decline" ProjectSettings PROJECT_ADMIN "sets that";
        "project.auto-decline.delete" Delete "/settings/auto-decline" ProjectSettings PROJECT_ADMIN "takes the default again";
        "project.auto-merge" Get "/settings/auto-merge" Read ANY "whether people may have pull requests merge by themselves";
        "project.auto-merge.set" Put "/settings/auto-merge" ProjectSettings PROJECT_ADMIN "sets that";
        "project.auto-merge.delete" Delete "/settings/auto-merge" ProjectSettings PROJECT_ADMIN "takes the default again";
        "project.hooks" Get "/settings/hooks" Read PROJECT_READ "list of hooks";
        "project.hook.get" Get "/settings/hooks/{key}" Read PROJECT_READ "one hook";
        "project.hook.enable" Put "/settings/hooks/{key}/enabled" ProjectSettings PROJECT_ADMIN "has a hook run" .outlives();
        "project.hook.disable" Delete "/settings/hooks/{key}/enabled" ProjectSettings PROJECT_ADMIN "has it run no more";
        "project.hook.settings" Get "/settings/hooks/{key}/settings" Read PROJECT_READ "a hook's settings";
        "project.hook.settings.set" Put "/settings/hooks/{key}/settings" ProjectSettings PROJECT_ADMIN "sets them" .outlives();
        "project.pr-settings" Get "/settings/pull-requests/{word}" Read PROJECT_READ "ways to merge";
        "project.pr-settings.set" Post "/settings/pull-requests/{word}" ProjectSettings PROJECT_ADMIN "sets them";
        "project.reviewer-groups" Get "/settings/reviewer-groups" Read PROJECT_READ "groups of reviewers";
        "project.reviewer-group.create" Post "/settings/reviewer-groups" ProjectSettings PROJECT_ADMIN "makes one" .check(SCOPE);
        "project.reviewer-group.get" Get "/settings/reviewer-groups/{id}" Read PROJECT_READ "one of them";
        "project.reviewer-group.update" Put "/settings/reviewer-groups/{id}" ProjectSettings PROJECT_WRITE "changes one; its readers may" .check(SCOPE);
        "project.reviewer-group.delete" Delete "/settings/reviewer-groups/{id}" ProjectSettings PROJECT_ADMIN "deletes one";
        "project.webhooks" Get "/webhooks" ProjectSettings PROJECT_ADMIN "list of webhooks";
        "project.webhook.create" Post "/webhooks" ProjectSettings PROJECT_ADMIN "makes one" .outlives();
        "project.webhook.test" Post "/webhooks/test" ProjectSettings PROJECT_ADMIN "has Bitbucket call a URL" .check(TEST);
        "project.webhook.get" Get "/webhooks/{id}" ProjectSettings PROJECT_ADMIN "one webhook";
        "project.webhook.update" Put "/webhooks/{id}" ProjectSettings PROJECT_ADMIN "changes one" .outlives();
        "project.webhook.delete" Delete "/webhooks/{id}" ProjectSettings PROJECT_ADMIN "deletes one";
        "project.webhook.latest" Get "/webhooks/{id}/latest" ProjectSettings PROJECT_ADMIN "its last call";
        "project.webhook.statistics" Get "/webhooks/{id}/statistics" ProjectSettings PROJECT_ADMIN "how its calls went";
        "project.webhook.summary" Get "/webhooks/{id}/statistics/summary" ProjectSettings PROJECT_ADMIN "the same in short";
    }
}

const KEY: &[Field] = &[body("project", Says::OwnProject), body("repository", Says::OwnRepository)];
const RESTRICTIONS: &[&str] = &["application/json", "application/vnd.atl.bitbucket.bulk+json"];

operations! {
    /// Settings of a project that other parts of Bitbucket keep.
    PROJECT_PARTS below "/rest" {
        "project.branch-restrictions" Get "/branch-permissions/{version}/projects/{project}/restrictions" ProjectSettings PROJECT_ADMIN "who may change which branches";
        "project.branch-restriction.create" Post "/branch-permissions/{version}/projects/{project}/restrictions" ProjectSettings PROJECT_ADMIN "restricts branches" .takes(RESTRICTIONS) .check(SCOPE);
        "project.branch-restriction.get" Get "/branch-permissions/{version}/projects/{project}/restrictions/{id}" ProjectSettings PROJECT_ADMIN "one restriction";
        "project.branch-restriction.update" Put "/branch-permissions/{version}/projects/{project}/restrictions/{id}" ProjectSettings PROJECT_ADMIN "changes one" .check(SCOPE);
        "project.branch-restriction.delete" Delete "/branch-permissions/{version}/projects/{project}/restrictions/{id}" ProjectSettings PROJECT_ADMIN "lifts one";
        "project.branch-model.settings" Get "/branch-utils/{version}/projects/{project}/branchmodel/configuration" ProjectSettings PROJECT_ADMIN "how kinds of branches are named";
        "project.branch-model.set" Put "/branch-utils/{version}/projects/{project}/branchmodel/configuration" ProjectSettings PROJECT_ADMIN "sets that";
        "project.branch-model.delete" Delete "/branch-utils/{version}/projects/{project}/branchmodel/configuration" ProjectSettings PROJECT_ADMIN "takes the default again";
        "project.default-reviewers" Get "/default-reviewers/{version}/projects/{project}/conditions" Read PROJECT_READ "who reviews by default";
        "project.default-reviewers.create" Post "/default-reviewers/{version}/projects/{project}/condition" ProjectSettings PROJECT_ADMIN "adds a condition" .check(SCOPE);
        "project.default-reviewers.update" Put "/default-reviewers/{version}/projects/{project}/condition/{id}" ProjectSettings PROJECT_ADMIN "changes one" .check(SCOPE);
        "project.default-reviewers.delete" Delete "/default-reviewers/{version}/projects/{project}/condition/{id}" ProjectSettings PROJECT_ADMIN "deletes one";
        "project.default-tasks" Get "/default-tasks/{version}/projects/{project}/tasks" Read ANY "tasks of every pull request";
        "project.default-task.create" Post "/default-tasks/{version}/projects/{project}/tasks" ProjectSettings PROJECT_ADMIN "adds one" .check(SCOPE);
        "project.default-tasks.delete" Delete "/default-tasks/{version}/projects/{project}/tasks" ProjectSettings PROJECT_ADMIN "deletes all";
        "project.default-task.update" Put "/default-tasks/{version}/projects/{project}/tasks/{id}" ProjectSettings PROJECT_ADMIN "changes one" .check(SCOPE);
        "project.default-task.delete" Delete "/default-tasks/{version}/projects/{project}/tasks/{id}" ProjectSettings PROJECT_ADMIN "deletes one";
        "project.keys" Get "/keys/{version}/projects/{project}/ssh" ProjectSettings PROJECT_ADMIN "access keys";
        "project.key.add" Post "/keys/{version}/projects/{project}/ssh" ProjectSettings PROJECT_ADMIN "lets a key in" .check(KEY) .outlives();
        "project.key.get" Get "/keys/{version}/projects/{project}/ssh/{id}" ProjectSettings PROJECT_ADMIN "one access key";
        "project.key.revoke" Delete "/keys/{version}/projects/{project}/ssh/{id}" ProjectSettings PROJECT_ADMIN "revokes one";
        "project.key.permission" Put "/keys/{version}/projects/{project}/ssh/{id}/permission/{permission}" ProjectSettings PROJECT_ADMIN "what a key may" .outlives();
        "project.jira" Get "/jira/{version}/projects/{project}/primary-enhanced-entitylink" Read PROJECT_READ "the Jira project that it is linked to";
        "project.audit" Get "/audit/{version}/projects/{project}/events" ProjectSettings PROJECT_ADMIN "who changed what in its settings";
    }
}
