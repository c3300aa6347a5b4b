"""The columns of a manifest's row that decide what a later run does, taken from its line.

A pattern reads a line as ICS writes it in half the time of a parser of JSON and the checks of all columns. It matches
only lines that these accept; they read all others.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from icsys.files.relative_names import can_be_a_name
from icsys.records.manifest import COLUMNS, TEXT_JSON, from_line

_TEXTS = ("file_name", "label", "sample", "source_path", "options_hash", "status", "shard")
_NUMBERS = ("label_number", "source_bytes", "source_mtime_ns", "bytes")
_TAKEN = tuple(name for name in COLUMNS if name in _TEXTS or name in _NUMBERS)


class RowKey(NamedTuple):
    """What the order of rows goes by, and ``status``; the output of a failure is empty."""

    source: str
    output: str
    status: str


def key_from_line(line: bytes) -> RowKey | None:
    """Return the key of the row in a line; None where :func:`~icsys.records.manifest.from_line` returns None."""
    found = _match(line)
    if found is not None:
        return RowKey(*found.group("source_path", "file_name", "status"))
    row = from_line(line)
    return None if row is None else RowKey(row["source_path"], row.get("file_name") or "", row["status"])


def columns_from_line(line: bytes) -> dict[str, Any] | None:
    """Return what :func:`~icsys.records.manifest.from_line` does, of an image perhaps with fewer columns.

    Returns
    -------
    dict
        With the columns ``file_name``, ``label``, ``label_number``, ``sample``, ``source_path``, ``source_bytes``,
        ``source_mtime_ns``, ``bytes``, ``options_hash``, ``status`` and ``shard``; a column that the row lacks is None
        or missing.
    """
    found = _match(line)
    if found is None:
        return from_line(line)
    columns: dict[str, Any] = dict(zip(_TAKEN, found.groups(), strict=True))
    for name in _NUMBERS:
        if columns[name] is not None:
            columns[name] = int(columns[name])
    return columns


def key_of_own(line: bytes) -> RowKey | None:
    """Return the key of a line that this process has written, without checks; None if it is no image's."""
    found = _own_pattern().match(line)
    if found is None:
        return key_from_line(line)
    output, source = (value.decode("utf-8", "surrogatepass") for value in found.groups())
    return RowKey(source, output, "")


def _match(line: bytes) -> re.Match[str] | None:
    try:
        found = _row_pattern().fullmatch(line.decode())
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    output, source = found.group("file_name", "source_path")
    if (output.isascii() or can_be_a_name(output)) and (source.isascii() or can_be_a_name(source)):
        return found
    return None


@cache
def _row_pattern() -> re.Pattern[str]:
    """Return the pattern of an image's row: the columns in the order of their table."""
    parts: list[str] = []
    for name, column in COLUMNS.items():
        value = column.pattern
        if name in _TAKEN:
            value = f'"(?P<{name}>{value[1:-1]})"' if name in _TEXTS else f"(?P<{name}>{value})"
        part = f'{", " if parts else ""}"{name}": {value}'
        is_needed = column.check is not None and not column.check(column.missing)
        parts.append(part if is_needed else f"(?:{part})?+")
    return re.compile(rf"\{{{''.join(parts)}\}}\n?")


@cache
def _own_pattern() -> re.Pattern[bytes]:
    """Return the pattern of the beginning of an image's row."""
    between = "".join(f'(?:, "{name}": {COLUMNS[name].pattern})?+' for name in ("label", "label_number", "sample"))
    text = TEXT_JSON[1:-1]
    return re.compile(rf'\{{"file_name": "({text})"{between}, "source_path": "({text})"'.encode())
