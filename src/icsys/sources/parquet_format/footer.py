"""The footer of a Parquet file: its columns, its row groups, and notes of other programs.

The format: https://github.com/apache/parquet-format. Row groups are read one by one from the bytes of the footer: their
limit bounds the memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

from icsys.errors import ImageError
from icsys.sources.parquet_format.thrift import LIST, STRUCT, EndError, Thrift

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_FOOTER = 2**24
"""Bytes; a large dataset has a footer of one or two million."""

MOST_COLUMNS = 10_000

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_END = 8  # bytes: the length of the footer and the magic number
_REQUIRED, _OPTIONAL, _REPEATED = range(3)

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED_BYTE_ARRAY = range(8)


class Leaf(NamedTuple):
    """A column that holds values.

    Attributes
    ----------
    number
        Of the column in every row group.
    kind
        Of its values, physically.
    converted
        Their meaning, as older writers state it; None for plain numbers or bytes.
    is_logical
        Whether a newer writer states a meaning.
    levels
        How many of the fields on the path to it may be missing.
    repeated
        Whether a row may hold several values.
    """

    number: int
    kind: int
    converted: int | None
    is_logical: bool
    levels: int
    repeated: bool


class Chunk(NamedTuple):
    """The values of a column in a row group: where its pages are, and how they are compressed."""

    start: int
    size: int
    codec: int
    values: int


class RowGroup(NamedTuple):
    """A row group: its number of rows, and some of its columns in the requested order."""

    rows: int
    chunks: tuple[Chunk, ...]


@dataclass
class Footer:
    """A footer without its row groups.

    Attributes
    ----------
    names
        Of the columns at the top of the table, structs included.
    leaves
        By their paths of names; of two with the same path, the first.
    notes
        Of other programs, by key.
    rows
        Of the table; None if the footer does not state it.
    """

    data: bytes
    file_size: int
    names: list[str] = field(default_factory=list)
    leaves: dict[tuple[str, ...], Leaf] = field(default_factory=dict)
    notes: dict[bytes, bytes] = field(default_factory=dict)
    rows: int | None = None
    _groups: int | None = None
    _columns: int = 0

    def row_groups(self, leaves: Sequence[Leaf]) -> Iterator[RowGroup]:
        """Yield the row groups with these columns of each."""
        if self._groups is None:
            return
        thrift = Thrift(self.data, self._groups)
        with _ending_as_broken():
            for _ in _structs(thrift):
                yield self._group(thrift, [leaf.number for leaf in leaves])

    def _group(self, thrift: Thrift, wanted: list[int]) -> RowGroup:
        rows = 0
        found: dict[int, Chunk] = {}
        for number, kind in thrift.fields():
            if (number, kind) == (1, LIST):
                for column, _ in enumerate(_structs(thrift)):
                    if column in wanted:
                        found[column] = self._chunk(thrift)
                    else:
                        thrift.skip(STRUCT)
            elif number == 3:  # noqa: PLR2004 - the numbers of the format
                rows = thrift.number()
        if rows < 0 or not set(wanted) <= found.keys():
            raise ImageError("broken", "a row group without the columns of the table")
        return RowGroup(rows, tuple(found[number] for number in wanted))

    def _chunk(self, thrift: Thrift) -> Chunk:
        fields: dict[int, int] = {}
        elsewhere = encrypted = False
        for number, kind in thrift.fields():
            elsewhere |= number == 1
            encrypted |= number == 8  # noqa: PLR2004 - as above
            if (number, kind) == (3, STRUCT):
                for inner, inner_kind in thrift.fields():
                    if inner in {4, 5, 7, 9, 11} and inner_kind in {5, 6}:
                        fields[inner] = thrift.number()
        if elsewhere or encrypted:
            raise ImageError("unsupported", "a column that lies in another file, or is encrypted")
        start = min(fields.get(9, 0), fields.get(11) or fields.get(9, 0))
        size = fields.get(7, 0)
        if not (0 <= start <= start + size <= self.file_size) or fields.get(5, -1) < 0:
            raise ImageError("broken", "a column that reaches beyond the file")
        return Chunk(start, size, fields.get(4, 0), fields[5])


def read_footer(file: IO[bytes]) -> Footer:
    """Read the footer of a file that can seek.

    Raises
    ------
    ImageError
        ``broken`` if there is none, ``unsupported`` if it is encrypted, ``too_large`` beyond the limits above.
    OSError
        If it cannot be read.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _END))
    end = file.read(_END)
    if end[4:] == _ENCRYPTED:
        raise ImageError("unsupported", "it is encrypted")
    length = int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC or not 0 < length <= size - _END - len(_MAGIC):
        raise ImageError("broken", "no whole Parquet file: its end is missing")
    if length > LONGEST_FOOTER:
        raise ImageError("too_large", f"a footer of {length} bytes: expected at most {LONGEST_FOOTER}")
    file.seek(size - _END - length)
    footer = Footer(file.read(length), size)
    with _ending_as_broken():
        _fill(footer)
    return footer


