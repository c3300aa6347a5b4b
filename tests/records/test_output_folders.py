"""Output folders are detected by files of ICS."""

import json
import os
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import compress_files, image_bytes, manifest_row, synthetic_photo
from icsys import Options, merge_shards
from icsys.files.rooted_path import RootedPath
from icsys.records import output_folders as marks
from icsys.records.manifest import to_line
from icsys.records.output_folders import MARKER_FILES, has_output_records, is_output_folder, is_run_record
from icsys.records.pending_outputs import write_pending
from icsys.shard import Shard
from icsys.shards.state_folders import state_folder_of

pytestmark = pytest.mark.usefixtures("unsynced")
FILES = {"cat/a.png": image_bytes(synthetic_photo(8, 8)), "b.png": image_bytes(synthetic_photo(8, 8, seed=1))}
RUN = {
    "tool_version": "1",
    "source": "/in",
    "options": {"colors": 8},
    "summary": {"seconds": 0.5, "compressed": 2, "skipped": 0, "foreign": 0, "ignored": 0},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RUN, *RUN["summary"]]), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "settings",
    [{}, {"shard": "1/2"}, {"options": Options(format="webdataset")}, {"options": Options(palette="class", colors=4)}],
    ids=["files", "shard", "packed", "palette"],
)
def test_a_folder_that_a_run_has_left_is_detected(settings, tmp_path):
    compress_files(tmp_path, FILES, **settings)
    assert is_output_folder(tmp_path / "out")
    assert not is_output_folder(tmp_path / "in")
    if "shard" in settings:
        compress_files(tmp_path, FILES, shard="2/2")
        merge_shards(tmp_path / "out")
        assert is_output_folder(tmp_path / "out")


@pytest.mark.parametrize("left", ["run.json", "manifest.jsonl"])
def test_one_file_is_enough(left, tmp_path):
    compress_files(tmp_path, FILES)
    for name in {"run.json", "manifest.jsonl"} - {left}:
        (tmp_path / "out" / name).unlink()
    assert is_output_folder(tmp_path / "out")
    (tmp_path / "out" / left).unlink()
    assert not is_output_folder(tmp_path / "out")


def test_pending_outputs_or_state_folders_are_enough(tmp_path):
    write_pending(RootedPath(tmp_path), {"a.png": "a.jpg"})
    assert is_output_folder(tmp_path)
    write_pending(RootedPath(tmp_path), {})
    assert not is_output_folder(tmp_path)
    state_folder_of(RootedPath(tmp_path), Shard(1, 2)).make_folders()
    assert is_output_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", b""),
        ("run.json", b"{"),
        ("run.json", b"[]"),
        ("run.json", b"[" * 100_000),
        ("run.json", b'{"summary": ' * 50_000),
        ("run.json", b'{"experiment": "resnet", "epochs": 90, "summary": {"seconds": 12.5, "loss": 0.1}}'),
        ("run.json", b"\xff\xfe\x00"),
        ("manifest.jsonl", b""),
        ("manifest.jsonl", b'{"file_name": "a.png", "label": "cat"}\n' * 10),
        ("manifest.jsonl", b'{"source_path": "a.png", "status": "compressed"}\n'),
        ("manifest.jsonl", b"\0" * 2**20),
        ("failures.jsonl", to_line({"source_path": "a", "code": "b", "message": "c", "status": "failed"})),
        ("shards.json", b'{"format": "webdataset"}'),
        (".ics-lock", b""),
    ],
)
def test_files_of_other_programs_do_not_count(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert not is_output_folder(tmp_path)


@pytest.mark.parametrize("name", sorted(MARKER_FILES))
@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_folders_and_links_with_these_names_do_not_count(name, kind, tmp_path):
    (tmp_path / "in").mkdir()
    compress_files(tmp_path / "ours", FILES)
    write_pending(RootedPath(tmp_path / "ours" / "out"), {"a.png": "a.jpg"})
    state_folder_of(RootedPath(tmp_path / "ours" / "out"), Shard(1, 2)).make_folders()
    place = tmp_path / "in" / name
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe" and hasattr(os, "mkfifo"):
        os.mkfifo(place)
    elif kind == "link" and sys.platform != "win32":
        place.symlink_to(tmp_path / "ours" / "out" / name)
    assert is_output_folder(tmp_path / "in") == (kind == "folder" and name == ".ics-books")


def test_only_the_beginning_of_a_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(marks, "_MOST", 1000)
    text = json.dumps(RUN).encode()
    assert len(text) < 1000
    for size, known in ((1000, True), (1001, False)):
        (tmp_path / "run.json").write_bytes(text.ljust(size))
        assert is_output_folder(tmp_path) == known
    os.truncate(tmp_path / "run.json", 10**11)  # a hole that no memory could hold
    assert not is_output_folder(tmp_path)
    (tmp_path / "manifest.jsonl").write_bytes(to_line(manifest_row("a.png")))
    os.truncate(tmp_path / "manifest.jsonl", 10**11)
    assert is_output_folder(tmp_path)


def test_a_byte_order_mark_is_accepted(tmp_path):
    (tmp_path / "run.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(RUN).encode())
    assert is_output_folder(tmp_path)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON)
def test_a_record_counts_only_with_all_its_numbers(record):
    """Compared with a second statement of the same rule."""
    summary = record.get("summary") if isinstance(record, dict) else None
    ours = isinstance(summary, dict) and all(
        isinstance(summary.get(name), int | float) and not isinstance(summary[name], bool) for name in RUN["summary"]
    )
    assert is_run_record(RUN)
    assert not is_run_record(record) or ours


@given(st.sampled_from(sorted(RUN["summary"])), st.sampled_from([None, True, "1", [], {}]))
def test_a_record_with_a_value_of_another_type_does_not_count(name, value):
    assert not is_run_record(RUN | {"summary": RUN["summary"] | {name: value}})
    assert not is_run_record(RUN | {"summary": {key: RUN["summary"][key] for key in RUN["summary"] if key != name}})
    assert not is_run_record(RUN | {"options": [value]})


def test_only_these_names_are_read():
    asked = []

    def head(name, size):
        asked.append((name, size))
        return b""

    assert not has_output_records(head)
    assert {name for name, _ in asked} == {"run.json", "manifest.jsonl"}
    assert max(size for _, size in asked) < 2**23
