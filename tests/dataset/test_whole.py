"""Files are written whole or not at all, and what a killed run has left is swept."""

import os

import pytest

from icsys.dataset.whole import OURS, sweep, write_whole


def test_a_file_replaces_an_older_one_whole(tmp_path):
    path = tmp_path / "new" / "a.png"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("a.png", b"two")]


def test_a_write_that_fails_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_whole(path, b"one")

    def fail(*_):
        raise OSError(28, "No space left on device")

    for step in ("os.fsync", "pathlib.Path.replace"):
        monkeypatch.setattr(step, fail)
        with pytest.raises(OSError, match="No space left"):
            write_whole(path, b"two")
        assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.png", b"one")]


def test_a_file_is_synced_before_it_takes_its_place(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, type(tmp_path).replace
    monkeypatch.setattr("os.fsync", lambda descriptor: (order.append("sync"), sync(descriptor)))
    monkeypatch.setattr("pathlib.Path.replace", lambda *paths: (order.append("rename"), replace(*paths)))
    write_whole(tmp_path / "a", iter([b"1", b"2"]))
    assert order == ["sync", "rename"]
    assert (tmp_path / "a").read_bytes() == b"12"


def test_only_our_own_temporaries_are_swept(tmp_path):
    for name in (f"{OURS}0123.tmp", f"{OURS}lock", "a.tmp", "a.png"):
        (tmp_path / name).write_bytes(b"")
    sweep(tmp_path)
    sweep(tmp_path / "none")
    assert {path.name for path in tmp_path.iterdir()} == {f"{OURS}lock", "a.tmp", "a.png"}
