"""What happened: every request by its kind and outcome, and every line of the logs."""

import collections
import datetime
import json
import threading
import time

# Reasons of failed requests that the client itself is.
OF_CLIENTS = {"client-left", "client-broke-off", "client-stalled"}


class Book:
    """Counts outcomes, and keeps what nothing explains."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.unexplained = []
        self.logs = []
        self.absences = {}

    def log(self, name):
        """The reader of a house's log."""
        log = Log(self, name)
        self.logs.append(log)
        return log

    def away(self, house, since, until=None):
        """Whether the host behind a house was away at some moment of this time."""
        until = until or time.time()
        return any(start <= until and since <= end for start, end in self.absences.get(house, []))

    def note(self, house, kind, outcome):
        """One request or command that went as it should."""
        with self.lock:
            self.counts[(house, kind, outcome)] += 1

    def fault(self, house, kind, since, text, excusable=True):
        """One that did not. `excusable`: the host's absence, if there was one, explains it."""
        explained = excusable and self.away(house, since)
        with self.lock:
            self.counts[(house, kind, "explained" if explained else "UNEXPLAINED")] += 1
            if not explained:
                clock = time.strftime("%H:%M:%S")
                told = f"{clock} {house} {kind}: {' '.join(text.split())[:600]}"
                self.unexplained.append(((house, kind), told))


class Log:
    """Reads the log of one process as it is written, and keeps nothing but what matters."""

    def __init__(self, book, name):
        self.book, self.name = book, name
        self.requests = 0
        self.suspects = []

    def follow(self, pipe):
        """To the end of the pipe."""
        with pipe:
            for line in pipe:
                if b'"event":"request"' in line:
                    self.requests += 1
                    if b'"verdict":"failed"' in line:
                        self.suspects.append(line)
                elif b'"level":"error"' in line or b'"level":"info"' not in line:
                    self.suspects.append(line)

    def judge(self):
        """Notes every failure that no client saw, and every line of trouble that nothing explains."""
        for line in self.suspects:
            try:
                entry = json.loads(line)
                at = datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp()
            except (ValueError, KeyError):
                self.book.fault(self.name, "log", 0, f"no line of JSON: {line!r}", excusable=False)
                continue
            since = at - entry.get("duration_us", 0) / 1e6 - 0.01
            explained = self.book.away(self.name, since, at + 0.01)
            if entry.get("event") == "request":
                if entry.get("reason") in OF_CLIENTS:
                    continue
                of_host = str(entry.get("reason", "")).startswith("upstream-")
                if not (explained and of_host):
                    self.book.fault(self.name, "log: failed", 0, line.decode(), excusable=False)
            elif entry.get("level") == "error" and not explained:
                self.book.fault(self.name, "log: error", 0, line.decode(), excusable=False)
            else:
                self.book.note(self.name, f"log: {entry.get('level')}", entry.get("message", "")[:60])
