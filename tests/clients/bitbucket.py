"""The ordinary calls of a client of Bitbucket Data Center's REST interface from PyPI, with tokens of every
permission.

python bitbucket.py URL: a gitlatch in front of a Bitbucket that answers everything. TOKENS is a line for
each token of alice's: its permission, a space and its secret. Every request that was let through is printed,
in the order in which they were sent: "through", its method, its target and the length of its body.
"""

import io
import os
import sys
import types

from atlassian import Bitbucket
from atlassian.bitbucket.server import Server
from requests import HTTPError

URL = sys.argv[1].rstrip("/")
TOKENS = dict(line.split() for line in os.environ["TOKENS"].splitlines())
# What a permission contains, beside itself.
CONTAINS = {
    "REPO_READ": [],
    "REPO_WRITE": ["REPO_READ"],
    "REPO_ADMIN": ["REPO_READ", "REPO_WRITE"],
    "PROJECT_READ": ["REPO_READ"],
    "PROJECT_WRITE": ["REPO_READ", "REPO_WRITE", "PROJECT_READ"],
    "PROJECT_ADMIN": ["REPO_READ", "REPO_WRITE", "REPO_ADMIN", "PROJECT_READ", "PROJECT_WRITE"],
}
# What a refusal says that no permission would have averted.
WANTED = {"never": ["no token"], "unknown": ["does not know this operation"]}
# What came out otherwise than it should.
WRONG = []
# No call may take longer, in seconds.
PATIENCE = 30

K, R = "TEAM", "app"
REPO = (K, R)
PR = (K, R, 1)
COMMIT = "0123456789012345678901234567890123456789"
OTHER = "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
HOOK = "com.atlassian.bitbucket.server.bitbucket-bundled-hooks:force-push-hook"
SIDE = {"repository": {"slug": R, "project": {"key": K}}}
PULL = {
    "title": "t",
    "fromRef": {"id": "refs/heads/x", **SIDE},
    "toRef": {"id": "refs/heads/main", **SIDE},
}
CONDITION = {
    "sourceMatcher": {"id": "any", "type": {"id": "ANY_REF"}},
    "targetMatcher": {"id": "refs/heads/main", "type": {"id": "BRANCH"}},
    "reviewers": [{"id": 12}],
    "requiredApprovals": "1",
}
RESTRICTION = {
    "matcher_type": "branch",
    "matcher_value": "main",
    "permission_type": "no-deletes",
}
BULK = [
    {
        "type": "read-only",
        "matcher": {"id": "main", "displayId": "main", "type": {"id": "BRANCH"}, "active": True},
        "users": [],
        "groups": [],
    }
]
FILE = ("text\n", "a message", "main", "docs/a file.md")

