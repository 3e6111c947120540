"""The machine: what must be installed, and the processes and files of a comparison, which all end with it."""

import contextlib
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# A program that was asked to end and does not is made to.
PATIENCE = 10


class Failure(Exception):
    """What a person is told instead of a trace."""


def say(text):
    """Progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)


# What stops packages from starting their services, to which invoke-rc.d(8) and deb-systemd-invoke(1) listen.
POLICY = "/usr/sbin/policy-rc.d"
# As root: the policy, the packages, the end of the policy however that went. The units are as their packages leave
# them, enabled, so that the next start of the machine would start them.
INSTALL = r"""
set -eu
policy=$1 units=$2
shift 2
trap 'exit 130' HUP INT TERM
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
    trap 'rm -f -- "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update
status=0
apt-get install --yes --no-install-recommends "$@" || status=$?
if [ -d /run/systemd/system ]; then
    for unit in $units; do
        if systemctl cat "$unit" >/dev/null 2>&1; then
            systemctl disable --now --quiet "$unit"
        fi
    done
fi
exit "$status"
"""
UNITS = {"nginx": "nginx.service", "haproxy": "haproxy.service", "fcgiwrap": "fcgiwrap.socket fcgiwrap.service"}


def install(allowed):
    """Installs the Debian packages whose programs are missing, where that is allowed. What they bring along
    as services is neither started nor started with the machine."""
    wanted = {"nginx": "nginx", "haproxy": "haproxy", "wrk": "wrk", "h2load": "nghttp2-client",
              "fcgiwrap": "fcgiwrap", "curl": "curl", "git": "git", "openssl": "openssl"}
    # nginx and haproxy lie where only root's path leads.
    os.environ["PATH"] += ":/usr/sbin:/usr/local/sbin"
    packages = [package for program, package in wanted.items() if not shutil.which(program)]
    if not packages:
        return
    if not allowed or not shutil.which("apt-get"):
        raise Failure(f"install these first: {' '.join(packages)}")
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if as_root and not shutil.which("sudo"):
        raise Failure(f"without root or sudo; install these first: {' '.join(packages)}")
    say(f"installing with apt-get, without starting services: {' '.join(packages)} (--no-install: nothing)")
    units = " ".join(UNITS[package] for package in packages if package in UNITS)
    words = ["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", INSTALL, "install", POLICY, units, *packages]
    if subprocess.run([*as_root, *words], check=False, stdout=sys.stderr).returncode:
        raise Failure(f"apt-get does not install {' '.join(packages)}: see above")


def build(gitlatch):
    """The programs `gitlatch` and `bare` of this tree, as a release; none of ours where another is given."""
    path = f"{os.environ.get('CARGO_HOME', os.path.expanduser('~/.cargo'))}/bin"
    cargo = shutil.which("cargo") or shutil.which("cargo", path=path)
    if not cargo:
        raise Failure("cargo is missing; see https://rustup.rs")
    ours = [] if gitlatch else ["--bin", "gitlatch"]
    words = [cargo, "build", "--release", "--locked", "--quiet", *ours, "--example", "bare"]
    subprocess.run(words, check=True, cwd=ROOT, stdout=sys.stderr)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = ROOT / target / "release"
    return pathlib.Path(gitlatch or built / "gitlatch").resolve(), built / "examples" / "bare"


def most_clients():
    """Raises the number of files that may be open as far as this user may; how many clients, of 10,000, a
    proxy can then have at once that takes a file for each and one for its way on, as HAProxy reckons."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for wanted in (65536, hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
            break
    return min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 200)


def free_port():
    """A port of loopback that nobody has. It stays free for the moment that it takes to use it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Machine:
    """A temporary folder and the processes that run in it; both are gone when it is left, however."""

    def __init__(self, within):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gitlatch-peers-", dir=within))
        self.processes = []

    def __enter__(self):
        # As for Ctrl-C, so that what was started is ended.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: sys.exit(128 + number))
        return self

    def __exit__(self, *_):
        self.stop(list(self.processes))
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, words, port=None, output=None):
        """Starts a program, and waits until its port answers. `output`: a file for its standard output."""
        name = pathlib.Path(str(words[0])).name
        errors = self.folder / f"{name}-{len(self.processes)}-{port}.err"
        with open(errors, "wb") as stderr, open(output or os.devnull, "ab") as stdout:
            begun = time.monotonic()
            # Its own session: Ctrl-C is for us, and we end it in our own time.
            process = subprocess.Popen([str(word) for word in words], stdout=stdout, stderr=stderr,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        process.begun = begun
        self.processes.append(process)
        deadline = begun + 30
        while port:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{name} does not start: {errors.read_text()[-2000:]}")
            time.sleep(0.001)
        return process

    def stop(self, processes):
        """Ends them all, and waits for it."""
        # Each has a session of its own, which is a group of its own: its children are meant as well, since
        # not every program ends them.
        for process in processes:
            _signal(process, signal.SIGTERM)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            _signal(process, signal.SIGKILL)
            process.wait()
            self.processes.remove(process)


def _signal(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _stat(pid):
    """The fields of /proc/PID/stat from `state` on (proc(5)), or nothing where there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()


def family(roots):
    """These processes and all that descend from them."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(name)):
            children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = [], [process.pid for process in roots]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu(roots):
    """Seconds of processor, in user and kernel mode, of these processes and their descendants: those that
    live, and those that ended and were waited for."""
    ticks = 0
    for pid in family(roots):
        if fields := _stat(pid):
            ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


def resident(roots):
    """Bytes in memory of these processes and their descendants; what they share counts once for each."""
    return sum(int(fields[21]) * PAGE for pid in family(roots) if (fields := _stat(pid)))
