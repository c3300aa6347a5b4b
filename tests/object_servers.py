"""S3 on this machine: two independent servers, and a proxy before them that injects faults."""

import contextlib
import http.client
import http.server
import logging
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

KEY, SECRET, BUCKET = "testkey", "testsecret", "bucket"
RCLONE = Path(sysconfig.get_path("scripts"), "rclone.exe" if sys.platform == "win32" else "rclone")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextlib.contextmanager
def moto(_folder):
    """Give the address of moto's server, which keeps objects in memory."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - an extra

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        connection = http.client.HTTPConnection(host, port)
        # What it keeps is kept for the process: an older server's objects are to be forgotten first.
        for method, path in (("POST", "/moto-api/reset"), ("PUT", f"/{BUCKET}")):
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
        connection.close()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def rclone(folder):
    """Give the address of rclone's server, which keeps objects as files in a folder and checks signatures."""
    (folder / BUCKET).mkdir(parents=True)
    command = [RCLONE, "serve", "s3", folder, "--addr", "127.0.0.1:0", "--auth-key", f"{KEY},{SECRET}", "-v"]
    environment = {"RCLONE_CONFIG": str(folder.parent / "no.conf"), "HOME": str(folder.parent)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            for line in server.stderr:
                match = re.search(r"http://127\.0\.0\.1:\d+", line)
                if match:
                    break
            drain = threading.Thread(target=server.stderr.read, daemon=True)
            drain.start()
            yield match[0]
        finally:
            server.terminate()
            server.wait()
            drain.join()


SERVERS = {"moto": moto, "rclone": rclone}


class FaultProxy:
    """Stands before a server, counts requests, and gives each the fault that ``fault`` returns.

    ``fault`` takes the number of the request, its method and its path, and returns "", "503", "drop" (the connection
    ends unanswered), "cut request" (half of the body goes on), "cut answer" (the server does it, and half of its
    answer comes back), or seconds of delay.
    """

    def __init__(self, address, fault=lambda *_: ""):
        self.upstream = urlsplit(address)
        self.fault = fault
        self.requests, self.faults = Counter(), Counter()
        self.most_at_once = self._at_once = 0
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begin(self, method, path):
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            number = self.requests.total()
            kind = "LIST" if method == "GET" and ("list-type" in path or "prefix=" in path) else method
            self.requests[kind] += 1
            fault = self.fault(number, kind, path)
            if fault:
                self.faults[str(fault)] += 1
        return fault

    def end(self):
        with self._lock:
            self._at_once -= 1

    def _handler(self):
        return type("Handler", (_Handler,), {"proxy": self})


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):
            super().handle()

    def __getattr__(self, name):
        """Answer all methods alike."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        fault = self.proxy.begin(self.command, self.path)
        try:
            if fault == "drop":
                self.close_connection = True
            elif fault == "503":
                self.rfile.read(self.length)
                self.reply(503, (), b"")
            else:
                time.sleep(fault if isinstance(fault, float) else 0)
                self.relay(fault)
        finally:
            self.proxy.end()

    @property
    def length(self):
        return int(self.headers.get("Content-Length") or 0)

    def relay(self, fault):
        body = self.rfile.read(self.length)
        server = http.client.HTTPConnection(self.proxy.upstream.hostname, self.proxy.upstream.port, timeout=60)
        with contextlib.closing(server):
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    server.putheader(name, value)
            server.endheaders()
            if fault == "cut request":
                server.send(body[: len(body) // 2])
                self.close_connection = True
                return
            server.send(body)
            response = server.getresponse()
            data = response.read()
        cut = fault == "cut answer"
        self.close_connection = self.close_connection or cut
        if data or not cut:
            self.reply(response.status, response.getheaders(), data, cut=cut)

    def reply(self, status, headers, data, *, cut=False):
        self.send_response(status)
        length = str(len(data))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
