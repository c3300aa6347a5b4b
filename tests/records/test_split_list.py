"""The list of splits keeps every path and its split, and refuses what ICS has not written."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import UsageError
from icsys.files.rooted_path import RootedPath
from icsys.records.split_list import read_split_list, split_key, split_table, write_split_list
from icsys.selection import parse_shares

SHARES = parse_shares("train=80,val=10,test=10")
HEADER = '{"split": "train=80,val=10,test=10", "seed": 3}\n'
PATHS = st.text(st.characters(exclude_characters="\x00"), min_size=1, max_size=20).map(
    lambda text: text.encode("utf-8", "replace").decode()
)


@given(st.dictionaries(PATHS | st.just("caf\udce9.jpg"), st.sampled_from(SHARES.names)))
def test_a_table_finds_each_image_and_no_other(splits):
    names = sorted(SHARES.names)
    keys = np.array([split_key(path) for path in splits], np.uint64)
    table = split_table(names, keys, np.array([names.index(one) for one in splits.values()], np.int16))
    assert {path: table.of(path) for path in splits} == splits
    assert table.of("other/" + "".join(splits)) is None
    there = table.of_all(np.append(keys, np.uint64(split_key("another one"))))
    assert [names[i] for i in there[:-1]] == list(splits.values())
    assert there[-1] == -1


def test_what_is_written_is_read_and_later_images_are_added(tmp_path):
    folder = RootedPath(tmp_path)
    assert read_split_list(folder) is None
    first = {"cat/a.jpg": "train", "cat/caf\udce9.jpg": "val", 'b"\n.jpg': "test"}
    write_split_list(folder, SHARES, 3, iter(first.items()))
    before = (tmp_path / "splits.jsonl").read_bytes()
    write_split_list(folder, SHARES, 3, [("later.jpg", "val")])
    after = (tmp_path / "splits.jsonl").read_bytes()
    assert after.startswith(before)
    rows = [json.loads(line) for line in after.decode().splitlines()]
    assert rows[0] == {"split": "train=80,val=10,test=10", "seed": 3}
    assert {row["source_path"]: row["split"] for row in rows[1:]} == first | {"later.jpg": "val"}
    found = read_split_list(folder)
    assert (found.shares, found.seed) == (SHARES, 3)
    assert {path: found.table.of(path) for path in [*first, "later.jpg", "x"]} == (
        first | {"later.jpg": "val", "x": None}
    )


def test_a_write_that_fails_leaves_the_list_as_it_was(tmp_path):
    folder = RootedPath(tmp_path)
    write_split_list(folder, SHARES, 0, [("a.jpg", "train")])
    before = (tmp_path / "splits.jsonl").read_bytes()

    def failing():
        yield "b.jpg", "val"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write_split_list(folder, SHARES, 0, failing())
    assert [path.name for path in tmp_path.iterdir()] == ["splits.jsonl"]
    assert (tmp_path / "splits.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("[]\n", 1),
        ('{"split": "train=80", "seed": 0}\n', 1),
        ('{"split": "train=80,val=20"}\n', 1),
        (HEADER + "x\n", 2),
        (HEADER + '{"source_path": "a.jpg", "split": "train"}\n{"source_path": "a.jpg", "split": "dev"}\n', 3),
        (HEADER + '{"source_path": 5, "split": "train"}\n', 2),
        (HEADER + '{"source_path": "a.jpg", "split": ["train"]}\n', 2),
        (HEADER + '{"source_path": "a.jpg"}\n', 2),
        (HEADER + "[" * 500 + "\n", 2),
    ],
)
def test_another_line_is_refused_by_its_number(tmp_path, text, line):
    (tmp_path / "splits.jsonl").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=rf"splits.jsonl', line {line}: expected an image and its split"):
        read_split_list(RootedPath(tmp_path))
