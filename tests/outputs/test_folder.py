"""Outputs as files: their hashes are recorded before any of them has its name."""

import errno
import os

import pytest

from helpers import everything
from icsys.files.rooted_path import RootedPath
from icsys.layout import RESERVED
from icsys.outputs.base import NewOutput
from icsys.outputs.folder import FolderOutputs
from icsys.records.pending_outputs import WrittenHashes

FILES = [NewOutput(f"cat/{number}.png", bytes([number]) * 9, f"{number:064x}") for number in range(7)]


@pytest.fixture
def outputs(tmp_path):
    (tmp_path / "state").mkdir()
    return FolderOutputs(RootedPath(tmp_path / "out"), written=WrittenHashes(RootedPath(tmp_path / "state")))


def test_hashes_of_a_group_are_recorded_in_one_call_before_any_file_has_its_name(outputs, tmp_path, monkeypatch):
    order, write, replace = [], os.write, os.replace

    def noted(descriptor, data):
        order.append("hashes" if b"cat/" in bytes(data) else "file")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", noted)
    monkeypatch.setattr(os, "replace", lambda *names, **folders: (order.append("name"), replace(*names, **folders)))
    assert outputs.write_all(FILES) == [None] * len(FILES)
    assert order.count("hashes") == 1
    assert order[0] == "hashes"
    assert order.count("name") == len(FILES)
    assert everything(tmp_path / "out") == {one.output: one.data for one in FILES}
    recorded = WrittenHashes(RootedPath(tmp_path / "state")).load()
    assert recorded == {one.output: {one.sha256[:32]} for one in FILES}


def test_without_room_for_the_hashes_no_file_is_written(outputs, tmp_path, monkeypatch):
    """The disk takes part of the lines first: the error comes with the next call."""
    real, left = os.write, [100]

    def nearly_full(descriptor, data):
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken, left[0] = min(left[0], len(data)), 0
        return real(descriptor, data[:taken])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", nearly_full)
        errors = outputs.write_all(FILES)
    assert [error.errno for error in errors] == [errno.ENOSPC] * len(FILES)
    assert not (tmp_path / "out").exists()
    assert outputs.write_all(FILES) == [None] * len(FILES)
    recorded = WrittenHashes(RootedPath(tmp_path / "state")).load()
    assert recorded == {one.output: {one.sha256[:32]} for one in FILES}


def test_one_output_that_cannot_be_written_leaves_the_others(outputs, tmp_path):
    files = [*FILES[:3], NewOutput(f"{'n' * 300}.png", b"data", "f" * 64), *FILES[3:]]
    errors = outputs.write_all(files)
    assert [error and error.errno for error in errors] == [None] * 3 + [errno.ENAMETOOLONG] + [None] * 4
    assert everything(tmp_path / "out") == {one.output: one.data for one in FILES}


@pytest.mark.parametrize("name", RESERVED)
def test_no_output_takes_the_place_of_a_file_of_ics(name, tmp_path):
    """A table or a list keeps its name, which may be that of a record at the top of the output folder."""
    outputs = FolderOutputs(RootedPath(tmp_path))
    for output in (name, name.upper(), f"{name}/a.png"):
        assert "has the name of a file of ics" in outputs.stat(output).obstacle
    assert not outputs.stat(f"train/{name}").obstacle
    assert not FolderOutputs(RootedPath(tmp_path), apart=True).stat(name).obstacle
