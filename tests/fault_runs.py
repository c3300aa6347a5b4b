"""Runs that faults happen to: in processes of their own, and what has to be true of the folder they leave."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fork_server import shared_server
from helpers import everything, image_bytes, synthetic_photo
from icsys import Options, compress_folder, verify_folder

QUICK = ("--strategy", "SO", "--step", "2")
OPTIONS = Options(strategy="SO", step=2)

# The same run with all images in the main thread, so that system calls can be counted: strace counts by thread.
ONE_THREAD = """
import sys, icsys.engine
def one_thread(function, items, jobs, prepare, stop, **_):
    yield from map(function, items)
icsys.engine.ENGINE_TABLE |= {"auto": one_thread, "threads": one_thread}
from icsys.cli.main import run_command
sys.exit(run_command())
"""


def make_photos(folder, count):
    """Write small photos into two class folders."""
    for number in range(count):
        path = folder / ("cat", "dog")[number % 2] / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(24, 32, seed=number)))
    return folder


def command(*arguments, code=None):
    """Return the command line of a run."""
    program = ["-m", "icsys"] if code is None else ["-c", code]
    return [sys.executable, *program, "compress", *map(str, arguments), *QUICK]


def slow_images(seconds, log=os.devnull):
    """Return the environment of a process in which each image takes so much longer.

    What a test does to a run that is going on comes in time then, on any machine: it waits for a few images, and the
    others last for seconds more.
    """
    path = os.pathsep.join([str(Path(__file__).parent / "faulty_site"), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "FAULTY_SITE_SECONDS": str(seconds), "FAULTY_SITE_LOG": str(log)}


def wait_until(holds, seconds=60):
    """Wait until something holds; fail if it does not for so long."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not come true within {seconds} s"
        time.sleep(0.002)


def wait_until_claimed(folder, process):
    """Wait until a run has claimed the outputs that it writes, or is over."""
    wait_until(lambda: (folder / ".ics-claims").exists() or process.poll() is not None)


def strace(*rules, log=os.devnull):
    """Return what to put before a command so that system calls fail by the rules."""
    return ["strace", "-f", "-qq", "-o", str(log), *map(str, rules)]


# Systems have several calls for one purpose; which of them a program takes is its library's concern.
_KINDS = {
    "rename": "rename,renameat,renameat2",
    "unlink": "unlink,unlinkat",
    "mkdir": "mkdir,mkdirat",
    "rmdir": "rmdir,unlinkat",
}


def inject(call, what, log=os.devnull):
    """Return what to put before a command so that something happens at a system call of a kind."""
    calls = _KINDS.get(call, call)
    return strace("-e", f"trace={calls}", "-e", f"inject={calls}:{what}", log=log)


def run(*words, cwd, **settings):
    """Run a command; return its exit code and its output."""
    words = list(map(str, words))
    if words[0] == "strace":
        done = _traced(words, cwd)
    else:
        env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            words, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False, **settings
        )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def _traced(words, cwd):
    """Run Python under strace, in a process that has loaded its modules before strace stops it at every call."""
    start = words.index(sys.executable)
    tracer, words = words[:start], words[start + 1 :]
    _load(words[words.index("--format") + 1] if "--format" in words else "png")
    do = "code" if words[0] == "-c" else "command"
    words = words[1:] if do == "code" else words[2:]  # -c CODE, or -m icsys
    return subprocess.CompletedProcess(words, *shared_server().command(words, cwd=cwd, do=do, tracer=tracer))


@functools.cache
def _load(form):
    """Load what runs load that write a format: a run that is killed tells nobody what it has loaded."""
    with tempfile.TemporaryDirectory() as folder:
        words = command(make_photos(Path(folder, "in"), 1), "out", "--format", form)[3:]
        assert shared_server().command(words, cwd=folder)[0] == 0


def number_of(call, text, source, cwd):
    """Return which of the calls of a kind is the first whose line in a trace holds ``text``: 1 for the first."""
    log = cwd / "trace"
    kinds = _KINDS.get(call, call)
    run(*strace("-y", "-e", f"trace={kinds}", log=log), *command(source, "traced", code=ONE_THREAD), cwd=cwd)
    calls = [
        line for line in log.read_text("utf-8").splitlines() if any(f" {kind}(" in line for kind in kinds.split(","))
    ]
    # strace shows a path below an open folder in two parts.
    return next(number for number, line in enumerate(calls, 1) if text in line.replace('>, "', "/"))


def assert_whole(folder, clean):
    """No file of an image is anything but what an undisturbed run writes."""
    for name, data in everything(folder).items():
        if name.endswith(".png"):
            assert data == clean[name], name


def assert_accounted(folder):
    """The outputs of a run agree with its journal, where it has one."""
    if any((folder / name).exists() for name in ("manifest.jsonl", "failures.jsonl", ".ics-claims")):
        found = verify_folder(folder)
        assert found.is_intact, found


def assert_resumable(source, folder, clean):
    """The next run ends where an undisturbed one does, to the byte, and redoes nothing that is done."""
    assert_whole(folder, clean)
    assert_accounted(folder)
    before = {path: path.stat().st_ino for path in folder.rglob("*.png")}
    manifest = folder / "manifest.jsonl"
    rows = manifest.read_text("utf-8") if manifest.exists() else ""
    summary = compress_folder(source, folder, OPTIONS)
    assert (summary.failed, summary.foreign, summary.stopped) == (0, 0, "")
    assert everything(folder) == clean
    assert_accounted(folder)
    # Images of batches that were under way have no row yet, and are redone.
    redone = [path.relative_to(folder).as_posix() for path, inode in before.items() if path.stat().st_ino != inode]
    assert sum(f'"file_name": "{name}"' in rows for name in redone) <= 5
    return summary


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which is not installed")


@functools.cache
def _can_mount():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([shutil.which("unshare"), "-m", "true"], capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not _can_mount(), reason="needs unshare and the right to mount (root on Linux)")
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become another user"
)
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals as POSIX has them")
