"""Pushes that rules about refs allow and refuse, by clients that share no code with git: dulwich, which is
Python, and pygit2, which is libgit2.

python pushes.py URL: a gitlatch with the repository team/app and its branch main. TOKEN is a token of
alice's, named t, that may push refs/heads/bot/* and nothing else.
"""

import io
import os
import sys

import pygit2
from dulwich import porcelain

REPOSITORY = f"{sys.argv[1].rstrip('/')}/team/app.git"
TOKEN = os.environ["TOKEN"]
# What a client is told of a ref that it may not push, and of one that comes with such a one.
REASON = 'token "t" may push refs/heads/bot/*'
BESIDE = "refused with the rest of this push"
# Each line: what is pushed, and what is told of each ref; None where it was taken.
PUSHES = [
    (["main:bot/one"], {"bot/one": None}),
    (["main:x"], {"x": REASON}),
    (["main:bot/two", "main:y"], {"bot/two": BESIDE, "y": REASON}),
    ([":main"], {"main": REASON}),
]


def full(spec):
    """A refspec of full names, from one of branches."""
    return ":".join(side and f"refs/heads/{side}" for side in spec.split(":"))


def by_dulwich(folder):
    """Clones, commits, and gives the function that pushes: what each ref was told, and what was shown."""
    repository = porcelain.clone(
        REPOSITORY, folder, username="alice", password=TOKEN, errstream=io.BytesIO()
    )
    with open(f"{folder}/dulwich", "w", encoding="ascii") as file:
        file.write("dulwich")
    porcelain.add(repository, [f"{folder}/dulwich"])
    who = b"tester <tester@example.com>"
    porcelain.commit(repository, b"by dulwich", author=who, committer=who)

    def push(specs):
        shown = io.BytesIO()
        porcelain.push(
            repository, REPOSITORY, specs, username="alice", password=TOKEN, errstream=shown
        )
        # dulwich raises nothing: it says of each ref on a line what became of it.
        lines = shown.getvalue().decode().splitlines()
        told = {}
        for line in lines:
            if line.startswith("Push of ref ") and " failed: " in line:
                name, reason = line.removeprefix("Push of ref ").split(" failed: ", 1)
                told[name] = reason
            elif line.startswith("Ref ") and line.endswith(" updated"):
                told[line.split()[1]] = None
        return told, "\n".join(lines)

    return push


def by_pygit2(folder):
    """The same by libgit2, which tells a function of its caller's about each ref and raises nothing either."""
    told, shown = {}, []

    class Callbacks(pygit2.RemoteCallbacks):
        """What libgit2 asks and tells."""

        def credentials(self, url, username_from_url, allowed_types):
            return pygit2.UserPass("alice", TOKEN)

        def push_update_reference(self, refname, message):
            told[refname] = message

        def sideband_progress(self, string):
            shown.append(string)

    repository = pygit2.clone_repository(REPOSITORY, folder, callbacks=Callbacks())
    who = pygit2.Signature("tester", "tester@example.com")
    head = repository.head
    tree = head.peel().tree.id
    repository.create_commit("refs/heads/main", who, who, "by pygit2", tree, [head.target])

    def push(specs):
        told.clear()
        shown.clear()
        repository.remotes["origin"].push(specs, callbacks=Callbacks())
        return dict(told), "".join(shown)

    return push


for name, client in [("dulwich", by_dulwich), ("pygit2", by_pygit2)]:
    push = client(name)
    for specs, expected in PUSHES:
        specs = [full(spec.replace("bot/", f"bot/{name}-")) for spec in specs]
        told, shown = push(specs)
        wanted = {
            full(ref.replace("bot/", f"bot/{name}-")): why for ref, why in expected.items()
        }
        assert told == wanted, (name, specs, told, shown)
        refused = any(expected.values())
        # The sentence above the report, as git shows it behind `remote: `.
        assert (f"is refused: {REASON} (request " in shown) == refused, (name, specs, shown)
        print(name, specs, told)
