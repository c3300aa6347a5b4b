"""The columns of a manifest's row that decide what a later run does, taken from its line.

A pattern reads a line as ICS writes it in half the time of a parser of JSON and the checks of all columns. It matches
only lines that these accept; they read all others.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.files.relative_names import can_be_a_name
from icsys.records.manifest import COLUMNS, COMPANION_COLUMNS, TEXT_JSON, ManifestColumn, from_line
from icsys.results import COMPANIONS, IMAGE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TEXTS = ("file_name", "label", "sample", "source_path", "options_hash", "status", "shard")
_NUMBERS = ("label_number", "source_bytes", "source_mtime_ns", "bytes")
_TAKEN = tuple(name for name in COLUMNS if name in _TEXTS or name in _NUMBERS)


class RowKey(NamedTuple):
    """What the order of rows goes by, and ``status``; the output of a failure, or of an image left out, is empty."""

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
    """Return what :func:`~icsys.records.manifest.from_line` does, perhaps with fewer columns.

    Returns
    -------
    dict
        With the columns ``file_name``, ``kind``, ``label``, ``label_number``, ``sample``, ``picture``, ``source_path``,
        ``source_bytes``, ``source_mtime_ns``, ``bytes``, ``options_hash``, ``status`` and ``shard``; a column that the
        row lacks is None or missing, and ``kind`` is there in any case.
    """
    found = _match(line)
    if found is None:
        row = from_line(line)
        return row and {"kind": IMAGE} | row
    if found.re is _row_pattern():
        columns: dict[str, Any] = dict(zip(_TAKEN, found.groups(), strict=True))
        columns["kind"] = IMAGE
    else:
        columns = found.groupdict() | {"label_number": None}
    for name in _NUMBERS:
        if columns[name] is not None:
            columns[name] = int(columns[name])
    return columns


def key_of_own(line: bytes) -> RowKey | None:
    """Return the key of a line that this process has written, without checks; None if it is no row."""
    found = _own_pattern().match(line)
    if found is None:
        return key_from_line(line)
    output, source = (value.decode("utf-8", "surrogatepass") for value in found.groups())
    return RowKey(source, output, "")


def _match(line: bytes) -> re.Match[str] | None:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    found = _row_pattern().fullmatch(text)  # ends soon where the kind, which comes early, is another one
    if found is None:
        found = _companion_pattern().fullmatch(text)
        if found is None or not _is_name(found.group("picture")):
            return None
    output, source = found.group("file_name", "source_path")
    return found if _is_name(output) and _is_name(source) else None


def _is_name(text: str) -> bool:
    return text.isascii() or can_be_a_name(text)


@cache
def _row_pattern() -> re.Pattern[str]:
    """Return the pattern of an image's row."""
    return _pattern_of(COLUMNS, (*_TEXTS, *_NUMBERS))


@cache
def _companion_pattern() -> re.Pattern[str]:
    """Return the pattern of the row of a file that goes with images."""
    return _pattern_of(COMPANION_COLUMNS, ("kind", "picture", *_TEXTS, *_NUMBERS))


def _pattern_of(columns: Mapping[str, ManifestColumn], taken: Collection[str]) -> re.Pattern[str]:
    """Return the pattern of a row: the columns in the order of their table, and a group for each that is taken."""
    parts: list[str] = []
    for name, column in columns.items():
        value = column.pattern
        if name in taken:
            value = f"(?P<{name}>{value})" if name in _NUMBERS else f'"(?P<{name}>{value[1:-1]})"'
        part = f'{", " if parts else ""}"{name}": {value}'
        is_needed = column.check is not None and not column.check(column.missing)
        parts.append(part if is_needed else f"(?:{part})?+")
    return re.compile(rf"\{{{''.join(parts)}\}}\n?")


@cache
def _own_pattern() -> re.Pattern[bytes]:
    """Return the pattern of the beginning of the row of an output."""
    kind = f'(?:, "kind": "(?:{"|".join((IMAGE, *COMPANIONS))})")?+'
    columns = COMPANION_COLUMNS | COLUMNS
    names = ("form", "picture", "label", "label_number", "sample")
    between = kind + "".join(f'(?:, "{name}": {columns[name].pattern})?+' for name in names)
    text = TEXT_JSON[1:-1]
    return re.compile(rf'\{{"file_name": "({text})"{between}, "source_path": "({text})"'.encode())
