"""Rooted paths: no link leads out of the folder, planted before or during use, with and without descriptors."""

import errno
import gc
import os
import pickle
import stat
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.files import held_folder, links
from icsys.files.links import LinkError, OtherFolderError, is_link, leads_elsewhere
from icsys.files.relative_names import is_below
from icsys.files.rooted_path import RootedPath
from icsys.sources import folder_entries as source_folder
from icsys.sources.base import Ignored, Task
from icsys.sources.folder import plan_folder


@pytest.fixture(params=[True, False], ids=["descriptors", "paths"])
def way(request, monkeypatch):
    """With descriptors, if this system has them; and as on Windows, without descriptors and O_NOFOLLOW."""
    if not request.param:
        monkeypatch.setattr(held_folder, "_HAS_DIR_FD", False)
        monkeypatch.setattr(held_folder, "_ALWAYS", held_folder._ALWAYS & ~getattr(os, "O_NOFOLLOW", 0))  # noqa: SLF001
    return request.param


def snapshot(folder):
    """Return the content of a folder, with links as links."""
    found = {}
    for path in folder.rglob("*"):
        link, file = path.is_symlink(), path.is_file()
        found[path.relative_to(folder).as_posix()] = (
            str(path.readlink()) if link else path.read_bytes() if file else None
        )
    return found


@pytest.mark.usefixtures("way")
def test_files_in_a_held_folder_are_created_renamed_and_removed(tmp_path):
    (tmp_path / "theirs").write_bytes(b"theirs")
    folder = RootedPath(tmp_path / "out") / "cat"
    with pytest.raises(FileNotFoundError), folder.held():
        pass
    folder.make_folders()
    with folder.held() as held:
        for content in (b"1", b"2"):
            with os.fdopen(held.descriptor("new", "xb"), "wb") as file:
                file.write(content)
            held.replace("new", "a.png")
            assert (tmp_path / "out/cat/a.png").read_bytes() == content
        (tmp_path / "out/cat/b.png").symlink_to(tmp_path / "theirs")
        with pytest.raises(LinkError, match=r"b\.png"):
            held.replace("a.png", "b.png")
        with pytest.raises(LinkError, match=r"b\.png"):
            held.descriptor("b.png")
        held.unlink("b.png")
        held.unlink("a.png")
    assert snapshot(tmp_path) == {"theirs": b"theirs", "out": None, "out/cat": None}


