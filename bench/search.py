"""What the search of MKM is made of: seeding, bounds, moves, restarts and cells, each beside its alternatives.

Errors are those of the palette as stored, relative to the lowest that any row of the page reached on that photo at
that K; times are minima of several runs on one thread. All ways to skip distances are checked to give the same labels.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

from bounds import BOUNDS, iterate, one_pass
from icsys.color.distinct_rgb import CENTER, SCALE, DistinctRGB
from icsys.color.kernels import Partition, improve, lloyd, nearest_centers, reassign
from icsys.color.kmeans import EFFORT_TABLE, reduce_pixels
from machine import describe
from page import publish
from photos import find_photos, generate_photo, load_rgb
from seeding import SEEDINGS, random_colors
from table import MISSING, markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from icsys.color.kernels import Points
    from icsys.color.kmeans import Effort

_T = TypeVar("_T")
_SLOW = 0.5  # seconds from which one run has to do
_CONVERGED = 10_000  # iterations: Lloyd's ends by itself long before
_ITERATIONS = 20
_FINISH, _POLISH = 5, 2
_SEEDED, _BOUNDED, _MOVED = "1. Seeding", "2. Bounds", "3. Moves, restarts and cells"


def variants() -> dict[str, Effort]:
    """Return the efforts, each with what it is made of left out, and with more of it."""
    fast, balanced, best = (EFFORT_TABLE[name] for name in ("fast", "balanced", "best"))
    return {
        "fast": fast,
        "fast, no moves": fast._replace(patience=0),
        "fast, single moves only": fast._replace(moved=0.0),
        "fast, 4 restarts": fast._replace(rounds=4),
        "fast, cells of 1/4 the fineness": fast._replace(fineness=fast.fineness / 4),
        "fast, cells of 16 times the fineness": fast._replace(fineness=fast.fineness * 16),
        "fast, distinct colours for cells": fast._replace(fineness=np.inf),
        "fast, 1 last iteration instead of 5": fast._replace(last=1),
        "balanced": balanced,
        "balanced, no restarts": balanced._replace(rounds=0),
        "balanced, cells as for fast": balanced._replace(fineness=fast.fineness),
        "best": best,
        "best, no restarts": best._replace(rounds=0),
    }


@dataclass(slots=True)
class Figures:
    """Errors and seconds by (section, table, row, K), one for each photo."""

    errors: dict[tuple[str, str, str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[tuple[str, str, str, int], list[float]] = field(default_factory=lambda: defaultdict(list))

    def best(self, k: int) -> list[float]:
        """Return the lowest error that any row reached on each photo."""
        return [
            min(photo) for photo in zip(*(errors for key, errors in self.errors.items() if key[3] == k), strict=True)
        ]

    def cell(self, key: tuple[str, str, str, int]) -> str:
        """Return the mean over photos of relative errors, or of milliseconds, as it stands in a table."""
        if key in self.errors:
            pairs = zip(self.errors[key], self.best(key[3]), strict=True)
            return f"{statistics.mean(error / best for error, best in pairs):.4f}"
        return number(1000 * statistics.mean(self.seconds[key])) if key in self.seconds else MISSING

    def tables(self) -> str:
        """Return all tables in the order in which they were measured, one column for each K."""
        keys = [*self.errors, *self.seconds]
        ks = sorted({key[3] for key in keys})
        text = ""
        for section in (_SEEDED, _BOUNDED, _MOVED):
            text += f"\n## {section}\n"
            for table in dict.fromkeys(key[1] for key in keys if key[0] == section):
                names = dict.fromkeys(key[2] for key in keys if key[:2] == (section, table))
                lines = [[name, *(self.cell((section, table, name, k)) for k in ks)] for name in names]
                text += f"\n{table}\n\n{markdown_table(('', *(f'K = {k}' for k in ks)), lines)}\n"
        return text


def timed(function: Callable[[], _T], repeats: int) -> tuple[_T, float]:
    """Return what a function returns and the least seconds of ``repeats`` runs, of one if that is slow."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < repeats and seconds[0] < _SLOW):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def converged(points: Points, start: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the centres (3, k) where Lloyd's iteration from ``start`` ends."""
    centers = start.copy()
    k = centers.shape[1]
    lloyd(points, Partition(points, k), centers, k, snap=True, limit=_CONVERGED)
    return centers


