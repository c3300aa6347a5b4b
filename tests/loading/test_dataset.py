"""What icsys.load opens is indexed as NumPy indexes, and its pixels are those of indices and palettes."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import icsys
from array_folders import facts_of, pixels_of, random_split, write_arrays
from icsys import UsageError
from icsys.loading.row_selection import ArrayRows

CLASSES = ["cat", "dog", "AC/DC"]
HEIGHT, WIDTH = 3, 5


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three splits, one of them empty, with what they hold all together: pixels, labels, indices and palettes."""
    splits = {
        "train": random_split(7, HEIGHT, WIDTH, 10, seed=1),
        "val": random_split(0, HEIGHT, WIDTH, 10, seed=2),
        "test": random_split(4, HEIGHT, WIDTH, 10, seed=3),
    }
    folder = write_arrays(tmp_path_factory.mktemp("a") / "three", splits, colors=10, classes=CLASSES)
    whole = {name: np.concatenate([one[name] for one in splits.values()]) for name in splits["train"]}
    whole["pixels"] = np.concatenate([pixels_of(splits[name]) for name in ("train", "test")])
    return folder, whole


KEYS = st.one_of(
    st.integers(-14, 14),
    st.slices(11),
    st.lists(st.integers(-13, 13), max_size=6),
    hnp.arrays(st.sampled_from([np.int8, np.int64, np.uint8]), st.integers(0, 5), elements=st.integers(0, 12)),
    hnp.arrays(bool, st.sampled_from([10, 11, 11, 11])),
)


def chosen(array, key):
    try:
        return array[key]
    except IndexError:
        return None


@given(first=KEYS, second=KEYS)
def test_rows_are_chosen_as_numpy_chooses_them(three, first, second):
    """Also from a view, and out of range is an IndexError for both."""
    folder, whole = three
    data, numbers = icsys.load(folder), np.arange(11)
    for key in (first, second):
        expected = chosen(numbers, key)
        if expected is None:
            with pytest.raises(IndexError):
                data[key]
            with pytest.raises(IndexError):
                data.pixels(key)
            with pytest.raises(IndexError):
                data.unpacked_indices(key)
            return
        np.testing.assert_array_equal(data.pixels(key, layout="HWC"), whole["pixels"][expected])
        np.testing.assert_array_equal(data.unpacked_indices(key), whole["indices"][expected])
        data = data[key]
        if np.ndim(expected) == 0:
            np.testing.assert_array_equal(data[0], whole["pixels"][expected])
            assert data[1] == whole["labels"][expected]
            return
        numbers = expected
        assert len(data) == len(numbers)
        np.testing.assert_array_equal(data.labels, whole["labels"][numbers])
        assert data.names == np.array(icsys.load(folder).names)[numbers].tolist()
        np.testing.assert_array_equal(data.to_numpy("indices")[0], whole["indices"][numbers])
        np.testing.assert_array_equal(np.asarray(data.palettes), whole["palettes"][numbers])
        assert data.splits == {
            "train": int((numbers < 7).sum()),
            "val": 0,
            "test": int((numbers >= 7).sum()),
        }
        for names, inside in ((["train"], numbers < 7), (["test", "val"], numbers >= 7)):
            np.testing.assert_array_equal(data.split(*names).labels, whole["labels"][numbers[inside]])
            np.testing.assert_array_equal(data.split(*names).pixels(layout="HWC"), whole["pixels"][numbers[inside]])


@pytest.mark.parametrize(
    "key", [True, None, ..., (1, 2), "1", 1.5, [0.5], [[1, 2]], [[1], [2, 3]], np.array([]), ["a"]]
)
def test_a_key_of_another_kind_is_refused(three, key):
    data = icsys.load(three[0])
    with pytest.raises(IndexError, match="expected an integer, a slice, or a mask or integers in an array of one"):
        data[key]


others = st.lists(st.one_of(st.integers(-3, 3), st.slices(3)), max_size=3)


