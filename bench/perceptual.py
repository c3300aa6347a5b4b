"""Clustering in sRGB and in Oklab, judged by the eye's measure: the mean CIEDE2000 of all pixels (scikit-image's)."""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys import quantize
from machine import describe
from page import publish
from photos import images
from table import markdown_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SPACES = ("srgb", "oklab")


def mean_ciede2000(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the mean colour difference CIEDE2000 of the pixels of two sRGB images (H, W, 3), uint8."""
    from skimage.color import deltaE_ciede2000, rgb2lab  # noqa: PLC0415 - a second to import

    difference: Any = deltaE_ciede2000  # it has no types
    return float(difference(rgb2lab(first), rgb2lab(second)).mean())


def measure(image: NDArray[np.uint8], colors: int, effort: str) -> list[float]:
    """Return the mean difference for each colour space."""
    lab = []
    for space in _SPACES:
        few = quantize(image, colors, space=space, effort=effort)
        lab.append(mean_ciede2000(image, few.to_array()))
    return lab


def row(colors: int, scores: list[list[float]]) -> list[str]:
    """Return the row of one K from the scores of all images."""
    srgb, oklab = zip(*scores, strict=True)
    lower = statistics.mean(ours < other for other, ours in scores)
    ratio = statistics.mean(oklab) / statistics.mean(srgb)
    return [
        str(colors),
        f"{statistics.mean(srgb):.3f}",
        f"{statistics.mean(oklab):.3f}",
        f"{ratio:.3f}",
        f"{lower:.0%}",
    ]


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with photos; generated ones if left out")
    parser.add_argument("--colors", default="16,64,256", help="numbers of colours K (default: %(default)s)")
    parser.add_argument("--images", type=int, help="use only the first N photos")
    parser.add_argument("--effort", default="fast", help="of MKM (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    options = parser.parse_args(arguments)
    ks = [int(word) for word in options.colors.split(",")]
    scores: dict[int, list[list[float]]] = {k: [] for k in ks}
    for name, image in images(options.folder, options.images):
        for k in ks:
            scores[k].append(measure(image, k, options.effort))
        print(name, file=sys.stderr, flush=True)
    header = ("K", "sRGB", "Oklab", "Oklab / sRGB", "images where Oklab is lower")
    table = markdown_table(header, [row(k, several) for k, several in scores.items()])
    about = describe("perceptual.py", arguments, "numpy", "scikit-image")
    report = f"# Oklab and sRGB\n\nMean CIEDE2000, MKM, {len(scores[ks[0]])} images.\n\n{about}\n\n{table}\n"
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
