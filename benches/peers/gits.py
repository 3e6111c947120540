"""A real clone and a real push of a large repository, by git, whose host is nginx with git's own CGI."""

import os
import pathlib
import resource
import shutil
import subprocess
import time

import nginx
from machine import cpu, free_port
from peers import Site

BLOB = 4 * 1024 * 1024
WALL, OWN, ALL = "s", "CPU of the peer, s", "CPU of client, peer and host, s"


def clone(house):
    """Into a bare repository: what is not checked out is not the network's."""
    def turn(house, running, folder):
        copy = folder / "copy.git"
        took = _git(house, "clone", "--quiet", "--bare", _url(running, "app"), copy)
        shutil.rmtree(copy)
        return took

    _rounds(house, "clone", turn)


def push(house):
    """Into a repository that was made for it."""
    def turn(house, running, folder):
        new = folder / "team/new.git"
        shutil.rmtree(new, ignore_errors=True)
        _bare(house, new)
        return _git(house, "-C", folder / "team/app.git", "push", "--quiet", _url(running, "new"), "main")

    _rounds(house, "push", turn)


def both(house):
    """One after the other."""
    clone(house)
    push(house)


def _rounds(house, what, transfer):
    folder = house.machine.folder / "repositories"
    blobs = (100 if house.quick else 1100) * 1000 * 1000 // BLOB
    _repository(house, folder / "team/app.git", blobs)
    port = free_port()
    socket = house.machine.folder / f"fcgiwrap-{port}"
    backend = pathlib.Path(_output("git", "--exec-path")) / "git-http-backend"
    # A process takes one request at a time, and git asks for one at a time.
    cgi = house.machine.start(["fcgiwrap", "-c", "4", "-s", f"unix:{socket}"])
    front = nginx.start(house.machine, nginx.git_host(port, folder, socket, backend), "git", port,
                        house.workers)
    hosts = [front, cgi]

    def turn(running):
        before, behind, clients = running.cpu(), cpu(hosts), _children()
        took = transfer(house, running, folder)
        own, of_hosts = running.cpu() - before, cpu(hosts) - behind
        return {WALL: took, OWN: own, ALL: own + of_hosts + _children() - clients}

    case = f"git {what} of {blobs * BLOB / 1e9:.1f} GB"
    with house.running(house.chosen(), Site(port, git=True, tokens=100)) as started:
        house.measure(case, started, turn, most=3)
    house.machine.stop(hosts)
    shutil.rmtree(folder)


def _bare(house, path):
    _git(house, "init", "--quiet", "--bare", "--initial-branch=main", path)
    # Otherwise git's CGI lets nobody push whom the web server did not name.
    _git(house, "-C", path, "config", "http.receivepack", "true")
    # However few the objects are, they stay one pack, which is sent as it is.
    _git(house, "-C", path, "config", "transfer.unpackLimit", "1")


def _repository(house, path, blobs):
    """A bare repository with one commit of so many blobs, which nothing compresses."""
    house.say(f"making a repository of {blobs * BLOB / 1e9:.1f} GB")
    path.parent.mkdir(parents=True)
    _bare(house, path)
    words = ["git", "-C", path, "-c", "core.compression=0", "-c", "pack.compression=0",
             "fast-import", "--quiet", "--depth=0"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=_environment(house)) as process:
        put = process.stdin.write
        for mark in range(1, blobs + 1):
            put(b"blob\nmark :%d\ndata %d\n" % (mark, BLOB) + os.urandom(BLOB) + b"\n")
        put(b"commit refs/heads/main\ncommitter bench <bench@localhost> 0 +0000\ndata 5\nlarge\n")
        for mark in range(1, blobs + 1):
            put(b"M 100644 :%d file%d\n" % (mark, mark))
        put(b"\n")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)


def _url(running, name):
    return f"http://127.0.0.1:{running.port}/team/{name}.git"


def _children():
    """Seconds of processor of the children that ended and were waited for: here, git and its own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _output(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _git(house, *words):
    """Runs git; how many seconds it took."""
    begun = time.monotonic()
    subprocess.run(["git", *map(str, words)], check=True, env=_environment(house))
    return time.monotonic() - begun


def _environment(house):
    """git without anybody's settings, and with a token."""
    # A hook's variables would lead to the repository that the hook is of.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**ours, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {house.token}"}
