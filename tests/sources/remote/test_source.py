"""Sources behind URLs: any behaviour of a server, and how it is reported."""

import gzip
import html
import http.server
import json
import re
import sys
import threading
from base64 import b64encode
from collections import Counter
from functools import partial
from pathlib import Path
from urllib.parse import quote

import fsspec
import pytest

from helpers import compress_into, ics, image_bytes, synthetic_photo, tree
from icsys import ImageError, MissingExtraError, Options, UsageError, compress_folder
from icsys.files.remote_client import LONGEST_PAUSE, connect
from icsys.files.url import Url
from icsys.sources.base import PassedOver, Task, read_loaded
from icsys.sources.remote import fetch as fetching
from icsys.sources.remote import open_remote as urlsource
from icsys.sources.remote.fetch import with_retry
from icsys.sources.remote.folder import RemoteFolder
from source_makers import put_folder, put_parquet, put_tar, put_zip

SO = Options(strategy="SO")
FILES = {f"{name}/{i}.png": image_bytes(synthetic_photo(20, 30, seed=i)) for name in ("cat", "dog") for i in range(3)}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, with the faults that a test sets for a path, as often as the test sets."""

    faults: Counter
    asked: list
    ranges = True
    encoded = False

    def do_GET(self):
        self._serve(super().do_GET)

    def do_HEAD(self):
        self._serve(super().do_HEAD)

    def _serve(self, serve):
        self.asked.append((self.command, self.path, self.headers.get("Authorization")))
        path = self.path.partition("?")[0]
        for status in (503, 403, 404):
            if self.faults[path, status]:
                self.faults[path, status] -= 1
                self.send_response(status)
                if self.faults[path, "Retry-After"]:
                    self.send_header("Retry-After", str(self.faults[path, "Retry-After"]))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        if (self.command == "GET" or self.encoded) and self.faults[path, "gzip"]:
            data = gzip.compress(Path(self.translate_path(path)).read_bytes())[: -self.faults[path, "short"] or None]
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data if self.command == "GET" else b"")
            return
        if self.command == "GET" and self.faults[path, "cut"]:
            self.faults[path, "cut"] -= 1
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"half of it")
            self.close_connection = True
            return
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if not part or not self.ranges:
            serve()
            return
        data = Path(self.translate_path(path)).read_bytes()
        first, last = int(part[1]), min(int(part[2]), len(data) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        self.wfile.write(data[first : last + 1])

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server on loopback of the folder ``www``; its handler can be set to fail."""
    monkeypatch.setattr(fetching, "_FIRST_PAUSE", 0.001)
    handler = type("Handler", (Handler,), {"faults": Counter(), "asked": []})
    root = put_folder(tmp_path / "www" / "photos", FILES).parent
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=root)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        handler.url, handler.root, handler.port = f"http://127.0.0.1:{running.server_port}", root, running.server_port
        yield handler
        running.shutdown()
        thread.join()
    connect.cache_clear()


@pytest.fixture
def memory():
    """The file system of fsspec that lies in memory, with photos."""
    fs = fsspec.filesystem("memory")
    for name, data in FILES.items():
        fs.pipe_file(f"/photos/{name}", data)
    yield fs
    fs.rm("/", recursive=True)


def expected(tmp_path):
    compress_folder(put_folder(tmp_path / "plain", FILES), tmp_path / "expected", SO)
    return tree(tmp_path / "expected")


def rows(folder):
    lines = map(json.loads, (folder / "manifest.jsonl").read_text("utf-8").splitlines())
    return [{name: value for name, value in row.items() if name != "source_mtime_ns"} for row in lines]


def test_a_folder_behind_a_url_gives_the_same_files_and_manifest(server, memory, tmp_path):
    memory.pipe_file("/photos/notes.txt", b"no image")
    memory.pipe_file("/photos/.hidden/x.png", b"")
    for number, (url, engine) in enumerate(
        [("memory://photos", "threads"), (f"{server.url}/photos/", "threads"), (f"{server.url}/photos", "processes")]
    ):
        out = tmp_path / str(number)
        summary = compress_folder(url, out, SO, engine=engine, jobs=2)
        assert (summary.compressed, summary.failed) == (6, 0)
        assert tree(out) == expected(tmp_path)
        assert rows(out) == rows(tmp_path / "expected")
        again = compress_folder(url, out, SO)
        assert (again.compressed, again.skipped) == (0, 6)


