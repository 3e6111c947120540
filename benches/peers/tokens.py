"""Tokens: those that are in use, those that are only there, and the files in which each peer finds them."""

import base64
import binascii
import hashlib
import json
import os
import secrets
import subprocess

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
USERS = [f"user{number:02}" for number in range(100)]
# What one document of `gitlatch import` holds at most here; it may be 256 MiB long.
DOCUMENT = 100_000


def mint():
    """A user's token as gitlatch makes them: 30 random characters of base62, and their CRC-32."""
    body = "latu_" + "".join(secrets.choice(ALPHABET) for _ in range(30))
    rest, digits = binascii.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = ALPHABET[digit] + digits
    return body + digits


class Tokens:
    """The tokens in use, each with its owner, and the files that are made of them."""

    def __init__(self, folder, count):
        self.folder = folder
        self.used = [(mint(), USERS[number % len(USERS)]) for number in range(count)]
        pairs = [(token, basic(user, token), user) for token, user in self.used]
        # nginx: the whole value of the header. HAProxy: its second word.
        self.nginx_map = self._write("tokens.map", "".join(
            f'"Bearer {token}" {user};\n"Basic {pair}" {user};\n' for token, pair, user in pairs))
        self.haproxy_map = self._write("tokens.haproxy", "".join(
            f"{token} {user}\n{pair} {user}\n" for token, pair, user in pairs))
        self.bearer = self._write("bearer.txt", "".join(f"Bearer {token}\n" for token, *_ in pairs))
        self.basic = self._write("basic.txt", "".join(f"Basic {pair}\n" for _, pair, _ in pairs))
        # A few: for a store that holds no more.
        self.few = self._write("few.txt", "".join(f"Bearer {token}\n" for token, *_ in pairs[:100]))

    def _write(self, name, text):
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def fill(self, gitlatch, config, count):
        """Fills an empty store with `count` tokens by `gitlatch import`. Of those that nobody uses only a
        hash is needed, and any 32 bytes are one; they are a project's, for a document tells of all users that
        it names."""
        hashes = [(hashlib.sha256(token.encode()).hexdigest(), user) for token, user in self.used[:count]]
        for begin in range(0, count, DOCUMENT):
            wanted = min(DOCUMENT, count - begin)
            part = hashes if begin == 0 else []
            part = part + [(os.urandom(32).hex(), None) for _ in range(wanted - len(part))]
            path = self._write("import.json", json.dumps(_document(part, first=begin == 0)))
            subprocess.run([gitlatch, "import", "--config", config, path], check=True,
                           stdout=subprocess.DEVNULL)
            path.unlink()


def basic(user, token):
    """User and token as Basic carries them."""
    return base64.b64encode(f"{user}:{token}".encode()).decode()


def _document(hashes, first):
    """What `gitlatch export` would have written; users and their rights once."""
    anything = {"user": None, "project": None, "repository": None}
    users = USERS if first else []
    return {
        "format": "gitlatch-export", "version": 1, "projects": [], "groups": [],
        "settings": {"expiryRequired": False, "maxExpiryDays": None, "maxTokensPerOwner": None,
                     "allowedPermissions": anything},
        "users": [{"name": user, "displayName": user, "email": "", "admin": False, "active": True,
                   "createdDate": 0, "password": None} for user in users],
        "grants": [{"user": user, "permission": "REPO_WRITE", "project": "team"} for user in users],
        "tokens": [{"id": str(number), "hash": hash_, "name": f"token {number}",
                    "owner": {"kind": "user", "user": user} if user else
                             {"kind": "project", "project": "team"},
                    "permissions": ["REPO_WRITE"],
                    "only": [], "from": [], "refs": [], "noDelete": False, "noForce": False,
                    "noTags": False, "createdDate": 0, "expiryDate": None, "suspendedDate": None,
                    "endsDate": None, "successor": None, "lastUsedDate": None,
                    "lastUsedFrom": None} for number, (hash_, user) in enumerate(hashes, 1)],
    }
