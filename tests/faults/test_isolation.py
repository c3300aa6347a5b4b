"""Images that crash or hang their worker, in real processes that really die."""

import contextlib
import gc
import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import psutil
import pytest

import faulty_decoder
from helpers import compress_files, compress_into, image_bytes, synthetic_photo, tree
from icsys import Options, compress_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes in another way")
SO = Options(strategy="SO")


def crashing_image(deed, seed=0):
    """An image that makes a decoder with a fault do ``deed``; for any other it is a good one."""
    return image_bytes(synthetic_photo(seed=seed), "JPEG") + faulty_decoder.MARK + deed.encode()


@pytest.fixture
def faulty(monkeypatch):
    """Give every worker process a decoder with faults: it imports what prepares it."""
    monkeypatch.setattr("icsys.pipeline.prepare_process", faulty_decoder.prepare)
    monkeypatch.setattr("icsys.run.worker.compress_image", faulty_decoder.compress_image)


def good(count):
    return {f"{number}.jpg": image_bytes(synthetic_photo(seed=number), "JPEG") for number in range(count)}


@posix
@pytest.mark.fault(35, "an image that crashes its worker process", "failed after a second try; the others are done")
@pytest.mark.parametrize(
    ("deed", "reason"),
    [("segfault", "SIGSEGV"), ("kill 9", "SIGKILL"), ("kill 6", "SIGABRT"), ("exit 7", "exit code 7")],
)
@pytest.mark.usefixtures("faulty")
def test_a_crash(deed, reason, tmp_path, observed):
    """A real segmentation fault, `kill -9`, abort, or exit in the process that decodes the image."""
    files = good(8) | {"4x.jpg": crashing_image(deed)}
    results, summary = compress_files(tmp_path, files, SO, engine="processes", jobs=2)
    assert (summary.compressed, summary.failed) == (8, 1)
    assert results["4x.jpg"].code == "crashed"
    assert reason in results["4x.jpg"].message
    observed("8 compressed, 1 failed: crashed")


@posix
@pytest.mark.fault(35, "a worker process that dies once", "its image is done at the second try")
@pytest.mark.usefixtures("faulty")
def test_a_crash_that_does_not_come_again(tmp_path, observed):
    """The first process that takes the image exits in the middle of it."""
    files = good(3) | {"x.jpg": crashing_image(f"exit_once {tmp_path / 'tried'}")}
    _, summary = compress_files(tmp_path, files, SO, engine="processes", jobs=2)
    assert summary.compressed == 4
    observed("4 compressed")


@pytest.mark.fault(
    35, "a worker process that is killed from outside, again and again", "the output of a run without it"
)
def test_killed_from_outside(tmp_path, observed):
    """`kill -9` for a worker at every sixth image, in a run of 40."""
    files = good(40)
    kills = []

    def kill(progress):
        if progress.result and progress.summary.images % 6 == 3:
            for child in psutil.Process().children(recursive=True):
                if "spawn_main" in _command_of(child):
                    kills.append(child.pid)
                    child.kill()
                    return

    compress_files(tmp_path, files, SO, engine="threads")
    summary = compress_folder(tmp_path / "in", tmp_path / "killed", SO, engine="processes", jobs=2, progress=kill)
    assert len(kills) == 7
    assert summary.compressed == 40
    made = {name: data for name, data in tree(tmp_path / "killed").items() if not name.startswith(".ics-")}
    assert made == tree(tmp_path / "out")
    observed("7 kills, 40 compressed, the same bytes")


def _command_of(process):
    """Return the command line of a process; empty if it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _memory_group(megabytes):
    """Make a control group with so much memory, where the system lets us; return its list of processes."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = Path(root, f"ics-test-{os.getpid()}")
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                (group / limit).write_text(str(megabytes * 2**20), "ascii")
            except OSError:
                group.rmdir()
            else:
                with contextlib.suppress(OSError):
                    (group / "memory.swap.max").write_text("0", "ascii")
                return group
    pytest.skip("no control group of memory can be made here")


