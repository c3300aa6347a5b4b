"""What a program made of a folder: the bytes, and the errors of the pixels."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Quality:
    """The output of a program; both errors are means over photos, of the mean over pixels, summed over R, G and B.

    Attributes
    ----------
    bytes_out
        Size of all files together.
    color_mse
        Squared error against the pixels that the same program makes without reducing colours.
    mse
        Squared error against every source pixel averaged in blocks, which is what no resize can do better.
    """

    bytes_out: int
    color_mse: float
    mse: float


def output_of(photo: Path, index: int, folder: Path, *, numbered: bool, suffix: str = ".png") -> Path:
    """Return the file that a program made of a photo."""
    return folder / f"{index if numbered else photo.stem}{suffix}"


def assess(
    photos: list[Path], folder: Path, unreduced: Path, step: int, *, numbered: bool, upright: bool, suffix: str = ".png"
) -> Quality | None:
    """Compare the outputs in ``folder`` with the PNGs in ``unreduced`` and the photos; None if one is missing."""
    color_errors, errors, bytes_out = [], [], 0
    for index, photo in enumerate(photos):
        output = output_of(photo, index, folder, numbered=numbered, suffix=suffix)
        plain = output_of(photo, index, unreduced, numbered=numbered)
        if not (output.exists() and plain.exists()):
            return None
        pixels = _load(output)
        color_errors.append(mse(pixels, _load(plain)))
        errors.append(mse(pixels, block_means(photo, (pixels.shape[1], pixels.shape[0]), step, upright=upright)))
        bytes_out += output.stat().st_size
    return Quality(bytes_out, statistics.mean(color_errors), statistics.mean(errors))


def mse(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the mean over pixels of the squared difference summed over the channels of two (H, W, C) arrays."""
    difference = first.astype(np.int32) - second.astype(np.int32)
    return float((difference**2).sum(axis=-1).mean())


def block_means(photo: Path, size: tuple[int, int], step: int, *, upright: bool) -> NDArray[np.uint8]:
    """Decode every pixel and average in blocks to ``size``: exactly ``step`` by ``step`` where that gives the size."""
    with Image.open(photo) as stored:
        image = ImageOps.exif_transpose(stored) if upright else stored
        image = image.convert("RGB")
    whole = (-(-image.width // step), -(-image.height // step))
    if size == whole:
        return np.asarray(image.reduce(step))
    # A program that drops what is left over at the edges, or rounds, has its pixels a little elsewhere.
    return np.asarray(image.resize(size, Image.Resampling.BOX))


def _load(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
