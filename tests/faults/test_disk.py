"""The disk fails: the image fails with a code, nothing is torn, and the rest continues or ends in order."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from fault_runs import (
    ONE_THREAD,
    OPTIONS,
    QUICK,
    assert_resumable,
    assert_whole,
    command,
    inject,
    make_photos,
    needs_mounts,
    needs_root,
    needs_strace,
    number_of,
    run,
    strace,
)
from helpers import everything, image_bytes, synthetic_photo
from icsys import compress_folder


def failures(folder):
    return [json.loads(line) for line in (folder / "failures.jsonl").read_text("utf-8").splitlines()]


def temporaries(folder):
    return list(folder.rglob(".ics-*.tmp"))


@needs_mounts
@pytest.mark.fault(31, "the disk fills up", "no torn output, no temporary; the run stops and can be resumed")
def test_a_full_disk(tmp_path, observed):
    """A tmpfs of 60 kB as output folder for a run of 40 images, made larger for the next."""
    source = make_photos(tmp_path / "in", 40)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    for name in ("out", "first", "second"):
        (tmp_path / name).mkdir()
    ics = f"{sys.executable} -m icsys compress in out {' '.join(QUICK)} --json --jobs 1"
    script = f"""
    mount -t tmpfs -o size=60k tmpfs out
    {ics} > first.json; echo $? > first.code; cp -a out/. first
    mount -o remount,size=64m out
    {ics} > second.json; echo $? > second.code; cp -a out/. second
    """
    run("unshare", "-m", "sh", "-c", script, cwd=tmp_path)
    first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("first", "second"))
    clean = everything(tmp_path / "clean")
    assert (tmp_path / "first.code").read_text() == "1\n"
    assert "No space left" in first["summary"]["stopped"]
    assert 0 < first["summary"]["compressed"] < 40
    assert not temporaries(tmp_path / "first")
    assert_whole(tmp_path / "first", clean)
    assert (tmp_path / "second.code").read_text() == "0\n"
    assert second["summary"]["skipped"] >= first["summary"]["compressed"]
    assert everything(tmp_path / "second") == clean
    observed("exit 1 and the reason; with more room the next run did the rest, to the same bytes")


FAILING_CALLS = (
    (31, "no space for a file", "failed, disk_full; the run stops", "write", "ENOSPC", "disk_full"),
    (31, "a quota is used up", "failed, disk_full; the run stops", "write", "EDQUOT", "disk_full"),
    (32, "an error on fsync", "failed, io; not marked as done", "fsync", "EIO", "io"),
    (32, "an error on write", "failed, io; not marked as done", "write", "EIO", "io"),
    (29, "the disk becomes read-only", "failed, read_only; the run stops", "rename", "EROFS", "read_only"),
    (29, "no right to write one file", "failed, permission; the others go on", "rename", "EACCES", "permission"),
)


@needs_strace
@pytest.mark.parametrize(
    "case", [pytest.param(row[3:], marks=pytest.mark.fault(*row[:3]), id=" ".join(row[3:5])) for row in FAILING_CALLS]
)
def test_a_system_call_fails(case, tmp_path, observed):
    """strace makes one call fail for the first image of six."""
    call, error, code = case
    stops = code in {"disk_full", "read_only"}
    source = make_photos(tmp_path / "in", 6)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    out = tmp_path / "out"
    when = number_of(call, "/cat/.ics-", source, tmp_path)
    rule = inject(call, f"error={error}:when={when}")
    done = run(*rule, *command(source, out, code=ONE_THREAD), cwd=tmp_path)
    assert done.returncode == 1
    (failed,) = failures(out)
    assert failed["code"] == code
    assert failed["source_path"] == "cat/00000.png"
    assert not (out / "cat" / "00000.png").exists()
    assert not temporaries(out)
    assert len(list(out.rglob("*.png"))) == (0 if stops else 5)
    assert_resumable(source, out, everything(tmp_path / "clean"))
    rest = "the run stopped" if stops else "the other five were written"
    observed(f"{code}, {rest}; the next run did what was missing")


@needs_strace
@pytest.mark.fault(31, "no space for the journal", "the run stops; what is written is known to the next run")
def test_the_journal_cannot_be_written(tmp_path, observed):
    """strace makes all writes fail after the first image."""
    source = make_photos(tmp_path / "in", 6)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    out = tmp_path / "out"
    when = number_of("write", "/manifest.jsonl", source, tmp_path)
    rule = strace("-e", "trace=write", "-e", f"inject=write:error=ENOSPC:when={when}+")
    done = run(*rule, *command(source, out, code=ONE_THREAD), cwd=tmp_path)
    assert done.returncode == 1
    assert not temporaries(out)
    assert_resumable(source, out, everything(tmp_path / "clean"))
    observed("exit 1; the next run took the unrecorded image for its own and did the rest")


@needs_strace
@pytest.mark.fault(31, "no space for the pending outputs", "the run stops before any image")
def test_pending_outputs_cannot_be_written(tmp_path, observed):
    """strace makes the first write into the output folder fail."""
    source = make_photos(tmp_path / "in", 2)
    when = number_of("write", "/traced/.ics-", source, tmp_path)
    rule = strace("-e", "trace=write", "-e", f"inject=write:error=ENOSPC:when={when}")
    done = run(*rule, *command(source, "out", code=ONE_THREAD), cwd=tmp_path)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert not list((tmp_path / "out").rglob("*.png"))
    assert not temporaries(tmp_path / "out")
    observed("exit 1, the reason, and no image written")


@needs_strace
@pytest.mark.fault(32, "an error on read", "failed, io; not marked as done")
def test_a_source_cannot_be_read(tmp_path, observed):
    """strace makes every read of one source fail."""
    source = make_photos(tmp_path / "in", 6)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    out = tmp_path / "out"
    rule = strace("-P", source / "cat" / "00002.png", "-e", "trace=read", "-e", "inject=read:error=EIO")
    done = run(*rule, *command(source, out), cwd=tmp_path)
    assert done.returncode == 1
    (failed,) = failures(out)
    assert (failed["source_path"], failed["code"]) == ("cat/00002.png", "io")
    assert_resumable(source, out, everything(tmp_path / "clean"))
    observed("io, the other five were written; the next run did the sixth")


@needs_mounts
@pytest.mark.fault(29, "a read-only output folder", "refused before any work, exit 2")
def test_a_read_only_file_system(tmp_path, observed):
    """A tmpfs mounted read-only as output folder."""
    source = make_photos(tmp_path / "in", 1)
    (tmp_path / "out").mkdir()
    ics = " ".join(command(source, "out"))
    done = run("unshare", "-m", "sh", "-c", f"mount -t tmpfs -o ro tmpfs out && {ics}", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "read-only" in done.stderr.lower() or "cannot be written" in done.stderr
    observed("one line and exit 2")


AS_OTHER_USER = """
import os, sys
import PIL.Image, deflate, numpy, threadpoolctl, tqdm, icsys.cli.main, icsys.run.compress
PIL.Image.init()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(icsys.cli.main.run_command())
"""


@pytest.fixture
def shared():
    """A folder that any user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@needs_root
