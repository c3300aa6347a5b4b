"""Numbers in files of labels: what is accepted, and how they are written."""

from __future__ import annotations

import math
import re

_FARTHEST = 1e9  # pixels: beyond it sums of coordinates lose their digits
_LONGEST = 64
_PLAIN = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def plain_number(text: str) -> float | None:
    """Return the value of a decimal number as files of text hold it; None if the text is none, or is too large.

    Examples
    --------
    >>> [plain_number(text) for text in ("0.5", "7", "1e-3", "nan", "1_0", "cat", "1e300")]
    [0.5, 7.0, 0.001, None, None, None, None]
    """
    if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) <= _FARTHEST else None


def finite(value: object) -> float | None:
    """Return a value of JSON as a coordinate; None if it is no number, or too far away for a picture."""
    if type(value) not in {int, float} or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= _FARTHEST else None


def is_whole_number(text: str) -> bool:
    """Return whether a number is written without a fraction.

    Examples
    --------
    >>> is_whole_number("12"), is_whole_number("12.0")
    (True, False)
    """
    return text.lstrip("+-").isdecimal()


def nearest_whole(value: float) -> int:
    """Return the nearest whole number; of two the larger one.

    Examples
    --------
    >>> nearest_whole(0.5), nearest_whole(1.5), nearest_whole(-0.5)
    (1, 2, 0)
    """
    return math.floor(value + 0.5)


def decimal_text(value: float, digits: int) -> str:
    """Write a number with a point and at most ``digits`` digits behind it.

    Examples
    --------
    >>> decimal_text(12.0, 4), decimal_text(0.12345678, 4), decimal_text(-1e-9, 4)
    ('12.0', '0.1235', '0.0')
    """
    return repr(round(value, digits) + 0.0)
