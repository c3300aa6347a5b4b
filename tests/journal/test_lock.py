"""One run at a time has the lock of a folder, in any process, and until the process ends."""

import subprocess
import sys
import threading
import time

import pytest

from icsys.errors import InUseError, UsageError
from icsys.files.rooted_path import RootedPath
from icsys.journal.lock import locked
from icsys.layout import LOCK

HOLD = """
import sys, time
from icsys.journal.lock import locked
from icsys.files.rooted_path import RootedPath
with locked(RootedPath(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that has the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_is_locked_once_and_again_afterwards(tmp_path):
    folder = RootedPath(tmp_path / "new" / "out")
    for _ in range(2):
        with locked(folder), pytest.raises(InUseError, match="'what' is in use"), locked(folder, what="'what'"):
            pass
    assert (tmp_path / "new" / "out" / LOCK).read_bytes() == b""


def test_a_killed_process_loses_its_lock(tmp_path, other):
    folder = RootedPath(tmp_path / "out")
    with pytest.raises(InUseError, match="in use by another run"), locked(folder):
        pass
    other.kill()
    other.wait()
    with locked(folder):
        pass


def test_a_lock_is_awaited_until_the_timeout(tmp_path, other):
    threading.Timer(0.3, other.stdin.close).start()
    with locked(RootedPath(tmp_path / "out"), timeout=60.0):
        assert other.wait(60) == 0


def test_a_lock_on_a_removed_folder_does_not_count(tmp_path):
    folder = RootedPath(tmp_path) / "out"
    entered = threading.Event()

    def wait():
        with locked(folder, timeout=60.0):
            entered.set()

    with locked(folder):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.2)
        assert not entered.is_set()
        (tmp_path / "out" / LOCK).unlink()
        (tmp_path / "out").rmdir()
        assert entered.wait(60)  # of a folder that is a new one
    thread.join()


def test_a_link_is_not_locked(tmp_path):
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / LOCK).symlink_to(tmp_path / "theirs")
    with pytest.raises(UsageError, match="link"), locked(RootedPath(tmp_path)):
        pass
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
