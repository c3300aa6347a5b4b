"""What a model keeps, over HTTP."""

import pytest


def test_it_is_begun_watched_and_read(client, workspace, monkeypatch):
    asked = []
    monkeypatch.setattr(workspace.learning, "start", lambda *values, **more: asked.append((values, more)))
    assert client.get("/api/learn").json() == {"state": "none", "learned": None}
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