@given(rows=KEYS, others=others)
@settings(max_examples=60)
def test_other_axes_of_lazy_arrays_are_indexed_as_numpy_indexes_them(three, rows, others):
    folder, whole = three
    lazy = icsys.load(folder).palettes
    assert (type(lazy), lazy.shape, lazy.ndim) == (ArrayRows, whole["palettes"].shape, 3)
    expected = chosen(whole["palettes"], (rows, *others))
    if expected is None:
        with pytest.raises(IndexError):
            lazy[rows, *others]
    else:
        np.testing.assert_array_equal(lazy[rows, *others], expected)


@pytest.mark.parametrize("key", [(0, [1]), (0, None), (0, ..., ...), (0, True), (), ([0], 1.5)])
def test_of_the_other_axes_lazy_arrays_take_integers_slices_and_one_ellipsis(three, key):
    with pytest.raises(IndexError):
        icsys.load(three[0]).palettes[key]


def test_operators_and_functions_of_numpy_take_lazy_arrays_as_arrays(three):
    """A program for a folder of one split runs on one of several."""
    folder, whole = three
    lazy, array = icsys.load(folder).palettes, whole["palettes"]
    for function in (
        lambda one: one == array,
        lambda one: array != one,
        lambda one: one / 255,
        lambda one: 1 - one.astype("float32"),
        lambda one: one + one,
        lambda one: -one,
        lambda one: one // np.uint8(2) > 5,
        np.max,
        lambda one: np.mean(one, axis=0),
        lambda one: np.concatenate([one, array]),
        lambda one: one.astype(np.int64),
    ):
        found, expected = function(lazy), function(array)
        assert type(found) is type(expected)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    total = np.zeros(array.shape, np.int64)
    total += lazy
    np.testing.assert_array_equal(total, array)


def test_all_parameters_of_pixels_have_a_place(three):
    data, one = icsys.load(three[0]), np.empty((3, HEIGHT, WIDTH), np.float32)
    assert data.pixels(4, "CHW", "float32", 0.5, 0.25, one, 2) is one
    np.testing.assert_array_equal(one, data.pixels([4], dtype="float32", mean=0.5, std=0.25)[0])


