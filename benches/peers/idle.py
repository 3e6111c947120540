"""Memory: what clients cost that have asked once and stay."""

import contextlib
import re
import socket
import ssl
import struct
import time

from load import SMALL
from machine import Failure
from peers import Site
from small import WITHOUT

KIB, MIB = 1024, 1024 * 1024
# Those who measured the same thing three times have not learned more by the fifth.
ENOUGH = 3


def plain(house):
    """Clients without TLS."""
    _idle(house, tls=False)


def tls(house):
    """Clients with TLS, HTTP/1.1."""
    _idle(house, tls=True)


def _idle(house, tls):
    count = 1000 if house.quick else house.clients
    case = f"{count:,} idle clients{' over TLS' if tls else ''}"
    with house.host() as upstream:
        for number in range(min(house.rounds, ENOUGH)):
            house.say(f"{case}: round {number + 1} of {min(house.rounds, ENOUGH)}")
            for peer in house.chosen(WITHOUT):
                # A new process each time: what one has freed it may keep.
                with house.running([peer], Site(upstream, tls=tls, tokens=house.stored)) as [running]:
                    before, after = _hold(house, running, count, tls)
                add = house.report.add
                add(case, peer.name, "KiB resident a connection", (after - before) / count / KIB)
                add(case, peer.name, "MiB resident in all", after / MIB)


def _hold(house, running, count, tls):
    """Bytes resident with one client that has asked, and with `count` more."""
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(client(running.port, context if tls else None))]
        ask(sockets[0], house.token)
        before = running.resident()
        for _ in range(count):
            sockets.append(held.enter_context(client(running.port, context if tls else None)))
            ask(sockets[-1], house.token)
        # Long enough for what is freed after an answer.
        time.sleep(1)
        after = running.resident()
        ask(sockets[0], house.token)
    return before, after


def client(port, context=None):
    """A connection that leaves nothing behind when it is closed: 10,000 would leave no ports."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=30)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return context.wrap_socket(opened) if context else opened


def ask(connection, token):
    """One request and its whole answer."""
    head = f"GET {SMALL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    connection.sendall(head.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = connection.recv(65536)
        if not more:
            raise Failure(f"closed in the middle of an answer: {answer!r}")
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or not length:
        raise Failure(f"no answer of 200 with a length: {head!r}")
    while len(body) < int(length[1]):
        body += connection.recv(65536)
