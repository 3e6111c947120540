"""The peers: how each is set up in front of a host, and started. All are given the same number of workers."""

import dataclasses
import pathlib
import subprocess

import nginx
from machine import cpu, free_port, resident

# Longer than any turn, so that nobody closes an idle client.
PATIENCE = 600


@dataclasses.dataclass(frozen=True)
class Site:
    """What stands behind the peers of a case, and what they are to be."""

    upstream: int
    tls: bool = False
    # The host serves Git's paths, not Bitbucket's.
    git: bool = False
    # Tokens in gitlatch's store.
    tokens: int = 100_000


class Running:
    """A peer that answers on `port`; `processes` are all that are needed only for it."""

    def __init__(self, name, port, processes, log=None):
        self.name, self.port, self.processes, self.log = name, port, processes, log

    def cpu(self):
        return cpu(self.processes)

    def resident(self):
        return resident(self.processes)

    def fresh_log(self):
        """Forgets the records of the last turn."""
        if self.log:
            with open(self.log, "w"):
                pass


class Peer:
    """One way to stand in front of a host."""

    def __init__(self, house, name):
        self.house, self.name = house, name

    def start(self, site):
        """Starts it in front of `site`."""
        port = free_port()
        return Running(self.name, port, self.launch(site, port))


class Direct(Peer):
    """Nobody in between."""

    def start(self, site):
        return Running(self.name, site.upstream, [])


class Nginx(Peer):
    """`proxy_pass` as it is, with connections to the host kept: it asks nobody who they are."""

    tuned, judge = False, None

    def launch(self, site, port):
        house = self.house
        text = nginx.proxy(port, site, house.tls, self.tuned, self.judge)
        return [nginx.start(house.machine, text, self.name, port, house.workers)]


class NginxTuned(Nginx):
    """The same with buffers of 256 KiB, for streams."""

    tuned = True


class NginxAuth(Nginx):
    """The same with `auth_request` to a server that knows the tokens: another nginx, the quickest there is.
    What that server costs is part of what this costs."""

    def launch(self, site, port):
        house = self.house
        self.judge = free_port()
        text = nginx.judge(self.judge, house.tokens.nginx_map)
        judge = nginx.start(house.machine, text, "judge", self.judge, house.workers)
        return super().launch(site, port) + [judge]


class Haproxy(Peer):
    """A map of the tokens in use; who has one is told to the host, who has none is refused."""

    def launch(self, site, port):
        house = self.house
        tls = f" ssl crt {house.tls.both} alpn h2,http/1.1" if site.tls else ""
        file = house.machine.folder / f"haproxy-{port}.cfg"
        file.write_text(f"""
global
    nbthread {house.workers}
    maxconn {house.clients + 100}
defaults
    mode http
    timeout connect 10s
    timeout client {PATIENCE}s
    timeout server {PATIENCE}s
    timeout http-keep-alive {PATIENCE}s
frontend front
    bind 127.0.0.1:{port} backlog 4096{tls}
    http-request set-var(txn.user) req.hdr(authorization),word(2,' '),map_str({house.tokens.haproxy_map})
    http-request deny deny_status 401 unless {{ var(txn.user) -m found }}
    http-request set-header X-Forwarded-User %[var(txn.user)]
    http-request del-header Authorization
    default_backend host
backend host
    http-reuse always
    server host 127.0.0.1:{site.upstream}
""")
        return [house.machine.start(["haproxy", "-db", "-f", file], port)]


class Bare(Peer):
    """The least that a proxy on hyper can be (bare.rs)."""

    def launch(self, site, port):
        house = self.house
        files = [house.tls.certificate, house.tls.key] if site.tls else []
        words = [house.bare, f"127.0.0.1:{port}", f"127.0.0.1:{site.upstream}", house.workers, *files]
        return [house.machine.start(words, port)]


class Gitlatch(Peer):
    """gitlatch as it is run: tokens from its store, rules, the host told who it is, records and metrics."""

    def __init__(self, house, name, program):
        super().__init__(house, name)
        self.program = pathlib.Path(program).resolve()

    def configuration(self, site, port):
        """Writes its file, with room for all clients, if it is a build that has limits."""
        most = self.house.clients + 100
        limits = f"[limits]\nconnections = {most}\nconnections_per_address = {most}"
        file = self.house.machine.folder / f"{self.name}-{port}.toml"
        file.write_text(self._text(site, port, limits))
        check = subprocess.run([self.program, "check", "--config", file], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if check.returncode != 0:
            file.write_text(self._text(site, port, ""))
        return file

    def _text(self, site, port, limits):
        house = self.house
        tls = f"tls_cert = '{house.tls.certificate}'\ntls_key = '{house.tls.key}'" if site.tls else ""
        if site.git:
            # The host of that case enforces nothing.
            upstream = f"kind = 'git'\nurl = 'http://127.0.0.1:{site.upstream}'\n" \
                       "[upstream.identity]\nmode = 'none'\n[access]\nusers = 'grants'"
        else:
            upstream = f"kind = 'bitbucket'\nurl = 'http://127.0.0.1:{site.upstream}'\n" \
                       "[[rule]]\npath = '/rest/keys/**'\ndeny = 'keys outlive tokens'\n" \
                       "[[rule]]\nmethods = ['DELETE']\npath = '/rest/api/*/projects/{project}'\n" \
                       "deny = 'projects stay'"
        return f"""
[server]
listen = '127.0.0.1:{port}'
threads = {house.workers}
header_timeout = '{PATIENCE}s'
{tls}
{limits}
[operations]
listen = '127.0.0.1:{free_port()}'
[store]
path = '{self.store(site.tokens)}'
[upstream]
{upstream}
"""

    def store(self, tokens):
        """The path of a store with so many tokens."""
        return self.house.machine.folder / f"{self.name}-{tokens}.db"

    def prepare(self, site, port):
        """Its configuration, with the store of it filled."""
        file = self.configuration(site, port)
        if not self.store(site.tokens).exists():
            self.house.say(f"{self.name}: filling a store with {site.tokens:,} tokens")
            self.house.tokens.fill(self.program, file, site.tokens)
        return file

    def words(self, file):
        return [self.program, "serve", "--config", file]

    def start(self, site):
        port = free_port()
        file = self.prepare(site, port)
        log = file.with_suffix(".log")
        process = self.house.machine.start(self.words(file), port, output=log)
        return Running(self.name, port, [process], log)


KINDS = {"direct": Direct, "nginx": Nginx, "nginx-tuned": NginxTuned, "nginx-auth": NginxAuth,
         "haproxy": Haproxy, "bare": Bare}


def named(house, word):
    """The peer that an argument names: one of KINDS, `gitlatch`, or NAME=PATH for another gitlatch."""
    name, _, path = word.partition("=")
    if path or name == "gitlatch":
        return Gitlatch(house, name, path or house.gitlatch)
    return KINDS[name](house, name)
