"""A shard and a merge are killed at any moment: what follows ends where an undivided run does."""

import contextlib
import itertools
import shutil
import sys

import pytest

from fault_runs import ONE_THREAD, OPTIONS, command, inject, make_photos, needs_strace, run
from helpers import everything, state_folder_at
from icsys import Options, UsageError, compress_folder, merge_shards, verify_folder
from icsys.files.rooted_path import RootedPath
from icsys.shard import Shard, all_shards
from icsys.shards.state_folders import read_state

CHANGES = ("write", "fsync", "rename", "unlink", "mkdir", "rmdir")
ARRAYS = Options(strategy="MKM", colors=4, size=8, fit="cover", format="arrays")


@pytest.fixture
def folders(tmp_path):
    """Photos, what one run makes of them, and a folder that lacks the second of two shards."""
    source = make_photos(tmp_path / "in", 6)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    compress_folder(source, tmp_path / "half", OPTIONS, shard="1/2")
    return source, everything(tmp_path / "clean"), tmp_path / "half"


@needs_strace
@pytest.mark.fault(
    34, "kill -9 of a shard", "it counts as unfinished; run again and merged, the folder is that of an undivided run"
)
@pytest.mark.parametrize("call", CHANGES[:-1])
def test_a_shard_killed_at_every_system_call_that_changes_the_disk(call, folders, tmp_path, thorough, observed):
    """strace kills shard 2/2 at a call of one kind, the first, the second and so on, beside a shard that is done."""
    source, clean, half = folders
    unfinished = 0
    for number in itertools.count(1) if thorough else (1, 4):
        out = tmp_path / f"out{number}"
        shutil.copytree(half, out)
        words = command(source, out, "--shard", "2/2", code=ONE_THREAD)
        if run(*inject(call, f"signal=KILL:when={number}"), *words, cwd=tmp_path).returncode == 0:
            break
        state = read_state(RootedPath(state_folder_at(out, Shard(2, 2))))
        if state is None or not state.finished:  # else it was killed after its work, as it ended
            unfinished += 1
            with pytest.raises(UsageError, match=r"shard 2/2 is (missing|not finished)"):
                merge_shards(out)
            assert compress_folder(source, out, OPTIONS, shard="2/2").foreign == 0
        merge_shards(out)
        assert everything(out) == clean
    assert unfinished
    calls = f"each of {number - 1} calls" if thorough else "a sample of the calls"
    observed(f"killed at {calls}; the merge refused what was unfinished, and then gave the same bytes")


@needs_strace
@pytest.mark.fault(
    34, "kill -9 of a merge", "the state folders of all shards stay until they are merged; merged again, all is there"
)
@pytest.mark.parametrize("call", CHANGES)
def test_a_merge_killed_at_every_system_call_that_changes_the_disk(call, folders, tmp_path, thorough, observed):
    """strace kills it at a call of one kind; it is made again, unless all is merged already, and a run follows."""
    source, clean, half = folders
    compress_folder(source, half, OPTIONS, shard="2/2")
    killed = 0
    for number in itertools.count(1) if thorough else (1, 3):
        out = tmp_path / f"out{number}"
        shutil.copytree(half, out)
        if (
            run(
                *inject(call, f"signal=KILL:when={number}"), sys.executable, "-m", "icsys", "merge", out, cwd=tmp_path
            ).returncode
            == 0
        ):
            break
        killed += 1
        if (out / ".ics-books").exists():
            merge_shards(out)
        assert compress_folder(source, out, OPTIONS).compressed == 0
        assert everything(out) == clean
    assert killed or call == "mkdir"
    calls = f"each of {killed} calls" if thorough else "a sample of the calls"
    observed(f"killed at {calls}; merged again to the same bytes, and the run found nothing to do")


@needs_strace
@pytest.mark.fault(
    34,
    "kill -9 of a merge that packs",
    "the state folders of all shards, or all single files, stay until they are packed; merged again, all is there",
)
@pytest.mark.parametrize("call", CHANGES)
def test_a_merge_that_packs_killed_at_every_system_call_that_changes_the_disk(call, tmp_path, thorough, observed):
    """strace kills it at a call of one kind; it is made again, unless all is packed already, and a run follows."""
    source, half = make_photos(tmp_path / "in", 6), tmp_path / "half"
    compress_folder(source, tmp_path / "clean", ARRAYS)
    clean = everything(tmp_path / "clean")
    for shard in all_shards(2):
        compress_folder(source, half, ARRAYS, shard=str(shard))
    killed = 0
    for number in itertools.count(1) if thorough else (5,):
        out = tmp_path / f"out{number}"
        shutil.copytree(half, out)
        rule = inject(call, f"signal=KILL:when={number}")
        if run(*rule, sys.executable, "-m", "icsys", "merge", out, cwd=tmp_path).returncode == 0:
            break
        killed += 1
        assert verify_folder(out).is_intact
        with contextlib.suppress(UsageError):  # it was killed after its work
            merge_shards(out)
            assert everything(out) == clean
        assert compress_folder(source, out, ARRAYS).compressed == 0
        assert everything(out) == clean
    assert killed
    calls = f"each of {killed} calls" if thorough else "a sample of the calls"
    observed(f"killed at {calls}; merged again to the same bytes, and the run found nothing to do")
