"""A small Git host: `git http-backend` behind a server of threads. `host.py PORT FOLDER SECRET-FILE`."""

import http.server
import os
import subprocess
import sys

GONE = (BrokenPipeError, ConnectionAbortedError, ConnectionResetError)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request is one run of git's own CGI program."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def log_message(self, *_):
        """Nothing: gitlatch tells what happened."""

    def pieces(self):
        """The body as it comes."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while length := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read(min(left, 65536))):
            left -= len(piece)
            yield piece
        if left:
            # git waits busily for the rest of a body that has ended, so it must not be left alone with it.
            raise ConnectionAbortedError

    def serve(self):
        """Runs git and hands its answer on."""
        if self.headers.get_all("Authorization") != [f"Bearer {self.server.secret}"]:
            return self.send_error(401)
        path, _, query = self.path.partition("?")
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": self.server.folder,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "soak",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        if "Content-Length" in self.headers:
            variables["CONTENT_LENGTH"] = self.headers["Content-Length"]
        with subprocess.Popen(
            # Not by way of `git`, which would be what is killed.
            [self.server.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=variables,
        ) as git:
            try:
                self.exchange(git)
            except GONE:
                git.kill()
                self.close_connection = True
        return None

    def exchange(self, git):
        """The body in, then the answer out: git reads all of the one before it writes the other."""
        try:
            for piece in self.pieces():
                git.stdin.write(piece)
            git.stdin.close()
        except BrokenPipeError:
            # git has answered early: nothing more is read here.
            self.close_connection = True
        status, headers = "200 OK", []
        while line := git.stdout.readline().strip().decode():
            name, _, value = line.partition(": ")
            if name == "Status":
                status = value
            else:
                headers.append((name, value))
        if not headers:
            raise BrokenPipeError
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := git.stdout.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = serve


class Server(http.server.ThreadingHTTPServer):
    """With room for those who wait."""

    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_):
        """A client that left is nothing to tell."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    server.folder = sys.argv[2]
    told = subprocess.run(["git", "--exec-path"], stdout=subprocess.PIPE, text=True, check=True).stdout
    server.program = os.path.join(told.strip(), "git-http-backend")
    with open(sys.argv[3], encoding="ascii") as file:
        server.secret = file.read().strip()
    server.serve_forever()
