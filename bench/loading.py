"""How many images a second come from the disk as batches for a model, from files, packs, raw pixels and arrays of ICS.

All contenders read the same photos, at one final size that covers, shuffled. Each runs in a process of its own, on one
core and on two: with nothing of it in the page cache, and warm, where the fastest pass counts. Images are counted when
their batch is there: uint8, or float32 normalised, (n, 3, H, W), with its labels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import loading_sets
from loading_checks import COPY, COPY_FLOATS, FEW, FLOATS, MANY
from loading_contenders import CONTENDERS, DTYPES, FEW_PIXELS, RAW_NUMPY, REFERENCE
from machine import describe
from measure import BENCH
from page import publish
from page_cache import CAN_DROP, files_below
from table import MISSING, markdown_table, number, times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loading_sets import Sets

    Found = Mapping[int, Mapping[str, Mapping[str, Any]]]  # by cores and contender

_PACKAGES = ("icsys", "numpy", "pillow", "torch", "torchvision", "webdataset", "datasets")
_KEPT_BOOKS = {"manifest.jsonl", "failures.jsonl", "run.json"}
_WORDS = {1: "one core", 2: "two cores"}
_CACHED = 0.01  # of the bytes of a contender that a cold pass may find in memory
_NOTES = """
Each cell is images a second, and in brackets that as a ratio to ImageFolder on JPEG in its column. *Cold*: all files of
the contender are dropped from the page cache; opening it anew and its first pass count, with the start of workers.
*Warm*: the fastest of several passes. On one core, process and threads are pinned to it; on two cores, PyTorch's
`DataLoader` has two workers, and ICS and PyTorch's own operations have two threads.

- JPEG and WebP have quality {quality}. They, and the raw pixels, are made from the pixels of all colours that ICS makes
  of the photos; the raw pixels lie as (N, 3, H, W). PNGs of 16 colours lie in a folder, in tar files and in Parquet.
- WebDataset reads its tar files from begin to end and shuffles 1,000 images at a time; all others take any image.
- Hugging Face's `datasets` copies Parquet files into Arrow files once, which is not timed; both are on the disk.
- `pixels` writes each batch to the same memory; all others give new memory each time.
- ImageFolder on originals is measured over {slow} images; a pass over all would take as long for each.
- FFCV {ffcv}

## Memory

{memory}

*On the disk*: bytes of all files that are read, without manifests. *Memory*: the most that the process and its workers
hold while they give float32, beyond what Python and PyTorch hold before; pages of mapped files do not count, since the
system takes them back when it needs room. *Read* is what came from the disk in a cold pass on one core, and how fast.

## What arrays should give

{checks}

