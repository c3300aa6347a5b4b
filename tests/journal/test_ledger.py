"""What a run redoes, what it skips, and what it records."""

import hashlib
import json
import os
import threading

import pytest

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys import Options, Skipped, compress_folder
from icsys.files.rooted_path import RootedPath
from icsys.records.manifest import read_all_rows, to_line
from icsys.results import FOREIGN, NOT_FAILED, UNCHANGED

OPTIONS = Options(strategy="SO", step=2)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    for seed, name in enumerate(("cat/a.png", "dog/b.png", "c.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image_bytes(synthetic_photo(24, 32, seed=seed)))
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def run(source, out, options=OPTIONS, **settings):
    """Return the summary and the results by source."""
    results, summary = compress_into(source, out, options, **settings)
    return summary, results


def rows(out, name="manifest.jsonl"):
    path = out / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_every_source_has_a_line_that_can_be_checked(source, out):
    run(source, out)
    assert [row["source_path"] for row in rows(out)] == ["c.png", "cat/a.png", "dog/b.png"]
    for row in rows(out):
        for path, size, digest in (
            (source / row["source_path"], row["source_bytes"], row["source_sha256"]),
            (out / row["file_name"], row["bytes"], row["sha256"]),
        ):
            assert path.stat().st_size == size
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
        assert row["source_mtime_ns"] == (source / row["source_path"]).stat().st_mtime_ns
        assert (row["source_width"], row["source_height"], row["width"], row["height"]) == (32, 24, 16, 12)
        assert (row["options_hash"], row["status"]) == (OPTIONS.digest(), "compressed")
    assert [row.get("label") for row in rows(out)] == [None, "cat", "dog"]
    assert "label" not in rows(out)[0]


def test_run_json_has_options_versions_counts_and_times(source, out):
    run(source, out, jobs=1)
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert (
        OPTIONS.to_dict()
        | {"jobs": 1, "engine": "auto", "overwrite": "never", "retry_failed": False, "follow_links": False}
        | {"include_outputs": False, "ignore_zeros": False}
        | {"masks": "auto", "mask_pad": 255, "labels_on": "auto", "min_visibility": 0.0}
        == record["options"]
    )
    assert {"python", "numpy", "PIL"} <= set(record["versions"])
    assert record["summary"]["compressed"] == 3
    assert record["started"] < record["finished"]


def test_a_second_run_changes_nothing(source, out):
    run(source, out)
    before = (out / "manifest.jsonl").read_bytes()
    summary, results = run(source, out)
    assert {result.reason for result in results.values()} == {UNCHANGED}
    assert (summary.skipped, summary.foreign, summary.stale) == (3, 0, [])
    assert (out / "manifest.jsonl").read_bytes() == before


def test_other_options_redo_all_images_and_back_again(source, out):
    run(source, out)
    first = tree(out), (out / "manifest.jsonl").read_bytes()
    for options in (Options(strategy="SO", step=3), OPTIONS):
        summary, results = run(source, out, options)
        assert (summary.compressed, summary.redone_options, summary.redone_sources) == (3, 3, 0)
        assert {result.redone for result in results.values()} == {"options"}
        record = json.loads((out / "run.json").read_text("utf-8"))["summary"]
        assert (record["redone_options"], record["redone_sources"]) == (3, 0)
    assert (tree(out), (out / "manifest.jsonl").read_bytes()) == first


def test_only_a_changed_source_is_done_again(source, out):
    run(source, out)
    (source / "c.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=9)))
    summary, results = run(source, out)
    assert (summary.compressed, summary.skipped) == (1, 2)
    assert (summary.redone_options, summary.redone_sources) == (0, 1)
    assert (results["c.png"].status, results["c.png"].redone) == ("compressed", "source")
    always = run(source, out, overwrite="always")[0]
    assert (always.compressed, always.redone_options, always.redone_sources) == (3, 0, 0)


def test_a_source_with_another_time_is_compared_by_its_hash(source, out):
    run(source, out)
    path = source / "c.png"
    os.utime(path, ns=(1, 10**18))
    summary, results = run(source, out)
    assert (summary.compressed, summary.redone_sources, results["c.png"].reason) == (0, 0, UNCHANGED)
    assert rows(out)[0]["source_mtime_ns"] == path.stat().st_mtime_ns
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # in the checksum of IEND, which decoders ignore
    path.write_bytes(data)
    os.utime(path, ns=(1, 2 * 10**18))
    summary, _ = run(source, out)
    assert (summary.compressed, summary.redone_sources) == (1, 1)


def test_a_missing_output_or_one_of_another_size_is_made_again(source, out):
    run(source, out)
    clean = tree(out)
    (out / "c.png").unlink()
    (out / "cat" / "a.png").write_bytes(b"")
    summary, _ = run(source, out)
    assert (summary.compressed, summary.redone_options, summary.redone_sources) == (2, 0, 0)
    assert tree(out) == clean


def test_a_removed_source_leaves_a_stale_output_until_it_comes_back(source, out):
    run(source, out)
    clean = (out / "manifest.jsonl").read_bytes()
    data, times = (source / "c.png").read_bytes(), (source / "c.png").stat()
    (source / "c.png").unlink()
    for _ in range(2):
        assert run(source, out)[0].stale == ["c.png"]
        assert [row["status"] for row in rows(out)] == ["stale", "compressed", "compressed"]
    (source / "c.png").write_bytes(data)
    os.utime(source / "c.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    summary, _ = run(source, out)
    assert (summary.skipped, summary.stale) == (3, [])
    assert (out / "manifest.jsonl").read_bytes() == clean
    (source / "c.png").unlink()
    (out / "c.png").unlink()
    assert run(source, out)[0].stale == []
    assert len(rows(out)) == 2


def test_retry_failed_retries_only_failed_sources(source, out):
    (source / "bad.png").write_bytes(b"")
    run(source, out)
    (row,) = rows(out, "failures.jsonl")
    assert (row["source_path"], row["code"]) == ("bad.png", "empty")
    assert row["message"]
    (source / "bad.png").write_bytes((source / "c.png").read_bytes())
    (source / "new.png").write_bytes((source / "c.png").read_bytes())
    (out / "c.png").unlink()
    summary, results = run(source, out, retry_failed=True)
    assert (summary.compressed, summary.skipped) == (1, 4)
    assert results["bad.png"].status == "compressed"
    assert results["new.png"] == Skipped(source="new.png", output="new.png", reason=NOT_FAILED)
    assert not (out / "failures.jsonl").exists()
    assert run(source, out)[0].compressed == 2


def test_a_failure_stays_on_record_and_is_retried_in_every_run(source, out):
    (source / "bad.png").write_bytes(b"")
    for _ in range(2):
        assert run(source, out)[0].failed == 1
        assert len(rows(out, "failures.jsonl")) == 1
    (source / "bad.png").unlink()
    assert run(source, out)[0].failed == 0
    assert not (out / "failures.jsonl").exists()


def test_an_output_of_a_source_that_fails_now_is_stale(source, out):
    run(source, out)
    (source / "c.png").write_bytes(b"")
    assert run(source, out)[0].failed == 1
    assert [row["status"] for row in rows(out)] == ["stale", "compressed", "compressed"]


def test_a_dry_run_writes_nothing(source, out):
    run(source, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (source / "cat" / "a.png").unlink()
    summary, _ = run(source, out, Options(strategy="SO", step=3), dry_run=True)
    assert (summary.compressed, summary.stale) == (2, ["cat/a.png"])
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_files_in_a_folder_without_its_manifest_are_left_alone(source, out):
    run(source, out)
    (out / "manifest.jsonl").unlink()
    before = tree(out)
    summary, results = run(source, out, Options(strategy="SO", step=3))
    assert (summary.compressed, summary.foreign) == (0, 3)
    assert {result.reason for result in results.values()} == {FOREIGN}
    assert tree(out) == before


def test_nothing_is_stale_if_a_folder_cannot_be_listed(source, out, monkeypatch):
    run(source, out)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("cat") and "in" in str(path):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("icsys.sources.folder.os.scandir", refuse)
    summary, _ = run(source, out)
    assert (summary.failed, summary.stale) == (1, [])


def test_a_stopped_run_is_resumed_by_the_next(source, out, tmp_path):
    run(source, tmp_path / "clean")
    stop = threading.Event()
    summary = compress_folder(source, out, OPTIONS, jobs=1, stop=stop, progress=lambda step: step.result and stop.set())
    assert summary.stopped == "interrupted"
    assert 1 <= summary.compressed <= 3
    assert [row["status"] for row in rows(out)] == ["compressed"] * summary.compressed
    again = compress_folder(source, out, OPTIONS)
    assert again.compressed == 3 - summary.compressed
    assert (out / "manifest.jsonl").read_bytes() == (tmp_path / "clean" / "manifest.jsonl").read_bytes()


def test_an_exception_in_the_middle_leaves_the_journal_in_order(source, out):
    (source / "bad.png").write_bytes(b"")
    run(source, out)
    clean = (out / "manifest.jsonl").read_bytes()
    for path in out.rglob("*.png"):
        path.unlink()

    def break_off(step):
        if step.result is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress_folder(source, out, OPTIONS, jobs=1, progress=break_off)
    assert [row["source_path"] for row in rows(out, "failures.jsonl")] == ["bad.png"]
    summary, _ = run(source, out)
    assert (summary.failed, summary.foreign) == (1, 0)
    assert (out / "manifest.jsonl").read_bytes() == clean


def forget(out, *sources, keep_hash=True):
    """Leave a folder as a kill does right after outputs are renamed: pending, and without a row."""
    lines = rows(out)
    lost = [row for row in lines if row["source_path"] in sources]
    (out / "manifest.jsonl").write_bytes(b"".join(to_line(row) for row in lines if row not in lost))
    (out / ".ics-claims").write_bytes(to_line({row["file_name"]: row["source_path"] for row in lost}))
    if keep_hash:
        (out / ".ics-written").write_bytes(b"".join(to_line([row["sha256"][:32], row["file_name"]]) for row in lost))


FORMATS = ["png", "webp", "npz", "jpeg"]


@pytest.mark.parametrize("encoding", FORMATS)
def test_outputs_of_a_killed_run_are_replaced_by_runs_with_any_options(encoding, source, out):
    options = OPTIONS.replace(format=encoding)
    run(source, out, options)
    clean = tree(out)
    forget(out, "cat/a.png", "c.png")
    other = OPTIONS.replace(format="npz" if encoding != "npz" else "png")
    summary, _ = run(source, out, other)
    suffix = options.suffix
    assert summary.stale == [f"c{suffix}", f"cat/a{suffix}", f"dog/b{suffix}"]
    assert not (out / ".ics-claims").exists()
    assert not (out / ".ics-written").exists()
    assert {row["file_name"] for row in rows(out)} == tree(out).keys()
    for row in rows(out):
        assert hashlib.sha256((out / row["file_name"]).read_bytes()).hexdigest() == row["sha256"]
    summary, _ = run(source, out, options)
    assert (summary.compressed, summary.foreign) == (2, 0)
    assert {name: data for name, data in tree(out).items() if name in clean} == clean


@pytest.mark.parametrize("encoding", FORMATS)
@pytest.mark.parametrize("pending", [["c"], {"c": "c.png"}], ids=["a list", "a table"])
def test_a_forged_pending_output_overwrites_no_file(pending, encoding, source, out):
    """A file of the user has the path of an output that is listed as pending."""
    options = OPTIONS.replace(format=encoding)
    name = f"c{options.suffix}"
    out.mkdir()
    (out / name).write_bytes(theirs := image_bytes(synthetic_photo(seed=77)))
    pending = [name] if isinstance(pending, list) else {name: "c.png"}
    (out / ".ics-claims").write_text(json.dumps(pending), encoding="utf-8")
    summary, results = run(source, out, options)
    assert results["c.png"].reason == FOREIGN
    assert (summary.compressed, summary.foreign) == (2, 1)
    assert (out / name).read_bytes() == theirs
    assert not (out / ".ics-claims").exists()


def test_a_file_that_replaced_an_output_of_a_killed_run_is_left_alone(source, out):
    run(source, out)
    forget(out, "c.png")
    (out / "c.png").write_bytes(b"mine now")
    summary, _ = run(source, out, OPTIONS.replace(format="webp"))
    assert "c.png" not in summary.stale
    summary, results = run(source, out)
    assert results["c.png"].reason == FOREIGN
    assert (out / "c.png").read_bytes() == b"mine now"


def test_a_source_that_fails_after_a_kill_leaves_no_output_without_a_line(source, out):
    run(source, out)
    forget(out, "c.png")
    (source / "c.png").write_bytes(b"damaged")
    summary, _ = run(source, out)
    assert (summary.failed, summary.stale) == (1, ["c.png"])
    assert {row["file_name"]: row["status"] for row in rows(out)}["c.png"] == "stale"


def test_a_pending_output_stays_until_a_run_is_complete(source, out):
    run(source, out)
    forget(out, "c.png")
    stop = threading.Event()
    other = OPTIONS.replace(format="webp")
    compress_folder(source, out, other, jobs=1, stop=stop, progress=lambda _: stop.set())
    assert "c.png" in json.loads((out / ".ics-claims").read_bytes())
    summary, _ = run(source, out, other)
    assert "c.png" in summary.stale
    assert not (out / ".ics-claims").exists()


def test_a_manifest_without_its_last_line_end_is_read_like_any_other(source, out):
    run(source, out)
    manifest = out / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().removesuffix(b"\n"))
    before = rows(out)
    summary, _ = run(source, out)
    assert summary.skipped == 3
    summary, _ = run(source, out, OPTIONS.replace(step=3))
    assert summary.compressed == 3
    assert [row["source_path"] for row in rows(out)] == [row["source_path"] for row in before]


@pytest.mark.parametrize(
    "damage", [b"torn {\n", b"\n", b"\0" * 5000 + b"\n", b'{"file_name": "../a.png"}\n', b"[" * 10_000 + b"\n"]
)
@pytest.mark.parametrize("where", [0, 1, 3])
def test_the_next_run_removes_a_damaged_line_even_without_work(where, damage, source, out):
    run(source, out)
    manifest = out / "manifest.jsonl"
    before = manifest.read_bytes()
    lines = before.splitlines(keepends=True)
    manifest.write_bytes(b"".join([*lines[:where], damage, *lines[where:]]))
    summary, _ = run(source, out)
    assert summary.skipped == 3
    assert manifest.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [{"bytes": 10**18}, {"width": 10**400}, {"mse": float("nan")}, {"mse": -1}, {"colors": "4"}, {"frames": True}],
)
def test_a_line_with_impossible_numbers_is_ignored(change, source, out):
    run(source, out)
    manifest = out / "manifest.jsonl"
    first, *others = map(json.loads, manifest.read_bytes().splitlines())
    manifest.write_bytes(b"".join(map(to_line, [first | change, *others])))
    found = [row for _, row in read_all_rows(RootedPath(out) / "manifest.jsonl")]
    assert (found[0] is None) == (change != {"bytes": 10**18})  # which a file may have
    assert found[1:] == others


def test_a_manifest_with_a_hard_link_is_not_changed_in_place(source, out, tmp_path):
    """A backup of the folder by hard links stays unchanged."""
    run(source, out)
    os.link(out / "manifest.jsonl", tmp_path / "backup.jsonl")
    before = (tmp_path / "backup.jsonl").read_bytes()
    stop = threading.Event()
    compress_folder(source, out, OPTIONS.replace(step=3), jobs=1, stop=stop, progress=lambda p: p.result and stop.set())
    run(source, out, OPTIONS.replace(step=3))
    assert (tmp_path / "backup.jsonl").read_bytes() == before


def test_outputs_hidden_by_a_link_count_again_without_it(source, out, tmp_path):
    run(source, out)
    clean = tree(out)
    (out / "cat").rename(tmp_path / "cat")
    (tmp_path / "decoy").mkdir()
    (out / "cat").symlink_to(tmp_path / "decoy")
    summary, results = run(source, out)
    assert results["cat/a.png"].code == "blocked"
    assert (summary.failed, summary.skipped) == (1, 2)
    assert not list((tmp_path / "decoy").iterdir())
    (out / "cat").unlink()
    (tmp_path / "cat").rename(out / "cat")
    summary, _ = run(source, out)
    assert (summary.skipped, summary.foreign) == (3, 0)
    assert tree(out) == clean
