"""Drawings and screenshots made from a seed: flat colours, straight edges, and text with soft edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = (800, 600)
_SOFT = 4  # shapes are drawn so many times as large, and made smaller, so that their edges are soft
_WORDS = ("open", "save", "colour", "image", "folder", "model", "train", "table", "size", "error", "quality", "index")


def write_drawings(folder: Path, count: int) -> list[Path]:
    """Write charts and windows in turn into ``folder``, as PNG, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in range(count):
        kind, draw = (("chart", draw_chart), ("window", draw_window))[seed % 2]
        path = folder / f"{kind}-{seed:02d}.png"
        draw(seed).save(path)
        paths.append(path)
    return paths


def draw_chart(seed: int) -> Image.Image:
    """Draw a chart of bars, lines and dots with soft edges; the same seed gives the same picture."""
    random = np.random.default_rng(seed)
    width, height = (side * _SOFT for side in _SIZE)
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for line in range(1, 8):
        pen.line([(0, line * height // 8), (width, line * height // 8)], "#dddddd", _SOFT)
    step = width // 12
    for bar, top in enumerate(random.uniform(0.2, 0.9, 11)):
        left = (bar + 0.6) * step
        pen.rectangle([left, top * height, left + step * 0.6, height * 0.95], _color(random))
    for _ in range(3):
        color = _color(random)
        points = [((i + 0.9) * step, y * height) for i, y in enumerate(random.uniform(0.1, 0.9, 11))]
        pen.line(points, color, 3 * _SOFT, joint="curve")
        for x, y in points:
            pen.ellipse([x - 6 * _SOFT, y - 6 * _SOFT, x + 6 * _SOFT, y + 6 * _SOFT], color)
    image = image.resize(_SIZE, Image.Resampling.BOX)
    _write(ImageDraw.Draw(image), (40, 12), "  ".join(random.choice(_WORDS, 6)), 22)
    return image


def draw_window(seed: int) -> Image.Image:
    """Draw a window of a program: a title, a side bar, lines of text and buttons."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", _SIZE, "#f4f4f6")
    pen = ImageDraw.Draw(image)
    width, height = _SIZE
    accent = _color(random)
    pen.rectangle([0, 0, width, 36], accent)
    _write(pen, (14, 8), " ".join(random.choice(_WORDS, 3)), 18, "white")
    pen.rectangle([0, 37, 180, height], "#e2e4ea")
    for row in range(12):
        _write(pen, (20, 56 + 40 * row), random.choice(_WORDS), 15)
    for row in range(17):
        _write(pen, (204, 60 + 28 * row), " ".join(random.choice(_WORDS, 10)), 14)
    for place in range(3):
        left = width - 130 * (place + 1)
        pen.rectangle([left, height - 44, left + 110, height - 14], accent if place == 0 else "#c9ccd4")
        _write(pen, (left + 16, height - 38), random.choice(_WORDS), 15, "white" if place == 0 else "#202020")
    return image


def _color(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(level) for level in random.integers(20, 220, 3))
    return red, green, blue


def _write(pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, color: str = "#202020") -> None:
    pen.text(place, text, color, ImageFont.load_default(size))
