"""Requests by hand: REST, churn of tokens, clients that break off, dawdle or send nonsense."""

import base64
import glob
import http.client
import json
import os
import random
import socket
import struct
import time

from house import PASSWORD

UNKNOWN = "latu_0000000000000000000000000000001WuZ0d"
API = "/rest/access-tokens/latest"
HEAD = "/team/app.git/HEAD"
# What gitlatch answers when the host is away.
TROUBLE = (502, 503, 504)
BROKEN = (OSError, http.client.HTTPException)


def bearer(token):
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(user, secret):
    """The header of a user name and a password or token."""
    pair = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


class Client:
    """A connection that is kept, as long as a server keeps one."""

    def __init__(self, house, book, source="127.0.0.1"):
        self.house, self.book, self.source = house, book, source
        self.connection, self.used = None, 0.0

    def ask(self, kind, want, method, path, headers, body=None, forwarded=True):
        """One request; the body of the answer if it has the wanted status, otherwise nothing.

        `forwarded`: the host answers it, so that its absence is an excuse.
        """
        since = time.time()
        if self.connection is None or since - self.used > 5:
            self.close()
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.house.port, timeout=60, source_address=(self.source, 0)
            )
        self.used = since
        try:
            if body is not None:
                body = json.dumps(body)
                headers = {**headers, "Content-Type": "application/json"}
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except BROKEN as error:
            self.close()
            self.book.fault(self.house.name, kind, since, f"{method} {path}: {error!r}", forwarded)
            return None
        if answer.status != want:
            text = f"{method} {path}: {answer.status}, not {want}: {content[:200]!r}"
            self.book.fault(self.house.name, kind, since, text, forwarded and answer.status in TROUBLE)
            return None
        self.book.note(self.house.name, kind, str(want))
        return content

    def close(self):
        """Without a further word."""
        if self.connection:
            self.connection.close()
        self.connection = None


def rest(house, book, tokens, stop):
    """What is allowed and what is not, over one connection that is kept."""
    client = Client(house, book)
    stranger = Client(house, book, "127.0.0.9")
    turn = 0
    while not stop.wait(0.03):
        turn += 1
        client.ask("file", 200, "GET", HEAD, bearer(tokens.read))
        client.ask("file, Basic", 200, "GET", HEAD, basic("alice", tokens.read))
        client.ask("own token", 200, "GET", API + "/self", bearer(tokens.read), forwarded=False)
        client.ask("no credential", 401, "GET", HEAD, {}, forwarded=False)
        client.ask("wrong token", 401, "GET", HEAD, bearer(UNKNOWN), forwarded=False)
        client.ask("wrong name", 401, "GET", HEAD, basic("bob", tokens.read), forwarded=False)
        push = "/team/app.git/info/refs?service=git-receive-pack"
        client.ask("not permitted", 403, "GET", push, bearer(tokens.read), forwarded=False)
        client.ask("elsewhere", 403, "GET", "/away/app.git/HEAD", bearer(tokens.read), forwarded=False)
        client.ask("two readings", 400, "GET", "/team/%2e%2e/app.git/HEAD", bearer(tokens.read), forwarded=False)
        client.ask("no method", 405, "PUT", HEAD, bearer(tokens.read), forwarded=False)
        if turn % 20 == 0:
            client.ask("list", 200, "GET", API + "/users/alice", basic("alice", PASSWORD), forwarded=False)
        if turn % 200 == 0:
            name = f"stranger-{turn}"
            stranger.ask(
                "wrong password", 401, "GET", API + "/users/alice", basic(name, "guess"), forwarded=False
            )
    client.close()
    stranger.close()


def churn(house, book, stop):
    """Tokens that are made, used, rotated, revoked, and used again: refused at once, wherever they are shown."""
    person = Client(house, book)
    kept = [Client(house, book) for _ in range(4)]
    alice = basic("alice", PASSWORD)
    mine = API + "/users/alice"
    turn = 0

    def everywhere(kind, want, token):
        for client in kept:
            client.ask(kind, want, "GET", HEAD, bearer(token), forwarded=want == 200)

    def call(kind, want, method, path, headers, body=None):
        return person.ask(kind, want, method, path, headers, body, forwarded=False)

    while not stop.wait(0.25):
        turn += 1
        made = call("create", 200, "PUT", mine, alice, {"name": f"churn {turn}", "permissions": ["REPO_READ"]})
        if made is None:
            continue
        made = json.loads(made)
        everywhere("new token", 200, made["token"])
        turned = call("rotate", 200, "POST", f"{mine}/{made['id']}/rotate", alice, {})
        everywhere("rotated away", 401, made["token"])
        if turned is None:
            continue
        turned = json.loads(turned)
        everywhere("successor", 200, turned["token"])
        if turn % 3 == 0:
            call("revoke itself", 204, "DELETE", API + "/self", bearer(turned["token"]))
        elif turn % 16 == 1:
            try:
                house.command("token", "revoke", turned["id"])
                book.note(house.name, "revoke by command", "done")
            except (RuntimeError, OSError) as error:
                book.fault(house.name, "revoke by command", 0, repr(error), excusable=False)
        else:
            call("revoke", 204, "DELETE", f"{mine}/{turned['id']}", alice)
        everywhere("revoked", 401, turned["token"])
        call("revoked, itself", 401, "GET", API + "/self", bearer(turned["token"]))
    for client in (person, *kept):
        client.close()


