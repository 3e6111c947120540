"""Real git: clones, fetches, pushes, and pushes that rules refuse."""

import os
import random
import shutil
import subprocess
import time

from house import ENVIRONMENT, run

# What git says when it was refused and not when the host was away.
REFUSED = ("returned error: 4", "HTTP 4", "Authentication failed")


class Worker:
    """One git user with a repository of its own, which is made anew now and then so that it stays small."""

    def __init__(self, house, book, tokens, name):
        self.house, self.book, self.tokens, self.name = house, book, tokens, name
        self.folder = os.path.join(house.folder, "work-" + name)
        os.makedirs(self.folder)
        self.chance = random.Random(name)
        self.turn = 0
        self.repository = None

    def surroundings(self, token):
        """git's environment with a token: every other turn as Bearer and by Basic."""
        if self.turn % 2:
            config = {"http.extraHeader": f"Authorization: Bearer {token}"}
        else:
            config = {"credential.helper": "!echo username=alice; echo password=$SOAK_TOKEN; :"}
        more = {"HOME": self.folder, "SOAK_TOKEN": token, "GIT_CONFIG_COUNT": str(len(config))}
        for nth, (key, value) in enumerate(config.items()):
            more[f"GIT_CONFIG_KEY_{nth}"], more[f"GIT_CONFIG_VALUE_{nth}"] = key, value
        return {**ENVIRONMENT, **more}

    def git(self, kind, token, *arguments, refused=None):
        """One command that must work, or, with `refused`, be refused with this text."""
        since = time.time()
        try:
            status, said = run(["git", *arguments], env=self.surroundings(token), timeout=120)
        except subprocess.TimeoutExpired:
            self.book.fault(self.house.name, kind, since, "git hung", excusable=False)
            return False
        if refused is None and status == 0:
            self.book.note(self.house.name, kind, "done")
        elif refused is not None and status != 0 and refused in said:
            self.book.note(self.house.name, kind, "refused")
        else:
            excusable = status != 0 and not any(word in said for word in REFUSED)
            self.book.fault(self.house.name, kind, since, f"git ended with {status}: {said}", excusable)
            return False
        return True

    def renew(self):
        """Another repository in place of the one that has grown, or that a break may have left locked."""
        old = self.repository
        self.repository = f"{self.name}-{self.turn}"
        self.bare = os.path.join(self.house.repositories, "team", self.repository + ".git")
        shutil.copytree(os.path.join(self.house.folder, "..", "small.git"), self.bare)
        if old:
            # A process of git that a killed host left behind may still write there.
            shutil.rmtree(os.path.join(self.house.repositories, "team", old + ".git"), ignore_errors=True)

    def ref(self, name):
        """What a ref of the repository is, asked past gitlatch."""
        status, said = run(["git", "-C", self.bare, "rev-parse", "--verify", "-q", name])
        return said.strip() if status == 0 else None

    def holds(self, kind, ref, wanted):
        """Whether the repository itself has what gitlatch said."""
        found = self.ref(ref)
        if found != wanted:
            text = f"{ref} of {self.repository} is {found}, not {wanted}"
            self.book.fault(self.house.name, kind, 0, text, excusable=False)
        return found == wanted

    def round(self):
        """A clone, a commit, pushes, a fetch; whether all was well."""
        clone = os.path.join(self.folder, "clone")
        shutil.rmtree(clone, ignore_errors=True)
        url = self.house.url(f"/team/{self.repository}.git")
        if not self.git("clone", self.tokens.write, "clone", "-q", url, clone):
            return False
        size = 3_000_000 if self.turn % 5 == 0 else 300
        with open(os.path.join(clone, "new"), "wb") as file:
            file.write(self.chance.randbytes(size))
        for step in (["add", "."], ["commit", "-qm", "new"]):
            run(["git", "-C", clone, *step])
        new = run(["git", "-C", clone, "rev-parse", "HEAD"])[1].strip()
        main = self.ref("refs/heads/main")
        here = ["-C", clone]
        own = f"HEAD:refs/heads/bot/{self.turn}"
        return (
            self.git("push", self.tokens.write, *here, "push", "-q", "origin", own)
            and self.holds("push", f"refs/heads/bot/{self.turn}", new)
            and self.git("fetch", self.tokens.read, *here, "fetch", "-q", "origin")
            and self.git(
                "refused push", self.tokens.bot, *here, "push", "-q", "origin", "HEAD:refs/heads/main",
                refused="rejected",
            )
            and self.holds("refused push", "refs/heads/main", main)
            and self.git("deletion", self.tokens.bot, *here, "push", "-q", "origin", f":refs/heads/bot/{self.turn}")
            and self.holds("deletion", f"refs/heads/bot/{self.turn}", None)
        )

    def work(self, stop):
        """Rounds, until it is told to stop."""
        while not stop.wait(0.2):
            if self.repository is None or self.turn % 15 == 0 or not well:
                self.renew()
            self.turn += 1
            well = self.round()

    def read(self, stop):
        """Clones of a repository that is large and never changes."""
        while not stop.wait(1):
            self.turn += 1
            clone = os.path.join(self.folder, "clone")
            shutil.rmtree(clone, ignore_errors=True)
            url = self.house.url("/team/app.git")
            if self.git("large clone", self.tokens.read, "clone", "-q", "--bare", url, clone):
                self.git("ls-remote", self.tokens.read, "-C", clone, "ls-remote", "-q", "origin")
