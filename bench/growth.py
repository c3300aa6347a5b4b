"""How time and memory of a run grow: with the number of images, with their size, and with the number of colours.

Every point is of a process of its own on generated photos: by the number of images the median of several whole
processes, else the median of several runs inside one, divided by its photos.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contenders import STRATEGIES
from machine import describe
from measure import BENCH, run_programs, typical
from page import publish
from photos import gather, write_photos
from table import markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Iterable

_MEGA = 1_000_000
_MEGAPIXELS: tuple[int, ...] = (1, 2, 4, 8, 12, 16, 22)
_COLORS: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256)
_SMALL = (640, 480)  # width and height of photos in a run of the first kind
_COPIES = 6  # photos in a run of the second and third kind
_TINY = (32, 32)  # width and height of many photos
_FEWEST, _MILLION, _EACH = 1000, 1_000_000, 1000  # many photos, and how many of them lie in a folder
_RUN, _AGAIN = "a run", "the run after it, which skips all"


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: its plot and line, its place, and the measured value."""

    line: str
    x: float
    seconds: float
    peak_bytes: int | None


Points = list[Point]


@dataclass(frozen=True, slots=True)
class Panel:
    """One kind of growth.

    Attributes
    ----------
    axis
        What grows.
    title
        What else there is to know.
    points
        What was measured.
    unit
        What the seconds are of.
    base
        Of the logarithmic axis; None for a linear one.
    """

    axis: str
    title: str
    points: Points
    unit: str = "seconds a photo"
    base: int | None = None


def run_whole(line: str, x: float, source: Path, repeats: int) -> Point:
    """Compress ``source`` in several processes, one after another."""
    costs = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as destination:
            costs.append(run_programs([[sys.executable, "-m", "icsys", "compress", str(source), destination]]))
    cost = typical(costs)
    return _told(Point(line, x, cost.seconds, cost.peak_bytes), failed=cost.failed)


