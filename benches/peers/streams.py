"""Large bodies: a download from a file, an upload to a server that forgets it, with curl."""

from load import SMALL, curl
from machine import free_port
from peers import Site

RATE, CPU = "MB/s", "CPU of the peer, s/GB"
TYPE = "Content-Type: application/x-git-receive-pack-request"


def download(house, tls=False):
    """A file that nginx sends with sendfile."""
    file = house.machine.folder / "large"
    with open(file, "wb") as opened:
        opened.truncate(_size(house))
    with house.host(file) as upstream:
        _rounds(house, "download", upstream, tls, f"{SMALL}/archive")
    file.unlink()


def upload(house, tls=False):
    """What looks like a push, so that gitlatch judges it, to a host that reads and forgets."""
    file = house.machine.folder / "push"
    command = f"{'0' * 40} {'1' * 40} refs/heads/main\0 report-status\n"
    with open(file, "wb") as opened:
        opened.write(f"{len(command) + 4:04x}{command}0000PACK".encode())
        opened.truncate(_size(house))
    port = free_port()
    words = [house.bare, f"127.0.0.1:{port}", "sink", house.workers]
    sink = house.machine.start(words, port)
    # Without `Expect`, so that nobody waits for leave to send.
    options = ("--request", "POST", "--header", TYPE, "--header", "Expect:", "--upload-file", file)
    _rounds(house, "upload", port, tls, "/scm/team/app.git/git-receive-pack", options)
    house.machine.stop([sink])
    file.unlink()


def over_tls(house):
    """Both over TLS; the peers that were asked for, without that which has none."""
    download(house, tls=True)
    upload(house, tls=True)


def plain(house):
    """Both without."""
    download(house)
    upload(house)


def _size(house):
    return 200_000_000 if house.quick else 2_000_000_000


def _rounds(house, what, upstream, tls, path, options=()):
    header = house.machine.folder / "header"
    header.touch(mode=0o600)
    header.write_text(f"Authorization: Bearer {house.token}\n")

    def turn(running):
        before = running.cpu()
        # The host itself speaks no TLS.
        secure = tls and bool(running.processes)
        seconds, size = curl(running, path, "--header", f"@{header}", *options, tls=secure)
        return {RATE: size / seconds / 1e6, CPU: (running.cpu() - before) / size * 1e9}

    size = f"{_size(house) / 1e9:g} GB {what}{' over TLS' if tls else ''}"
    with house.running(house.chosen(), Site(upstream, tls=tls, tokens=house.stored)) as started:
        house.measure(size, started, turn)
