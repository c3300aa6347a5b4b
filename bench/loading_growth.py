"""How opening, batches and memory of arrays grow with the number of images: 64x64 pixels, 16 colours, from noise.

The files are those that ICS writes, made by its own writers of arrays. Each number of images is measured in a process
of its own, on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import icsys
from arrays import MEAN, STD
from icsys.image.arrays.image_row import RowForm
from icsys.layout import DATASET, IMAGE_NAMES, LABELS, NO_SPLIT, PALETTES
from icsys.packs.write_arrays import npy_header
from icsys.records.classes import Classes
from icsys.records.dataset_json import ArrayFacts, HashedFile, dataset_values
from loading import run_child
from loading_child import pin
from machine import describe
from page import publish
from table import markdown_table, number
from tree_memory import PeakMemory, memory_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNTS = (1000, 10_000, 100_000, 1_000_000)
_COLORS, _CLASSES = 16, 10
_WRITTEN_AT_ONCE = 4096  # images
_REPEATS = 5
_PACKAGES = ("icsys", "numpy", "torch")
_NOTES = """
*Open*: `icsys.load`, the fastest of {repeats} times. *First batch*: from a new loader to its first {batch} images, the
fastest of {repeats} times. Then images a second of {batches} shuffled batches of {batch}, from as many epochs as it
takes: of the loader, float32 normalised, and of `pixels` as uint8 into the same memory. *Memory*: the most that the
process holds while the loader gives as many batches again, beyond what Python and PyTorch hold before; pages of mapped
files do not count. A batch of float32 is {megabytes} MB, and the loader makes two ahead. All files are in the page
cache, as far as memory goes.
"""


def write_noise(folder: Path, images: int, side: int, colors: int = _COLORS, seed: int = 0) -> None:
    """Write a folder of arrays as ICS writes it, with noise for images of one split, into an empty folder."""
    form = RowForm(side, side, colors)
    facts = ArrayFacts(form, one_palette=False, options={})
    random = np.random.default_rng(seed)
    arrays = {
        facts.array: (form.dtype.str, (images, *form.row_shape)),
        PALETTES: ("|u1", (images, colors, 3)),
        LABELS: ("<i8", (images,)),
    }
    (folder / NO_SPLIT).mkdir()
    with ExitStack() as stack:
        files = {
            name: HashedFile(stack.enter_context((folder / NO_SPLIT / name).open("wb", 2**20))) for name in facts.files
        }
        for name, (descr, shape) in arrays.items():
            files[name].write(npy_header(descr, shape))
        for begin in range(0, images, _WRITTEN_AT_ONCE):
            count = min(_WRITTEN_AT_ONCE, images - begin)
            files[facts.array].write(random.bytes(count * form.row_bytes))
            files[PALETTES].write(random.bytes(count * form.palette_bytes))
            files[LABELS].write(random.integers(0, _CLASSES, count).astype("<i8").tobytes())
            lines = (json.dumps(f"{row:09d}.png") + "\n" for row in range(begin, begin + count))
            files[IMAGE_NAMES].write("".join(lines).encode())
    described: dict[str, dict[str, Any]] = {}
    for name, file in files.items():
        descr, shape = arrays.get(name, ("", ()))
        kind = {"dtype": np.dtype(descr).name, "shape": list(shape)} if descr else {}
        described[name] = kind | file.described()
    classes = Classes([f"class {number}" for number in range(_CLASSES)], list(range(_CLASSES)))
    values = dataset_values(facts, classes, {NO_SPLIT: {"images": images, "files": described}}, {})
    (folder / DATASET).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def measure(folder: Path, batch: int, batches: int) -> dict[str, float | None]:
    """Return seconds, rates in images a second, and bytes of memory."""
    from icsys.torch import loader  # noqa: PLC0415 - it loads PyTorch

    before = memory_bytes()
    opened = min(_seconds(lambda: icsys.load(folder)) for _ in range(_REPEATS))
    data = icsys.load(folder)

    def new_loader() -> Any:  # noqa: ANN401 - a BatchLoader
        return loader(data, batch, dtype="float32", mean=MEAN, std=STD, drop_last=len(data) >= batch)

    def first_batch() -> None:
        for _ in new_loader():
            return

    first = min(_seconds(first_batch) for _ in range(_REPEATS))
    rate = _rate(_again_and_again(new_loader()), batches)
    with PeakMemory() as peak:
        _rate(_again_and_again(new_loader()), batches)
    return {
        "open": opened,
        "first": first,
        "loader": rate,
        "pixels": _rate(_pixels(data, batch), batches),
        "memory": None if before is None or peak.bytes is None else peak.bytes - before,
    }


def _seconds(work: Any) -> float:  # noqa: ANN401 - a function without arguments
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _again_and_again(batches: Any) -> Iterator[int]:  # noqa: ANN401 - a BatchLoader
    """Yield the number of images of each batch, epoch after epoch."""
    while True:
        for _, labels in batches:
            yield len(labels)


def _pixels(data: icsys.Dataset, batch: int) -> Iterator[int]:
    """Yield the number of images of each batch that was written to the same memory, epoch after epoch."""
    random = np.random.default_rng(0)
    height, width = data.size or (0, 0)
    out = np.empty((batch, 3, height, width), np.uint8)
    while True:
        order = random.permutation(len(data))
        for begin in range(0, len(data), batch):
            rows = order[begin : begin + batch]
            data.pixels(rows, out=out[: len(rows)])
            yield len(rows)


def _rate(counts: Iterator[int], batches: int) -> float:
    """Return images a second of so many batches."""
    start, images = time.perf_counter(), 0
    for _, count in zip(range(batches), counts, strict=False):
        images += count
    return images / (time.perf_counter() - start)


def row(images: int, size: int, found: dict[str, float | None]) -> list[str]:
    """Return a row of the table."""
    milliseconds = (None if found[name] is None else 1e3 * (found[name] or 0) for name in ("open", "first"))
    memory = found["memory"]
    return [
        f"{images:,}",
        number(size / 1e6),
        *map(number, milliseconds),
        *(number(found[name]) for name in ("loader", "pixels")),
        number(None if memory is None else memory / 1e6),
    ]


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=_COUNTS, help="numbers of images (default: 1000 … 1M)")
    parser.add_argument("--side", type=int, default=64, help="their height and width in pixels (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=256, help="images of a batch (default: %(default)s)")
    parser.add_argument("--batches", type=int, default=400, help="batches to time (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        pin(1)
        print(json.dumps(measure(options.child, options.batch, options.batches)))
        return
    rows = []
    for images in options.images:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            folder = Path(temporary)
            write_noise(folder, images, options.side)
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            words = ("--child", str(folder), "--batch", str(options.batch), "--batches", str(options.batches))
            rows.append(row(images, size, run_child("loading_growth.py", *words)))
        print(*rows[-1], sep="\t", file=sys.stderr, flush=True)
    header = (
        "images",
        "MB on the disk",
        "open, ms",
        "first batch, ms",
        "images a second, `loader`",
        "images a second, `pixels`",
        "MB of memory",
    )
    megabytes = number(options.batch * 3 * options.side**2 * 4 / 1e6)
    notes = _NOTES.format(repeats=_REPEATS, batch=options.batch, batches=options.batches, megabytes=megabytes)
    side = f"{options.side}x{options.side}"
    publish(
        f"# Arrays of many images\n\nImages of {side} pixels in {_COLORS} colours.\n\n"
        f"{describe('loading_growth.py', arguments, *_PACKAGES)}\n\n{markdown_table(header, rows)}\n{notes}",
        options.out,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
