"""Parquet files of images, as Hugging Face's ``datasets`` lays them out.

A row holds ``image`` (a struct of ``bytes`` and ``path``, or the bytes alone), and perhaps ``label``. Rows are read
twice, in their order: for the names, without touching the bytes, and for the images.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import repeat
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ImageError
from icsys.files.locations import base_name
from icsys.files.parsing import from_json
from icsys.image.limits import check_bytes
from icsys.records.import_pyarrow import load_pyarrow
from icsys.records.label import UNLABELLED, Label, in_class_folder, label_from
from icsys.sources.archives.archive_items import ArchiveItem, ArchivePlace, ClassNames, GoesWith, Member
from icsys.sources.archives.parquet_columns import LONGEST_LABEL, TableColumns, columns_of_table
from icsys.sources.archives.reader import ArchiveReader
from icsys.sources.base import Unreadable
from icsys.sources.pack_member_names import from_utf8_name, path_in_pack
from icsys.sources.packed_companions import COMPANIONS_KEY, stated_companions
from icsys.sources.parquet_format.column import Column
from icsys.sources.parquet_format.footer import Footer, Leaf, RowGroup, read_footer
from icsys.sources.safe_names import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.options import Options
    from icsys.sources.archives.archive_access import ArchiveFiles
    from icsys.sources.base import Place

MOST_ROWS = 10_000_000
"""Rows of a file at most; a damaged file can state any number."""

_FEW_ROWS, _ROWS_PER_BYTE = 10_000, 8  # limits for rows by bytes of images: images are hardly ever equal or missing
_NUMBERED = {None, 11, 12, 13, 14, 15, 16, 17, 18}  # meanings of whole numbers that may be a class: a width at most
_UNSIGNED = {13: 32, 14: 64}  # bits


class _Table(NamedTuple):
    """An open table."""

    file: IO[bytes]
    footer: Footer
    columns: TableColumns
    pa: Any

    def column(self, leaf: Leaf, group: RowGroup, place: int, *, short: bool = False) -> Column:
        """Open a column of a row group."""
        return Column(self.file, leaf, group.chunks[place], group.rows, self.pa, short=short)


class _TooLongError(ImageError):
    """A name or label that is too long; the rows after it can be read."""


@contextmanager
def _opened(files: ArchiveFiles, path: str) -> Iterator[_Table]:
    pa, _ = load_pyarrow("a Parquet file as SRC")
    with files.open(path) as file:
        footer = read_footer(file)
        yield _Table(file, footer, columns_of_table(footer), pa)


class ParquetReader(ArchiveReader):
    """Reads Parquet files: their rows come in one stream."""

    def list_members(self, files: ArchiveFiles, path: str, known: Place) -> Iterator[ArchiveItem]:
        """List the rows with their names and classes."""
        stem = base_name(path).rpartition(".")[0]
        with _opened(files, path) as table:
            columns = table.columns
            if columns.classes:
                yield ClassNames(columns.classes)
            damage: list[ImageError] = []
            for number, row in enumerate(_rows(table, damage)):
                if row is None:
                    continue
                default = f"{stem}-{number:06}"
                if isinstance(row, ImageError):
                    yield Unreadable(default, row.code, str(row))
                    continue
                stored = row.get("path") or ""
                name = (path_in_pack(stored) if columns.is_ours else safe_path(stored)) or default
                label = _label(row, columns)
                place = ArchivePlace(None, known.mtime_ns, file=path, number=number, streamed=True)
                yield Member(in_class_folder(name, label or UNLABELLED), place, label)
                yield from _companions(row, columns, place)
            if damage:
                raise damage[0]

    def read_member(self, files: ArchiveFiles, place: ArchivePlace, options: Options) -> bytes:
        """Read the image of one row; the rows before it are passed over."""
        with self.open_stream(files, place.file) as stream:
            return stream.read(place, options)

    @contextmanager
    def open_stream(self, files: ArchiveFiles, path: str) -> Iterator[_FileColumns]:
        """Open a table."""
        with _opened(files, path) as table:
            yield _FileColumns(table)


def _companions(row: dict[str, Any], columns: TableColumns, image: ArchivePlace) -> Iterator[Member]:
    """Yield the companions of the image of a row."""
    if not columns.companions or not row.get("beside"):
        return
    try:
        stated = stated_companions({COMPANIONS_KEY: from_json(row["beside"])})
    except ValueError:
        return
    for place, (name, _) in enumerate(columns.companions, 1):
        if name in stated:
            about = stated[name]
            yield Member(about.path, replace(image, method=place), goes_with=GoesWith(*about[:2], image.number))


def _label(row: dict[str, Any], columns: TableColumns) -> Label | None:
    if columns.number:
        name, number = label_from(row["label"]).name, label_from(row["number"]).number
        return UNLABELLED if name is None else Label(from_utf8_name(name), number)
    if columns.label:
        return label_from(row["label"], columns.classes)
    return UNLABELLED if columns.is_ours else None


def _rows(table: _Table, damage: list[ImageError]) -> Iterator[dict[str, Any] | ImageError | None]:
    """Yield names and labels of all rows; the error of a row whose name or label is too long.

    The rest of a damaged row group is None, and its error goes to ``damage``.
    """
    described = table.columns.described
    rows = 0
    for number, group in enumerate(table.footer.row_groups([*described.values(), table.columns.image])):
        rows += group.rows
        if rows > MOST_ROWS:
            raise ImageError("too_large", f"more than {MOST_ROWS} rows")
        if group.rows > _ROWS_PER_BYTE * group.chunks[-1].size + _FEW_ROWS:
            raise ImageError("too_large", f"{group.rows} rows with {group.chunks[-1].size} bytes of images")
        read = 0
        try:
            columns = {
                name: table.column(leaf, group, place, short=True)
                for place, (name, leaf) in enumerate(described.items())
            }
            for _ in range(group.rows):
                row = _row(columns, described)
                read += 1
                yield row
        except ImageError as error:
            damage.append(ImageError(error.code, f"row group {number}: {error}"))
            yield from repeat(None, group.rows - read)
    if table.footer.rows not in {None, rows}:
        damage.append(ImageError("broken", f"it states {table.footer.rows} rows, and its row groups {rows}"))


def _row(columns: dict[str, Column], leaves: dict[str, Leaf]) -> dict[str, Any] | ImageError:
    values: dict[str, Any] = {}
    trouble: ImageError | None = None
    for name, column in columns.items():
        try:
            values[name] = _meant(column.read(_check_length), leaves[name])
        except _TooLongError as error:
            trouble = error
    return trouble or values


def _check_length(size: int) -> None:
    if size > LONGEST_LABEL:
        raise _TooLongError("too_large", f"a name or label of {size} bytes: expected at most {LONGEST_LABEL}")


def _meant(value: object, leaf: Leaf) -> object:
    """Return a stored value as text or number; None for dates and the like."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if leaf.converted not in _NUMBERED or (leaf.converted is None and leaf.is_logical):
        return None
    if isinstance(value, int) and leaf.converted in _UNSIGNED:
        return value % (1 << _UNSIGNED[leaf.converted])
    return value


