"""When a file system is synced instead of each file: where that is safe, and as long as it is faster."""

import os
import sys
from pathlib import Path

import pytest

from icsys.outputs import disk
from icsys.outputs.disk import Pace, can_sync_together, sync_together


def groups_until_together(pace, seconds_singly):
    """Return how many groups are written singly before the next one is synced together."""
    for number in range(5000):
        if pace.is_together():
            return number
        pace.took(64 * seconds_singly, 64, together=False)
    raise AssertionError


def test_groups_are_synced_together_as_long_as_that_is_fast():
    pace = Pace()
    for _ in range(100):
        assert pace.is_together()
        pace.took(0.05 + 64 * 0.001, 64, together=True)


def test_after_a_slow_group_the_next_are_written_singly_for_longer_and_longer():
    pace, pauses = Pace(), []
    for _ in range(9):
        pace.took(3.0, 64, together=True)
        pauses.append(groups_until_together(pace, 0.001))
    assert pauses == [16, 32, 64, 128, 256, 512, 1024, 1024, 1024]
    pace.took(0.01, 64, together=True)
    pace.took(3.0, 64, together=True)
    assert groups_until_together(pace, 0.001) == 16


def test_on_a_disk_that_is_slower_singly_groups_stay_together():
    pace = Pace()
    pace.took(0.3, 64, together=True)
    assert groups_until_together(pace, 0.02) == 1
    for _ in range(10):
        pace.took(0.3, 64, together=True)
        assert pace.is_together()


def test_after_a_failure_the_next_groups_are_written_singly():
    pace = Pace()
    pace.failed()
    assert groups_until_together(pace, 10.0) == 16


@pytest.mark.parametrize(
    ("system", "release", "reports"),
    [
        ("Linux", "5.8.0-generic", True),
        ("Linux", "6.18.44", True),
        ("Linux", "10.0", True),
        ("Linux", "5.7.19", False),
        ("Linux", "4.18.0-513.el8.x86_64", False),
        ("Linux", "unknown", False),
        ("Darwin", "24.1.0", False),
    ],
)
def test_older_kernels_and_other_systems_do_not_report_failed_writes(system, release, reports, monkeypatch):
    name = type("Uname", (), {"sysname": system, "release": release})
    monkeypatch.setattr(os, "uname", lambda: name, raising=False)
    assert disk.kernel_reports_errors.__wrapped__() is reports


@pytest.mark.skipif(sys.platform != "linux", reason="needs the file systems of Linux")
def test_a_file_system_without_a_disk_of_its_own_is_left_out():
    if not disk.kernel_reports_errors():
        pytest.skip("needs Linux 5.8")
    for path, is_safe in (("/dev/shm", True), ("/proc", False), ("/sys", False)):  # noqa: S108 - a tmpfs everywhere
        descriptor = os.open(path, os.O_RDONLY)
        try:
            assert can_sync_together(descriptor) is is_safe, path
            assert not is_safe or sync_together(descriptor)
        finally:
            os.close(descriptor)


def test_what_cannot_be_synced_is_false(tmp_path):
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    os.close(descriptor)
    assert not can_sync_together(descriptor)
    assert not sync_together(descriptor)


@pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="needs /proc/mounts to compare with")
def test_the_kinds_of_file_systems_are_those_of_the_mounts(tmp_path):
    """`/proc/mounts` says by name what is mounted where."""
    if not disk.kernel_reports_errors():
        pytest.skip("needs Linux 5.8")
    safe = {"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs"}
    above = [str(path) for path in (tmp_path, *tmp_path.parents)]
    mounts = dict(line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines())
    kind = next(mounts[path] for path in above if path in mounts)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert can_sync_together(descriptor) is (kind in safe)
    finally:
        os.close(descriptor)
