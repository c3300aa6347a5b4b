"""Splits: which folders are for training, and which images lie in chosen folders."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.records.splits import ImageFolders, TrainFolders

names = st.sampled_from(["train", "test", "cat", "Training", "x"])
paths = st.lists(st.lists(names, max_size=3).map(lambda folders: "/".join([*folders, "a.jpg"])), max_size=8)


def found(paths):
    folders = TrainFolders()
    for path in paths:
        folders.add(path)
    return folders.found()


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["train/cat/a", "test/cat/a"], ("train",)),
        (["Training/a", "VAL/a"], ("Training",)),
        (["train/cat/a", "extra/a"], ("train",)),
        (["images/train/a", "images/val/a", "masks/train/a", "masks/val/a"], ("images/train", "masks/train")),
        (["cat/train/a", "cat/test/a", "dog/train/a", "dog/test/a"], ("cat/train", "dog/train")),
        # Images in no split, beside the folder of the splits and in it.
        (["pets/train/cat/a", "pets/test/cat/a", "cars/a"], ()),
        (["pets/train/cat/a", "pets/test/cat/a", "a"], ()),
        (["pets/train/cat/a", "pets/test/cat/a", "pets/extra/deep/and/deeper/a"], ("pets/train",)),
        (["x/y/z/train/cat/a", "x/y/z/test/cat/a", "x/y/z/extra/a"], ("x/y/z/train",)),
        # A class of vehicles, not a split.
        (["train/a", "car/a", "ship/a"], ()),
        (["train/a", "train/deep/b", "car/a"], ()),
        (["cat/a", "test/a"], ()),
        (["train/train/a", "train/train/b/a", "train/car/a", "test/train/a"], ("train",)),
        (["train/car/a", "test/train/old/a", "test/car/a"], ("train",)),
        (["test/set/train/a", "test/set/val/a"], ("test/set/train",)),
        (["trainer/a/b", "test/a"], ()),
        (["train.jpg", "test/a"], ()),
        ([], ()),
    ],
)
def test_the_folders_for_training_are_found(paths, expected):
    assert found(paths) == expected
    assert found(reversed(paths)) == expected


@given(paths, st.lists(st.sampled_from(["train", "*", "*/train", "t*t/cat", "cat/x", "[tx]*"]), max_size=2))
def test_an_image_lies_in_a_folder_that_matches_and_in_all_above(paths, patterns):
    chosen = ImageFolders(patterns)
    for path in paths:
        parts = path.split("/")[:-1]
        above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        assert chosen.hold(path) == any(fnmatch.fnmatchcase(one, pattern) for one in above for pattern in patterns)


def test_a_folder_whose_name_looks_like_a_pattern_is_itself():
    assert ImageFolders(["[x]"]).hold("[x]/a.jpg")
    assert ImageFolders(["[x]"]).hold("x/a.jpg")
    assert not ImageFolders(["[x]"]).hold("y/a.jpg")