@posix
@pytest.mark.fault(36, "the kernel ends a worker process for want of memory", "its image fails; the others are done")
def test_out_of_memory(tmp_path, observed):
    """A control group of 700 MiB, and a PNG of 196 million pixels that needs more; it comes between good ones."""
    group = _memory_group(700)
    side = 14_000
    packer = zlib.compressobj(1)
    rows = b"\0" + bytes(3 * side)
    packed = b"".join(packer.compress(rows) for _ in range(side)) + packer.flush()
    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])

    def chunk(kind, content):
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    source = tmp_path / "in"
    source.mkdir()
    for name, data in good(6).items():
        (source / name).write_bytes(data)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    (source / "3x.png").write_bytes(png)
    command = (
        f"echo $$ > {group}/cgroup.procs; exec {sys.executable} -m icsys compress in out --strategy SO --json --isolate"
    )
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
    finally:
        for _ in range(50):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)
    files = {file["source"]: file for file in json.loads(done.stdout)["files"]}
    assert done.returncode == 1
    assert files["3x.png"]["code"] == "crashed"
    assert "out of memory" in files["3x.png"]["message"]
    assert sum(file["status"] == "compressed" for file in files.values()) == 6
    observed("6 compressed, 1 failed: crashed")


@posix
@pytest.mark.fault(
    37, "a decoder that never ends", "killed at --timeout; failed after a second try; the others are done"
)
@pytest.mark.usefixtures("faulty")
def test_a_hang(tmp_path, observed):
    """An hour of sleep in the middle of two images, with a second for each try."""
    files = good(6) | {"2x.jpg": crashing_image("hang"), "4x.jpg": crashing_image("hang")}
    start = time.monotonic()
    results, summary = compress_files(tmp_path, files, SO, timeout=1, jobs=2)
    assert (summary.compressed, summary.failed) == (6, 2)
    assert results["2x.jpg"].code == results["4x.jpg"].code == "timeout"
    assert time.monotonic() - start < 30
    observed("6 compressed, 2 failed: timeout")


def test_every_engine_gives_the_same_bytes(tmp_path):
    files = good(6)
    options = Options(colors=5, step=2)
    compress_files(tmp_path, files, options)
    for name, settings in {"processes": {"engine": "processes"}, "timeout": {"timeout": 60}}.items():
        _, summary = compress_into(tmp_path / "in", tmp_path / name, options, jobs=2, **settings)
        assert summary.compressed == 6
        assert tree(tmp_path / name) == tree(tmp_path / "out")


@pytest.fixture
def helpers_at_once(monkeypatch):
    """Start helper processes after the first image; only they have a decoder with faults."""
    monkeypatch.setattr("icsys.pipeline.prepare_process", faulty_decoder.prepare)
    monkeypatch.setattr("icsys.engine.automatic._LEAST_LEFT", -1.0)
    monkeypatch.setattr("icsys.engine.automatic._LEAST_DONE", 1)


@posix
@pytest.mark.usefixtures("helpers_at_once")
def test_a_helper_process_that_ends_while_it_writes(tmp_path, monkeypatch):
    """The default engine does its images again, and removes the temporary files that it has left."""
    out = tmp_path / "out"
    temporary = out / "cat" / ".ics-0123456789abcdef.tmp"
    temporary.parent.mkdir(parents=True)
    seen = []

    def compress(data, options, **settings):
        seen.append(temporary.exists())
        if not seen[-1]:
            time.sleep(0.02)
        return faulty_decoder.compress(data, options, **settings)

    monkeypatch.setattr("icsys.run.worker.compress_image", compress)
    image = crashing_image(f"exit_once {temporary}")
    files = {f"cat/{number}.jpg": image for number in range(200)}
    _, summary = compress_files(tmp_path, files, SO, jobs=2)
    assert any(seen)
    assert (summary.compressed, summary.failed) == (200, 0)
    assert not list(out.rglob(".ics-*.tmp"))
    assert set(tree(out)) >= {name.replace("jpg", "png") for name in files}


@posix
@pytest.mark.usefixtures("helpers_at_once")
def test_nothing_stays_open_after_a_run_with_helper_processes(tmp_path, monkeypatch):
    """Also before the garbage collector looks: on Windows an open file cannot be removed."""

    def compress(data, options, **settings):
        time.sleep(0.0 if elsewhere() else 0.02)
        return faulty_decoder.compress(data, options, **settings)

    own, seen = psutil.Process(), []

    def elsewhere():
        seen.append(bool(own.children()))
        return sum(seen) > 20

    monkeypatch.setattr("icsys.run.worker.compress_image", compress)
    before = own.num_fds()
    gc.disable()
    try:
        _, summary = compress_files(
            tmp_path, good(4) | {f"{n}.jpg": good(1)["0.jpg"] for n in range(4, 200)}, SO, jobs=2
        )
        after = own.num_fds()
    finally:
        gc.enable()
    assert any(seen)
    assert summary.compressed == 200
    assert after == before
