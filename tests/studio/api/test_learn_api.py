"""What a model keeps, over HTTP."""

import os
from pathlib import Path

import pytest

from icsys.report.learned.learn_json import write_learn_file
from learned_results import learned_result


def test_it_is_begun_watched_and_read(client, workspace, monkeypatch):
    asked = []
    monkeypatch.setattr(workspace.learning, "start", lambda *values, **more: asked.append((values, more)))
    assert client.get("/api/learn").json() == {"state": "none", "learned": None, "files": []}
    auto = {"colors": "auto", "min_psnr": 30, "step": 5}
    for options, given in (({"colors": 8, "step": 5}, False), ({"size": "48x48"}, True), (auto, False)):
        assert client.post("/api/learn", json={"minutes": 2, "options": options}).status_code == 200
        (taken, settings), more = asked.pop()
        assert (settings.minutes, more) == (2, {"given_geometry": given})
        assert taken.colors == options.get("colors", 32) or options is auto
    assert client.delete("/api/learn").json() == {"state": "none"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"minutes": 0, "options": {}}, "minutes=0"),
        ({"minutes": "long", "options": {}}, "minutes='long'"),
        ({"minutes": 1}, "options"),
        ({"options": {"colors": -1}}, "colors=-1"),
    ],
)
def test_wrong_values_are_named(client, workspace, body, words):
    answer = client.post("/api/learn", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True)
    assert not workspace.learning.is_running


def test_it_runs_once_at_a_time(client, workspace, monkeypatch):
    monkeypatch.setattr(type(workspace.learning), "is_running", True)
    assert client.post("/api/learn", json={"options": {}}).status_code == 409


def test_a_result_beside_the_outputs_is_offered_and_shown(client, workspace, tmp_path):
    out = Path(workspace.destination)
    out.mkdir()
    assert client.get("/api/learn").json()["files"] == []
    learned = learned_result()
    write_learn_file(learned, out / "learn-2.json")
    write_learn_file(learned, tmp_path / "learn.json")  # a folder above was not opened
    (out / "learn.json").write_text('{"arms": []}')
    files = [str(out.resolve() / name) for name in ("learn-2.json", "learn.json")]
    if os.name != "nt":
        (out / "learn-3.json").symlink_to(tmp_path / "learn.json")
    offered = [one["file"] for one in client.get("/api/learn").json()["files"]]
    assert offered == files
    assert client.post("/api/learn/file", json={"file": files[0]}).json()["state"] == "shown"
    found = client.get("/api/learn").json()["learned"]
    assert found["arms"] == learned.to_dict()["arms"]
    assert found["verdicts"].keys() == {arm.name for arm in learned.arms}
    assert (found["file"], found["about"], bool(found["words"])) == (files[0], learned.source, True)
    wrong = client.post("/api/learn/file", json={"file": files[1]})
    assert (wrong.status_code, "is not as ics learn writes it" in wrong.json()["error"]) == (400, True)
    for other in (str(tmp_path / "learn.json"), "/etc/passwd", None, 3, str(out / "learn-3.json")):
        assert client.post("/api/learn/file", json={"file": other}).status_code == 400
    assert client.get("/api/learn").json()["learned"] == found


def test_a_result_that_is_shown_is_that_of_its_file_as_it_is_now(client, workspace):
    Path(workspace.destination).mkdir()
    path = Path(workspace.destination).resolve() / "learn.json"
    write_learn_file(learned_result(), path)
    assert client.post("/api/learn/file", json={"file": str(path)}).status_code == 200
    before = path.stat().st_mtime_ns
    for number, (images, shown) in enumerate([(41, 41), (None, 41), (42, 42)], 1):
        if images is None:
            path.write_text("no result")
        else:
            path.unlink()
            write_learn_file(learned_result(images=images), path)
        os.utime(path, ns=(before, before + number * 10**9))
        assert client.get("/api/learn").json()["learned"]["images"] == shown
    path.unlink()
    found = client.get("/api/learn").json()
    assert (found["learned"]["images"], found["files"]) == (42, [])


def test_while_it_is_found_out_no_file_is_shown(client, workspace, monkeypatch):
    Path(workspace.destination).mkdir()
    path = Path(workspace.destination).resolve() / "learn.json"
    write_learn_file(learned_result(), path)
    monkeypatch.setattr(type(workspace.learning), "is_running", True)
    assert client.post("/api/learn/file", json={"file": str(path)}).status_code == 409
