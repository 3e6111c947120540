"""The houses of a soak: a host that comes and goes, a gitlatch in front of it, and one in front of a folder."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

PASSWORD = "correct horse battery"

# What git's own surroundings could say is not heard.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "soak",
    "GIT_AUTHOR_EMAIL": "soak@example.com",
    "GIT_COMMITTER_NAME": "soak",
    "GIT_COMMITTER_EMAIL": "soak@example.com",
}


def free_port():
    """A port outside of the range that outgoing connections take: nobody takes it while its server is away."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def run(arguments, stdin="", env=None, cwd=None, timeout=60):
    """A command, to its end: status, and all that it said."""
    done = subprocess.run(
        arguments,
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env or ENVIRONMENT,
        cwd=cwd,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


class Process:
    """A server that is started and stopped."""

    name, port, folder, child = "", 0, "", None

    def __init__(self):
        # Whoever starts it and whoever closes it may be different threads.
        self.lock, self.closed = threading.Lock(), False

    def spawn(self, arguments, output):
        """Starts it, unless it is closed."""
        with self.lock, open(os.path.join(self.folder, "stderr"), "ab") as errors:
            if self.closed:
                raise RuntimeError(f"{self.name} is closed")
            self.child = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=ENVIRONMENT,
                cwd=self.folder,
                start_new_session=True,
            )

    def wait(self):
        """Waits until it serves."""
        child, deadline = self.child, time.time() + 30
        while time.time() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                if child is None or child.poll() is not None:
                    break
                time.sleep(0.02)
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8") as file:
            raise RuntimeError(f"{self.name} does not serve: {file.read()}")

    def stop(self, how=signal.SIGTERM, timeout=20):
        """Ends the process; whether it ended by itself in time."""
        child = self.child
        if child is None:
            return True
        child.send_signal(how)
        try:
            child.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return False
        finally:
            # Only now: whoever closes it meanwhile ends what is still there.
            with self.lock:
                if self.child is child:
                    self.child = None

    def close(self):
        """Ends the process, whatever it does, and for good: nobody starts it again."""
        with self.lock:
            self.closed = True
        self.stop(signal.SIGKILL)


class Host(Process):
    """The host behind one of the gitlatches: `host.py`."""

    def __init__(self, folder, repositories, secret):
        super().__init__()
        self.name, self.port = "host", free_port()
        self.folder = os.path.join(folder, "host")
        os.makedirs(self.folder)
        self.repositories, self.secret = repositories, secret

    def start(self):
        """Serves, and waits until it does."""
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "host.py")
        arguments = [sys.executable, "-B", program, str(self.port), self.repositories, self.secret]
        self.spawn(arguments, subprocess.DEVNULL)
        self.wait()


