"""Palettes with alpha: the error of ``--alpha keep`` on pixels that are seen, beside libimagequant.

Every palette is judged in the same way: each pixel that is not fully transparent goes to the entry that looks most
like it over black and over white, and its squared error is measured over both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from icsys import quantize
from machine import describe
from page import publish
from photos import images
from softedges import soft_pictures
from table import MISSING, markdown_table, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

EFFORTS = ("fast", "balanced")
_BACKGROUNDS = (0, 255)
_BLOCK = 16_384  # colours whose distances to all entries are held at once
_SHEET_BACKGROUNDS = (None, "#000000", "#ffffff", "#ff00a0")  # the first is a checkerboard
_SQUARE = 16
_HEADER = ("", "error / libimagequant's, mean", "worst picture", "worst over black", "worst over white", "lower error")
_NOTES = """
The error is the mean over visible pixels of the squared error summed over R, G and B, and the mean of that over black
and over white; it stands relative to libimagequant's on the same picture. Of libimagequant's palettes with dithering
and without, the better one for the picture counts. *Over black* and *over white* are the same of one background alone,
with each pixel at the entry that it has. The last column is the share of pictures with a strictly lower error.
"""


@dataclass(frozen=True, slots=True)
class Error:
    """The mean squared error on visible pixels, over a black and over a white background."""

    black: float
    white: float

    @property
    def mean(self) -> float:
        """That of both."""
        return (self.black + self.white) / 2


def seen_error(image: NDArray[np.uint8], palette: NDArray[np.uint8]) -> Error:
    """Judge a palette, shape (n, 4), for a picture, shape (H, W, 4), both uint8."""
    visible = np.ascontiguousarray(image[image[..., 3] > 0])
    codes, counts = np.unique(visible.view(np.uint32), return_counts=True)
    colors = codes[:, None].view(np.uint8)
    seen, entries = (np.hstack([_over(those, b) for b in _BACKGROUNDS]) for those in (colors, palette))
    total = np.zeros(2)
    for start in range(0, len(seen), _BLOCK):
        block = slice(start, start + _BLOCK)
        nearest = (np.square(entries).sum(axis=1) - 2 * seen[block] @ entries.T).argmin(axis=1)
        errors = np.square(seen[block] - entries[nearest]).reshape(-1, 2, 3).sum(axis=2)
        total += counts[block] @ errors
    black, white = total / counts.sum()
    return Error(float(black), float(white))


def ours(image: NDArray[np.uint8], colors: int, effort: str = "fast") -> NDArray[np.uint8]:
    """Return the palette of MKM, shape (n, 4)."""
    return quantize(image, colors, alpha="keep", effort=effort).palette


def libimagequant(image: NDArray[np.uint8], colors: int, dithering: float) -> NDArray[np.uint8]:
    """Return the palette of libimagequant, shape (n, 4)."""
    import imagequant  # type: ignore[import-untyped]  # noqa: PLC0415 - it may be missing

    height, width, _ = image.shape
    _, flat = imagequant.quantize_raw_rgba_bytes(
        image.tobytes(), width, height, dithering_level=dithering, max_colors=colors
    )
    return np.array(flat, np.uint8).reshape(-1, 4)[:colors]


def rival(image: NDArray[np.uint8], colors: int) -> Error:
    """Return the error of the better one of libimagequant's palettes."""
    both = (seen_error(image, libimagequant(image, colors, dithering)) for dithering in (0.0, 1.0))
    return min(both, key=lambda error: error.mean)


def row(name: str, mine: list[Error], other: list[Error]) -> list[str]:
    """Return the row of one contender beside libimagequant, over all pictures."""
    pairs = [(own, their) for own, their in zip(mine, other, strict=True) if their.black > 0 and their.white > 0]
    if not pairs:
        return [name, *[MISSING] * (len(_HEADER) - 1)]
    ratios = [own.mean / their.mean for own, their in pairs]
    return [
        name,
        f"{statistics.mean(ratios):.3f}",
        f"{max(ratios):.3f}",
        f"{max(own.black / their.black for own, their in pairs):.3f}",
        f"{max(own.white / their.white for own, their in pairs):.3f}",
        f"{statistics.mean(ratio < 1 for ratio in ratios):.0%}",
    ]


def sheet(image: NDArray[np.uint8], ks: list[int]) -> Image.Image:
    """Show a picture and what few colours make of it, a column each, over several backgrounds, a row each."""
    shown = [image, *(quantize(image, k, alpha="keep").to_array() for k in ks)]
    height, width, _ = image.shape
    whole = Image.new("RGB", (width * len(shown), height * len(_SHEET_BACKGROUNDS)))
    for row_index, color in enumerate(_SHEET_BACKGROUNDS):
        for column, pixels in enumerate(shown):
            under = _checkerboard(width, height) if color is None else Image.new("RGBA", (width, height), color)
            under.alpha_composite(Image.fromarray(pixels))
            whole.paste(under.convert("RGB"), (column * width, row_index * height))
    return whole


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folder", nargs="?", type=Path, help="folder with photos to cut out of; generated ones if left out"
    )
    parser.add_argument("--colors", default="16,64,256", help="numbers of colours K (default: %(default)s)")
    parser.add_argument("--images", type=int, default=8, help="photos to cut out of (default: %(default)s)")
    parser.add_argument("--sheets", type=Path, help="write a PNG file into this folder for every picture, to look at")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    options = parser.parse_args(arguments)
    ks = [int(word) for word in options.colors.split(",")]
    names: list[str] = []
    mine: dict[tuple[int, str], list[Error]] = {(k, effort): [] for k in ks for effort in EFFORTS}
    other: dict[int, list[Error]] = {k: [] for k in ks}
    for name, image in soft_pictures(images(options.folder, options.images)):
        names.append(name)
        for k in ks:
            other[k].append(rival(image, k))
            for effort in EFFORTS:
                mine[k, effort].append(seen_error(image, ours(image, k, effort)))
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            sheet(image, [8, 32, 256]).save(options.sheets / f"{name.replace(' ', '-')}.png")
        print(name, file=sys.stderr, flush=True)
    about = describe("alpha.py", arguments, "numpy", "pillow", "imagequant")
    report = f"# Alpha\n\n{len(names)} pictures of 480x320 pixels with soft edges.\n\n{about}\n"
    for k in ks:
        table = markdown_table(_HEADER, [row(f"MKM, {effort}", mine[k, effort], other[k]) for effort in EFFORTS])
        report += f"\n## K = {k}\n\n{table}\n"
    report += _NOTES
    header = ("error of each picture, MKM fast and libimagequant", *(f"K = {k}" for k in ks))
    cells = [
        [name, *(f"{number(mine[k, 'fast'][i].mean)}, {number(other[k][i].mean)}" for k in ks)]
        for i, name in enumerate(names)
    ]
    publish(f"{report}\n{markdown_table(header, cells)}\n", options.out)


def _over(colors: NDArray[np.uint8], background: int) -> NDArray[np.float64]:
    """Lay colours, shape (n, 4), over a grey background; not rounded."""
    opacity = colors[:, 3:] / 255
    return opacity * colors[:, :3] + (1 - opacity) * background


def _checkerboard(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width] // _SQUARE
    return Image.fromarray(np.where((x + y) % 2, 200, 120).astype(np.uint8)).convert("RGBA")


if __name__ == "__main__":
    main(sys.argv[1:])
