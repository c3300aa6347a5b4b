"""Pictures with soft edges and transparency: shadows, lights and text made by code, and shapes cut out of photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

SIZE = (480, 320)
_FINE = 4  # drawn so many times larger, then averaged: edges are soft by less than a pixel
_FEATHERS = (1.5, 4, 10, 25)  # pixels
_INKS = ((20, 20, 20), (200, 40, 30), (30, 90, 200), (20, 140, 60), (240, 170, 0), (255, 255, 255))
_LIGHTS = ((0.3, 0.4, (255, 180, 60)), (0.6, 0.5, (80, 140, 255)), (0.5, 0.75, (255, 60, 160)))


def soft_pictures(photos: Iterable[tuple[str, NDArray[np.uint8]]]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield names and pictures, shape (320, 480, 4), uint8: four that are drawn, and a cutout of every photo."""
    yield "card with a shadow", _card()
    yield "antialiased text", _text()
    yield "gradients", _gradients()
    yield "lights", _lights()
    for index, (name, photo) in enumerate(photos):
        yield f"cutout of {name}", cut_out(photo, _FEATHERS[index % len(_FEATHERS)], index)


def cut_out(photo: NDArray[np.uint8], feather: float, seed: int) -> NDArray[np.uint8]:
    """Cut a shape of a few ellipses out of a photo, with edges that are ``feather`` pixels soft."""
    random = np.random.default_rng(seed)
    mask = Image.new("L", SIZE)
    for _ in range(4):
        middle, radius = random.uniform(0.3, 0.7, 2), random.uniform(0.12, 0.3, 2)
        ImageDraw.Draw(mask).ellipse((*((middle - radius) * SIZE), *((middle + radius) * SIZE)), fill=255)
    small = Image.fromarray(photo).resize(SIZE, Image.Resampling.BOX)
    return np.dstack([small, mask.filter(ImageFilter.GaussianBlur(feather))])


def _card() -> NDArray[np.uint8]:
    """Draw a card with a wide shadow, and a disc of coloured glass on it."""
    width, height = SIZE
    box = (0.15 * width, 0.2 * height, 0.8 * width, 0.8 * height)
    shade = Image.new("L", SIZE)
    ImageDraw.Draw(shade).rounded_rectangle(box, 24, fill=150)
    picture = Image.new("RGBA", SIZE)
    picture.alpha_composite(_of_one_color((20, 24, 48), shade.filter(ImageFilter.GaussianBlur(16))), (10, 14))
    fine = Image.new("RGBA", (_FINE * width, _FINE * height))
    draw = ImageDraw.Draw(fine)
    large = [_FINE * side for side in box]
    draw.rounded_rectangle(large, 24 * _FINE, fill=(235, 238, 245), outline=(40, 90, 200), width=3 * _FINE)
    draw.ellipse([_FINE * side for side in (96, 96, 168, 224)], fill=(230, 80, 60))
    draw.ellipse([_FINE * side for side in (300, 150, 430, 290)], fill=(60, 170, 90, 180))
    picture.alpha_composite(fine.resize(SIZE, Image.Resampling.BOX))
    return np.array(picture)


def _text() -> NDArray[np.uint8]:
    """Write lines of text in several colours, its edges as fonts have them."""
    picture = Image.new("RGBA", SIZE)
    for line, ink in enumerate(_INKS):
        shape = Image.new("L", SIZE)
        font = ImageFont.load_default(20 + 4 * line)
        ImageDraw.Draw(shape).text((12, 8 + 50 * line), f"Soft edges, 0123456 {line}", font=font, fill=255)
        picture.alpha_composite(_of_one_color(ink, shape))
    return np.array(picture)


def _gradients() -> NDArray[np.uint8]:
    """Make all alphas from left to right, and hues from top to bottom."""
    width, height = SIZE
    y, x = np.mgrid[0:height, 0:width]
    hues = [128 + 127 * np.sin(y / 50 + 2.1 * channel) for channel in range(3)]
    return np.rint(np.dstack([*hues, 255 * x / (width - 1)])).astype(np.uint8)


def _lights() -> NDArray[np.uint8]:
    """Lay three lights over one another that fade away."""
    width, height = SIZE
    y, x = np.mgrid[0:height, 0:width]
    picture = Image.new("RGBA", SIZE)
    for middle_x, middle_y, color in _LIGHTS:
        distance = np.hypot(x - middle_x * width, y - middle_y * height) / (0.35 * height)
        fading = (255 * np.clip(1 - distance, 0, 1) ** 1.5).astype(np.uint8)
        picture.alpha_composite(_of_one_color(color, Image.fromarray(fading)))
    return np.array(picture)


def _of_one_color(color: tuple[int, int, int], alpha: Image.Image) -> Image.Image:
    """Return a picture of one colour with the alpha of a grey one."""
    picture = Image.new("RGBA", alpha.size, color)
    picture.putalpha(alpha)
    return picture
