"""What a process takes, sampled while it works, and what is made of that at the end."""

import os
import statistics
import time

MIB = 1024 * 1024
# What one change may add to the database: its entry in the trail, a token, and their indexes.
BYTES_A_CHANGE = 2048
# SQLite checkpoints at 1000 pages of 4 KiB; a reader that is just looking can put that off a little.
MOST_WAL = 16 * MIB
# Descriptors that a thread opens once, when it first has something to do.
MORE = 6


class Sample:
    """One look at a process."""

    def __init__(self, house):
        process = f"/proc/{house.child.pid}"
        self.at = time.time()
        with open(process + "/status", encoding="ascii", errors="replace") as file:
            status = dict(line.split(":", 1) for line in file)
        self.resident = int(status["VmRSS"].split()[0]) * 1024
        self.anonymous = int(status["RssAnon"].split()[0]) * 1024
        self.threads = int(status["Threads"])
        self.descriptors = len(os.listdir(process + "/fd"))
        self.children = 0
        for task in os.listdir(process + "/task"):
            try:
                with open(f"{process}/task/{task}/children", encoding="ascii") as file:
                    self.children += len(file.read().split())
            except OSError:
                pass
        self.database = size(house.database)
        self.wal = size(house.database + "-wal")
        metrics = measures(house)
        self.connections = int(metrics["gitlatch_connections"])
        self.entries = int(metrics["gitlatch_trail_entries"])
        self.requests = int(sum(v for k, v in metrics.items() if k.startswith("gitlatch_requests_total")))
        self.dropped = int(metrics["gitlatch_log_lines_dropped_total"])

    def row(self):
        """For the table."""
        return (
            f"{self.resident / MIB:7.1f} {self.anonymous / MIB:7.1f} {self.descriptors:6d} {self.threads:8d} "
            f"{self.children:9d} {self.connections:12d} {self.database / MIB:9.2f} {self.wal / MIB:7.2f} "
            f"{self.entries:8d} {self.requests:10d}"
        )


TITLES = "RSS MB  anon MB   files  threads  children  connections     DB MB  WAL MB  entries   requests"


def size(path):
    """The size of a file that may not be there."""
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def measures(house):
    """The metrics, by name and labels."""
    lines = (line.rsplit(" ", 1) for line in house.scrape("/metrics").splitlines() if line[0] != "#")
    return {name: float(value) for name, value in lines}


def judge(name, base, samples, after):
    """The verdicts on one process: (whether it holds, what)."""
    fifth = max(1, len(samples) // 5)
    early, late = samples[fifth : 2 * fifth] or samples, samples[-fifth:]
    verdicts = []

    def hold(holds, text):
        verdicts.append((holds, f"{name}: {text}"))

    def flat(what, of, slack, unit, show):
        before, now = (statistics.median(of(sample) for sample in part) for part in (early, late))
        most = before * 1.15 + slack
        text = f"{what}: median of the last fifth {show(now)}, of the second {show(before)}; at most {show(most)}{unit}"
        hold(now <= most, text)

    flat("memory", lambda sample: sample.resident, 4 * MIB, " MB", lambda value: f"{value / MIB:.1f}")
    flat("descriptors", lambda sample: sample.descriptors, 32, "", lambda value: f"{value:.0f}")
    flat("threads", lambda sample: sample.threads, 2, "", lambda value: f"{value:.0f}")
    hold(
        after.descriptors <= base.descriptors + MORE,
        f"descriptors after the load {after.descriptors}, before {base.descriptors}; at most {MORE} more",
    )
    hold(after.children == 0, f"children after the load: {after.children}")
    hold(after.connections <= 0, f"connections after the load: {after.connections}")
    changes = after.entries - base.entries
    grown = after.database + after.wal - base.database - base.wal
    most = changes * BYTES_A_CHANGE + MOST_WAL
    hold(
        after.database - base.database <= changes * BYTES_A_CHANGE + MIB and grown <= most,
        f"database: {(after.database - base.database) / max(1, changes):.0f} bytes a change, {changes} changes; "
        f"at most {BYTES_A_CHANGE} and 1 MB",
    )
    wal = max(sample.wal for sample in [*samples, after])
    hold(wal <= MOST_WAL, f"WAL: at most {wal / MIB:.2f} MB of {MOST_WAL / MIB:.0f}")
    hold(after.dropped == 0, f"log lines dropped: {after.dropped}")
    return verdicts


def table(name, base, samples, after):
    """The samples at the tenths that matter."""
    print(f"\n{name:10} {TITLES}")
    print(f"{'before':>10} {base.row()}")
    for share in (10, 25, 50, 75, 100):
        print(f"{share:>9}% {samples[max(0, round(len(samples) * share / 100) - 1)].row()}")
    print(f"{'after':>10} {after.row()}")
