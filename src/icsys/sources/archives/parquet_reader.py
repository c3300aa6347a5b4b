"""Parquet files of images, as Hugging Face's ``datasets`` lays them out.

A row holds ``image`` (a struct of ``bytes`` and ``path``, or the bytes alone), and perhaps ``label``. Rows are read
twice, in their order: for the names, without touching the bytes, and for the images.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import repeat
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ImageError
from icsys.files.locations import base_name
from icsys.files.parsing import from_json
from icsys.image.limits import check_bytes
from icsys.records.import_pyarrow import NUMBER, load_pyarrow
from icsys.records.label import UNLABELLED, Label, in_class_folder, label_from
from icsys.sources.archives.member_index import ArchiveItem, ArchivePlace, ClassNames, Member
from icsys.sources.archives.reader import ArchiveReader
from icsys.sources.base import Unreadable
from icsys.sources.pack_member_names import from_utf8_name, path_in_pack
from icsys.sources.parquet_format.column import Column
from icsys.sources.parquet_format.footer import BYTE_ARRAY, INT64, Footer, Leaf, RowGroup, read_footer
from icsys.sources.safe_names import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.options import Options
    from icsys.sources.archives.archive_access import ArchiveFiles
    from icsys.sources.base import Place

LONGEST_LABEL = 2**16
"""Bytes of a name or a label."""

MOST_ROWS = 10_000_000
"""Rows of a file at most; a damaged file can state any number."""

_FEW_ROWS, _ROWS_PER_BYTE = 10_000, 8  # limits for rows by bytes of images: images are hardly ever equal or missing
_DESCRIBING = "path", "label", "number"
_LONGEST_NOTE = 2**22  # bytes of Hugging Face's metadata
_NUMBERED = {None, 11, 12, 13, 14, 15, 16, 17, 18}  # meanings of whole numbers that may be a class: a width at most
_UNSIGNED = {13: 32, 14: 64}  # bits


class _Columns(NamedTuple):
    """The columns of a table: images, paths and labels, and the names of the classes.

    ``number`` holds class numbers beside names in ``label``; only tables of ICS have it (``is_ours``).
    """

    image: Leaf
    path: Leaf | None
    label: Leaf | None
    number: Leaf | None
    classes: Sequence[str]
    is_ours: bool

    @property
    def described(self) -> dict[str, Leaf]:
        """Columns of names and labels."""
        return {name: leaf for name in _DESCRIBING if (leaf := getattr(self, name)) is not None}


class _Table(NamedTuple):
    """An open table."""

    file: IO[bytes]
    footer: Footer
    columns: _Columns
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
        yield _Table(file, footer, _columns(footer), pa)


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
            if damage:
                raise damage[0]

    def read_member(self, files: ArchiveFiles, place: ArchivePlace, options: Options) -> bytes:
        """Read the image of one row; the rows before it are passed over."""
        with self.open_stream(files, place.file) as stream:
            return stream.read(place, options)

    @contextmanager
    def open_stream(self, files: ArchiveFiles, path: str) -> Iterator[_ImageColumn]:
        """Open a table."""
        with _opened(files, path) as table:
            yield _ImageColumn(table)


def _label(row: dict[str, Any], columns: _Columns) -> Label | None:
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


def _columns(footer: Footer) -> _Columns:
    leaves = footer.leaves
    structs = [name for name in footer.names if _is_bytes(leaves.get((name, "bytes")))]
    plain = [
        name
        for name in footer.names
        if _is_bytes(leaf := leaves.get((name,))) and leaf and leaf.converted is None and not leaf.is_logical
    ]
    names = structs or plain
    if not names:
        raise ImageError("unsupported", "no column holds images: expected a struct of bytes and path, or bytes")
    image = "image" if "image" in names else names[0]
    path = leaves.get((image, "path")) if image in structs else None
    features = _features(footer)
    named = "label" if "label" in footer.names else next(_class_labels(features), "label")
    label, number = (
        leaf if leaf and Column.can_read(leaf) else None for leaf in map(leaves.get, ((named,), (NUMBER,)))
    )
    is_ours = b"icsys" in footer.notes
    return _Columns(
        leaves[(image, "bytes") if image in structs else (image,)],
        path if _is_bytes(path) else None,
        label,
        number if is_ours and _is_bytes(label) and number and number.kind == INT64 else None,
        _classes(footer, features, named),
        is_ours,
    )


def _is_bytes(leaf: Leaf | None) -> bool:
    return leaf is not None and leaf.kind == BYTE_ARRAY and not leaf.repeated


def _features(footer: Footer) -> dict[str, Any]:
    """Return the columns in Hugging Face's metadata."""
    try:
        features = _note(footer, b"huggingface")["info"]["features"]
    except (KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_labels(features: dict[str, Any]) -> Iterator[str]:
    """Return the names of the columns that hold classes."""
    return (name for name, note in features.items() if isinstance(note, dict) and note.get("_type") == "ClassLabel")


def _classes(footer: Footer, features: dict[str, Any], label: str) -> Sequence[str]:
    """Return the names of the classes in the metadata of ICS, which are exact, or of Hugging Face."""
    for note, key in ((_note(footer, b"icsys"), "classes"), (features.get(label), "names")):
        names = note.get(key) if isinstance(note, dict) else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            if max(map(len, names), default=0) > LONGEST_LABEL:
                raise ImageError("too_large", f"a class of more than {LONGEST_LABEL} characters")
            return names
    return ()


def _note(footer: Footer, key: bytes) -> Any:  # noqa: ANN401 - whatever JSON says
    """Return the value of a note in the metadata; None if it has none."""
    note = footer.notes.get(key, b"")
    if len(note) > _LONGEST_NOTE:
        raise ImageError("too_large", f"metadata of {len(note)} bytes: expected at most {_LONGEST_NOTE}")
    try:
        return from_json(note)
    except ValueError:
        return None


class _ImageColumn:
    """The image column of a table, read forwards; unneeded row groups are passed over."""

    def __init__(self, table: _Table) -> None:
        self._table = table
        self._groups = table.footer.row_groups([table.columns.image])
        self._column: Column | None = None
        self._damage: ImageError | None = None  # of this row group
        self._row = self._end = 0  # of the table, and of the row group

    def read(self, place: ArchivePlace, options: Options) -> bytes:
        """Go to a row and read its image."""
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
                self._column = self._table.column(self._table.columns.image, group, 0)
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
