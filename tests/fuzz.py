"""Compress mutants of every format for a given time and report what does more than fail: make fuzz SECONDS=60."""

import argparse
import functools
import itertools
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

import psutil

from damaged_images import FORMATS, mutant
from icsys import ImageError, Options, compress_image
from icsys.engine import Lost, available_cores
from icsys.engine.processes import run_processes
from icsys.pipeline import load_packages

# Small enough that memory beyond it is a find; options of every kind take the pictures further.
OPTIONS = tuple(
    Options(max_pixels=4_000_000, on_corrupt=on_corrupt, **options)
    for on_corrupt in ("fail", "keep")
    for options in ({"step": 1, "colors": 4}, {"size": (16, 16), "fit": "pad"}, {"step": 3, "resample": "skip"})
)
CODES = {"unidentified", "unsupported", "broken", "corrupt", "too_large", "empty"}
TIMEOUT = 20  # seconds for a picture of some kilobytes
MOST_MEMORY = 600 * 2**20
FINDS = Path(".cache/fuzz")


def attempt(item):
    """Compress a mutant; return it with the code of its failure, or with what is wrong in more than a word."""
    name, number = item
    try:
        compress_image(mutant(name, number), OPTIONS[number % len(OPTIONS)])
    except ImageError as error:
        return item, error.code if error.code in CODES else f"odd code {error.code}"
    except BaseException:  # noqa: BLE001 - it is what is looked for
        return item, traceback.format_exc()
    memory = psutil.Process().memory_info().rss
    return item, "done" if memory < MOST_MEMORY else f"the process holds {memory >> 20} MiB"


def main():
    """Return 0 if nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant of each format")
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.seconds
    items = itertools.takewhile(
        lambda _: time.monotonic() < end,
        ((name, number) for number in itertools.count(arguments.first) for name in FORMATS),
    )
    counts, finds = {name: Counter() for name in FORMATS}, 0
    ready = functools.partial(load_packages, Options())
    ready()  # compiles the kernels once, not in every process
    for outcome in run_processes(attempt, items, available_cores(), ready, threading.Event(), timeout=TIMEOUT):
        item, result = (outcome.item, f"{outcome.code}: {outcome.message}") if isinstance(outcome, Lost) else outcome
        name, number = item
        known = result == "done" or result in CODES
        counts[name][result if known else "FOUND"] += 1
        if not known:
            finds += 1
            FINDS.mkdir(parents=True, exist_ok=True)
            path = FINDS / f"{name.lower()}-{number}"
            path.write_bytes(mutant(name, number))
            print(f"{path}: {result}", file=sys.stderr)
    for name, counter in counts.items():
        print(f"{name:5} {counter.total():7} mutants: " + ", ".join(f"{n} {kind}" for kind, n in counter.most_common()))
    return min(finds, 1)


if __name__ == "__main__":
    sys.exit(main())
