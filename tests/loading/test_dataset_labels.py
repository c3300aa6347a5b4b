"""Masks and boxes of views are those of NumPy and of lists; what is damaged or forged is named."""

import io
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from array_folders import described, npy_bytes, random_split, write_arrays
from helpers import compress_files, image_bytes, synthetic_photo
from icsys import Options, UsageError

SIZES = {"train": 5, "test": 0, "val": 3}
CLASSES = ["cat", "dog", "owl"]


def random_labels(count, seed, dtype=np.uint8):
    """Return the arrays of a split with masks and boxes, and the same boxes as lists."""
    random = np.random.default_rng(seed)
    counts = random.integers(0, 3, count)
    boxes = random.random((counts.sum(), 4), np.float32)
    labels = random.integers(0, 3, counts.sum())
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    arrays = {
        "masks": random.integers(0, 256, (count, 4, 6)).astype(dtype),
        "has_mask": random.random(count) < 0.5,
        "boxes": boxes,
        "box_labels": labels,
        "box_starts": starts,
    }
    lists = [(boxes[starts[row] : starts[row + 1]], labels[starts[row] : starts[row + 1]]) for row in range(count)]
    return arrays, lists


def write(folder, dtype=np.uint8):
    """Write three splits; return their masks, flags and boxes, one split after the other."""
    made = {name: random_labels(count, seed, dtype) for seed, (name, count) in enumerate(SIZES.items())}
    splits = {name: random_split(SIZES[name], 4, 6, 4) | arrays for name, (arrays, _) in made.items()}
    more = {"masks": {"mask": {"ignore": 255 if dtype == np.uint8 else 65535}}, "box_classes": CLASSES}
    write_arrays(folder, splits, colors=4, classes=["a", "b", "c"], **more)
    masks, flags = (np.concatenate([arrays[key] for arrays, _ in made.values()]) for key in ("masks", "has_mask"))
    return masks, flags, [one for _, lists in made.values() for one in lists]


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels") / "x"
    return folder, *write(folder)


KEYS = st.one_of(
    st.builds(slice, *[st.none() | st.integers(-9, 9)] * 2, st.none() | st.sampled_from([-2, -1, 1, 3])),
    st.lists(st.integers(-8, 7), max_size=9),
    st.lists(st.booleans(), min_size=8, max_size=8).map(lambda flags: np.array(flags, bool)),
)


@given(keys=st.lists(KEYS, max_size=3), rows=st.lists(st.integers(-8, 7), max_size=4))
@settings(max_examples=60)
def test_views_have_the_masks_and_boxes_of_their_images(keys, rows, eight):
    folder, masks, flags, boxes = eight
    data, numbers = icsys.load(folder), np.arange(8)
    for key in keys:
        if len(numbers) == 8 or isinstance(key, slice):
            data, numbers = data[key], numbers[key]
    np.testing.assert_array_equal(np.asarray(data.masks), masks[numbers])
    np.testing.assert_array_equal(data.has_mask, flags[numbers])
    assert len(data.boxes) == len(numbers)
    for found, number in zip(data.boxes, numbers, strict=True):
        for one, expected in zip(found, boxes[number], strict=True):
            assert (one.dtype, one.shape) == (expected.dtype, expected.shape)
            np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(data.boxes.counts, [len(boxes[number][1]) for number in numbers])
    chosen = [row for row in rows if -len(numbers) <= row < len(numbers)]
    for found, number in zip(data.boxes[chosen], numbers[chosen], strict=True):
        np.testing.assert_array_equal(found[0], boxes[number][0])
    np.testing.assert_array_equal(data.masks[chosen], masks[numbers[chosen]])


def test_splits_and_processes_have_their_own(eight):
    folder, masks, _, boxes = eight
    data = pickle.loads(pickle.dumps(icsys.load(folder)[::-1]))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(np.asarray(data.masks), masks[::-1])
    np.testing.assert_array_equal(data.boxes[0][0], boxes[-1][0])
    assert len(icsys.load(folder).split("test").boxes) == 0
    np.testing.assert_array_equal(icsys.load(folder).split("val").masks, masks[5:])
    boxes_of = icsys.load(folder).boxes
    boxes_of[0][0][:] = 7  # arrays of its own
    np.testing.assert_array_equal(boxes_of[0][0], boxes[0][0])
    with pytest.raises(IndexError, match="index 8 is out of range"):
        boxes_of[8]
    assert (data.box_classes, data.box_class_numbers, data.mask_kinds) == (CLASSES, [0, 1, 2], ["mask"])
    assert repr(boxes_of) == f"BoxRows({sum(len(one) for _, one in boxes)} boxes of 8 images)"


def test_kinds_of_masks_are_chosen(tmp_path):
    arrays, _ = random_labels(3, 0)
    split = random_split(3, 4, 6, 4)
    for kind, dtype in (("ids", np.uint8), ("depth", np.uint16)):
        split |= {f"masks-{kind}": arrays["masks"].astype(dtype) + 1, f"has_mask-{kind}": arrays["has_mask"]}
    masks = {"ids": {"ignore": 255}, "depth": {"ignore": 65535}}
    write_arrays(tmp_path / "x", {"all": split}, colors=4, classes=["a", "b", "c"], masks=masks)
    data = icsys.load(tmp_path / "x")
    assert data.mask_kinds == ["ids", "depth"]
    with pytest.raises(UsageError, match=r"several kinds: expected one of them, such as choose_masks\('ids'\)"):
        _ = data.masks
    with pytest.raises(UsageError, match=r"masks 'dept': expected one of ids, depth; did you mean depth"):
        data.choose_masks("dept")
    chosen = pickle.loads(pickle.dumps(data[1:].choose_masks("depth")))  # noqa: S301 - our own bytes
    assert chosen.masks.dtype == np.uint16
    np.testing.assert_array_equal(chosen[::-1].masks, split["masks-depth"][:0:-1])
    np.testing.assert_array_equal(data.choose_masks("ids").has_mask, arrays["has_mask"])


