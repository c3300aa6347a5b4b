"""What is found out in the background: an inspection as by the command, and the worst images as by a plain loop."""

import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys import compress_image, inspect_folder
from icsys.color.image_quality import measure
from icsys.image.decode import decode_photo
from icsys.image.read_output import flat_pixels, read_pixels
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.surveys import inspect_job, worst_images
from icsys.studio.surveys.inspected_values import inspected_values
from icsys.studio.workspace import Workspace


@pytest.fixture
def small(tmp_path):
    """A folder with a broken file, equal files and a leak."""
    for number, name in enumerate(("train/cat/a.png", "train/cat/b.png", "test/cat/c.png")):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(40 + number, 60, seed=number)).save(path)
    shutil.copy(tmp_path / "set/train/cat/a.png", tmp_path / "set/test/cat/same.png")
    (tmp_path / "set/train/cat/bad.jpg").write_bytes(b"no picture")
    made = Workspace(str(tmp_path / "set"), str(tmp_path / "out"), Options(), RunSettings())
    made.images.wait()
    yield made
    made.close()


def test_an_inspection_tells_what_the_command_finds(small):
    small.inspection.begin()
    small.inspection.wait(60)
    found = small.events.latest("inspection")
    numbers = {small.images[number].task.source: number for number in range(5)}
    expected = inspected_values(inspect_folder(small.source), numbers.get)
    assert {**found, "seconds": 0} == {"state": "done", **expected, "seconds": 0, "edition": 0}
    assert found["broken"]["images"] == found["leaks"]["groups"] == found["duplicates"]["groups"] == 1
    assert found["broken"]["first"][0]["name"] == "train/cat/bad.jpg"
    assert list(small.inspection.broken) == [numbers["train/cat/bad.jpg"]]
    assert {one["name"] for one in found["leaks"]["first"][0]["images"]} == {"train/cat/a.png", "test/cat/same.png"}
    assert found["sizes"] == "60 x 40 to 60 x 42, most often 60 x 40"


def test_a_small_set_is_inspected_by_itself_and_once(small):
    small.previews.ask("main", 0, Options()).result()
    small.inspection.begin_if_small()
    small.inspection.wait(60)
    seen, _ = small.events.after(0, 0)
    small.inspection.begin_if_small()
    small.inspection.wait(60)
    assert small.events.after(seen, 0) == (seen, [])


def test_a_large_set_is_inspected_when_the_user_says_so(small, monkeypatch):
    monkeypatch.setattr(inspect_job, "AT_ONCE", 5)
    small.inspection.begin_if_small()
    small.inspection.wait(60)
    assert small.events.latest("inspection") is None
    small.inspection.begin()
    small.inspection.wait(60)
    assert small.events.latest("inspection")["state"] == "done"


def test_an_inspection_that_is_ended_says_so(small, monkeypatch):
    begun, report = threading.Event(), inspect_job.InspectJob._report  # noqa: SLF001 - waited for

    def slow(job, at):
        report(job, at)
        begun.set()
        job._stop.wait(30)  # noqa: SLF001 - as above

    monkeypatch.setattr(inspect_job.InspectJob, "_report", slow)
    small.inspection.begin()
    assert begun.wait(30)
    small.inspection.cancel()
    small.inspection.wait(60)
    assert small.events.latest("inspection")["state"] == "stopped"


def test_an_empty_source_is_a_failure_in_words(tmp_path):
    (tmp_path / "empty").mkdir()
    made = Workspace(str(tmp_path / "empty"), str(tmp_path / "out"), Options(), RunSettings())
    made.inspection.begin()
    made.inspection.wait(60)
    assert made.events.latest("inspection") == {"state": "failed", "error": made.events.latest("inspection")["error"]}
    assert "no image was found" in made.events.latest("inspection")["error"]
    made.close()


def difference(small, number, options):
    data = small.images.read(number, options)
    before = flat_pixels(decode_photo(data, options).pixels, options.background)
    return measure(before, read_pixels(compress_image(data, options).data, options.background)).delta_e


def test_the_worst_images_come_first(small):
    options = Options(colors=4, step=1)
    good = [number for number in range(5) if not small.images[number].task.source.endswith("bad.jpg")]
    expected = {number: difference(small, number, options) for number in good}
    small.worst.begin(options)
    small.worst.wait(60)
    order = small.worst.order()
    assert dict(order) == expected
    assert [value for _, value in order] == sorted(expected.values(), reverse=True)
    news = small.events.latest("worst")
    assert (news["state"], news["done"], news["total"], news["measure"]) == ("done", 5, 5, "delta_e")
    assert [number for number, _ in news["images"]] == [number for number, _ in order]


def test_newer_options_take_the_place_of_older_ones(small, monkeypatch):
    begun, go_on, real = threading.Event(), threading.Event(), worst_images.decode_photo

    def slow(data, options, admit):
        begun.set()
        go_on.wait(30)
        return real(data, options, admit)

    monkeypatch.setattr(worst_images, "decode_photo", slow)
    small.worst.begin(Options(colors=4, step=1))
    assert begun.wait(30)
    newer = Options(colors=64, step=1)
    small.worst.begin(newer)
    small.worst.begin(newer)
    go_on.set()
    small.worst.wait(60)
    assert dict(small.worst.order()) == {number: difference(small, number, newer) for number, _ in small.worst.order()}
    assert len(small.worst.order()) == 4


def test_a_sample_is_measured_of_a_large_set(small, monkeypatch):
    monkeypatch.setattr(worst_images, "MEASURED", 2)
    small.worst.begin(Options(strategy="SO", size=(20, 20), fit="stretch", seed=3))
    small.worst.wait(60)
    drawn = np.random.default_rng(3).permutation(5)[:2].tolist()
    assert {number for number, _ in small.worst.order()} <= set(drawn)
    assert all(value == 0 for _, value in small.worst.order())


def test_what_photos_share_is_waited_for(small):
    options = Options(palette="dataset", colors=3, step=1)
    small.worst.begin(options)
    small.worst.wait(60)
    assert len(small.worst.order()) == 4
    shared = small.shared_palettes.of(0, options)
    assert shared.progress is None
    data = small.images.read(0, options)
    before = flat_pixels(decode_photo(data, options).pixels, options.background)
    made = compress_image(data, options, palette=shared.palette).data
    assert dict(small.worst.order())[0] == measure(before, read_pixels(made, options.background)).delta_e


def test_options_that_fit_no_photo_are_a_failure_in_words(small):
    small.worst.begin(Options(max_pixels=10))
    small.worst.wait(60)
    assert small.events.latest("worst")["state"] == "failed"
    assert small.events.latest("worst")["error"]
