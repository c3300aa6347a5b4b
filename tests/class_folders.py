"""Class folders of made pictures, in which a model finds something to learn."""

from pathlib import Path

import numpy as np
from PIL import Image

LEVELS = {"dark": (70, 60, 80), "green": (90, 150, 70), "light": (190, 180, 200)}


def write_classes(folder: Path, names, count: int, *, seed: int = 0, size=(40, 30), spread: float = 60.0) -> None:
    """Write ``count`` PNG pictures for each class: noise about its colour, smooth over blocks of pixels."""
    random = np.random.default_rng(seed)
    for name in names:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            cells = random.normal(LEVELS[name], spread, (size[1] // 5, size[0] // 5, 3)).repeat(5, 0).repeat(5, 1)
            pixels = (cells + random.normal(0, 12, cells.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{seed}-{number:03}.png")
