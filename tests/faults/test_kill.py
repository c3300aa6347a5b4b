"""A run is killed, at any moment: no file is torn, and the next run ends where an undisturbed one does."""

import itertools
import random
import signal
import subprocess
import time

import psutil
import pytest

from fault_runs import (
    ONE_THREAD,
    OPTIONS,
    assert_resumable,
    command,
    inject,
    make_photos,
    needs_posix,
    needs_strace,
    run,
    slow_images,
    wait_until_claimed,
)
from helpers import everything
from icsys import compress_folder

CHANGES = ("write", "fsync", "rename", "unlink", "mkdir")


@needs_strace
@pytest.mark.fault(34, "kill -9 of a run", "no torn output; the next run finishes, with the same bytes")
@pytest.mark.parametrize("call", CHANGES)
def test_killed_at_every_system_call_that_changes_the_disk(call, tmp_path, thorough, observed):
    """strace kills a run of four images at a call of one kind, the first, the second and so on to the last."""
    source = make_photos(tmp_path / "in", 4)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    clean = everything(tmp_path / "clean")
    killed = 0
    for number in itertools.count(1) if thorough else (2, 5):
        out = tmp_path / f"out{number}"
        rule = inject(call, f"signal=KILL:when={number}")
        if run(*rule, *command(source, out, code=ONE_THREAD), cwd=tmp_path).returncode == 0:
            assert everything(out) == clean
            break
        killed += 1
        assert_resumable(source, out, clean)
    assert killed
    if thorough:
        observed(f"killed at each of {killed} calls; never a torn file, and the same bytes after the next run")
    else:
        observed("a sample of the calls; never a torn file, and the same bytes after the next run")


@needs_posix
@pytest.mark.fault(34, "kill -9 of a run", "no torn output; the next run finishes, with the same bytes")
@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_killed_at_random_moments(engine, tmp_path, thorough, observed):
    """`kill -9` at a random moment between the first sign of work and the end, 100 times in all (50 an engine)."""
    source = make_photos(tmp_path / "in", 40)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    clean = everything(tmp_path / "clean")
    chance = random.Random(1)  # noqa: S311 - moments to try, no secret
    moments, unfinished = 50 if thorough else 3, 0
    for number in range(moments):
        out = tmp_path / f"out{number}"
        words = command(source, out, "--engine", engine, "--jobs", 2)
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # The first is slow, so that at least one ends before its time on any machine.
        with subprocess.Popen(words, **silent, env=None if number else slow_images(0.05)) as process:
            wait_until_claimed(out, process)
            time.sleep(chance.uniform(0, 0.12 if engine == "threads" else 0.6))
            process.send_signal(signal.SIGSTOP)  # it starts no worker any more that the list would lack
            ended = process.returncode is not None
            workers = [] if ended else psutil.Process(process.pid).children(recursive=True)
            process.kill()
        unfinished += (out / ".ics-claims").exists()
        psutil.wait_procs(workers, timeout=10)
        assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
        assert_resumable(source, out, clean)
    assert unfinished
    observed(f"{moments} moments; never a torn file, and the same bytes after the next run")


@needs_posix
@pytest.mark.fault(34, "kill -9 of a run that writes anew", "what was done with other options is done again, all of it")
def test_killed_while_outputs_are_renewed(tmp_path):
    """A finished folder is written anew with other options, that run is killed, and a run with the first follows."""
    source = make_photos(tmp_path / "in", 40)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    clean = everything(tmp_path / "clean")
    out = tmp_path / "out"
    for delay in (0.0, 0.03, 0.06):
        compress_folder(source, out, OPTIONS)
        with subprocess.Popen([*command(source, out)[:-1], "3"], stdout=subprocess.DEVNULL) as process:
            wait_until_claimed(out, process)
            time.sleep(delay)
            process.kill()
        summary = compress_folder(source, out, OPTIONS)
        assert (summary.failed, summary.foreign) == (0, 0)
        assert everything(out) == clean