@pytest.mark.usefixtures("way")
def test_files_and_folders_equal_those_of_pathlib(tmp_path):
    root = RootedPath(tmp_path / "out")
    assert (root / "cat").status() is None
    assert root.entries() == []
    with pytest.raises(FileNotFoundError):
        (root / "cat/a.png").open()
    (root / "cat/deep").make_folders()
    with (root / "cat/a.png").open("xb") as file:
        file.write(b"1")
    with pytest.raises(FileExistsError):
        (root / "cat/a.png").open("xb")
    with (root / "cat/a.png").open("ab", buffering=0) as file:
        file.write(b"2")
    with (root / "cat/a.png").open("r+b") as file:
        file.seek(1)
        file.write(b"3")
    assert (tmp_path / "out/cat/a.png").read_bytes() == b"13" == (root / "cat/a.png").read_bytes()
    assert (root / "cat/a.png").read_bytes(1) == b"1"
    assert (root / "cat/a.png").is_file()
    assert (root / "cat").is_dir()
    assert sorted(entry.name for entry in (root / "cat").entries()) == ["a.png", "deep"]
    (root / "cat/a.png").replace(root / "cat/deep/b.png")
    assert not (root / "cat/a.png").exists()
    with (root / "cat/deep").held() as held:
        assert held.status("b.png").st_size == 2
        assert held.status("c.png") is None
    (root / "cat/deep/b.png").unlink()
    (root / "cat/deep/b.png").unlink(missing_ok=True)
    (root / "cat/deep").rmdir()
    (root / "cat").sync()
    assert snapshot(tmp_path) == {"out": None, "out/cat": None}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("target", ["folder", "file", "nothing"])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_nothing_is_done_through_a_link(tmp_path, target, depth):
    """The link replaces a file, the folder above it, or the folder above that."""
    out, decoy = tmp_path / "out", tmp_path / "decoy"
    (decoy / "b/c").mkdir(parents=True)
    (decoy / "c").mkdir()
    for name in ("c/file", "b/c/file", "file"):
        (decoy / name).write_bytes(b"theirs")
    out.mkdir()
    aim = {"folder": decoy, "file": decoy / "file", "nothing": tmp_path / "none"}[target]
    name = ["file", "c/file", "b/c/file"][depth]
    (out / name.split("/")[0]).symlink_to(aim)
    before = snapshot(tmp_path)
    root = RootedPath(out)
    path = root / name
    attempts = {
        "open": path.open,
        "append": lambda: path.open("ab"),
        "create": lambda: path.open("xb"),
        "change": lambda: path.open("r+b"),
        "read": path.read_bytes,
        "entries": path.entries,
        "folders": path.make_folders,
        "mkdir": lambda: path.mkdir(exist_ok=True),
        "hold": lambda: path.held().__enter__(),
    }
    for attempt in attempts.values():
        with pytest.raises(LinkError):
            attempt()
    with (root / "mine").open("xb") as file:
        file.write(b"mine")
    with pytest.raises(LinkError):
        (root / "mine").replace(path)
    if depth:
        for attempt in (path.unlink, path.rmdir, path.status, path.exists, lambda: path.replace(root / "stolen")):
            with pytest.raises(LinkError):
                attempt()
    else:
        assert is_link(path.status())
        assert path.exists()
        assert not path.is_file()
        assert not path.is_dir()
        with pytest.raises(OSError, match=r"."):
            path.rmdir()
    (root / "mine").unlink()
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("way")
def test_a_folder_replaced_by_a_link_is_not_entered(tmp_path):
    """The link is planted after a folder was opened, and before its next use."""
    out, decoy = tmp_path / "out", tmp_path / "decoy"
    (out / "cat").mkdir(parents=True)
    decoy.mkdir()
    root = RootedPath(out)
    with (root / "cat/a.png").open("xb"):
        (out / "cat").rename(out / "old")
        (out / "cat").symlink_to(decoy, target_is_directory=True)
    for attempt in ((root / "cat/a.png").read_bytes, (root / "cat").make_folders, (root / "cat").entries):
        with pytest.raises(LinkError):
            attempt()
    assert list(decoy.iterdir()) == []


@pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="needs descriptors of folders")
def test_a_replaced_root_folder_is_refused(tmp_path):
    out, decoy = tmp_path / "out", tmp_path / "decoy"
    out.mkdir()
    decoy.mkdir()
    root = RootedPath(out)
    assert root.entries() == []
    out.rename(tmp_path / "moved")
    out.symlink_to(decoy, target_is_directory=True)
    with (root / "a.png").open("xb") as file:
        file.write(b"1")
    assert snapshot(tmp_path) == {"out": str(decoy), "decoy": None, "moved": None, "moved/a.png": b"1"}
    other = pickle.loads(pickle.dumps(root))  # noqa: S301
    with pytest.raises(OtherFolderError):
        other.entries()


def test_the_root_may_be_reached_by_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk", target_is_directory=True)
    with (RootedPath(tmp_path / "out") / "a.png").open("xb") as file:
        file.write(b"1")
    assert (tmp_path / "disk/a.png").read_bytes() == b"1"


@pytest.mark.usefixtures("way")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    root = RootedPath(tmp_path)
    for name in ("pipe", "folder"):
        for mode in ("rb", "r+b"):
            with pytest.raises(OSError, match=r"."):
                (root / name).open(mode)
    assert not (root / "pipe").is_file()
    assert not [entry for entry in root.entries() if entry.is_file]


