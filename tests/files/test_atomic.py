"""Files are written whole or not at all, and temporary files of killed runs are removed."""

import os
import sys

import pytest

from icsys.files.atomic import open_own, remove_tree, sweep, write_whole
from icsys.files.links import LinkError
from icsys.files.rooted_path import RootedPath
from icsys.layout import OWN_PREFIX


def test_a_file_replaces_an_older_one_whole(tmp_path):
    path = tmp_path / "new" / "a.png"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("a.png", b"two")]


def test_a_write_that_fails_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_whole(path, b"one")

    def fail(*_, **__):
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
    monkeypatch.setattr("os.replace", lambda *paths, **folders: (order.append("rename"), replace(*paths, **folders)))
    write_whole(tmp_path / "a", iter([b"1", b"2"]))
    assert order == ["sync", "rename"]
    assert (tmp_path / "a").read_bytes() == b"12"


def test_a_link_is_neither_replaced_nor_followed(tmp_path):
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "a.png").symlink_to(tmp_path / "theirs")
    with pytest.raises(LinkError):
        write_whole(tmp_path / "a.png", b"ours")
    assert (tmp_path / "a.png").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "theirs"]
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_only_temporary_files_of_ics_are_swept(tmp_path):
    ours = [f"{OWN_PREFIX}0123456789abcdef.tmp", f"{OWN_PREFIX}2-of-3-0123456789abcdef.tmp"]
    theirs = [f"{OWN_PREFIX}0123.tmp", f"{OWN_PREFIX}notes.tmp", f"{OWN_PREFIX}lock", "a.tmp", "a.png"]
    for name in (*ours, *theirs):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / f"{OWN_PREFIX}ffffffffffffffff.tmp").symlink_to(tmp_path / "a.png")
    (tmp_path / f"{OWN_PREFIX}eeeeeeeeeeeeeeee.tmp").mkdir()
    sweep(RootedPath(tmp_path), mark="1-of-3-")
    assert not (tmp_path / ours[0]).exists()  # of a run over all, which was killed before
    assert (tmp_path / ours[1]).exists()
    sweep(RootedPath(tmp_path), mark="2-of-3-")
    assert not (tmp_path / ours[1]).exists()
    (tmp_path / ours[1]).touch()
    sweep(RootedPath(tmp_path))
    sweep(RootedPath(tmp_path / "none"))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*theirs, f"{OWN_PREFIX}ffffffffffffffff.tmp", f"{OWN_PREFIX}eeeeeeeeeeeeeeee.tmp"}


def test_only_files_of_ics_are_removed_from_a_tree(tmp_path):
    """The tree holds files of ICS and of others, a link to a folder, and a link to a file."""
    tree, decoy = tmp_path / "tree", tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "ours.txt").write_bytes(b"not in the tree")
    (tree / "kept").mkdir(parents=True)
    (tree / "gone").mkdir()
    for name in ("gone/ours.txt", "kept/ours.txt", "kept/theirs.txt"):
        (tree / name).write_bytes(b"")
    (tree / "link").symlink_to(decoy, target_is_directory=True)
    (tree / "kept" / "ours-too.txt").symlink_to(decoy / "ours.txt")
    remove_tree(RootedPath(tree), lambda name: "ours" in name)
    left = {path.relative_to(tree).as_posix() for path in (*tree.iterdir(), *(tree / "kept").iterdir())}
    assert left == {"link", "kept", "kept/ours-too.txt", "kept/theirs.txt"}
    assert (decoy / "ours.txt").read_bytes() == b"not in the tree"


def test_a_tree_behind_a_link_is_not_removed(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "a").touch()
    (tmp_path / "tree").symlink_to(tmp_path / "home", target_is_directory=True)
    with pytest.raises(LinkError):
        remove_tree(RootedPath(tmp_path) / "tree", lambda _: True)
    assert (tmp_path / "home" / "a").exists()
    assert (tmp_path / "tree").is_symlink()


def test_a_tree_deeper_than_the_recursion_limit_is_removed(tmp_path):
    tree = RootedPath(tmp_path) / "tree"
    deep = tree / "/".join("d" for _ in range(350))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        deep.make_folders()
        (deep / "ours").open("xb").close()
        remove_tree(tree, lambda _: True)
    finally:
        sys.setrecursionlimit(limit)
    assert not tree.exists()


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_a_file_with_a_hard_link_is_copied_before_it_is_changed(mode, tmp_path):
    """A hard link may lead outside, like a symbolic one, and looks like an ordinary file."""
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "out").mkdir()
    os.link(tmp_path / "theirs", tmp_path / "out" / "manifest.jsonl")
    with open_own(RootedPath(tmp_path / "out") / "manifest.jsonl", mode) as file:
        file.write(b"OURS")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    changed = {"ab": b"theirsOURS", "r+b": b"OURSrs"}[mode]
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == changed
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["manifest.jsonl"]
