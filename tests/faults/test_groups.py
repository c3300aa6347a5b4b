"""The outputs of one group: the disk fails or the process is killed while they are brought onto the disk together."""

import ast
import errno
import itertools
import os
import re
import sys

import pytest

from fault_runs import (
    ONE_THREAD,
    command,
    inject,
    make_photos,
    needs_mounts,
    needs_strace,
    run,
    strace,
)
from helpers import everything
from icsys.files.rooted_path import RootedPath
from icsys.outputs.base import NewOutput
from icsys.outputs.disk import can_sync_together
from icsys.outputs.folder import FolderOutputs
from icsys.records.pending_outputs import WrittenHashes

FILES = {f"{folder}/{number}.png": f"{folder}{number}".encode() * 2000 for number in range(4) for folder in "ab"}

# Writes the files as one group into the folder out, and prints the number of the error of each, 0 for none.
GROUP = f"""
import icsys.native.library
from icsys.files.rooted_path import RootedPath
from icsys.outputs.base import NewOutput
from icsys.outputs.folder import FolderOutputs
from icsys.records.pending_outputs import WrittenHashes
files = [NewOutput(name, name[:1].encode() + name[2:3].encode(), "0" * 64) for name in {list(FILES)}]
files = [one._replace(data=one.data * 2000) for one in files]
out = RootedPath("out")
out.make_folders()
found = FolderOutputs(out, written=WrittenHashes(out)).write_all(files)
print([error.errno if error else 0 for error in found])
"""


def syncs_whole(folder):
    """Return whether groups below a folder are synced together."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return can_sync_together(descriptor)
    finally:
        os.close(descriptor)


@pytest.fixture
def together(tmp_path):
    """Skip where files are synced one by one anyway."""
    if not syncs_whole(tmp_path):
        pytest.skip("needs a file system that is synced as a whole, such as ext4")


def group(*rules, cwd):
    """Write the group in a process with rules of strace; return its exit code, and the number of each file's error."""
    done = run(*rules, sys.executable, "-c", GROUP, cwd=cwd)
    return done.returncode, dict(zip(FILES, ast.literal_eval(done.stdout or "()"), strict=False))


def pictures(out):
    """Return the files of images; each must be whole, and its hash recorded."""
    found = {name: data for name, data in everything(out).items() if name.endswith(".png")}
    assert found.items() <= FILES.items()
    assert found.keys() <= WrittenHashes(RootedPath(out)).load().keys()
    return found


def temporaries(out):
    return list(out.rglob(".ics-*.tmp"))


def finish(out):
    """Do what the next run does: the same files come of it."""
    outputs = FolderOutputs(RootedPath(out), written=WrittenHashes(RootedPath(out)))
    outputs.clean_temporary(["", "a", "b"])
    assert not any(outputs.write_all([NewOutput(name, data, "0" * 64) for name, data in FILES.items()]))
    assert pictures(out) == FILES
    assert not temporaries(out)


@needs_strace
@pytest.mark.fault(34, "kill -9 while a group is written", "no torn output; the next run writes the same files")
@pytest.mark.parametrize("call", ["write", "syncfs", "fsync", "rename"])
@pytest.mark.usefixtures("together")
def test_killed_at_every_call_of_a_group(call, tmp_path, thorough, observed):
    """strace kills a process that writes eight files as a group, at a call of one kind, the first and so on."""
    moments = itertools.count(1) if thorough or call in {"syncfs", "fsync"} else (3, 8)
    killed = 0
    for moment in moments:
        where = tmp_path / str(moment)
        where.mkdir()
        code, _ = group(*inject(call, f"signal=KILL:when={moment}"), cwd=where)
        if code == 0:
            assert pictures(where / "out") == FILES
            break
        killed += 1
        assert len(pictures(where / "out")) in {0, len(FILES)} or call == "rename"
        finish(where / "out")
    assert killed
    observed("never a torn file; no file had its name before all were on the disk")


