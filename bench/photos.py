"""Photos to measure with: those of a folder, or natural-looking ones made from a seed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_GENERATED, _GENERATED_SIZE = 8, (768, 512)
SUFFIXES = {".jpg", ".jpeg", ".png"}
# Coarse structure is strong and fine structure weak in photos: the amplitude falls by this factor per octave.
_ROUGHNESS = 0.55
_NOISE = 2.5
_CAMERA_QUALITY = 92
# Larger pictures are enlarged from this: lenses are soft, and drawing takes a second per million pixels.
_DRAWN_PIXELS = 1_000_000


def find_photos(folder: Path, limit: int | None = None) -> list[Path]:
    """Return the JPEG and PNG files below ``folder``, sorted, at most ``limit`` of them.

    Raises
    ------
    SystemExit
        If there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise SystemExit(f"{str(folder)!r} has no JPEG and no PNG file: expected a folder with photos")
    return found[:limit]


def load_rgb(path: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image file, shape (H, W, 3), uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def images(folder: Path | None, count: int | None = None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield names and pixels (H, W, 3) of at most ``count`` photos of a folder, or of ``count`` generated ones."""
    if folder is None:
        for seed in range(_GENERATED if count is None else count):
            yield f"generated {seed}", generate_photo(*_GENERATED_SIZE, seed)
    else:
        for path in find_photos(folder, count):
            yield path.name, load_rgb(path)


def generate_photo(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Make a picture with what photos have: light falling off, objects with edges and textures, sensor noise.

    It is made of a sloped background, objects that each have a colour and a texture of their own and are lit
    alike, and noise. The same arguments give the same pixels.

    Parameters
    ----------
    width, height
        Pixels.
    seed
        Any non-negative integer.

    Returns
    -------
    numpy.ndarray
        Shape (height, width, 3), uint8.
    """
    random = np.random.default_rng(seed)
    shrink = max(1.0, (width * height / _DRAWN_PIXELS) ** 0.5)
    drawn = _draw(max(1, round(width / shrink)), max(1, round(height / shrink)), random)
    picture = Image.fromarray(drawn).resize((width, height), Image.Resampling.BICUBIC)
    noisy = random.standard_normal((height, width, 3), dtype=np.float32)
    noisy *= _NOISE
    noisy += np.asarray(picture)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def write_photos(
    folder: Path, count: int, width: int, height: int, *, suffix: str = ".jpg", quality: int = _CAMERA_QUALITY
) -> list[Path]:
    """Write ``count`` generated photos of ``width`` by ``height`` pixels into ``folder`` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in range(count):
        path = folder / f"generated-{seed:03d}{suffix}"
        Image.fromarray(generate_photo(width, height, seed)).save(path, quality=quality)
        paths.append(path)
    return paths


def gather(photos: list[Path], folder: Path, count: int | None = None) -> list[Path]:
    """Put ``count`` photos (each once if left out) flat into ``folder``, in turn and numbered, as files of their own.

    Hard links where the file system has them: they cost no room, and programs see plain files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(len(photos) if count is None else count):
        photo = photos[index % len(photos)]
        path = folder / f"{index:05d}-{photo.name}"
        try:
            os.link(photo, path)
        except OSError:
            shutil.copyfile(photo, path)
        paths.append(path)
    return paths


def _draw(width: int, height: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw the picture without its noise; shape (height, width, 3), uint8."""
    light = 0.75 + 0.25 * _clouds(width, height, 3, random)
    picture = _surface(width, height, random)
    for _ in range(12):
        inside = _clouds(width, height, 6, random) + _bump(width, height, random) > 0
        np.copyto(picture, _surface(width, height, random), where=inside[..., None])
    picture *= light[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _surface(width: int, height: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Make a textured surface: one colour, lighter and darker by its texture, and a little off in hue."""
    # The world is mostly grey: hues stay within 45 of the lightness.
    color = (random.uniform(30, 225) + random.uniform(-45, 45, 3)).astype(np.float32)
    contrast = random.uniform(5, 55)
    texture = _clouds(width, height, 9, random, roughness=random.uniform(0.4, 0.85))
    hue = _clouds(width, height, 3, random)
    tint = random.uniform(-15, 15, 3).astype(np.float32)
    surface: NDArray[np.float32] = color + contrast * texture[..., None] + tint * hue[..., None]
    return surface


def _bump(width: int, height: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Make a field that is positive in an ellipse somewhere and negative far from it."""
    x0, y0 = random.uniform(0, 1, 2)
    radius_x, radius_y = random.uniform(0.05, 0.35, 2)
    x = (np.linspace(0, 1, width, dtype=np.float32) - x0) / radius_x
    y = (np.linspace(0, 1, height, dtype=np.float32) - y0) / radius_y
    field: NDArray[np.float32] = 1 - (x * x + (y * y)[:, None])
    return field


def _clouds(
    width: int, height: int, octaves: int, random: np.random.Generator, roughness: float = _ROUGHNESS
) -> NDArray[np.float32]:
    """Sum random grids, each twice as fine as the one before and ``roughness`` times as strong.

    Returns
    -------
    numpy.ndarray
        Shape (height, width), float32, mostly from -1 to 1.
    """
    total = np.zeros((height, width), np.float32)
    strength = 1.0
    for octave in range(octaves):
        cells = 2 ** (octave + 1)
        shape = (min(height, cells + 1), min(width, cells * max(1, width // height) + 1))
        grid = Image.fromarray(random.uniform(-1, 1, shape).astype(np.float32))
        total += strength * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        strength *= roughness
    return total