@given(data=st.data(), colors=st.sampled_from([1, 2, 3, 16, 200, 256, 300]), width=st.integers(1, 17))
@settings(max_examples=25)
def test_indices_of_any_bits_become_pixels(data, colors, width, tmp_path_factory):
    """One palette for each image, or one for all; also floats by the rule, flips and given arrays."""
    shared = data.draw(hnp.arrays(np.uint8, (colors, 3))) if data.draw(st.booleans()) else None
    split = random_split(3, 2, width, colors, shared=shared)
    loaded = icsys.load(
        write_arrays(tmp_path_factory.mktemp("b") / "x", {"all": split}, colors=colors, classes=CLASSES)
    )
    pixels = pixels_of(split)
    np.testing.assert_array_equal(loaded.pixels(), pixels.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(loaded.to_numpy("indices")[0], split["indices"])
    assert np.shape(loaded.palettes) == split["palettes"].shape
    flip, mean, std = np.array([True, False, True]), (0.4, 0.5, 0.1), (0.2, 0.3, 1.0)
    out = np.empty((3, 2, width, 3), np.float32)
    found = loaded.pixels([2, 0, 1], "HWC", "float32", mean, std, flip=flip, out=out, threads=2)
    assert found is out
    expected = (pixels[[2, 0, 1]] / 255 - np.array(mean)) / np.array(std)
    expected[flip] = expected[flip][:, :, ::-1]
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@given(
    packed=hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5))),
    bits=st.sampled_from([1, 2, 4, 8]),
    rows=st.lists(st.integers(-1, 0), max_size=3),
    spare=st.integers(0, 7),
)
@settings(max_examples=25)
def test_indices_are_unpacked_as_numpy_unpacks_bits(packed, bits, rows, spare, tmp_path_factory):
    """The bits of a row as numpy.unpackbits gives them, the highest first, are the binary digits of its indices."""
    digits = np.unpackbits(packed, axis=-1).reshape(*packed.shape[:2], -1, bits)
    every = (digits * 2 ** np.arange(bits - 1, -1, -1)).sum(-1)
    width = every.shape[2] - spare % (8 // bits)
    split = random_split(len(packed), packed.shape[1], width, 2**bits) | {"indices": every[..., :width]}
    data = icsys.load(write_arrays(tmp_path_factory.mktemp("u") / "x", {"all": split}, colors=2**bits, classes=CLASSES))
    found = data.unpacked_indices(rows)
    np.testing.assert_array_equal(found, every[..., :width][rows])
    found[...] = 0  # memory of its own
    np.testing.assert_array_equal(data.unpacked_indices(), every[..., :width])


@pytest.mark.parametrize("layout", ["CHW", "HWC"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "bfloat16_bits"])
def test_stored_pixels_are_shown_as_those_of_indices(layout, dtype, tmp_path):
    split = random_split(4, 3, 6, 16)
    few = icsys.load(write_arrays(tmp_path / "few", {"all": split}, colors=16, classes=CLASSES))
    stored = {"pixels": pixels_of(split), "labels": split["labels"]}
    all_colors = icsys.load(write_arrays(tmp_path / "all", {"all": stored}, colors=0, classes=CLASSES))
    form = {"layout": layout, "dtype": dtype} | ({} if dtype == "uint8" else {"mean": 0.5, "std": (0.1, 0.2, 0.3)})
    flip = np.array([False, True, True, False])
    expected = few.pixels(flip=flip, **form)
    found = all_colors.pixels(flip=flip, **form)
    assert found.dtype == ("uint16" if "bits" in dtype else dtype)
    np.testing.assert_array_equal(found, expected)
    for name in ("indices", "palettes"):
        with pytest.raises(UsageError, match=f"no {name}"):
            getattr(all_colors, name)
    with pytest.raises(UsageError, match="no indices"):
        all_colors.unpacked_indices([0])


def test_arrays_stay_on_the_disk_and_views_of_one_split_are_not_copied(three):
    data = icsys.load(three[0])
    train = data.split("train")
    assert isinstance(train.indices.base, np.memmap) or isinstance(train.indices.base.base, np.memmap)
    assert np.shares_memory(train[2:5].indices, train.indices)
    with pytest.raises(ValueError, match="read-only"):
        train.indices[0] = 0
    rows = data.indices
    assert isinstance(rows, ArrayRows)
    assert (rows.shape, rows.dtype, len(rows)) == ((11, HEIGHT, 3), np.uint8, 11)
    np.testing.assert_array_equal(rows[-1], np.asarray(rows)[10])
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(rows, copy=False)


@pytest.mark.parametrize("colors", [4, 300])
@pytest.mark.parametrize("name", ["indices", "palettes", "masks", "boxes"])
def test_rows_of_several_files_are_pickled_as_the_path_of_their_folder(name, colors, tmp_path):
    """Of two splits, and of one whose rows are chosen by numbers; palettes that a split shares come once for each."""
    count, splits, random = 60, {}, np.random.default_rng(0)
    for number, split in enumerate("ab"):
        shared = random_split(1, 1, 1, colors, seed=number)["palettes"][0] if number else None
        boxes = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
        splits[split] = random_split(count, 16, 17, colors, seed=number, shared=shared) | {
            "masks": random.integers(0, 9, (count, 16, 17), np.uint8),
            "has_mask": np.ones(count, bool),
            "boxes": boxes,
            "box_labels": np.zeros(count, np.int64),
            "box_starts": np.arange(count + 1),
        }
    more = {"masks": {"mask": {"ignore": 255}}, "box_classes": ["cat"]}
    data = icsys.load(write_arrays(tmp_path / "x", splits, colors=colors, classes=CLASSES, **more))
    views = [data, data[::-1], data[[100, 3, 3]], data.split("a")[[5, 1]]]
    for rows in (getattr(view, name) for view in views):
        _ = rows[[1]]  # which has read the files
        sent = pickle.dumps(rows)
        assert len(sent) < 4000
        again = pickle.loads(sent)  # noqa: S301 - our own
        assert type(again) is type(rows)
        if name == "boxes":
            for one, other in zip(again, rows, strict=True):
                np.testing.assert_array_equal(one[0], other[0])
        else:
            assert (again.shape, again.dtype) == (rows.shape, rows.dtype)
            np.testing.assert_array_equal(np.asarray(again), np.asarray(rows))


def test_another_process_opens_the_files_itself(three):
    """The pickle holds no arrays; a spawned process, which shares no memory, finds the same."""
    data = icsys.load(three[0])
    views = [data, data.split("test"), data[[9, 1, 1]], data[::-2]]
    assert len(pickle.dumps(data)) < 3000
    assert [facts_of(pickle.loads(pickle.dumps(view))) for view in views] == list(map(facts_of, views))  # noqa: S301
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(facts_of, views)) == list(map(facts_of, views))


