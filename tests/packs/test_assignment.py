"""Assignment of images to packs: each image gets one pack, and packs respect their limits."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import manifest_row
from icsys.files.rooted_path import RootedPath
from icsys.packs.assignment import assigned_rows
from icsys.records.pack_index import PackIndex
from icsys.records.splits import split_of


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 7), st.integers(1, 120))
def test_packs_respect_their_limits_and_are_never_empty(tmp_path_factory, sizes, most_images, most_bytes):
    folder = tmp_path_factory.mktemp("shards")
    lines = [manifest_row(f"{i:03}", bytes=size) for i, size in enumerate(sizes)]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    index = PackIndex(format="webdataset", shard_images=most_images, shard_bytes=most_bytes)
    held = {}
    for row, name in assigned_rows(RootedPath(folder), index):
        held.setdefault(name, []).append(row["bytes"])
    assert [size for group in held.values() for size in group] == sizes
    assert list(held) == [f"data/train-{i:05}.tar" for i in range(len(held))]
    for group in held.values():
        assert len(group) <= most_images
        assert sum(group) <= most_bytes or len(group) == 1
    for group, after in pairwise(held.values()):
        assert len(group) == most_images or sum(group) + after[0] > most_bytes


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
