"""The run over HTTP: what is refused, what is answered, and a server that is ended from outside."""

import contextlib
import http.client
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fault_runs import slow_images
from helpers import everything, ics, image_bytes, synthetic_photo
from icsys import compress_folder
from icsys.options import Options

OPTIONS = {"colors": 8, "step": 2}


def asked(folder, **changes):
    return {"destination": str(folder), "options": OPTIONS, **changes}


def test_a_run_is_started_watched_and_ends_in_its_report(client, workspace, tmp_path):
    assert client.get("/api/run").json() == {"state": "none"}
    assert client.get("/api/run/report").status_code == 404
    assert client.post("/api/run/check", json=asked(tmp_path / "out")).json()["what"] == "new"
    answer = client.post("/api/run", json=asked(tmp_path / "out"))
    assert answer.status_code == 200
    assert answer.json()["state"] in {"running", "done"}
    workspace.run.wait(60)
    found = client.get("/api/run").json()
    assert (found["state"], found["compressed"], found["failed"]) == ("done", 6, 1)
    assert workspace.events.latest("run") == found
    report = client.get("/api/run/report")
    assert report.headers["content-type"].startswith("text/html")
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none';")
    assert report.content == (tmp_path / "out" / "report.html").read_bytes()
    assert client.delete("/api/run").json()["state"] == "done"
    (tmp_path / "out").rename(tmp_path / "away")
    assert client.get("/api/run/report").status_code == 404
    (tmp_path / "out").mkdir()
    (tmp_path / "out/report.html").write_bytes(b"of a later run")
    assert client.get("/api/run/report").content == b"of a later run"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"destination": ""}, "destination"),
        ({"destination": "  "}, "destination"),
        ({"destination": None}, "destination"),
        ({"destination": 3}, "destination"),
        ({"destination": "a\0b"}, "destination"),
        ({"destination": "\ud800"}, "destination"),
        ({"destination": "x" * 10**5}, "100000 characters"),
        ({"options": None}, "options"),
        ({"options": {"colors": 0}}, "colors=0"),
        ({"settings": []}, "settings"),
        ({"settings": {"overwrite": "maybe"}}, "overwrite='maybe'"),
        ({"settings": {"over": 1}}, "unknown option 'over'"),
        ({"settings": {"prune": "no"}}, "prune='no': expected true or false"),
        ({"settings": {"masks": 4}}, "masks=4"),
        ({"settings": {"follow_links": True}}, "follow_links=True: the source is open already"),
        ({"settings": {"from_learn": "/etc/passwd"}}, "from_learn='/etc/passwd': the studio reads files"),
        (
            {"settings": {"engine": "dask", "address": "tcp://box:8786"}},
            "address='tcp://box:8786': expected the cluster",
        ),
        ({"settings": {"total_bytes": "much"}}, "total_bytes='much'"),
    ],
)
@pytest.mark.parametrize("path", ["/api/run", "/api/run/check"])
def test_wrong_values_are_named(client, tmp_path, path, changes, words):
    answer = client.post(path, content=json.dumps(asked(tmp_path / "out", **changes)))
    assert (answer.status_code, words in answer.json()["error"]) == (400, True)
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_no_disk_takes_is_refused(client):
    body = asked("x" * 1900)
    assert client.post("/api/run", json=body).status_code == 400
    assert client.post("/api/run/check", json=body).json()["what"] == "refused"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("file/out", "is a file"),
        ("circle/out", "cannot be written"),
        ("nothing/out", "is a link to nothing"),
        (f"new/{'x' * 300}", "a name has 300 bytes"),
        pytest.param(
            "/proc/out",
            "only the system makes files (proc)",
            marks=pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="a file system of Linux"),
        ),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="links, and names that Windows refuses in another way")
