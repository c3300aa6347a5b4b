"""The folder benchmark: time, memory, bytes and error of a whole run, beside decoding alone and other programs.

All programs take turns in every round, so that a slower moment of the machine meets all alike; figures are medians,
and ratios medians of those within a round, unless they say otherwise.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from contenders import (
    FULL,
    IMAGE_MAGICK,
    SCALED,
    STRATEGIES,
    VIPS,
    Contender,
    bare,
    contenders,
    missing,
    originals,
    ours,
)
from machine import describe
from measure import BENCH, Cost, run_programs, typical
from outputs import Quality, assess
from page import publish
from photos import find_photos, gather, write_photos
from table import MISSING, markdown_table, number, times

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEGA = 1_000_000
_PACKAGES = ("numpy", "pillow", "scikit-learn", "simplejpeg", "deflate")
_HEADER = (
    "whole process",
    "seconds",
    "of it start-up",
    "without start-up / scaled decode",
    "processor seconds",
    "peak MB",
    "output MB",
    "factor",
    "colour error",
    "error",
)
_NOTES = """
Seconds are of the whole process. Start-up is the same command on one picture of 40 by 40 pixels; the next column has
it subtracted on both sides. Processor seconds add all threads: where they exceed the seconds, several cores worked.
Peak MB is the largest resident size. Errors are means over pixels of the squared error summed over R, G and B:
"colour error" against the pixels that the same program makes without reducing colours (for ICS, its SO), "error"
against every source pixel averaged in blocks, so it holds the resize too. The original skips pixels instead of
averaging, ImageMagick and vipsthumbnail use sharper filters, and ImageMagick and pngquant dither by default: `+dither`
and `--nofs` are without.
The original is its algorithm written anew, with scikit-learn's defaults of today (`KMeans`: one start, once ten).
Inside one process, and in the lines below, a ratio is the median of those within a round, in which all take turns.
"""
# So many times the photos show what start-up hides of a short folder.
_LONGER = 4
# Rounds inside one process for each of whole processes: they are short, and what they compare is closer together.
_SHORT_ROUNDS = 3

Costs = dict[str, list[Cost]]


def measure(found: list[Contender], source: Path, outputs: Path, repeats: int, slow: float) -> Costs:
    """Run all contenders in turn, ``repeats`` times, those above ``slow`` seconds once; the last outputs stay."""
    costs: Costs = {contender.name: [] for contender in found}
    for round_ in range(repeats):
        for index, contender in enumerate(found):
            done = costs[contender.name]
            if done and (done[0].seconds > slow or done[0].failed):
                continue
            destination = outputs / str(index)
            shutil.rmtree(destination, ignore_errors=True)
            destination.mkdir(parents=True)
            done.append(run_programs(contender.plan(source, destination)))
            print(f"round {round_ + 1}  {contender.name}  {done[-1].seconds:.2f} s", file=sys.stderr, flush=True)
    return costs


def qualities(found: list[Contender], photos: list[Path], outputs: Path, step: int) -> dict[str, Quality]:
    """Assess the outputs of every contender that has some."""
    assessed = {}
    for index, contender in enumerate(found):
        if contender.unreduced is None:
            continue
        unreduced = outputs / "unreduced"
        shutil.rmtree(unreduced, ignore_errors=True)
        unreduced.mkdir()
        run_programs(contender.unreduced(photos[0].parent, unreduced))
        quality = assess(
            photos,
            outputs / str(index),
            unreduced,
            step,
            numbered=contender.numbered,
            upright=contender.upright,
            suffix=contender.suffix,
        )
        if quality:
            assessed[contender.name] = quality
    return assessed


def rows(costs: Costs, startup: Costs, quality: dict[str, Quality], bytes_in: int) -> list[list[str]]:
    """Return the rows of the table of whole processes."""
    floor = typical(costs[SCALED]).seconds - typical(startup[SCALED]).seconds
    table = []
    for name, several in costs.items():
        cost, start = typical(several), typical(startup[name]).seconds
        made = quality.get(name)
        if cost.failed:
            table.append([f"{name} (failed)", *[MISSING] * (len(_HEADER) - 1)])
            continue
        table.append(
            [
                name,
                number(cost.seconds),
                number(start),
                times((cost.seconds - start) / floor if floor > 0 and cost.seconds > start else None),
                number(cost.cpu_seconds),
                number(cost.peak_bytes / _MEGA if cost.peak_bytes else None),
                number(made.bytes_out / _MEGA if made else None),
                number(bytes_in / made.bytes_out if made else None),
                number(made.color_mse if made else None),
                number(made.mse if made else None),
            ]
        )
    return table


def warm_rows(seconds: dict[str, list[float]]) -> list[list[str]]:
    """Return the rows of the table of runs inside one process."""
    return [
        [
            name,
            number(1000 * statistics.median(values)),
            *(times(by_round(values, seconds[base])) for base in (SCALED, FULL, ours("SO", 1))),
        ]
        for name, values in seconds.items()
    ]


def by_round(these: Sequence[float], those: Sequence[float]) -> float:
    """Return the median of the ratios within a round, of as many rounds as both have."""
    return statistics.median(this / that for this, that in zip(these, those, strict=False))


def ratios(costs: Costs, startup: Costs, quality: dict[str, Quality], warm: dict[str, list[float]]) -> list[str]:
    """Return in sentences what the tables say of the questions that the benchmark is for."""

    def ratio(name: str, base: str) -> str:
        return times(by_round(warm[name], warm[base]))

    lines = [
        f"MKM, one job, start-up excluded: {ratio(ours('MKM', 1), SCALED)} scaled decode alone.",
        *(f"{name}, one job, start-up excluded: {ratio(ours(name, 1), ours('SO', 1))} SO." for name in STRATEGIES[1:]),
        f"MKM, two jobs: {ratio(ours('MKM', 1), ours('MKM', 2))} as fast as one job.",
        *(
            f"MKM, {count}: {ratio(ours('MKM', jobs), bare(jobs))} a loop that reads, compresses and "
            "writes the same images without journal, hashes and syncs."
            for jobs, count in ((1, "one job"), (2, "two jobs"))
        ),
    ]
    seconds = {name: [cost.seconds for cost in several] for name, several in costs.items()}
    rivals = [
        name
        for name in (originals("FKM"), IMAGE_MAGICK, f"{IMAGE_MAGICK} +dither", VIPS, f"{VIPS} --nofs")
        if name in costs and not typical(costs[name]).failed
    ]
    lines += [
        f"MKM, whole process, default jobs: {times(by_round(seconds[name], seconds[ours('MKM', None)]))} "
        f"as fast as {name}."
        for name in rivals
    ]
    if originals("FKM") in rivals:
        long, short = (
            typical(costs[name]).seconds - typical(startup[name]).seconds
            for name in (originals("FKM"), ours("MKM", None))
        )
        lines.append(
            f"MKM, default jobs, start-up excluded: {times(long / short)} as fast as {originals('FKM')}, by medians."
        )
    size = quality[ours("MKM", None)].bytes_out
    return lines + [
        f"MKM's output: {times(size / quality[name].bytes_out)} the bytes of {name}."
        for name in (VIPS, f"{VIPS} --nofs", IMAGE_MAGICK, f"{IMAGE_MAGICK} +dither")
        if name in quality
    ]


def on_longer(costs: Costs, images: int) -> list[str]:
    """Return in a sentence how the original's FKM and ours compare on a longer folder; none where it did not run."""
    if not costs or any(typical(several).failed for several in costs.values()):
        return []
    ratio = times(typical(costs[originals("FKM")]).seconds / typical(costs[ours("MKM", None)]).seconds)
    photos = f"{images} photos ({_LONGER} times these)"
    return [f"MKM, whole process, default jobs, on {photos}: {ratio} as fast as {originals('FKM')}, by medians."]