def test_scikit_learn_gets_a_row_for_each_image(three):
    folder, whole = three
    data = icsys.load(folder)
    bunch = data.to_bunch()
    np.testing.assert_array_equal(bunch.data, whole["pixels"].reshape(11, -1))
    np.testing.assert_array_equal(bunch.images, whole["pixels"])
    np.testing.assert_array_equal(bunch.target, whole["labels"])
    assert bunch.target_names.tolist() == CLASSES
    assert data.to_bunch("indices").data.shape == (11, HEIGHT * WIDTH)
    assert data.split("val").to_bunch().data.shape[0] == 0


def test_a_dataset_says_what_it_holds(three):
    assert repr(icsys.load(three[0])) == (
        "Dataset(11 images of 5 x 3 pixels, up to 10 colours, 3 classes; train 7, val 0, test 4)"
    )


@pytest.mark.parametrize("rows", [slice(None), [3, 1], [], 2])
def test_one_flip_is_that_of_all_rows(three, rows):
    data = icsys.load(three[0])
    np.testing.assert_array_equal(data.pixels(rows, flip=True), data.pixels(rows)[..., ::-1])
    np.testing.assert_array_equal(data.pixels(rows, flip=False), data.pixels(rows))
    np.testing.assert_array_equal(data.unpacked_indices(rows, flip=np.True_), data.unpacked_indices(rows)[..., ::-1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layout": "chw"}, "layout='chw': expected one of CHW, HWC"),
        ({"dtype": "float64"}, "dtype='float64': expected one of uint8, float32, float16, bfloat16, bfloat16_bits$"),
        ({"dtype": "no"}, "dtype='no': expected one of"),
        ({"mean": 0.5}, "mean and std with dtype='uint8': expected dtype='float32'"),
        ({"dtype": "float32", "mean": (1, 2)}, r"mean=\(1, 2\): expected a number, or one for each"),
        ({"dtype": "float32", "std": (1, 2, 0)}, r"std=\(1, 2, 0\): expected a number above 0"),
        ({"dtype": "float32", "std": "x"}, "std='x': expected a number above 0"),
        ({"out": np.empty((11, 3, 3, 5), np.float32)}, r"out is float32 \(11, 3, 3, 5\): expected a contiguous"),
        ({"out": np.empty((11, 3, 5, 3), np.uint8).transpose(0, 3, 1, 2)}, "out is strided: expected a contiguous"),
        ({"out": np.frombuffer(bytes(495), np.uint8).reshape(11, 3, 3, 5)}, "out is read-only: expected"),
        ({"rows": 2, "out": np.empty((1, 3, 3, 5), np.uint8)}, r"out is uint8 \(1, 3, 3, 5\): .* uint8 \(3, 3, 5\) to"),
        ({"rows": 2, "out": [1]}, r"out is list: expected .* \(3, 3, 5\) to write into"),
        ({"out": []}, "out is list: expected"),
        ({"flip": [True]}, r"flip \(1,\) of bool: expected True or False, or \(11,\) of bool"),
        ({"flip": 1}, r"flip \(\) of int64: expected True or False"),
        ({"flip": [1] * 11}, r"flip \(11,\) of int64"),
        ({"threads": 0}, "threads=0: expected a whole number from 1"),
    ],
)
def test_a_form_that_is_unknown_is_refused(three, wrong, message):
    with pytest.raises(UsageError, match=message):
        icsys.load(three[0]).pixels(**wrong)


