"""The class of each image by tables that go with the images: ``metadata.csv``, ``metadata.jsonl`` and named tables."""

from __future__ import annotations

import csv
import io
import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ImageError
from icsys.files.parsing import from_json
from icsys.inspection.image_facts import AS_SMALL
from icsys.labels.table_parts.csv_records import sniff_delimiter
from icsys.labels.table_parts.name_columns import NAME_COLUMNS, plain_column
from icsys.records.label import label_from, label_from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from icsys.sources.base import Companion, Source, Task

LABEL_COLUMNS = (
    *("label", "class", "class_name", "label_name", "category", "category_name", "species", "target"),
    *("label_id", "class_id", "category_id"),
)
"""Columns that are taken for those of classes, in this order, in any case, and with or without underscores."""

_NAMES, _LABELS = ([plain_column(name) for name in some] for some in (NAME_COLUMNS, LABEL_COLUMNS))
_BOM = b"\xef\xbb\xbf"


class TableLabels(NamedTuple):
    """What tables say about the classes of images.

    Attributes
    ----------
    labels
        Name of the class of each image that a table names, by path; None for an image with several classes or none.
    problems
        Why tables were not used, in sentences.
    """

    labels: dict[str, str | None]
    problems: list[str]


def labels_in_tables(source: Source, tables: Iterable[Companion], tasks: Sequence[Task]) -> TableLabels:
    """Return the classes that tables give to images.

    A table is CSV, or JSON lines, with a column of names of images and one of classes. A name is a path below the
    folder of the table or below the source, or a name or stem that one image alone has.
    """
    found = TableLabels({}, [])
    places: _Paths | None = None
    for one in tables:
        try:
            rows = list(_rows(source.read(one.task, AS_SMALL)[0]))
        except (ImageError, OSError, ValueError, csv.Error) as error:
            found.problems.append(f"{one.source} cannot be read: {error}.")
            continue
        columns = _columns_of(rows)
        if columns is None:
            expected = f"a column such as {NAME_COLUMNS[0]} and one of {', '.join(LABEL_COLUMNS)}"
            found.problems.append(f"{one.source} gives no classes: expected {expected}.")
            continue
        places = places or _Paths(tasks)
        _add(found.labels, rows, columns, places, one.source.rpartition("/")[0])
    return found


def _add(
    labels: dict[str, str | None],
    rows: Iterable[Mapping[str, Any]],
    columns: tuple[str, str],
    places: _Paths,
    folder: str,
) -> None:
    """Add the classes in the rows of a table; an image with two different ones has none."""
    name_column, label_column = columns
    for row in rows:
        name, value = row.get(name_column), row.get(label_column)
        path = places.find(folder, name) if isinstance(name, str) else None
        if path is None:
            continue
        label = label_from_text(value.encode("utf-8", "replace")) if isinstance(value, str) else label_from(value)
        labels[path] = label.name if labels.get(path, label.name) == label.name else None


def _rows(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table by the names of their columns."""
    text = data.removeprefix(_BOM).decode("utf-8")
    if text.lstrip().startswith("{"):
        for line in text.splitlines():
            row = from_json(line) if line.strip() else None
            if isinstance(row, dict):
                yield row
        return
    delimiter = sniff_delimiter(text.partition("\n")[0])
    for cells in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        yield {name.strip(): value for name, value in cells.items() if name is not None and value is not None}


def _columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return the columns of names and of classes; None if one of them is missing."""
    plain = {plain_column(name): name for name in reversed(list(rows[0]))} if rows else {}
    names = [plain[name] for name in _NAMES if name in plain]
    labels = [plain[name] for name in _LABELS if name in plain and plain[name] not in names[:1]]
    return (names[0], labels[0]) if names and labels else None


class _Paths:
    """Finds images by what tables call them."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._paths = {task.source for task in tasks}
        self._alike: defaultdict[str, set[str]] = defaultdict(set)
        for path in self._paths:
            base = path.rpartition("/")[2]
            self._alike[base].add(path)
            self._alike[base.rpartition(".")[0] or base].add(path)

    def find(self, folder: str, name: str) -> str | None:
        """Return the path of an image; None if there is none, or several."""
        name = name.strip().replace("\\", "/")
        for above in (folder, ""):
            path = posixpath.normpath(posixpath.join(above, name))
            if path in self._paths:
                return path
        alike = self._alike.get(name.rpartition("/")[2], ())
        return next(iter(alike)) if len(alike) == 1 else None
