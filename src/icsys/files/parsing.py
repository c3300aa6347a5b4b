"""JSON and TOML that anybody may have written: what cannot be used is a ValueError in words, whatever it is.

All such text comes in here, so that none nests so deep that Python's calls run out, here or where it is written again,
none takes memory without a bound, and a byte order mark is as good as none.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from icsys.files.rooted_path import RootedPath

DEEPEST = 100
"""How deep lists and tables may lie in one another."""

LONGEST_JSON = 2**26
"""Bytes of a file of JSON that is read whole."""

LONGEST_TOML = 2**18
"""Bytes of a file of TOML."""

_TOO_DEEP = f"lists or tables lie more than {DEEPEST} deep in one another"
_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{}]', re.DOTALL)
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""  # of a key; the parser's time grows with the square of their number
_LONG_KEY = re.compile(rf"""(?<![\w"'-])(?:{_PART}[ \t]*+\.[ \t]*+){{{DEEPEST}}}""")


def from_json(text: str | bytes) -> Any:  # noqa: ANN401 - whatever it says
    r"""Return what JSON says.

    Raises
    ------
    ValueError
        If it is none, is no text, or nests deeper than :data:`DEEPEST`.

    Examples
    --------
    >>> from_json(b'\xef\xbb\xbf{"colors": 32}')
    {'colors': 32}
    """
    text = (_decoded(text) if isinstance(text, bytes) else text).removeprefix("\ufeff")
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(text):
        raise ValueError(_TOO_DEEP)
    return json.loads(text)


def read_json(path: Path | RootedPath) -> Any:  # noqa: ANN401 - as above
    """Return what a file of JSON says.

    Raises
    ------
    ValueError
        As for :func:`from_json`, or if it has more than :data:`LONGEST_JSON` bytes.
    OSError
        If it cannot be read.
    """
    return from_json(read_text(path))


def read_text(path: Path | RootedPath, errors: str = "surrogatepass") -> str:
    """Return what is in a file of text, without its byte order mark.

    Parameters
    ----------
    errors
        What ``bytes.decode`` does with bytes that are none.

    Raises
    ------
    ValueError
        If it has more than :data:`LONGEST_JSON` bytes.
    OSError
        If it cannot be read.
    """
    return _decoded(_read(path, LONGEST_JSON), errors)


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a file of TOML says.

    Raises
    ------
    ValueError
        If it is none, is no text, nests deeper than :data:`DEEPEST`, or has more than :data:`LONGEST_TOML` bytes.
    OSError
        If it cannot be read.
    """
    import tomllib  # noqa: PLC0415 - few runs need it

    text = _decoded(_read(path, LONGEST_TOML), "strict")
    if _LONG_KEY.search(text):
        raise ValueError(_TOO_DEEP)
    try:
        values = tomllib.loads(text)
        if _is_deep(json.dumps(values, default=str)):
            raise ValueError(_TOO_DEEP)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return values


def _read(path: Path | RootedPath, most: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it has more than {most} bytes")
    return data


def _decoded(data: bytes, errors: str = "surrogatepass") -> str:
    """Decode UTF-8, or UTF-16 and UTF-32 as their first bytes tell; a byte order mark is left out."""
    return data.decode(json.detect_encoding(data), errors)


def _is_deep(text: str) -> bool:
    """Tell whether brackets outside strings lie more than :data:`DEEPEST` deep in one another."""
    depth = 0
    for match in _BRACKET.finditer(text):
        bracket = match[0]
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > DEEPEST:
            return True
    return False
