"""Files are written whole or not at all, and what a killed run has left is swept."""

import os
import stat
from types import SimpleNamespace

import pytest

from icsys.dataset import folder, whole
from icsys.dataset.folder import Ignored, Task, plan_folder
from icsys.dataset.whole import OURS, is_link, leads_elsewhere, remove_tree, sweep, write_whole


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

    for step in ("os.fsync", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(step, fail)
            with pytest.raises(OSError, match="No space left"):
                write_whole(path, b"two")
        assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.png", b"one")]


def test_a_file_is_synced_before_it_takes_its_place(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda descriptor: (order.append("sync"), sync(descriptor)))
    monkeypatch.setattr("os.replace", lambda *paths: (order.append("rename"), replace(*paths)))
    write_whole(tmp_path / "a", iter([b"1", b"2"]))
    assert order == ["sync", "rename"]
    assert (tmp_path / "a").read_bytes() == b"12"


def test_only_our_own_temporaries_are_swept(tmp_path):
    for name in (f"{OURS}0123.tmp", f"{OURS}lock", "a.tmp", "a.png"):
        (tmp_path / name).write_bytes(b"")
    sweep(tmp_path)
    sweep(tmp_path / "none")
    assert {path.name for path in tmp_path.iterdir()} == {f"{OURS}lock", "a.tmp", "a.png"}


def test_a_junction_of_windows_is_a_link_and_a_folder_is_none(tmp_path):
    """What Windows says of both: they differ in their reparse tag alone."""
    of_folder, of_file = (os.lstat(path) for path in (tmp_path, __file__))
    assert not is_link(of_folder)
    assert not is_link(of_file)
    assert not leads_elsewhere(tmp_path / "nothing")
    for tag, expected in ((0, False), (0xA0000003, True), (0x9000701A, False)):  # a folder, a junction, OneDrive's
        assert is_link(SimpleNamespace(st_mode=stat.S_IFDIR, st_reparse_tag=tag)) is expected


def test_junctions_are_left_alone_by_the_walk_and_by_removing(tmp_path, monkeypatch):
    """A folder stands for the junction: of it alone is said what Windows says of one."""
    inside = tmp_path / "in" / "junction"
    inside.mkdir(parents=True)
    (inside / "a.png").touch()
    (tmp_path / "in" / "b.png").touch()
    number = inside.stat().st_ino

    def of_windows(status):
        return status.st_ino == number

    monkeypatch.setattr(whole, "is_link", of_windows)
    monkeypatch.setattr(folder, "is_link", of_windows)
    planned = list(plan_folder(tmp_path / "in", tmp_path / "out", ".png"))
    assert planned == [Ignored("junction"), Task("b.png", "b.png")]
    with pytest.raises(OSError, match="directory"):  # as a link it would go, and a folder does not
        remove_tree(tmp_path / "in")
    assert (inside / "a.png").exists()
