"""What a run leaves out, said before it: held against the manifest of a real run with the same settings."""

import json
import shutil

import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys.options import Options
from icsys.records.manifest import DONE, FAILED, LEFT_OUT
from icsys.results import IMAGE
from icsys.run.compress import run_folder
from icsys.run_settings import RunSettings
from icsys.studio.settings.run_request import settings_from
from icsys.studio.surveys.left_out import LEFT_OUT_NEWS
from icsys.studio.workspace import Workspace

SIZES = {"a/1.png": (60, 72), "a/2.png": (20, 72), "a/3.png": (60, 61), "b/4.png": (60, 72), "b/5.png": (33, 72)}
COPIES = {"b/same.png": "a/1.png", "b/same small.png": "a/2.png", "a/also.png": "a/1.png"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("left out")
    for number, (name, size) in enumerate(SIZES.items()):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(synthetic_photo(*size, seed=number)).save(folder / name)
    for name, first in COPIES.items():
        shutil.copy(folder / first, folder / name)
    (folder / "gt").mkdir()
    for name in ("1", "4"):
        Image.fromarray(synthetic_photo(60, 72, seed=9)[:, :, 0] // 100).save(folder / "gt" / f"{name}.png")
    (folder / "b" / "bad.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def studio(source, tmp_path_factory):
    made = Workspace(str(source), str(tmp_path_factory.mktemp("out") / "out"), Options(), RunSettings(masks="none"))
    made.images.wait()
    yield made
    made.close()


SETTINGS = {
    "shortest side": {"min_side": 34},
    "longest aspect": {"max_aspect": 1.19},
    "both": {"min_side": 34, "max_aspect": 1.19},
    "duplicates": {"drop_duplicates": "exact"},
    "duplicates and sides": {"drop_duplicates": "exact", "min_side": 34},
    "splits": {"drop_duplicates": "exact", "min_side": 34, "split": "train=2,val=1"},
    "a part": {"shard": "2/3"},
    "a part, sides": {"shard": "1/2", "min_side": 34},
    "masks": {"masks": "gt/*.png"},
    "masks, duplicates": {"masks": "gt/*.png", "drop_duplicates": "exact"},
}


@pytest.mark.parametrize("values", SETTINGS.values(), ids=SETTINGS)
def test_the_photos_and_the_rules_are_those_of_the_run(studio, source, tmp_path, values):
    settings = settings_from(values, studio.settings)
    key, every = studio.left_out.begin(settings), range(len(studio.images))
    studio.left_out.sentences(key, every)
    assert studio.left_out.wait(60)
    name_of = {number: studio.images[number].task.source for number in every}
    found = {name_of[number]: text for number, text in studio.left_out.sentences(key, every).items()}
    assert found == {name_of[n]: text for n in every if (text := studio.left_out.sentence(key, n))}
    run_folder(source, tmp_path / "out", Options(), settings)
    states = [path.parent for path in (tmp_path / "out").rglob("manifest.jsonl")]
    files = [state / name for state in states for name in ("manifest.jsonl", "failures.jsonl")]
    rows = [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]
    of_rules = {row["source_path"]: row["message"] for row in rows if row["status"] == LEFT_OUT}
    taken = {row["source_path"] for row in rows if row["status"] in {DONE, FAILED} and row["kind"] == IMAGE}
    assert set(name_of.values()) - set(found) == taken
    assert of_rules.items() <= found.items()
    others = {text for name, text in found.items() if name not in of_rules}
    named = [f"--{name} {values[name]}" for name in ("shard", "masks") if name in values]
    assert all(any(name in text for name in named) for text in others)
    assert found


def test_settings_without_rules_ask_nothing(studio):
    assert studio.left_out.begin(studio.settings.replace(jobs=1, overwrite="always")) == ""
    assert studio.left_out.sentences("", [0]) == {}
    assert studio.left_out.sentence("", 0) == ""


def test_a_photo_that_is_looked_at_is_known_at_once_and_others_come_as_news(source, tmp_path):
    made = Workspace(str(source), str(tmp_path / "out"), Options(), RunSettings())
    made.images.wait()
    numbers = made.images.numbers_of(SIZES)
    key = made.left_out.begin(made.settings.replace(min_side=34))
    assert "20 pixels" in made.left_out.sentence(key, numbers["a/2.png"])
    made.left_out.sentences(key, list(numbers.values()))
    assert made.left_out.wait(60)
    assert made.events.latest(LEFT_OUT_NEWS) == {"key": key, "about": ""}
    assert set(made.left_out.sentences(key, list(numbers.values()))) == {numbers["a/2.png"], numbers["b/5.png"]}
    made.close()


def test_photos_that_only_other_masks_let_in_are_counted(source, tmp_path):
    made = Workspace(str(source), str(tmp_path / "out"), Options(), RunSettings(masks="gt/*.png"))
    made.images.wait()
    key = made.left_out.begin(made.settings.replace(masks="none"))
    assert made.left_out.wait(60)
    assert made.left_out.about(key).startswith("A run takes 2 more photos")
    made.close()


def test_a_list_that_cannot_be_read_again_is_said(studio, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error", "disk")

    monkeypatch.setattr(studio.images, "opened_with", fail)
    key = studio.left_out.begin(studio.settings.replace(masks="a/*.png"))
    assert studio.left_out.wait(60)
    assert "Input/output error" in studio.left_out.about(key)
    assert studio.left_out.sentence(key, 0) == ""


def test_a_photo_that_changes_on_disk_is_looked_at_again(source, tmp_path):
    shutil.copytree(source, tmp_path / "set")
    made = Workspace(str(tmp_path / "set"), str(tmp_path / "out"), Options(), RunSettings())
    made.images.wait()
    number = made.images.numbers_of(["a/1.png"])["a/1.png"]
    key = made.left_out.begin(made.settings.replace(min_side=34))
    assert made.left_out.wait(60)
    assert made.left_out.sentence(key, number) == ""
    Image.fromarray(synthetic_photo(5, 50, seed=3)).save(tmp_path / "set" / "a/1.png")
    assert "5 pixels" in made.left_out.sentence(key, number)
    Image.fromarray(synthetic_photo(7, 50, seed=3)).save(tmp_path / "set" / "a/1.png")
    made.left_out.sentences(key, [number])
    assert made.left_out.wait(60)
    assert "7 pixels" in made.left_out.sentences(key, [number])[number]
    made.close()
