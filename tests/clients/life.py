"""The life of tokens, led by a client of Bitbucket Data Center's REST interface from PyPI.

python life.py URL: a gitlatch with the repository team/app; the user alice, who may write there; paula,
who administers the project; and root, who administers gitlatch. The password of all is in PASSWORD.
git runs in the current folder, as it is found in PATH.
"""

import os
import subprocess
import sys
import time

from atlassian import Bitbucket
from requests import HTTPError

URL = sys.argv[1].rstrip("/")
PASSWORD = os.environ["PASSWORD"]
REPOSITORY = f"{URL}/team/app.git"
# No call of the client and no git may take longer, in seconds.
PATIENCE = 30


def person(name):
    """The client of a person with a password."""
    return Bitbucket(url=URL, username=name, password=PASSWORD, timeout=PATIENCE)


def bearer(secret):
    """The client of a token."""
    return Bitbucket(url=URL, token=secret, timeout=PATIENCE)


def path(resource):
    """A path of the token API, put together by the client's own rule."""
    return Bitbucket(url=URL).resource_url(
        resource, api_root="rest/access-tokens", api_version="latest"
    )


def refused(status, call, *arguments, **named):
    """What the client says when the call is refused with this status."""
    try:
        answer = call(*arguments, **named)
    except HTTPError as error:
        assert error.response.status_code == status, (status, error, error.response.text)
        errors = error.response.json()["errors"]
        assert errors[0]["message"] == str(error), "the client does not show the text as it was sent"
        return str(error)
    raise AssertionError(f"not refused with {status}: {answer}")


