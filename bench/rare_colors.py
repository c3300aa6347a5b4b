"""Rare colours: what ``--count-power`` and ``--keep-colors`` do to small lights, rare pixels and the mean error.

A pixel is rare if its colour's cell, 32 levels wide in each channel, holds fewer than one pixel in a thousand. Without
a folder, the pictures are generated ones and the sample photos of installed packages.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from icsys import quantize
from icsys.cli.demo_photos import sample_photos
from judge import palette_mse
from machine import describe
from page import publish
from photos import generate_photo, images
from table import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

STRATEGIES = ("MKM", "FKM", "MBKM")
POWERS = (1.0, 0.75, 0.5, 0.25)
KEPT = ("#000000", "#ffffff")
LIGHT = (230, 25, 30)
_RADII = (0, 1, 2, 3)  # pixels: lights of 1, 5, 13 and 29 pixels
_LIGHT_KS = (8, 16, 32)
_NEAR = 30  # levels: a light that is off by no more keeps its colour
_SIDE = 160  # pixels; larger pictures are made smaller
_CELL, _RARE = 32, 1e-3
_STARTS, _ITERATIONS = 3, 40
_NOTES = """
*Mean error* is the squared error of all pixels, *rare pixels* that of the rare ones (their cell, 32 levels wide, holds
fewer than one pixel in a thousand), and *worst pixel* the distance of the pixel that is off most; all relative to the
same picture without the option, as the geometric mean over pictures.
*Constrained Lloyd* is Lloyd's iteration in NumPy on all pixels, in which the kept colours do not move; the best of
{starts} starts counts.
"""


class Quality(NamedTuple):
    """The squared error of all pixels and of rare ones, and the distance of the worst pixel."""

    mean: float
    rare: float
    worst: float


def lights(count: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Yield grey pictures, shape (180, 240, 3), with a small red light, and where it is; each radius in turn."""
    y, x = np.mgrid[:180, :240]
    for seed in range(count):
        random = np.random.default_rng(seed)
        grey = generate_photo(240, 180, seed).mean(axis=2, keepdims=True) + random.normal(0, 1, (180, 240, 3))
        picture = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
        light = (x - random.integers(20, 220)) ** 2 + (y - random.integers(20, 160)) ** 2 <= _RADII[
            seed % len(_RADII)
        ] ** 2
        red = np.add(LIGHT, random.normal(0, 5, (int(light.sum()), 3)))
        picture[light] = np.clip(np.rint(red), 0, 255).astype(np.uint8)
        yield picture, light


