"""Format names and numbers for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALL_BYTES, _TEN, _THOUSAND = 10_000, 10, 1000


def printable(text: str) -> str:
    """Escape control characters, such as a newline in a file name."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def bytes_text(number: float) -> str:
    """Format a number of bytes with three or four digits, such as "1.23 MB"; below 10,000 every byte.

    Examples
    --------
    >>> bytes_text(1295), bytes_text(12_950), bytes_text(2_041_000)
    ('1,295 B', '12.9 kB', '2.04 MB')
    """
    if abs(number) < _ALL_BYTES:
        return f"{number:,.0f} B"
    return _scaled(number, ("B", "kB", "MB", "GB", "TB"), places=2)


def count_text(number: float) -> str:
    """Format a count, such as "6.9 million"."""
    return _scaled(number, ("", "thousand", "million", "billion", "trillion")).strip()


def images_text(number: int) -> str:
    """Format a number of images, such as "1 image" or "3,068 images"."""
    return "1 image" if number == 1 else f"{number:,} images"


def factor_text(factor: float) -> str:
    """Format a compression factor with digits that tell rows of a table apart, such as "30.9", "5.42" or "0.185".

    Examples
    --------
    >>> [factor_text(factor) for factor in (30.91, 5.4171, 0.18459)]
    ['30.9', '5.42', '0.185']
    """
    places = 1 if factor >= _TEN else 2 if factor >= 1 else 3
    return f"{factor:.{places}f}"


def _scaled(number: float, units: Sequence[str], places: int = 1) -> str:
    """Format a number with the largest unit, in steps of 1000, that keeps it at 1 or more.

    ``places``: decimal places below 10 units; from 10 on there is one.
    """
    exponent = 0
    while abs(number) >= _THOUSAND and exponent < len(units) - 1:
        number /= _THOUSAND
        exponent += 1
    if not exponent:
        return f"{number:.0f} {units[0]}"
    text = f"{number:.{places}f}"
    return f"{text if abs(float(text)) < _TEN else f'{number:.1f}'} {units[exponent]}"
