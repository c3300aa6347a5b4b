"""Pixels from arrays of few colours, in images a second, beside reading the pixels themselves from an array.

All arrays are `.npy` files that are mapped into memory and read once before, so they are warm; each batch is written
to the same memory. The images are noise from a seed: no kernel here depends on what an image shows. All rates of a
table are measured in turn within one run, and the best of several epochs counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.image.arrays.expand import expand_batch, unpack_batch
from icsys.image.arrays.packing import bits_for
from machine import describe
from page import publish
from table import markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Reader = Callable[[NDArray[np.int64], NDArray[Any], int], object]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ORDERS = ("in order", "shuffled")
_COPY, _FILL = "raw pixels, copied one by one", "writing the bytes alone"
_NOTES = """
Each cell is images a second, and in brackets that as a ratio to the first row of its column. *Shuffled* takes the
images in a random order. The raw pixels lie as CHW. With two threads, two threads of Python also share each batch that
NumPy copies; it releases Python's lock meanwhile.
"""


class Contender(NamedTuple):
    """A way to read pixels: its name, what reads (rows, out, threads), and the shape and dtype of its images."""

    name: str
    read: Reader
    shape: tuple[int, ...]
    dtype: str


def dataset(folder: Path, images: int, side: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Write arrays of noise to files, and return them as read-only memory maps that have been read once.

    ``raw`` has shape (images, 3, side, side); ``indices16`` and ``palettes16``, and others with 256, hold few colours.
    """
    random = np.random.default_rng(seed)
    arrays = {"raw": random.integers(0, 256, (images, 3, side, side), np.uint8)}
    for colors in (16, 256):
        columns = -(-side * bits_for(colors) // 8)
        # A row of an odd number of pixels ends with noise, where a file has zeros; nothing reads it.
        arrays[f"indices{colors}"] = random.integers(0, 256, (images, side, columns), np.uint8)
        arrays[f"palettes{colors}"] = random.integers(0, 256, (images, colors, 3), np.uint8)
    maps = {}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        maps[name] = np.load(folder / f"{name}.npy", mmap_mode="r")
        maps[name].sum(dtype=np.int64)
    return maps


def in_parts(pool: ThreadPoolExecutor, read: Callable[[NDArray[np.int64], NDArray[Any]], object]) -> Reader:
    """Return a reader that divides the rows of a batch among threads of a pool."""

    def read_all(rows: NDArray[np.int64], out: NDArray[Any], threads: int) -> None:
        if threads == 1:
            read(rows, out)
        else:
            list(pool.map(read, np.array_split(rows, threads), np.array_split(out, threads)))

    return read_all


def copy_rows(raw: NDArray[np.uint8]) -> Callable[[NDArray[np.int64], NDArray[Any]], object]:
    """Return what copies the images of a batch one by one."""

    def read(rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        for place, row in enumerate(rows.tolist()):
            out[place] = raw[row]

    return read


def normalise_rows(raw: NDArray[np.uint8]) -> Callable[[NDArray[np.int64], NDArray[Any]], object]:
    """Return what makes normalised floats of raw pixels (CHW) in NumPy, an image after another."""
    scale = (1 / (255 * np.array(STD)))[:, None, None].astype(np.float32)
    shift = (np.array(MEAN) / np.array(STD))[:, None, None].astype(np.float32)

    def read(rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        for place, row in enumerate(rows.tolist()):
            np.multiply(raw[row], scale, out=out[place])
            out[place] -= shift

    return read


def ours(maps: dict[str, NDArray[Any]], colors: int, **form: Any) -> Reader:  # noqa: ANN401 - as expand_batch takes
    """Return what expands packed indices."""
    indices, palettes, side = maps[f"indices{colors}"], maps[f"palettes{colors}"], maps["raw"].shape[2]

    def read(rows: NDArray[np.int64], out: NDArray[Any], threads: int) -> None:
        expand_batch(indices, palettes, rows, bits=bits_for(colors), width=side, out=out, threads=threads, **form)

    return read


def unpacked(maps: dict[str, NDArray[Any]], colors: int) -> Reader:
    """Return what unpacks indices."""
    indices, side, bits = maps[f"indices{colors}"], maps["raw"].shape[2], bits_for(colors)

    def read(rows: NDArray[np.int64], out: NDArray[Any], threads: int) -> None:
        unpack_batch(indices, rows, bits=bits, width=side, colors=colors, out=out, threads=threads)

    return read


def contenders(maps: dict[str, NDArray[Any]], pool: ThreadPoolExecutor) -> dict[str, list[Contender]]:
    """Return the contenders of each table; the first of each is what the others are compared with."""
    raw = maps["raw"]
    chw, hwc = raw.shape[1:], (*raw.shape[2:], 3)

    def take(rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        np.take(raw, rows, axis=0, out=out, mode="clip")  # other modes copy to a buffer first

    floats: dict[str, Any] = {"dtype": "float32", "mean": MEAN, "std": STD}
    return {
        "uint8": [
            Contender(_COPY, in_parts(pool, copy_rows(raw)), chw, "uint8"),
            Contender("raw pixels, numpy.take", in_parts(pool, take), chw, "uint8"),
            Contender("16 colours, 4 bits, CHW", ours(maps, 16), chw, "uint8"),
            Contender("16 colours, 4 bits, HWC", ours(maps, 16, layout="HWC"), hwc, "uint8"),
            Contender("256 colours, 8 bits, CHW", ours(maps, 256), chw, "uint8"),
            Contender("256 colours, 8 bits, HWC", ours(maps, 256, layout="HWC"), hwc, "uint8"),
            Contender("16 colours, 4 bits, indices alone", unpacked(maps, 16), raw.shape[2:], "uint8"),
            Contender("256 colours, 8 bits, indices alone", unpacked(maps, 256), raw.shape[2:], "uint8"),
        ],
        "float32, normalised": [
            Contender(_FILL, in_parts(pool, lambda _, out: out.fill(1)), chw, "float32"),
            Contender("raw pixels, NumPy", in_parts(pool, normalise_rows(raw)), chw, "float32"),
            Contender("16 colours, 4 bits, CHW", ours(maps, 16, **floats), chw, "float32"),
            Contender("16 colours, 4 bits, HWC", ours(maps, 16, layout="HWC", **floats), hwc, "float32"),
            Contender("256 colours, 8 bits, CHW", ours(maps, 256, **floats), chw, "float32"),
            Contender(
                "16 colours, 4 bits, CHW, float16", ours(maps, 16, **floats | {"dtype": "float16"}), chw, "float16"
            ),
        ],
    }


def best_seconds(
    field: Sequence[Contender],
    order: NDArray[np.int64],
    *,
    batch: int,
    threads: int,
    epochs: int,
    clock: Callable[[], float],
) -> list[float]:
    """Return the seconds of each contender's fastest pass over all images, measured in turn."""
    outs = [np.empty((batch, *one.shape), one.dtype) for one in field]
    best = [np.inf] * len(field)
    for _ in range(epochs + 1):  # the first touches the memory
        for place, (one, out) in enumerate(zip(field, outs, strict=True)):
            start = clock()
            for first in range(0, len(order), batch):
                rows = order[first : first + batch]
                one.read(rows, out[: len(rows)], threads)
            best[place] = min(best[place], clock() - start)
    return best


def table(field: Sequence[Contender], images: int, options: argparse.Namespace, clock: Callable[[], float]) -> str:
    """Return the rates of contenders, in order and shuffled, with each number of threads."""
    orders = np.arange(images), np.random.default_rng(1).permutation(images)
    header, columns = ["images a second"], []
    for threads in options.threads:
        for name, order in zip(ORDERS, orders, strict=True):
            header.append(f"{name}, {threads} thread{'s' * (threads > 1)}")
            seconds = best_seconds(
                field, order, batch=options.batch, threads=threads, epochs=options.epochs, clock=clock
            )
            columns.append([f"{number(images / own)} ({number(seconds[0] / own)}x)" for own in seconds])
            print(header[-1], file=sys.stderr, flush=True)
    return markdown_table(header, [[one.name, *cells] for one, *cells in zip(field, *columns, strict=True)])


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2048, help="images of the dataset (default: %(default)s)")
    parser.add_argument("--side", type=int, default=224, help="their height and width in pixels (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=256, help="images of a batch (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=7, help="passes, the best one counts (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads (default: 1 2)")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count processor time, on a machine that does other work; one thread",
    )
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    options = parser.parse_args(arguments)
    if options.processor_time:
        options.threads = [1]
    clock = time.process_time if options.processor_time else time.perf_counter
    report = "# Pixels from arrays\n\n"
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(max(options.threads)) as pool:
        maps = dataset(Path(folder), options.images, options.side)
        sizes = {name: sum(maps[f"{part}{name}"].nbytes for part in ("indices", "palettes")) for name in (16, 256)}
        report += (
            f"{options.images} images of {options.side}x{options.side} pixels, in batches of {options.batch}: "
            f"{number(maps['raw'].nbytes / 1e6)} MB as raw pixels, {number(sizes[256] / 1e6)} MB in 256 colours and "
            f"{number(sizes[16] / 1e6)} MB in 16.\n\n{describe('arrays.py', arguments, 'numpy')}\n"
        )
        for name, field in contenders(maps, pool).items():
            report += f"\n## {name}\n\n{table(field, options.images, options, clock)}\n"
        del maps  # a mapped file cannot be removed everywhere
    publish(report + _NOTES, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