def pictures(folder: Path | None, count: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield names and pixels (H, W, 3) of small pictures: of a folder, or generated ones and sample photos."""
    found = images(folder, count)
    samples = () if folder else ((path.stem, np.asarray(Image.open(path).convert("RGB"))) for path in sample_photos())
    for source in (found, samples):
        for name, pixels in source:
            small = Image.fromarray(pixels)
            small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
            yield name, np.asarray(small)


def keeps_light(picture: NDArray[np.uint8], light: NDArray[np.bool_], colors: int, **options: Any) -> bool:  # noqa: ANN401
    """Return whether a light has its colour in few colours."""
    shown = quantize(picture, colors, **options).to_array()[light].mean(axis=0)
    return bool(np.abs(shown - LIGHT).max() <= _NEAR)


def rare_pixels(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels are rare, shape (H * W,)."""
    _, cells, counts = np.unique(picture.reshape(-1, 3) // _CELL, axis=0, return_inverse=True, return_counts=True)
    rare: NDArray[np.bool_] = counts[cells.reshape(-1)] < _RARE * cells.size
    return rare


def quality(picture: NDArray[np.uint8], colors: int, **options: Any) -> Quality:  # noqa: ANN401 - as quantize takes
    """Return the quality of few colours."""
    shown = quantize(picture, colors, **options).to_array()
    errors = np.square(picture.astype(np.int64) - shown).sum(axis=2).reshape(-1)
    rare = errors[rare_pixels(picture)]
    return Quality(float(errors.mean()), float(rare.mean()) if rare.size else 0.0, float(errors.max()) ** 0.5)


def constrained_lloyd(picture: NDArray[np.uint8], colors: int, kept: NDArray[np.uint8]) -> float:
    """Return the error of the best palette by Lloyd's iteration in which the kept colours, shape (n, 3), stay."""
    points, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    exact, best = points.astype(np.float64), np.inf
    for seed in range(_STARTS):
        chosen = np.random.default_rng(seed).choice(len(points), colors - len(kept), replace=False)
        centers = np.concatenate([kept, exact[chosen]])
        for _ in range(_ITERATIONS):
            labels = (np.square(centers).sum(axis=1) - 2 * exact @ centers.T).argmin(axis=1)
            weights = np.bincount(labels, counts, len(centers))
            means = (
                np.stack([np.bincount(labels, counts * channel, len(centers)) for channel in exact.T], axis=1)
                / np.maximum(weights, 1)[:, None]
            )
            moved = (weights > 0) & (np.arange(len(centers)) >= len(kept))
            centers[moved] = means[moved]
        best = min(best, palette_mse(picture, np.rint(centers).astype(np.uint8)))
    return float(best)


def sheet(colors: int = 8, zoom: int = 5) -> Image.Image:
    """Show a light that is lost: as it is, in few colours, with a power, and kept, from left to right."""
    picture, light = next(pair for pair in lights(100) if pair[1].sum() > 1 and not keeps_light(*pair, colors))
    rows, columns = (slice(max(0, int(found.mean()) - 20), int(found.mean()) + 20) for found in np.nonzero(light))
    wishes: list[dict[str, Any]] = [{}, {"count_power": 0.5}, {"keep_colors": "#e6191e"}]
    shown = [picture, *(quantize(picture, colors, **wish).to_array() for wish in wishes)]
    gap = np.full((rows.stop - rows.start, 2, 3), 255, np.uint8)
    joined = np.hstack([part for one in shown for part in (one[rows, columns], gap)][:-1])
    return Image.fromarray(joined.repeat(zoom, axis=0).repeat(zoom, axis=1))


def row(name: str, found: Sequence[Quality], usual: Sequence[Quality]) -> list[str]:
    """Return the row of an option beside no option, over all pictures."""
    ratios = [
        statistics.geometric_mean(
            [own[index] / other[index] for own, other in zip(found, usual, strict=True) if own[index] and other[index]]
            or [1.0]
        )
        for index in range(len(Quality._fields))
    ]
    return [name, *(f"{ratio:.2f}" for ratio in ratios)]


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folder", nargs="?", type=Path, help="folder with photos; generated and sample ones if left out"
    )
    parser.add_argument("--colors", default="16,32,64", help="numbers of colours K (default: %(default)s)")
    parser.add_argument("--images", type=int, default=4, help="photos, or generated ones (default: %(default)s)")
    parser.add_argument("--lights", type=int, default=40, help="pictures with a light (default: %(default)s)")
    parser.add_argument("--picture", type=Path, help="write the picture of a light into this PNG file")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    options = parser.parse_args(arguments)
    ks = [int(word) for word in options.colors.split(",")]
    photos = list(pictures(options.folder, options.images))
    about = describe("rare_colors.py", arguments, "numpy", "pillow", "scikit-learn", "scikit-image")
    report = f"# Rare colours\n\n{len(photos)} pictures of at most {_SIDE} pixels a side.\n\n{about}\n"
    if options.picture:
        sheet().save(options.picture, optimize=True)
    report += _light_table(options.lights) + _power_tables(photos, ks) + _kept_table(photos, ks)
    publish(report + _NOTES.format(starts=_STARTS), options.out)


def _light_table(count: int) -> str:
    """Return how many small lights keep their colour."""
    wishes: list[tuple[str, dict[str, Any]]] = [("plain", {})]
    wishes += [(f"--count-power {power:g}", {"count_power": power}) for power in POWERS[1:]]
    wishes += [("--keep-colors '#e6191e'", {"keep_colors": "#e6191e"})]
    shown = list(lights(count))
    rows = []
    for name, wish in wishes:
        rows.append([name])
        for k in _LIGHT_KS:
            kept = sum(keeps_light(picture, light, k, **wish) for picture, light in shown)
            rows[-1].append(f"{kept} of {count}")
        print(name, file=sys.stderr, flush=True)
    header = ("", *(f"K = {k}" for k in _LIGHT_KS))
    return (
        f"\n## A small red light among grey\n\nLights of 1 to 29 pixels in pictures of 240x180: how many of them "
        f"keep their colour within {_NEAR} levels (MKM).\n\n{markdown_table(header, rows)}\n"
    )


def _power_tables(photos: Sequence[tuple[str, NDArray[np.uint8]]], ks: list[int]) -> str:
    """Return what each power does to the errors."""
    header = ("--count-power", "mean error", "rare pixels", "worst pixel")
    report = ""
    for strategy in STRATEGIES:
        for k in ks if strategy == STRATEGIES[0] else ks[len(ks) // 2 : len(ks) // 2 + 1]:
            found = [
                [quality(pixels, k, strategy=strategy, count_power=power) for _, pixels in photos] for power in POWERS
            ]
            rows = [row(f"{power:g}", own, found[0]) for power, own in zip(POWERS, found, strict=True)]
            report += f"\n## {strategy}, K = {k}\n\n{markdown_table(header, rows)}\n"
            print(strategy, k, file=sys.stderr, flush=True)
    return report


def _kept_table(photos: Sequence[tuple[str, NDArray[np.uint8]]], ks: list[int]) -> str:
    """Return what black and white in the palette cost."""
    kept = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    header = ("", "error / plain", "error / constrained Lloyd", "worst picture")
    rows = []
    for k in ks[:2]:
        ideal = [constrained_lloyd(pixels, k, kept) for _, pixels in photos]
        for strategy in STRATEGIES:
            plain = [quantize(pixels, k, strategy=strategy).mse for _, pixels in photos]
            own = [quantize(pixels, k, strategy=strategy, keep_colors=KEPT) for _, pixels in photos]
            to_plain = [few.mse / other for few, other in zip(own, plain, strict=True)]
            to_ideal = [few.mse / other for few, other in zip(own, ideal, strict=True)]
            means = [statistics.geometric_mean(ratios) for ratios in (to_plain, to_ideal)]
            rows.append([f"{strategy}, K = {k}", *(f"{mean:.3f}" for mean in means), f"{max(to_ideal):.3f}"])
            print("kept", strategy, k, file=sys.stderr, flush=True)
    return f"\n## --keep-colors '{','.join(KEPT)}'\n\n{markdown_table(header, rows)}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