def run_warm(x: float, source: Path, strategy: str, *, colors: int, jobs: int, repeats: int) -> Point:
    """Compress ``source`` several times in one process; seconds are of one photo."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "seconds.json")
        arguments = [str(report), str(source), strategy, str(colors), str(jobs), str(repeats)]
        cost = run_programs([[sys.executable, str(BENCH / "warm.py"), *arguments]])
        seconds = statistics.median(json.loads(report.read_text("utf-8"))) if report.exists() else 0.0
    line = f"{strategy}, --jobs {jobs}"
    return _told(Point(line, x, seconds / _COPIES, cost.peak_bytes), failed=cost.failed)


def _told(point: Point, *, failed: bool) -> Point:
    """Tell of a point as it is measured.

    Raises
    ------
    RuntimeError
        If it could not be measured.
    """
    if failed:
        raise RuntimeError(f"{point.line} at {point.x:g} failed")
    print(f"{point.line}  {point.x:g}  {point.seconds:.3f} s", file=sys.stderr, flush=True)
    return point


def by_images(work: Path, base: int, repeats: int) -> Points:
    """Run on 1, 10 and 100 times ``base`` images of 0.3 megapixels."""
    distinct = write_photos(work / "small", 10, *_SMALL)
    points = []
    for factor in (1, 10, 100):
        source = work / f"images-{factor}"
        gather(distinct, source, base * factor)
        points.append(run_whole("MKM, default jobs", base * factor, source, repeats))
    return points


def by_many_images(work: Path, most: int) -> Points:
    """Run on 1000, 10,000 ... tiny images, at most ``most``, each time twice; the second run skips all."""
    distinct = write_photos(work / "tiny", 10, *_TINY)
    points = []
    count = _FEWEST
    while count <= most:
        source, destination = work / f"many-{count}", work / f"many-{count}-out"
        for start in range(0, count, _EACH):
            gather(distinct, source / f"class{start // _EACH:04}", min(_EACH, count - start))
        command = [sys.executable, "-m", "icsys", "compress", str(source), str(destination), "--step=1", "--colors=16"]
        for line in (_RUN, _AGAIN):
            cost = run_programs([command])
            points.append(_told(Point(line, count, cost.seconds, cost.peak_bytes), failed=cost.failed))
        count *= 10
    return points


def growth_table(points: Points) -> str:
    """Return what each further image costs, from one number of images to the next, and the same drawn on to a million.

    The last row of each kind of run is marked as extrapolated, unless a million images were measured.
    """
    rows = []
    for line in dict.fromkeys(point.line for point in points):
        mine = [point for point in points if point.line == line]
        for before, point in zip([None, *mine], mine, strict=False):
            seconds, peak = (None, None) if before is None else _each(before, point)
            each = "" if seconds is None else f"{_MEGA * seconds:,.0f}", "" if peak is None else f"{peak:,.0f}"
            rows.append([line, f"{point.x:,.0f}", number(point.seconds), _megabytes(point.peak_bytes), *each])
        if len(mine) > 1 and mine[-1].x < _MILLION:
            seconds, peak = _each(*mine[-2:])
            more, last = _MILLION - mine[-1].x, mine[-1].peak_bytes
            whole = None if peak is None or last is None else round(last + more * max(0.0, peak))
            extrapolated = number(mine[-1].seconds + more * seconds)
            rows.append([f"{line} (extrapolated)", f"{_MILLION:,}", extrapolated, _megabytes(whole), "", ""])
    header = ("", "images", "seconds", "peak MB", "further µs an image", "further bytes an image")
    return markdown_table(header, rows)


def _each(before: Point, after: Point) -> tuple[float, float | None]:
    """Return the seconds and bytes of each image that one run has more than another."""
    images = after.x - before.x
    known = before.peak_bytes is not None and after.peak_bytes is not None
    peak = (after.peak_bytes or 0) - (before.peak_bytes or 0)
    return (after.seconds - before.seconds) / images, peak / images if known else None


def _megabytes(size: int | None) -> str:
    return number(size / _MEGA if size else None)


def by_megapixels(work: Path, sizes: Iterable[float], repeats: int) -> Points:
    """Run on the same pictures at several sizes, with one job and with two; seconds are of one photo."""
    return [
        run_warm(size, _copies(work, size), "MKM", colors=32, jobs=jobs, repeats=repeats)
        for size in sizes
        for jobs in (1, 2)
    ]


def by_colors(work: Path, megapixels: float, ks: Iterable[int], repeats: int) -> Points:
    """Run every clustering strategy at every K; seconds are of one photo."""
    source = _copies(work, megapixels)
    return [run_warm(k, source, strategy, colors=k, jobs=1, repeats=repeats) for strategy in STRATEGIES[1:] for k in ks]


def _copies(work: Path, megapixels: float) -> Path:
    """Return a folder with copies of one generated photo, 4 by 3."""
    folder = work / f"megapixels-{megapixels:g}"
    if not folder.exists():
        side = (megapixels * _MEGA / 12) ** 0.5
        photo = write_photos(work / f"drawn-{megapixels:g}", 1, round(4 * side), round(3 * side))
        gather(photo, folder, _COPIES)
    return folder


def plot(panels: list[Panel], path: Path) -> None:
    """Draw time above memory, one column for each panel, as SVG; equal points give equal files."""
    import matplotlib as mpl  # noqa: PLC0415 - only plots need it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "icsys"
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend was chosen

    figure, axes = plt.subplots(2, len(panels), figsize=(4.5 * len(panels), 6.5), squeeze=False, layout="constrained")
    for panel, (top, bottom) in zip(panels, axes.T, strict=True):
        for line in dict.fromkeys(point.line for point in panel.points):
            mine = [point for point in panel.points if point.line == line]
            top.plot([point.x for point in mine], [point.seconds for point in mine], "o-", label=line)
            told = [(point.x, point.peak_bytes / _MEGA) for point in mine if point.peak_bytes is not None]
            bottom.plot(*zip(*told, strict=True), "o-", label=line)
        top.set(title=panel.title, ylabel=panel.unit)
        bottom.set(xlabel=panel.axis, ylabel="peak MB")
        for axis in (top, bottom):
            axis.grid(alpha=0.3)
            axis.set_ylim(bottom=0, top=1.1 * max(axis.get_ylim()))
            if panel.base:
                axis.set_xscale("log", base=panel.base)
        top.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def tables(panels: list[Panel]) -> str:
    """Return one Markdown table for each panel."""
    text = ""
    for panel in panels:
        rows = [
            [
                point.line,
                f"{point.x:g}",
                number(point.seconds),
                _megabytes(point.peak_bytes),
            ]
            for point in panel.points
        ]
        text += f"\n## {panel.title}\n\n{markdown_table(('', panel.axis, panel.unit, 'peak MB'), rows)}\n"
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100, help="images in the smallest folder (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs for each point (default: %(default)s)")
    parser.add_argument(
        "--many", type=int, default=100_000, help="most tiny images, up to a million (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="few points, small photos, one run each")
    parser.add_argument("--out", type=Path, help="write this Markdown file, and the plot beside it as .svg")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = _parser().parse_args(arguments)
    images, repeats, sizes, ks, megapixels = options.images, options.repeats, _MEGAPIXELS, _COLORS, 12.0
    many = options.many
    if options.quick:
        images, repeats, sizes, ks, megapixels = min(images, 2), 1, sizes[:2], ks[:2], 1.0
        many = min(many, _FEWEST)
    print("about 12 minutes; --repeats 1, --images 10, --many 10000 and --quick shorten it", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tiny = by_many_images(work, many)
        panels = [
            Panel("images", "images of 0.3 MP", by_images(work, images, repeats), "seconds"),
            Panel("megapixels", f"{_COPIES} photos of each size", by_megapixels(work, sizes, repeats)),
            Panel(
                "colours", f"{_COPIES} photos of {megapixels:g} MP", by_colors(work, megapixels, ks, repeats), base=2
            ),
        ]
    report = f"# Growth\n\nGenerated photos, step 5.\n\n{describe('growth.py', arguments, 'numpy', 'pillow')}\n"
    if options.out:
        picture = options.out.with_suffix(".svg")
        plot(panels, picture)
        report += f"\n![Time and memory]({picture.name})\n"
    report += tables(panels)
    if tiny:
        report += (
            f"\n## up to a million images of {_TINY[0]}x{_TINY[1]}, {_EACH:,} in a folder\n\n{growth_table(tiny)}\n"
        )
    report += (
        "\nSeconds by images are of whole processes; seconds a photo are those of later runs inside one process."
        "\nPeak MB is the largest resident size of the process.\n"
    )
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
