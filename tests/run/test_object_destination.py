"""An object store as a destination gives the same results as a folder, also after a crash at any request."""

import json
import threading
from pathlib import PurePosixPath

import pytest

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys import Failed, Options, UsageError, compress_folder, merge_shards
from icsys.files import object_store as objects
from icsys.outputs import lease
from icsys.results import FOREIGN
from icsys.run import object_destination
from memory_store import memory_store

OPTIONS = Options(strategy="SO", step=2)
URL = "memory://bucket/small"


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setattr(objects, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(lease, "_LEASE", 0.01)
    monkeypatch.setattr("icsys.run.main_pass._FIRST_BATCH", 2)
    monkeypatch.setattr("icsys.run.main_pass._BATCH", 2)
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(object_destination.tempfile, "tempdir", str(room))
    yield memory_store(monkeypatch)
    assert list(room.iterdir()) == []  # no records stay on this machine


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    for seed, name in enumerate(("cat/a.png", "cat/b.png", "dog/a.png", "dog/[x]*?.png", "c.png")):
        put(folder / name, seed)
    (folder / "cat" / "bad.jpg").write_bytes(b"no photo")
    return folder


def put(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes(synthetic_photo(24, 32, seed=seed)))


def run(source, destination=URL, options=OPTIONS, **settings):
    results, summary = compress_into(source, destination, options, jobs=1, **settings)
    return summary, results


def small(store):
    """Return all objects, without ``run.json`` and the lock."""
    return {name: data for name, data in store.objects("bucket/small").items() if name != "run.json"}


def local(folder):
    """Return all files, without ``run.json`` and the lock."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if name not in {"run.json", ".ics-lock"}}


def test_the_objects_are_the_files_of_a_folder(store, source, tmp_path):
    here, there = run(source, tmp_path / "out")[0], run(source)[0]
    assert small(store) == local(tmp_path / "out")
    assert (there.compressed, there.failed, there.bytes_out) == (here.compressed, here.failed, here.bytes_out)
    assert json.loads(store.objects("bucket/small")["run.json"])["summary"]["compressed"] == 5


def test_the_second_run_requests_no_image(store, source):
    run(source)
    before = small(store)
    (source / "cat" / "bad.jpg").unlink()
    store.asked.clear()
    assert run(source)[0].skipped == 5
    after = small(store)
    assert {name: data for name, data in before.items() if name != "failures.jsonl"} == after
    # Lists: the top twice, the records and each of two folders once. Reads: lock, manifest, failures.
    assert store.asked["list"] == 5
    assert store.asked["write"] <= 3
    assert store.asked["read"] <= 8


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_dry_runs_and_engines(store, source, engine):
    if engine == "threads":
        assert run(source, dry_run=True, engine=engine)[0].compressed == 5
        assert store.objects() == {}
        assert store.asked["write"] == 0
    else:
        # The store is in the memory of this process: other processes can write, but what they write is lost.
        assert run(source, engine=engine)[0].compressed == 5


def test_changed_images_are_redone_and_outputs_without_a_source_are_stale(store, source, tmp_path):
    for destination in (URL, tmp_path / "out"):
        run(source, destination)
    put(source / "c.png", 9)
    (source / "dog" / "a.png").unlink()
    put(source / "cat" / "bad.jpg", 8)
    there, here = run(source)[0], run(source, tmp_path / "out")[0]
    assert (there.compressed, there.skipped, there.stale) == (2, 3, ["dog/a.png"])
    assert (there.compressed, there.stale) == (here.compressed, here.stale)
    assert small(store) == local(tmp_path / "out")


def test_foreign_objects_are_kept_without_overwrite(store, source, tmp_path):
    store().pipe_file("bucket/small/cat/a.png", b"theirs")
    assert run(source)[1]["cat/a.png"].reason == FOREIGN
    assert store.objects("bucket/small")["cat/a.png"] == b"theirs"
    run(source, tmp_path / "out")
    run(source, overwrite="always")
    assert small(store) == local(tmp_path / "out")


def test_shards_need_a_folder_as_destination(store, source):
    with pytest.raises(UsageError, match=r"with destination 'memory://bucket/small': expected a folder"):
        run(source, shard="1/2")
    assert not store.asked


@pytest.mark.parametrize("url", [URL, "memory://bucket", f"{URL}/photos.tar"])
def test_a_source_in_the_destination_is_refused(store, url):
    with pytest.raises(UsageError, match="overlap"):
        compress_folder(url, URL)
    assert not store.asked


def test_a_url_that_became_a_path_is_no_folder(source):
    with pytest.raises(UsageError, match="was a URL before it became a path"):
        compress_folder(source, PurePosixPath(URL))


def test_a_file_url_is_a_folder(source, tmp_path):
    run(source, (tmp_path / "out put").as_uri())
    assert (tmp_path / "out put" / "manifest.jsonl").exists()


def test_a_merge_in_an_object_store_is_refused():
    with pytest.raises(UsageError, match="is a URL: expected a folder"):
        merge_shards(URL)


def test_unmerged_shards_in_the_store_are_refused(store, source, tmp_path):
    run(source, tmp_path / "out", shard="1/2")
    for path, data in local(tmp_path / "out").items():
        store().pipe_file(f"bucket/small/{path}", data)
    with pytest.raises(UsageError, match="merge them there"):
        run(source)


def test_a_folder_that_was_copied_to_a_store_resumes_there_and_back(store, source, tmp_path):
    (source / "late").mkdir()
    put(source / "late" / "d.png", 7)
    stop = threading.Event()
    compress_folder(source, tmp_path / "out", OPTIONS, jobs=1, stop=stop, progress=lambda p: p.result and stop.set())
    copied = local(tmp_path / "out")
    for path, data in copied.items():
        store().pipe_file(f"bucket/small/{path}", data)
    done = len([name for name in copied if name.endswith(".png")])
    assert run(source)[0].skipped >= done - 1
    for name, data in small(store).items():
        (tmp_path / "back" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "back" / name).write_bytes(data)
    summary = run(source, tmp_path / "back")[0]
    assert (summary.compressed, summary.skipped) == (0, 6)
    run(source, tmp_path / "whole")
    assert tree(tmp_path / "back") == tree(tmp_path / "whole")


def test_a_lost_store_ends_the_run_and_the_next_run_resumes(store, source, tmp_path):
    def trouble(_number, kind, path):
        if kind == "write" and path.endswith("dog/a.png"):
            store.trouble = staticmethod(away)
            away()

    def away(*_):
        raise ConnectionRefusedError(111, "refused")

    store.trouble = staticmethod(trouble)
    summary, results = run(source)
    assert "the manifest cannot be written: the store did not write it" in summary.stopped
    failed = [result for result in results.values() if isinstance(result, Failed)]
    assert {result.code for result in failed} == {"unreachable", "unidentified"}
    store.trouble = staticmethod(lambda *_: None)
    run(source)
    run(source, tmp_path / "out")
    assert small(store) == local(tmp_path / "out")


def test_an_image_that_cannot_be_uploaded_fails_alone(store, source):
    def trouble(_number, kind, path):
        if kind == "write" and path.endswith("cat/a.png"):
            raise ConnectionResetError(104, "reset")

    store.trouble = staticmethod(trouble)
    summary, results = run(source)
    assert (results["cat/a.png"].code, summary.compressed, summary.stopped) == ("unreachable", 4, "")


@pytest.mark.parametrize("lost", [False, True], ids=["unasked", "unanswered"])
def test_a_run_may_die_at_any_request(store, source, lost):
    """From the nth request on, all fail. Earlier outputs: finished, changed, without source, foreign, failed."""

    (source / "dog" / "[x]*?.png").unlink()
    (source / "cat" / "bad.jpg").write_bytes(b"no photo")
    run(source)
    put(source / "c.png", 9)
    put(source / "dog" / "[x]*?.png", 3)
    put(source / "late.png", 6)
    put(source / "cat" / "bad.jpg", 8)
    (source / "dog" / "a.png").unlink()
    store().pipe_file("bucket/small/late.png", b"theirs")
    start = store.objects()
    run(source)
    expected = small(store)
    assert len(expected["manifest.jsonl"].splitlines()) == 6
    for last in range(1000):
        store.put_back(start)
        numbers = iter(range(10**6))
        dead = threading.Event()

        def die(*_, numbers=numbers, last=last, dead=dead):
            if dead.is_set() or next(numbers) >= last:
                dead.set()
                raise PermissionError("dead")  # this error is not retried

        setattr(store, "after" if lost else "trouble", staticmethod(die))
        if lost:
            store.trouble = staticmethod(lambda *_, dead=dead: die() if dead.is_set() else None)
        try:
            run(source)
        except UsageError:
            assert dead.is_set()
        store.trouble = store.after = staticmethod(lambda *_: None)
        known = [
            row
            for name, data in store.objects("bucket/small/.ics-books").items()
            if name.endswith(".jsonl")
            for row in map(json.loads, data.splitlines()[1:])
            if row["status"] == "compressed"
        ]
        before = {name: data for name, data in small(store).items() if name.endswith("png")}
        assert before["late.png"] == b"theirs"
        summary, results = run(source)
        after = small(store)
        again = {row["source_path"] for row in known} & {
            source for source, result in results.items() if type(result).__name__ == "Compressed"
        }
        assert not again
        assert summary.stale in (["dog/a.png"], [])
        assert after == expected
        if not dead.is_set():
            return
    raise AssertionError


def test_a_run_that_lost_its_lock_publishes_nothing(store, source, monkeypatch):
    monkeypatch.setattr(object_destination, "_UPLOAD_SECONDS", 0.001)
    monkeypatch.setattr(object_destination, "RENEW_SECONDS", 0.001)
    other = b'{"run": "other", "host": "elsewhere", "beat": 0}'
    noticed = threading.Event()
    renew = object_destination.ObjectDestination._renew  # noqa: SLF001 - what the thread of the lease does

    def noting(destination, run_ended):
        renew(destination, run_ended)
        noticed.set()

    monkeypatch.setattr(object_destination.ObjectDestination, "_renew", noting)

    def trouble(_number, kind, path):
        if kind == "write" and path.endswith("cat/a.png"):
            store.store[f"/bucket/small/{object_destination.STATE_FOLDERS}/lock.json"].seek(0)
            store.store[f"/bucket/small/{object_destination.STATE_FOLDERS}/lock.json"].truncate()
            store.store[f"/bucket/small/{object_destination.STATE_FOLDERS}/lock.json"].write(other)
            assert noticed.wait(60)

    store.trouble = staticmethod(trouble)
    summary, _ = run(source)
    assert "another run has taken over" in summary.stopped
    assert "manifest.jsonl" not in store.objects("bucket/small")
    assert store.objects("bucket/small")[f"{object_destination.STATE_FOLDERS}/lock.json"] == other
