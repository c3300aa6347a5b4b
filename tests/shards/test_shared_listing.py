"""One listing for all shards, compared with the rule of shards for each image."""

import json
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import manifest_row, state_folder_at
from icsys import UsageError
from icsys.files.relative_names import is_below
from icsys.files.rooted_path import RootedPath
from icsys.records.label import UNLABELLED, Label
from icsys.records.manifest import to_line
from icsys.records.pending_outputs import WrittenHashes, load_pending, write_pending
from icsys.shard import Shard, all_shards, shard_index
from icsys.shards import shared_listing as module
from icsys.shards.shared_listing import Listing, list_for_shards, listed_shard, read_listed, read_listing
from icsys.shards.state_folders import State, read_state, shards_in, write_state
from icsys.sources.base import Ignored, PassedOver, Task, Unreadable

pytestmark = pytest.mark.usefixtures("unsynced")

SETTINGS = {"source": "/in", "suffix": ".png", "follow_links": False, "include_outputs": False}
NAME = st.text(st.sampled_from("ab/\u00e9e\u0301\udce9 "), min_size=1, max_size=6).filter(is_below)
NAMES = st.lists(NAME, unique=True, max_size=40)


def tasks(*names):
    return [Task(f"{name}.jpg", f"{name}.png") for name in names]


def divided(folder, planned, count=3, values=SETTINGS, stop=None):
    return list_for_shards(RootedPath(folder), planned, values, lambda _: count, stop=stop or threading.Event())


@settings(deadline=None, max_examples=40)
@given(NAMES, NAMES, st.integers(1, 7), st.integers(1, 200))
def test_every_entry_is_in_the_part_of_its_shard_in_order(names, ignored, count, held):
    labels = [None, UNLABELLED, Label("AC/DC"), Label("caf\udce9", 10)]
    planned = [task._replace(label=labels[i % 4], sample="" if i % 3 else "a") for i, task in enumerate(tasks(*names))]
    planned += [*map(Ignored, ignored), Unreadable("x.jpg", "permission", "why")]
    planned += map(PassedOver, names[:3])
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_HELD", held)
        folder = Path(name)
        assert divided(folder, planned, count) == Listing(count, len(names) + 1, SETTINGS)
        assert shards_in(RootedPath(folder)) == all_shards(count)
        for shard in all_shards(count):
            mine = [entry for entry in planned if shard_index(entry.source, count) == shard.index]
            assert list(read_listed(RootedPath(state_folder_at(folder, shard)))) == mine


def test_a_folder_that_cannot_be_listed_is_in_every_part(tmp_path):
    closed = Unreadable("closed", "permission", "why", is_folder=True)
    divided(tmp_path, [closed, *tasks("a")])
    for shard in all_shards(3):
        assert closed in list(read_listed(RootedPath(state_folder_at(tmp_path, shard))))


def test_every_shard_gets_its_share_of_earlier_rows_and_pending_outputs(tmp_path):
    rows = [manifest_row(f"{name}.jpg", f"{name}.png") for name in "abcdefgh"]
    (tmp_path / "manifest.jsonl").write_bytes(b"".join(map(to_line, rows)) + b'{"torn')
    (tmp_path / "failures.jsonl").write_bytes(
        to_line({"source_path": "z.jpg", "code": "broken", "message": "why", "status": "failed"})
    )
    write_pending(RootedPath(tmp_path), {"a.png": "a.jpg", "b.png": "b.jpg", "gone.png": ""})
    for output in ("a.png", "b.png", "gone.png"):
        WrittenHashes(RootedPath(tmp_path)).add(output, output.encode().hex())
    divided(tmp_path, tasks(*"abcdefgh"))
    for shard in all_shards(3):
        state_folder = state_folder_at(tmp_path, shard)
        path = state_folder / "manifest.jsonl"
        found = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
        assert found == [row for row in rows if shard.owns(row["source_path"])]
        assert (state_folder / "failures.jsonl").exists() == shard.owns("z.jpg")
        pending = {f"{name}.png": f"{name}.jpg" for name in "ab" if shard.owns(f"{name}.jpg")}
        pending |= {"gone.png": ""} if shard.owns("") else {}
        assert load_pending(RootedPath(state_folder)) == pending
        assert WrittenHashes(RootedPath(state_folder)).load() == {output: {output.encode().hex()} for output in pending}


