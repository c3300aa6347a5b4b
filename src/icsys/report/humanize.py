"""Names and numbers as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def printable(text: str) -> str:
    """Escape what a terminal would take as a command, such as a newline in a file name."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def bytes_text(number: float) -> str:
    """Write a number of bytes, such as "1.2 MB"."""
    return _scaled(number, ("B", "kB", "MB", "GB", "TB"))


def count_text(number: float) -> str:
    """Write a count, such as "6.9 million"."""
    return _scaled(number, ("", "thousand", "million", "billion", "trillion")).strip()


def images_text(number: int) -> str:
    """Write a number of images."""
    return "1 image" if number == 1 else f"{number} images"


def _scaled(number: float, units: Sequence[str]) -> str:
    """Write a number in steps of 1000 with the unit that fits."""
    thousand, exponent = 1000, 0
    while number >= thousand and exponent < len(units) - 1:
        number /= thousand
        exponent += 1
    return f"{number:.{1 if exponent else 0}f} {units[exponent]}"
