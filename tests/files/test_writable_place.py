"""Whether a folder can be made, said without making it: the system, asked to make it, is the oracle."""

import errno
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from icsys.errors import UsageError
from icsys.files import writable_place
from icsys.files.writable_place import check_writable

LINUX = pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="file systems of Linux")
NO_ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture
def top(tmp_path):
    (tmp_path / "a file").write_bytes(b"")
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut").chmod(0o500)
    try:
        (tmp_path / "to nothing").symlink_to("nothing")
        (tmp_path / "to itself").symlink_to("to itself")
        (tmp_path / "to the folder").symlink_to(tmp_path)
    except (OSError, NotImplementedError):
        pytest.skip("this user may make no links")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "new",
        "new/and/below",
        "to the folder/new",
        "é\u0301中" * 9,
        "a file",
        "a file/new",
        "a file/x/y",
        "to nothing",
        "to nothing/new",
        "to itself",
        "to itself/new",
        "x" * 300,
        "new/" + "x" * 300,
        "new/" + "中" * 100,
        pytest.param("shut/new", marks=NO_ROOT),
        pytest.param("shut", marks=NO_ROOT),
        *(
            pytest.param(place, marks=LINUX)
            for place in ("/proc", "/proc/new", "/proc/self/new", "/proc/self/fd/new", "/sys/new", "/dev/pts/new")
        ),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_else(top, name):
    folder, before = top / name, sorted(top.rglob("*"))
    try:
        check_writable(folder)
    except UsageError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert sorted(top.rglob("*")) == before
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "file").write_bytes(b"")
    except OSError:
        assert refusal.startswith(f"destination {str(folder)!r}")
    else:
        assert refusal == ""


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.ESTALE, errno.EIO, errno.EACCES])
def test_a_server_that_is_gone_is_named_with_the_words_of_the_system(tmp_path, monkeypatch, number):
    whole = Path.stat

    def stat(path, **how):
        if path.is_relative_to(tmp_path / "mount"):
            raise OSError(number, os.strerror(number), str(path))
        return whole(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(UsageError, match=f"cannot be written: {os.strerror(number)}"):
        check_writable(tmp_path / "mount/photos/small")


def test_a_drive_that_is_not_there_is_named(tmp_path, monkeypatch):
    def stat(path, **_how):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(UsageError, match=r"cannot be written: there is no .*; connect it first"):
        check_writable(tmp_path / "new")


@pytest.mark.skipif(not hasattr(os, "major"), reason="devices of POSIX")
@pytest.mark.parametrize(("kind", "is_refused"), [("proc", True), ("autofs", False), ("nfs4", False), ("tmpfs", False)])
def test_a_file_system_of_the_kernel_is_known_by_its_name(tmp_path, monkeypatch, kind, is_refused):
    """A server behind autofs is mounted by what opens it: before, its folder is one of the kernel."""
    device = tmp_path.stat().st_dev
    own = f"2 1 {os.major(device)}:{os.minor(device)} / /x rw - {kind} none rw"
    (tmp_path / "mounts").write_text(f"1 0 0:1 / / rw shared:1 - ext4 /dev/x rw\n{own}\n")
    monkeypatch.setattr(writable_place, "_MOUNTS", tmp_path / "mounts")
    expected = (
        pytest.raises(UsageError, match=rf"only the system makes files \({kind}\)") if is_refused else nullcontext()
    )
    with expected:
        check_writable(tmp_path / "new")
