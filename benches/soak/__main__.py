"""A soak: hours of work in a few minutes, with a host that comes and goes. See scripts/soak."""

import collections
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

import gits
import load
import watch
from book import Book
from house import PASSWORD, Houses

Tokens = collections.namedtuple("Tokens", "read write bot")


class Soak:
    """One run."""

    def __init__(self, program, minutes, folder):
        self.seconds = minutes * 60
        self.book = Book()
        self.stop = threading.Event()
        self.threads = []
        self.houses = Houses()
        self.program, self.folder = program, folder

    def begin(self, name, work, *arguments):
        """A thread, whose death is a fault."""

        def run():
            try:
                work(*arguments, self.stop)
            except Exception:  # whatever it was, it is told
                self.book.fault("soak", name, 0, traceback.format_exc(), excusable=False)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        self.threads.append(thread)

    def load(self, house):
        """All the work on one house."""
        def token(name, *limits):
            return house.token(
                "--user", "alice", "--password-stdin", "--name", name, *limits, stdin=PASSWORD
            )[1]

        tokens = Tokens(
            token("read", "--permission", "REPO_READ"),
            token("write", "--permission", "REPO_WRITE"),
            token("bot", "--permission", "REPO_WRITE", "--ref", "refs/heads/bot/**"),
        )
        for nth in range(2):
            worker = gits.Worker(house, self.book, tokens, f"git{nth}")
            self.begin(f"{house.name} git {nth}", worker.work)
        self.begin(f"{house.name} reader", gits.Worker(house, self.book, tokens, "reader").read)
        self.begin(f"{house.name} rest", load.rest, house, self.book, tokens)
        self.begin(f"{house.name} churn", load.churn, house, self.book)
        self.begin(f"{house.name} breaking", load.breaking, house, self.book, tokens)
        for _ in range(2):
            self.begin(f"{house.name} slow", load.slow, house, self.book, tokens)
        self.begin(f"{house.name} scrape", self.scrape, house)
        self.begin(f"{house.name} reload", self.reload, house)

    def scrape(self, house, stop):
        """Monitoring, every second."""
        while not stop.wait(1):
            for page in ("/healthz", "/metrics", "/readyz"):
                since = time.time()
                try:
                    house.scrape(page)
                    self.book.note(house.name, page, "200")
                except OSError as error:
                    self.book.fault(house.name, page, since, repr(error), page == "/readyz")

    def reload(self, house, stop):
        """SIGHUP, with a configuration that differs a little."""
        turn = 0
        while not stop.wait(7):
            turn += 1
            house.configure(turn)
            house.child.send_signal(signal.SIGHUP)
            self.book.note(house.name, "SIGHUP", "sent")

    def restarts(self, stop):
        """The host goes away, by SIGTERM and by SIGKILL in turn, and comes back some seconds later."""
        chance = random.Random(3)
        turn = 0
        while not stop.wait(chance.uniform(10, min(40, 10 + self.seconds / 6))):
            turn += 1
            how = (signal.SIGTERM, signal.SIGKILL)[turn % 2]
            absence = [time.time(), float("inf")]
            self.houses.away.append(absence)
            self.houses.host.stop(how)
            if stop.wait(chance.uniform(0.5, 4)):
                return
            self.houses.host.start()
            # Until connections that were opened before have been answered.
            absence[1] = time.time() + 0.25
            self.book.note("host", "restart", how.name)

    def run(self):
        """The whole run; whether all of it was well."""
        self.houses.build(self.program, self.folder, self.book)
        self.book.absences["url"] = self.houses.away
        houses = self.houses.watched
        for house in houses:
            # Every worker has had something to do: what is opened once is open.
            for _ in range(10):
                client = load.Client(house, self.book)
                client.ask("first requests", 401, "GET", load.HEAD, load.bearer(load.UNKNOWN))
                alice = load.basic("alice", PASSWORD)
                client.ask("first requests", 200, "GET", load.API + "/users/alice", alice)
                client.close()
            house.scrape("/metrics")
        time.sleep(1)
        base = {house.name: watch.Sample(house) for house in houses}
        samples = {house.name: [] for house in houses}
        for house in houses:
            self.load(house)
        self.begin("restarts", self.restarts)
        began, every = time.time(), min(10, self.seconds / 30)
        while (left := began + self.seconds - time.time()) > 0:
            time.sleep(min(every, left))
            for house in houses:
                samples[house.name].append(watch.Sample(house))
        self.settle()
        after = {house.name: self.calm(house, base[house.name]) for house in houses}
        self.end(houses, after)
        return self.tell(houses, base, samples, after)

    def settle(self):
        """The load ends. What does not end is a fault."""
        self.stop.set()
        deadline = time.time() + 150
        for thread in self.threads:
            thread.join(max(0.1, deadline - time.time()))
            if thread.is_alive():
                self.book.fault("soak", thread.name, 0, "hung", excusable=False)

    def calm(self, house, base):
        """A look at a house once it has come to rest, within a minute."""
        deadline = time.time() + 60
        while True:
            sample = watch.Sample(house)
            rest = sample.descriptors <= base.descriptors + watch.MORE and sample.children == 0 and sample.connections == 0
            if rest or time.time() > deadline:
                return sample
            time.sleep(0.5)

    def end(self, houses, after):
        """Every house is told to stop, and its log is read to the end."""
        for house in houses:
            child = house.child
            in_time = house.stop()
            if not in_time or child.returncode != 0:
                self.book.fault(house.name, "stop", 0, f"status {child.returncode}, in time: {in_time}", False)
            with open(os.path.join(house.folder, "stderr"), encoding="utf-8", errors="replace") as file:
                if said := file.read().strip():
                    self.book.fault(house.name, "standard error", 0, said, excusable=False)
            told, counted = house.log.requests, after[house.name].requests
            if told != counted:
                text = f"{told} lines of requests in the log, {counted} by the metrics"
                self.book.fault(house.name, "log", 0, text, excusable=False)
            house.log.judge()

    def tell(self, houses, base, samples, after):
        """Prints the tables and the verdicts; whether all hold."""
        book = self.book
        print(f"\n{'where':8} {'what':28} {'outcome':40} {'times':>9}")
        for (where, kind, outcome), times in sorted(book.counts.items()):
            print(f"{where:8} {kind:28} {outcome:40} {times:9}")
        verdicts = []
        for house in houses:
            name = house.name
            watch.table(name, base[name], samples[name], after[name])
            verdicts += watch.judge(name, base[name], samples[name], after[name])
        explained = sum(times for (_, _, outcome), times in book.counts.items() if outcome == "explained")
        away = sum(min(end, time.time()) - start for start, end in self.houses.away)
        verdicts.append((
            not book.unexplained,
            f"errors: {len(book.unexplained)} unexplained; {explained} explained by the host's absence "
            f"({len(self.houses.away)} times, {away:.0f} s)",
        ))
        print()
        for holds, text in verdicts:
            print(f"{'ok  ' if holds else 'FAIL'} {text}")
        seen = collections.Counter()
        for kind, text in book.unexplained:
            seen[kind] += 1
            if seen[kind] <= 3:
                print("    " + text)
        return all(holds for holds, _ in verdicts)


def main():
    """Runs it; exit status 0 if all was well, 1 if not."""
    program, minutes = sys.argv[1], float(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup it goes on.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="gitlatch-soak-")
    soak = Soak(program, minutes, folder)
    try:
        return 0 if soak.run() else 1
    except KeyboardInterrupt:
        print("broken off", file=sys.stderr)
        return 1
    finally:
        # Threads that still work are not waited for: they die with this process. Asked twice, it does no less.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        soak.stop.set()
        soak.houses.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    STATUS = main()
    sys.stdout.flush()
    os._exit(STATUS)
