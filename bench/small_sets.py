"""The folders of photos that the benchmarks of small photos measure, and what is to be made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from icsys import Options
from photos import find_photos, gather, write_photos

if TYPE_CHECKING:
    import argparse


class _Drawn(NamedTuple):
    """Photos by code: how many differ, their width and height, and the quality of their JPEGs.

    Drawing takes longer than the whole benchmark, so photos repeat; as hard links they are files like any other.
    """

    count: int
    size: tuple[int, int]
    quality: int


# Files of about 30 and 1.3 kB, as in datasets, and as large as a camera writes them.
_PHOTO, _TINY, _CAMERA = _Drawn(100, (400, 533), 86), _Drawn(1000, (32, 32), 93), _Drawn(4, (4000, 3000), 92)
_SEVERAL, _MANY = 3000, 15_000  # photos, pictures


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """A folder of photos, and the size and colours to reduce them to.

    Attributes
    ----------
    name
        As it stands in the page.
    folder
        Flat, with photos alone.
    target
        "64x64", the size to fit in, or "step 5".
    colors
        Number of colours K.
    is_small
        Whether the photos are small, so that other programs are compared, too.
    """

    name: str
    folder: Path
    target: str
    colors: int
    is_small: bool = True

    @property
    def paths(self) -> list[Path]:
        """The photos, sorted."""
        return sorted(self.folder.iterdir())

    @property
    def flags(self) -> list[str]:
        """The options of ``ics compress``."""
        size = ["--step", self.target.split()[1]] if self.target.startswith("step") else ["--size", self.target]
        return ["--colors", str(self.colors), *size]

    @property
    def options(self) -> Options:
        """The same for Python."""
        if self.target.startswith("step"):
            return Options(colors=self.colors, step=int(self.target.split()[1]))
        width, height = map(int, self.target.split("x"))
        return Options(colors=self.colors, size=(width, height))


def add_options(parser: argparse.ArgumentParser, several: int = _SEVERAL, many: int = _MANY, camera: int = 10) -> None:
    """Add the options that choose the photos; the numbers are the defaults of how many."""
    parser.add_argument(
        "folder", nargs="?", type=Path, help="photos of some hundred pixels a side; by code if left out"
    )
    parser.add_argument("--tiny", type=Path, metavar="FOLDER", help="pictures of about 32x32; by code if left out")
    parser.add_argument("--camera", type=Path, metavar="FOLDER", help="camera photos; by code if left out")
    for name, count, what in (("", several, "photos"), ("tiny-", many, "pictures"), ("camera-", camera, "photos")):
        parser.add_argument(f"--{name}images", type=int, default=count, help=f"{what}, at most (default: %(default)s)")


def make_sets(options: argparse.Namespace, work: Path, *, repeat: bool = False) -> list[PhotoSet]:
    """Gather the photos that the options name, or draw some, in folders below ``work``.

    Parameters
    ----------
    repeat
        Repeat the photos of a folder with fewer than asked for. Drawn ones repeat anyway.
    """
    several = _gather(options.folder, options.images, work / "several", _PHOTO, repeat=repeat)
    tiny = _gather(options.tiny, options.tiny_images, work / "tiny", _TINY, repeat=repeat)
    camera = _gather(options.camera, options.camera_images, work / "camera", _CAMERA, repeat=repeat)
    shown = "photos" if options.folder else "photos of 400x533"
    return [
        PhotoSet(f"{shown} to 64x64", several, "64x64", 16),
        PhotoSet(f"{shown} to 224x224", several, "224x224", 16),
        PhotoSet("tiny pictures" if options.tiny else "pictures of 32x32", tiny, "step 1", 16),
        PhotoSet(
            "camera photos" if options.camera else "photos of 12 megapixels", camera, "step 5", 32, is_small=False
        ),
    ]


def _gather(given: Path | None, count: int, folder: Path, drawn: _Drawn, *, repeat: bool) -> Path:
    """Fill ``folder`` with ``count`` photos and return it."""
    if given:
        found = find_photos(given, count)
        gather(found, folder, count if repeat else None)
    else:
        made = folder.with_name(f"{folder.name}-drawn")
        gather(write_photos(made, min(count, drawn.count), *drawn.size, quality=drawn.quality), folder, count)
    return folder
