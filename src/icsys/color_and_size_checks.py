"""Checks of the options whose values are more than a number or a choice: colours, palettes and sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from icsys.choices import ALL, AUTO, MAX_COLORS, SHARED
from icsys.errors import UsageError
from icsys.files.url import is_mangled, is_url, shown
from icsys.setting_fields import Check, Number, did_you_mean, number_or_text, whole_number

PALETTE_SUFFIXES = (".json", ".gpl")
MAX_SIDE = 65_535

_SIZE = re.compile(r"(\d{1,6})(?:\s*[xX\u00d7]\s*(\d{1,6}))?")
_HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class ColorCount(Check):
    """A number of colours, or auto."""

    metavar = f"K|{AUTO}"

    def read(self, text: str) -> int | str:
        """Return the number, or the text if it holds none."""
        return number_or_text(text)

    def accept(self, name: str, value: object) -> int | str:
        """Return the number as an int, or auto in lower case."""
        if not isinstance(value, str):
            return whole_number(name, value, 1, MAX_COLORS)
        if value.strip().casefold() == AUTO:
            return AUTO
        raise UsageError(
            f"{name}={value!r}: expected a whole number from 1 to {MAX_COLORS}, or {AUTO}{did_you_mean(value, [AUTO])}"
        )


class PaletteChoice(Check):
    """The images that share a palette, or the name of a palette file."""

    metavar = f"image|{'|'.join(SHARED)}|FILE"

    def accept(self, name: str, value: object) -> str:
        """Return the choice in lower case, or the file name unchanged."""
        text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
        if isinstance(text, str):
            for choice in ("image", *SHARED):
                if text.strip().casefold() == choice:
                    return choice
            if text.lower().endswith(PALETTE_SUFFIXES) and not is_url(text) and not is_mangled(text):
                return text
            value = shown(text)
        raise UsageError(
            f"{name}={value!r}: expected one of image, {', '.join(SHARED)}, or a file whose name ends in "
            f"{' or '.join(PALETTE_SUFFIXES)}{did_you_mean(value, ('image', *SHARED))}"
        )


class PaletteFolders(Check):
    """The folder whose images give a shared palette, or a pattern of such folders; None for ``auto``."""

    metavar = f"FOLDER|{AUTO}|{ALL}"

    def accept(self, name: str, value: object) -> str | None:
        """Return the path with slashes between names only, or a word in lower case."""
        text = os.fspath(value) if isinstance(value, str | os.PathLike) else ""
        text = text.replace(os.sep, "/").strip().strip("/") if isinstance(text, str) else ""
        if not text:
            raise UsageError(
                f"{name}={value!r}: expected a folder below the source such as train, a pattern such as '*/train', "
                f"{AUTO} or {ALL}"
            )
        word = text.casefold()
        return None if word == AUTO else word if word == ALL else text


class Size(Check):
    """A size in pixels: text such as 224x224, a pair (width, height), or one number for both."""

    metavar = "WxH"

    def accept(self, name: str, value: object) -> tuple[int, int]:  # noqa: ARG002 - parse_size names it
        """Return the pair."""
        return parse_size(value)


class HexColor(Check):
    """A colour #RRGGBB."""

    metavar = "#RRGGBB"

    def accept(self, name: str, value: object) -> str:
        """Return the colour in lower case."""
        if isinstance(value, str) and _HEX_COLOR.fullmatch(value):
            return value.lower()
        raise UsageError(f"{name}={value!r}: expected a colour as #RRGGBB, such as #ffffff for white")


class HexColors(Check):
    """Several colours #RRGGBB: a list, or one text with commas between them."""

    metavar = "#RRGGBB,..."

    def accept(self, name: str, value: object) -> tuple[str, ...] | None:
        """Return the colours in lower case, in rising order; None for no colour."""
        expected = "expected distinct colours as #RRGGBB, with commas between them, such as #ffffff,#000000"
        words = value.split(",") if isinstance(value, str) else value
        if not isinstance(words, Iterable):
            raise UsageError(f"{name}={value!r}: {expected}")
        colors = [word.strip().lower() if isinstance(word, str) else word for word in words]
        for number, color in enumerate(colors):
            if not isinstance(color, str) or not _HEX_COLOR.fullmatch(color):
                raise UsageError(f"{name}={value!r}: {color!r} is no colour; {expected}")
            if color in colors[:number]:
                raise UsageError(f"{name}={value!r}: {color} stands there twice; {expected}")
        return tuple(sorted(colors)) or None


class CountPower(Number):
    """A power above 0 and at most 1; None for 1, which changes nothing."""

    def __init__(self) -> None:
        super().__init__(1, "POWER", example=0.75)

    def accept(self, name: str, value: object) -> Any:  # noqa: ANN401 - a float, or None
        """Return the power as a float; None for 1."""
        power = super().accept(name, value)
        return None if power == 1 else power


def parse_size(value: object) -> tuple[int, int]:
    """Read ``"224x224"``, a pair of integers, or one number for a square, as (width, height).

    Raises
    ------
    UsageError
        If it is none of them, or a side is not between 1 and 65535.

    Examples
    --------
    >>> parse_size("224x160"), parse_size("224"), parse_size(224)
    ((224, 160), (224, 224), (224, 224))
    """
    message = (
        f"size={value!r}: expected WIDTHxHEIGHT such as 224x224, or one number for a square, each side from 1 to "
        f"{MAX_SIDE}"
    )
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            raise UsageError(message)
        value = (int(match[1]), int(match[2] or match[1]))
    elif hasattr(value, "tolist"):  # an array, or a number of NumPy
        value = value.tolist()
    if hasattr(value, "__index__"):
        value = (value, value)
    if not isinstance(value, tuple | list) or len(value) != 2:  # noqa: PLR2004 - width and height
        raise UsageError(message)
    width, height = value
    try:
        return whole_number("width", width, 1, MAX_SIDE), whole_number("height", height, 1, MAX_SIDE)
    except UsageError:
        raise UsageError(message) from None


def rgb_of(background: str) -> tuple[int, int, int]:
    """Return the levels of a colour ``#RRGGBB``.

    Raises
    ------
    UsageError
        If it is written in another way.
    """
    red, green, blue = bytes.fromhex(HexColor().accept("background", background)[1:])
    return red, green, blue


def check_arrays(size: object, fit: str, alpha: str) -> None:
    """Refuse options of ``format="arrays"`` that give images of several sizes, or transparency.

    Raises
    ------
    UsageError
        The text has the option and what it should be.
    """
    expected = "expected size, such as 224x224, with fit cover, pad or stretch, which give all images one size"
    if size is None:
        raise UsageError(f"format='arrays' without size: {expected}")
    if fit == "contain":
        raise UsageError(f"format='arrays' with fit={fit!r}, which keeps the shape of each image: {expected}")
    if alpha != "flatten":
        raise UsageError(
            f"format='arrays' with alpha={alpha!r}: arrays hold opaque colours, so expected alpha='flatten'"
        )
