"""Small photos by the thousand: what a run costs beside decoding alone, and beside other programs.

Three sets of small photos and one of camera photos, all contenders in turn in every round, in an order that changes;
other programs leave out the later rounds. Figures are medians of the rounds; ratios are taken within a round, then
their median. A full run takes about half an hour,
and ``--images 200 --tiny-images 500 --camera-images 2 --rounds 1`` a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from contenders import IMAGE_MAGICK, VIPS, image_magick, missing
from icsys.engine import available_cores
from machine import describe
from measure import BENCH, run_programs
from page import publish
from small_sets import PhotoSet, add_options, make_sets
from table import MISSING, markdown_table, number, times
from timed_decoding import decode_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # From a fresh folder for outputs to seconds; OSError or another error ends the benchmark.
    Contender = Callable[[Path], float]

DECODE, DECODE_TWO = "decode alone", "decode alone, 2 processes"
ONE, TWO = "ICS, --jobs 1", "ICS, --jobs 2"
THREADS, PROCESSES = f"{TWO} --engine threads", f"{TWO} --engine processes"
OURS = "ICS, whole process"
SCALED_MAGICK = f"{IMAGE_MAGICK}, jpeg:size"
POOL = "Pillow in a pool of processes"
RIVALS = (IMAGE_MAGICK, SCALED_MAGICK, VIPS, POOL)
# The programs start no threads of their own, because as many of them run as there are cores: that is faster.
_ONE_THREAD = ("env", "MAGICK_THREAD_LIMIT=1", "OMP_NUM_THREADS=1", "VIPS_CONCURRENCY=1")
_MOST_FILES = 1000  # for one call of a program
_KILO = 1000
_PACKAGES = ("numpy", "pillow", "simplejpeg", "deflate")
_NOTES = """
Decoding alone is Pillow's `draft` to the size that is asked for and `load`, timed inside processes that have started;
two processes have half of the photos each. ICS with a number of jobs is timed by `summary.seconds` of `--json`, which
leaves start-up out. "Whole process" and the programs below it are timed with start-up, and use all cores: ImageMagick,
vipsthumbnail and pngquant through `xargs -P`, each with one thread, the pool of Pillow (`draft`, `resize(BOX)`,
`quantize`, `save`: bench/pillow_pool.py) with a process a core. ImageMagick runs without dithering and would be slower
with it; `jpeg:size` lets its decoder scale, which users have to know of. ICS alone waits until its files are on the
disk, and takes hashes of sources and outputs. bench/folder.py compares other programs on camera photos.

