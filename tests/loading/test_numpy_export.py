"""Arrays for scikit-learn: those that are read as they are indexed equal those that are read at once."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import icsys
from array_folders import random_split, write_arrays
from helpers import image_bytes, synthetic_photo
from icsys import Options, UsageError, compress_folder
from icsys.loading.array_split import ArraySplit

CLASSES = ["a", "b", "c"]
COUNTS = {"train": 7, "val": 0, "test": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    splits = {name: random_split(count, 3, 5, 10) for name, count in COUNTS.items()}
    return write_arrays(tmp_path_factory.mktemp("a") / "x", splits, colors=10, classes=CLASSES)


KEYS = st.one_of(
    st.integers(-9, 8),
    st.slices(9),
    st.lists(st.integers(-9, 8), max_size=6),
    hnp.arrays(bool, 9),
)
OTHERS = st.lists(st.one_of(st.integers(-3, 2), st.slices(3), st.just(...)), max_size=2)


@settings(max_examples=60)
@given(
    form=st.tuples(st.sampled_from(["pixels", "indices"]), st.booleans()),
    rows=st.lists(st.integers(0, 10), min_size=9, max_size=9),
    key=KEYS,
    others=OTHERS,
)
def test_what_is_read_late_equals_what_is_read_at_once(folder, form, rows, key, others):
    kind, flat = form
    data = icsys.load(folder)[rows]
    late, labels = data.to_numpy(kind, lazy=True, flat=flat)
    whole, same = data.to_numpy(kind, flat=flat)
    np.testing.assert_array_equal(labels, same)
    by_hand = data.pixels(layout="HWC") if kind == "pixels" else data.unpacked_indices()
    np.testing.assert_array_equal(whole, by_hand.reshape(9, -1) if flat else by_hand)
    assert (late.shape, late.dtype, late.ndim) == (whole.shape, whole.dtype, whole.ndim)
    assert (len(late), late.size, late.nbytes) == (len(whole), whole.size, whole.nbytes)
    others = tuple(others) if others.count(...) < 2 else ()
    try:
        expected = whole[(key, *others)]
    except IndexError:
        return
    if isinstance(key, list | np.ndarray) and any(isinstance(one, int) for one in others):
        return  # NumPy joins the axes of several sequences of numbers
    np.testing.assert_array_equal(late[(key, *others)], expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(late))[key], whole[key])  # noqa: S301 - made here


def test_nothing_is_read_before_it_is_indexed(folder, monkeypatch):
    read, show = [], ArraySplit.show

    def note(self, rows, *given, **more):
        read.extend((self.name, row) for row in rows.tolist())
        show(self, rows, *given, **more)

    monkeypatch.setattr(ArraySplit, "show", note)
    images, labels = icsys.load(folder).to_numpy(lazy=True, flat=True)
    assert (images.shape, len(labels), read) == ((11, 45), 11, [])
    assert images[[8, 2]].shape == (2, 45)
    assert sorted(read) == [("test", 1), ("train", 2)]


@pytest.mark.parametrize("lazy", [False, True])
def test_no_images_have_the_shape_of_some(folder, lazy):
    none = icsys.load(folder)[:0]
    for kind, each in (("pixels", (3, 5, 3)), ("indices", (3, 5))):
        assert none.to_numpy(kind, lazy=lazy)[0].shape == (0, *each)
        assert none.to_numpy(kind, lazy=lazy, flat=True)[0].shape == (0, np.prod(each))


def test_image_files_of_one_size_are_read_late_and_those_of_several_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    for name, width in ("a", 8), ("b", 8), ("c", 9):
        (tmp_path / "in" / f"{name}.png").write_bytes(image_bytes(synthetic_photo(6, width)))
    compress_folder(tmp_path / "in", tmp_path / "out", Options(strategy="SO", step=1), jobs=1)
    data = icsys.load(tmp_path / "out")
    for lazy in False, True:
        images, _ = data[:2].to_numpy(lazy=lazy)
        np.testing.assert_array_equal(images[1:], data.pixels([1], layout="HWC"))
        with pytest.raises(UsageError, match="the images have several sizes"):
            data.to_numpy(lazy=lazy)
        with pytest.raises(UsageError, match="no indices in arrays"):
            data[:2].to_numpy("indices", lazy=lazy)


def test_scikit_learn_splits_and_learns_from_rows_that_are_read_late(folder):
    pytest.importorskip("sklearn")
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - it takes a second to load
    from sklearn.neighbors import KNeighborsClassifier  # noqa: PLC0415

    images, labels = icsys.load(folder).to_numpy(lazy=True, flat=True)
    train, test, train_labels, _ = train_test_split(images, labels, random_state=0)
    assert (train.shape, test.shape) == ((8, 45), (3, 45))
    model = KNeighborsClassifier(1)
    assert model.fit(train, train_labels).score(train, train_labels) == 1
    assert model.fit(images, labels).score(images, labels) == 1
