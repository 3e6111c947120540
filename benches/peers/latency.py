"""How long a request takes where the machine is half busy."""

from load import h2load, wrk
from peers import Site
from small import WITHOUT

CLIENTS = 64


def latency(house):
    """p50 and p99 at one rate for all: half of what the slowest of them reaches when it is pressed. A time
    runs from when h2load sends a request to the end of its answer, and its own delays are in it."""
    with house.host() as upstream:
        site = Site(upstream, tokens=house.stored)
        chosen = [peer for peer in house.peers if peer.name not in WITHOUT or peer.name == "direct"]
        with house.running(chosen, site) as started:
            reached = []
            for running in started:
                wrk(running, house.tokens.bearer, CLIENTS, 1)
                requests, seconds = wrk(running, house.tokens.bearer, CLIENTS, house.seconds)
                reached.append(requests / seconds)
            # For each client a whole number of requests a second.
            rate = max(1, int(min(reached) / 2 / CLIENTS))
            case = f"latency at {rate * CLIENTS:,} requests/s on {CLIENTS} connections"
            house.measure(case, started, lambda running: _turn(house, running, rate))


def _turn(house, running, rate):
    log = house.machine.folder / "latency.log"
    h2load(running, house.token, house.seconds + 1, "--h1", f"-c{CLIENTS}", f"--rps={rate}",
           f"--log-file={log}")
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    log.unlink()
    # Of the first second connections are opened.
    begun = min(int(row[0]) for row in rows) + 1_000_000
    times = sorted(int(row[2]) for row in rows if int(row[0]) >= begun and row[1] == "200")
    return {f"p{part}, µs": times[len(times) * part // 100] for part in (50, 99)}