class _FileColumns:
    """The columns of images and companions of a table, each read forwards."""

    def __init__(self, table: _Table) -> None:
        self._table = table
        self._open: dict[int, _FileColumn] = {}

    def read(self, place: ArchivePlace, options: Options) -> bytes:
        """Go to a row in the column of a file and read it."""
        number = place.method
        if number not in self._open:
            leaves = [self._table.columns.image, *(leaf for _, leaf in self._table.columns.companions)]
            if number >= len(leaves):
                raise ImageError(
                    "changed", "the table changed after it was listed: run again when it no longer changes"
                )
            self._open[number] = _FileColumn(self._table, leaves[number])
        return self._open[number].read(place, options)


class _FileColumn:
    """A column of files in a table, read forwards; unneeded row groups are passed over."""

    def __init__(self, table: _Table, leaf: Leaf) -> None:
        self._table, self._leaf = table, leaf
        self._groups = table.footer.row_groups([leaf])
        self._column: Column | None = None
        self._damage: ImageError | None = None  # of this row group
        self._row = self._end = 0  # of the table, and of the row group

    def read(self, place: ArchivePlace, options: Options) -> bytes:
        """Go to a row and read its file."""
        assert place.number is not None  # noqa: S101 - from list_members
        while place.number >= self._end:
            group = next(self._groups, None)
            if group is None:
                raise ImageError(
                    "changed", "the table changed after it was listed: run again when it no longer changes"
                )
            self._row, self._end = self._end, self._end + group.rows
            self._column, self._damage = None, None
            with self._damaging():
                self._column = self._table.column(self._leaf, group, 0)
        if self._damage is not None or self._column is None:
            raise self._damage or ImageError("broken", "the row group cannot be read")
        with self._damaging():
            self._column.skip(place.number - self._row)
            self._row = place.number + 1
            value = self._column.read(lambda size: check_bytes(size, options))
        if value is None:
            raise ImageError(
                "unsupported", "the row holds no bytes, perhaps a path to another file: expected the bytes of an image"
            )
        return bytes(value)

    @contextmanager
    def _damaging(self) -> Iterator[None]:
        """Remember an error that makes the rest of the row group unreadable."""
        try:
            yield
        except ImageError as error:
            self._damage = error if error.code in {"broken", "unsupported"} else None
            raise
