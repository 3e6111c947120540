"""Small requests: one GET of REST after the other, with a token."""

from load import h2load, wrk
from peers import Site

RATE, CPU = "requests/s", "CPU of the peer, µs/request"
# What is only for streams.
WITHOUT = ("direct", "nginx-tuned")


def bearer(house):
    """1,000 tokens as Bearer, at 1, 64 and 1,000 connections."""
    for connections in (1, 64, 1000):
        _wrk(house, f"Bearer, {connections:,} open", house.tokens.bearer, connections)


def basic(house):
    """The same tokens as the password of Basic, as Git sends them."""
    for connections in (1, 64, 1000):
        _wrk(house, f"Basic, {connections:,} open", house.tokens.basic, connections)


def tls(house):
    """HTTP/1.1 over TLS on connections that stay open."""
    _wrk(house, "Bearer over TLS, 64 open", house.tokens.bearer, 64, tls=True)


def http2(house):
    """HTTP/2 over TLS: 16 connections with 8 streams each. h2load sends one token."""
    shape = ("-c16", "-m8")

    def turn(running, seconds=house.seconds):
        return turn_of(running, lambda: h2load(running, house.token, seconds, *shape, tls=True))

    _rounds(house, "Bearer over HTTP/2, 16 × 8 streams", turn, tls=True)


def _wrk(house, case, tokens, connections, tls=False):
    def turn(running, seconds=house.seconds):
        return turn_of(running, lambda: wrk(running, tokens, connections, seconds, tls))

    _rounds(house, case, turn, tls)


def _rounds(house, case, turn, tls=False):
    with house.host() as upstream:
        site = Site(upstream, tls=tls, tokens=house.stored)
        with house.running(house.chosen(WITHOUT), site) as started:
            house.measure(case, started, turn, warm=lambda running: turn(running, 1))


def turn_of(running, load):
    """The figures of one turn of a load."""
    before = running.cpu()
    requests, seconds = load()
    spent = running.cpu() - before
    return {RATE: requests / seconds, CPU: spent / requests * 1e6}