@needs_strace
@pytest.mark.fault(32, "an error while a group is synced", "files that are not safe fail, io; no torn output")
@pytest.mark.parametrize(
    ("faults", "failed"),
    [
        pytest.param({"syncfs": "EIO:when=1+"}, 0, id="syncfs"),
        pytest.param({"syncfs": "ENOSPC:when=1+", "fsync": "EIO:when=3"}, 1, id="syncfs and one fsync"),
        pytest.param({"fsync": "EIO:when=1+"}, 8, id="every fsync"),
        pytest.param({"syncfs": "EIO:when=1+", "fsync": "EIO:when=1+"}, 8, id="syncfs and every fsync"),
    ],
)
@pytest.mark.usefixtures("together")
def test_the_common_sync_fails(faults, failed, tmp_path, observed):
    """strace makes the sync of the file system fail, or those of single files, or both."""
    rules = [word for call, fault in faults.items() for word in ("-e", f"inject={call}:error={fault}")]
    code, errors = group(*strace("-e", "trace=syncfs,fsync", *rules), cwd=tmp_path)
    assert code == 0
    bad = [name for name, number in errors.items() if number]
    assert len(bad) == failed
    assert all(errors[name] == errno.EIO for name in bad)
    assert pictures(tmp_path / "out") == {name: data for name, data in FILES.items() if name not in bad}
    assert not temporaries(tmp_path / "out")
    finish(tmp_path / "out")
    if failed:
        observed(f"{failed} of 8 failed and had no file; the next run wrote what was missing")
    else:
        observed("all were written anew, one by one")


@needs_strace
@pytest.mark.fault(31, "no space in the middle of a group", "failed, disk_full, from there on; what is whole is kept")
def test_no_space_for_the_rest_of_a_group(tmp_path, observed):
    """strace makes all writes fail after the hashes and three of eight files."""
    code, errors = group(*inject("write", "error=ENOSPC:when=5..9"), cwd=tmp_path)
    assert code == 0
    assert list(errors.values()) == [0] * 3 + [errno.ENOSPC] * 5
    assert pictures(tmp_path / "out") == dict(list(FILES.items())[:3])
    assert not temporaries(tmp_path / "out")
    finish(tmp_path / "out")
    observed("three files whole, five failed; the next run wrote what was missing")


@needs_mounts
@pytest.mark.fault(31, "the disk fills up in the middle of a group", "failed, disk_full; no torn output, no temporary")
def test_a_disk_that_is_full_in_the_middle_of_a_group(tmp_path, observed):
    """A tmpfs of 24 kB as output folder, for eight files of 4 kB."""
    (tmp_path / "out").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "group.py").write_text(GROUP, "utf-8")
    script = f"mount -t tmpfs -o size=24k tmpfs out && {sys.executable} group.py && cp -a out/. kept"
    done = run("unshare", "-m", "sh", "-c", script, cwd=tmp_path)
    errors = dict(zip(FILES, ast.literal_eval(done.stdout), strict=True))
    bad = {name for name, number in errors.items() if number}
    assert {errors[name] for name in bad} == {errno.ENOSPC}
    assert 0 < len(bad) < len(FILES)
    assert pictures(tmp_path / "kept") == {name: data for name, data in FILES.items() if name not in bad}
    assert not temporaries(tmp_path / "kept")
    observed("some files whole, the others failed, and no temporary file was left")


_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")


def calls_of(log):
    """Return the calls in a log of strace that succeeded, as (call, arguments)."""
    found = (_CALL.match(line) for line in log.read_text("utf-8").splitlines())
    return [(call[1], call[2]) for call in found if call and not call[3].startswith("-")]


def places(arguments):
    """Return the paths of the files that a call is about, as strace -y shows them: in an open folder, or open."""
    names = [f"{folder}/{name}" for folder, name in re.findall(r'<([^<>]*)>, "([^"]*)"', arguments)]
    return names or re.findall(r"<([^<>]*)>", arguments)


@needs_strace
@pytest.mark.parametrize("count", [1, 9])
def test_files_then_names_then_folders_then_rows_are_on_the_disk(count, tmp_path):
    """strace shows the order of a run: what a row on the disk describes is there before it."""
    source, log = make_photos(tmp_path / "in", count), tmp_path / "log"
    rules = strace("-y", "-e", "trace=write,fsync,syncfs,rename,renameat,renameat2", log=log)
    done = run(*rules, *command(source, "out", code=ONE_THREAD), cwd=tmp_path)
    assert done.returncode == 0
    unsynced, unnamed, unsynced_folders, rows = set(), set(), set(), 0
    for call, arguments in calls_of(log):
        about = places(arguments)
        if call == "write" and about[0].endswith(".tmp"):
            unsynced.add(about[0])
        elif call == "syncfs":
            unsynced.clear()
        elif call == "fsync":
            if about[0].endswith("manifest.jsonl"):
                assert not unsynced_folders, "a row is on the disk before the name of its output"
                rows += 1
            unsynced.discard(about[0])
            unsynced_folders.discard(about[0])
        elif call.startswith("rename"):
            before, after = about
            assert before not in unsynced, "an output has its name before it is on the disk"
            if after.endswith(".png"):
                unnamed.add(after)
                unsynced_folders.add(after.rpartition("/")[0])
    assert len(unnamed) == count
    assert rows
