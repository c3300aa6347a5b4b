"""A run that packs is killed, at any moment: no shard is torn, and the next run ends where an undisturbed one does."""

import itertools
import random
import subprocess
import time

import pytest

from fault_runs import ONE_THREAD, command, everything, make_photos, needs_posix, needs_strace, run, strace
from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder
from packings import packings

CHANGES = ("write", "fsync", "rename", "unlink", "rmdir", "mkdir")
PACKED = ("--shard-images", 3)


def options(packing):
    return Options(strategy="SO", step=2, format=packing, shard_images=3)


def assert_packable(source, out, states, packing):
    """Every shard is whole, from the run before or from this one; the next run ends as an undisturbed one."""
    for path in out.glob("data/*"):
        assert path.read_bytes() in [state[f"data/{path.name}"] for state in states if f"data/{path.name}" in state]
    summary = compress_folder(source, out, options(packing))
    assert (summary.failed, summary.foreign, summary.stopped) == (0, 0, "")
    assert everything(out) == states[-1]


def change(source):
    """Change one photo, add one, take one away: every shard gets other images."""
    (source / "cat" / "00002.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=90)))
    (source / "cat" / "0.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=91)))
    (source / "dog" / "00005.png").unlink()


def finished(source, out, packing):
    """Return the files that an undisturbed run leaves."""
    compress_folder(source, out, options(packing))
    return everything(out)


@needs_strace
@pytest.mark.fault(
    34, "kill -9 of a run that packs shards", "no torn shard; the next run finishes, with the same bytes"
)
@packings
@pytest.mark.parametrize("call", CHANGES)
def test_killed_at_every_system_call_while_it_packs(call, packing, tmp_path, thorough, observed):
    """strace kills a run that packs a changed folder anew, at a call of one kind, the first, the second and so on."""
    source = make_photos(tmp_path / "in", 7)
    before = finished(source, tmp_path / "packed", packing)
    change(source)
    clean = finished(source, tmp_path / "clean", packing)
    words = ("--format", packing, *PACKED)
    killed = 0
    for number in itertools.count(1) if thorough else (1, 4):
        out = tmp_path / f"out{number}"
        subprocess.run(["cp", "-a", tmp_path / "packed", out], check=True)  # noqa: S607 - where strace is, cp is
        rule = strace("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
        if run(*rule, *command(source, out, *words, code=ONE_THREAD), cwd=tmp_path).returncode == 0:
            assert everything(out) == clean
            break
        killed += 1
        assert_packable(source, out, [before, clean], packing)
    assert killed
    if thorough:
        observed(f"killed at each of {killed} calls; never a torn shard, and the same bytes after the next run")
    else:
        observed("a sample of the calls; never a torn shard, and the same bytes after the next run")


@needs_posix
@pytest.mark.fault(
    34, "kill -9 of a run that packs shards", "no torn shard; the next run finishes, with the same bytes"
)
@packings
def test_killed_at_random_moments_while_it_packs(packing, tmp_path, thorough, observed):
    """`kill -9` at a random moment of a first run that packs 40 images into 14 shards."""
    source = make_photos(tmp_path / "in", 40)
    clean = finished(source, tmp_path / "clean", packing)
    chance = random.Random(2)  # noqa: S311 - moments to try, no secret
    moments, unfinished = 50 if thorough else 3, 0
    for number in range(moments):
        out = tmp_path / f"out{number}"
        words = command(source, out, "--format", packing, *PACKED, "--jobs", 2)
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while not (out / ".ics-claims").exists() and process.poll() is None:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.25))
            process.kill()
        unfinished += not (out / "run.json").exists()
        assert_packable(source, out, [clean], packing)
    assert unfinished
    observed(f"{moments} moments; never a torn shard, and the same bytes after the next run")
