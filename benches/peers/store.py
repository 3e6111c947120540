"""What many tokens in the store cost: time and memory, and the time to start."""

import time

from idle import MIB, ask, client
from peers import Gitlatch, Site
from small import turn_of
from load import wrk


def many(house):
    """100 tokens go round in a store that holds no more, and in one that holds a million."""
    ours = [peer for peer in house.peers if isinstance(peer, Gitlatch)]
    with house.host() as upstream:
        for tokens in _sizes(house):
            def turn(running, seconds=house.seconds):
                values = turn_of(running, lambda: wrk(running, house.tokens.few, 64, seconds))
                return {**values, "MiB resident": running.resident() / MIB}

            with house.running(ours, Site(upstream, tokens=tokens)) as started:
                house.measure(f"{tokens:,} tokens stored", started, turn)


def start_up(house):
    """From the program's start to its first answer; of gitlatch with few tokens and with many."""
    with house.host() as upstream:
        for peer in house.chosen(("direct", "nginx-tuned", "nginx-auth")):
            sizes = _sizes(house) if isinstance(peer, Gitlatch) else [0]
            for tokens in sizes:
                site = Site(upstream, tokens=tokens)
                case = f"start-up, {tokens:,} tokens stored" if tokens else "start-up"
                _start(house, peer, site)
                house.say(case)
                for _ in range(house.rounds):
                    house.report.add(case, peer.name, "ms to the first answer", _start(house, peer, site))


def _start(house, peer, site):
    with house.running([peer], site) as [running]:
        with client(running.port) as opened:
            ask(opened, house.token)
        took = time.monotonic() - running.processes[0].begun
    return took * 1000


def _sizes(house):
    return (100, 10_000) if house.quick else (100, 1_000_000)