def _warm(source: Path, options: argparse.Namespace) -> dict[str, list[float]]:
    """Time ICS and the decoders inside one process."""
    arguments = [str(source), str(options.colors), str(options.step), str(_SHORT_ROUNDS * options.repeats)]
    done = subprocess.run(
        [sys.executable, str(BENCH / "inprocess.py"), *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds: dict[str, list[float]] = json.loads(done.stdout)
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with photos; four generated ones if left out")
    parser.add_argument("--images", type=int, help="use only the first N photos")
    parser.add_argument("--colors", type=int, default=32, help="number of colours K (default: %(default)s)")
    parser.add_argument("--step", type=int, default=5, help="keep 1 pixel in N (default: %(default)s, the original's)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each program (default: %(default)s)")
    parser.add_argument("--slow", type=float, default=25, help="seconds from which one run does (default: %(default)s)")
    parser.add_argument("--megapixels", type=float, default=12, help="of generated photos (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one run of each, without the original")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.repeats = 1
    found = contenders(options.colors, options.step, with_original=not options.quick)
    print("ten photos of 12 megapixels take about 2 minutes a round, and 4 once, for the original", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if options.folder:
            chosen = find_photos(options.folder, options.images)
        else:
            side = round((options.megapixels * _MEGA / 12) ** 0.5)
            chosen = write_photos(work / "generated", options.images or 4, 4 * side, 3 * side)
        photos = gather(chosen, work / "photos")
        write_photos(work / "tiny", 1, 40, 40)
        costs = measure(found, work / "photos", work / "out", options.repeats, options.slow)
        startup = measure(found, work / "tiny", work / "tiny-out", min(3, options.repeats), options.slow)
        longer: Costs = {}
        if not options.quick:
            gather(photos, work / "longer", _LONGER * len(photos))
            pair = [contender for contender in found if contender.name in (ours("MKM", None), originals("FKM"))]
            longer = measure(pair, work / "longer", work / "longer-out", options.repeats, options.slow)
        quality = qualities(found, photos, work / "out", options.step)
        warm = _warm(work / "photos", options)
        usage = [sys.executable, "-m", "icsys", "--help"]
        help_seconds = typical([run_programs([usage]) for _ in range(options.repeats)]).seconds
        bytes_in = sum(path.stat().st_size for path in photos)
        report = _report(arguments, len(photos), bytes_in, rows(costs, startup, quality, bytes_in), warm)
    lines = [
        *ratios(costs, startup, quality, warm),
        *on_longer(longer, _LONGER * len(photos)),
        f"`ics --help`: {number(help_seconds)} s.",
        f"One small photo, MKM: {number(typical(startup[ours('MKM', None)]).seconds)} s.",
    ]
    report += _NOTES + "\n" + "\n".join(f"- {line}" for line in lines) + "\n"
    if missing():
        report += f"\nNot installed here, so not compared: {', '.join(missing())}.\n"
    publish(report, options.out)


def _report(
    arguments: list[str], images: int, bytes_in: int, table: list[list[str]], warm: dict[str, list[float]]
) -> str:
    """Return the Markdown page but for its notes."""
    warm_header = ("inside one process", "ms", "/ scaled decode", "/ full decode", "/ SO, --jobs 1")
    return (
        f"# A folder of photos\n\n{images} photos, {number(bytes_in / _MEGA)} MB.\n\n"
        f"{describe('folder.py', arguments, *_PACKAGES)}\n\n"
        f"{markdown_table(_HEADER, table)}\n\n{markdown_table(warm_header, warm_rows(warm))}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
