"""What reliability costs: a run, the same without waiting for the disk, and the run after it that skips all.

Without a folder it measures small images made by code, so that the cost of each image's bookkeeping shows.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from icsys import Options, compress_folder
from machine import describe
from page import publish
from photos import gather, write_photos
from table import markdown_table, number

_EACH, _WIDTH, _HEIGHT = 100, 64, 48


def seconds_of(source: Path, destination: Path, options: Options) -> float:
    """Return the time of a run in threads: what is taken out of this process is in no other one."""
    start = time.perf_counter()
    compress_folder(source, destination, options, engine="threads")
    return time.perf_counter() - start


def measure(source: Path, options: Options, rounds: int) -> tuple[float, float, float]:
    """Return medians of a run, of one whose writes wait for no disk, and of one that skips all, in turns."""
    times: list[list[float]] = [[], [], []]
    with tempfile.TemporaryDirectory() as folder:
        seconds_of(source, Path(folder, "first"), options)  # loads and compiles
        for round_ in range(rounds):
            safe, quick = Path(folder, f"safe{round_}"), Path(folder, f"quick{round_}")
            times[0].append(seconds_of(source, safe, options))
            # Groups of files are synced by one call for their file system.
            with patch.object(os, "fsync"), patch("icsys.outputs.group.sync_together", return_value=True):
                times[1].append(seconds_of(source, quick, options))
            times[2].append(seconds_of(source, safe, options))
    first, second, third = map(statistics.median, times)
    return first, second, third


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="folder of photos; small images by code if left out")
    parser.add_argument("--images", type=int, default=10_000, help="small images to make (default: %(default)s)")
    parser.add_argument("--strategy", default="SO", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        source = options.folder or make_images(Path(folder, "small"), options.images)
        images = sum(path.is_file() for path in source.rglob("*"))
        safe, quick, skipping = measure(source, Options(strategy=options.strategy), options.rounds)
    table = markdown_table(
        ("images", "a run, s", "not waiting for the disk, s", "ratio", "skipping all, s", "skipped in a second"),
        [[str(images), *map(number, (safe, quick, safe / quick, skipping)), f"{images / skipping:,.0f}"]],
    )
    about = describe("resume.py", arguments, "numpy", "pillow")
    publish(f"# What reliability costs\n\n{about}\n\n{table}\n", options.out)


def make_images(folder: Path, count: int) -> Path:
    """Fill a folder with small photos made by code, a hundred in each class."""
    photos = write_photos(folder.parent / "drawn", _EACH, _WIDTH, _HEIGHT)
    for start in range(0, count, _EACH):
        gather(photos, folder / f"class{start // _EACH}", min(_EACH, count - start))
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
