"""The clients: wrk, h2load and curl, each with what it says turned into figures."""

import os
import re
import subprocess

from machine import Failure, ROOT, say

SMALL = "/rest/api/latest/projects/TEAM/repos/app"


def wrk(running, tokens, connections, seconds, tls=False):
    """Requests one after the other on each connection, for so long; how many were answered."""
    scheme = "https" if tls else "http"
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
             "-s", ROOT / "benches/peers/wrk.lua", f"{scheme}://127.0.0.1:{running.port}{SMALL}"]
    told = _told(words, TOKENS=str(tokens))
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+)", told, re.M)
    if not found:
        raise Failure(f"wrk says nothing of its requests: {told}")
    requests, micros, refused, broken = map(int, found.groups())
    _check(running, requests, refused, broken)
    return requests, micros / 1e6


def h2load(running, token, seconds, *options, tls=False):
    """The same with h2load, which sends one credential only: HTTP/2, or a fixed rate."""
    scheme = "https" if tls else "http"
    words = ["h2load", "-t1", "-D", str(seconds), "-H", f"authorization: Bearer {token}", *options,
             f"{scheme}://127.0.0.1:{running.port}{SMALL}"]
    told = _told(words)
    codes = re.search(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", told, re.M)
    if not codes:
        raise Failure(f"h2load says nothing of its requests: {told}")
    good, *bad = map(int, codes.groups())
    _check(running, good, sum(bad), 0)
    return good, seconds


def curl(running, path, *options, tls=False):
    """One transfer; how many seconds it took, and bytes went either way."""
    scheme = "https" if tls else "http"
    words = ["curl", "--silent", "--show-error", "--insecure", "--http1.1", "--output", "/dev/null",
             "--write-out", "%{http_code} %{time_total} %{size_download} %{size_upload}", *options,
             f"{scheme}://127.0.0.1:{running.port}{path}"]
    code, seconds, down, up = _told(words).split()
    if code != "200":
        raise Failure(f"{running.name} answers {code} to {path}")
    return float(seconds), int(float(down)) + int(float(up))


def _told(words, **more):
    done = subprocess.run([str(word) for word in words], env={**os.environ, **more},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{words[0]} failed: {done.stderr or done.stdout}")
    return done.stdout


def _check(running, answered, refused, broken):
    if refused or not answered:
        raise Failure(f"{running.name} refused {refused} of {answered} requests")
    if broken:
        say(f"{running.name}: {broken} of {answered} requests broke off or took too long")