def test_what_is_done_is_not_fetched_again(server, tmp_path):
    """The manifest holds the server's time; a file with another time is done again."""
    compress_folder(f"{server.url}/photos", tmp_path / "out", SO)
    server.asked.clear()
    compress_folder(f"{server.url}/photos", tmp_path / "out", SO)
    assert not [path for command, path, _ in server.asked if command == "GET" and path.endswith(".png")]
    (server.root / "photos/cat/0.png").write_bytes(FILES["cat/1.png"])
    summary = compress_folder(f"{server.url}/photos", tmp_path / "out", SO)
    assert (summary.compressed, summary.skipped) == (1, 5)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "parquet"])
def test_an_archive_behind_a_url_gives_the_same(kind, memory, server, tmp_path):
    put = {"zip": put_zip, "parquet": put_parquet}.get(kind, put_tar)
    path = put(server.root / f"photos.{kind}", FILES)
    memory.pipe_file(f"/a/photos.{kind}", path.read_bytes())
    memory.pipe_file("/a/README.md", b"text")
    for number, url in enumerate([f"memory://a/photos.{kind}", "memory://a", f"memory://a/*.{kind}"]):
        assert compress_folder(url, tmp_path / str(number), SO).failed == 0
        names = {name.partition("photos/")[2] or name for name in tree(tmp_path / str(number))}
        assert names == set(expected(tmp_path))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_behind_a_signed_url_is_read_in_parts(kind, server, tmp_path):
    (put_zip if kind == "zip" else put_tar)(server.root / f"photos.{kind}", FILES)
    url = f"{server.url}/photos.{kind}?token=x/y"
    assert compress_folder(url, tmp_path / "out", SO).failed == 0
    assert tree(tmp_path / "out") == expected(tmp_path)
    server.ranges = False
    with pytest.raises(UsageError, match="the server sends only whole files"):
        compress_folder(url, tmp_path / "out", SO)


def test_faults_that_pass_are_tried_again(server, tmp_path):
    server.faults.update({("/photos/", 503): 2, ("/photos/cat/0.png", 503): 2, ("/photos/dog/1.png", "cut"): 2})
    results, summary = compress_into(f"{server.url}/photos/", tmp_path / "out")
    assert summary.failed == 0, results
    assert tree(tmp_path / "out") == expected(tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "parquet"])
def test_faults_of_an_archives_server_that_pass_are_tried_again(kind, server):
    put = {"zip": put_zip, "parquet": put_parquet}.get(kind, put_tar)
    put(server.root / f"x.{kind}", FILES)
    place = f"/x.{kind}"
    origin = urlsource.open_remote(Url(server.url + place))
    server.faults.update({(place, 503): 1, (place, "cut"): 2})
    options, whole = Options(), {}
    works = list(origin.plan(".png"))
    for loaded in origin.load(works, options):
        work, _ = loaded
        server.faults.update({(place, 503): 1, (place, "cut"): 1})
        whole[work.source] = read_loaded(origin, loaded, options)[0]
    assert whole == FILES


def test_faults_that_stay_are_failures_with_codes(server, tmp_path):
    server.faults.update(
        {
            ("/photos/cat/0.png", 503): 99,
            ("/photos/cat/1.png", "cut"): 99,
            ("/photos/cat/2.png", 403): 99,
            ("/photos/dog/0.png", 404): 99,
        }
    )
    results, summary = compress_into(f"{server.url}/photos", tmp_path / "out")
    codes = {name: result.code for name, result in results.items() if result.status == "failed"}
    assert codes == {
        "cat/0.png": "unreachable",
        "cat/1.png": "unreachable",
        "cat/2.png": "permission",
        "dog/0.png": "changed",
    }
    assert summary.compressed == 2
    server.faults.clear()
    assert compress_folder(f"{server.url}/photos", tmp_path / "out", SO, retry_failed=True).compressed == 4
    assert tree(tmp_path / "out") == expected(tmp_path)


def test_a_folder_that_cannot_be_listed_is_a_failure_and_makes_nothing_stale(server, tmp_path):
    compress_folder(f"{server.url}/photos", tmp_path / "out", SO)
    server.faults.update({("/photos/cat/", 503): 99})
    results, summary = compress_into(f"{server.url}/photos", tmp_path / "out")
    assert results["cat"].code == "unreachable"
    assert (summary.failed, summary.skipped, summary.stale) == (1, 3, [])


