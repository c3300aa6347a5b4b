"""The floor: what reading the photos costs, with nothing done to them. A program for the folder benchmark.

``python decoding.py scaled FOLDER`` lets the JPEG decoder shrink as far as it can without going below one pixel in
STEP; ``scaled+resize`` also averages to the final size; ``full`` decodes every pixel.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable


def scaled(data: bytes, step: int) -> Image.Image:
    """Decode a JPEG at the smallest scale that has at least one pixel in ``step``."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (image.width // step, image.height // step))
    image.load()
    return image


def scaled_resize(data: bytes, step: int) -> Image.Image:
    """Decode a JPEG scaled, then average to one pixel in ``step``."""
    image = Image.open(io.BytesIO(data))
    size = (-(-image.width // step), -(-image.height // step))
    image.draft("RGB", (image.width // step, image.height // step))
    return image.resize(size, Image.Resampling.BOX)


def full(data: bytes, step: int) -> Image.Image:
    """Decode every pixel."""
    del step
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


WAYS: dict[str, Callable[[bytes, int], Image.Image]] = {"scaled": scaled, "scaled+resize": scaled_resize, "full": full}


def main(way: str, folder: str, step: str = "5") -> None:
    """Decode every file of a folder."""
    for path in sorted(Path(folder).iterdir()):
        WAYS[way](path.read_bytes(), int(step))


if __name__ == "__main__":
    main(*sys.argv[1:])
