"""A source that changes while the studio is open: a look brings the list to that of a studio that is opened anew."""

import itertools
import os
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import image_bytes, synthetic_photo
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.images import image_list
from icsys.studio.images.image_choice import ImageChoice
from icsys.studio.images.image_list import ImageList
from icsys.studio.workspace import Workspace

NAMES = ("train/cat/a.png", "train/cat/b.png", "train/dog/c.png", "test/cat/d.png", "e.png", "train/cat/a_mask.png")
TREES = st.sets(st.sampled_from(NAMES), min_size=1)
CHOICES = (ImageChoice(), ImageChoice(label="cat"), ImageChoice(split="train"), ImageChoice(words="A"))
PHOTO = image_bytes(synthetic_photo(8, 9))


def make(folder, names):
    """Let a folder hold files of these names, and no others."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in names:
            path.unlink()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).write_bytes(PHOTO)


def listed(folder, on_change=int):
    images = ImageList(str(folder), str(folder.parent / "out"), Options(), RunSettings(), on_change)
    images.wait(30)
    return images


def told(images):
    """Return all that a list says, by names in place of numbers."""
    names = [[images[number].task.source for number in images.numbers(choice)] for choice in CHOICES]
    return names, len(images), images.labels, images.splits, images.companions, images.problem


@given(st.lists(TREES, min_size=2, max_size=4))
def test_a_look_finds_what_a_new_list_finds_and_keeps_numbers(trees):
    with TemporaryDirectory() as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_list, "_PAUSE", 0)
        folder, changes = Path(made) / "set", []
        make(folder, trees[0])
        images = listed(folder, lambda: changes.append(1))
        numbers, edition = {}, images.edition
        for before, tree in itertools.pairwise(trees):
            make(folder, tree)
            images.look_again()
            images.wait_for_look(30)
            new = listed(folder)
            assert told(images) == told(new)
            assert (images.edition != edition) == bool(changes) == (before != tree)
            for number in images.present:
                assert numbers.setdefault(images[number].task.source, number) == number
            assert images.numbers_of(NAMES) == {images[number].task.source: number for number in images.present}
            edition = images.edition
            changes.clear()
            new.close()
        images.close()


def test_a_source_that_is_gone_is_said_and_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(image_list, "_PAUSE", 0)
    make(tmp_path / "set", NAMES[:3])
    images = listed(tmp_path / "set")
    before = told(images)
    (tmp_path / "set").rename(tmp_path / "away")
    images.look_again()
    images.wait_for_look(30)
    assert "does not exist" in images.problem
    assert told(images)[:-1] == before[:-1]
    (tmp_path / "away").rename(tmp_path / "set")
    images.look_again()
    images.wait_for_look(30)
    assert told(images) == before
    images.close()


def test_one_look_follows_another_however_many_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(image_list, "_PAUSE", 0)
    make(tmp_path / "set", NAMES[:3])
    images, looks, may_end = listed(tmp_path / "set"), threading.Semaphore(0), threading.Event()
    begun = []
    monkeypatch.setattr(ImageList, "_look", lambda _: (begun.append(1), looks.release(), may_end.wait(600)))
    images.look_again()
    looks.acquire()
    for _ in range(5):
        images.look_again()
    may_end.set()
    images.wait_for_look(600)
    assert len(begun) == 2
    images.close()


def test_a_look_waits_after_one_that_took_long(tmp_path, monkeypatch):
    make(tmp_path / "set", NAMES[:3])
    images, begun = listed(tmp_path / "set"), []
    monkeypatch.setattr(ImageList, "_look", lambda _: begun.append(1))
    images._next_look = time.monotonic() + 10**6  # noqa: SLF001 - as after such a look
    images.look_again()
    images.close()
    assert begun == []


def change(path):
    """Replace a photo, whose time is another one then, as on a disk that counts whole seconds."""
    before = path.stat()
    path.write_bytes(image_bytes(synthetic_photo(30, 50, seed=77)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


CHANGES = {
    "a photo more": lambda folder: (folder / "cat/a0.png").write_bytes(image_bytes(synthetic_photo(30, 44, seed=9))),
    "a photo less": lambda folder: (folder / "cat/b.png").unlink(),
    "another photo": lambda folder: change(folder / "cat/b.png"),
    "two of the same": lambda folder: (folder / "cat/b.png").write_bytes((folder / "cat/a.png").read_bytes()),
}


@pytest.mark.parametrize("happens", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("options", [Options(colors=4, step=1), Options(colors=4, step=1, palette="dataset")])
def test_what_is_said_of_all_photos_is_what_a_new_studio_says(tmp_path, monkeypatch, happens, options):
    monkeypatch.setattr(image_list, "_PAUSE", 0)
    folder, settings = tmp_path / "set", RunSettings(drop_duplicates="exact")
    for number, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image_bytes(synthetic_photo(30, 40, seed=number)))
    open_one = Workspace(str(folder), str(tmp_path / "out"), options, RunSettings())
    first = everything_said(open_one, options, settings)
    assert everything_said(open_one, options, settings) == first
    happens(folder)
    open_one.images.look_again()
    open_one.images.wait_for_look(30)
    assert open_one.events.latest("source") == {"edition": open_one.images.edition}
    new_one = Workspace(str(folder), str(tmp_path / "out"), options, RunSettings())
    found = everything_said(open_one, options, settings)
    assert found == everything_said(new_one, options, settings)
    assert found != first
    open_one.close()
    new_one.close()


def test_a_palette_of_a_file_is_that_of_the_file_as_it_is_now(tmp_path):
    folder = tmp_path / "set"
    make(folder, NAMES[:2])
    palette = folder / "own.gpl"
    palette.write_text("GIMP Palette\n255 0 0\n0 0 0\n")
    options, settings = Options(palette=str(palette), step=1), RunSettings()
    open_one = Workspace(str(folder), str(tmp_path / "out"), options, settings)
    first = everything_said(open_one, options, settings)
    time_before = palette.stat().st_mtime_ns
    palette.write_text("GIMP Palette\n255 255 255\n0 0 255\n")
    os.utime(palette, ns=(time_before, time_before + 10**9))
    new_one = Workspace(str(folder), str(tmp_path / "out"), options, settings)
    found = everything_said(open_one, options, settings)
    assert found == everything_said(new_one, options, settings)
    assert found["worst"] != first["worst"]
    assert found["palette"] != first["palette"]
    open_one.close()
    new_one.close()


def everything_said(studio, options, settings):
    """Return what is found out about all photos, by their names."""
    images = studio.images
    images.wait(30)
    studio.costs.begin(options, settings)
    studio.costs.wait(60)
    cost = studio.events.latest("cost")
    studio.worst.begin(options)
    studio.worst.wait(60)
    key = studio.left_out.begin(settings)
    studio.left_out.wait(60)
    left_out = studio.left_out.sentences(key, images.present)
    studio.shared_palettes.of(images.present[0], options)
    studio.shared_palettes.wait(60)
    shared = studio.shared_palettes.of(images.present[0], options)
    return {
        "cost": {
            name: cost[name] for name in ("bytes", "bytes_low", "bytes_in", "outputs", "images", "sampled", "note")
        },
        "worst": [(images[number].task.source, value) for number, value in studio.worst.order()],
        "left out": {images[number].task.source: text for number, text in left_out.items()},
        "palette": None if shared.palette is None else shared.palette.tolist(),
    }