# Each line: the least that a token needs, the method of the library's class, and what it is called with.
# "any" is for every token, "never" for none; "unknown" is what gitlatch does not know, and refuses.
CALLS = [
    # Projects.
    ("any", "project_list", (), {}),
    ("any", "project", (K,), {}),
    ("any", "project_exists", (K,), {}),
    ("any", "project_avatar", (K,), {}),
    ("PROJECT_ADMIN", "update_project", (K,), {"description": "x"}),
    ("PROJECT_ADMIN", "set_project_avatar", (K, b"\x89PNG"), {}),
    # It asks for the rest of it only once somebody reads that.
    ("any", "project_summary", (K,), {}),
    ("PROJECT_ADMIN", "project_keys", (K,), {}),
    ("PROJECT_ADMIN", "project_users", (K,), {"filter_str": "a"}),
    ("PROJECT_ADMIN", "project_grant_user_permissions", (K, "bob", "PROJECT_READ"), {}),
    ("PROJECT_ADMIN", "project_remove_user_permissions", (K, "bob"), {}),
    ("PROJECT_ADMIN", "project_groups", (K,), {"limit": 10}),
    ("PROJECT_ADMIN", "project_grant_group_permissions", (K, "devs", "PROJECT_READ"), {}),
    ("PROJECT_ADMIN", "project_remove_group_permissions", (K, "devs"), {}),
    ("PROJECT_ADMIN", "project_default_permissions", (K, "PROJECT_READ"), {}),
    ("PROJECT_ADMIN", "project_grant_default_permissions", (K, "PROJECT_READ"), {}),
    ("PROJECT_ADMIN", "project_remove_default_permissions", (K, "PROJECT_READ"), {}),
    ("PROJECT_ADMIN", "project_groups_with_administrator_permissions", (K,), {}),
    ("PROJECT_ADMIN", "project_users_with_administrator_permissions", (K,), {}),
    ("PROJECT_READ", "all_project_repo_hook_settings", (K,), {}),
    ("PROJECT_READ", "get_project_repo_hook_settings", (K, HOOK), {}),
    ("PROJECT_ADMIN", "enable_project_repo_hook_settings", (K, HOOK), {}),
    ("PROJECT_ADMIN", "disable_project_repo_hook_settings", (K, HOOK), {}),
    ("PROJECT_READ", "get_project_conditions", (K,), {}),
    ("PROJECT_ADMIN", "create_project_condition", (K, CONDITION), {}),
    ("PROJECT_ADMIN", "update_project_condition", (K, CONDITION, 1), {}),
    ("PROJECT_ADMIN", "delete_project_condition", (K, 1), {}),
    ("PROJECT_ADMIN", "get_project_audit_log", (K,), {}),
    ("PROJECT_ADMIN", "get_project_hook_scripts", (K,), {}),
    ("PROJECT_ADMIN", "configure_project_hook_script", (K, 1), {"trigger_ids": ["repo-push"]}),
    ("PROJECT_ADMIN", "delete_project_hook_script", (K, 1), {}),
    # Repositories.
    ("PROJECT_READ", "repo_list", (K,), {}),
    ("PROJECT_READ", "repo_all_list", (K,), {}),
    ("PROJECT_ADMIN", "create_repo", (K, "new"), {}),
    ("PROJECT_ADMIN", "fork_repository", (K, R, "fork"), {}),
    ("PROJECT_ADMIN", "fork_repository_new_project", (K, R, "OTHER", "fork"), {}),
    ("REPO_READ", "get_repo", REPO, {}),
    ("REPO_READ", "repo_exists", REPO, {}),
    ("REPO_READ", "get_repo_forkable", REPO, {}),
    ("REPO_ADMIN", "update_repo", REPO, {"description": "x"}),
    ("REPO_ADMIN", "disable_repo_forking", REPO, {}),
    ("REPO_ADMIN", "delete_repo", REPO, {}),
    ("REPO_READ", "get_repo_labels", REPO, {}),
    ("REPO_ADMIN", "set_repo_label", (K, R, "mine"), {}),
    ("REPO_ADMIN", "repo_keys", REPO, {}),
    ("REPO_ADMIN", "repo_users", REPO, {}),
    ("REPO_ADMIN", "repo_grant_user_permissions", (K, R, "bob", "REPO_WRITE"), {}),
    ("REPO_ADMIN", "repo_remove_user_permissions", (K, R, "bob"), {}),
    ("REPO_ADMIN", "repo_groups", REPO, {}),
    ("REPO_ADMIN", "repo_grant_group_permissions", (K, R, "devs", "REPO_WRITE"), {}),
    ("REPO_ADMIN", "repo_remove_group_permissions", (K, R, "devs", "REPO_WRITE"), {}),
    ("REPO_ADMIN", "get_repo_audit_log", REPO, {}),
    ("REPO_ADMIN", "all_repo_hook_settings", REPO, {}),
    ("REPO_ADMIN", "get_repo_hook_settings", (K, R, HOOK), {}),
    ("REPO_ADMIN", "enable_repo_hook_settings", (K, R, HOOK), {}),
    ("REPO_ADMIN", "disable_repo_hook_settings", (K, R, HOOK), {}),
    ("REPO_ADMIN", "get_repo_hook_scripts", REPO, {}),
    ("REPO_ADMIN", "configure_repo_hook_script", (K, R, 1), {}),
    ("REPO_ADMIN", "delete_repo_hook_script", (K, R, 1), {}),
    ("REPO_ADMIN", "get_webhooks", REPO, {"event": "pr:merged", "statistics": True}),
    ("REPO_ADMIN", "create_webhook", (K, R, "n", ["pr:merged"], "https://ci.example.com/", True), {}),
    ("REPO_ADMIN", "get_webhook", (K, R, 1), {}),
    ("REPO_ADMIN", "update_webhook", (K, R, 1), {"active": False}),
    ("REPO_ADMIN", "delete_webhook", (K, R, 1), {}),
    ("REPO_READ", "get_pull_request_settings", REPO, {}),
    ("REPO_ADMIN", "set_pull_request_settings", (K, R, {"requiredAllApprovers": True}), {}),
    ("REPO_READ", "get_repo_conditions", REPO, {}),
    ("REPO_ADMIN", "create_repo_condition", (K, R, CONDITION), {}),
    ("REPO_ADMIN", "update_repo_condition", (K, R, CONDITION, 1), {}),
    ("REPO_ADMIN", "delete_repo_condition", (K, R, 1), {}),
    ("REPO_ADMIN", "all_branches_permissions", (K, None, R), {}),
    ("REPO_ADMIN", "get_branches_permissions", (K, None, R), {}),
    ("REPO_ADMIN", "get_branch_permission", (K, 1, R), {}),
    ("REPO_ADMIN", "set_branches_permissions", (K,), {"repository_slug": R, **RESTRICTION}),
    (
        "REPO_ADMIN",
        "set_branches_permissions",
        (K,),
        {"repository_slug": R, "multiple_permissions": BULK},
    ),
    ("REPO_ADMIN", "delete_branch_permission", (K, 1, R), {}),
    ("PROJECT_ADMIN", "all_branches_permissions", (K, None), {}),
    ("PROJECT_ADMIN", "get_branch_permission", (K, 1), {}),
    ("PROJECT_ADMIN", "set_branches_permissions", (K,), RESTRICTION),
    ("PROJECT_ADMIN", "delete_branch_permission", (K, 1), {}),
    ("REPO_ADMIN", "get_branching_model", REPO, {}),
    ("REPO_ADMIN", "set_branching_model", (K, R, {"development": {"useDefault": True}}), {}),
    ("REPO_ADMIN", "enable_branching_model", REPO, {}),
    ("REPO_ADMIN", "disable_branching_model", REPO, {}),
    # Refs and files.
    ("REPO_READ", "get_branches", REPO, {"filter": "bot/", "limit": 5}),
    ("REPO_READ", "get_default_branch", REPO, {}),
    ("REPO_ADMIN", "set_default_branch", (K, R, "refs/heads/main"), {}),
    ("REPO_WRITE", "create_branch", (K, R, "x", "main"), {"message": "m"}),
    ("REPO_WRITE", "delete_branch", (K, R, "refs/heads/x"), {"end_point": COMMIT}),
    ("REPO_READ", "get_tags", REPO, {}),
    ("REPO_READ", "get_project_tags", (K, R, "v1.0"), {}),
    ("REPO_WRITE", "set_tag", (K, R, "v1", COMMIT), {"description": "first"}),
    ("REPO_WRITE", "delete_tag", (K, R, "v1"), {}),
    ("REPO_READ", "get_commits", REPO, {"since": OTHER, "until": COMMIT, "path": "docs/a b"}),
    ("REPO_READ", "get_commits", REPO, {"hash_oldest": OTHER, "hash_newest": COMMIT}),
    ("REPO_READ", "get_commit_info", (K, R, COMMIT), {"path": "README"}),
    ("REPO_READ", "get_commit_changes", REPO, {"hash_newest": OTHER, "commit_id": COMMIT}),
    ("REPO_READ", "get_pull_requests_contain_commit", (K, R, COMMIT), {}),
    ("REPO_READ", "get_changelog", (K, R, "refs/heads/x", "refs/heads/main"), {}),
    ("REPO_READ", "get_diff", (K, R, "docs/a.md", OTHER, COMMIT), {}),
    ("REPO_READ", "get_file_list", REPO, {"sub_folder": "docs", "query": "main"}),
    ("REPO_READ", "get_file_list", REPO, {}),
    ("REPO_READ", "get_content_of_file", (K, R, "docs/a.md"), {"at": "refs/heads/main"}),
    ("REPO_READ", "download_repo_archive", (K, R, io.BytesIO()), {"at": "main", "format": "zip"}),
    ("REPO_WRITE", "upload_file", (K, R, *FILE), {}),
    ("REPO_WRITE", "update_file", (K, R, *FILE, COMMIT), {}),
    # A personal repository, which the library finds below its user.
    ("REPO_READ", "get_repo", ("~alice", "app"), {}),
    ("PROJECT_READ", "repo_list", ("~alice",), {}),
    ("REPO_WRITE", "delete_branch", ("~alice", "app", "x"), {}),
    ("REPO_WRITE", "create_pull_request", ("~alice", "app", PULL), {}),
    ("REPO_ADMIN", "get_webhooks", ("~alice", "app"), {}),
    ("never", "merge_pull_request", ("~alice", "app", 1, "m"), {"pr_version": 1}),
    # Builds and Code Insights.
    ("REPO_READ", "get_associated_build_statuses", (COMMIT,), {}),
    ("REPO_READ", "get_code_insights_report", (K, R, COMMIT, "lint"), {}),
    ("REPO_WRITE", "create_code_insights_report", (K, R, COMMIT, "lint", "Lint"), {"result": "PASS"}),
    ("REPO_WRITE", "delete_code_insights_report", (K, R, COMMIT, "lint"), {}),
    (
        "REPO_WRITE",
        "add_code_insights_annotations_to_report",
        (K, R, COMMIT, "lint", [{"message": "m", "severity": "LOW"}]),
        {},
    ),
    # Pull requests.
    ("REPO_READ", "get_pull_requests", REPO, {"state": "ALL", "at": "refs/heads/main"}),
    ("REPO_READ", "get_pull_request", PR, {}),
    ("REPO_WRITE", "create_pull_request", (K, R, PULL), {}),
    ("REPO_WRITE", "open_pull_request", (K, R, K, R, "x", "main", "t", "d"), {"reviewers": "bob"}),
    (
        "REPO_WRITE",
        "open_pull_request",
        (K, R, K, R, "x", "main", "t", "d"),
        {"include_required_reviewers": True},
    ),
    (
        "REPO_READ",
        "get_required_reviewers_for_pull_request",
        (K, R, K, R, "refs/heads/x", "refs/heads/main"),
        {},
    ),
    ("REPO_WRITE", "update_pull_request", (*PR, {"version": 1, "title": "t"}), {}),
    ("REPO_WRITE", "delete_pull_request", (*PR, 2), {}),
    ("REPO_READ", "get_pull_requests_activities", PR, {}),
    ("REPO_READ", "get_pull_requests_changes", PR, {}),
    ("REPO_READ", "get_pull_requests_commits", PR, {}),
    ("REPO_READ", "get_pull_requests_participants", PR, {}),
    ("REPO_WRITE", "assign_pull_request_participant_role", (*PR, "REVIEWER", "bob"), {}),
    ("REPO_WRITE", "change_reviewed_status", (*PR, "APPROVED", "alice"), {}),
    ("REPO_WRITE", "add_pull_request_comment", (*PR, "hi"), {"parent_id": 2}),
    (
        "REPO_WRITE",
        "add_pull_request_inline_comment",
        (*PR, "hi", "README", OTHER, COMMIT),
        {"line": 1},
    ),
    ("REPO_READ", "get_pull_request_comment", (*PR, 2), {}),
    ("REPO_WRITE", "update_pull_request_comment", (*PR, 2, "ho", 1), {}),
    ("REPO_WRITE", "delete_pull_request_comment", (*PR, 2, 1), {}),
    ("REPO_WRITE", "add_pull_request_blocker_comment", (*PR, "first this", "BLOCKER"), {}),
    ("REPO_READ", "search_pull_request_blocker_comment", PR, {}),
    ("REPO_READ", "get_tasks", PR, {}),
    ("REPO_READ", "is_pull_request_can_be_merged", PR, {}),
    ("REPO_WRITE", "decline_pull_request", (*PR, 1), {}),
    ("REPO_WRITE", "reopen_pull_request", (*PR, 1), {}),
    ("never", "merge_pull_request", (*PR, "m"), {"pr_version": 1}),
    # The host.
    ("any", "get_dashboard_pull_requests", (), {}),
    ("any", "get_users", (), {"user_filter": "bo"}),
    ("any", "get_groups", (), {}),
    ("any", "get_ssh_settings", (), {}),
    ("any", "markup_preview", ("*x*",), {}),
    ("never", "create_project", ("NEW", "new"), {}),
    ("never", "get_users_info", (), {}),
    ("never", "get_current_license", (), {}),
    ("never", "get_mail_configuration", (), {}),
    ("never", "get_announcement_banner", (), {}),
    ("never", "get_cluster_info", (), {}),
    ("never", "check_reindexing_status", (), {}),
    ("never", "reindex_repo", REPO, {}),
    # Until Bitbucket 7 tasks had bare ids; plug-ins have paths of their own.
    ("unknown", "add_task", (1, "do"), {}),
    ("unknown", "get_task", (1,), {}),
    ("unknown", "get_categories", (K, R), {}),
    ("unknown", "reindex_repo_dev_panel", REPO, {}),
]


