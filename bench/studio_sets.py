"""Photos for the benchmark of the studio: folders of classes, a large tree, and photos of cameras."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from icsys.engine import available_cores
from photos import generate_photo

if TYPE_CHECKING:
    from pathlib import Path

CAMERA, TYPICAL, MIDDLE, SMALL = (4000, 3000), (1632, 1224), (768, 512), (480, 360)
"""Pixels of photos of 12 and of 2 megapixels, of those in two folders of classes, and of those in the large tree."""

CLASSES = 20
"""Folders of the large tree."""

_DRAWN = 2
_QUALITY = 90


class StudioSets(NamedTuple):
    """Folders that the studio opens.

    Attributes
    ----------
    classes
        Photos in folders of classes.
    tree
        Very many small photos in folders of classes.
    camera, typical
        Photos of 12 and of 2 megapixels, each in one folder.
    """

    classes: Path
    tree: Path
    camera: Path
    typical: Path


def make_studio_sets(given: Path | None, folder: Path, images: int, photos: int) -> StudioSets:
    """Make all sets below ``folder``, unless they are there; a folder that is given takes the place of made classes.

    All pictures are parts of two large ones, drawn from seeds; each is another part.

    Parameters
    ----------
    images
        Number of photos of the tree.
    photos
        Number of photos of 12 megapixels, and of those of 2.
    """
    names = (f"classes-{photos}", f"tree-{images}", f"camera-{photos}", f"typical-{photos}")
    classes, *others = (folder / name for name in names)
    sets = StudioSets(given or classes, *others)
    missing = [place for place in sets if not place.exists()]
    if missing:
        drawn = [Image.fromarray(generate_photo(2 * CAMERA[0], 2 * CAMERA[1], seed)) for seed in range(_DRAWN)]
        for place in missing:
            part = place.with_name("part")  # so that a set is there in whole, or not at all
            shutil.rmtree(part, ignore_errors=True)
            if place == sets.tree:
                write_pieces(part, images, SMALL, drawn, CLASSES)
            elif place == classes:
                write_pieces(part, 2 * photos, MIDDLE, drawn, 2)
            else:
                write_pieces(part, photos, CAMERA if place == sets.camera else TYPICAL, drawn)
            part.rename(place)
    return sets


def write_pieces(folder: Path, count: int, size: tuple[int, int], drawn: list[Image.Image], classes: int = 0) -> None:
    """Write parts of pictures, from places drawn at random, as JPEG files into a folder, or into folders of classes."""
    places = [folder / f"class-{number:02d}" for number in range(classes)] or [folder]
    for place in places:
        place.mkdir(parents=True)

    def write(number: int, left: float, top: float) -> None:
        whole = drawn[number % len(drawn)]
        x, y = round(left * (whole.width - size[0])), round(top * (whole.height - size[1]))
        piece = whole.crop((x, y, x + size[0], y + size[1]))
        piece.save(places[number % len(places)] / f"{number:05d}.jpg", quality=_QUALITY)

    with ThreadPoolExecutor(available_cores()) as threads:
        list(threads.map(write, range(count), *np.random.default_rng(0).random((2, count))))
