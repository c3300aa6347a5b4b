"""Manifests of shards are merged, compared with a slow twin that holds all rows in memory."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import companion_row_of, left_out_row_of, manifest_row, state_folder_at
from icsys import UsageError
from icsys.files.rooted_path import RootedPath
from icsys.records.manifest import DONE, STALE, to_line
from icsys.shard import Shard, all_shards, shard_index
from icsys.shards import merge_manifests as merge_module
from icsys.shards.merge_manifests import merge_manifests

pytestmark = pytest.mark.usefixtures("unsynced")


def row(source, output=None, status=DONE, **changes):
    return manifest_row(source, output or source.rpartition(".")[0] + ".png", status=status, **{"bytes": 5} | changes)


def failure(source, message="why"):
    return {"source_path": source, "code": "broken", "message": message, "status": "failed"}


def write(state_folder, rows, name="manifest.jsonl"):
    state_folder.mkdir(parents=True, exist_ok=True)
    rows = sorted(rows, key=lambda row: (row["source_path"], row.get("file_name", "")))
    (state_folder / name).write_bytes(b"".join(map(to_line, rows)))


def read(folder, name="manifest.jsonl"):
    path = folder / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "a-b", "a.b", "é", "ab", "~"]), min_size=1, max_size=3).map("/".join),
    unique=True,
    max_size=25,
).map(lambda paths: [f"{path}.jpg" for path in paths])


@settings(deadline=None, max_examples=60)
@given(PATHS, PATHS, st.integers(1, 5), st.data())
def test_the_rows_of_all_shards_are_merged_in_order(tmp_path_factory, paths, old, count, data):
    folder = tmp_path_factory.mktemp("join")
    shards = data.draw(st.lists(st.sampled_from(all_shards(count)), unique=True, min_size=1).map(sorted))
    there = {shard.index for shard in shards}
    if old:
        write(folder, [row(path, bytes=7) for path in old])
    for shard in shards:
        write(state_folder_at(folder, shard), [row(path) for path in paths if shard.owns(path)])
    summary = merge_manifests(RootedPath(folder), shards)
    expected = [row(path) for path in paths if shard_index(path, count) in there]
    expected += [row(path, bytes=7) for path in old if shard_index(path, count) not in there]
    assert read(folder) == sorted(expected, key=lambda row: row["source_path"])
    assert (summary.images, summary.compressed) == (len(expected), len(expected))
    assert summary.bytes_out == sum(row["bytes"] for row in expected)
    assert (summary.elements_in, summary.elements_out) == (36 * len(expected), 4 * len(expected))


def test_copied_sources_are_counted_and_older_rows_lack_the_column(tmp_path):
    shard = all_shards(1)[0]
    rows = [
        row("a.jpg", kept_source=True),
        row("b.jpg", kept_source=False),
        row("c.jpg"),
        row("d.jpg", kept_source=True),
    ]
    write(state_folder_at(tmp_path, shard), rows)
    assert merge_manifests(RootedPath(tmp_path), [shard]).kept_sources == 2


KINDS = st.sampled_from(["image", "mask", "annotation", "sidecar", "left_out", "stale"])


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(PATHS.filter(bool).map(min), KINDS, max_size=12), st.integers(1, 4), st.booleans())
def test_rows_of_any_kinds_are_merged_and_counted_as_in_one_table(tmp_path_factory, kinds, count, is_old):
    folder = tmp_path_factory.mktemp("kinds")
    shards = all_shards(count)
    makers = {
        "image": row,
        "left_out": lambda path: left_out_row_of(path, rule=f"rule{len(path) % 2}"),
        "stale": lambda path: companion_row_of(path, status=STALE),
    }
    rows = [makers.get(kind, lambda path, kind=kind: companion_row_of(path, kind=kind))(p) for p, kind in kinds.items()]
    rows.sort(key=lambda row: (row["source_path"], row.get("file_name", "")))
    if is_old:  # rows of the folder that belong to the shards are replaced by those of the shards
        write(folder, [left_out_row_of("zz.jpg"), *rows])
    for shard in shards:
        write(state_folder_at(folder, shard), [row for row in rows if shard.owns(row["source_path"])])
    summary = merge_manifests(RootedPath(folder), shards)
    assert read(folder) == rows
    numbers = {kind: list(kinds.values()).count(kind) for kind in ("image", "mask", "annotation", "sidecar")}
    assert numbers == {
        "image": summary.compressed,
        "mask": summary.masks,
        "annotation": summary.annotations,
        "sidecar": summary.sidecars,
    }
    left_out = [row for row in rows if row["status"] == "left_out"]
    assert summary.images == numbers["image"] + len(left_out)
    assert sum(summary.left_out.values()) == len(left_out)
    assert summary.left_out.keys() == {row["code"] for row in left_out}
    assert summary.labels_dropped == numbers["mask"] + numbers["annotation"] + numbers["sidecar"]
    assert len(summary.stale) == list(kinds.values()).count("stale")


def test_failures_of_companions_are_none_of_images(tmp_path):
    shard = all_shards(1)[0]
    write(state_folder_at(tmp_path, shard), [row("a.jpg")])
    failures = [failure("a.txt") | {"kind": "annotation"}, failure("b.jpg")]
    write(state_folder_at(tmp_path, shard), failures, "failures.jsonl")
    summary = merge_manifests(RootedPath(tmp_path), [shard])
    assert (summary.images, summary.failed, len(summary.companion_failures)) == (2, 1, 1)
    assert read(tmp_path, "failures.jsonl") == failures


OUTPUTS = st.sampled_from(["x.png", "y.png", "x.jpg.png"])
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "d/", "d/e/", "d-"]), st.sampled_from("abcdef"), OUTPUTS, st.sampled_from([DONE, STALE])
    ),
    unique_by=lambda row: row[:3],
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_one_row_per_output_is_kept_and_two_finished_ones_are_refused(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("join")
    rows = [row(f"{where}{name}", f"{where}{output}", status) for where, name, output, status in drawn]
    shards = all_shards(2)
    for shard in shards:
        write(state_folder_at(folder, shard), [row for row in rows if shard.owns(row["source_path"])])
    done = [row["file_name"] for row in rows if row["status"] == DONE]
    if len(done) > len(set(done)):
        with pytest.raises(UsageError, match="the shards saw different files"):
            merge_manifests(RootedPath(folder), shards)
        assert not (folder / "manifest.jsonl").exists()
        return
    merge_manifests(RootedPath(folder), shards)
    kept = {row["file_name"]: row for row in read(folder)}
    assert len(kept) == len(read(folder))
    assert {name: row["status"] for name, row in kept.items()} == {
        row["file_name"]: DONE if row["file_name"] in done else STALE for row in rows
    }
    assert all(row in rows for row in kept.values())


def test_a_row_of_a_shard_replaces_one_of_the_folder(tmp_path):
    """The output of a missing shard's source is that of another source now."""
    gone, here = "a.jpg", "a.bmp"
    assert shard_index(gone, 4) != shard_index(here, 4)
    write(tmp_path, [row(gone, "a.png")])
    shard = Shard(shard_index(here, 4), 4)
    write(state_folder_at(tmp_path, shard), [row(here, "a.png")])
    merge_manifests(RootedPath(tmp_path), [shard])
    assert read(tmp_path) == [row(here, "a.png")]


