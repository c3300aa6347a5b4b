"""Measures one way of loading in a process of its own, on so many cores, and prints what it found as JSON."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loading_contenders import CONTENDERS, DTYPES, Setup
from page_cache import CAN_DROP, bytes_from_disk, drop, files_below, resident_share
from tree_memory import PeakMemory, memory_bytes, tree

if TYPE_CHECKING:
    from loading_contenders import Contender, Epoch

_FEWEST_PASSES = 2
_PASSES_OF_MEMORY = 2


def pin(cores: int) -> None:
    """Keep this process, and those that it starts, on so many cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    import torch  # noqa: PLC0415 - others take `pin` from here that are quick without

    torch.set_num_threads(cores)


def one_pass(epoch: Epoch, number: int) -> tuple[int, float]:
    """Take all batches; return the number of images, and the seconds."""
    start, images = time.perf_counter(), 0
    for _, labels in epoch(number):
        images += len(labels)
    return images, time.perf_counter() - start


def cold_pass(contender: Contender, setup: Setup) -> tuple[dict[str, Any] | None, Epoch]:
    """Open a contender with nothing in the page cache and take a pass; return what both took, and what goes on."""
    epoch = contender.open(setup)  # what writes a cache of its own does so here
    if not CAN_DROP:
        return None, epoch
    del epoch
    gc.collect()  # maps no file any more
    files = files_below(setup.folder / name for name in contender.files)
    drop(files)
    cached = resident_share(files)
    before, start = bytes_from_disk(tree()), time.perf_counter()
    epoch = contender.open(setup)  # counts: some read all of a file here
    images, _ = one_pass(epoch, 0)
    seconds, after = time.perf_counter() - start, bytes_from_disk(tree())
    read = None if before is None or after is None else after - before
    return {"images": images, "seconds": seconds, "read": read, "cached": cached}, epoch


def measure(contender: Contender, setup: Setup, seconds: float) -> dict[str, Any]:
    """Return rates in images a second, warm and cold, for each type of pixels, and the memory that float32 takes.

    Warm passes repeat for so many ``seconds``; the fastest counts.
    """
    found: dict[str, Any] = {}
    before = memory_bytes()
    for dtype in DTYPES:
        cold, epoch = cold_pass(contender, setup._replace(dtype=dtype))
        rates, begin = [0.0], time.perf_counter()
        while len(rates) <= _FEWEST_PASSES or time.perf_counter() - begin < seconds:
            images, took = one_pass(epoch, len(rates))
            rates.append(images / took)
        found[dtype] = {"warm": max(rates), "cold": cold}
        if dtype == DTYPES[0]:
            with PeakMemory() as peak:
                for number in range(_PASSES_OF_MEMORY):
                    one_pass(epoch, number)
            found["memory"] = None if before is None or peak.bytes is None else peak.bytes - before
        del epoch
    return found


def main(arguments: list[str]) -> None:
    """Measure the contender that the command line names by its number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", type=int)
    parser.add_argument("folder", type=Path)
    for name in ("side", "batch", "cores"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--slow-images", type=int)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args(arguments)
    pin(options.cores)
    import torchvision  # noqa: F401, PLC0415 - its memory does not count

    contender = CONTENDERS[options.contender]
    images = options.slow_images if contender.is_slow else None
    setup = Setup(options.folder, options.side, cores=options.cores, batch=options.batch, images=images)
    print(json.dumps(measure(contender, setup, options.seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