def test_what_is_not_there_is_named(tmp_path):
    write_arrays(tmp_path / "x", {"all": random_split(3, 4, 6, 4)}, colors=4, classes=["a", "b", "c"])
    data = icsys.load(tmp_path / "x")
    for name in "masks", "has_mask":
        with pytest.raises(UsageError, match=r"holds no masks in arrays: expected masks .*--format arrays"):
            getattr(data, name)
    with pytest.raises(UsageError, match=r"holds no boxes in arrays: expected labels of COCO, VOC or YOLO"):
        _ = data.boxes
    with pytest.raises(UsageError, match="expected one of no kinds"):
        data.choose_masks("mask")
    assert (data.box_classes, data.box_class_numbers, data.mask_kinds) == ([], [], [])
    compress_files(tmp_path, {"a.png": image_bytes(synthetic_photo(8, 9))}, Options(colors=2))
    files = icsys.load(tmp_path / "out")
    for name in "masks", "has_mask", "boxes":
        with pytest.raises(
            UsageError, match=r"holds image files, which have no (masks|boxes) in arrays: .*--format arr"
        ):
            getattr(files, name)
    assert (files.box_classes, files.mask_kinds) == ([], [])


def forge(folder, change):
    path = folder / "dataset.json"
    record = json.loads(path.read_text("utf-8"))
    change(record)
    path.write_text(json.dumps(record), "utf-8")


@pytest.mark.parametrize(
    ("keys", "value", "text"),
    [
        (["masks"], [], r"masks=\[\]: expected an object"),
        (["masks", "../x"], {"ignore": 255}, r"masks\.\.\./x=.*expected a kind of masks"),
        (["masks", "mask", "ignore"], 7, r"masks\.mask\.ignore=7: expected 255 or 65535"),
        (["masks", "other"], {"ignore": 255}, r"masks-other\.npy.*expected an object"),
        (["masks", "mask", "ignore"], 65535, r"masks\.npy' is recorded as uint8 .*expected uint16"),
        (["box_classes"], {"a": 1}, "box_classes=.*expected a list of names"),
        (["box_classes"], [1], "box_classes=.*expected a list of names"),
        (["box_class_numbers"], [1, 1, 2], "box_class_numbers=.*expected 3 numbers, rising"),
        (["box_class_numbers"], [1], "box_class_numbers=.*expected 3 numbers, rising"),
        (["splits", "val", "files", "boxes.npy"], None, r"boxes\.npy=None: expected an object"),
        (["splits", "val", "files", "boxes.npy", "shape"], [99, 4], r"boxes\.npy' is recorded as float32 \(99, 4\)"),
        (["splits", "val", "files", "boxes.npy", "dtype"], "int64", r"boxes\.npy' is recorded as int64"),
        (["splits", "val", "files", "box_labels.npy", "shape"], [1, 1], r"box.*\.npy' is recorded as"),
        (["splits", "val", "files", "box_starts.npy", "shape"], [3], r"box_starts\.npy' is recorded as int64 \(3,\)"),
        (["splits", "val", "files", "has_mask.npy", "dtype"], "uint8", r"has_mask\.npy' is recorded as uint8"),
        (["splits", "val", "files", "masks.npy", "shape"], [3, 6, 4], r"masks\.npy' is recorded as uint8 \(3, 6, 4\)"),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else "",
)
def test_a_forged_record_is_refused_by_name(keys, value, text, tmp_path):
    write(tmp_path / "x")

    def change(record):
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    forge(tmp_path / "x", change)
    with pytest.raises(UsageError, match=text):
        icsys.load(tmp_path / "x")


def replace(folder, name, array):
    """Replace an array by another of the same size, and record its hashes."""
    data = npy_bytes(array)
    (folder / "val" / name).write_bytes(data)
    forge(folder, lambda record: record["splits"]["val"]["files"].update({name: described(data, array)}))


def test_starts_that_do_not_rise_and_classes_beyond_all_are_refused(tmp_path):
    write(tmp_path / "x")
    stored = np.load(io.BytesIO((tmp_path / "x" / "val" / "box_starts.npy").read_bytes()))
    for wrong in ([0, 99, 0], [1, 0, 0], [0, 0, -1]):
        starts = stored.copy()
        starts[: len(wrong)] += wrong
        starts[-1] -= starts[0] * 0
        replace(tmp_path / "x", "box_starts.npy", starts)
        with pytest.raises(UsageError, match=r"val.box_starts\.npy' does not rise from 0 to the number of \d+ boxes"):
            icsys.load(tmp_path / "x")
    replace(tmp_path / "x", "box_starts.npy", stored)
    labels = np.load(tmp_path / "x" / "val" / "box_labels.npy")
    for wrong in (3, -1):
        replace(tmp_path / "x", "box_labels.npy", np.full_like(labels, wrong))
        data = icsys.load(tmp_path / "x")
        row = 5 + int(np.flatnonzero(np.diff(stored))[0])
        with pytest.raises(UsageError, match=rf"val.box_labels\.npy' has the class {wrong}: expected one of 3 classes"):
            data.boxes[row]


def test_a_changed_bit_of_a_mask_is_found_with_its_block(tmp_path):
    write(tmp_path / "x", np.uint16)
    icsys.load(tmp_path / "x", verify=True)
    path = tmp_path / "x" / "train" / "masks.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"train.masks\.npy' has changed in block 1 of 1"):
        icsys.load(tmp_path / "x", verify=True)