"Spread" is the time between the fastest and the slowest round in parts of the median, and "kB" the mean size of an
output. Ratios are medians of those within a round.
"""


@dataclass(slots=True)
class Times:
    """What the contenders took for one set of photos: seconds by contender, one a round, and bytes of outputs."""

    images: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    bytes_out: dict[str, int] = field(default_factory=dict)

    def ratio(self, these: str, those: str) -> float:
        """Return the median of the ratios within a round; NaN where one of them failed or did not run."""
        pairs = zip(self.seconds.get(these, []), self.seconds.get(those, []), strict=False)
        return statistics.median([this / that for this, that in pairs] or [float("nan")])

    def share_of_gain(self, two: str) -> float:
        """Return the gain of two jobs by that of decoding in two processes, the median of those within a round."""
        rounds = zip(*(self.seconds[name] for name in (ONE, two, DECODE, DECODE_TWO)), strict=True)
        return statistics.median(one / both / (alone / halves) for one, both, alone, halves in rounds)

    def rate(self, name: str) -> float:
        """Return images a second, by the median of the seconds."""
        return self.images / statistics.median(self.seconds[name])


def contenders(photos: PhotoSet, lists: Path, cores: int) -> dict[str, Contender]:
    """Return everything that can be timed here on a set of photos, by name.

    Parameters
    ----------
    lists
        Folder for the lists of files that are handed to programs.
    cores
        How many programs run at once.
    """
    found: dict[str, Contender] = {
        DECODE: partial(_decode, photos, 1),
        DECODE_TWO: partial(_decode, photos, 2),
        ONE: partial(_ics_inside, photos, ("--jobs", "1")),
        TWO: partial(_ics_inside, photos, ("--jobs", "2")),
        THREADS: partial(_ics_inside, photos, ("--jobs", "2", "--engine", "threads")),
        PROCESSES: partial(_ics_inside, photos, ("--jobs", "2", "--engine", "processes")),
    }
    if not photos.is_small:
        return found
    sources = write_list(photos.paths, lists / "sources")
    found[OURS] = lambda outputs: _programs([[*_ICS, str(photos.folder), str(outputs), *photos.flags]])
    pool = [sys.executable, str(BENCH / "pillow_pool.py"), str(photos.folder)]
    asked = [photos.target, str(photos.colors), str(cores)]
    found[POOL] = lambda outputs: _programs([[*pool, str(outputs), *asked]])
    if not shutil.which("xargs"):
        return found
    magick, size = image_magick(), "100%" if photos.target == "step 1" else photos.target
    if magick:
        # By default it dithers, for which it takes and clears 128 MB of memory for each image.
        few = ["-resize", size, "+dither", "-colors", str(photos.colors), "-format", "png"]
        for name, hint in ((IMAGE_MAGICK, []), (SCALED_MAGICK, ["-define", f"jpeg:size={photos.target}"])):
            if hint and size != photos.target:
                continue

            def mogrify(outputs: Path, hint: Sequence[str] = hint) -> float:
                return _programs([in_parallel([*magick, "-path", str(outputs), *hint, *few], sources, cores)])

            found[name] = mogrify
    if shutil.which("vipsthumbnail") and shutil.which("pngquant"):
        found[VIPS] = partial(_vips, photos, sources, lists, cores)
    return found


_ICS = (sys.executable, "-m", "icsys", "compress")


def _decode(photos: PhotoSet, processes: int, _: Path) -> float:
    return decode_seconds(photos.paths, photos.target, processes)


def _ics_inside(photos: PhotoSet, more: Sequence[str], outputs: Path) -> float:
    """Return the seconds that a run of ICS states of itself."""
    command = [*_ICS, str(photos.folder), str(outputs), *photos.flags, *more, "--json", "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    seconds: float = json.loads(done.stdout)["summary"]["seconds"]
    return seconds


def _vips(photos: PhotoSet, sources: Path, lists: Path, cores: int, outputs: Path) -> float:
    """Make small PNGs, then reduce their colours."""
    # A size that no picture reaches keeps every size.
    size = "10000x10000>" if photos.target == "step 1" else f"{photos.target}>"
    shrink = ["vipsthumbnail", "--size", size, "-o", f"{outputs}/%s.png"]
    made = write_list([outputs / f"{path.stem}.png" for path in photos.paths], lists / "made")
    reduce = ["pngquant", "--force", "--ext", ".png", str(photos.colors), "--"]
    return _programs([in_parallel(shrink, sources, cores), in_parallel(reduce, made, cores)])


def _programs(commands: Sequence[Sequence[str]]) -> float:
    cost = run_programs(commands)
    if cost.failed:
        raise RuntimeError(f"{shlex.join(commands[0])[:300]} has failed")
    return cost.seconds


def in_parallel(command: Sequence[str], files: Path, cores: int) -> list[str]:
    """Return a command that runs ``command`` on the files of a list, on all cores at once, with equal parts."""
    count = files.read_bytes().count(b"\0")
    calls = cores * -(-count // (cores * _MOST_FILES))
    each = -(-count // calls)
    words = [*_ONE_THREAD, "xargs", "-0", "-P", str(cores), "-n", str(each), *command]
    return ["sh", "-c", f"{shlex.join(words)} < {shlex.quote(str(files))}"]


def write_list(paths: Sequence[Path], file: Path) -> Path:
    """Write paths into a file as ``xargs -0`` reads them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))
    return file


