"""One palette for a whole dataset: its error beside scikit-learn's KMeans, and the memory that finding it takes.

KMeans is fitted on the pooled distinct colours of a sample of the images, with their counts as weights. ICS finds a
palette from the same images, in which both are measured, and one from all images, measured in as many others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from icsys import Options
from icsys.color.palette_rounding import store_centers
from icsys.color.pooled_colors import as_rgb, weighted_colors
from icsys.engine import available_cores
from icsys.engine.executor import Executor
from icsys.files.rooted_path import RootedPath
from icsys.image.decode import decode_photo
from icsys.run.count_results import RunMonitor
from icsys.run.shared_palette import find_palettes
from icsys.run_settings import RunSettings
from icsys.sources.folder import Folder
from machine import describe
from measure import run_programs
from page import publish
from photos import find_photos, gather, generate_photo
from table import markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from icsys.color.distinct_rgb import DistinctRGB

_MEGA = 1_000_000
_STRATEGIES = ("MKM", "FKM", "MBKM")
_OF_ALL = "MKM"
_SIDES = 80, 60
_DRAWN_SIDES = 800, 600
_MEASURED = ("dataset", 32), ("dataset", 256)
_PIECES = 400  # of a photo


def dataset_palette(folder: Path, options: Options) -> NDArray[np.uint8]:
    """Return the palette that a run gives to all images of a folder, without the second pass."""
    stop = threading.Event()
    palettes = find_palettes(
        Folder(folder, folder / "none"),
        RootedPath(folder / "none"),
        options,
        RunSettings(overwrite="always"),
        executor=Executor("threads", available_cores(), None, remote=False, stop=stop),
        monitor=RunMonitor(lambda _: None, stop, None),
    )
    return palettes.colors[""]


def pooled(photos: Sequence[Path], options: Options) -> DistinctRGB:
    """Return the distinct colours of all photos with their counts, by NumPy alone."""
    pixels = [as_rgb(decode_photo(photo.read_bytes(), options).pixels).reshape(-1, 3) for photo in photos]
    return weighted_colors(*np.unique(np.concatenate(pixels), axis=0, return_counts=True))


def mean_error(colors: DistinctRGB, palette: NDArray[np.uint8]) -> float:
    """Return the mean squared error of the pixels, summed over R, G and B."""
    return colors.nearest(palette)[1] / colors.counts.sum()


def kmeans_palette(colors: DistinctRGB, n_colors: int) -> NDArray[np.uint8]:
    """Return what scikit-learn's KMeans finds with its defaults, as a file would store it."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import

    kmeans = KMeans(n_colors, random_state=0).fit(colors.colors().astype(np.float32), sample_weight=colors.counts)
    return store_centers(kmeans.cluster_centers_)


def errors(folder: Path, work: Path, ks: Sequence[int], sample: int, step: int) -> list[list[str]]:
    """Return a row for every K and strategy: errors, and their ratios to those of KMeans."""
    photos = find_photos(folder)
    order = np.random.default_rng(0).permutation(len(photos)).tolist()
    drawn, others = ([photos[i] for i in chosen] for chosen in (order[:sample], order[sample : 2 * sample]))
    gather(drawn, work / "sample")
    pools = [pooled(part, Options(step=step)) for part in (drawn, others) if part]
    rows = []
    for k in ks:
        reference = kmeans_palette(pools[0], k)
        theirs = [mean_error(pool, reference) for pool in pools]
        rows.append([str(k), "KMeans", number(theirs[0]), *(["1.000"] * len(pools))])
        for strategy in _STRATEGIES:
            options = Options(strategy=strategy, colors=k, step=step, palette="dataset")
            ours = mean_error(pools[0], dataset_palette(work / "sample", options))
            ratios = [f"{ours / theirs[0]:.3f}"]
            if pools[1:]:
                # To go over all images takes its time, and they differ little in what they make of them.
                of_all = strategy == _OF_ALL
                ratio = mean_error(pools[1], dataset_palette(folder, options)) / theirs[1] if of_all else None
                ratios.append(number(ratio, 4))
            rows.append([str(k), strategy, number(ours), *ratios])
            print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    return rows


def write_images(folder: Path, count: int) -> list[Path]:
    """Write small images into a folder: pieces of generated photos, because to draw a photo for each takes long."""
    folder.mkdir(parents=True)
    paths: list[Path] = []
    random = np.random.default_rng(0)
    for seed in range(-(-count // _PIECES)):
        photo = Image.fromarray(generate_photo(*_DRAWN_SIDES, seed))
        for _ in range(min(_PIECES, count - len(paths))):
            left, top = (int(random.integers(large - small)) for large, small in zip(_DRAWN_SIDES, _SIDES, strict=True))
            paths.append(folder / f"{len(paths):05}.jpg")
            photo.crop((left, top, left + _SIDES[0], top + _SIDES[1])).save(paths[-1], quality=92)
    return paths


def memory(photos: Sequence[Path], work: Path, counts: Sequence[int]) -> list[list[str]]:
    """Return a row for every number of images: the peak of a whole run with one palette."""
    rows = []
    for count in counts:
        source = work / f"first-{count}"
        source.mkdir()
        for photo in photos[:count]:
            (source / photo.name).hardlink_to(photo)
        peaks = []
        for palette, k in _MEASURED:
            with tempfile.TemporaryDirectory() as out:
                command = [sys.executable, "-m", "icsys", "compress", str(source), out, "--step", "1", "--dry-run"]
                cost = run_programs([[*command, "--colors", str(k), "--palette", palette]])
            if cost.failed:
                raise RuntimeError(f"the run on {count} images failed")
            peaks.append(number(cost.peak_bytes / _MEGA if cost.peak_bytes else None))
        rows.append([str(count), *peaks])
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    return rows


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="photos for the errors; generated ones if left out")
    parser.add_argument("--images", type=int, default=10_000, help="generated images (default: %(default)s)")
    parser.add_argument("--sample", type=int, default=100, help="images in the sample (default: %(default)s)")
    parser.add_argument("--step", type=int, default=1, help="of the photos (default: %(default)s)")
    parser.add_argument("--colors", default="16,64,256", help="numbers of colours K (default: %(default)s)")
    parser.add_argument("--part", choices=("errors", "memory"), help="one of the two tables; both if left out")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    options = parser.parse_args(arguments)
    report = "# One palette for all\n"
    about = describe("palettes.py", arguments, "numpy", "scikit-learn")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        drawn = write_images(work / "drawn", options.images)
        if options.part != "memory":
            photos = options.folder or work / "drawn"
            table = errors(photos, work, [int(k) for k in options.colors.split(",")], options.sample, options.step)
            what = f"{len(find_photos(photos))} {'photos' if options.folder else 'generated images'}"
            head = ("K", "palette by", "error", "ratio", "ratio on others, from all")[: len(table[0])]
            report += (
                f"\n## Error\n\n{(__doc__ or '').partition(chr(10) * 2)[2]}\nOf {what}, {options.sample} in the sample."
            )
            report += f"\n\n{about}\n\n{markdown_table(head, table)}\n"
        if options.part != "errors":
            counts = [options.images // part for part in (100, 10, 3, 1) if options.images >= part]
            width, height = _SIDES
            what = f"generated images of {width} by {height} pixels"
            report += f"\n## Memory\n\nPeak of dry runs of MKM on {what}, in MB.\n\n"
            head = "images", *(f"{palette}, {k} colours" for palette, k in _MEASURED)
            report += f"{about}\n\n{markdown_table(head, memory(drawn, work, counts))}\n"
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