def test_errors_name_the_whole_path(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        (RootedPath(tmp_path) / "cat/a.png").open()
    assert str(tmp_path) in caught.value.filename
    (tmp_path / "cat").symlink_to(tmp_path)
    with pytest.raises(LinkError) as caught:
        (RootedPath(tmp_path) / "cat/a.png").open()
    assert caught.value.filename == str(tmp_path / "cat")
    assert caught.value.errno == errno.ELOOP
    assert repr(pickle.loads(pickle.dumps(caught.value))) == repr(caught.value)  # noqa: S301


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")  # noqa: PTH112
def test_no_descriptor_stays_open(tmp_path):
    def descriptors():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    gc.collect()  # what other tests have left would close its own meanwhile
    before = descriptors()
    root = RootedPath(tmp_path)
    (root / "a/b/c").make_folders()
    with (root / "a/b/c/d").open("xb"):
        pass
    (root / "a/b/c").entries()
    for name, error in (("a/b/c/e", FileNotFoundError), ("a/b/c/d/e", NotADirectoryError), ("a/b", OSError)):
        with pytest.raises(error):
            (root / name).open()
    (root / "a/b/c/d").replace(root / "a/d")
    assert descriptors() == before + 1
    del root
    assert descriptors() == before


@pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="needs descriptors of folders")
def test_a_folder_is_closed_at_the_end_of_a_program_when_modules_are_gone(tmp_path, monkeypatch):
    root = held_folder.RootFolder(str(tmp_path))
    descriptor = root.open()
    monkeypatch.setattr(held_folder, "os", None)
    del root
    monkeypatch.undo()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def _write(path):
    with path.open("xb") as file:
        file.write(b"from another process")


def test_a_path_can_be_sent_to_other_processes(tmp_path):
    path = RootedPath(tmp_path) / "a.png"
    path.parent.entries()
    _write(pickle.loads(pickle.dumps(path)))  # noqa: S301
    assert path.read_bytes() == b"from another process"


@given(st.lists(st.sampled_from(["a", "..", ".", "", "b c", "\0", "é"]), min_size=1, max_size=5))
def test_a_name_leads_down_or_is_refused(parts):
    """Compared with the path that the system resolves, below a missing folder."""
    name = "/".join(parts)
    down = os.path.normpath(f"/top/{name}") == f"/top/{name}" and "\0" not in name and name != ""
    assert is_below(name) is down
    if down:
        assert str(RootedPath("/top") / name).replace(os.sep, "/").endswith(f"/top/{name}")
    else:
        with pytest.raises(OSError, match="relative path"):
            RootedPath("/top") / name


def test_a_windows_junction_is_a_link_and_a_folder_is_not(tmp_path):
    """On Windows both differ only in their reparse tag."""
    of_folder, of_file = (os.lstat(path) for path in (tmp_path, __file__))
    assert not is_link(of_folder)
    assert not is_link(of_file)
    assert not leads_elsewhere(tmp_path / "nothing")
    for tag, expected in ((0, False), (0xA0000003, True), (0x9000701A, False)):  # a folder, a junction, OneDrive's
        assert is_link(SimpleNamespace(st_mode=stat.S_IFDIR, st_reparse_tag=tag)) is expected


def test_junctions_are_ignored_and_not_entered(tmp_path, monkeypatch):
    """A folder plays the junction: only its status is reported as that of a junction."""
    inside = tmp_path / "in" / "junction"
    inside.mkdir(parents=True)
    (inside / "a.png").touch()
    (tmp_path / "in" / "b.png").touch()
    number = inside.stat().st_ino

    def of_windows(status):
        return status.st_ino == number

    for module in (links, held_folder, source_folder):
        monkeypatch.setattr(module, "is_link", of_windows)
    monkeypatch.setattr(held_folder, "_HAS_DIR_FD", False)
    monkeypatch.setattr(held_folder, "_HAS_JUNCTIONS", True)
    planned = list(plan_folder(tmp_path / "in", tmp_path / "out", ".png"))
    assert planned == [Ignored("junction"), Task("b.png", "b.png")]
    root = RootedPath(tmp_path / "in")
    assert [entry.name for entry in root.entries() if entry.is_folder or entry.is_file] == ["b.png"]
    with pytest.raises(LinkError):
        (root / "junction/a.png").open()
