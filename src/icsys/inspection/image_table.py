"""A table with a row for each inspected image, as a CSV file."""

from __future__ import annotations

import csv
import io
import stat
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.files.atomic import write_whole
from icsys.files.links import is_link
from icsys.files.relative_names import is_below
from icsys.files.rooted_path import rooted_file
from icsys.inspection.inspection import InspectedImage

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

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
    shown, place = f"csv {str(path)!r}", Path(path)
    if not is_below(place.name) or not place.parent.is_dir():
        raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
    header = ",".join(TABLE_FIELDS).encode()
    file = rooted_file(place)
    try:
        found = file.status()
        if found is not None and is_link(found):
            raise UsageError(f"{shown} is a link, which ics does not follow: move it away first, or name another file")
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
        head = file.read_bytes(len(header)) if found else header
    except OSError as error:
        raise UsageError(f"{shown}: {error.strerror or error}: expected another name") from None
    if head != header:
        raise UsageError(f"{shown} is a file that ics inspect did not write: expected another name")


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
