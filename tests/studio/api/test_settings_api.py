"""Settings over HTTP: texts to take along, a TOML file that is opened, and presets."""

import shlex
import tomllib

import pytest

from helpers import ics
from icsys.files.parsing import LONGEST_TOML
from icsys.options import Options
from icsys.studio.settings.presets import Presets


@pytest.fixture
def workspace(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(workspace.presets, "_folder", lambda: tmp_path / "configured")
    return workspace


def test_the_texts_are_those_of_the_options_that_are_sent(client, photos, tmp_path):
    asked = {"options": {"colors": 4, "scale": 0.5}, "settings": {"jobs": 2}, "destination": str(tmp_path / "small")}
    found = client.post("/api/settings", json=asked).json()
    assert set(found) == {"command", "python", "toml", "note", "options"}
    assert found["options"] == Options(colors=4, scale=0.5).to_dict()
    words = ["ics", "compress", str(photos), str(tmp_path / "small"), "--colors", "4", "--scale", "0.5", "--jobs", "2"]
    assert shlex.split(found["command"]) == words
    assert "icsys.Options(colors=4, scale=0.5)" in found["python"]
    assert ics(*words[1:], "--print-options", cwd=tmp_path)[1] == found["toml"]
    assert str(tmp_path / "out") in client.post("/api/settings", json={"options": {}}).json()["command"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, "options=None"),
        ({"options": {"colors": 0}}, "colors=0"),
        ({"options": {"paint": 1}}, "unknown option 'paint'"),
        ({"options": {}, "settings": {"jobs": 0}}, "jobs=0"),
        ({"options": {}, "settings": {"masks": ["a"]}}, "masks"),
        ({"options": {}, "settings": {"follow_links": True}}, "the source is open already"),
        ({"options": {}, "destination": 3}, "destination=3"),
        ({"options": {}, "destination": ""}, "destination=''"),
    ],
)
def test_what_is_wrong_is_named(client, asked, error):
    answer = client.post("/api/settings", json=asked)
    assert answer.status_code == 400
    assert error in answer.json()["error"]


def test_an_opened_file_gives_options_and_settings(client):
    text = 'colors = 8\nsize = "64x32"\njobs = 2\nsplit = "train=80,val=20"\nquiet = true'
    found = client.post("/api/settings/toml", json={"text": text}).json()
    assert Options.from_dict(found["options"]) == Options(colors=8, size="64x32")
    assert (found["settings"]["jobs"], found["settings"]["split"]) == (2, "train=80,val=20")
    texts = client.post("/api/settings", json=found).json()
    assert tomllib.loads(texts["toml"]) | {"quiet": True} == tomllib.loads(texts["toml"]) | tomllib.loads(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("colours = 8", "did you mean colors?"),
        ("= 8", "cannot be read as TOML"),
        ("#" * (LONGEST_TOML + 1), "too large"),
        ("masks = 3", "masks=3: expected text"),
        ("follow_links = true", "the source is open already"),
        ("palette = '/etc/hosts.json'", "its source and destination only"),
        (None, "expected the text of a TOML file"),
    ],
)
def test_a_file_that_is_not_accepted_is_refused_with_the_reason(client, text, error):
    answer = client.post("/api/settings/toml", json={"text": text})
    assert answer.status_code == 400
    assert error in answer.json()["error"]


def test_a_body_that_is_too_long_is_refused(client):
    assert client.post("/api/settings/toml", json={"text": "#" * 2**21}).status_code == 413


def test_presets_are_saved_listed_and_deleted(client, workspace):
    begun = client.get("/api/presets").json()
    assert (begun["presets"], begun["problem"]) == ({}, "")
    assert {"name", "options"} == set(begun["sizes"][0])
    name = "עברית/../.."
    saved = client.put("/api/presets", json={"name": name, "options": {"colors": 4}}).json()
    assert saved == client.get("/api/presets").json()
    assert Options.from_dict(saved["presets"][name]) == Options(colors=4)
    assert Presets(workspace.presets._folder).all().presets == saved["presets"]  # noqa: SLF001 - another studio
    assert client.request("DELETE", "/api/presets", json={"name": name}).json() == begun


@pytest.mark.parametrize("body", [{}, {"name": "a"}, {"name": "", "options": {}}, {"name": "a", "options": {"x": 1}}])
def test_a_preset_that_is_not_accepted_is_refused(client, body):
    assert client.put("/api/presets", json=body).status_code == 400
    assert client.get("/api/presets").json()["presets"] == {}
