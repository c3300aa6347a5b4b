"""A table with a row for each inspected image, as a CSV file."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.files.atomic import write_whole
from icsys.files.replaceable import check_replaceable
from icsys.inspection.inspection import InspectedImage

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from icsys.files.rooted_path import RootedPath
    from icsys.inspection.inspection import Inspection

TABLE_FIELDS = tuple(field.name for field in fields(InspectedImage))
"""The columns of the table."""

_ROWS = 1000  # written at once


def check_table(path: str | os.PathLike[str]) -> None:
    """Refuse a path that holds anything but an older table.

    Raises
    ------
    UsageError
        If another file is there, or the folder does not exist.
    """
    check_replaceable(Path(path), "csv", "ics inspect", _is_table)


def _is_table(file: RootedPath) -> bool:
    header = ",".join(TABLE_FIELDS).encode()
    return file.read_bytes(len(header)) == header


def write_table(inspection: Inspection, path: str | os.PathLike[str]) -> None:
    """Write a row for each image of an inspection; an older table is replaced.

    A value that an image lacks is an empty cell. A byte of a name that is not UTF-8 is written as its number.

    Raises
    ------
    UsageError
        As :func:`check_table` does.
    """
    check_table(path)
    write_whole(Path(path), _lines(inspection))


def _lines(inspection: Inspection) -> Iterator[bytes]:
    """Yield the lines of the table, some at a time."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TABLE_FIELDS)
    for number, image in enumerate(inspection.table, 1):
        writer.writerow(astuple(image))
        if number % _ROWS == 0:
            yield text.getvalue().encode("utf-8", "backslashreplace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8", "backslashreplace")
