"""The journal: rows survive crashes, and the manifest is sorted at the end."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import manifest_row
from icsys.files.rooted_path import RootedPath
from icsys.journal.journal import Journal, load_journal
from icsys.layout import MANIFEST
from icsys.records.manifest import FAILED, from_line, to_line


def done(source, output=None, **changes):
    return manifest_row(source, output, **changes)


def failed(source):
    return {"source_path": source, "code": "io", "message": "m", "status": FAILED}


def opened(folder):
    return Journal(RootedPath(folder), load_journal(RootedPath(folder)))


def write(folder, *rows):
    journal = opened(folder)
    for row in rows:
        journal.append(row)
    journal.close()
    return journal


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


names = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name).map(os.fsdecode)


@given(st.dictionaries(st.sampled_from(["source_path", "message"]), names, min_size=1))
def test_any_name_is_read_back_unchanged(row):
    row = failed("a") | row
    line = to_line(row)
    assert line.count(b"\n") == 1
    line.decode("utf-8", "strict")
    assert from_line(line) == row


@settings(deadline=None)  # a disk may be busy
@given(st.data())
def test_a_journal_cut_off_anywhere_keeps_its_whole_lines_and_takes_more(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal")
    write(folder, done("a"), done("b"), failed("c"))
    path = folder / MANIFEST
    whole = path.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:size])
    kept = (whole[:size] + b"\n").count(b"}\n")  # the last line may lack its end, and no more
    assert len(load_journal(RootedPath(folder)).done) == min(kept, 2)
    journal = write(folder, done("d"))
    assert [row["source_path"] for row in lines(path)] == [*["a", "b", "c"][:kept], "d"]
    assert journal.start == sum(map(len, whole.splitlines(keepends=True)[:kept]))
    assert path.read_bytes().startswith(whole[: journal.start])


def test_the_last_line_of_an_output_counts(tmp_path):
    write(tmp_path, done("a", bytes=1), failed("b"), done("a", bytes=2), done("b"), failed("c"))
    known = load_journal(RootedPath(tmp_path))
    assert known.done["a"].bytes == 2
    assert known.failed == {"c"}
    assert not known.in_order
    assert opened(tmp_path).read(known.done["a"].position) == done("a", bytes=2)


@pytest.mark.parametrize("damage", [b"", b"null\n", b"{}\n", b"[1]\n", b"\xff\xfe\n", b'{"source_path": 3}\n'])
def test_lines_that_ics_did_not_write_are_ignored(damage, tmp_path):
    (tmp_path / MANIFEST).write_bytes(damage + to_line({"source_path": "x", "file_name": "x"}) + to_line(done("a")))
    assert list(load_journal(RootedPath(tmp_path)).done.unmet()) == ["a"]


def test_a_half_written_line_spoils_no_other(tmp_path):
    """The system writes only ten bytes of a line, because of a limit on file sizes."""
    resource = pytest.importorskip("resource", reason="needs limits as POSIX has them")
    journal = opened(tmp_path)
    journal.append(done("a"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / MANIFEST).stat().st_size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            journal.append(done("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / MANIFEST).read_bytes().endswith(b"\n")
    journal.append(done("c"))
    journal.close()
    assert lines(tmp_path / MANIFEST) == [done("a"), done("c")]


def test_whole_rows_of_a_call_that_fails_count(tmp_path):
    """The system writes the first of two rows, and half of the second."""
    resource = pytest.importorskip("resource", reason="needs limits as POSIX has them")
    journal = opened(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(to_line(failed("a"))) + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            journal.append(failed("a"), failed("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert journal.failures == {"a": to_line(failed("a"))}
    journal.append(done("c"))
    journal.close()
    assert journal.start == 0
    assert lines(tmp_path / MANIFEST) == [failed("a"), done("c")]