def _fill(footer: Footer) -> None:
    thrift = Thrift(footer.data)
    schema: list[_Element] = []
    for number, kind in thrift.fields():
        if (number, kind) == (2, LIST):
            for _ in _structs(thrift):
                schema.append(_element(thrift))
                if len(schema) > MOST_COLUMNS:
                    raise ImageError("too_large", f"more than {MOST_COLUMNS} columns")
        elif number == 3:  # noqa: PLR2004 - the numbers of the format
            footer.rows = thrift.number()
        elif (number, kind) == (4, LIST):
            footer._groups = thrift.at  # noqa: SLF001 - of this module
        elif (number, kind) == (5, LIST):
            for _ in _structs(thrift):
                key, value = _note(thrift)
                footer.notes[key] = value
    _fill_columns(footer, schema)


class _Element(NamedTuple):
    """A field of the schema."""

    kind: int | None
    repetition: int
    name: str
    children: int
    converted: int | None
    is_logical: bool


def _element(thrift: Thrift) -> _Element:
    fields: dict[int, int] = {}
    name, is_logical = b"", False
    for number, _ in thrift.fields():
        if number in {1, 3, 5, 6}:
            fields[number] = thrift.number()
        elif number == 4:  # noqa: PLR2004 - as above
            name = thrift.text()
        is_logical |= number == 10  # noqa: PLR2004 - as above
    return _Element(
        fields.get(1),
        fields.get(3, _REQUIRED),
        name.decode("utf-8", "replace"),
        fields.get(5, 0),
        fields.get(6),
        is_logical,
    )


def _fill_columns(footer: Footer, schema: list[_Element]) -> None:
    """Make columns of the schema, a tree in depth-first order: each field states its number of children."""
    if not schema:
        raise ImageError("broken", "no schema")
    # The fields above the next one: path, missing levels, repeated, and how many children are still to come.
    above: list[tuple[tuple[str, ...], int, bool, int]] = [((), 0, False, schema[0].children)]
    leaves = 0
    for element in schema[1:]:
        while above and above[-1][3] <= 0:
            above.pop()
        if not above:
            raise ImageError("broken", "a schema with more fields than it states")
        path, levels, repeated, left = above[-1]
        above[-1] = path, levels, repeated, left - 1
        if len(above) == 1:
            footer.names.append(element.name)
        path = (*path, element.name) if len(above) <= 2 else ()  # noqa: PLR2004 - deeper columns are not used
        levels += element.repetition != _REQUIRED
        repeated |= element.repetition == _REPEATED
        if element.kind is None:
            above.append((path, levels, repeated, element.children))
            continue
        if path:
            leaf = Leaf(leaves, element.kind, element.converted, element.is_logical, levels, repeated)
            footer.leaves.setdefault(path, leaf)
        leaves += 1


def _note(thrift: Thrift) -> tuple[bytes, bytes]:
    texts = {number: thrift.text() for number, kind in thrift.fields() if number in {1, 2} and kind == 8}  # noqa: PLR2004
    return texts.get(1, b""), texts.get(2, b"")


def _structs(thrift: Thrift) -> Iterator[None]:
    """Yield once for each struct of a list."""
    for kind in thrift.items():
        if kind != STRUCT:
            raise ImageError("broken", "a list of something else")
        yield


class _ending_as_broken:  # noqa: N801 - a context
    """Turn an early end into damage."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, EndError):
            raise ImageError("broken", "no whole Parquet file: its footer ends too early") from None