def test_a_split_that_is_unknown_is_refused_with_those_that_there_are(three):
    with pytest.raises(UsageError, match="split='trian': expected one of train, val, test; did you mean train"):
        icsys.load(three[0]).split("trian")
    with pytest.raises(UsageError, match="no name of a split: expected one or more of train, val, test"):
        icsys.load(three[0]).split()
    with pytest.raises(IndexError, match=r"'train': expected .*; split\('train'\) gives a split"):
        icsys.load(three[0])["train"]
    with pytest.raises(UsageError, match="X='x': expected one of pixels, indices"):
        icsys.load(three[0]).to_numpy("x")


def test_palettes_of_splits_with_and_without_one_for_all_come_image_by_image(tmp_path):
    shared = np.arange(12, dtype=np.uint8).reshape(4, 3)
    splits = {"train": random_split(2, 1, 2, 4, shared=shared), "test": random_split(3, 1, 2, 4)}
    data = icsys.load(write_arrays(tmp_path / "x", splits, colors=4, classes=CLASSES))
    expected = np.concatenate([np.stack([shared] * 2), splits["test"]["palettes"]])
    np.testing.assert_array_equal(np.asarray(data.palettes), expected)
    np.testing.assert_array_equal(data.pixels(layout="HWC"), np.concatenate(list(map(pixels_of, splits.values()))))
    np.testing.assert_array_equal(data.split("train").palettes, shared)


def test_numbers_of_classes_with_gaps_become_places_among_the_names(tmp_path):
    split = random_split(4, 1, 2, 4) | {"labels": np.array([7, -1, 2, 7])}
    folder = write_arrays(tmp_path / "x", {"all": split}, colors=4, classes=["b", "a"], class_numbers=[2, 7])
    data = icsys.load(folder)
    assert (data.labels.tolist(), data.classes) == ([1, -1, 0, 1], ["b", "a"])


def test_bfloat16_needs_a_package_that_brings_it_to_numpy(three):
    try:
        np.dtype("bfloat16")
    except TypeError:
        with pytest.raises(UsageError, match=r"dtype='bfloat16': .*where the package ml_dtypes is imported"):
            icsys.load(three[0]).pixels(dtype="bfloat16")


def test_bfloat16_of_numpy_is_written_as_its_bits(three, tmp_path):
    """Also into a given array, for images of several splits in any order, and for stored pixels."""
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="needs the package ml_dtypes: make test-extras")
    folder, whole = three
    stored = {"pixels": whole["pixels"], "labels": whole["labels"]}
    all_colors = icsys.load(write_arrays(tmp_path / "all", {"all": stored}, colors=0, classes=CLASSES))
    rows, form = [9, 0, 10, 3], {"layout": "HWC", "mean": 0.4, "std": (0.1, 0.2, 0.3)}
    expected = ((whole["pixels"][rows] / 255 - 0.4) / np.array([0.1, 0.2, 0.3])).astype(ml_dtypes.bfloat16)
    out = np.zeros(expected.shape, "bfloat16")
    for data in (icsys.load(folder), all_colors):
        assert data.pixels(rows, dtype=ml_dtypes.bfloat16, out=out, **form) is out
        np.testing.assert_array_equal(out, expected)
        bits = data.pixels(rows, dtype="bfloat16_bits", **form)
        np.testing.assert_array_equal(bits, expected.view(np.uint16))
        with pytest.raises(UsageError, match="expected a contiguous array of bfloat16"):
            data.pixels(rows, dtype="bfloat16", out=np.zeros(expected.shape, "uint16"), **form)
