"""Sample photos for the demo, from installed Python packages."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.files.atomic import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

# Package, the name that pip has for it, folder in it, and names of its photos; a missing package adds none.
_PHOTOS = (
    ("sklearn", "scikit-learn", "datasets/images", ("china.jpg", "flower.jpg")),
    ("matplotlib", "matplotlib", "mpl-data/sample_data", ("grace_hopper.jpg",)),
    ("skimage", "scikit-image", "data", ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")),
)


def sample_photos() -> Iterator[Path]:
    """Yield the paths of the sample photos, without importing their packages."""
    for package, _, folder, names in _PHOTOS:
        spec = importlib.util.find_spec(package)
        for root in (spec.submodule_search_locations if spec else None) or []:
            for name in names:
                path = Path(root, *folder.split("/"), name)
                if path.is_file():
                    yield path


def missing_packages() -> list[str]:
    """Return the packages, by their names for pip, that are not installed and have more sample photos."""
    return [name for package, name, *_ in _PHOTOS if importlib.util.find_spec(package) is None]


def copy_samples(folder: Path) -> tuple[list[str], list[str]]:
    """Copy the sample photos into ``folder``, and never overwrite a file.

    Returns
    -------
    copied, kept
        Names of the photos that were copied, and of photos whose name existed already.
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