class House(Process):
    """One gitlatch: its folder, its configuration, its process, and what it says."""

    def __init__(self, program, folder, name, upstream, log):
        super().__init__()
        self.program, self.name, self.log = program, name, log
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, mode=0o700)
        self.port, self.operations = free_port(), free_port()
        self.config = os.path.join(self.folder, "proxy.toml")
        self.database = os.path.join(self.folder, "gitlatch.db")
        self.upstream, self.reader = upstream, None
        self.configure(0)

    def configure(self, turn):
        """Writes the configuration. What differs from turn to turn is what a reload takes."""
        # Whole at every moment: commands read it meanwhile.
        with open(self.config + ".new", "w", encoding="utf-8") as file:
            file.write(
                f"[server]\nlisten = '127.0.0.1:{self.port}'\nmax_body = {100_000_000 + turn}\n"
                "drain_timeout = '3s'\nidle_timeout = '30s'\nheader_timeout = '10s'\n\n"
                f"[operations]\nlisten = '127.0.0.1:{self.operations}'\n\n"
                f"[store]\npath = '{self.database}'\n\n[upstream]\nkind = 'git'\n{self.upstream}\n"
            )
            file.write(f"\n[[protect]]\nrefs = ['refs/heads/protected-{turn % 7}']\ndeny = ['push']\n")
        os.rename(self.config + ".new", self.config)

    def command(self, *arguments, stdin=""):
        """A command of the program that must work; what it printed."""
        status, said = run([self.program, *arguments, "--config", self.config], stdin, cwd=self.folder)
        if status != 0:
            raise RuntimeError(f"gitlatch {' '.join(arguments)}: {said}")
        return said

    def token(self, *arguments, stdin=""):
        """A new token: its number and its secret."""
        made = json.loads(self.command("token", "create", "--json", *arguments, stdin=stdin))
        return str(made["id"]), made["token"]

    def start(self):
        """Serves, and waits until it does."""
        self.spawn([self.program, "serve", "--config", self.config], subprocess.PIPE)
        self.reader = threading.Thread(target=self.log.follow, args=(self.child.stdout,), daemon=True)
        self.reader.start()
        self.wait()

    def stop(self, how=signal.SIGTERM, timeout=20):
        """Ends the process, and reads its log to the end."""
        ended = super().stop(how, timeout)
        if self.reader:
            self.reader.join(10)
        return ended

    def url(self, path=""):
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}{path}"

    def scrape(self, page):
        """A page of the operations address."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operations}{page}", timeout=10) as answer:
            return answer.read().decode()


class Houses:
    """The three, their users and their tokens."""

    def __init__(self):
        self.host, self.watched, self.away = None, [], []

    def build(self, program, folder, book):
        """All of it, serving."""
        template(folder)
        repositories = {}
        for name in ("host", "folder"):
            repositories[name] = os.path.join(folder, name + "-repositories")
            os.makedirs(os.path.join(repositories[name], "team"))
            for repository in ("app", "other"):
                shutil.copytree(
                    os.path.join(folder, "large.git"),
                    os.path.join(repositories[name], "team", repository + ".git"),
                )
        secret = os.path.join(folder, "bearer")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write("the-credential-of-the-host")
        self.host = Host(folder, repositories["host"], secret)
        by_url = House(
            program,
            folder,
            "url",
            f"url = 'http://127.0.0.1:{self.host.port}'\nconnect_timeout = '3s'\npool_idle = '5s'\n\n[upstream.identity]\n"
            f"mode = 'fixed'\nbearer_file = '{secret}'\n\n[access]\nusers = 'grants'",
            book.log("url"),
        )
        by_folder = House(
            program, folder, "folder", f"repositories = '{repositories['folder']}'", book.log("folder")
        )
        self.watched = [by_url, by_folder]
        for house, place in ((by_url, "host"), (by_folder, "folder")):
            house.repositories = repositories[place]
            house.command("user", "add", "alice", "--password-stdin", stdin=PASSWORD)
            house.command("grant", "add", "alice", "REPO_WRITE", "--project", "team")
        for house in (self.host, *self.watched):
            house.start()

    def close(self):
        """Ends every process."""
        for house in (*self.watched, self.host):
            if house is not None:
                house.close()


def template(folder):
    """Two bare repositories to be copied: a small one, and one with 4 MB that do not compress."""
    work = os.path.join(folder, "template")
    git = ["git", "-c", "init.defaultBranch=main"]
    run([*git, "init", "-q", "--template=", work])
    for name, content in (("small", b"small\n"), ("large", random.Random(1).randbytes(4_000_000))):
        with open(os.path.join(work, name), "wb") as file:
            file.write(content)
        for step in (["add", "."], ["commit", "-qm", name]):
            status, said = run(["git", "-C", work, *step])
            if status != 0:
                raise RuntimeError(f"git {step}: {said}")
        bare = os.path.join(folder, name + ".git")
        status, said = run(["git", "clone", "-q", "--bare", "--no-local", "--template=", work, bare])
        if status != 0:
            raise RuntimeError(f"git clone: {said}")
        run(["git", "-C", bare, "remote", "remove", "origin"])
