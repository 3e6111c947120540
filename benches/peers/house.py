"""All that the cases share: the programs, the tokens, the certificate, and the walk through the rounds."""

import contextlib
import dataclasses
import pathlib
import subprocess

import nginx
from machine import free_port, most_clients, say
from report import Report
from tokens import Tokens


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate that nobody trusts, and its key; HAProxy wants both in one file."""

    certificate: pathlib.Path
    key: pathlib.Path
    both: pathlib.Path

    @classmethod
    def make(cls, folder):
        made = cls(folder / "cert.pem", folder / "key.pem", folder / "both.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", made.key,
                        "-out", made.certificate], check=True, stderr=subprocess.DEVNULL)
        made.key.chmod(0o600)
        made.both.touch(mode=0o600)
        made.both.write_text(made.certificate.read_text() + made.key.read_text())
        return made


class House:
    """One comparison."""

    say = staticmethod(say)

    def __init__(self, machine, options, gitlatch, bare):
        self.machine, self.options, self.gitlatch, self.bare = machine, options, gitlatch, bare
        self.workers, self.rounds = options.workers, options.rounds
        self.seconds, self.quick = options.seconds, options.quick
        self.report, self.clients = Report(), most_clients()
        self.peers = []
        self.tls = Certificate.make(machine.folder)
        self.tokens = Tokens(machine.folder, 1000)
        self.token = self.tokens.used[0][0]

    @property
    def stored(self):
        """Tokens in gitlatch's store, where a case does not ask for another number."""
        return 10_000 if self.quick else 100_000

    @contextlib.contextmanager
    def host(self, file="/dev/null"):
        """The host of small answers, and of `file`; its port."""
        port = free_port()
        process = nginx.start(self.machine, nginx.host(port, file), "host", port, self.workers)
        yield port
        self.machine.stop([process])

    def chosen(self, without=()):
        """The peers that were asked for, less some that a case has no use for."""
        return [peer for peer in self.peers if peer.name not in without]

    @contextlib.contextmanager
    def running(self, peers, site):
        """These peers in front of a site, at once: who is not measured does nothing."""
        started = [peer.start(site) for peer in peers]
        yield started
        self.machine.stop([process for running in started for process in running.processes])

    def measure(self, case, started, turn, warm=None, most=None):
        """Each peer in turn, in as many rounds as asked for; each round begins with another one. `turn`
        gives the values of one turn, by measure; `warm` goes before the first. `most`: rounds are no more."""
        for running in started:
            (warm or turn)(running)
        if not started:
            return
        rounds = min(self.rounds, most or self.rounds)
        for number in range(rounds):
            say(f"{case}: round {number + 1} of {rounds}")
            first = number % len(started)
            for running in started[first:] + started[:first]:
                running.fresh_log()
                for measure, value in turn(running).items():
                    # Nobody's CPU is none, not zero.
                    if running.processes or not measure.startswith("CPU of the peer"):
                        self.report.add(case, running.name, measure, value)