These are on one core and warm, unless said otherwise. All but the ratios to ImageFolder and the cold passes are
measured in turn, in one process, into the same memory.
"""


_FFCV = {
    True: "gives CHW tensors whose memory lies as HWC; all others give memory in the order of the axes.",
    False: "is not among them: it is not installed. It comes as source; `pip install ffcv` needs the C++ headers of "
    "OpenCV and TurboJPEG, Debian's libopencv-dev and libturbojpeg0-dev.",
}


def run_all(work: Path, options: argparse.Namespace) -> Found:
    """Measure all contenders, one after the other."""
    found: dict[int, dict[str, Any]] = {cores: {} for cores in options.cores}
    for cores in options.cores:
        for place, contender in enumerate(CONTENDERS):
            words = [str(place), str(work), "--cores", str(cores)]
            for name in ("side", "batch", "seconds", "slow_images"):
                words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
            found[cores][contender.name] = run_child("loading_child.py", *words)
            warm = found[cores][contender.name][DTYPES[0]]["warm"]
            print(f"{_words(cores)}: {contender.name}: {number(warm)}", file=sys.stderr, flush=True)
    return found


def run_child(program: str, *words: str) -> Any:  # noqa: ANN401 - what it prints as JSON
    """Run a program of this folder and return what its last line says; RuntimeError with its errors if it fails."""
    command = [sys.executable, str(BENCH / program), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"{program} {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def rate_table(found: Found, dtype: str) -> str:
    """Return images a second of all contenders, cold and warm."""
    header, columns = [dtype], []
    for cores, own in found.items():
        for state in ("warm", "cold"):
            header.append(f"{_words(cores)}, {state}")
            rates = [_rate(own[one.name], dtype, state) for one in CONTENDERS]
            base = _rate(own[REFERENCE], dtype, state)
            columns.append([_beside(rate, base) for rate in rates])
    return markdown_table(header, [[one.name, *cells] for one, *cells in zip(CONTENDERS, *columns, strict=True)])


def memory_table(found: Found, work: Path, images: int) -> str:
    """Return bytes on the disk, memory, and what cold passes read."""
    header = ["", "bytes an image on the disk"]
    header += [f"MB of memory, {_words(cores)}" for cores in found]
    header += ["MB read, cold", "MB a second"]
    first, rows = next(iter(found.values())), []
    for one in CONTENDERS:
        files = files_below(work / name for name in one.files)
        size = sum(file.stat().st_size for file in files if file.name not in _KEPT_BOOKS and file.name[0] != ".")
        memory = [own[one.name]["memory"] for own in found.values()]
        cold = first[one.name][DTYPES[0]]["cold"] or {}
        read = cold.get("read")
        rows.append(
            [
                one.name,
                number(size / images),
                *(number(None if value is None else value / 1e6) for value in memory),
                number(None if read is None else read / 1e6),
                number(None if read is None else read / 1e6 / cold["seconds"]),
            ]
        )
    return markdown_table(header, rows)


def checks_table(found: Found, checks: Mapping[str, Mapping[str, float]]) -> str:
    """Return what arrays should give beside what they give."""
    few, shuffled, ordered = found[min(found)], checks["shuffled"], checks["ordered"]
    file_rate = _rate(few[REFERENCE], "uint8", "warm")
    cold = [
        (f"{name} as {dtype}, cold, {_words(cores)}: beside raw uint8 in .npy, NumPy", "1x", _cold(own, name, dtype))
        for cores, own in found.items()
        for name in (FEW_PIXELS,)
        for dtype in DTYPES
    ]
    rows = [
        ("16 colours as uint8: images a second", "100,000", number(shuffled[FEW])),
        ("16 colours as uint8: beside ImageFolder on JPEG", "50x", times(shuffled[FEW] / (file_rate or 1))),
        ("16 colours as uint8: beside copying raw pixels one by one", "1x", times(shuffled[FEW] / shuffled[COPY])),
        ("16 colours as float32: beside writing its bytes", "0.7x", times(shuffled[FLOATS] / shuffled[COPY_FLOATS])),
        (
            "256 colours as uint8: beside copying raw pixels one by one",
            "0.25x, 0.7x with AVX-512 VBMI",
            times(shuffled[MANY] / shuffled[COPY]),
        ),
        ("16 colours as uint8: shuffled beside in order", "1x", times(shuffled[FEW] / ordered[FEW])),
        ("16 colours as float32: shuffled beside in order", "1x", times(shuffled[FLOATS] / ordered[FLOATS])),
        *cold,
    ]
    return markdown_table(["", "at least", "measured"], rows)


def _cold(own: Mapping[str, Any], name: str, dtype: str) -> str:
    mine, raw = _rate(own[name], dtype, "cold"), _rate(own[RAW_NUMPY], dtype, "cold")
    return MISSING if mine is None or raw is None else times(mine / raw)


def _rate(one: Mapping[str, Any], dtype: str, state: str) -> float | None:
    value = one[dtype][state]
    if isinstance(value, dict):
        return value["images"] / value["seconds"]
    return value


def _beside(rate: float | None, base: float | None) -> str:
    return MISSING if rate is None or base is None else f"{number(rate)} ({number(rate / base)}x)"


def _words(cores: int) -> str:
    return _WORDS.get(cores, f"{cores} cores")


def _cache_line(found: Found) -> str:
    """Return in words whether cold passes were cold."""
    if not CAN_DROP:
        return "This system does not let go of cached pages when asked, so nothing is measured cold."
    shares = [
        (own["cold"]["cached"], name)
        for per in found.values()
        for name, one in per.items()
        for own in (one[dtype] for dtype in DTYPES)
        if own["cold"]["cached"] is not None
    ]
    if not shares:
        return "Whether the page cache was empty before cold passes is unknown on this system."
    most, name = max(shares)
    if most <= _CACHED:
        return f"Before cold passes at most {number(100 * most)} % of the bytes of a contender were in the page cache."
    return f"Before cold passes {number(100 * most)} % of the bytes of {name} were still in the page cache."


def page(found: Found, sets: Sets, about: str) -> str:
    """Return the begin of the page, with the rates."""
    photos = f"{sets.images:,} images of {sets.side}x{sets.side} pixels"
    if sets.photos < sets.images:
        photos += f" from {sets.photos:,} photos, which repeat"
    tables = "".join(f"\n## {dtype}\n\n{rate_table(found, dtype)}\n" for dtype in DTYPES)
    return f"# From the disk to a batch\n\n{photos}. {_cache_line(found)}\n\n{about}\n{tables}"


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "photos", nargs="?", type=Path, help="folder of photos, its sub-folders are classes; by code if left out"
    )
    parser.add_argument("--images", type=int, default=2048, help="images, at most (default: %(default)s)")
    parser.add_argument("--side", type=int, default=224, help="their height and width in pixels (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=256, help="images of a batch (default: %(default)s)")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="cores (default: 1 2)")
    parser.add_argument("--seconds", type=float, default=1, help="of warm passes (default: %(default)s)")
    parser.add_argument("--slow-images", type=int, default=1024, help="originals to decode (default: %(default)s)")
    parser.add_argument("--work", type=Path, help="folder of the sets, to keep them for another run")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = options_of(arguments)
    missing = [name for name in ("torch", "torchvision", "webdataset", "datasets") if find_spec(name) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)} not installed: expected them; pip install 'icsys[bench]'")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        sets = loading_sets.make(options.photos, work, options.images, options.side)
        print(f"{sets.images} images are there in all forms", file=sys.stderr, flush=True)
        found = run_all(work, options)
        checks = run_child("loading_checks.py", str(work), str(options.batch), "5")
        notes = _NOTES.format(
            quality=loading_sets.QUALITY,
            ffcv=_FFCV[loading_sets.HAS_FFCV],
            slow=f"{min(options.slow_images, sets.images):,}",
            memory=memory_table(found, work, sets.images),
            checks=checks_table(found, checks),
        )
        report = page(found, sets, describe("loading.py", arguments, *_PACKAGES)) + notes
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
