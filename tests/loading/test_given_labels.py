"""Labels of a user's own go with their images through every view, and wrong ones are named."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from array_folders import random_split, write_arrays
from icsys import UsageError

COUNTS = {"test": 3, "train": 7}
COUNT = sum(COUNTS.values())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels") / "Ready"
    splits = {name: random_split(count, 4, 5, 4, classes=1) for name, count in COUNTS.items()}
    write_arrays(folder, splits, colors=4, classes=["other"])
    return icsys.load(folder)


keys = st.one_of(
    st.slices(COUNT),
    st.lists(st.integers(-COUNT, COUNT - 1), max_size=12),
    st.lists(st.booleans(), min_size=COUNT, max_size=COUNT).map(np.array),
)


@settings(max_examples=50)
@given(st.lists(st.integers(-1, 9), min_size=COUNT, max_size=COUNT), keys)
def test_a_view_has_the_labels_of_its_images(data, labels, key):
    named = data.with_labels(labels)
    expected = np.array(labels)
    names = np.array(data.names)
    np.testing.assert_array_equal(named.labels, expected)
    places = np.array(key, int) if isinstance(key, list) else key
    chosen, view = expected[places], named[key]
    np.testing.assert_array_equal(view.labels, chosen)
    assert view.names == names[places].tolist()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(view)).labels, chosen)  # noqa: S301 - written just now
    order = np.argsort(np.arange(len(chosen))[::-1])
    np.testing.assert_array_equal(view[order].labels, chosen[order])
    of_split = np.repeat([False, True], list(COUNTS.values()))
    np.testing.assert_array_equal(named.split("train").labels, expected[of_split])
    here = of_split[places]
    np.testing.assert_array_equal(view.split("train").labels, chosen[here])
    assert [label for _, label in named] == labels
    assert named[-1][1] == labels[-1]
    assert named.to_numpy()[1].tolist() == labels


def test_names_become_classes(data):
    labels = ["dog", "cat", "", "dog", "cat", "ant", "dog", "dog", "dog", "dog"]
    named = data.with_labels(labels)
    assert named.classes == ["ant", "cat", "dog"]
    assert [named.classes[label] if label >= 0 else "" for label in named.labels] == labels
    other = data.with_labels(np.array(labels), ["dog", "cat", "ant", "cow"])
    assert other.classes == ["dog", "cat", "ant", "cow"]
    assert other.labels.tolist() == [0, 1, -1, 0, 1, 2, 0, 0, 0, 0]
    assert data.classes == ["other"]


def test_numbers_may_have_no_names(data):
    rows = data.with_labels(range(COUNT))
    assert (rows.classes, rows[[4, 1]].labels.tolist()) == ([], [4, 1])
    assert data[[]].with_labels([]).labels.tolist() == []
    assert data[2:4].with_labels(["a", "b"])[1][1] == 1


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (["a"], (), r"labels of shape \(1,\): expected one for each of 10 images"),
        ("a" * COUNT, (), r"labels of shape \(\): expected one for each of 10 images"),
        ([[1], [2, 3]], (), r"expected one for each of 10 images"),
        ([0.5] * COUNT, (), r"labels of type float64: expected names of classes, or whole numbers; .* range"),
        (["a", None] * 5, (), r"label None of image 1: expected one of a"),
        (["a", float("nan")] * 5, (), r"label nan of image 1: expected one of a"),
        (["cats"] * COUNT, ["cat", "dog"], r"label 'cats' of image 0: expected one of cat, dog; did you mean cat\?"),
        ([-2] * COUNT, (), r"label -2 of image 0: expected a number from -1 on"),
        ([2**63] * COUNT, (), r"label 9223372036854775808 of image 0: expected a number from -1 on"),
        ([0, 2**70] * 5, (), r"label 1180591620717411303424 of image 1: expected a number from -1 on"),
        ([0, 2] * 5, ["cat", "dog"], r"label 2 of image 1: expected a number from -1 to 1, as 2 classes have"),
        ([0] * COUNT, "cat", r"classes='cat': expected names in a list"),
        ([0] * COUNT, 5, r"classes=5: expected names in a list"),
        ([0] * COUNT, [1], r"classes=\[1\]: expected names in a list"),
        ([0] * COUNT, ["cat", "cat"], r"classes: 'cat' is there 2 times: expected each name once"),
    ],
)
def test_wrong_labels_are_named(data, labels, classes, message):
    with pytest.raises(UsageError, match=message):
        data.with_labels(labels, classes)


def test_they_stay_as_they_are_given(data):
    labels = np.arange(COUNT)
    named = data.with_labels(labels)
    labels[:] = 0
    assert named.labels.tolist() == list(range(COUNT))
    with pytest.raises(ValueError, match="read-only"):
        named.labels[0] = 5
