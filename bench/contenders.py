"""The programs that the folder benchmark compares, each as the commands that it consists of."""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import ExifTags, Image

from measure import BENCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Commands = list[list[str]]
    Planner = Callable[[Path, Path], Commands]

STRATEGIES = ("SO", "MKM", "FKM", "MBKM")
SCALED, FULL = "Pillow, scaled decode alone", "Pillow, full decode alone"
_SIDEWAYS = {5, 6, 7, 8}


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a folder of photos.

    Attributes
    ----------
    name
        As it stands in the table.
    plan
        (source, destination) to the commands, run one after another.
    unreduced
        The same without reducing colours, to tell the colours' error from the resize's; None where there is no output.
    numbered
        Outputs are 0.png, 1.png, … instead of being named like their sources.
    upright
        The EXIF orientation is applied.
    suffix
        Of the outputs.
    """

    name: str
    plan: Planner
    unreduced: Planner | None = None
    numbered: bool = False
    upright: bool = True
    suffix: str = ".png"


def ours(strategy: str, jobs: int | None) -> str:
    """Return the name of a contender that is ICS."""
    return f"ICS {strategy}, --jobs {jobs}" if jobs else f"ICS {strategy}"


def bare(jobs: int) -> str:
    """Return the name of MKM's images by a loop that keeps no books, takes no hashes and waits for no disk."""
    return f"bare loop of MKM, {jobs} threads" if jobs > 1 else "bare loop of MKM, one thread"


def originals(strategy: str) -> str:
    """Return the name of a contender that is the original."""
    return f"original {strategy}"


def contenders(colors: int, step: int, *, with_original: bool) -> list[Contender]:
    """Return everything that can run here, in the order of the table."""
    found = [
        Contender(SCALED, _decode("scaled", step)),
        Contender("Pillow, scaled decode and resize", _decode("scaled+resize", step)),
        Contender(FULL, _decode("full", step)),
        *(
            Contender(ours(strategy, jobs), _ics(strategy, colors, step, jobs), _ics("SO", colors, step, jobs))
            for jobs in (1, None)
            for strategy in STRATEGIES
        ),
    ]
    if with_original:
        found += [
            Contender(
                originals(strategy), _original(strategy, colors), _original("SO", colors), numbered=True, upright=False
            )
            for strategy in STRATEGIES
        ]
    magick = image_magick()
    if magick:
        plain = _mogrify(magick, step, [])
        few = _mogrify(magick, step, ["-colors", str(colors)])
        exact = _mogrify(magick, step, ["+dither", "-colors", str(colors)])
        found.append(Contender(IMAGE_MAGICK, few, plain, upright=False))
        found.append(Contender(f"{IMAGE_MAGICK} +dither", exact, plain, upright=False))
    if shutil.which("vipsthumbnail") and shutil.which("pngquant"):
        found += [
            Contender(VIPS, _vips(step, [str(colors)]), _vips(step, None)),
            Contender(f"{VIPS} --nofs", _vips(step, ["--nofs", str(colors)]), _vips(step, None)),
        ]
    return found + _lossy(step)


def _lossy(step: int) -> list[Contender]:
    """Return what makes JPEG and lossy WebP files of the small photos."""
    jpeg = ["--format", "jpeg", "--jpeg-quality", str(QUALITY)]
    plain = _ics("SO", 2, step, None)
    found = [Contender(f"{ours('SO', None)}, JPEG {QUALITY}", _ics("SO", 2, step, None, jpeg), plain, suffix=".jpg")]
    if shutil.which("vipsthumbnail"):
        found += [
            Contender(
                f"vipsthumbnail, {codec} {QUALITY}",
                _vips(step, None, f"{suffix}[Q={QUALITY}]"),
                _vips(step, None),
                suffix=suffix,
            )
            for codec, suffix in (("JPEG", ".jpg"), ("WebP", ".webp"))
        ]
    return found


QUALITY = 75
IMAGE_MAGICK = "ImageMagick mogrify"
VIPS = "vipsthumbnail + pngquant"


def missing() -> list[str]:
    """Return the names of programs that are compared where they are installed, and are not."""
    absent = [program for program in ("vipsthumbnail", "pngquant") if not shutil.which(program)]
    return absent if image_magick() else ["ImageMagick", *absent]


def _ics(strategy: str, colors: int, step: int, jobs: int | None, more: Sequence[str] = ()) -> Planner:
    def plan(source: Path, destination: Path) -> Commands:
        command = [sys.executable, "-m", "icsys", "compress", str(source), str(destination)]
        command += ["--strategy", strategy, "--colors", str(colors), "--step", str(step)]
        return [[*command, *(["--jobs", str(jobs)] if jobs else []), *more]]

    return plan


def _decode(way: str, step: int) -> Planner:
    return lambda source, _: [[sys.executable, str(BENCH / "decoding.py"), way, str(source), str(step)]]


def _original(strategy: str, colors: int) -> Planner:
    program = [sys.executable, str(BENCH / "original.py"), strategy, str(colors)]
    return lambda source, destination: [[*program, str(source), str(destination)]]


def image_magick() -> list[str]:
    """Return how to start mogrify: version 7 on Windows has it inside another program."""
    if shutil.which("mogrify"):
        return ["mogrify"]
    return ["magick", "mogrify"] if shutil.which("magick") else []


def _mogrify(program: list[str], step: int, colors: list[str]) -> Planner:
    def plan(source: Path, destination: Path) -> Commands:
        photos = [str(path) for path in sorted(source.iterdir())]
        return [
            [*program, "-path", str(destination), "-resize", f"{100 / step:g}%", *colors, "-format", "png", *photos]
        ]

    return plan


def _vips(step: int, colors: list[str] | None, suffix: str = ".png") -> Planner:
    """Plan one vipsthumbnail for each size of photo, as it makes one size in a run, and one pngquant for all PNGs."""

    def plan(source: Path, destination: Path) -> Commands:
        groups: dict[tuple[int, int], list[str]] = defaultdict(list)
        for path in sorted(source.iterdir()):
            groups[_upright_size(path)].append(str(path))
        commands = [
            [
                "vipsthumbnail",
                "--size",
                f"{-(-width // step)}x{-(-height // step)}!",
                "-o",
                f"{destination}/%s{suffix}",
                *photos,
            ]
            for (width, height), photos in groups.items()
        ]
        if colors is not None:
            outputs = [str(destination / f"{path.stem}.png") for path in sorted(source.iterdir())]
            commands.append(["pngquant", "--force", "--ext", ".png", *colors, "--", *outputs])
        return commands

    return plan


def _upright_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
        return image.size[::-1] if turned else image.size
