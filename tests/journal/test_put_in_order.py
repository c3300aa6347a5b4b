"""The journal at the end of a run: one row for each output, in order, whatever came before."""

import json
import os
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import companion_row_of, left_out_row_of, manifest_row
from icsys.files.atomic import sweep
from icsys.files.rooted_path import RootedPath
from icsys.journal import put_in_order
from icsys.journal.journal import Journal, load_journal
from icsys.journal.put_in_order import compact
from icsys.layout import FAILURES, MANIFEST
from icsys.records.manifest import DONE, FAILED, LEFT_OUT, STALE, to_line


def done(source, output=None, **changes):
    return manifest_row(source, output, **changes)


def failed(source, message="m"):
    return {"source_path": source, "code": "io", "message": message, "status": FAILED}


def run(folder, *rows, complete=True, stale=(), exists=None, calls=1):
    """Append the rows of a run, and put the journal in order."""
    journal = append(folder, *rows, calls=calls)
    if complete:
        journal.left_out_before.clear()
    compact(journal, complete=complete, stale=stale, exists=exists)


def append(folder, *rows, calls=1):
    """Append rows as a run does that is killed before its end; ``calls``: rows in one call."""
    journal = Journal(RootedPath(folder), load_journal(RootedPath(folder)))
    for start in range(0, len(rows), calls):
        journal.append(*rows[start : start + calls])
    journal.close()
    return journal


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def put(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"abc")


def expected(runs, exists):
    """Return manifest and failures after runs, by tables of all rows in memory, and the last status of each source."""
    manifest, failures, killed = [], {}, []
    for rows, complete, stale, is_killed in runs:
        if is_killed:
            killed += rows
            continue
        kept, left_out = {}, {}
        failures = {} if complete else failures
        for number, row in enumerate([*manifest, *killed, *rows]):
            is_of_this_run = number >= len(manifest) + len(killed)
            take(row, kept, failures, left_out, forgets=complete and not is_of_this_run)
        killed = []
        manifest = list(left_out.values())
        for name, row in kept.items():
            if name in stale or row["source_path"] in failures or row["source_path"] in left_out:
                manifest += [row | {"status": STALE}] if exists(name) else []
            else:
                manifest.append(row)
        manifest.sort(key=lambda row: (row["source_path"], row.get("file_name", "")))
    last = {row["source_path"]: row["status"] for row in manifest + killed if row["status"] != STALE}
    return manifest + killed, [row for _, row in sorted(failures.items())], last


def take(row, kept, failures, left_out, *, forgets):
    """Put a row into the tables; ``forgets``: failures and images left out, because the run has met all sources."""
    source, status = row["source_path"], row["status"]
    if "file_name" in row:
        kept[row["file_name"]] = row
    if status != STALE:
        left_out.pop(source, None)
    if status in (DONE, LEFT_OUT):
        failures.pop(source, None)
    if status == FAILED and not forgets:
        failures[source] = row
    if status == LEFT_OUT and not forgets:
        left_out[source] = row


names = st.sampled_from(["a", "b", "c/a", "c/b", "c-", "d", "\u00e9", 'say "x"', "c/\udce9"])
image_rows = st.builds(
    lambda source, output, size: done(source, output, bytes=size), names, st.none() | names, st.integers(1, 10**18)
)
companion_rows = st.builds(
    lambda source, output, size: companion_row_of(source, output, bytes=size),
    names,
    st.none() | names,
    st.integers(0, 9),
)
left_out_rows = st.builds(left_out_row_of, names, st.sampled_from(["min_side", "drop_duplicates"]))
failure_rows = st.builds(failed, names, st.sampled_from(["m", "n"]))


@st.composite
def some_run(draw):
    """Rows of a run, which has each source and each output once; whether it is complete; stale outputs; a kill."""
    outputs = image_rows | companion_rows
    rows = draw(st.lists(outputs, max_size=6, unique_by=(lambda row: row["source_path"], lambda row: row["file_name"])))
    sources = {row["source_path"] for row in rows}
    undone = draw(st.lists(failure_rows | left_out_rows, max_size=3, unique_by=lambda row: row["source_path"]))
    rows += [row for row in undone if row["source_path"] not in sources]
    stale = draw(st.sets(names, max_size=3)) - {row.get("file_name") for row in rows}
    return draw(st.permutations(rows)), draw(st.booleans()), stale, draw(st.booleans())


