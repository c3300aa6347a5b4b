"""What is changed in each image of a batch: arrays, stored pixels and image files against one twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import icsys
from array_folders import pixels_of, random_split, write_arrays
from icsys import UsageError

HEIGHT, WIDTH, COLORS = 5, 9, 16


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same images as indices, as stored pixels and as PNG files, in two splits, and their pixels."""
    folder = tmp_path_factory.mktemp("changes")
    splits = {name: random_split(4, HEIGHT, WIDTH, COLORS, seed=seed) for seed, name in enumerate(("train", "val"))}
    stored = {name: {"pixels": pixels_of(one), "labels": one["labels"]} for name, one in splits.items()}
    for name, one in stored.items():
        for number, image in enumerate(one["pixels"]):
            path = folder / "source" / name / "class" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    icsys.compress_folder(folder / "source", folder / "files", icsys.Options(strategy="SO", size=(WIDTH, HEIGHT)))
    classes = ["a", "b", "c"]
    kinds = {
        "indices": icsys.load(write_arrays(folder / "few", splits, colors=COLORS, classes=classes)),
        "pixels": icsys.load(write_arrays(folder / "all", stored, colors=0, classes=classes)),
        "files": icsys.load(folder / "files"),
    }
    return kinds, np.concatenate([one["pixels"] for one in stored.values()]), splits


@st.composite
def calls(draw):
    """Rows, and the changes of each."""
    rows = draw(st.lists(st.integers(0, 7), min_size=1, max_size=6))
    n = len(rows)

    def each(low, high):
        one = st.integers(low, high)
        return draw(st.one_of(one, st.lists(one, min_size=n, max_size=n).map(np.array)))

    changes = {}
    if draw(st.booleans()):
        changes["flip"] = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    if draw(st.booleans()):
        height, width = draw(st.integers(1, HEIGHT)), draw(st.integers(1, WIDTH))
        changes["crop"] = each(0, HEIGHT - height), each(0, WIDTH - width), height, width
    if draw(st.booleans()):
        changes["shift"] = each(-HEIGHT - 2, HEIGHT + 2), each(-WIDTH - 2, WIDTH + 2)
    return rows, changes


def changed(pixels, flip=None, crop=(0, 0, HEIGHT, WIDTH), shift=(0, 0)):
    """Twin for pixels of shape (n, H, W, 3): coordinates clipped to the image."""
    tops, lefts, downs, rights = (np.broadcast_to(one, len(pixels)) for one in (*crop[:2], *shift))
    images = []
    for k, image in enumerate(pixels):
        ys = np.clip(np.arange(crop[2]) + tops[k] - downs[k], 0, HEIGHT - 1)
        xs = np.clip(np.arange(crop[3]) + lefts[k] - rights[k], 0, WIDTH - 1)
        shown = np.take(np.take(image, ys, axis=0), xs, axis=1)
        images.append(shown[:, ::-1] if flip is not None and flip[k] else shown)
    return np.array(images)


@settings(deadline=None, max_examples=60)
@given(calls(), st.sampled_from(["CHW", "HWC"]), st.sampled_from(["uint8", "float32"]))
def test_all_kinds_of_folders_show_the_same_changes(folders, call, layout, dtype):
    (kinds, pixels, _), (rows, changes) = folders, call
    expected = changed(pixels[rows], **changes)
    expected = expected if layout == "HWC" else expected.transpose(0, 3, 1, 2)
    expected = expected if dtype == "uint8" else (expected / 255).astype(dtype)
    for data in kinds.values():
        found = data.pixels(rows, layout, dtype, **changes, threads=2)
        np.testing.assert_array_equal(found, expected)
        out = np.empty(expected.shape, dtype)
        assert data.pixels(rows, layout, dtype, **changes, out=out) is out
        np.testing.assert_array_equal(out, expected)


def test_palettes_take_the_place_of_the_stored_ones(folders):
    kinds, _, splits = folders
    rows, colors = [6, 0, 6], np.random.default_rng(0).integers(0, 256, (3, COLORS, 3), np.uint8)
    indices = np.concatenate([one["indices"] for one in splits.values()])[rows]
    expected = np.array([palette[image] for palette, image in zip(colors, indices, strict=True)])
    crop = [0, 1, 2], 4, 3, 5
    data = kinds["indices"]
    np.testing.assert_array_equal(data.pixels(rows, "HWC", palettes=colors), expected)
    np.testing.assert_array_equal(
        data.pixels(rows, "HWC", palettes=colors, crop=crop, flip=[True] * 3),
        np.array([image[top : top + 3, 4:9][:, ::-1] for image, top in zip(expected, crop[0], strict=True)]),
    )
    np.testing.assert_array_equal(data.pixels(rows, "HWC", palettes=colors[0]), colors[0][indices])


def test_one_image_takes_one_value_of_each(folders):
    data, pixels = folders[0]["indices"], folders[1]
    found = data.pixels(-1, "HWC", flip=True, crop=(1, 2, 3, 4), shift=(0, 5))
    np.testing.assert_array_equal(found, changed(pixels[-1:], [True], (1, 2, 3, 4), (0, 5))[0])


@pytest.mark.parametrize("kind", ["indices", "pixels", "files"])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"crop": (0, 0, HEIGHT + 1, 1)}, "crop of 6x1 .*: expected 1x1 to 5x9"),
        ({"crop": (0, [1, 2], 1, WIDTH)}, r"crop lefts \(2,\) of int64: expected an integer, or \(8,\)"),
        ({"crop": (0, 0, 2)}, r"crop=\(0, 0, 2\): expected \(tops, lefts, height, width\)"),
        ({"crop": 3}, r"crop=3: expected \(tops, lefts, height, width\)"),
        ({"crop": (0, "x", 2, 2)}, "crop lefts"),
        ({"shift": (0, 1, 2)}, r"shift=\(0, 1, 2\): expected \(downs, rights\)"),
        ({"shift": 5}, r"shift=5: expected \(downs, rights\)"),
        ({"shift": ([[1, 2], [1]], 0)}, "shift downs"),
        ({"shift": (0.5, 0)}, r"shift downs \(\) of float64"),
        ({"flip": [True]}, r"flip \(1,\) of bool: expected True or False, or \(8,\) of bool"),
    ],
)
def test_changes_that_do_not_fit_are_refused(folders, kind, wrong, message):
    with pytest.raises(UsageError, match=message):
        folders[0][kind].pixels(**wrong)


def test_palettes_that_do_not_fit_are_refused(folders):
    data = folders[0]["indices"]
    for wrong in (np.zeros((7, 16, 3), np.uint8), np.zeros((8, 17, 3), np.uint8), np.zeros((8, 16, 3)), "red"):
        with pytest.raises(UsageError, match=r"own palettes .*: expected \(8, K, 3\) of uint8"):
            data.pixels(palettes=wrong)
    for kind in ("pixels", "files"):
        with pytest.raises(UsageError, match=r"palettes \(8, 16, 3\) for images without indices: expected"):
            folders[0][kind].pixels(palettes=np.zeros((8, 16, 3), np.uint8))


def test_a_change_that_is_unknown_is_refused(folders):
    with pytest.raises(TypeError, match="unexpected keyword argument 'rotate'"):
        folders[0]["indices"].pixels(rotate=90)
