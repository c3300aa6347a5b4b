"""Assignment of images to packs: each image gets one pack, and packs respect their limits."""

import json
import threading
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import manifest_row
from icsys.files.rooted_path import RootedPath
from icsys.packs.assignment import assign, assigned_rows
from icsys.packs.companions import Companions
from icsys.records.pack_index import PackIndex
from icsys.records.splits import split_of


def companions_in(folder):
    return Companions(RootedPath(folder) / "manifest.jsonl")


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 7), st.integers(1, 120))
def test_packs_respect_their_limits_and_are_never_empty(tmp_path_factory, sizes, most_images, most_bytes):
    folder = tmp_path_factory.mktemp("shards")
    lines = [manifest_row(f"{i:03}", bytes=size) for i, size in enumerate(sizes)]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    index = PackIndex(format="webdataset", shard_images=most_images, shard_bytes=most_bytes)
    held = {}
    for row, name in assigned_rows(RootedPath(folder), index, companions_in(folder)):
        held.setdefault(name, []).append(row["bytes"])
    assert [size for group in held.values() for size in group] == sizes
    assert list(held) == [f"data/train-{i:05}.tar" for i in range(len(held))]
    for group in held.values():
        assert len(group) <= most_images
        assert sum(group) <= most_bytes or len(group) == 1
    for group, after in pairwise(held.values()):
        assert len(group) == most_images or sum(group) + after[0] > most_bytes


def test_the_rows_of_the_splits_are_those_of_all_images_in_the_same_packs(tmp_path):
    """Splits alternate; among the rows are samples, a failure, a stale row, and lines that are none."""
    folders = ("train/cat", "test", "val/dog", "dog", "test/cat")
    rows = [manifest_row(f"{folders[i % 5]}/{i:02}", bytes=1 + i % 7) for i in range(40)]
    for row in rows[::3]:
        row |= {"sample": "s"}
    rows[7]["status"], rows[9]["status"] = "stale", "failed"
    rows[9] |= {"code": "io", "message": "m", "file_name": 5}
    lines = [json.dumps(row) for row in rows]
    lines[11:11] = ["", "{", "[1]", json.dumps({"status": "compressed"})]
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines), "utf-8")
    index = PackIndex(format="webdataset", shard_images=3, shard_bytes=12)
    pairs = list(assigned_rows(RootedPath(tmp_path), index, companions_in(tmp_path)))
    assert [row for row, _ in pairs] == [row for row in rows if row["status"] == "compressed"]
    for split in ("train", "test", "validation"):
        expected = [(row, name) for row, name in pairs if split_of(row["file_name"]) == split]
        assert expected
        assert all(name.startswith(f"data/{split}-") for _, name in expected)
        assert list(assigned_rows(RootedPath(tmp_path), index, companions_in(tmp_path), split)) == expected
    summary = assign(RootedPath(tmp_path), index, companions_in(tmp_path), (), threading.Event())
    assert (summary.counts, summary.splits) == (Counter(name for _, name in pairs), ["test", "train", "validation"])


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train/cat/a.png", "train"),
        ("TEST/a.png", "test"),
        ("dev/cat/a.png", "validation"),
        ("cat/test/a.png", "train"),
        ("test.png", "train"),
        ("testimony/a.png", "train"),
    ],
)
def test_the_top_folder_gives_the_split(name, split):
    assert split_of(name) == split
