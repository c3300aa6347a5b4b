"""JSON and TOML from untrusted files: size and nesting are bounded, and every fault is a ValueError with a message.

Deep nesting would exceed Python's call limit, here or when the values are written again. A byte order mark is ignored.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from icsys.files.rooted_path import RootedPath

DEEPEST = 100
"""The deepest nesting of lists and tables."""

_PIECE = 2**16  # bytes that are read at once

LONGEST_JSON = 2**26
"""The largest JSON file that is read whole, in bytes."""

LONGEST_TOML = 2**18
"""The largest TOML file, in bytes."""

_TOO_DEEP = f"lists or tables are nested too deeply: expected at most {DEEPEST} levels"
_DECODER = json.JSONDecoder()
_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{}]', re.DOTALL)
# Part of a dotted key; the parser's time grows with the square of the number of parts.
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"""(?<![\w"'-])(?:{_PART}[ \t]*+\.[ \t]*+){{{DEEPEST}}}""")


def from_json(text: str | bytes) -> Any:  # noqa: ANN401 - JSON holds any type
    r"""Return the value of a JSON text.

    Raises
    ------
    ValueError
        If it is not valid JSON, not text, or nested deeper than :data:`DEEPEST`.

    Examples
    --------
    >>> from_json(b'\xef\xbb\xbf{"colors": 32}')
    {'colors': 32}
    """
    text = (_decoded(text) if isinstance(text, bytes) else text).removeprefix("\ufeff")
    if _may_be_deep(text, 0, len(text)) and _is_deep(text):
        raise ValueError(_TOO_DEEP)
    return json.loads(text)


def value_at(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON value that begins at a place in a text, and the place behind it.

    Raises
    ------
    json.JSONDecodeError
        If it is not valid JSON, or the text ends within it.
    ValueError
        As for :func:`from_json`.

    Examples
    --------
    >>> value_at('[{"id": 1}, 2]', 1)
    ({'id': 1}, 10)
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _may_be_deep(text, start, end) and _is_deep(text[start:end]):
        raise ValueError(_TOO_DEEP)
    return value, end


def read_json(path: Path | RootedPath) -> Any:  # noqa: ANN401 - as above
    """Return the value of a JSON file.

    Raises
    ------
    ValueError
        As for :func:`from_json`, or if it has more than :data:`LONGEST_JSON` bytes.
    OSError
        If it cannot be read.
    """
    return from_json(read_text(path))


def read_text(path: Path | RootedPath, errors: str = "surrogatepass") -> str:
    """Return the content of a text file, without its byte order mark.

    Parameters
    ----------
    errors
        The error handler of ``bytes.decode``.

    Raises
    ------
    ValueError
        If it has more than :data:`LONGEST_JSON` bytes.
    OSError
        If it cannot be read.
    """
    return _decoded(_read(path, LONGEST_JSON), errors)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the values of a TOML file.

    Raises
    ------
    ValueError
        As for :func:`from_toml`, or if it has more than :data:`LONGEST_TOML` bytes.
    OSError
        If it cannot be read.
    """
    return from_toml(_decoded(_read(path, LONGEST_TOML), "strict"))


def from_toml(text: str) -> dict[str, Any]:
    r"""Return the values of a TOML text.

    Raises
    ------
    ValueError
        If it is not valid TOML, not text, nested deeper than :data:`DEEPEST`, or has more than :data:`LONGEST_TOML`
        characters.

    Examples
    --------
    >>> from_toml("\ufeffcolors = 32")
    {'colors': 32}
    """
    import tomllib  # noqa: PLC0415 - few runs need it

    if len(text) > LONGEST_TOML:
        raise ValueError(f"it is too large: expected at most {LONGEST_TOML} characters")
    text.encode()  # a ValueError for half a character
    text = text.removeprefix("\ufeff")
    if _LONG_KEY.search(text):
        raise ValueError(_TOO_DEEP)
    try:
        values = tomllib.loads(text)
        if _is_deep(json.dumps(values, default=str)):
            raise ValueError(_TOO_DEEP)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return values


def _read(path: Path | RootedPath, most: int) -> bytearray:
    data = bytearray()
    with path.open("rb") as file:  # Python takes as much memory as is asked for, however short the file is
        while len(data) <= most and (piece := file.read(min(_PIECE, most + 1 - len(data)))):
            data += piece
    if len(data) > most:
        raise ValueError(f"it is too large: expected at most {most} bytes")
    return data


def _decoded(data: bytes | bytearray, errors: str = "surrogatepass") -> str:
    """Decode UTF-8, UTF-16 or UTF-32, detected from the first bytes, without a byte order mark."""
    return data.decode(json.detect_encoding(data), errors)


def _may_be_deep(text: str, start: int, end: int) -> bool:
    """Return whether a part of a text has more brackets than :data:`DEEPEST`."""
    return text.count("[", start, end) + text.count("{", start, end) > DEEPEST


def _is_deep(text: str) -> bool:
    """Return whether brackets outside strings are nested deeper than :data:`DEEPEST`."""
    depth = 0
    for match in _BRACKET.finditer(text):
        bracket = match[0]
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > DEEPEST:
            return True
    return False
