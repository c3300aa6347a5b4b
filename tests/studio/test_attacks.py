"""Attacks on a studio that runs: what is refused, what is answered meanwhile, and what it takes."""

import contextlib
import os
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from helpers import synthetic_photo

pytest.importorskip("uvicorn", reason="needs the extra studio")

from attacked_server import MAIN, AttackedServer, read_answer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends the server with SIGINT, and plants links")

SCRIPT = b"<script>alert(document.cookie)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
NAMES = ['"><script>x.png', "\u202egnp.exe.png", "line\nbreak.png", "a" * 250 + ".png", "q'\"&.png"]
MOST_MEGABYTES = 500


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A folder with hostile names and files, links that lead out, and a pipe."""
    top = tmp_path_factory.mktemp("hostile")
    folder, outside = top / "in", top / "outside"
    folder.mkdir()
    outside.mkdir()
    picture = Image.fromarray(synthetic_photo(60, 80, seed=1))
    text = PngInfo()
    text.add_text("Comment", SCRIPT.decode())
    for name in [*NAMES, "a.png"]:
        picture.save(folder / name, pnginfo=text)
    with contextlib.suppress(OSError):  # not every system has such names
        (folder / os.fsdecode(b"bytes-\xff\xfe.png")).write_bytes((folder / "a.png").read_bytes())
    picture.save(folder / "exif.jpg", exif=b"Exif\0\0" + SCRIPT, comment=SCRIPT)
    (folder / "svg.png").write_bytes(SVG)
    (folder / "html.jpg").write_bytes(b"<!doctype html>" + SCRIPT)
    (folder / "both.gif").write_bytes(b"GIF89a/*" + SCRIPT)
    picture.save(outside / "secret.png")
    (outside / "palette.json").write_text('{"colors": ["#010203", "#fefdfc"]}')
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    os.mkfifo(folder / "pipe.png")
    return folder


@pytest.fixture(scope="module")
def server(hostile):
    made = AttackedServer(hostile)
    yield made
    code, printed = made.end()
    assert code == 0
    assert printed == ""


def images(server):
    """Return the numbers of all images by their names, once all are listed."""
    while not (found := server.ask("/api/images?count=1000").values)["complete"]:
        time.sleep(0.02)
    return {one["name"]: one["image"] for one in found["images"]}


HOSTS = [
    *("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip.io", "localhost.", "127.0.0.1."),
    *("localhost@evil.example", "evil.example@localhost", "localhost:80@evil.example", "localhost#evil.example"),
    *(
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "127.0.0.2",
        "127.000.000.001",
        "[::]",
        "[::ffff:127.0.0.1]",
    ),
    *(
        "[0:0:0:0:0:0:0:1]",
        "[::1%25lo]",
        "::1",
        "[::1",
        "localhost, evil.example",
        "localhost evil",
        "http://localhost",
    ),
    *(
        "l\xf6calhost",
        "loc\xaalhost",
        "\xb1127.0.0.1",
        "localhost:80:80",
        "localhost:-1",
        "localhost:99999",
        "*",
        "null",
    ),
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_bound_to_this_machine_is_refused_with_the_token_too(server, host):
    for path in ("/", "/static/studio.js", "/api/state", f"/?token={server.token}"):
        assert 400 <= server.ask(path, host=host).status < 500


@pytest.mark.parametrize("target", ["http://evil.example/", "//evil.example/", "http://evil.example/api/state"])
def test_an_address_as_the_target_is_no_way_around_the_host(server, target):
    assert 400 <= server.ask(target).status < 500
    assert 400 <= server.ask(target, host="evil.example").status < 500


METHODS = ["OPTIONS", "TRACE", "CONNECT", "PATCH", "PUT", "DELETE", "PROPFIND", "get", "X" * 3000]


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_do_nothing(server, method):
    overrides = "X-HTTP-Method-Override: GET", "X-Method-Override: POST"
    for path in ("/api/state", "/static/studio.js", "/", "*", "localhost:80"):
        answer = server.ask(path, *overrides, method=method)
        assert answer.status in {400, 404, 405}
    assert server.ask("/api/run", "X-HTTP-Method-Override: DELETE").values["state"] == "none"
    assert server.ask(f"/?token={server.token}", method=method, cookie=False).status == 403


UNCLEAR = [
    "Content-Length: 5\r\nContent-Length: 6", "Content-Length: +5", "Content-Length: 0x5", "Content-Length: -5",
    "Content-Length: 5 6", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: xchunked",
    "Transfer-Encoding: identity", "Transfer-Encoding : chunked", "Content-Length : 5", " Content-Length: 5",
    "X: a\rContent-Length: 5", "Content-Length: 5\0", "Content-Length: " + "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("lines", UNCLEAR)
def test_a_request_whose_end_is_unclear_is_the_last_of_its_connection(server, lines):
    hidden = f"GET /api/state HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n\r\n"
    head = f"POST /api/cost HTTP/1.1\r\n{lines}\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n\r\n"
    with server.connect() as connection:
        connection.sendall((head + "0\r\n\r\n" + hidden).encode())
        data = b""
        with contextlib.suppress(OSError):
            while piece := connection.recv(2**16):
                data += piece
    assert data.startswith(b"HTTP/1.1 400")
    assert data.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("ranges", ["0-," * 10_000 + "0-0", ",".join(f"{n}-{n}" for n in range(0, 12_000, 2)), "9-1"])
def test_many_ranges_of_a_file_take_no_time(server, ranges):
    start = time.monotonic()
    answer = server.ask("/static/studio.css", f"Range: bytes={ranges}", cookie=False)
    assert answer.status in {200, 400, 416}
    assert len(answer.body) < 2 * 10**5
    assert time.monotonic() - start < LONG


def test_requests_without_a_host_or_with_two_are_refused(server):
    for version in ("HTTP/1.0", "HTTP/1.1"):
        assert 400 <= server.ask("/static/studio.js", host="", version=version).status < 500
        assert 400 <= server.ask("/", "Host: evil.example", version=version).status < 500
    assert 400 <= server.ask("/", " folded: x", "X-Forwarded-Host: localhost", host="evil.example").status < 500
    assert server.ask("/api/state", "X-Forwarded-Host: localhost", host="evil.example").status == 403


FOREIGN = [
    ("Origin: http://evil.example", "Content-Type: text/plain"),
    ("Origin: null", "Content-Type: multipart/form-data; boundary=x"),
    ("Origin: http://localhost:1", "Content-Type: application/x-www-form-urlencoded"),
    ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"),
    ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
    ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
    ("Sec-Fetch-Site: same-site",),
]


@pytest.mark.parametrize("lines", FOREIGN)
def test_a_page_of_another_site_reaches_nothing_though_the_cookie_comes_along(server, lines):
    for method in ("POST", "DELETE", "PUT", "OPTIONS", "GET", "HEAD"):
        for path in ("/", "/api/preview", "/api/run", "/api/cost", "/api/images/0/thumbnail", "/static/studio.js"):
            answer = server.ask(path, *lines, method=method, body=b"{}" if method == "POST" else b"")
            assert answer.status == 403
            assert not any(name.startswith("access-control") for name in answer.headers)
    assert server.ask("/api/run").values["state"] == "none"


FORMS = [
    "text/plain",
    "Text/Plain ; charset=utf-8",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
]


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_is_refused_though_it_names_no_site(server, kind):
    for path in ("/api/run", "/api/preview", "/api/presets/mine", "/static/studio.js"):
        assert server.ask(path, f"Content-Type: {kind}", method="POST", body=b'{"destination": "x"}').status == 403
    assert server.ask("/api/run").values["state"] == "none"


def test_a_link_of_another_site_works_with_the_token_alone(server):
    lines = "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"
    answer = server.ask(f"/?token={server.token}", *lines, cookie=False)
    assert (answer.status, answer.headers["refresh"], answer.body) == (200, "0; url=/", b"")
    assert server.ask("/?token=wrong", *lines).status == 403


def _another(token):
    """Return a token that differs in its first letter: which one that is, is a matter of chance."""
    return ("y" if token[0] == "x" else "x") + token[1:]


def test_the_token_is_nowhere_but_in_the_address_and_the_cookie(server):
    answers = [server.ask(path) for path in ("/", "/api/state", "/api/images", "/static/studio.js", "/api/none")]
    answers += [server.ask(f"/?token={_another(server.token)}", cookie=False), server.ask("/nowhere", cookie=False)]
    for answer in answers:
        assert server.token.encode() not in answer.body + repr(answer.headers).encode()
        assert answer.headers["referrer-policy"] == "no-referrer"
    if Path("/proc/self/cmdline").exists():
        assert server.token.encode() not in Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    assert server.token not in server.errors()
    let_in = server.ask(f"/?token={server.token}", cookie=False)
    assert (let_in.status, let_in.headers["location"], let_in.body) == (303, "/", b"")


def test_wrong_tokens_are_refused_however_many_and_whatever_they_hold(server):
    wrong = [server.token[:-1], server.token + "x", server.token.lower(), "", "%00", "%ff%fe", "%ed%a0%80", "\xe9"]
    for token in [*wrong, *map(str, range(50))]:
        assert server.ask(f"/?token={token}", cookie=False).status in {400, 403}
        line = f"Cookie: ics-studio-{server.port}={token}"
        assert server.ask("/api/state", line, cookie=False).status in {400, 403}
    other = f"Cookie: ics-studio-{server.port + 1}={server.token}; {server.token}; ics-studio-{server.port}"
    assert server.ask("/api/state", other, cookie=False).status == 403


STRANGE = [
    *("/static/../app.py", "/static/%2e%2e/app.py", "/static/%252e%252e/app.py", "/static/..%2fapp.py"),
    *("/static/..%5capp.py", "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/modules/../../guard.py"),
    *("/static/%00", "/static/studio.js%00.png", "/static/C:%5cWindows%5cwin.ini", "/static/" + "a" * 5000, "/static/"),
    *("/static/C:/Windows/win.ini", "/static/C:", "/static/%5c%5cbox%5cshare%5cx", "/static/modules%5capi.js"),
    *("/static/%5c%5c%3f%5cC:%5cx", "/static/CON", "/static/modules/NUL.js", "/static/studio.js::$DATA"),
    *("/static/studio.js.", "/static/STUDIO.JS", "/static/%c0%ae%c0%ae/app.py"),
    *(
        "/static/modules",
        "/static/%ff",
        "/static/studio.js/x",
        "/api/../static",
        "/api/images/../../etc/passwd",
        "/api",
    ),
    *(
        f"/api/images/{name}/thumbnail"
        for name in ("x", "-1", "1e3", "9" * 5000, "99999999", "..", "%2e%2e", "%00", "1.0")
    ),
    *("/api/preview/../x/after", "/api/preview/none/after", "/api/preview/%00/quality", "/api/preview/x/lossy/png"),
    *("/api/images?first=-1", "/api/images?count=1001", "/api/images?words=" + "a" * 300, "/api/images?count=x"),
]


@pytest.mark.parametrize("path", STRANGE)
def test_paths_that_name_nothing_are_refused_with_a_sentence(server, path):
    answer = server.ask(path)
    assert 400 <= answer.status < 500
    assert b"root:" not in answer.body
    assert b"import " not in answer.body


def test_pictures_are_pictures_whatever_a_file_holds(server):
    found = images(server)
    assert len(found) >= len(NAMES) + 2
    for name, number in found.items():
        for kind in ("thumbnail", "original"):
            answer = server.ask(f"/api/images/{number}/{kind}")
            assert answer.status == 422 if name in {"svg.png", "html.jpg", "both.gif"} else answer.status == 200
            is_picture = answer.status == 200
            assert answer.headers["content-type"] == ("image/jpeg" if is_picture else "application/json")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert not is_picture or (
                b"script" not in answer.body and "sandbox" in answer.headers["content-security-policy"]
            )


def test_an_output_that_keeps_the_bytes_of_its_source_is_sent_as_a_picture_without_rights(server):
    options = {"strategy": "SO", "step": 1}
    made = server.post("/api/preview", {"image": images(server)["a.png"], "options": options}).values
    answer = server.ask(f"/api/preview/{made['key']}/after")
    assert answer.headers["content-type"].startswith("image/")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_names_of_files_reach_the_page_as_they_are(server):
    found = images(server)
    assert set(NAMES) <= set(found)
    if sys.platform == "linux":
        assert os.fsdecode(b"bytes-\xff\xfe.png") in found


def test_links_and_pipes_of_the_source_lead_nowhere(server, hostile):
    assert not {"link.png", "linked/secret.png", "pipe.png"} & set(images(server))
    path = hostile / "a.png"
    data, number = path.read_bytes(), images(server)["a.png"]
    try:
        for replace in (lambda: path.symlink_to(hostile.parent / "outside/secret.png"), lambda: os.mkfifo(path)):
            path.unlink()
            replace()
            assert server.ask(f"/api/images/{number}/original").status == 422
    finally:
        path.unlink()
        path.write_bytes(data)


def test_options_name_no_file_outside_of_the_source(server, hostile):
    outside = hostile.parent / "outside/palette.json"
    for name in (
        outside,
        "/etc/passwd.json",
        f"{hostile}/../outside/palette.json",
        hostile / "linked/palette.json",
        "\0.json",
    ):
        for path in ("/api/preview", "/api/cost", "/api/run", "/api/run/check"):
            body = {"image": 0, "options": {"palette": str(name)}, "destination": str(hostile.parent / "out")}
            answer = server.post(path, body)
            assert answer.status == 400
            assert "palette=" in answer.values["error"]
    assert not (hostile.parent / "out").exists()


WRONG = [
    b"[" * 100_000, b'{"a":' * 5000, b"null", b"[]", b"{", b"\xff\xfe", b'{"image": 1e999, "options": {}}',
    b'{"image": 0, "options": []}', b'{"image": 0, "options": {"step": NaN}}', b'{"image": "\\ud800", "options": {}}',
    b'{"image": 0, "options": {"\\ud800": "\\udfff"}}', b'{"image": 0, "options": {}, "slot": "' + b"a" * 99 + b'"}',
    b'{"image": ' + b"9" * 5000 + b', "options": {}}', b'{"image": 0, "options": {"__class__": {}, "size": [1]}}',
    b'{"image": 0, "options": {"scale": ' + b"9" * 400 + b"}}",
    b'{"image": 0, "options": {"colors": 65537}}', b'{"image": 0, "options": {"size": [0, 70000]}}',
]  # fmt: skip


@pytest.mark.parametrize("body", WRONG)
def test_bodies_that_are_no_request_are_refused_with_a_sentence(server, body):
    for path in ("/api/preview", "/api/cost", "/api/run", "/api/run/check"):
        answer = server.ask(path, method="POST", body=body)
        # Costs are those of all images, so that one which is named counts for nothing.
        assert answer.status == 400 or (path == "/api/cost" and answer.status == 200)
        assert answer.status == 200 or answer.values["error"]


def test_what_is_too_long_is_refused_before_it_takes_memory(server):
    head = f"POST /api/preview HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
    announced = head.encode() + b"Content-Length: 2000000000\r\n\r\n" + b" " * 3_000_000
    chunked = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 60
    for data in (announced.rstrip(b" "), announced, chunked):  # the first one before the client sends more
        assert server.send(data).status == 413
    assert server.send(head.encode() + b"X: " + b"a" * 1_000_000).status in {0, 400, 431}
    assert server.ask("/" + "a" * 200_000).status in {0, 400, 414, 431}


def test_what_is_no_http_gets_no_answer_and_leaves_no_trace(server):
    head = f"POST /api/preview HTTP/1.1\r\nHost: {server.host}\r\n".encode()
    for data in (
        b"\x16\x03\x01\x02\x00\x01" + os.urandom(200), b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0" * 5000,
        head + b"Transfer-Encoding: chunked\r\n\r\n5\r\naaaaa\r\nzz\r\n", head + b"Content-Length: -1\r\n\r\n",
        head + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", head + b"Transfer-Encoding: gzip\r\n\r\n",
        head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        head + b"X\r\n\r\n",
    ):  # fmt: skip
        assert server.send(data).status in {0, 400, 403, 501}
    for sent in (head, head + f"Cookie: {server.cookie}\r\nContent-Length: 50\r\n\r\nabc".encode()):
        with server.connect() as connection:
            connection.sendall(sent)
    assert server.ask("/api/state").status == 200


def test_a_websocket_is_not_opened(server):
    lines = "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    for path in ("/api/events2", "/api/state", "/"):
        assert server.ask(path, *lines, "Connection: Upgrade").status in {200, 400, 404}
    foreign = server.ask("/", *lines, "Connection: Upgrade", "Origin: http://evil.example")
    assert foreign.status == 403


def test_silent_and_slow_clients_keep_nobody_waiting(server):
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(server.connect()) for _ in range(200)]
        head = f"GET /api/images/0/original HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
        for number, connection in enumerate(silent):
            connection.sendall(head.encode()[: number % 50])
        for connection in silent[:20]:  # these ask, and never read
            with contextlib.suppress(OSError):
                connection.sendall(head.encode()[silent.index(connection) % 50 :] + b"\r\n")
        start = time.monotonic()
        assert server.ask("/api/state").status == 200
        assert server.ask("/api/images/0/thumbnail").status == 200
        assert time.monotonic() - start < LONG
        assert server.megabytes < MOST_MEGABYTES


LONG = 10  # seconds; a well-behaved client is answered far sooner


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory from /proc")
def test_a_thousand_requests_at_once_are_answered_within_bounded_memory(server):
    count = len(images(server))
    paths = [f"/api/images/{number % count}/{kind}" for number in range(500) for kind in ("thumbnail", "original")]
    with contextlib.ExitStack() as stack:
        waiting = []
        for path in paths:
            connection = stack.enter_context(server.connect())
            lines = (
                f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(lines.encode())
            waiting.append(connection)
        start = time.monotonic()
        assert server.ask("/api/state").status == 200
        assert server.post("/api/preview", {"image": 0, "options": {"colors": 2}}).status == 200
        assert time.monotonic() - start < LONG
        assert {read_answer(connection).status for connection in waiting} <= {200, 422}
    assert server.megabytes < MOST_MEGABYTES
    assert server.ask("/api/state").status == 200


def test_many_previews_at_once_are_made_or_replaced(server):
    body = {"image": 0, "options": {"colors": 2, "step": 1}}
    with ThreadPoolExecutor(40) as clients:
        asked = [clients.submit(server.post, "/api/preview", body | {"slot": str(n)}) for n in range(150)]
        found = {one.result().status for one in asked}
    assert 200 in found
    assert found <= {200, 409}


@pytest.mark.parametrize(
    "options",
    [
        {"size": [65535, 65535], "fit": "stretch"},
        {"size": [65535, 65535], "enlarge": True},
        {"size": [65535, 65535], "fit": "pad"},
        {"size": [65535, 65535], "fit": "cover", "colors": 65536, "effort": "best"},
    ],
)
def test_a_preview_of_too_many_pixels_is_refused_with_a_sentence(server, options):
    answer = server.post("/api/preview", {"image": 0, "options": options})
    assert answer.status == 422
    assert "expected at most 50 million" in answer.values["error"]


BUG = """
import sys
from icsys.studio.images.thumbnails import Thumbnails
def jpeg(self, number): raise ValueError("secret\\nline")
Thumbnails.jpeg = jpeg
"""


def test_a_fault_of_ics_is_one_line_on_the_terminal_and_no_trace_in_the_answer(hostile):
    server = AttackedServer(hostile, BUG + MAIN)
    images(server)
    answer = server.ask("/api/images/0/thumbnail")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert server.ask("/api/state").status == 200
    code, printed = server.end()
    assert code == 0
    assert printed == "ics studio: GET '/api/images/0/thumbnail': ValueError('secret\\nline')\n"


class Page(HTMLParser):
    """What a page runs by itself."""

    def __init__(self, text):
        super().__init__()
        self.inline, self.links, self._open = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._open = tag
        self.inline += [(tag, name) for name, _ in attrs if name == "style" or name.startswith("on")]
        self.links += [value for name, value in attrs if name in {"src", "href", "action", "srcset", "data"}]

    def handle_data(self, data):
        if self._open in {"script", "style"} and data.strip():
            self.inline.append((self._open, data))

    def handle_endtag(self, _):
        self._open = ""


def files_of_the_page(folder=None):
    for entry in (folder or resources.files("icsys.studio") / "page").iterdir():
        if entry.is_dir():
            yield from files_of_the_page(entry)
        elif not entry.name.endswith(".pyc"):
            yield entry


def test_the_page_asks_this_server_only_and_runs_nothing_inline():
    for entry in files_of_the_page():
        text = entry.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.findall(r"""\b(?:https?|wss?|ftp):[^\s]*|["'(]//\w[^\s]*""", text), entry.name
        for word in ("serviceWorker", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                     "new Function", "@import", "opener."):  # fmt: skip
            assert word not in text, entry.name
        # Messages pass through ports of workers alone: those of a window may come from any page.
        foreign = r"""(?<!port\.)postMessage|(?<!port\.addEventListener\()"message"|onmessage"""
        assert not re.findall(foreign, text), entry.name
        if entry.name.endswith(".html"):
            page = Page(text)
            assert page.inline == []
            assert all(re.match(r"/\w|#", link) for link in page.links)


