"""Real photos that installed packages ship, for a first run without photos of one's own."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.files.atomic import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

# Package, folder and names of the photos in it; a package that is not installed adds nothing.
_PHOTOS = (
    ("sklearn", "datasets/images", ("china.jpg", "flower.jpg")),
    ("matplotlib", "mpl-data/sample_data", ("grace_hopper.jpg",)),
    ("skimage", "data", ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")),
)


def sample_photos() -> Iterator[Path]:
    """Find the photos on disk without importing the packages that ship them."""
    for package, folder, names in _PHOTOS:
        spec = importlib.util.find_spec(package)
        for root in (spec.submodule_search_locations if spec else None) or []:
            for name in names:
                path = Path(root, *folder.split("/"), name)
                if path.is_file():
                    yield path


def copy_samples(folder: Path) -> tuple[list[str], list[str]]:
    """Copy the sample photos into ``folder``, never over a file that is there.

    Returns
    -------
    copied, kept
        Names of the photos that were copied, and of those whose name was taken.
    """
    copied: list[str] = []
    kept: list[str] = []
    for photo in sample_photos():
        target = folder / photo.name
        if os.path.lexists(target):
            kept.append(photo.name)
        else:
            write_whole(target, photo.read_bytes())
            copied.append(photo.name)
    return copied, kept