def repository(server):
    return server.projects.get(K).repos.get(R)


# The same of the library's objects: each is got with a request or two that every token may send, or readers.
OBJECTS = [
    ("any", lambda server: server.projects.each(name="x")),
    ("any", lambda server: server.projects.exists(K)),
    ("PROJECT_ADMIN", lambda server: server.projects.get(K).update(description="x")),
    ("PROJECT_ADMIN", lambda server: server.projects.get(K).groups.each()),
    ("PROJECT_ADMIN", lambda server: server.projects.get(K).groups.each_none("d")),
    ("PROJECT_ADMIN", lambda server: server.projects.get(K).users.write("bob")),
    ("PROJECT_READ", lambda server: server.projects.get(K).repos.each()),
    ("PROJECT_ADMIN", lambda server: server.projects.get(K).repos.create("new")),
    ("PROJECT_ADMIN", lambda server: server.projects.get(K).delete()),
    ("REPO_READ", repository),
    ("REPO_READ", lambda server: repository(server).readme(at="main")),
    ("REPO_READ", lambda server: repository(server).license()),
    ("REPO_READ", lambda server: repository(server).contributing()),
    ("REPO_READ", lambda server: repository(server).default_branch),
    ("REPO_READ", lambda server: repository(server).forks()),
    ("REPO_READ", lambda server: repository(server).related()),
    ("REPO_READ", lambda server: repository(server).download_archive(io.BytesIO())),
    ("REPO_ADMIN", lambda server: setattr(repository(server), "default_branch", "main")),
    ("REPO_ADMIN", lambda server: setattr(repository(server), "description", "x")),
    ("REPO_ADMIN", lambda server: repository(server).groups.each()),
    ("REPO_ADMIN", lambda server: repository(server).users.admin("bob")),
    ("REPO_ADMIN", lambda server: repository(server).delete()),
    ("never", lambda server: server.groups.each()),
]