def moved(points: Points, start: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the centres (3, k) that effort "fast" reaches from ``start``: few iterations, then the moves."""
    fast = EFFORT_TABLE["fast"]
    centers = start.copy()
    k = centers.shape[1]
    part = Partition(points, k)
    ends = {"snap": True, "tolerance": fast.tolerance, "limit": fast.limit}
    error = lloyd(points, part, centers, k, **ends)
    improve(points, part, centers, k, error, size=max(1, int(k * fast.moved)), patience=fast.patience, **ends)
    return centers


def finished(colors: DistinctRGB, centers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the palette that centres found on cells become, as MKM ends: on distinct colours, then rounded."""
    k = centers.shape[1]
    part = Partition(colors.points, k)
    lloyd(colors.points, part, centers.copy(), k, snap=True, limit=_FINISH)
    for step in range(_POLISH + 1):
        used = part.sums[:, 0] > 0
        levels = np.rint(part.means / SCALE + CENTER).astype(np.uint8)
        if step < _POLISH:
            moved_centers = part.centers.copy()
            moved_centers[:, used] = to_centers(levels)
            reassign(colors.points, part, moved_centers, k)
    return np.unique(levels, axis=0)


def to_centers(palette: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return palette colours (n, 3) as centres (3, n)."""
    return np.ascontiguousarray((palette.T.astype(np.float32) - CENTER) * SCALE)


def palette_error(colors: DistinctRGB, palette: NDArray[np.uint8]) -> float:
    """Return the squared error, summed over pixels and channels, of a palette."""
    labels = np.empty(colors.points.w.shape, np.int32)
    return nearest_centers(colors.points, to_centers(palette), labels) / SCALE**2


def study_seeding(figures: Figures, colors: DistinctRGB, cells: Points, k: int, repeats: int) -> None:
    """Add what every seeding leads to: by Lloyd's iteration alone, and by few of its iterations and the moves."""
    for name, seeding in SEEDINGS.items():
        start, seeded = timed(partial(seeding, cells, k), repeats)
        figures.seconds[_SEEDED, "Milliseconds for seeding", name, k].append(seeded)
        for way, reach in (("Lloyd's iteration to its end", converged), ("the moves", moved)):
            centers, seconds = timed(partial(reach, cells, start), repeats)
            error = palette_error(colors, finished(colors, centers))
            figures.errors[_SEEDED, f"Error after seeding and {way}", name, k].append(error)
            figures.seconds[_SEEDED, f"Milliseconds for seeding and {way}", name, k].append(seeded + seconds)


def study_bounds(figures: Figures, colors: DistinctRGB, cells: Points, k: int, repeats: int) -> None:
    """Add the times of all ways to find nearest centres: for a pass, a run from afar and a run nearly at its end.

    Raises
    ------
    AssertionError
        If two ways give different labels or centres.
    """
    far = random_colors(cells, k)
    near = converged(cells, far)
    passes = {"one pass over the cells": cells, "one pass over the distinct colours": colors.points}
    runs = {
        f"{_ITERATIONS} iterations on the cells from random colours": (cells, far),
        f"{_ITERATIONS} iterations on the distinct colours from random colours": (colors.points, far),
        f"{_ITERATIONS} iterations on the distinct colours from centres settled on the cells": (colors.points, near),
    }
    for name in BOUNDS:
        for way, points in passes.items():
            labels, seconds = timed(partial(one_pass, name, points, near), repeats)
            np.testing.assert_array_equal(labels, one_pass("none, SIMD", points, near))
            figures.seconds[_BOUNDED, f"Milliseconds for {way}", name, k].append(seconds)
        for way, (points, start) in runs.items():
            ends, seconds = timed(partial(iterate, name, points, start, _ITERATIONS), repeats)
            for found, expected in zip(ends, iterate("none, SIMD", points, start, _ITERATIONS), strict=True):
                np.testing.assert_array_equal(found, expected)
            figures.seconds[_BOUNDED, f"Milliseconds for {way}", name, k].append(seconds)


def study_moves(figures: Figures, image: NDArray[np.uint8], k: int, repeats: int) -> None:
    """Add error and time of MKM as a whole, from pixels to palette and indices, at every variant of its efforts."""
    efforts = variants()
    pixels = image.reshape(-1, 3)
    with mock.patch.dict(EFFORT_TABLE, efforts):
        for name in efforts:
            reduced, seconds = timed(partial(reduce_pixels, pixels, k, effort=name), repeats)
            figures.errors[_MOVED, "Error", name, k].append(reduced.sse)
            figures.seconds[_MOVED, "Milliseconds from pixels to palette and indices", name, k].append(seconds)


def study(named: Iterable[tuple[str, NDArray[np.uint8]]], ks: list[int], repeats: int) -> Figures:
    """Measure everything on every image (H, W, 3) at every K; an image of no more colours is left out."""
    figures = Figures()
    for name, image in named:
        colors = DistinctRGB(image.reshape(-1, 3))
        for k in ks:
            start = time.perf_counter()
            cells, _ = colors.cells(EFFORT_TABLE["fast"].fineness, k)
            if np.count_nonzero(cells.w) <= k:
                print(f"{name} is left out at K = {k}: it has few colours", file=sys.stderr)
                continue
            study_seeding(figures, colors, cells, k, repeats)
            study_bounds(figures, colors, cells, k, repeats)
            study_moves(figures, image, k, repeats)
            print(f"{name}  K = {k}  {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return figures


def spread_images(folder: Path | None, count: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield names and pixels (H, W, 3) of ``count`` generated photos, or of as many spread evenly over a folder."""
    if folder is None:
        for seed in range(count):
            yield f"generated {seed}", generate_photo(768, 512, seed)
        return
    found = find_photos(folder)
    for path in found[:: max(1, len(found) // count)][:count]:
        yield path.name, load_rgb(path)


_NOTES = """
Errors are relative to the lowest of any row of this page at that K, photo by photo: 1.0000 in a row would mean that
it is the lowest on every photo. All figures are means over the photos.

- Seeding works on the cells of effort `fast`. "To its end" is until the error stops falling; "the moves" are those
  of effort `fast`, after at most 10 iterations. All rows then end as MKM does, with 5 iterations on the distinct
  colours and the palette rounded; that is not in the times. Wu's cuts are written in NumPy, on a histogram of 5 bits
  a channel: compiled they would take less time. Greedy k-means++ is scikit-learn's; it and the random colours are
  drawn once.
- Bounds: all rows gave the same labels and centres, which the program checks; all are compiled by numba, the box
  filter too, which MKM itself runs in C++. A pass knows nothing from a pass before, so Hamerly's bounds cannot help
  yet. Iterations end early where no label changes, in the same one for all rows.
- Moves: "no moves" leaves growth and at most 10 iterations; a restart throws some of the best centres at random. Cells
  that turn out too coarse for a photo are made again 16 times as fine.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with photos; generated ones if left out")
    parser.add_argument("--colors", default="2,8,16,32,64,256", help="numbers of colours K (default: %(default)s)")
    parser.add_argument(
        "--images", type=int, default=8, help="use N photos, spread over the folder (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of what is fast (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the page to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark as the command line asks."""
    options = _parser().parse_args(arguments)
    ks = [int(word) for word in options.colors.split(",")]
    with threadpool_limits(1):
        study([("warming up", generate_photo(96, 64, 0))], ks[:1], 1)
        named = list(spread_images(options.folder, options.images))
        figures = study(named, ks, options.repeats)
    source = "generated photos" if options.folder is None else f"photos of the folder `{options.folder.name}`"
    about = describe("search.py", arguments, "numpy", "numba", "scikit-learn")
    publish(
        f"# What the search of MKM is made of\n\n{len(named)} {source}, one thread.\n\n{about}\n"
        f"{figures.tables()}{_NOTES}",
        options.out,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
