"""Splits and classes by folders, as common datasets lay them out."""

import pytest

from icsys.inspection.split_folders import SplitFolders


@pytest.mark.parametrize(
    ("folders", "path", "expected"),
    [
        (["train/cat", "test/cat"], "test/cat/a.jpg", ("test", "test", "cat")),
        (["cat/train", "cat/test", "dog/train", "dog/test"], "dog/train/a.jpg", ("train", "train", "dog")),
        (["images/train", "images/val"], "images/val/a.jpg", ("val", "validation", None)),
        (["train2017", "val2017"], "val2017/a.jpg", ("val2017", "validation", None)),
        (["train_images", "test_images"], "test_images/a.jpg", ("test_images", "test", None)),
        (["train/n01/images", "val/n01/images"], "train/n01/images/a.jpg", ("train", "train", "n01")),
        (["train/bus", "train/train", "test/bus"], "train/train/a.jpg", ("train", "train", "train")),
        (["bus", "car", "train"], "train/a.jpg", (None, None, "train")),
        (["train"], "train/a.jpg", ("train", "train", None)),
        (["train", ""], "train/a.jpg", (None, None, "train")),
        (
            ["leftImg8bit/train/aachen", "leftImg8bit/val/bonn"],
            "leftImg8bit/val/bonn/a.png",
            ("val", "validation", "bonn"),
        ),
        (["cat", "dog"], "cat/a.jpg", (None, None, "cat")),
        ([""], "a.jpg", (None, None, None)),
        (["trains", "tests"], "tests/a.jpg", (None, None, "tests")),
    ],
)
def test_split_and_class_of_an_image(folders, path, expected):
    assert SplitFolders(folders).place_of(path) == expected
