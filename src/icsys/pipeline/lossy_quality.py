"""The quality of a lossy codec at which images take no more bytes than a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOWEST, HIGHEST = 1, 100


def highest_quality(size_at: Callable[[int], int], limit: int) -> int:
    """Return the highest quality whose size is at most the limit, by bisection; the lowest quality if none is.

    Sizes are taken to grow with the quality, as those of JPEG and WebP do but for a few bytes.
    """
    low, high = LOWEST, HIGHEST + 1  # the size at `low` fits, or it is the lowest; that at `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size_at(middle) <= limit else (low, middle)
    return low


def highest_quality_near(size_at: Callable[[int], int], limit: int, start: int) -> int:
    """Return the highest quality whose size is at most the limit, searched step by step from a quality near it."""
    quality = start
    while quality > LOWEST and size_at(quality) > limit:
        quality -= 1
    while quality < HIGHEST and size_at(quality + 1) <= limit:
        quality += 1
    return quality


def even_sample(pixels: Sequence[int], most_images: int, most_pixels: int) -> list[int]:
    """Return places spread evenly over images, as many as two limits allow, at least one.

    Examples
    --------
    >>> even_sample([100] * 10, 3, 1000)
    [0, 3, 6]
    >>> even_sample([100] * 10, 5, 250)
    [0, 5]
    """
    mean = sum(pixels) / len(pixels)
    number = max(1, min(len(pixels), most_images, int(most_pixels / mean)))
    return [place * len(pixels) // number for place in range(number)]