@pytest.mark.parametrize(
    "line",
    [
        b'["../a.jpg", "a.png"]',
        b'["a.jpg", "/a.png"]',
        b'{"source": "a.jpg", "output": "../a.png", "label": null, "sample": ""}',
        b"[1, 2]",
        b"{}",
        b"torn",
    ],
)
def test_a_listing_that_ics_did_not_write_is_refused(line, tmp_path):
    divided(tmp_path, tasks("a"), count=1)
    state_folder = state_folder_at(tmp_path, Shard(1, 1))
    (state_folder / "plan.jsonl").write_bytes(line + b"\n")
    with pytest.raises(UsageError, match=r"plan\.jsonl.*is not what ics has written"):
        list(read_listed(RootedPath(state_folder)))


@pytest.mark.parametrize("count", [0, -1, 10**18, True, "3", 2.5, None])
def test_a_listing_with_an_invalid_number_of_shards_is_ignored(count, tmp_path):
    divided(tmp_path, tasks("a"), count=1)
    path = tmp_path / ".ics-books" / "division.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"count": count}), "utf-8")
    assert read_listing(RootedPath(tmp_path)) is None


def finish(folder, shard):
    write_state(RootedPath(state_folder_at(folder, shard)), State({}, follow_links=False, finished=True))


def test_only_shards_whose_part_has_changed_become_unfinished(tmp_path):
    names = "abcdefgh"
    divided(tmp_path, tasks(*names))
    for shard in all_shards(3):
        finish(tmp_path, shard)
        (state_folder_at(tmp_path, shard) / "manifest.jsonl").write_bytes(b"what was done\n")
    divided(tmp_path, tasks(*names, "new"), count=99)
    for shard in all_shards(3):
        assert read_state(RootedPath(state_folder_at(tmp_path, shard))).finished != shard.owns("new.jpg")
        assert (state_folder_at(tmp_path, shard) / "manifest.jsonl").read_bytes() == b"what was done\n"
    assert read_listing(RootedPath(tmp_path)) == Listing(3, 9, SETTINGS)


def test_with_other_settings_no_shard_is_finished(tmp_path):
    divided(tmp_path, tasks(*"abcdefgh"))
    for shard in all_shards(3):
        finish(tmp_path, shard)
    divided(tmp_path, tasks(*"abcdefgh"), values=SETTINGS | {"overwrite": "always"})
    assert not any(read_state(RootedPath(state_folder_at(tmp_path, shard))).finished for shard in all_shards(3))


def test_a_killed_listing_leaves_no_state(tmp_path, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_scatter_pending", die)
        with pytest.raises(KeyboardInterrupt):
            divided(tmp_path, tasks(*"abc"))
    assert shards_in(RootedPath(tmp_path)) == []
    divided(tmp_path, tasks(*"abc"))
    assert shards_in(RootedPath(tmp_path)) == all_shards(3)


def test_without_images_or_after_a_stop_there_is_no_listing(tmp_path):
    assert divided(tmp_path, [Ignored("n.txt")]) is None
    stop = threading.Event()
    stop.set()
    assert divided(tmp_path, tasks("a"), stop=stop) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ics-lock"]


def test_shards_that_list_for_themselves_must_be_merged_first(tmp_path):
    state_folder_at(tmp_path, Shard(2, 5)).mkdir(parents=True)
    with pytest.raises(UsageError, match="divided into 5 shards: merge them first"):
        divided(tmp_path, tasks("a"))


def test_a_listing_counts_only_for_the_same_settings(tmp_path):
    source = tmp_path / "in"
    values = SETTINGS | {"source": str(source.absolute())}
    out = tmp_path / "out"
    out.mkdir()
    shard = Shard(1, 1)
    assert listed_shard(RootedPath(out), shard, source, ".png", follow_links=False) is None
    divided(out, tasks("a"), count=1, values=values)
    root = RootedPath(out)
    assert list(listed_shard(root, shard, source, ".png", follow_links=False).plan(".png")) == tasks("a")
    assert listed_shard(root, shard, tmp_path / "other", ".png", follow_links=False) is None
    assert listed_shard(root, shard, source, ".jpg", follow_links=False) is None
    assert listed_shard(root, shard, source, ".png", follow_links=True) is None
    assert listed_shard(root, shard, source, ".png", follow_links=False, include_outputs=True) is None