def test_a_row_of_another_shard_is_refused(tmp_path):
    shards = all_shards(2)
    write(state_folder_at(tmp_path, shards[0]), [row(path) for path in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")])
    with pytest.raises(UsageError, match=r"shard 1/2 .* a source of another shard"):
        merge_manifests(RootedPath(tmp_path), shards)
    assert not (tmp_path / "manifest.jsonl").exists()


def test_a_folder_that_several_shards_could_not_list_fails_once(tmp_path):
    shards = all_shards(3)
    for shard in shards:
        write(state_folder_at(tmp_path, shard), [failure("cat")], "failures.jsonl")
    summary = merge_manifests(RootedPath(tmp_path), shards)
    assert read(tmp_path, "failures.jsonl") == [failure("cat")]
    assert (summary.images, summary.failed) == (1, 1)


def test_old_failures_are_dropped(tmp_path):
    write(tmp_path, [failure("a.jpg")], "failures.jsonl")
    shards = all_shards(2)
    for shard in shards:
        write(state_folder_at(tmp_path, shard), [row("a.jpg")] if shard.owns("a.jpg") else [])
    merge_manifests(RootedPath(tmp_path), shards)
    assert not (tmp_path / "failures.jsonl").exists()
    assert read(tmp_path) == [row("a.jpg")]


@pytest.mark.parametrize("block", [1, 7, 100, 5000])
def test_lines_are_whole_for_any_block_size(block, tmp_path, monkeypatch):
    monkeypatch.setattr(merge_module, "_BLOCK", block)
    monkeypatch.setattr(merge_module, "_LEAST", 1)
    paths = [f"caf\u00e9 {number} \u2028\r.jpg" for number in range(20)]
    shards = all_shards(2)
    for shard in shards:
        write(state_folder_at(tmp_path, shard), [row(path) for path in paths if shard.owns(path)])
    merge_manifests(RootedPath(tmp_path), shards)
    assert [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_bytes().split(b"\n")[:-1]] == [
        row(path) for path in sorted(paths)
    ]
