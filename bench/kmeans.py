"""The K-means benchmark: error and time of every way to find a palette, on one thread.

Every palette is rounded to 8 bits and every pixel counted with its nearest entry by one shared exact function, so
that errors compare whatever a library reports itself. Times run from the (H, W, 3) array to palette and indices.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from clusterers import BEST_OF_TEN, LIBIMAGEQUANT, ONE_FIT, Clusterer, clusterers
from judge import palette_mse
from machine import describe
from page import publish
from photos import generate_photo, images
from table import MISSING, markdown_table, number, times

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

_SLOW = 0.5  # seconds from which one run has to do
_HEADER = (
    "",
    "error / best of ten, mean",
    "worst image",
    "ms",
    "faster than one KMeans fit",
    "faster than libimagequant",
    "lower error than libimagequant",
)
_NOTES = f"""
Error is the mean over pixels of the squared error summed over R, G and B, of the palette rounded to 8 bits with
every pixel at its nearest entry, all judged by one exact function, independent of all the libraries. It stands
relative to `{BEST_OF_TEN}`: the mean over the images and the worst image. Times are
means over the images, of the median of several runs (one run above {_SLOW} s), from the pixel array to palette and
indices, on one thread. "Faster" compares the sums over all images. The last column is the share of images with a
strictly lower error.

- `{ONE_FIT}`: pixels go in as they are, so scikit-learn computes in float64; the next row hands them
  over as float32.
- `MiniBatchKMeans as in the original`: `random_state=0, batch_size=100000, max_iter=10` on pixels / 255.
- Pillow: `quantize(K, method=MEDIANCUT, kmeans=1)`. OpenCV: k-means++ centres, one attempt, at most 100 rounds, until
  no centre moves by 1.
- libimagequant at its defaults also dithers, which costs time but, as judged here, no error; the last row leaves it
  out.
"""


@dataclass(frozen=True, slots=True)
class Score:
    """One method on one image: the error of its palette and the seconds it took."""

    error: float
    seconds: float


Scores = dict[tuple[int, str], list[Score]]


def measure(clusterer: Clusterer, image: NDArray[np.uint8], colors: int, repeats: int) -> Score:
    """Run a clusterer ``repeats`` times, once if it is slow, and judge the palette of its last run."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < repeats and seconds[0] < _SLOW):
        start = time.perf_counter()
        palette = clusterer.function(image, colors, 0)
        seconds.append(time.perf_counter() - start)
    return Score(palette_mse(image, palette), statistics.median(seconds))


def run(
    named: Iterable[tuple[str, NDArray[np.uint8]]], methods: list[Clusterer], ks: list[int], repeats: int
) -> Scores:
    """Measure every method at every K on every image; the key is (K, name)."""
    scores: Scores = defaultdict(list)
    for name, image in named:
        for colors in ks:
            start = time.perf_counter()
            for method in methods:
                scores[colors, method.name].append(measure(method, image, colors, repeats))
            print(f"{name}  K = {colors}  {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return scores


def rows(scores: Scores, colors: int) -> list[list[str]]:
    """Return the rows of the table for one K, in the order that the methods ran in."""
    best = scores[colors, BEST_OF_TEN]
    rival = scores.get((colors, LIBIMAGEQUANT))
    table = []
    for k, name in scores:
        if k != colors:
            continue
        mine = scores[k, name]
        # An image of no more than K colours leaves no error to compare.
        ratios = [own.error / ten.error for own, ten in zip(mine, best, strict=True) if ten.error > 0]
        wins = [own.error < other.error for own, other in zip(mine, rival, strict=True)] if rival else []
        table.append(
            [
                name,
                f"{statistics.mean(ratios):.4f}" if ratios else MISSING,
                f"{max(ratios):.4f}" if ratios else MISSING,
                number(1000 * statistics.mean(score.seconds for score in mine)),
                times(_total(scores[colors, ONE_FIT]) / _total(mine)),
                times(_total(rival) / _total(mine)) if rival else MISSING,
                f"{statistics.mean(wins):.0%}" if wins and name != LIBIMAGEQUANT else MISSING,
            ]
        )
    return table


def _total(scores: list[Score]) -> float:
    return sum(score.seconds for score in scores)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with photos; generated ones if left out")
    parser.add_argument("--colors", default="16,32,64,256", help="numbers of colours K (default: %(default)s)")
    parser.add_argument("--images", type=int, help="use only the first N photos")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each fast method (default: %(default)s)")
    parser.add_argument("--ours", action="store_true", help="only MKM and what it is compared with")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = _parser().parse_args(arguments)
    ks = [int(word) for word in options.colors.split(",")]
    compared = {ONE_FIT, BEST_OF_TEN, LIBIMAGEQUANT}
    methods = [
        method
        for method in clusterers()
        if method.installed and (not options.ours or method.name in compared or method.name.startswith("MKM"))
    ]
    for method in clusterers():
        if not method.installed:
            print(f"left out: {method.name} (package {method.package} is not installed)", file=sys.stderr)
    _single_thread_opencv()
    with threadpool_limits(1):
        warm = generate_photo(64, 48, 0)
        for method in methods:
            method.function(warm, 16, 0)
        print("about 1 minute per photo at K = 16, 32, 64 and 256; --ours and --images shorten it", file=sys.stderr)
        scores = run(images(options.folder, options.images), methods, ks, options.repeats)
    count = len(scores[ks[0], ONE_FIT])
    source = "generated photos" if options.folder is None else f"photos of the folder `{options.folder.name}`"
    packages = ("numpy", "scikit-learn", "pillow", "opencv-python-headless", "imagequant")
    report = (
        f"# K-means for colours\n\n{count} {source}, one thread.\n\n{describe('kmeans.py', arguments, *packages)}\n"
    )
    for colors in ks:
        report += f"\n## K = {colors}\n\n{markdown_table(_HEADER, rows(scores, colors))}\n"
    report += _NOTES
    publish(report, options.out)


def _single_thread_opencv() -> None:
    """Keep OpenCV to one thread: threadpoolctl does not reach its pool."""
    try:
        import cv2  # noqa: PLC0415 - it may be missing
    except ImportError:
        return
    cv2.setNumThreads(1)


if __name__ == "__main__":
    main(sys.argv[1:])