def test_a_larger_file_than_allowed_is_not_taken_into_memory(server, memory, tmp_path):
    (server.root / "photos/cat/0.png").write_bytes(bytes(10**6))
    memory.pipe_file("/photos/cat/0.png", bytes(10**6))
    for number, url in enumerate([f"{server.url}/photos", "memory://photos"]):
        results, _ = compress_into(url, tmp_path / str(number), Options(strategy="SO", max_bytes=10**5))
        assert results["cat/0.png"].code == "too_large"


@pytest.mark.parametrize("secret", ["s3cret", "it's<s3cret> &\"x", "s3 c/r@e?t#é"], ids=["word", "quotes", "marks"])
def test_no_secret_is_shown(secret, server, tmp_path):
    """User, password and signature of a URL: in no line of the terminal, no file of the output folder, no page."""
    put_zip(server.root / "Tom's.zip", FILES)
    put_tar(server.root / "b.tar.gz", FILES)
    (server.root / "c.zip").write_bytes(b"no zip")
    server.faults.update({("/photos/cat/0.png", 503): 99, ("/photos/dog/", 403): 99})
    host = server.url.removeprefix("http://")
    user = f"owner:{quote(secret, safe='')}"
    for number, path in enumerate(("photos", "Tom's.zip?sig=", "b.tar.gz?sig=", "c.zip?sig=", "d.zip?sig=")):
        url = f"http://{user}@{host}/{path}" + (secret if "?" in path else "")
        code, out, err = ics("compress", url, str(number), "--strategy", "SO", "--verbose", "--json", cwd=tmp_path)
        assert code == {"T": 0, "b": 0, "d": 2}.get(path[:1], 1), err
        text = out + err
        if path.startswith("T"):
            for command in (("report", str(number), "--source", url), ("compare", url, "--sample", "2")):
                text += "".join(map(str, ics(*command, cwd=tmp_path)[1:]))
        for form in (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], html.escape(secret)):
            assert form not in text
            assert "owner" not in text
            for file in tmp_path.rglob("*"):
                assert "www" in file.parts or file.is_dir() or form.encode() not in file.read_bytes(), file
    for number, name in enumerate(("photos", "Tom's.zip")):
        # With a user and an @ behind the host the end of a password is ambiguous.
        shown = "http://…" if "@" in secret and number else f"{server.url}/{name}"
        assert json.loads((tmp_path / f"{number}/run.json").read_text("utf-8"))["source"] == shown
    assert {asked[2] for asked in server.asked} == {f"Basic {b64encode(f'owner:{secret}'.encode('latin-1')).decode()}"}


def test_retry_after_of_a_server_is_respected_up_to_a_bound(server, monkeypatch):
    slept = []  # fsspec sends two requests for a file, HEAD and GET, before it fails
    monkeypatch.setattr("icsys.files.remote_client.time.sleep", slept.append)
    folder = urlsource.open_remote(Url(f"{server.url}/photos/cat"))
    server.faults.update({("/photos/cat/0.png", 503): 4, ("/photos/cat/0.png", "Retry-After"): 7})
    server.faults.update({("/photos/cat/1.png", 503): 2, ("/photos/cat/1.png", "Retry-After"): 86400})
    for task in folder.plan(".png"):
        folder.read(task, Options())
    assert slept == [7, 7, LONGEST_PAUSE]


@pytest.mark.parametrize("kept", ["by the server", "by the server, also for HEAD", "in the store"])
def test_a_body_in_gzip_is_understood(kept, server, memory, tmp_path):
    url = f"{server.url}/photos"
    for name, data in FILES.items():
        server.faults[f"/photos/{name}", "gzip"] = kept != "in the store"
        if kept == "in the store":
            memory.pipe_file(f"/photos/{name}", gzip.compress(data))
            url = "memory://photos"
    if "HEAD" in kept:
        server.encoded = True
    assert compress_folder(url, tmp_path / "out", SO).failed == 0
    assert tree(tmp_path / "out") == expected(tmp_path)


def test_gzip_that_is_too_large_or_damaged_is_a_failure(server, memory, tmp_path):
    """Unpacked it is held against --max-bytes, however small it is packed."""
    (server.root / "photos/cat/0.png").write_bytes(bytes(10**7))
    server.faults.update({("/photos/cat/0.png", "gzip"): 1, ("/photos/cat/1.png", "gzip"): 1})
    server.faults["/photos/cat/1.png", "short"] = 300
    packed = gzip.compress(FILES["cat/1.png"])
    for name, data in {
        "0": gzip.compress(bytes(10**7)),
        "1": packed[:-9],
        "2": packed[:20] + b"\0" + packed[21:],
    }.items():
        memory.pipe_file(f"/photos/cat/{name}.png", data)
    for url, codes in (
        (f"{server.url}/photos", ["too_large", "corrupt"]),
        ("memory://photos", ["too_large", "broken", "broken"]),
    ):
        results, summary = compress_into(url, tmp_path / url[:4], Options(strategy="SO", max_bytes=10**5))
        assert [results[f"cat/{number}.png"].code for number in range(len(codes))] == codes
        assert summary.failed == len(codes)