def connect(house, timeout=60):
    """A bare connection."""
    return socket.create_connection(("127.0.0.1", house.port), timeout)


def head(line, token, more=""):
    """The head of a request, as bytes."""
    return f"{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{more}\r\n".encode()


PUSH = "Content-Type: application/x-git-receive-pack-request\r\n"


def pack_of(house):
    """The path of the large repository's pack, and its size."""
    [path] = glob.glob(os.path.join(house.repositories, "team", "app.git", "objects", "pack", "*.pack"))
    return "/team/app.git/objects/pack/" + os.path.basename(path), os.path.getsize(path)


def breaking(house, book, tokens, stop):
    """Connections that end where nobody expects it, politely or by a reset."""
    chance = random.Random(7)
    pack, _ = pack_of(house)
    read, push = tokens.read, tokens.write
    parts = {
        "nothing": b"",
        "half a line": b"GET /team/ap",
        "half a head": head(f"GET {HEAD}", read)[:-2],
        "no answer read": head(f"GET {HEAD}", read),
        "half an answer read": head(f"GET {pack}", read),
        "half a push": head("POST /team/app.git/git-receive-pack", push, PUSH + "Content-Length: 90000\r\n") + b"00",
        "half a chunk": head(
            "POST /team/app.git/git-receive-pack", push, PUSH + "Transfer-Encoding: chunked\r\n"
        ) + b"4\r\n0000\r\n1000\r\nxxxx",
        "half a call": head(f"POST {API}/users/alice", read, "Content-Length: 1000\r\n") + b"{",
        "nonsense": bytes(chance.randrange(256) for _ in range(200)) + b"\r\n\r\n",
        "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    }
    while not stop.wait(0.1):
        kind = chance.choice(list(parts))
        try:
            with connect(house) as stream:
                stream.sendall(parts[kind])
                if kind == "half an answer read":
                    stream.recv(100_000)
                elif chance.random() < 0.5:
                    time.sleep(0.05)
                if chance.random() < 0.5:
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            book.note(house.name, "broken off: " + kind, "done")
        except (BrokenPipeError, ConnectionResetError):
            book.note(house.name, "broken off: " + kind, "refused meanwhile")
        except OSError as error:
            book.fault(house.name, "broken off: " + kind, 0, repr(error), excusable=False)


def receive(stream, size, pause):
    """Reads an answer of this many bytes, slowly; its first line and its body's length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = stream.recv(4096)
        if not piece:
            return data.decode(errors="replace"), 0
        data += piece
    line, body = data.split(b"\r\n", 1)[0].decode(), len(data.split(b"\r\n\r\n", 1)[1])
    while body < size:
        piece = stream.recv(65536)
        if not piece:
            break
        body += len(piece)
        time.sleep(pause)
    return line, body


def slow(house, book, tokens, stop):
    """Clients that take their time, within what the time-outs allow: they are served to the end."""
    pack, size = pack_of(house)
    ways = [
        ("slow head", head(f"GET {HEAD}", tokens.read), 21, 0.02, 0),
        ("slow body", head("POST /team/app.git/git-receive-pack", tokens.write, PUSH + "Content-Length: 4\r\n") + b"0000", 0, 0.02, 0),
        ("slow reader", head(f"GET {pack}", tokens.read), size, 0, 0.05),
    ]
    turn = 0
    while not stop.wait(0.2):
        turn += 1
        kind, sent, size, sending, reading = ways[turn % len(ways)]
        since = time.time()
        try:
            with connect(house) as stream:
                if sending:
                    for byte in sent:
                        stream.sendall(bytes([byte]))
                        time.sleep(sending)
                else:
                    stream.sendall(sent)
                line, body = receive(stream, size, reading)
        except OSError as error:
            book.fault(house.name, kind, since, repr(error))
            continue
        if " 200 " in line and body >= size:
            book.note(house.name, kind, "200")
        else:
            trouble = " 200 " in line or any(f" {status} " in line for status in TROUBLE)
            book.fault(house.name, kind, since, f"{line}, {body} bytes of {size}", trouble)