def test_where_no_folder_can_be_made_is_said_before_the_start_as_the_run_says_it(client, tmp_path, name, words):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "nothing").symlink_to("no such folder")
    before = sorted(tmp_path.rglob("*"))
    body = asked(tmp_path / name)
    found = client.post("/api/run/check", json=body).json()
    assert (found["what"], words in found["text"]) == ("refused", True)
    answer = client.post("/api/run", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, found["text"])
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("url", ["local://out", "github://me:code@/out", "s3://me:secret@bucket/out"])
def test_a_server_that_a_run_refuses_is_refused_by_the_check(client, url):
    found = client.post("/api/run/check", json=asked(url)).json()
    assert (found["what"], found["text"].startswith("destination")) == ("refused", True)
    assert "secret" not in json.dumps(found)
    assert client.post("/api/run/check", json=asked("memory://out")).json()["what"] == "remote"


def test_a_second_start_is_refused(client, workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(type(workspace.run), "is_running", True)
    answer = client.post("/api/run", json=asked(tmp_path / "out"))
    assert (answer.status_code, "going on" in answer.json()["error"]) == (409, True)
    assert not (tmp_path / "out").exists()


def test_null_takes_a_setting_back(client, workspace, tmp_path):
    settings = {"overwrite": None, "total_bytes": None, "jobs": 1, "retry_failed": False}
    assert client.post("/api/run", json=asked(tmp_path / "out", settings=settings)).status_code == 200
    workspace.run.wait(60)
    assert client.get("/api/run").json()["command"].endswith("--jobs 1")


def test_a_budget_is_kept(client, workspace, tmp_path):
    body = asked(tmp_path / "out", options={"step": 2}, settings={"total_bytes": 9000})
    assert client.post("/api/run", json=body).status_code == 200
    workspace.run.wait(60)
    found = client.get("/api/run").json()
    assert found["state"] == "done"
    assert "colours" in found["chosen"]
    compress_folder(workspace.source, tmp_path / "function", Options(step=2), total_bytes=9000)
    ours, theirs = everything(tmp_path / "out"), everything(tmp_path / "function")
    ours.pop("report.html")
    assert ours == theirs
    assert sum(len(data) for name, data in ours.items() if name.endswith(".png")) <= 9000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many photos")
    photos = [image_bytes(synthetic_photo(150, 200, seed=number)) for number in range(8)]
    for number in range(120):
        (folder / f"{number}.png").write_bytes(photos[number % 8])
    return folder


class Server:
    """``ics studio`` as a process of its own, in which images take their time."""

    def __init__(self, source, cwd):
        command = [sys.executable, "-m", "icsys", "studio", str(source), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd, env=slow_images(0.2))
        self.address = urlsplit(self.process.stdout.readline().strip())
        self.cookie = self.ask("GET", f"/?{self.address.query}")[0].getheader("set-cookie").partition(";")[0]

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=30)
        headers = {"Cookie": self.cookie} if hasattr(self, "cookie") else {}
        with contextlib.closing(connection):
            connection.request(method, path, body=body and json.dumps(body), headers=headers)
            answer = connection.getresponse()
            return answer, answer.read()

    def json(self, *asked):
        return json.loads(self.ask(*asked)[1])

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(30)
        self.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGKILL", None)])
@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes in another way")
def test_after_the_end_of_the_server_the_command_goes_on(many, tmp_path, number):
    server = Server(many, tmp_path)
    try:
        body = asked("out", options={"colors": 16, "step": 1}, settings={"jobs": 1})
        found = server.json("POST", "/api/run", body)
        while not found["compressed"] and found["state"] == "running":
            time.sleep(0.02)
            found = server.json("GET", "/api/run")
        assert 0 < found["done"] < 120
    finally:
        server.end(number)
    out = tmp_path / "out"
    in_order = number == signal.SIGTERM
    assert (out / "run.json").exists() is in_order
    if in_order:
        assert json.loads((out / "run.json").read_text())["summary"]["stopped"] == "interrupted"
    code, printed, _ = ics(*shlex.split(found["command"])[1:], "--json", cwd=many)
    summary = json.loads(printed)["summary"]
    assert (code, summary["images"]) == (0, 120)
    assert 0 < summary["skipped"] < 120
    compress_folder(many, tmp_path / "whole", Options(colors=16, step=1))
    assert everything(out) == everything(tmp_path / "whole")
