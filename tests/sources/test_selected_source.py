"""Outputs in the folders of splits: images, their masks and labels, and what is left out."""

import pickle

import numpy as np
import pytest

from icsys.records.label import UNLABELLED, Label
from icsys.records.split_list import split_key, split_table
from icsys.sources.base import Companion, Excluded, Ignored, PassedOver, Task, Unreadable
from icsys.sources.folder import Folder
from icsys.sources.selected_source import SelectedSource, whole_of

A, B = Task("images/a.jpg", "images/a.png"), Task("b.jpg", "b.png")
MASK = Companion(Task("masks/a.png", "masks/a.png"), "mask", "mask", A)
TABLE = Companion(Task("metadata.csv", "metadata.csv"), "sidecar", "table", None)
LIST = Companion(Task("all.txt", "all.txt"), "sidecar", "names", None)
OTHERS = [Ignored("notes.doc"), PassedOver("out"), Unreadable("x", "permission", "no", is_folder=True)]


class Listed:
    """A source with a plan of this test."""

    shown, classes = "listed", ("cat",)

    def __init__(self, *planned):
        self.planned = planned

    def plan(self, _):
        return iter(self.planned)


def table(**splits):
    keys = np.array([split_key(path) for path in splits.values()], np.uint64)
    return split_table(sorted(splits), keys, np.arange(len(splits), dtype=np.int16))


def test_the_split_stands_before_the_paths_of_an_image_and_of_what_is_about_it_alone():
    source = SelectedSource(Listed(A, MASK, B, TABLE, LIST, *OTHERS), table(train="images/a.jpg", val="b.jpg"), {})
    image, mask, other, *tables = source.plan(".png")
    tables, rest = tables[:2], tables[2:]
    assert [(one.source, one.task.output) for one in tables] == [
        ("metadata.csv", "train/metadata.csv"),
        ("metadata.csv", "val/metadata.csv"),
    ]
    assert image == A._replace(output="train/images/a.png")
    assert mask == MASK._replace(task=MASK.task._replace(output="train/masks/a.png"), picture=image)
    assert other == B._replace(output="val/b.png", label=UNLABELLED)  # the folder of a split is no class
    assert rest == [LIST, *OTHERS]
    assert source.has_splits


def test_labels_of_the_source_stay():
    named = B._replace(label=Label("cat", 3), output="cat/b.png")
    (image,) = SelectedSource(Listed(named), table(test="b.jpg"), {}).plan(".png")
    assert image == named._replace(output="test/cat/b.png")


def test_what_came_after_the_list_was_made_waits_for_the_next_run():
    found = list(SelectedSource(Listed(A, MASK), table(train="b.jpg"), {}).plan(".png"))
    assert [(one.source, one.code, one.is_folder) for one in found] == [
        ("images/a.jpg", "changed", False),
        ("masks/a.png", "changed", False),
    ]


@pytest.mark.parametrize("splits", [None, table(train="b.jpg")])
def test_an_image_that_is_left_out_is_no_task(splits):
    source = SelectedSource(Listed(A, MASK, *OTHERS), splits, {"images/a.jpg": ("min_side", "too small")})
    assert list(source.plan(".png")) == [Excluded(A, "min_side", "too small"), MASK, *OTHERS]
    assert Excluded(A, "min_side", "too small").source == "images/a.jpg"


def test_workers_get_the_source_without_its_table(tmp_path):
    folder = Folder(tmp_path, tmp_path / "out")
    source = SelectedSource(folder, table(train="b.jpg"), {"a": ("min_side", "too small")})
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301 - from this process
    assert whole_of(copy) == whole_of(source) == whole_of(folder) == folder
    assert not copy.has_splits
    (tmp_path / "b.jpg").write_bytes(b"image")
    assert copy.stat(B)[0] == 5
    assert copy.head(B, 3).startswith(b"ima")
