"""JSON files of one image's labels: read with errors that say where, and written in the manner of their source."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import ImageError
from icsys.files.parsing import LONGEST_JSON, from_json
from icsys.labels.numbers import finite

if TYPE_CHECKING:
    from icsys.labels.shapes import Points

_INDENT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\r?\n([ \t]*)")
_SHOWN = 60  # characters
_PAIR = 2


def broken_at(place: str, expected: str, value: object) -> ImageError:
    """Return the error for a value that is not what was expected at a place such as ``shapes[3].points``."""
    return ImageError("label_broken", f"{place}: expected {expected}, not {repr(value)[:_SHOWN]}")


def read_json_object(data: bytes) -> dict[str, Any]:
    """Return the object of a JSON file.

    Raises
    ------
    ImageError
        ``label_broken`` if it is none; ``too_large``.
    """
    if len(data) > LONGEST_JSON:
        raise ImageError("too_large", f"{len(data)} bytes: expected at most {LONGEST_JSON} in a JSON file")
    try:
        value = from_json(data)
    except json.JSONDecodeError as error:
        raise ImageError("label_broken", f"line {error.lineno}: no valid JSON: {error.msg}") from None
    except ValueError as error:
        raise ImageError("label_broken", f"no valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise broken_at("line 1", "an object", value)
    return value


def write_json_like(value: object, source: bytes) -> bytes:
    """Write a value as JSON, with the indentation, the kind of characters and the last line end of a source."""
    found = _INDENT.match(source)
    indent = found[1].decode("ascii") if found else None
    spaced = found is not None or b'": ' in source
    text = json.dumps(
        value, indent=indent, separators=(", " if spaced and indent is None else ",", ": " if spaced else ":"),
        ensure_ascii=source.isascii() and b"\x7f" not in source,  # the one ASCII character that it escapes needlessly
    )  # fmt: skip
    if b"\r\n" in source:
        text = text.replace("\n", "\r\n")
    end = source[len(source.rstrip(b"\r\n")) :][:2]
    return text.encode("utf-8", "surrogatepass") + end


def list_of_objects(value: object, place: str) -> list[dict[str, Any]]:
    """Return a list of objects.

    Raises
    ------
    ImageError
        ``label_broken`` if it is none.
    """
    if not isinstance(value, list):
        raise broken_at(place, "a list", value)
    for at, one in enumerate(value):
        if not isinstance(one, dict):
            raise broken_at(f"{place}[{at}]", "an object", one)
    return value


def pairs_of(value: object, place: str) -> Points:
    """Return a list of points, x and y each, as an array of shape (N, 2); at least one.

    Raises
    ------
    ImageError
        ``label_broken`` if it is none.
    """
    if not isinstance(value, list) or not value:
        raise broken_at(place, "a list of points", value)
    for at, one in enumerate(value):
        if not isinstance(one, list) or len(one) != _PAIR or any(finite(side) is None for side in one):
            raise broken_at(f"{place}[{at}]", "two numbers of pixels", one)
    return np.array(value, np.float64)


def stated_size(value: dict[str, Any], width: str, height: str) -> tuple[int, int] | None:
    """Return the size of the picture that a file states in two fields; None if it does not."""
    sides = finite(value.get(width)), finite(value.get(height))
    if sides[0] is None or sides[1] is None or min(sides[0], sides[1]) <= 0:
        return None
    return int(sides[0]), int(sides[1])
