"""Stopping: the first signal ends a run in order, the second at once."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from fault_runs import OPTIONS, assert_resumable, command, make_photos, needs_posix, slow_images, wait_until
from helpers import everything
from icsys import compress_folder
from icsys.engine.pool import GRACE

# Images that never end, after ten that do; each leaves a file in the folder ASLEEP.
ENDLESS = """
import os, pathlib, sys, threading, time
import icsys.run.worker
compress, done = icsys.run.worker.compress_image, []
def slow(*arguments, **settings):
    done.append(1)
    if len(done) > 10:
        pathlib.Path(os.environ["ASLEEP"], str(threading.get_ident())).touch()
        time.sleep(600)
    return compress(*arguments, **settings)
icsys.run.worker.compress_image = slow
from icsys.cli.main import run_command
sys.exit(run_command())
"""

# Seconds in which a run stops: those that it waits for its images, and what a machine adds that does much else. A run
# that waits for the end of its images takes minutes.
LONGEST = GRACE + 10


def test_a_stop_waits_for_less_than_two_seconds():
    assert GRACE < 2


def start(words, env, ready):
    """Start a run and wait until it is ready."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    wait_until(ready)
    return process


def start_slowly(words, out):
    """Start a run whose images take their time, and wait until ten are written."""
    return start(words, slow_images(0.05), lambda: len(list(out.rglob("*.png"))) >= 10)


def start_endless(source, out, asleep):
    """Start a run of 20 images of which two never end, and wait until both are under way."""
    asleep.mkdir()
    words, env = command(source, out, "--jobs", "2", code=ENDLESS), os.environ | {"ASLEEP": str(asleep)}
    return start(words, env, lambda: len(list(asleep.iterdir())) == 2)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """A hundred photos, and what an undisturbed run makes of them."""
    folder = tmp_path_factory.mktemp("hundred")
    source = make_photos(folder / "in", 100)
    compress_folder(source, folder / "clean", OPTIONS)
    return source, everything(folder / "clean")


@needs_posix
@pytest.mark.usefixtures("terminal")
@pytest.mark.fault(38, "SIGINT, SIGTERM, SIGHUP", "at most 2 s to stop, a report, exit 130, 143 or 129, no temporaries")
@pytest.mark.parametrize("engine", ["threads", "processes"])
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_the_first_signal(name, code, engine, *, hundred, tmp_path, observed):
    """The signal comes when ten of 100 images are written."""
    source, clean = hundred
    out = tmp_path / "out"
    process = start_slowly(command(source, out, "--engine", engine, "--jobs", "2"), out)
    process.send_signal(getattr(signal, name))
    begin = time.monotonic()
    printed, errors = process.communicate(timeout=60)
    seconds = time.monotonic() - begin
    assert process.returncode == code
    assert "Traceback" not in errors
    assert "interrupted" in errors
    assert "compressed" in printed
    assert seconds < LONGEST
    assert not list(out.rglob(".ics-*.tmp"))
    summary = assert_resumable(source, out, clean)
    assert summary.compressed
    assert summary.skipped >= 10
    observed(f"a report, exit {code}; the next run did the rest, to the same bytes")


@needs_posix
@pytest.mark.fault(38, "SIGINT while an image takes for ever", "at most 2 s to stop, a report, exit 130")
def test_a_signal_does_not_wait_for_ever(tmp_path, observed):
    """Two images sleep for ten minutes when the signal comes."""
    source = make_photos(tmp_path / "in", 20)
    out = tmp_path / "out"
    process = start_endless(source, out, tmp_path / "asleep")
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - begin < LONGEST
    compressed = int(re.search(r"(\d+) compressed", printed)[1])
    assert 0 < compressed == len((out / "manifest.jsonl").read_text().splitlines())
    compress_folder(source, tmp_path / "clean", OPTIONS)
    assert assert_resumable(source, out, everything(tmp_path / "clean")).skipped >= compressed
    observed("a report of those that were done, exit 130")