def git(*arguments, answers=None):
    """The exit status of git and what it said; `answers` are a user name and a password for its prompts."""
    environment = dict(os.environ, GIT_TERMINAL_PROMPT="0")
    if answers:
        helper = os.path.abspath("askpass")
        with open(helper, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\ncase $1 in User*) echo "$NAME" ;; *) echo "$WORD" ;; esac\n')
        os.chmod(helper, 0o700)
        environment.update(GIT_ASKPASS=helper, NAME=answers[0], WORD=answers[1])
    done = subprocess.run(
        ["git", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


CLONES = iter(range(1000))


def clones(secret, user=None):
    """Clones in every way that the documentation of Bitbucket's tokens shows; how often it worked."""
    header = f"http.extraHeader=Authorization: Bearer {secret}"
    url = REPOSITORY.replace("://", f"://{user or 'x-token-auth'}:{secret}@")
    ways = [
        (("clone", "-c", header, REPOSITORY), None),
        (("clone", url), None),
        (("clone", REPOSITORY), (user or "x-token-auth", secret)),
    ]
    worked = 0
    for arguments, answers in ways:
        folder = f"clone-{next(CLONES)}"
        status, said = git(*arguments, folder, answers=answers)
        if status == 0:
            assert os.path.exists(os.path.join(folder, "README")), said
            worked += 1
        else:
            # git was challenged: it has nothing else to offer, or what it offered was wrong.
            assert "could not read Username" in said or "Authentication failed" in said, said
    return worked


def pushes(folder):
    """Whether a push from a clone works, and what git says. The clone keeps the header it was made with."""
    status, said = git("-C", folder, "push", "origin", f"HEAD:refs/heads/{folder}")
    return status == 0, said


def ids(tokens):
    return [token["id"] for token in tokens]


def lists(client, owner):
    """Thirty tokens, in pages."""
    before = ids(client._get_paged(owner))
    made = [
        client.put(owner, data={"name": f"many {nth}", "permissions": ["REPO_READ"]})
        for nth in range(30)
    ]
    assert len({token["token"] for token in made}) == 30
    paged = list(client._get_paged(owner, params={"limit": 7}))
    assert ids(paged) == before + ids(made), paged
    assert ids(client._get_paged(owner)) == ids(paged), "the size of pages changes what is in them"
    assert not any("token" in token for token in paged), "a secret is shown again"
    first = client.get(owner)
    assert (first["size"], first["limit"], first["start"]) == (25, 25, 0), first
    assert first["isLastPage"] is False and first["nextPageStart"] == 25, first
    last = client.get(owner, params={"start": 25})
    assert last["isLastPage"] is True and last["nextPageStart"] is None, last
    for token in made:
        assert client.delete(f"{owner}/{token['id']}") is None
    assert ids(client.get(owner)["values"]) == before


def is_used(client, token):
    """Waits until the use of a token shows."""
    deadline = time.monotonic() + PATIENCE
    while True:
        seen = client.get(token)
        if "lastAuthenticated" in seen:
            assert seen["lastAuthenticated"] >= seen["createdDate"], seen
            return
        assert time.monotonic() < deadline, "no use shows"
        time.sleep(0.1)


def manages_nothing(secret, owner, token):
    """A token may look at itself; it makes, changes and lists nothing."""
    client = bearer(secret)
    wish = {"name": "more", "permissions": ["REPO_READ"]}
    for call in (
        lambda: client.put(owner, data=wish),
        lambda: client.get(owner),
        lambda: client.get(token),
        lambda: client.post(token, data={"name": "more"}),
        lambda: client.post(f"{token}/rotate"),
        lambda: client.delete(token),
        lambda: client.get(path("settings")),
        lambda: client.put(path("settings"), data={"maxExpiryDays": 1}),
    ):
        assert "not managed with a token" in refused(403, call)
    return client.get(path("self"))


def life(name, resource, kind, user=None):
    """The whole life of one token, its owner named by a path."""
    client, owner = person(name), path(resource)
    before = ids(client._get_paged(owner))
    wish = {"name": f"build of {kind}", "permissions": ["REPO_READ"], "expiryDays": 30}
    made = client.put(owner, data=wish)
    token, secret = f"{owner}/{made['id']}", made["token"]
    assert secret.startswith(f"lat{kind[0]}_") and made["permissions"] == ["REPO_READ"], made
    assert made["expiryDate"] - made["createdDate"] == 30 * 86_400_000, made
    assert kind in made and "lastAuthenticated" not in made, made
    assert client.get(token) == {key: made[key] for key in made if key != "token"}
    assert ids(client._get_paged(owner)) == before + [made["id"]]

    folder = f"clone-{next(CLONES)}"
    header = f"http.extraHeader=Authorization: Bearer {secret}"
    status, said = git("clone", "-c", header, REPOSITORY, folder)
    assert status == 0, said
    assert clones(secret, user) == 3
    pushed, said = pushes(folder)
    assert not pushed and "REPO_WRITE" in said, said
    is_used(client, token)
    assert manages_nothing(secret, owner, token)["id"] == made["id"]

    # As clients do: what was got is changed and sent back.
    seen = client.get(token)
    changed = client.post(token, data=dict(seen, name="renamed", permissions=["REPO_WRITE"]))
    assert (changed["name"], changed["permissions"]) == ("renamed", ["REPO_WRITE"]), changed
    assert changed["expiryDate"] == made["expiryDate"], changed
    pushed, said = pushes(folder)
    assert pushed, said
    later = {"expiryDate": made["expiryDate"] + 1}
    assert "never changed" in refused(400, client.post, token, data=later)
    assert client.post(token, data={"permissions": ["REPO_READ"]})["name"] == "renamed"
    assert not pushes(folder)[0]

    after = client.post(f"{token}/rotate")
    assert after["id"] != made["id"] and after["expiryDate"] == made["expiryDate"], after
    assert (clones(secret, user), clones(after["token"], user)) == (0, 3)
    refused(404, client.get, token)
    token, secret = f"{owner}/{after['id']}", after["token"]
    other = client.post(f"{token}/rotate", data={"overlap": "1h"})
    assert (clones(secret, user), clones(other["token"], user)) == (3, 3), "the two overlap"
    assert client.delete(token) is None
    assert (clones(secret, user), clones(other["token"], user)) == (0, 3)
    assert client.delete(f"{owner}/{other['id']}") is None
    assert clones(other["token"], user) == 0
    refused(401, bearer(other["token"]).get, path("self"))
    refused(404, client.get, f"{owner}/{other['id']}")
    assert ids(client._get_paged(owner)) == before


def settings():
    """What an administrator demands of new tokens, and sees of all."""
    root, alice, place = person("root"), person("alice"), path("settings")
    refused(401, alice.get, place)
    refused(401, alice.get, path("all"))
    before = root.get(place)
    assert before["expiryRequired"] is False and before["maxExpiryDays"] is None, before
    after = root.put(place, data={"expiryRequired": True, "maxExpiryDays": 30})
    assert after == dict(before, expiryRequired=True, maxExpiryDays=30) == root.get(place)
    wish = {"name": "t", "permissions": ["REPO_READ"]}
    owner = path("users/alice")
    refused(400, alice.put, owner, data=wish)
    refused(400, alice.put, owner, data=dict(wish, expiryDays=31))
    made = alice.put(owner, data=dict(wish, expiryDays=30))
    assert root.put(place, data=before) == before
    # Administrators edit and revoke what is anybody's, and make nothing for others.
    refused(401, root.put, owner, data=wish)
    token = f"{owner}/{made['id']}"
    assert root.post(token, data={"name": "seen"})["name"] == "seen"
    found = root._get_paged(path("all"), params={"filter": "owner:alice"})
    assert {"name": "seen", "id": made["id"]} in [
        {"name": token["name"], "id": token["id"]} for token in found
    ]
    assert root.delete(token) is None
    refused(401, bearer(made["token"]).get, path("self"))


def main():
    life("alice", "users/alice", "user", user="alice")
    lists(person("alice"), path("users/alice"))
    life("paula", "projects/team", "project")
    life("paula", "projects/team/repos/app", "repository")
    for resource in ("users/paula", "projects/team", "projects/team/repos/app"):
        refused(401, person("alice").get, path(resource))
    settings()


main()
