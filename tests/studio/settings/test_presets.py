"""Presets are kept whole, by all studios of a user together, and nothing that is there is lost."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import UsageError
from icsys.files import atomic
from icsys.options import Options
from icsys.studio.settings import presets as presets_module
from icsys.studio.settings.config_folder import config_folder
from icsys.studio.settings.presets import Presets, preset_name
from icsys.studio.settings.size_presets import SIZE_PRESETS

FEW, MANY = Options(colors=4, size="32x32"), Options(colors=200, scale=0.5)
NAMES = ["icônes", "עברית", "图标 32", "नमस्ते", "می‌خواهم", "a/b", "..", "__proto__", "<b>&", "🙂" * 80]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "not yet" / "icsys"


@pytest.fixture
def presets(folder):
    return Presets(lambda: folder)


def test_what_is_saved_is_there_for_every_studio(presets, folder):
    assert presets.all() == ({}, "")
    assert not folder.exists()
    presets.save("few", FEW)
    presets.save("Albums", MANY)
    assert presets.save("few", MANY) == Presets(lambda: folder).all()
    found, problem = presets.all()
    assert problem == ""
    assert [(name, Options.from_dict(values)) for name, values in found.items()] == [("Albums", MANY), ("few", MANY)]
    presets.delete("Albums")
    assert list(presets.delete("Albums").presets) == ["few"]


@pytest.mark.parametrize("name", NAMES)
def test_names_may_be_of_any_script(presets, name):
    assert list(presets.save(name, FEW).presets) == [name]
    assert presets.delete(f" {name}\n").presets == {}


@pytest.mark.parametrize("name", ["", " \t", "a" * 81, "a\0b", "a\x1bb", "\ud800", None, 3, ["a"]])
def test_what_is_no_name_is_refused(presets, folder, name):
    for change in (lambda: presets.save(name, FEW), lambda: presets.delete(name)):
        with pytest.raises(UsageError, match="expected a name of 1 to 80 characters"):
            change()
    assert not folder.exists()


@given(st.text(max_size=90))
def test_a_name_in_its_usual_form_stays_as_it_is(text):
    try:
        name = preset_name(text)
    except UsageError:
        return
    assert preset_name(name) == name == name.strip()
    assert 1 <= len(name) <= 80


def test_forms_of_one_letter_are_one_name(presets):
    presets.save("e\u0301t\u00e9", FEW)
    assert list(presets.save("\u00e9te\u0301", MANY).presets) == ["\u00e9t\u00e9"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"\xff\xfe\xfd", b"[" * 5000, b'{"presets": {}}', b"[]", b"7"),
        b'{"format": "icsys-presets", "version": 1, "presets": []}',
    ],
)
def test_a_damaged_file_is_kept_beside(presets, folder, content):
    folder.mkdir(parents=True)
    path = folder / "presets.json"
    path.write_bytes(content)
    found = presets.all()
    assert found.presets == {}
    assert str(path) in found.problem
    assert "is damaged" in found.problem
    assert path.read_bytes() == content
    saved = presets.save("few", FEW)
    assert list(saved.presets) == ["few"]
    assert "It is kept as" in saved.problem
    assert (folder / "presets-damaged-1.json").read_bytes() == content
    assert presets.all().problem == ""
    path.write_bytes(content)
    presets.save("few", FEW)
    assert (folder / "presets-damaged-2.json").read_bytes() == content


def test_a_file_of_a_newer_version_is_left_alone(presets, folder):
    folder.mkdir(parents=True)
    path = folder / "presets.json"
    path.write_text('{"format": "icsys-presets", "version": 2, "presets": {}}')
    before = path.read_bytes()
    assert "update this one" in presets.all().problem
    with pytest.raises(UsageError, match="of a newer ICS"):
        presets.save("few", FEW)
    assert path.read_bytes() == before
    assert [one.name for one in folder.iterdir() if "damaged" in one.name] == []


@pytest.mark.parametrize("values", [{"colors": 0}, {"paint": 1}, [], None, 3, {"colors": {}}])
def test_a_preset_that_is_not_accepted_stays_in_the_file(presets, folder, values):
    presets.save("few", FEW)
    path = folder / "presets.json"
    file = json.loads(path.read_bytes())
    file["presets"]["odd"] = values
    path.write_text(json.dumps(file))
    found = presets.save("many", MANY)
    assert list(found.presets) == ["few", "many"]
    assert "'odd'" in found.problem
    assert json.loads(path.read_bytes())["presets"]["odd"] == values
    assert presets.delete("odd").problem == ""


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "symlink"), reason="needs links")
def test_a_link_is_not_followed(presets, folder, tmp_path):
    folder.mkdir(parents=True)
    (tmp_path / "other.json").write_text("mine")
    (folder / "presets.json").symlink_to(tmp_path / "other.json")
    assert "cannot be read" in presets.all().problem
    with pytest.raises(UsageError, match="cannot be read"):
        presets.save("few", FEW)
    assert (tmp_path / "other.json").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        Presets(lambda: tmp_path / "file" / "icsys").save("few", FEW)

    def homeless():
        raise RuntimeError

    with pytest.raises(UsageError, match="no home folder"):
        Presets(homeless).all()


def test_a_write_that_fails_leaves_the_older_file(presets, folder, monkeypatch):
    presets.save("few", FEW)
    before = (folder / "presets.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write_fully", full)
    with pytest.raises(UsageError, match="No space left on device"):
        presets.save("many", MANY)
    monkeypatch.undo()
    assert (folder / "presets.json").read_bytes() == before
    assert {one.name for one in folder.iterdir()} == {"presets.json", ".ics-lock"}


def test_studios_that_save_at_once_lose_nothing(folder):
    def save(number):
        for place in range(5):
            Presets(lambda: folder).save(f"{number}-{place}", FEW)

    studios = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for one in studios:
        one.start()
    for one in studios:
        one.join()
    assert len(Presets(lambda: folder).all().presets) == 20


def test_the_file_is_bounded(presets, folder, monkeypatch):
    monkeypatch.setattr(presets_module, "_MOST", 3)
    with pytest.raises(UsageError, match="expected at most 10000"):
        presets.save("long", Options(palette="a" * 10_000 + ".json"))
    presets.save("0", FEW)
    path = folder / "presets.json"
    file = json.loads(path.read_bytes())
    file["presets"] = {str(number): file["presets"]["0"] for number in range(3)}
    path.write_text(json.dumps(file))
    with pytest.raises(UsageError, match="there are 3 presets already"):
        presets.save("one more", FEW)
    assert len(presets.save("2", MANY).presets) == 3


@pytest.mark.parametrize(
    ("system", "environment", "expected"),
    [
        ("linux", {}, "~/.config/icsys"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "~/.config/icsys"),
        ("darwin", {"XDG_CONFIG_HOME": "/else"}, "~/Library/Application Support/icsys"),
        ("win32", {}, "~/AppData/Roaming/icsys"),
    ],
)
def test_each_system_has_its_folder(system, environment, expected):
    assert config_folder(system, environment) == Path(expected).expanduser()


@pytest.mark.skipif(sys.platform != "linux", reason="the package has a rule of its own for each system")
def test_the_folder_is_the_one_of_platformdirs(monkeypatch, tmp_path):
    platformdirs = pytest.importorskip("platformdirs")
    for value in (None, str(tmp_path)):
        if value is None:
            monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        else:
            monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert config_folder() == platformdirs.user_config_path("icsys")


def test_the_presets_of_the_page_are_accepted_over_any_options():
    names = [preset.name for preset in SIZE_PRESETS]
    assert len(set(names)) == len(names)
    for _, options in SIZE_PRESETS:
        assert MANY.replace(**options).colors == 200
