"""Pictures made by code, and what tests ask of folders."""

import io

import numpy as np
from PIL import Image


def synthetic_photo(height=60, width=80, *, seed=0, channels=3):
    """Make a picture with smooth parts, edges and noise; shape (height, width[, 3]), uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = []
    for _ in range(channels):
        a, b, c, d = random.uniform(1, 9, 4)
        plane = 128 + 80 * np.sin(a * x + b * y) + 30 * np.sign(np.sin(c * x - d * y))
        planes.append(plane + random.normal(0, 6, plane.shape))
    pixels = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    return pixels[..., 0] if channels == 1 else pixels


def image_bytes(pixels, format="PNG", **settings):  # noqa: A002 - Pillow's own word
    """Encode an array or a PIL image."""
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, format, **settings)
    return file.getvalue()


OURS = ("manifest.jsonl", "failures.jsonl", "run.json", ".ics-lock")


def tree(folder):
    """Return the bytes of every file below ``folder`` by its path, those left out that ICS keeps for itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in OURS
    }