IMPATIENT = """
from icsys.studio import connections
connections.LONGEST_REQUEST = connections.LONGEST_STALL = 0.4
connections._REST_OF_REQUEST = 0.2
connections._MOST_CONNECTIONS = 12
"""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A server with short times and few connections, and a photo that no buffer of a connection holds."""
    folder = tmp_path_factory.mktemp("impatient")
    noise = np.random.default_rng(1).integers(0, 256, (2500, 2500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png", compress_level=1)
    made = AttackedServer(folder, IMPATIENT + MAIN)
    yield made
    assert made.end() == (0, "")


def is_cut_off(server, first, further, pause):
    """Return whether a client that sends on and on is cut off."""
    end = time.monotonic() + LONG
    with server.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(first)
        while time.monotonic() < end:
            connection.sendall(further)
            time.sleep(pause)
    return time.monotonic() < end


def test_a_request_that_never_ends_is_cut_off(impatient):
    head = f"POST /api/preview HTTP/1.1\r\nHost: {impatient.host}\r\nCookie: {impatient.cookie}\r\n".encode()
    answered = b"GET /static/icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        cut = []
        for sent in (b"", b"GET / HT", head, head + b"Content-Length: 99\r\n\r\n{", answered + b"GET /"):
            cut.append(stack.enter_context(impatient.connect()))
            cut[-1].sendall(sent)
        for connection in cut:
            while connection.recv(2**16):
                pass
    assert is_cut_off(impatient, b"GET / HT", b"a", 0.05)  # a further byte does not start the time anew


def test_an_endless_body_behind_an_answer_is_cut_off(impatient):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000000\r\n\r\n"
    assert is_cut_off(impatient, head, b"a" * 2**16, 0)


def test_new_clients_get_the_place_of_silent_ones(impatient):
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(impatient.connect())
        assert impatient.ask("/api/state").status == 200


def test_a_client_that_takes_nothing_of_a_large_answer_is_cut_off(impatient):
    images(impatient)
    lines = f"GET /api/images/0/original HTTP/1.1\r\nHost: {impatient.host}\r\nCookie: {impatient.cookie}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(impatient.connect())
            connection.sendall(lines.encode())
        # They have their turn one after another, and then those do that read.
        assert len(impatient.ask("/api/images/0/original").body) > 5_000_000
        assert impatient.megabytes < MOST_MEGABYTES


def test_ctrl_c_ends_a_server_that_is_under_attack(hostile):
    server = AttackedServer(hostile)
    with contextlib.ExitStack() as stack:
        for line in (
            b"",
            b"GET / HT",
            f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nCookie: {server.cookie}\r\n\r\n".encode(),
        ):
            connection = stack.enter_context(server.connect())
            connection.sendall(line)
        assert isinstance(connection, socket.socket)
        assert server.end() == (0, "")