def test_links_of_pages_are_followed_below_the_root_and_once(server, tmp_path):
    """The page of a folder may link to itself, beside itself, deep below itself, and by names that are no paths."""
    cat = server.root / "photos/cat"
    (cat / "deep").mkdir()
    (cat / "deep/a b#c?.png").write_bytes(FILES["cat/1.png"])
    (cat / "back\\slash.png").write_bytes(FILES["cat/2.png"])
    links = (
        "0.png",
        "../cat/",
        "./",
        "../dog/",
        "deep/a%20b%23c%3F.png",
        "../cat/0.png?x#y",
        "back%5Cslash.png",
        "x%2Fy.png",
    )
    (cat / "index.html").write_text("".join(f'<a href="{link}">x</a>' for link in links))
    results, summary = compress_into(f"{server.url}/photos/cat/", tmp_path / "out")
    assert {name: result.status for name, result in results.items()} == {
        "0.png": "compressed",
        "deep/a b#c?.png": "compressed",
        "back%5Cslash.png": "compressed",
        "x%2Fy.png": "failed",
    }
    assert summary.ignored == 1  # ../dog/
    assert len([1 for command, path, _ in server.asked if command == "GET" and path.endswith("/cat/")]) == 1


def test_a_url_that_leads_elsewhere_is_a_folder_there(server, tmp_path):
    """As http.server leads from a folder's name to the one with a slash; its own links are its files."""
    results, _ = compress_into(f"{server.url}/photos/cat", tmp_path / "out")
    assert sorted(results) == ["0.png", "1.png", "2.png"]


def test_names_of_a_server_are_checked(memory, tmp_path):
    for name in ("/x/a\n\x1b.png", "/x/C:/b.png", "/x/Cat/c.png", "/x/cat/c.png", "/x/d\\..\\..\\e.png"):
        memory.store[name] = memory.store["/photos/cat/0.png"]
    results, _ = compress_into("memory://x", tmp_path / "deep" / "out")
    assert all(result.status == "compressed" for result in results.values())
    assert {"a%0A%1B.png", "C/b.png"} <= set(results)
    assert len({result.output.casefold() for result in results.values()}) == len(results)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


@pytest.mark.usefixtures("memory")
def test_what_is_no_source_is_wrong_usage_before_anything_is_done(server, tmp_path):
    (server.root / "a.txt").write_bytes(b"text")
    for url, message in (
        ("memory://none", "does not exist"),
        (f"{server.url}/none", "does not exist"),
        (f"{server.url}/none.zip", "does not exist"),
        ("http://127.0.0.1:1/photos", "no answer in 4 tries"),
        (f"{server.url}/photos?x=1", "has a query"),
        ("nowhere://x", "Protocol not known"),
        ("memory://photos/*.png", "expected a pattern that archives match"),
    ):
        with pytest.raises(UsageError, match=message):
            compress_folder(url, tmp_path / "out", SO)
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(monkeypatch):
    connect.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "s3fs", None)
        patch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)  # noqa: SLF001 - imported before
        with pytest.raises(MissingExtraError, match="Install s3fs"):
            urlsource.open_remote(Url("s3://bucket/photos"))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "fsspec.core", None)
        with pytest.raises(MissingExtraError, match=r"icsys\[remote\]"):
            urlsource.open_remote(Url("memory://photos"))


def test_listing_is_lazy(memory, monkeypatch):
    """The first image of a tree is known when one folder has been listed, and none is read."""
    listed = []
    ls = type(memory).ls
    monkeypatch.setattr(
        type(memory), "ls", lambda self, path, **settings: listed.append(path) or ls(self, path, **settings)
    )
    monkeypatch.setattr(type(memory), "cat_file", None)
    for i in range(50):
        memory.pipe_file(f"/many/{i:02}/a.png", b"")
    plan = RemoteFolder(Url("memory://many")).plan(".png")
    assert next(plan).output == "00/a.png"
    assert len(listed) == 2


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("destination", ["memory://photos", "memory://photos/", "memory://photos/small", "memory://"])
def test_places_behind_urls_that_overlap_are_refused(destination, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="expected two separate places"):
        compress_folder("memory://photos", destination, SO)


