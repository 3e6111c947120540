"""The same client with a token of the project TEAM, in front of a Bitbucket where it could reach more.

python bitbucket_confined.py URL: as bitbucket.py, whose data it uses. TOKENS is one line: a name, a space and
the secret. What was let through is printed in the same way.
"""

import sys

from atlassian import Bitbucket
from bitbucket import COMMIT, FILE, PATIENCE, PR, PULL, REPO, TOKENS, URL, K, R, called, print_through

OUTSIDE = ("OTHER", "lib")
PULL_OUTSIDE = dict(PULL, fromRef={"id": "x", "repository": {"slug": "lib", "project": {"key": "OTHER"}}})
PULL_NOWHERE = {"title": "t", "fromRef": {"id": "x"}, "toRef": {"id": "main"}}
ELSEWHERE = "the token belongs to project TEAM and reaches nothing else"
LEFT_OUT = "is left out, and the host would choose for it: name what this token may reach"
HOST = "the whole host"

# Each line: what a refusal says, and None for what is let through; the method, and what it is called with.
CALLS = [
    (None, "project", (K,), {}),
    (None, "repo_list", (K,), {}),
    (None, "create_repo", (K, "new"), {}),
    (None, "get_repo", REPO, {}),
    (None, "update_repo", REPO, {"description": "x"}),
    (None, "repo_users", REPO, {}),
    (None, "get_branches", REPO, {}),
    (None, "create_branch", (K, R, "x", "main"), {}),
    (None, "get_changelog", (K, R, "refs/heads/x", "refs/heads/main"), {}),
    (None, "create_webhook", (K, R, "n", ["pr:merged"], "https://ci.example.com/", True), {}),
    (None, "get_pull_requests", REPO, {}),
    (None, "create_pull_request", (K, R, PULL), {}),
    (None, "open_pull_request", (K, R, K, R, "x", "main", "t", "d"), {"reviewers": "bob"}),
    (None, "open_pull_request", (K, "lib", K, R, "x", "main", "t", "d"), {}),
    (None, "add_pull_request_comment", (*PR, "hi"), {}),
    (None, "decline_pull_request", (*PR, 1), {}),
    (None, "fork_repository", (K, R, "fork"), {}),
    (None, "create_code_insights_report", (K, R, COMMIT, "lint", "Lint"), {}),
    (ELSEWHERE, "fork_repository_new_project", (K, R, "OTHER", "fork"), {}),
    (LEFT_OUT, "fork_repository", (K, R, None), {}),
    (ELSEWHERE, "open_pull_request", (*OUTSIDE, K, R, "x", "main", "t", "d"), {}),
    (ELSEWHERE, "create_pull_request", (K, R, PULL_OUTSIDE), {}),
    (LEFT_OUT, "create_pull_request", (K, R, PULL_NOWHERE), {}),
    ("names OTHER/lib: with this token it is TEAM/app", "update_pull_request", (*PR, {"version": 1, "toRef": PULL_OUTSIDE["fromRef"]}), {}),
    ("is not app, the name by which tokens belong to it: leave it out", "update_repo", REPO, {"name": "other"}),
    ("with this token it is TEAM", "update_repo", REPO, {"project": {"key": "OTHER"}}),
    (ELSEWHERE, "project", ("OTHER",), {}),
    (ELSEWHERE, "repo_list", ("OTHER",), {}),
    (ELSEWHERE, "get_repo", OUTSIDE, {}),
    (ELSEWHERE, "get_pull_request", (*OUTSIDE, 1), {}),
    (ELSEWHERE, "get_repo", ("~alice", "app"), {}),
    (HOST, "project_list", (), {}),
    (HOST, "get_users", (), {}),
    (HOST, "get_dashboard_pull_requests", (), {}),
    ("bare id", "get_associated_build_statuses", (COMMIT,), {}),
    ("use a user's token", "upload_file", (K, R, *FILE), {}),
    ("no token", "merge_pull_request", (*PR, "m"), {"pr_version": 1}),
]


def main():
    (secret,) = TOKENS.values()
    client = Bitbucket(url=URL, timeout=PATIENCE, token=secret)
    client.session.hooks["response"].append(print_through)
    wrong = []
    for wanted, name, arguments, named in CALLS:
        said = called(lambda: getattr(client, name)(*arguments, **named))
        if (said is None) != (wanted is None) or wanted and wanted not in said:
            wrong.append(f"{name}{arguments} {named}, which {wanted}: {said}")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
