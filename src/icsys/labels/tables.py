"""Tables about many pictures: CSV, as of Kaggle, and ``metadata.csv`` and ``metadata.jsonl`` as of Hugging Face.

Names follow the outputs, and boxes are mapped where names of columns leave no doubt. The rest stays, in CSV byte for
byte. A table in Parquet is none of these.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, BinaryIO

from icsys.errors import ImageError
from icsys.labels.coco_parts.annotation_maps import AnnotationMaps
from icsys.labels.picture_index import FindPicture, MappedCounts, renamed
from icsys.labels.table_parts.csv_records import LONGEST_RECORD, CsvRecord, csv_records, sniff_delimiter
from icsys.labels.table_parts.json_rows import JsonRows
from icsys.labels.table_parts.name_columns import NAME_COLUMNS, plain_column
from icsys.labels.table_parts.table_boxes import BoxColumns, find_boxes, fitted, unmapped_places
from icsys.labels.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.image.view import View
    from icsys.labels.mapped_file import LabelRules

_SAMPLE = 200  # rows that show which columns are which
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")


def map_table(
    read: BinaryIO, write: BinaryIO, find: FindPicture, rules: LabelRules, *, column: str | None, beside: str
) -> MappedCounts:
    """Write a table for the outputs of its pictures.

    Rows of pictures without an output are left out. Rows whose picture is not found are kept as they are.

    Parameters
    ----------
    read
        The table, which is read twice from its present position; seekable. It holds JSON lines if it begins with a
        brace, else CSV with commas, semicolons, tabs or bars.
    write
        What is written to.
    find
        Finds pictures by their names.
    rules
        What becomes of labels.
    column
        The column that names the pictures. None takes the first of the usual names
        (:data:`~icsys.labels.table_parts.name_columns.NAME_COLUMNS`) whose values name pictures, then any column whose
        values do, then the first of these by its name alone.
    beside
        The folder of the file in the source, with forward slashes.

    Raises
    ------
    ImageError
        ``label_broken`` if the table cannot be read or lacks the column, ``label_size`` if a row states another size
        than its picture has.
    """
    tally = Tally()
    begin = read.tell()
    head = read.read(64)
    if head.startswith(_OTHER_BOMS):
        raise ImageError("label_broken", "it is in UTF-16: expected UTF-8")
    bom = _BOM if head.startswith(_BOM) else b""
    begin += len(bom)
    read.seek(begin)
    write.write(bom)
    if head.removeprefix(bom).lstrip().startswith(b"{"):
        _map_json_lines(read, write, JsonRows(find, AnnotationMaps(rules), column, beside), tally)
    else:
        table = _CsvTable(find, AnnotationMaps(rules), beside, tally)
        delimiter = sniff_delimiter(read.readline(LONGEST_RECORD).decode("utf-8", "surrogateescape"))
        read.seek(begin)
        table.look(list(itertools.islice(csv_records(read, delimiter), _SAMPLE + 1)), column)
        read.seek(begin)
        for number, record in enumerate(csv_records(read, delimiter)):
            changed = record if number == 0 and table.has_header else table.changed(record)
            if changed is not None:
                write.write(changed.text())
    return tally.counts()


def _map_json_lines(read: BinaryIO, write: BinaryIO, rows: JsonRows, tally: Tally) -> None:
    for number, data in enumerate(iter(lambda: read.readline(LONGEST_RECORD + 1), b""), 1):
        if len(data) > LONGEST_RECORD:
            raise ImageError("label_broken", f"line {number}: expected at most {LONGEST_RECORD} bytes")
        line = data.rstrip(b"\r\n")
        if not line.strip():
            write.write(data)
            continue
        try:
            changed = rows.changed(line.decode("utf-8", "surrogatepass"), number, tally)
        except UnicodeDecodeError:
            raise ImageError("label_broken", f"line {number}: expected UTF-8") from None
        if changed is not None:
            write.write(changed.encode("utf-8", "surrogatepass") + data[len(line) :])


class _CsvTable:
    """A CSV table, as its first rows show it.

    Attributes
    ----------
    has_header
        Whether the first record holds names of columns.
    """

    def __init__(self, find: FindPicture, maps: AnnotationMaps, beside: str, tally: Tally) -> None:
        self.has_header = True
        self._find, self._maps, self._beside, self._tally = find, maps, beside, tally
        self._columns: list[int] = []
        self._boxes: BoxColumns | None = None

    def look(self, records: Sequence[CsvRecord], column: str | None) -> None:
        """Find the columns of names and of boxes."""
        header = [value.strip() for value in records[0].values] if records else []
        rows = [record.values for record in records[1:]]
        if column is None:
            main = self._column_of_names(header, rows)
            self.has_header = main is None or self._find(header[main]) is None
        else:
            main = _position(header, column)
        if main is None:
            for name in header:
                self._tally.note("columns, and none names pictures: give one with --table-column", name)
            return
        self._columns = [main]
        if not self.has_header:
            return
        self._columns += [at for at, name in enumerate(header) if name.endswith("_file_name") and at != main]
        self._find_boxes(header, rows, main)

    def changed(self, record: CsvRecord) -> CsvRecord | None:
        """Return a record for the outputs; None if it is left out. It is counted."""
        row = record.values
        if row == [""]:
            return record
        changes: dict[int, str] = {}
        first = None
        for at in self._columns:
            name = row[at].strip() if at < len(row) else ""
            facts = self._find(name) if name else None
            if facts is None:
                if name:
                    self._tally.miss("names", name)
                continue
            if facts.is_elsewhere:
                return None
            if not facts.is_written:
                self._tally.note("rows of pictures without an output are left out", name)
                self._tally.dropped += 1
                return None
            first = first or facts
            changes[at] = row[at].replace(name, renamed(name, facts, self._beside))
        if self._boxes is not None and first is not None and first.view is not None and len(row) > self._boxes.last:
            try:
                mapped = self._map_box(row, self._boxes, first.view, first.source_path)
            except ValueError as error:
                self._tally.note("rows are left out whose boxes cannot be read", str(error))
                mapped = None
            if mapped is None:
                self._tally.dropped += 1
                return None
            changes |= mapped
        self._tally.labels += 1
        return record.replaced(changes)

    def _map_box(self, row: list[str], boxes: BoxColumns, view: View, name: str) -> dict[int, str] | None:
        """Return the new texts of the columns of a box, and of the size; None if too little of the box is left."""
        shapes = self._maps.of(name, view, boxes.stated_size(row))
        box, share = boxes.read(row), 1.0
        changes: dict[int, str] = {}
        if box is not None:
            changes, share = boxes.mapped(row, box, shapes)
        return changes | boxes.resized(row, shapes.output) if box is None or shapes.is_enough(share) else None

    def _column_of_names(self, header: list[str], rows: list[list[str]]) -> int | None:
        """Return the column that names pictures; the first row counts too, as there may be no header."""
        every = [header, *rows]
        named = [sum(at < len(row) and self._names_picture(row[at]) for row in every) for at in range(len(header))]
        plain = [plain_column(name) for name in header]
        by_name = [plain.index(name) for name in map(plain_column, NAME_COLUMNS) if name in plain]
        for at in by_name:
            if named[at]:
                return at
        best = max(range(len(header)), key=named.__getitem__, default=None)
        if best is not None and 2 * named[best] >= len(rows) and named[best]:
            return best
        return next((at for at in by_name if plain[at] != "id"), None)

    def _names_picture(self, value: str) -> bool:
        return bool(value.strip()) and self._find(value.strip()) is not None

    def _find_boxes(self, header: list[str], rows: list[list[str]], main: int) -> None:
        """Find the columns of boxes, and tell which columns look as if they were some."""
        boxes = find_boxes(header)
        if boxes is not None:
            sample = []
            for row in rows:
                facts = self._find(row[main].strip()) if len(row) > main else None
                sample.append((row, facts.view.upright if facts is not None and facts.view is not None else None))
            boxes = fitted(boxes, sample)
        self._boxes = boxes
        for name in unmapped_places(header, boxes):
            self._tally.note("columns are kept that may hold places in the picture and are not mapped", f"{name!r}")


def _position(header: list[str], column: str) -> int:
    """Return the position of a column; the case counts only where two differ in nothing else."""
    lowered = [name.lower() for name in header]
    if column in header:
        return header.index(column)
    if column.lower() in lowered:
        return lowered.index(column.lower())
    raise ImageError("label_broken", f"it has no column {column!r}: expected one of {', '.join(header)[:200]}")