@pytest.mark.fault(29, "an output folder of another user", "refused before any work, exit 2")
def test_an_output_folder_of_another_user(shared, observed):
    """The run is user 65534, the folder is root's."""
    make_photos(shared / "in", 1)
    (shared / "out").mkdir(mode=0o755)
    done = run(*command(shared / "in", shared / "out", code=AS_OTHER_USER), cwd=shared)
    assert (done.returncode, done.stdout) == (2, "")
    assert "read-only" in done.stderr
    observed("one line and exit 2")


@needs_root
@pytest.mark.fault(28, "an unreadable source", "failed, permission; the others go on")
def test_a_source_of_another_user(shared, observed):
    """The run is user 65534; one photo of three and one folder are root's alone."""
    source = make_photos(shared / "in", 3)
    (source / "secret").mkdir(mode=0o700)
    (source / "cat" / "00000.png").chmod(0o600)
    (shared / "out").mkdir()
    (shared / "out").chmod(0o777)
    done = run(*command(source, shared / "out", code=AS_OTHER_USER), cwd=shared)
    assert done.returncode == 1
    assert {(row["source_path"], row["code"]) for row in failures(shared / "out")} == {
        ("cat/00000.png", "permission"),
        ("secret", "permission"),
    }
    assert len(list((shared / "out").rglob("*.png"))) == 2
    observed("the photo failed (permission), the folder is named too, the other two were written")


@pytest.mark.fault(33, "a source changes while it is read", "failed, changed: no mixture of both is kept")
def test_a_source_that_changes(tmp_path, observed):
    """Another thread adds to a file of 64 MB all the time."""
    source = make_photos(tmp_path / "in", 2)
    path = source / "growing.bmp"
    path.write_bytes(image_bytes(synthetic_photo(), "BMP") + bytes(64 * 2**20))
    over = threading.Event()

    def grow():
        with path.open("ab", buffering=0) as file:
            while not over.is_set():
                file.write(b"more")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        for _ in range(20):  # on a busy machine the thread may stand still for as long as a reading takes
            summary = compress_folder(source, tmp_path / "out", OPTIONS, overwrite="always")
            if summary.failed:
                break
    finally:
        over.set()
        thread.join()
    assert [(failure.source, failure.code) for failure in summary.failures] == [("growing.bmp", "changed")]
    assert summary.compressed == 2
    observed("changed; the others were written")


@pytest.mark.fault(33, "a source vanishes before it is read", "failed, changed; the others go on")
def test_a_source_that_vanishes(tmp_path):
    """The last of six photos is removed when the first is done."""
    source = make_photos(tmp_path / "in", 6)

    def remove(progress):
        if progress.summary.images == 1:
            (source / "dog" / "00005.png").unlink(missing_ok=True)

    summary = compress_folder(source, tmp_path / "out", OPTIONS, jobs=1, progress=remove)
    assert [(failure.source, failure.code) for failure in summary.failures] == [("dog/00005.png", "changed")]
    assert summary.compressed == 5
    # Its line and its failure are gone with it.
    compress_folder(source, tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out" / "failures.jsonl").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.fault(31, "the report cannot be written", "the files are whole, and a line states the error")
def test_a_full_standard_output(tmp_path):
    """Standard output is `/dev/full`."""
    source = make_photos(tmp_path / "in", 2)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(source, tmp_path / "out"), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "code"), [(("--version",), 1), (("--help",), 1), (("compress", "absent", "out"), 2)]
)
def test_streams_that_take_nothing_leave_the_exit_codes(tmp_path, arguments, code):
    """Python would end with 120 as it closes a stream whose last lines are not written."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    words = [sys.executable, "-m", "icsys", *arguments]
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, env=env, check=False)
        silent = subprocess.run(words, stdout=full, stderr=full, cwd=tmp_path, env=env, check=False)
    assert (said.returncode, silent.returncode) == (code, code)
    (line,) = said.stderr.splitlines()
    assert line.startswith(b"ics: ")
