"""What is best within a number of bytes: the choice of a run, and points that a run would give."""

import itertools
import shlex

import numpy as np
import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys import Options, UsageError, compress_folder, compress_image
from icsys.color.image_quality import measure
from icsys.image.decode import decode_photo
from icsys.image.read_output import flat_pixels, read_pixels
from icsys.image.resize import window_at
from icsys.run.within_bytes import kept_images
from icsys.run_settings import RunSettings
from icsys.studio.cost.frontier import FREE, AskedBudget, free_from
from icsys.studio.jobs.destination_check import destination_check
from icsys.studio.jobs.run_job import RunRequest
from icsys.studio.workspace import Workspace


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    for number in range(3):
        Image.fromarray(synthetic_photo(48, 64, seed=number)).save(folder / f"{number}.png")
    (folder / "bad.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def studio(small_tree, tmp_path):
    made = Workspace(str(small_tree), str(tmp_path / "out"), Options(), RunSettings())
    made.images.wait()
    yield made
    made.close()


def answered(studio, total_bytes, options=None, free="both"):
    asked = AskedBudget(options or Options(), RunSettings(), total_bytes, free)
    assert studio.frontiers.begin(asked) == asked.key
    studio.frontiers.wait(120)
    found = studio.events.latest("frontier")
    assert found["key"] == asked.key
    assert found["done"]
    return found


def with_point(options, point):
    """Return options with those of a point, as the page takes them over."""
    return Options.from_dict(
        {n: v for n, v in options.to_dict().items() if n not in ("step", "colors")} | point["options"]
    )


@pytest.mark.parametrize("total_bytes", [5000, 10**6])
def test_the_chosen_point_is_the_choice_of_a_run_where_the_sample_is_the_set(studio, small_tree, tmp_path, total_bytes):
    found = answered(studio, total_bytes)
    run = compress_folder(small_tree, tmp_path / "run", total_bytes=total_bytes, dry_run=True).bytes_chosen
    assert found["words"] == run.chosen
    assert found["chosen"]["bytes"] == run.bytes <= total_bytes
    assert with_point(Options(), found["chosen"]).to_dict() == run.options


def test_the_choice_is_near_the_best_of_all_settings(small_tree, studio):
    """The slow twin tries settings one after another; bytes and errors are measured of all photos."""
    found = answered(studio, 2000)["chosen"]
    photos = [path.read_bytes() for path in sorted(small_tree.glob("*.png"))]
    whole = [flat_pixels(decode_photo(data, Options(strategy="SO", step=1)).pixels, "white") for data in photos]

    def tried(side, colors):
        outputs = [compress_image(data, Options(size=(side, side), colors=colors)).data for data in photos]
        shown = [window_at(read_pixels(output), (64, 48), (0, 0, 64, 48)) for output in outputs]
        errors = [measure(*pair) for pair in zip(whole, shown, strict=True)]
        loss = np.mean([one.delta_e for one in errors]) * (1 - np.mean([one.ssim for one in errors]))
        return sum(map(len, outputs)), loss

    each = [tried(side, colors) for side in (12, 18, 24, 30, 38, 48) for colors in (4, 16, 32, 64, 96, 128, 256)]
    total, loss = tried(found["side"], found["colors"])
    assert total == found["bytes"] <= 2000
    assert loss <= 1.1 * min(other for size, other in each if size <= 2000)


def test_a_budget_that_everything_meets_gives_the_largest_setting(studio):
    found = answered(studio, 10**9)
    assert found["is_largest"]
    assert (found["chosen"]["side"], found["chosen"]["colors"]) == (64, 256)
    assert not answered(studio, 5000)["is_largest"]


@pytest.mark.parametrize(
    ("free", "options"), [("size", Options(colors=6)), ("colors", Options(step=2)), ("size", Options(strategy="SO"))]
)
def test_what_is_kept_stays_and_the_rest_is_the_choice_of_a_run(studio, small_tree, tmp_path, free, options):
    found = answered(studio, 5000, options, free)
    run = compress_folder(small_tree, tmp_path / "run", options, total_bytes=5000, dry_run=True).bytes_chosen
    assert found["words"] == run.chosen
    assert set(found["chosen"]["options"]) <= ({"colors"} if free == "colors" else {"step", "size"})


@pytest.mark.parametrize("free", FREE)
def test_the_run_keeps_what_the_question_keeps_though_it_is_a_default(studio, small_tree, tmp_path, free):
    """A default counts as decided where the page says so, as one that a command line names."""
    found = answered(studio, 5000, free=free)
    request = RunRequest(str(tmp_path / "run"), Options(), RunSettings(total_bytes=5000), tuple(found["kept"]))
    what = {"both": "size and colours", "size": "size", "colors": "colours"}[free]
    assert f"It chooses {what}, to keep within 5,000 bytes." in destination_check(str(small_tree), request)["text"]
    studio.run.start(request)
    studio.run.wait(120)
    assert studio.run.latest()["chosen"].startswith(found["words"])
    line = shlex.split(studio.run.latest()["command"])
    named = [name for name in ("--colors", "--step") if name in line]
    assert named == {"both": [], "size": ["--colors"], "colors": ["--step"]}[free]


def test_a_run_that_has_nothing_to_choose_is_refused_by_the_check(small_tree, tmp_path):
    request = RunRequest(str(tmp_path / "run"), Options(step=2), RunSettings(total_bytes=5000), ("colors",))
    found = destination_check(str(small_tree), request)
    assert (found["what"], "leaves nothing to choose" in found["text"]) == ("refused", True)


def test_points_are_what_a_run_with_their_options_gives(studio, small_tree, tmp_path):
    found = answered(studio, 5000)
    points = [point for line in found["lines"] for point in line["points"]]
    assert [point["options"] for point in points if point["chosen"]] == [found["chosen"]["options"]]
    assert len(found["lines"]) >= 3
    for point in points[:: max(1, len(points) // 3)]:
        made = compress_folder(
            small_tree, tmp_path / f"{points.index(point)}", with_point(Options(), point), dry_run=True
        )
        assert point["bytes_low"] == pytest.approx(point["bytes_high"])
        assert point["bytes"] == pytest.approx(made.bytes_out)
    for line in found["lines"]:
        for fewer, more in itertools.pairwise(line["points"]):
            assert fewer["colors"] < more["colors"]
            assert fewer["delta_e"] >= more["delta_e"] - 0.2


def test_a_sample_gives_intervals_that_hold_what_is_there(studio, monkeypatch):
    monkeypatch.setattr(kept_images, "ESTIMATED_FROM", 3)
    found = answered(studio, 5000, Options(step=2), "colors")
    assert (found["images"], found["sampled"]) == (4, 3)
    for line in found["lines"]:
        for point in line["points"]:
            assert point["bytes_low"] <= point["bytes"] <= point["bytes_high"]


def test_what_no_setting_keeps_to_is_said(studio):
    found = answered(studio, 10)
    assert "budget of 10 bytes" in found["problem"]
    assert "smallest setting" in found["problem"]
    assert "palette" in answered(studio, 5000, Options(palette="dataset"))["problem"]


def test_a_newer_question_ends_the_older(studio):
    first, second = (AskedBudget(Options(), RunSettings(), total, "colors") for total in (5000, 6000))
    studio.frontiers.begin(first)
    studio.frontiers.begin(second)
    studio.frontiers.wait(120)
    assert studio.events.latest("frontier")["key"] == second.key
    assert studio.events.latest("frontier")["done"]
    studio.frontiers.begin(first)
    studio.frontiers.cancel()
    studio.frontiers.wait(120)


@pytest.mark.parametrize("value", ["", "Both", "step", None, 1, ["size"], {}])
def test_other_values_of_free_are_refused(value):
    with pytest.raises(UsageError, match="free="):
        free_from(value)
    assert [free_from(name) for name in FREE] == list(FREE)
