"""A studio in a process of its own, and clients that keep to no rule."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

MAIN = "from icsys.__main__ import main; import sys; sys.exit(main())"
LONGEST = 20  # seconds until a test gives up


class Answer(NamedTuple):
    """The status of an answer, its headers in lower case, and its body; status 0 for none."""

    status: int
    headers: dict
    body: bytes

    @property
    def values(self):
        return json.loads(self.body)


class AttackedServer:
    """A running ``ics studio``, and what it has printed."""

    def __init__(self, source, program=MAIN):
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end
        command = [sys.executable, "-c", program, "studio", str(source), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors)
        self.address = self.process.stdout.readline().decode().strip()
        self.port = int(re.search(r":(\d+)/", self.address)[1])
        self.token = self.address.partition("token=")[2]
        self.cookie = f"ics-studio-{self.port}={self.token}"
        self.host = f"localhost:{self.port}"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST)

    def send(self, data):
        """Send bytes, and return what comes until the server closes or the answer is whole."""
        with self.connect() as connection:
            with contextlib.suppress(OSError):  # the server need not take all of it
                connection.sendall(data)
            return read_answer(connection)

    def ask(self, path, *lines, method="GET", host=None, cookie=True, body=b"", version="HTTP/1.1"):
        """Send one request with further lines of headers."""
        head = [f"{method} {path} {version}", *lines, "Connection: close"]
        head += [] if host == "" else [f"Host: {host or self.host}"]
        head += [f"Cookie: {self.cookie}"] if cookie else []
        head += [f"Content-Length: {len(body)}"] if body else []
        return self.send("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def post(self, path, values, *lines):
        return self.ask(path, *lines, method="POST", body=json.dumps(values).encode())

    @property
    def megabytes(self):
        """The memory that it holds."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def errors(self):
        """What it has printed to standard error."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def end(self):
        """End it as Ctrl-C does; return the exit code, and what it has printed behind the address."""
        with self._errors, self.process:
            self.process.send_signal(signal.SIGINT)
            rest = self.process.stdout.read().decode()
            return self.process.wait(LONGEST), rest + self.errors()


def read_answer(connection):
    """Read one answer; the status is 0 if the server closes without one."""
    data = b""
    with contextlib.suppress(OSError):
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head) if end else None
            if length and len(body) >= int(length[1]):
                break
            piece = connection.recv(2**16)
            if not piece:
                break
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1]) if data.startswith(b"HTTP/") else 0
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return Answer(status, headers, body)