def print_through(response, **_):
    """Prints a request that was answered."""
    sent = response.request
    if response.ok:
        print("through", sent.method, sent.path_url, len(sent.body or b""))


def called(call):
    """Calls to the end; what the library said when it was refused, and None when it was not."""
    try:
        answer = call()
        if isinstance(answer, types.GeneratorType):
            list(answer)
    except HTTPError as error:
        assert error.response.status_code == 403, (error, error.response.text)
        message = error.response.json()["errors"][0]["message"]
        assert str(error) == message, "the library does not show the text as it was sent"
        return message
    return None


def judged(what, need, permission, call):
    """One call with a token of this permission."""
    if need == "any" or need == permission or need in CONTAINS[permission]:
        wanted = []
    else:
        # Whoever reads it can act on it: it says what was needed and what the token has.
        wanted = WANTED.get(need, [need, permission])
    said = called(call)
    if (said is None) != (not wanted) or any(word not in said for word in wanted):
        WRONG.append(f"{what} needs {need}; with {permission}: {said}")


def main():
    for permission, secret in TOKENS.items():
        for carrier in ({"token": secret}, {"username": "alice", "password": secret}):
            client = Bitbucket(url=URL, timeout=PATIENCE, **carrier)
            client.session.hooks["response"].append(print_through)
            for need, name, arguments, named in CALLS:
                call = getattr(client, name)
                judged(name, need, permission, lambda: call(*arguments, **named))
            server = Server(URL, timeout=PATIENCE, **carrier)
            server.session.hooks["response"].append(print_through)
            for nth, (need, call) in enumerate(OBJECTS):
                judged(f"object {nth}", need, permission, lambda: call(server))
    if WRONG:
        sys.exit("\n".join(WRONG))


if __name__ == "__main__":
    main()
