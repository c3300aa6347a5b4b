"""Groups of files: each is written whole or not at all, is on the disk before it takes its name, and fails alone."""

import errno
import gc
import os
import stat
import sys

import pytest

from helpers import everything
from icsys.files.atomic import is_temporary
from icsys.files.links import LinkError
from icsys.files.rooted_path import RootedPath
from icsys.outputs import group
from icsys.outputs.group import write_group

FILES = [
    (f"{folder}/{number}.png", f"{folder} {number}".encode() * 50)
    for number in range(4)
    for folder in ("a", "b/c", "d")
]
needs_folders = pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="needs a system that opens folders")


class PatientPace(group.Pace):
    """Groups stay together on a busy machine."""

    _START_SECONDS = 1e9


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Give each test a pace of its own."""
    monkeypatch.setattr(group, "_PACE", PatientPace())


@pytest.fixture(params=["together", "singly"])
def way(request, monkeypatch):
    """Files are synced together, as if every file system were safe, or one by one."""
    together = request.param == "together"
    if together and not hasattr(os, "O_DIRECTORY"):
        pytest.skip("needs a system that opens folders")
    monkeypatch.setattr(group, "can_sync_together", lambda _: together)
    monkeypatch.setattr(group, "sync_together", lambda _: together)
    return request.param


@pytest.fixture
def calls(monkeypatch):
    """The calls that concern files, in their order, as (call, name or descriptor)."""
    found = []

    def watched(name, call):
        def watching(*arguments, **settings):
            result = call(*arguments, **settings)
            found.append((name, arguments[1] if name == "replace" else result if name == "open" else arguments[0]))
            return result

        return watching

    for name in ("open", "write", "fsync", "replace"):
        monkeypatch.setattr(os, name, watched(name, getattr(os, name)))
    monkeypatch.setattr(group, "sync_together", watched("sync_together", group.sync_together))
    return found


def write(folder, files=FILES, **settings):
    return write_group(RootedPath(folder), files, **settings)


def temporaries(folder):
    return [path for path in folder.rglob("*") if is_temporary(path.name)]


def test_all_files_are_written(way, tmp_path):  # noqa: ARG001
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "0.png").write_bytes(b"older")
    assert write(tmp_path / "out") == [None] * len(FILES)
    assert everything(tmp_path / "out") == dict(FILES)


def test_the_file_system_at_hand_gives_the_same_files(tmp_path):
    """Without a stand-in: whichever way is right here."""
    assert write(tmp_path) == [None] * len(FILES)
    assert everything(tmp_path) == dict(FILES)
    assert write(tmp_path / "none", []) == []
    assert not (tmp_path / "none").exists()


def test_no_file_takes_its_name_before_it_is_on_the_disk(way, tmp_path, calls):
    write(tmp_path, FILES[:3])  # the folders exist
    calls.clear()
    write(tmp_path)
    names = [name for name, _ in calls if name != "open"]
    count = len(FILES)
    if way == "together":
        assert names == ["write"] * count + ["sync_together"] + ["replace"] * count
    else:
        assert names == ["write", "fsync", "replace"] * count


@needs_folders
def test_the_file_that_is_asked_for_errors_was_open_before_any_was_written(tmp_path, monkeypatch, calls):
    monkeypatch.setattr(group, "can_sync_together", lambda _: True)
    write(tmp_path)
    first_write = [name for name, _ in calls].index("write")
    (asked,) = [place for name, place in calls if name == "sync_together"]
    assert calls[first_write] == ("write", asked)
    assert ("open", asked) in calls[:first_write]


def test_two_files_are_not_worth_a_sync_of_the_file_system(tmp_path, monkeypatch, calls):
    monkeypatch.setattr(group, "can_sync_together", lambda _: True)
    write(tmp_path, FILES[:2])
    assert [name for name, _ in calls if name.endswith("together") or name == "fsync"] == ["fsync"] * 2


@needs_folders
def test_a_bad_name_a_link_or_a_blocked_folder_fails_that_file_only(way, tmp_path):  # noqa: ARG001
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "link.png").symlink_to(tmp_path / "theirs")
    (tmp_path / "out" / "file").write_bytes(b"no folder")
    (tmp_path / "out" / "b").mkdir()
    (tmp_path / "out" / "b" / "folder.png").mkdir()
    (tmp_path / "out" / "elsewhere").symlink_to(tmp_path)
    bad = {
        f"a/{'n' * 300}.png": errno.ENAMETOOLONG,
        "a/link.png": errno.ELOOP,
        "../up.png": errno.EINVAL,
        "file/a.png": errno.ENOTDIR,
        "b/folder.png": errno.EISDIR,
        "elsewhere/a.png": errno.ELOOP,
        f"{'f' * 300}/a.png": errno.ENAMETOOLONG,
    }
    files = list(FILES)
    for place, name in enumerate(bad):
        files.insert(2 * place, (name, b"ours"))
    errors = dict(zip((name for name, _ in files), write(tmp_path / "out", files), strict=True))
    assert {name: error.errno for name, error in errors.items() if error is not None} == bad
    assert isinstance(errors["a/link.png"], LinkError)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    written = {name: data for name, data in everything(tmp_path / "out").items() if name in dict(FILES)}
    assert written == dict(FILES)
    assert not temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "theirs"]


@pytest.mark.parametrize("failing", range(len(FILES)))
def test_a_write_that_fails_leaves_the_older_file_and_no_temporary_one(failing, way, tmp_path, monkeypatch):  # noqa: ARG001
    older = [(name, b"older") for name, _ in FILES]
    write(tmp_path, older)
    real, count = os.write, iter(range(10**6))

    def full(descriptor, data):
        if next(count) == failing:
            real(descriptor, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        errors = write(tmp_path)
    assert [number for number, error in enumerate(errors) if error] == [failing]
    assert everything(tmp_path) == dict(FILES) | {FILES[failing][0]: b"older"}


@needs_folders
def test_a_common_sync_that_fails_has_all_files_written_anew_with_syncs_of_their_own(tmp_path, monkeypatch):
    """The error may be another program's. One file's own sync fails, too: that file fails."""
    write(tmp_path, [(name, b"older") for name, _ in FILES])
    monkeypatch.setattr(group, "can_sync_together", lambda _: True)
    asked = []

    def failing(_):
        asked.append(len(temporaries(tmp_path)))
        assert set(everything(tmp_path).values()) - {data for _, data in FILES} == {b"older"}
        return False

    real, count = os.fsync, iter(range(10**6))

    def broken(descriptor):
        if next(count) == 5:
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(group, "sync_together", failing)
    monkeypatch.setattr(os, "fsync", broken)
    errors = write(tmp_path)
    assert [number for number, error in enumerate(errors) if error] == [5]
    assert everything(tmp_path) == dict(FILES) | {FILES[5][0]: b"older"}
    write(tmp_path)
    assert asked == [len(FILES)]  # not asked again soon
    assert everything(tmp_path) == dict(FILES)


@pytest.mark.parametrize("call", ["open", "write", "replace"])
def test_an_interrupt_leaves_whole_files_and_no_temporary_one(call, way, tmp_path, monkeypatch):  # noqa: ARG001
    real = getattr(os, call)
    for moment in range(0, len(FILES), 2):
        folder = tmp_path / str(moment)
        write(folder, [(name, b"older") for name, _ in FILES])
        count = iter(range(10**6))

        def interrupted(*arguments, moment=moment, count=count, **settings):
            new = call != "open" or arguments[1] & os.O_EXCL
            if new and next(count) == moment:
                raise KeyboardInterrupt
            return real(*arguments, **settings)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, interrupted)
            with pytest.raises(KeyboardInterrupt):
                write(folder)
        found = everything(folder)
        assert found.keys() == dict(FILES).keys()
        assert all(data in (b"older", dict(FILES)[name]) for name, data in found.items())
        assert not temporaries(folder)


@needs_folders
def test_files_on_another_disk_are_synced_by_themselves(tmp_path, monkeypatch, calls):
    """A folder below the destination may be the place of another disk, which a sync of the first leaves alone."""
    write(tmp_path, FILES[:3])
    monkeypatch.setattr(group, "can_sync_together", lambda _: True)
    real, inode = os.fstat, (tmp_path / "b" / "c").stat().st_ino

    def fstat(descriptor):
        found = real(descriptor)
        if stat.S_ISDIR(found.st_mode) and found.st_ino == inode:
            return os.stat_result((*found[:2], found.st_dev + 1, *found[3:10]))
        return found

    monkeypatch.setattr(os, "fstat", fstat)
    calls.clear()
    assert write(tmp_path) == [None] * len(FILES)
    assert [name for name, _ in calls].count("sync_together") == 1
    # One is for the disk of the first file: see sync_together.
    assert [name for name, _ in calls].count("fsync") == 1 + sum(name.startswith("b/") for name, _ in FILES)
    assert everything(tmp_path) == dict(FILES)


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc/self/fd")
def test_few_files_are_open_at_a_time_however_many_folders_there_are(way, tmp_path, monkeypatch):  # noqa: ARG001
    most, real = 0, os.replace

    def counted(*names, **folders):
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")) - before)  # noqa: PTH208
        real(*names, **folders)

    files = [(f"{number}/a.png", b"%d" % number) for number in range(100)] + [
        (f"{n}.png", b"%d" % n) for n in range(600)
    ]
    gc.collect()  # files of earlier tests that nobody has closed
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    monkeypatch.setattr(os, "replace", counted)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    assert write(tmp_path, files) == [None] * 700
    assert 0 < most < 40
    assert everything(tmp_path) == dict(files)


def test_a_slow_sync_has_the_next_groups_written_singly(tmp_path, monkeypatch, calls):
    """The clock goes on by a minute at each sync of the file system."""
    if not hasattr(os, "O_DIRECTORY"):
        pytest.skip("needs a system that opens folders")
    now = [0.0]
    real = group.sync_together
    monkeypatch.setattr(group, "can_sync_together", lambda _: True)
    monkeypatch.setattr(group, "sync_together", lambda place: (now.__setitem__(0, now[0] + 60), real(place))[1])
    monkeypatch.setattr(group.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(group, "_PACE", group.Pace())
    for _ in range(18):
        assert write(tmp_path, FILES[:3]) == [None] * 3
    assert [name for name, _ in calls].count("sync_together") == 2
    assert everything(tmp_path) == dict(FILES[:3])


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc/self/fd")
def test_no_descriptor_is_left_open(way, tmp_path):  # noqa: ARG001
    root = RootedPath(tmp_path)
    write_group(root, FILES)  # the folder itself stays open
    gc.collect()  # files of earlier tests that nobody has closed
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    write_group(root, [*FILES, ("a/" + "n" * 300, b""), ("..", b"")])
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_temporary_files_have_the_mark_of_the_run(way, tmp_path, monkeypatch):  # noqa: ARG001
    names, real = [], os.replace
    monkeypatch.setattr(
        os, "replace", lambda name, *rest, **folders: (names.append(name), real(name, *rest, **folders))
    )
    write(tmp_path, mark="1-of-2-")
    assert len(set(names)) == len(FILES)
    assert all(is_temporary(os.path.basename(name), "1-of-2-") and "1-of-2-" in name for name in names)  # noqa: PTH119