@needs_posix
@pytest.mark.fault(38, "Ctrl-C in a terminal while worker processes start", "one report, exit 130, no traceback")
def test_a_signal_for_all_processes(tmp_path, thorough, observed):
    """SIGINT for the whole group of processes, some hundredths of a second after the first worker was started."""
    source = make_photos(tmp_path / "in", 100)
    moments = 20 if thorough else 3
    for number in range(moments):
        out = tmp_path / f"out{number}"
        with subprocess.Popen(
            command(source, out, "--isolate", "--jobs", "2"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=slow_images(0.05),
        ) as process:
            while process.poll() is None and not any(map(_is_worker, psutil.Process(process.pid).children())):
                time.sleep(0.001)
            time.sleep(0.02 * number)
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in errors
        assert "crashed" not in errors
    observed(f"{moments} moments; exit 130, and not a word from the workers")


def _is_worker(process):
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:
        return False


@needs_posix
@pytest.mark.fault(38, "SIGINT twice", "the second stops at once")
def test_the_second_signal(tmp_path, observed):
    """Two images sleep for ten minutes when the signals come, the second once the first is answered."""
    source = make_photos(tmp_path / "in", 20)
    out = tmp_path / "out"
    process = start_endless(source, out, tmp_path / "asleep")
    process.send_signal(signal.SIGINT)
    assert any("press Ctrl-C again to stop at once" in line for line in process.stderr)  # no line after it is read
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert printed == ""  # it would have waited for the images, and reported, after one signal
    compress_folder(source, tmp_path / "clean", OPTIONS)
    assert_resumable(source, out, everything(tmp_path / "clean"))
    observed("no report, exit 130; the next run did the rest")


@needs_posix
@pytest.mark.fault(31, "the output of a run is no longer read", "the run goes on to its end; exit 1")
@pytest.mark.parametrize("reader", ["gone", "full disk"])
def test_standard_error_breaks(reader, tmp_path, observed):
    """A line for each of 60 images goes to a pipe that is closed after the first of them, or to `/dev/full`."""
    if reader == "full disk" and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    source = make_photos(tmp_path / "in", 60)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    out = tmp_path / "out"
    words = command(source, out, "--verbose")
    if reader == "gone":
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(words, **pipe, env=slow_images(0.02)) as process:
            assert b"cat/" in process.stdout.readline() + process.stdout.readline()
            process.stdout.close()
    else:
        with Path("/dev/full").open("w") as full, subprocess.Popen(words, stdout=full, stderr=full) as process:
            pass
    assert process.returncode == 1  # the report is lost
    assert everything(out) == everything(tmp_path / "clean")
    assert json.loads((out / "run.json").read_bytes())["summary"]["compressed"] == 60
    observed("all images, manifest and run.json as in an undisturbed run; exit 1")


@needs_posix
@pytest.mark.fault(40, "two runs on one output", "the second is refused, exit 2; a dead one never blocks")
def test_two_runs_on_one_output(hundred, tmp_path, observed):
    """A second run while the first is stopped by SIGSTOP; then the first is killed, and a third comes."""
    source, clean = hundred
    out = tmp_path / "out"
    first = start_slowly(command(source, out), out)
    first.send_signal(signal.SIGSTOP)
    while psutil.Process(first.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    before = everything(out)
    second = subprocess.run(command(source, out), capture_output=True, text=True, check=False)
    assert (second.returncode, second.stdout) == (2, "")
    assert len(second.stderr.splitlines()) == 1
    assert "in use by another run" in second.stderr
    assert everything(out) == before
    first.kill()
    first.communicate()
    assert_resumable(source, out, clean)
    observed("exit 2 and one line; after the first was killed the next run finished")


def test_two_runs_in_one_process_are_two(tmp_path):
    source = make_photos(tmp_path / "in", 2)
    refused = []

    def again(_):
        if not refused:
            try:
                compress_folder(source, tmp_path / "out", OPTIONS)
            except ValueError as error:
                refused.append(str(error))

    compress_folder(source, tmp_path / "out", OPTIONS, progress=again)
    assert "in use by another run" in refused[0]


def test_a_lock_file_alone_means_nothing(tmp_path):
    source = make_photos(tmp_path / "in", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".ics-lock").write_bytes(b"12345")
    assert compress_folder(source, tmp_path / "out", OPTIONS).compressed == 2
