"""A run that packs is killed, the disk fails, a pack is damaged: the next run ends as an undisturbed run."""

import itertools
import json
import os
import random
import subprocess
import time

import pytest

from fault_runs import (
    ONE_THREAD,
    command,
    inject,
    make_photos,
    needs_mounts,
    needs_posix,
    needs_strace,
    run,
    slow_images,
    wait_until_claimed,
)
from helpers import everything, image_bytes, synthetic_photo
from icsys import Options, compress_folder
from pack_readers import each_pack_format

CHANGES = ("write", "fsync", "rename", "unlink", "rmdir", "mkdir")
PACKED = ("--shard-images", 3)


def options(packing):
    return Options(strategy="SO", step=2, format=packing, shard_images=3)


def assert_packable(source, out, states, packing):
    """Every pack is whole, from the run before or from this one; the next run ends as an undisturbed run."""
    for path in out.glob("data/*"):
        assert path.read_bytes() in [state[f"data/{path.name}"] for state in states if f"data/{path.name}" in state]
    summary = compress_folder(source, out, options(packing))
    assert (summary.failed, summary.foreign, summary.stopped) == (0, 0, "")
    assert everything(out) == states[-1]


def change(source):
    """Change one photo, add one, take one away: every pack gets other images."""
    (source / "cat" / "00002.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=90)))
    (source / "cat" / "0.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=91)))
    (source / "dog" / "00005.png").unlink()


def finished(source, out, packing):
    """Return the files that an undisturbed run leaves."""
    compress_folder(source, out, options(packing))
    return everything(out)


@needs_strace
@pytest.mark.fault(34, "kill -9 of a run that packs", "no torn pack; the next run finishes, with the same bytes")
@each_pack_format
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
        rule = inject(call, f"signal=KILL:when={number}")
        if run(*rule, *command(source, out, *words, code=ONE_THREAD), cwd=tmp_path).returncode == 0:
            assert everything(out) == clean
            break
        killed += 1
        assert_packable(source, out, [before, clean], packing)
    assert killed
    if thorough:
        observed(f"killed at each of {killed} calls; never a torn pack, and the same bytes after the next run")
    else:
        observed("a sample of the calls; never a torn pack, and the same bytes after the next run")


@needs_posix
@pytest.mark.fault(34, "kill -9 of a run that packs", "no torn pack; the next run finishes, with the same bytes")
@each_pack_format
def test_killed_at_random_moments_while_it_packs(packing, tmp_path, thorough, observed):
    """`kill -9` at a random moment of a first run that writes 40 images into 14 packs."""
    source = make_photos(tmp_path / "in", 40)
    clean = finished(source, tmp_path / "clean", packing)
    chance = random.Random(2)  # noqa: S311 - moments to try, no secret
    moments, unfinished = 50 if thorough else 3, 0
    for number in range(moments):
        out = tmp_path / f"out{number}"
        words = command(source, out, "--format", packing, *PACKED, "--jobs", 2)
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # The first is slow, so that at least one ends before its time on any machine.
        with subprocess.Popen(words, **silent, env=None if number else slow_images(0.05)) as process:
            wait_until_claimed(out, process)
            time.sleep(chance.uniform(0, 0.25))
            process.kill()
        unfinished += not (out / "run.json").exists()
        assert_packable(source, out, [clean], packing)
    assert unfinished
    observed(f"{moments} moments; never a torn pack, and the same bytes after the next run")


@needs_strace
@pytest.mark.fault(
    31,
    "the disk fails while packs are written",
    "the run stops with the reason; no torn pack; the next run finishes",
)
@each_pack_format
@pytest.mark.parametrize("fails", ["write ENOSPC", "fsync EIO", "rename EROFS"])
def test_a_system_call_fails_while_it_packs(fails, packing, tmp_path, thorough, observed):
    """strace makes a call of one kind fail, the first, the second and so on, in a run that packs a changed folder."""
    source = make_photos(tmp_path / "in", 7)
    call, error = fails.split()
    before = finished(source, tmp_path / "packed", packing)
    change(source)
    clean = finished(source, tmp_path / "clean", packing)
    codes = 0
    for number in itertools.count(1) if thorough else (3, 9, 12):
        out = tmp_path / f"out{number}"
        subprocess.run(["cp", "-a", tmp_path / "packed", out], check=True)  # noqa: S607 - where strace is, cp is
        log = tmp_path / "trace"
        rule = inject(call, f"error={error}:when={number}", log)
        done = run(*rule, *command(source, out, "--format", packing, *PACKED, code=ONE_THREAD), cwd=tmp_path)
        if "(INJECTED)" not in log.read_text("utf-8"):
            break
        assert done.returncode in {0, 1}  # 0 where only an optional message could not be written
        codes += done.returncode
        assert not list(out.rglob(".ics-*.tmp"))
        # A photo that could not be written is in no pack, and every pack is whole.
        lacking = [everything(out)] if (out / "failures.jsonl").exists() else []
        assert_packable(source, out, [before, *lacking, clean], packing)
    assert codes
    calls = f"each of {number - 1} calls" if thorough else "a sample of the calls"
    observed(f"{error} at {calls}; never a torn pack, and the same bytes after the next run")


@needs_mounts
@pytest.mark.fault(31, "no room for the packs beside the images", "the run stops with the reason; the images are kept")
@each_pack_format
def test_a_disk_that_is_full_of_parts(packing, tmp_path, observed):
    """A tmpfs with room for 40 images and for no pack, made larger for the next run."""
    source = make_photos(tmp_path / "in", 40)
    clean = finished(source, tmp_path / "clean", packing)
    for name in ("out", "first", "second"):
        (tmp_path / name).mkdir()
    ics = " ".join([*command("in", "out", "--format", packing, *PACKED), "--json", "--jobs", "1"])
    script = f"""
    mount -t tmpfs -o size=240k tmpfs out
    {ics} > first.json; cp -a out/. first
    mount -o remount,size=64m out
    {ics} > second.json; cp -a out/. second
    """
    run("unshare", "-m", "sh", "-c", script, cwd=tmp_path)
    first, second = (json.loads((tmp_path / f"{name}.json").read_text())["summary"] for name in ("first", "second"))
    assert first["compressed"] == 40
    assert "the shards cannot be written: No space left" in first["stopped"]
    assert not list((tmp_path / "first" / "data").glob("*"))
    assert (second["compressed"], second["skipped"], second["stopped"]) == (0, 40, "")
    assert everything(tmp_path / "second") == clean
    observed("exit 1 and the reason; with more room the next run packed all, and did no image again")


@pytest.mark.fault(0, "a pack that is damaged from outside", "its images are done again")
@each_pack_format
@pytest.mark.parametrize("damage", ["a bit", "cut off", "emptied", "removed", "another pack"])
def test_a_damaged_pack(damage, packing, tmp_path, observed):
    """One of three packs; then a run without any other change, another one, and a third."""
    source = make_photos(tmp_path / "in", 7)
    clean = finished(source, tmp_path / "out", packing)
    path, other = sorted((tmp_path / "out" / "data").iterdir())[:2]
    whole = path.read_bytes()
    damaged = {
        "a bit": whole[:700] + bytes([whole[700] ^ 1]) + whole[701:],
        "cut off": whole[: len(whole) // 2],
        "emptied": b"",
        "removed": None,
        "another pack": other.read_bytes(),
    }[damage]
    path.unlink()
    if damaged is not None:
        path.write_bytes(damaged)
        later = (tmp_path / "out" / "shards.json").stat().st_mtime_ns + 10**9  # clocks of disks are coarse
        os.utime(path, ns=(later, later))
    assert compress_folder(source, tmp_path / "out", options(packing), dry_run=True).compressed == 3
    summary = compress_folder(source, tmp_path / "out", options(packing))
    assert (summary.compressed, summary.skipped, summary.failed, summary.stopped) == (3, 4, 0, "")
    assert everything(tmp_path / "out") == clean
    assert compress_folder(source, tmp_path / "out", options(packing)).skipped == 7
    observed("3 compressed again, to the same bytes")


@pytest.mark.fault(32, "a bit of a pack that flips on the disk", "named as soon as the pack is read")
@each_pack_format
def test_a_bit_that_flips_by_itself(packing, tmp_path, observed):
    """Size and time are as before; then a photo is added, so that the pack is written anew."""
    source = make_photos(tmp_path / "in", 7)
    compress_folder(source, tmp_path / "out", options(packing))
    path = min((tmp_path / "out" / "data").iterdir())
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 9] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=times)
    (source / "cat" / "0.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=91)))
    summary = compress_folder(source, tmp_path / "out", options(packing))
    assert f"the pack 'data/{path.name}' does not hold 'cat/00000.png' as recorded in the manifest" in summary.stopped
    assert path.read_bytes() == data
    compress_folder(source, tmp_path / "out", options(packing), overwrite="always")
    assert everything(tmp_path / "out") == finished(source, tmp_path / "clean", packing)
    observed("the run stopped and named pack and image; --overwrite always made all anew")
