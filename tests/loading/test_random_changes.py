"""Random changes of an epoch: within their ranges, alike for everybody who asks, and each independent of the others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from array_folders import pixels_of, random_split, write_arrays
from icsys import UsageError
from icsys.loading.palette_jitter import jitter_palettes
from icsys.loading.random_changes import RandomChanges

COUNT, SIZE = 400, (6, 9)
ALL = {"flip": True, "crop": (4, 5), "shift": 2, "brightness": 0.4, "contrast": 1.5, "saturation": 0.2, "hue": 0.5}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a") / "x"
    return icsys.load(write_arrays(folder, {"all": random_split(COUNT, *SIZE, 10)}, colors=10, classes=["a", "b", "c"]))


def values_of(changes):
    """Return what is drawn for each image, by name."""
    (tops, lefts), (downs, rights) = changes.corners, changes.shifts
    return {"flip": changes.flip, "top": tops, "left": lefts, "down": downs, "right": rights} | changes.colors


def test_values_fill_their_ranges_evenly(data):
    drawn = values_of(RandomChanges(**ALL).of_epoch(data, 3, 5))
    ends = {"flip": (0, 1), "top": (0, 2), "left": (0, 4), "down": (-2, 2), "right": (-2, 2)}
    for name, (low, high) in ends.items():
        counts = np.bincount(drawn[name].astype(int) - low, minlength=high - low + 1)
        assert len(counts) == high - low + 1
        expected = COUNT / len(counts)
        assert ((counts - expected) ** 2 / expected).sum() < 20  # chi-square of at most 4 degrees: 1 of 2,000 above
    ends = {"brightness": (0.6, 1.4), "contrast": (0, 2.5), "saturation": (0.8, 1.2), "hue": (-0.5, 0.5)}
    for name, (low, high) in ends.items():
        assert low <= drawn[name].min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < drawn[name].max() <= high
        assert drawn[name].mean() == pytest.approx((low + high) / 2, abs=0.1 * (high - low))
    pairs = np.abs(np.corrcoef(np.stack([value.astype(float) for value in drawn.values()])))
    assert np.triu(pairs, 1).max() < 0.2


@given(kept=st.sets(st.sampled_from(list(ALL))), seed=st.integers(0, 9), epoch=st.integers(0, 9))
@settings(max_examples=25)
def test_what_is_drawn_for_one_purpose_does_not_depend_on_the_others(data, kept, seed, epoch):
    whole = RandomChanges(**ALL).of_epoch(data, seed, epoch)
    some = RandomChanges(**{name: ALL[name] for name in kept}).of_epoch(data, seed, epoch)
    for has, one, other in (
        ("flip" in kept, some.flip, whole.flip),
        ("crop" in kept, some.corners, whole.corners),
        ("shift" in kept, some.shifts, whole.shifts),
    ):
        assert (one is not None) == has
        if has:
            np.testing.assert_array_equal(one, other)
    assert some.colors.keys() == kept & {"brightness", "contrast", "saturation", "hue"}
    for name, drawn in some.colors.items():
        np.testing.assert_array_equal(drawn, whole.colors[name])


def test_epochs_and_seeds_draw_anew(data):
    draws = [values_of(RandomChanges(**ALL).of_epoch(data, seed, epoch)) for seed in (0, 1) for epoch in (0, 1)]
    for name in draws[0]:
        assert len({one[name].tobytes() for one in draws}) == 4


@given(rows=st.lists(st.integers(0, COUNT - 1), max_size=9))
@settings(max_examples=25)
def test_a_batch_has_the_changes_of_its_images(data, rows):
    rows = np.array(rows, np.int64)
    whole = RandomChanges(**ALL).of_epoch(data, 0, 0)
    batch = whole.at(rows)
    assert batch.flip.tolist() == whole.flip[rows].tolist()
    assert batch.crop[2:] == (4, 5)
    for found, drawn in zip((*batch.crop[:2], *batch.shift), (*whole.corners, *whole.shifts), strict=True):
        assert (found.dtype, found.tolist()) == (np.int64, drawn[rows].tolist())
    factors = {name: drawn[rows] for name, drawn in whole.colors.items()}
    np.testing.assert_array_equal(batch.palettes, jitter_palettes(data.palettes[rows], **factors))
    nothing = RandomChanges().of_epoch(data, 0, 0).at(rows)
    assert (nothing.flip, nothing.crop, nothing.shift, nothing.palettes) == (None,) * 4


def test_a_palette_that_all_share_is_changed_for_each_image(tmp_path):
    shared = random_split(1, 1, 1, 7)["palettes"][0]
    split = random_split(4, *SIZE, 7, shared=shared)
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=7, classes=["a", "b", "c"]))
    found = RandomChanges(hue=0.3).of_epoch(data, 0, 0).at(np.array([2, 0, 2])).palettes
    assert found.shape == (3, 7, 3)
    assert (found[0] == found[2]).all()
    assert (found[0] != found[1]).any()


def test_a_large_shift_or_crop_is_drawn_whole(tmp_path):
    """Numbers are kept in few bytes, as many as the range needs."""
    split = random_split(600, 1, 400, 2)
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=2, classes=["a", "b", "c"]))
    for shift in (127, 128, 32767):
        _, rights = RandomChanges(shift=shift).of_epoch(data, 0, 0).shifts
        assert (rights.min() < -0.97 * shift, rights.max() > 0.97 * shift) == (True, True)
    _, lefts = RandomChanges(crop=(1, 2)).of_epoch(data, 0, 0).corners
    assert (lefts.min() < 8, lefts.max() > 390) == (True, True)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"flip": 1}, "flip=1: expected True or False"),
        ({"crop": 4}, r"crop=4: expected \(height, width\)"),
        ({"crop": (4, 4, 4)}, "crop="),
        ({"crop": (0, 4)}, "crop=0: expected a whole number from 1"),
        ({"crop": (4, 2.5)}, "crop=2.5"),
        ({"shift": -1}, "shift=-1: expected a whole number from 0"),
        ({"shift": 0.5}, "shift=0.5"),
        ({"brightness": -0.1}, "brightness=-0.1: expected a finite number from 0 on"),
        ({"contrast": float("nan")}, "contrast=nan"),
        ({"saturation": (0.1, 0.2)}, "saturation="),
        ({"brightness": True}, "brightness=True"),
        ({"hue": 0.6}, "hue=0.6: expected a number from 0 to 0.5"),
    ],
)
def test_wrong_ranges_are_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        RandomChanges(**wrong)


def test_images_must_allow_the_changes(data, tmp_path):
    RandomChanges(crop=SIZE, hue=0.1).check_images(data)
    for crop in ((7, 1), (1, 10)):
        with pytest.raises(UsageError, match=r"crop=\(.*\): expected \(height, width\) of at most \(6, 9\)"):
            RandomChanges(crop=crop).check_images(data)
    split = random_split(4, *SIZE, 4)
    stored = {"pixels": pixels_of(split), "labels": split["labels"]}
    no_palettes = icsys.load(write_arrays(tmp_path / "x", {"all": stored}, colors=0, classes=["a", "b", "c"]))
    RandomChanges(crop=SIZE, flip=True, shift=1).check_images(no_palettes)
    with pytest.raises(UsageError, match=r"saturation=0\.1: colours are changed in palettes, and this folder has none"):
        RandomChanges(saturation=0.1).check_images(no_palettes)
