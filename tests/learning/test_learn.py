"""``learn`` from a folder to its result."""

import itertools
import json
import re
import shlex
import threading
from itertools import pairwise
from time import perf_counter
from types import SimpleNamespace

import numpy as np
import pytest

from class_folders import write_classes
from icsys import Options, UsageError, compress_folder, learn
from icsys.cli.parser import command_parser
from icsys.cli.read_options import read_options
from icsys.learning import time_plan
from icsys.learning.arm import FULL
from icsys.report.learned.text import learned_text

COLORS = [64, 16, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of 10 pictures of 40x30 pixels, and one broken file."""
    made = tmp_path_factory.mktemp("photos")
    write_classes(made, ("dark", "green", "light"), 10, spread=25.0)
    (made / "dark" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    return made


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Six pictures of each class, and one broken file, for what is learned more than once."""
    made = tmp_path_factory.mktemp("few")
    write_classes(made, ("dark", "green", "light"), 6, spread=25.0)
    (made / "dark" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    return made


@pytest.fixture(scope="module")
def learned(folder):
    return learn(folder, colors=COLORS, repeats=3, jobs=2)


def test_every_arm_has_the_bytes_that_a_run_with_its_options_writes(folder, learned, tmp_path):
    made = [arm for arm in learned.arms if arm.options]
    assert [arm.name for arm in made] == [FULL, "K64", "K16", "K2", "32x32", "32x32 K16", "16x16", "16x16 K16"]
    for place, arm in enumerate(made):
        summary = compress_folder(folder, tmp_path / str(place), Options.from_dict(arm.options))
        assert (summary.compressed, summary.bytes_out) == (30, arm.bytes)
        assert arm.bytes_per_image == pytest.approx(arm.bytes / 30)


def test_a_broken_image_is_named_and_left_out_of_all_arms(learned):
    assert [failure.source for failure in learned.failures] == ["dark/broken.png"]
    assert {arm.images for arm in learned.arms if arm.options or arm.quality} == {30}
    assert (learned.images, learned.images_found, learned.tested) == (30, 31, 30)


def test_a_model_learns_classes_of_colour_and_the_majority_is_a_third(learned):
    full = learned.arms[0]
    assert (full.name, full.verdict, full.difference) == (FULL, "reference", 0)
    assert full.accuracy > 90
    assert full.accuracy_on_originals == full.accuracy
    assert learned.majority == pytest.approx(100 / 3)
    assert learned.classes == ["dark", "green", "light"]
    assert learned.is_optimistic


def test_a_codec_takes_no_more_bytes_than_the_arm_that_it_is_held_against(learned):
    by_name = {arm.name: arm for arm in learned.arms}
    held = [arm for arm in learned.arms if arm.as_small_as]
    assert [arm.name for arm in held] == ["WebP = K16", "JPEG = K16", "fewer = K16"]
    for arm in held:
        aim = by_name[arm.as_small_as]
        assert arm.bytes <= aim.bytes or arm.quality == 1
    assert 3 <= by_name["fewer = K16"].images < 30
    assert [(one.arm, one.other) for one in learned.contrasts] == [(arm.name, "K16") for arm in held]


def test_the_result_is_plain_json_with_the_keys_of_the_contract(learned):
    values = json.loads(json.dumps(learned.to_dict()))
    assert {"images", "classes", "split", "resolves", "arms", "recommended", "command", "seconds"} <= values.keys()
    keys = {"name", "width", "height", "colors", "format", "bytes_per_image", "accuracy", "difference", "low", "high"}
    assert all(keys | {"accuracy_on_originals", "verdict"} <= arm.keys() for arm in values["arms"])
    assert all(arm["low"] <= arm["difference"] <= arm["high"] for arm in values["arms"])


def test_figures_depend_on_the_seed_and_not_on_the_jobs(few):
    def figures(found):
        return found.to_dict() | {"seconds": 0}

    one, two = (learn(few, colors=[16, 2], repeats=3, jobs=jobs) for jobs in (1, 2))
    assert figures(one) == figures(two)
    other = learn(few, Options(size=(64, 64), seed=5), colors=[16, 2], repeats=3, jobs=2)
    assert figures(other) != figures(one)
    assert [arm.name for arm in other.arms] == [arm.name for arm in one.arms]


def test_the_recommended_arm_is_the_smallest_that_keeps_and_its_command_makes_it(tmp_path):
    write_classes(tmp_path / "photos", ("dark", "light"), 200, size=(15, 15), spread=4.0)
    found = learn(tmp_path / "photos", Options(size=(15, 15)), colors=[64], repeats=3, group="none", lossy=False)
    keeping = [arm for arm in found.arms if arm.verdict == "keeps" and arm.options]
    assert keeping
    best = min(keeping, key=lambda arm: arm.bytes)
    assert found.recommended == best.name
    words = shlex.split(found.command)
    assert words[:2] == ["ics", "compress"]
    assert words[2:4] == [str(tmp_path / "photos"), "Compressed"]
    options, *_ = read_options(command_parser().parse_args(words[1:]))
    assert options == Options.from_dict(best.options)


def test_the_split_of_the_folder_is_used(tmp_path):
    write_classes(tmp_path / "train", ("dark", "light"), 12)
    write_classes(tmp_path / "test", ("dark", "light"), 7, seed=1)
    found = learn(tmp_path, colors=[4], repeats=3, lossy=False)
    assert (found.split, found.tested, found.images, found.is_optimistic) == ("test", 14, 38, False)


def test_a_sample_is_judged_where_the_number_is_given(tmp_path):
    write_classes(tmp_path, ("dark", "light"), 30, size=(20, 20))
    found = learn(tmp_path, colors=[4], repeats=3, images=24, lossy=False)
    assert (found.images, found.images_found) == (24, 60)
    assert any("24 of 60" in note for note in found.notes)


def test_as_many_images_are_judged_as_the_time_allows(tmp_path):
    write_classes(tmp_path, ("dark", "light"), 30, size=(20, 20))
    found = learn(tmp_path, colors=[4], repeats=3, minutes=1e-6, lossy=False)
    assert 4 <= found.images < 60
    assert any("as many as this machine judges in" in note for note in found.notes)


def test_smaller_sizes_of_small_images_are_no_arms(tmp_path):
    write_classes(tmp_path, ("dark", "light"), 6, size=(15, 15))
    found = learn(tmp_path, colors=[4], repeats=3, lossy=False)
    assert [arm.name for arm in found.arms] == [FULL, "K4", "fewer = K4"]


def test_arms_larger_than_the_working_size_are_made_and_not_judged(tmp_path):
    write_classes(tmp_path, ("dark", "light"), 6, size=(250, 200))
    found = learn(tmp_path, Options(size=(192, 192)), colors=[4], repeats=3, lossy=False)
    by_name = {arm.name: arm for arm in found.arms}
    assert by_name["K4"].accuracy is None
    assert by_name["K4"].verdict == "unclear"
    assert by_name["K4"].bytes > 0
    assert by_name["96x96"].accuracy is not None
    assert any("Not judged: K4" in note for note in found.notes)


@pytest.mark.parametrize("note", ["Looking at the images", "Making the forms of the images", "Judging K4"])
def test_a_stop_ends_the_work_and_recommends_nothing(tmp_path, note):
    write_classes(tmp_path, ("dark", "light"), 8, size=(20, 20))
    stop = threading.Event()

    def end(progress):
        if progress.note.startswith(note):
            stop.set()

    found = learn(tmp_path, colors=[16, 4], repeats=3, lossy=False, stop=stop, progress=end)
    assert found.stopped
    assert found.recommended is None
    assert len([arm for arm in found.arms if arm.accuracy is not None]) == (2 if note == "Judging K4" else 0)


def test_progress_counts_up_and_says_once_what_the_images_can_tell(few, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(
        time_plan, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 10, perf_counter=perf_counter)
    )
    steps = []
    learn(few, colors=[4], repeats=3, lossy=False, progress=steps.append)
    assert next(one.message for one in steps if one.message).startswith("With 18 tested images")
    for before, after in pairwise(steps):
        assert before.note != after.note or after.message or before.done <= after.done
    assert all(one.seconds_left is None or 0 <= one.seconds_left < 600 for one in steps)


@pytest.mark.parametrize(
    ("names", "count", "words"),
    [(["dark"], 5, "one class only"), (["dark", "light"], 1, "two or more"), ([], 0, "no image was found")],
)
def test_a_folder_that_cannot_be_judged_is_refused(tmp_path, names, count, words):
    write_classes(tmp_path, names, count)
    with pytest.raises(UsageError, match=words):
        learn(tmp_path)


def test_a_flat_folder_has_no_classes(tmp_path):
    write_classes(tmp_path, ["dark"], 3)
    with pytest.raises(UsageError, match="has a class"):
        learn(tmp_path / "dark")


def test_shuffled_labels_are_named_no_more_often_than_by_chance(tmp_path):
    write_classes(tmp_path / "one", ("dark", "green", "light"), 30, size=(15, 15))
    files = sorted((tmp_path / "one").rglob("*.png"))
    for place, row in enumerate(np.random.default_rng(0).permutation(len(files))):
        target = tmp_path / "two" / f"class{place % 3}"
        target.mkdir(parents=True, exist_ok=True)
        files[row].rename(target / f"{place}.png")
    found = learn(tmp_path / "two", colors=[4], repeats=3, lossy=False)
    assert all(arm.accuracy < found.majority + 3 * 100 * (2 / 9 / 90) ** 0.5 for arm in found.arms if arm.accuracy)


def test_classes_come_from_a_table(tmp_path):
    write_classes(tmp_path / "made", ("dark", "light"), 8, size=(15, 15))
    rows = ["file,species"]
    for number, path in enumerate(sorted((tmp_path / "made").rglob("*.png"))):
        rows.append(f"{number}.png,{path.parent.name}")
        path.rename(tmp_path / f"{number}.png")
    (tmp_path / "photos.csv").write_text("\n".join(rows), encoding="utf-8")
    found = learn(tmp_path, colors=[4], repeats=3, lossy=False, table="photos.csv")
    assert (found.classes, found.images) == (["dark", "light"], 16)


def test_a_stop_before_the_images_are_known_ends_with_nothing(folder):
    stop = threading.Event()
    stop.set()
    found = learn(folder, stop=stop)
    assert (found.images, found.arms, found.recommended, found.stopped) == (0, [], None, "interrupted")
    assert learned_text(found).splitlines()[:2] == [
        "With 0 tested images, no loss can be excluded.",
        "No images were found until then.",
    ]


@pytest.mark.parametrize("group", [None, 3])
def test_a_group_that_is_no_text_is_refused(folder, group):
    with pytest.raises(UsageError, match=re.escape(f"group={group}: expected text (near|exact|none|PATTERN)")):
        learn(folder, group=group)


def test_where_one_class_is_nearly_all_a_note_says_that_nothing_can_be_kept(tmp_path):
    write_classes(tmp_path, ["dark"], 24, size=(16, 16))
    write_classes(tmp_path, ["green"], 2, size=(16, 16))
    found = learn(tmp_path, Options(size="16x16"), colors=[4], repeats=3, lossy=False)
    assert found.recommended is None
    assert [note[:32] for note in found.notes] == ["Always naming the largest class "]


def test_an_image_that_fails_in_the_making_changes_no_figure(few):
    late, early = (learn(few, colors=[4], repeats=3, group=group, jobs=2) for group in ("none", "exact"))
    assert [failure.source for failure in late.failures] == ["dark/broken.png"]
    assert late.arms == early.arms
