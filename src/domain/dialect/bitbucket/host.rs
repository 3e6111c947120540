//! What concerns the whole host, and what is addressed by a bare id.

use super::super::super::intent::Action;
use super::operation::{Operation, Verb, need, operations};

const ALL: &str = "this answers about the whole host";
const MINE: &str = "this gathers pull requests and repositories of the whole host";
const KEY: &str = "this finds access keys by their bare id, in every project";
const COMMENT: &str = "this names a comment by its bare id, in every repository";
const MIRROR: &str = "this answers about repositories by their bare id";

operations! {
    /// The whole host.
    HOST below "/rest/api/{version}" {
        "host.properties" Get "/application-properties" Read ANY "version and name of the host" .refuse(ALL);
        "host.build-capabilities" Get "/build/capabilities" Read ANY "what it knows about builds" .refuse(ALL);
        "host.deployment-capabilities" Get "/deployment/capabilities" Read ANY "what it knows about deployments" .refuse(ALL);
        "host.groups" Get "/groups" Read ANY "list of groups" .refuse(ALL);
        "host.hook-avatar" Get "/hooks/{key}/avatar" Read ANY "a hook's picture" .refuse(ALL);
        "host.labels" Get "/labels" Read ANY "list of labels" .refuse(ALL);
        "host.label" Get "/labels/{name}" Read ANY "one label" .refuse(ALL);
        "host.labeled" Get "/labels/{name}/labeled" Read ANY "repositories that have it" .refuse(ALL);
        "host.markup" Post "/markup/preview" Read ANY "renders a text; changes nothing" .takes(&["application/json", "text/plain"]) .refuse(ALL);
        "host.projects" Get "/projects" Read ANY "list of projects" .refuse(ALL);
        "host.project.create" Change "/projects" Administration NEVER_ADMIN "makes a project";
        "host.repos" Get "/repos" Read ANY "searches repositories" .refuse(ALL);
        "host.users" Get "/users" Read ANY "list of users" .refuse(ALL);
        "host.user" Get "/users/{user}" Read ANY "the public profile of a user";
        "my.suggestions" Get "/dashboard/pull-request-suggestions" Read ANY "branches to open one for" .refuse(MINE);
        "my.dashboard" Get "/dashboard/pull-requests" Read ANY "pull requests of one's own" .refuse(MINE);
        "my.inbox" Get "/inbox/pull-requests" Read ANY "pull requests to review" .refuse(MINE);
        "my.inbox.count" Get "/inbox/pull-requests/count" Read ANY "how many" .refuse(MINE);
        "my.recent" Get "/profile/recent/repos" Read ANY "repositories of late" .refuse(MINE);
    }
}

operations! {
    /// Other parts of Bitbucket.
    PARTS below "/rest" {
        "host.search" Post "/search/{version}/search" Read ANY "searches code; changes nothing" .refuse(ALL);
        "host.ssh" Get "/ssh/{version}/settings" Read ANY "how to reach it by SSH" .refuse(ALL);
        "key.projects" Get "/keys/{version}/ssh/{id}/projects" ProjectSettings PROJECT_ADMIN "where an access key opens" .refuse(KEY);
        "key.repos" Get "/keys/{version}/ssh/{id}/repos" Settings REPO_ADMIN "where an access key opens" .refuse(KEY);
        "key.revoke" Delete "/keys/{version}/ssh/{id}" ProjectSettings PROJECT_ADMIN "revokes one in many places" .refuse(KEY);
        "jira.issue.create" Post "/jira/{version}/comments/{comment}/issues" Write REPO_WRITE "makes an issue of a comment" .refuse(COMMENT);
        "jira.commits" Get "/jira/{version}/issues/{key}/commits" Read REPO_READ "commits that name an issue" .refuse(ALL);
        "mirror.list" Get "/mirroring/{version}/mirrorServers" Read ANY "list of mirrors" .refuse(ALL);
        "mirror.get" Get "/mirroring/{version}/mirrorServers/{name}" Read ANY "one mirror" .refuse(ALL);
        "mirror.repo" Get "/mirroring/{version}/repos/{id}/mirrors" Read REPO_READ "mirrors of a repository" .refuse(MIRROR);
        "mirror.clone" Get "/mirroring/{version}/mirrorRepos/{name}" Read REPO_READ "where to clone it there" .refuse(MIRROR);
    }
}
