"""Looks at places that do not answer: each ends with a sentence, and neither other looks nor previews wait for it."""

import asyncio
import threading

import pytest

from icsys.studio.looks import Looks, UnansweredError

OPTIONS = {"colors": 8, "step": 2}


@pytest.fixture
def hung():
    """A function that returns once the test is over, as a call of the system on a mount whose server is gone."""
    is_over = threading.Event()
    yield lambda *_: is_over.wait(600)
    is_over.set()


def test_a_look_returns_or_raises_what_the_function_does():
    looks = Looks()
    assert asyncio.run(looks.at("here", lambda: 7)) == 7
    with pytest.raises(TimeoutError, match="of the system"):
        asyncio.run(looks.at("here", lambda: (_ for _ in ()).throw(TimeoutError("of the system"))))


def test_places_that_do_not_answer_keep_their_threads_and_others_are_looked_at(hung):
    looks = Looks(0.01, 3)
    for _ in range(2):
        with pytest.raises(UnansweredError, match=r"'/far' did not answer within 0\.01 s: expected a place"):
            asyncio.run(looks.at("'/far'", hung))
    looks.seconds = 600
    assert [asyncio.run(looks.at("here", lambda number=number: number)) for number in range(20)] == [*range(20)]


def test_all_threads_may_hang_and_go_on_once_the_places_answer():
    looks, is_back, asked = Looks(0.01, 2), threading.Event(), []
    for number in range(6):
        with pytest.raises(UnansweredError):
            asyncio.run(looks.at("far", lambda number=number: asked.append(number) or is_back.wait(600)))
    assert len(asked) <= 2  # the others were given up before their turn
    looks.seconds = 600
    is_back.set()
    assert asyncio.run(looks.at("far", lambda: "back")) == "back"
    assert len(asked) <= 2


@pytest.mark.parametrize(
    "case",
    [
        ("/api/run/check", "api.run_api.destination_check", {"destination": "/far/small", "options": OPTIONS}),
        (
            "/api/run/check",
            "settings.page_options.is_in_opened",
            {"destination": "out", "settings": {"from_learn": "a"}},
        ),
        ("/api/preview", "settings.page_options.is_in_opened", {"image": 0, "options": {"palette": "/far/p.json"}}),
        ("/api/cost", "settings.page_options.is_in_opened", {"options": {"palette": "/far/p.json"}}),
        ("/api/learn", "settings.page_options.is_in_opened", {"options": {"palette": "/far/p.json"}}),
        ("/api/worst", "settings.page_options.is_in_opened", {"options": {"palette": "/far/p.json"}}),
        ("/api/settings/toml", "api.settings_api.request_in", {"text": "from-learn = '/far/learn.json'"}),
        ("/api/learn", "api.learn_api.learned_files", None),
        ("/api/presets", "settings.presets.Presets.all", None),
    ],
)
def test_previews_go_on_beside_a_place_that_never_answers(client, workspace, monkeypatch, hung, case):
    """More requests hang than the server has threads for other requests."""
    path, function, body = case
    if function.endswith("Presets.all"):
        monkeypatch.setattr(workspace.presets, "all", hung)
    else:
        monkeypatch.setattr(f"icsys.studio.{function}", hung)
    workspace.looks.seconds = 0.01  # what hangs takes longer, however fast the machine is
    body = None if body is None else {"options": OPTIONS, **body}
    for _ in range(50):
        answer = client.get(path) if body is None else client.post(path, json=body)
        assert "did not answer within 0.01 s" in answer.text
    assert client.post("/api/preview", json={"image": 0, "options": OPTIONS}).status_code == 200
    assert client.get("/api/images/0/thumbnail").status_code == 200
    assert client.get("/api/images").json()["total"] == 7


def test_a_destination_that_does_not_answer_is_named(client, workspace, monkeypatch, hung, tmp_path):
    monkeypatch.setattr("icsys.studio.api.run_api.destination_check", hung)
    workspace.looks.seconds = 0.01
    body = {"destination": str(tmp_path / "far"), "options": OPTIONS}
    found = client.post("/api/run/check", json=body).json()
    assert (found["what"], found["folder"]) == ("refused", str(tmp_path / "far"))
    assert found["text"].startswith(f"{str(tmp_path / 'far')!r} did not answer within 0.01 s: expected")