def measure(photos: PhotoSet, work: Path, rounds: int, rival_rounds: int, cores: int) -> Times:
    """Time all contenders on a set of photos, in turn in every round.

    Each writes into a fresh folder below ``work``, and none is deleted before the benchmark ends: deleting thousands
    of files makes ext4 create others ten times as slowly for half a minute.

    Raises
    ------
    RuntimeError
        If a program fails, or leaves out an image.
    """
    found = contenders(photos, work / "lists", cores)
    times_ = Times(len(photos.paths), {name: [] for name in found})
    for round_ in range(rounds):
        # Another order in every round: what one leaves to the system to do meets others then.
        for name in random.Random(round_).sample(list(found), len(found)):  # noqa: S311 - an order, no secret
            if name in RIVALS and round_ >= rival_rounds:
                continue
            outputs = work / f"{round_}-{list(found).index(name)}"
            outputs.mkdir(parents=True)
            if hasattr(os, "sync"):  # what others have left to write is not for this one to wait for
                os.sync()
            seconds = found[name](outputs)
            times_.seconds[name].append(seconds)
            print(f"{photos.name}  round {round_ + 1}  {name}  {seconds:.2f} s", file=sys.stderr, flush=True)
            if name not in (DECODE, DECODE_TWO):
                times_.bytes_out[name] = _bytes_of(outputs, times_.images, name)
    return times_


def _bytes_of(outputs: Path, images: int, name: str) -> int:
    """Return the bytes of all PNGs; RuntimeError if an image has none."""
    sizes = [path.stat().st_size for path in outputs.glob("*.png")]
    if len(sizes) != images:
        raise RuntimeError(f"{name} has made {len(sizes)} of {images} images")
    return sum(sizes)


def rows(found: Times) -> list[list[str]]:
    """Return the rows of the table of one set."""
    table = []
    for name, seconds in found.seconds.items():
        median, made = statistics.median(seconds), found.bytes_out.get(name)
        table.append(
            [
                name,
                number(median),
                f"{(max(seconds) - min(seconds)) / median:.0%}",
                number(_KILO * median / found.images),
                number(found.rate(name)),
                times(found.ratio(name, DECODE)),
                MISSING if made is None else number(made / found.images / _KILO),
            ]
        )
    return table


_HEADER = ("", "seconds", "spread", "ms an image", "images/s", "/ decode alone", "kB")


def ratios(found: Times) -> list[str]:
    """Return in sentences what the benchmark is for."""
    lines = [
        f"One job: {times(found.ratio(ONE, DECODE))} decode alone.",
        f"Decode alone: two processes {times(found.ratio(DECODE, DECODE_TWO))} as fast as one.",
    ]
    for name, what in ((TWO, "two jobs"), (THREADS, "two jobs in threads alone"), (PROCESSES, "two jobs in processes")):
        gain, share = times(found.ratio(ONE, name)), number(found.share_of_gain(name))
        lines.append(
            f"ICS: {what} {gain} as fast as one job, {share} of the gain of decode alone; "
            f"{number(found.rate(name))} images a second."
        )
    return lines + [
        f"Whole process: ICS {times(found.ratio(name, OURS))} as fast as {name}."
        for name in RIVALS
        if name in found.seconds
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each contender (default: %(default)s)")
    rivals = "rounds in which the programs beside ICS run, which take most of the time (default: %(default)s)"
    parser.add_argument("--rival-rounds", type=int, default=3, help=rivals)
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = _parser().parse_args(arguments)
    cores = available_cores()
    report = f"# Small photos\n\n{describe('small_photos.py', arguments, *_PACKAGES)}\n{_NOTES}"
    with tempfile.TemporaryDirectory() as folder:
        for index, photos in enumerate(make_sets(options, Path(folder, "photos"))):
            found = measure(photos, Path(folder, str(index)), options.rounds, options.rival_rounds, cores)
            size = sum(path.stat().st_size for path in photos.paths) / found.images / _KILO
            colors = f"K = {photos.colors}, `{' '.join(photos.flags[2:])}`"
            report += f"\n## {photos.name[0].upper()}{photos.name[1:]}\n\n"
            report += f"{found.images:,} photos of {number(size)} kB each, {colors}.\n\n"
            report += markdown_table(_HEADER, rows(found)) + "\n\n"
            report += "\n".join(f"- {line}" for line in ratios(found)) + "\n"
    absent = missing() + ([] if shutil.which("xargs") else ["xargs"])
    if absent:
        report += f"\nNot installed here, so not compared: {', '.join(absent)}.\n"
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