def test_from_a_url_to_a_url(memory, tmp_path):
    compress_folder("memory://photos", "memory://photos-small", SO)
    names = {name.removeprefix("/photos-small/") for name in memory.find("/photos-small") if name.endswith(".png")}
    assert names == set(expected(tmp_path))


def test_a_request_without_credentials_is_not_repeated():
    """botocore's error for it is known by its name alone, so that botocore is not needed."""
    requests = []

    def request():
        requests.append(1)
        raise type("NoCredentialsError", (Exception,), {})("Unable to locate credentials")

    with pytest.raises(ImageError, match="Unable to locate credentials") as caught:
        with_retry(request, Url("s3://bucket"))
    assert (caught.value.code, len(requests)) == ("permission", 1)


@pytest.mark.parametrize("left", ["run.json", "manifest.jsonl"])
def test_an_output_folder_below_a_url_is_passed_over_and_costs_one_request(memory, tmp_path, left, monkeypatch):
    put_folder(tmp_path / "in", FILES)
    compress_folder(tmp_path / "in", tmp_path / "out", SO)
    for name, data in FILES.items():
        memory.pipe_file(f"/photos/{name}", data)
    memory.pipe_file("/photos/dog/run.json", b'{"experiment": 7}')
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and (path.suffix == ".png" or path.name == left):
            memory.pipe_file(f"/photos/old/{path.relative_to(tmp_path / 'out').as_posix()}", path.read_bytes())
    asked = []
    fetch = type(memory).cat_file
    monkeypatch.setattr(
        type(memory), "cat_file", lambda fs, path, **part: asked.append(path) or fetch(fs, path, **part)
    )
    for include in (False, True):
        asked.clear()
        planned = list(RemoteFolder(Url("memory://photos"), include).plan(".png"))
        found = {task.source for task in planned if isinstance(task, Task)}
        assert found == FILES.keys() | ({f"old/{name}" for name in FILES} if include else set())
        assert [one.source for one in planned if isinstance(one, PassedOver)] == ([] if include else ["old"])
        looks = ["/photos/dog/run.json", f"/photos/old/{left}"]  # for an image: each name without a known suffix
        assert sorted(asked) == sorted(looks if include else [*looks, "/photos/dog/run.json"])
    # And the URL itself may be one.
    assert compress_folder("memory://photos/old", tmp_path / "again", SO).images == len(FILES)
    summary = compress_folder("memory://photos", tmp_path / "all", SO)
    assert (summary.images, summary.outputs_passed_over) == (len(FILES), ["old"])


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_damaged_archive_behind_a_url_is_reported_as_one_on_the_disk(kind, server, memory, tmp_path):
    """Bytes that are cut off, and bytes that are too many, in an archive of some pieces and in one of many."""
    path = (put_zip if kind == "zip" else put_tar)(tmp_path / f"x.{kind}", FILES)
    data = path.read_bytes()
    last = len(data.rstrip(b"\0")) if kind == "tar" else len(data) - 3  # of what an end can lack
    for number, content in enumerate((data[: last // 2], data + b"x", data[:last])):
        path.write_bytes(content)
        (server.root / path.name).write_bytes(content)
        memory.pipe_file(f"/{path.name}", content)
        found = []
        for place, source in enumerate((path, f"{server.url}/{path.name}", f"memory://{path.name}")):
            out = tmp_path / f"{number}-{place}"
            results, summary = compress_into(source, out)
            assert results[path.name].code == "broken"
            found.append((tree(out), summary.compressed, summary.failed))
        assert found[0] == found[1] == found[2]
        assert number == 0 or found[0][1:] == (6, 1)


def test_an_image_behind_a_url_is_found_by_its_first_bytes(server, memory, tmp_path):
    files = {"a.txt": FILES["cat/0.png"], "b": FILES["cat/1.png"], "c.txt": b"no image", "d.01.02": FILES["dog/0.png"]}
    put_folder(server.root / "odd", files)
    _, expected = compress_into(server.root / "odd", tmp_path / "plain")
    assert expected.compressed == 3
    for name, data in files.items():
        memory.pipe_file(f"/odd/{name}", data)
    for number, url in enumerate((f"{server.url}/odd", "memory://odd")):
        _, summary = compress_into(url, tmp_path / str(number))
        assert (tree(tmp_path / str(number)), summary.ignored) == (tree(tmp_path / "plain"), 1)
