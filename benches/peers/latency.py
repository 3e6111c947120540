"""How long a request takes where the machine is half busy."""

import concurrent.futures

from load import h2load, wrk
from peers import Site
from small import WITHOUT

# Processes of h2load, of one connection each. The connections of one process send at the same instants,
# and would only measure how they wait for each other.
CLIENTS = 8


def latency(house):
    """p50 and p99 at one rate for all: half of what the slowest of them reaches when it is pressed. A time
    runs from when h2load sends a request to the end of its answer, and its own delays are in it."""
    with house.host() as upstream:
        site = Site(upstream, tokens=house.stored)
        chosen = [peer for peer in house.peers if peer.name not in WITHOUT or peer.name == "direct"]
        with house.running(chosen, site) as started:
            reached = []
            for running in started:
                wrk(running, house.tokens.bearer, 64, 1)
                requests, seconds = wrk(running, house.tokens.bearer, 64, house.seconds)
                reached.append(requests / seconds)
            if not reached:
                return
            # For each client a whole number of requests a second.
            rate = max(1, int(min(reached) / 2 / CLIENTS))
            case = f"latency at {rate * CLIENTS:,} requests/s on {CLIENTS} connections"
            house.measure(case, started, lambda running: _turn(house, running, rate))


def _turn(house, running, rate):
    logs = [house.machine.folder / f"latency-{number}.log" for number in range(CLIENTS)]

    def client(log):
        h2load(running, house.token, house.seconds + 1, "--h1", "-c1", f"--rps={rate}",
               f"--log-file={log}")

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, logs))
    rows = [line.split("\t") for log in logs for line in log.read_text().splitlines()]
    for log in logs:
        log.unlink()
    # In the first second connections are opened.
    begun = min(int(row[0]) for row in rows) + 1_000_000
    times = sorted(int(row[2]) for row in rows if int(row[0]) >= begun and row[1] == "200")
    return {f"p{part}, µs": times[len(times) * part // 100] for part in (50, 99)}
