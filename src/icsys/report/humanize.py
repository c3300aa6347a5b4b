"""Format names and numbers for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def printable(text: str) -> str:
    """Escape control characters, such as a newline in a file name."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def bytes_text(number: float) -> str:
    """Format a number of bytes, such as "1.2 MB"."""
    return _scaled(number, ("B", "kB", "MB", "GB", "TB"))


def count_text(number: float) -> str:
    """Format a count, such as "6.9 million"."""
    return _scaled(number, ("", "thousand", "million", "billion", "trillion")).strip()


def images_text(number: int) -> str:
    """Format a number of images, such as "1 image"."""
    return "1 image" if number == 1 else f"{number} images"


def _scaled(number: float, units: Sequence[str]) -> str:
    """Format a number with the largest unit, in steps of 1000, that keeps it at 1 or more."""
    thousand, exponent = 1000, 0
    while number >= thousand and exponent < len(units) - 1:
        number /= thousand
        exponent += 1
    return f"{number:.{1 if exponent else 0}f} {units[exponent]}"