@given(
    runs=st.lists(some_run(), min_size=1, max_size=4),
    gone=st.sets(names, max_size=3),
    window=st.sampled_from([1, 600, 1500, 2**22]),
    calls=st.integers(1, 3),
)
def test_any_runs_leave_what_tables_in_memory_would_leave(runs, gone, window, calls, tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(put_in_order, "_WINDOW", window)
        patch.setattr(put_in_order, "_READ", 1)
        patch.setattr(put_in_order, "_LEAST", 100)
        for rows, complete, stale, is_killed in runs:
            if is_killed:
                append(folder, *rows, calls=calls)
            else:
                run(folder, *rows, complete=complete, stale=stale, exists=lambda name: name not in gone, calls=calls)
    manifest, failures, status = expected(runs, lambda name: name not in gone)
    path = folder / MANIFEST
    assert (path.read_bytes() if path.exists() else b"") == b"".join(map(to_line, manifest))
    assert lines(folder / FAILURES) == failures
    assert {path.name for path in folder.iterdir()} <= {MANIFEST, FAILURES}
    known = load_journal(RootedPath(folder))
    assert known.left_out == {source for source, last in status.items() if last == LEFT_OUT}
    last = {row["file_name"]: row["bytes"] for row in manifest if "file_name" in row}
    assert {name: known.done[name].bytes for name in last} == last
    assert sorted(known.done.unmet()) == sorted(last)


def test_many_rows_out_of_order_are_sorted_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(put_in_order, "_WINDOW", 5000)
    rows = [done(f"{number * 37 % 400:03}") for number in range(400)]
    run(tmp_path, *rows)
    assert (tmp_path / MANIFEST).read_bytes() == b"".join(map(to_line, sorted(rows, key=lambda row: row["file_name"])))


def test_rows_in_order_stay_in_their_file(tmp_path):
    run(tmp_path, done("a"), done("b"))
    before = (tmp_path / MANIFEST).stat()
    run(tmp_path, done("c"), done("d"))
    assert (tmp_path / MANIFEST).stat().st_ino == before.st_ino
    assert lines(tmp_path / MANIFEST) == [done(name) for name in "abcd"]
    run(tmp_path, done("f"), done("e"))
    assert (tmp_path / MANIFEST).stat().st_ino != before.st_ino
    assert lines(tmp_path / MANIFEST) == [done(name) for name in "abcdef"]


def test_a_last_row_without_its_end_gets_one(tmp_path):
    (tmp_path / MANIFEST).write_bytes(to_line(done("a")).removesuffix(b"\n"))
    run(tmp_path)
    assert (tmp_path / MANIFEST).read_bytes() == to_line(done("a"))


def test_a_compacted_manifest_is_sorted_and_has_each_output_once(tmp_path):
    run(tmp_path, done("b"), done("a", bytes=1), failed("c"), done("a", bytes=2))
    assert lines(tmp_path / MANIFEST) == [done("a", bytes=2), done("b")]
    assert lines(tmp_path / FAILURES) == [failed("c")]
    known = load_journal(RootedPath(tmp_path))
    assert known.in_order
    assert known.failed == {"c"}


def test_failures_of_earlier_runs_are_dropped_after_a_complete_run(tmp_path):
    run(tmp_path, failed("old"))
    append(tmp_path, failed("crashed"))
    run(tmp_path, failed("new"), complete=False)
    assert {row["source_path"] for row in lines(tmp_path / FAILURES)} == {"old", "crashed", "new"}
    run(tmp_path, failed("new"))
    assert lines(tmp_path / FAILURES) == [failed("new")]
    run(tmp_path, done("new"))
    assert not (tmp_path / FAILURES).exists()


def test_an_output_whose_source_fails_or_is_gone_is_stale_while_it_exists(tmp_path):
    put(tmp_path, "a", "b", "d")
    run(tmp_path, done("a"), done("b"), done("c"), done("d"), failed("b"), stale={"a", "c"})
    statuses = {row["file_name"]: row["status"] for row in lines(tmp_path / MANIFEST)}
    assert statuses == {"a": STALE, "b": STALE, "d": DONE}
    assert load_journal(RootedPath(tmp_path)).failed == {"b"}


def test_a_crash_between_the_two_files_loses_nothing(tmp_path, monkeypatch):
    put(tmp_path, "a", "b")
    run(tmp_path, done("a"), failed("b"))

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(put_in_order, "_kept_lines", crash)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, done("b"), failed("a"))
    known = load_journal(RootedPath(tmp_path))
    assert set(known.done.unmet()) == {"a", "b"}
    assert known.failed == {"a"}


def ending(real, left):
    """Return a function that ends the process instead of its last call."""
    return lambda *arguments, **more: real(*arguments, **more) if next(left) else os._exit(9)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that copies processes")
def test_a_kill_before_any_change_leaves_a_journal_from_which_the_end_is_the_same(tmp_path, monkeypatch):
    """The rows of two runs make several sorted parts; a process of its own ends at one call after the other."""
    monkeypatch.setattr(put_in_order, "_WINDOW", 1500)
    rows = [done(f"{number * 7 % 20:02}", bytes=number + 1) for number in range(20)]
    first, more = [*rows, failed("x")], [done("04", bytes=99), failed("y"), done("x"), done("03", "05")]
    for number in count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        append(folder, *first)
        child = os.fork()
        if not child:
            left = count(number - 1, -1)
            for name in ("open", "fsync", "replace", "unlink"):
                setattr(os, name, ending(getattr(os, name), left))
            run(folder, *more, complete=False, stale={"07"}, exists=lambda _: True)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        known = load_journal(RootedPath(folder))
        found = {name: known.done[name].bytes for name in known.done.unmet()}
        assert set(found) >= {row["file_name"] for row in rows}
        assert known.failed <= {"x", "y"}
        sweep(RootedPath(folder))
        run(folder, *more, complete=False, stale={"07"}, exists=lambda _: True)
        assert lines(folder / MANIFEST) == expected([(first, 0, (), True), (more, 0, {"07"}, False)], lambda _: True)[0]
        assert lines(folder / FAILURES) == [failed("y")]
        assert {path.name for path in folder.iterdir()} == {MANIFEST, FAILURES}
        if not status:
            break
    assert number > 8
