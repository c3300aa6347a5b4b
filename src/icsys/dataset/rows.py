"""Parquet files of images, as Hugging Face's ``datasets`` lays them out.

A row holds ``image``, a struct of ``bytes`` and ``path``, or the bytes alone, and perhaps ``label``. Rows are read
twice, in their order: for the names, which does not touch the bytes, and for the images.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.dataset.catalogue import Listed, Member, Slot, Table
from icsys.dataset.labels import UNLABELLED, Label, in_class_folder, label_from
from icsys.dataset.members import safe_path
from icsys.dataset.names import restored, unheld
from icsys.dataset.parquet import NUMBER, load_pyarrow
from icsys.dataset.parsing import from_json
from icsys.dataset.urls import base_name
from icsys.errors import ImageError
from icsys.image.limits import check_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.dataset.source import Place
    from icsys.dataset.store import Store
    from icsys.options import Options

_NAMES_AT_ONCE = 4096  # rows
_BYTES_AT_ONCE = 2**24  # of images, by the mean of their row group
_BUFFER = 2**20


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a table has its images: column, and the struct's field if it is one; what classes are called, and by whom.

    ``number`` is the column of numbers beside names in ``label``, which tables of ours may have.
    """

    image: str
    image_is_struct: bool
    has_path: bool
    label: bool
    number: bool
    classes: Sequence[str]
    is_ours: bool


@contextmanager
def _opened(store: Store, path: str) -> Iterator[Any]:
    _, parquet = load_pyarrow("a Parquet file as SRC")
    with store.open(path) as file, parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as table:
        yield table


def find(
    store: Store,
    path: str,
    known: Place,
    *,
    ignore_zeros: bool = False,  # noqa: ARG001 - of tar archives
) -> Iterator[Listed]:
    """List the rows of a table with what they say of name and class."""
    stem = base_name(path).rpartition(".")[0]
    with _opened(store, path) as table:
        columns = _columns(table.schema_arrow)
        wanted = ([f"{columns.image}.path"] if columns.has_path else []) + (["label"] if columns.label else [])
        wanted += [NUMBER] if columns.number else []
        if columns.classes:
            yield Table(columns.classes)
        number = 0
        for rows in _rows(table, wanted):
            for row in rows:
                told = (row.get(columns.image) or {}).get("path") or ""
                name = (restored(told) if columns.is_ours else safe_path(told)) or f"{stem}-{number:06}"
                label = _label(row, columns)
                place = Slot(None, known.mtime_ns, file=path, number=number, streamed=True)
                yield Member(in_class_folder(name, label or UNLABELLED), place, label)
                number += 1


def _label(row: dict[str, Any], columns: _Columns) -> Label | None:
    if columns.number:
        name, number = label_from(row["label"]).name, label_from(row[NUMBER]).number
        return UNLABELLED if name is None else Label(unheld(name), number)
    if columns.label:
        return label_from(row["label"], columns.classes)
    return UNLABELLED if columns.is_ours else None


def _rows(table: Any, columns: list[str]) -> Iterator[list[dict[str, Any]]]:  # noqa: ANN401 - pyarrow has no types
    if columns:
        for batch in table.iter_batches(_NAMES_AT_ONCE, columns=columns):
            yield batch.to_pylist()
    else:
        for group in range(table.num_row_groups):
            yield [{}] * table.metadata.row_group(group).num_rows


def _columns(schema: Any) -> _Columns:  # noqa: ANN401 - as above
    pa, _ = load_pyarrow("a Parquet file as SRC")
    structs = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    plain = [f.name for f in schema if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)]
    names = structs or plain
    if not names:
        raise ImageError("unsupported", "no column holds images: expected a struct of bytes and path, or bytes")
    image = "image" if "image" in names else names[0]
    has_path = image in structs and schema.field(image).type.get_field_index("path") >= 0
    is_ours = b"icsys" in (schema.metadata or {})
    number = is_ours and {"label", NUMBER} <= set(schema.names)
    return _Columns(image, image in structs, has_path, "label" in schema.names, number, _classes(schema), is_ours)


def _classes(schema: Any) -> Sequence[str]:  # noqa: ANN401 - as above
    """Return the names of the classes that the metadata tell: ours, which are exact, or Hugging Face's."""
    for key, way in ((b"icsys", ("classes",)), (b"huggingface", ("info", "features", "label", "names"))):
        try:
            names = from_json(schema.metadata[key])
            for step in way:
                names = names[step]
        except (KeyError, TypeError, ValueError):
            continue
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names
    return ()


@contextmanager
def unroll(store: Store, path: str) -> Iterator[_Images]:
    """Open a table."""
    with _opened(store, path) as table:
        yield _Images(table)


class _Images:
    """The image column of a table, read forwards; row groups of which nothing is wanted are passed over."""

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - as above
        self._table, self._columns = table, _columns(table.schema_arrow)
        self._group, self._first, self._rows = -1, 0, 0
        self._batches: Iterator[Any] = iter(())
        self._batch: Any = ()
        self._batch_first = 0

    def read(self, slot: Slot, options: Options) -> bytes:
        """Go on to a row and read it."""
        number = slot.number
        while number >= self._first + self._rows:
            if self._group + 1 >= self._table.num_row_groups:
                raise ImageError("changed", "the table changed after it was listed: run again when it holds still")
            self._open_group(self._group + 1)
        while number >= self._batch_first + len(self._batch):
            self._batch_first += len(self._batch)
            self._batch = next(self._batches).column(0)
        value = self._batch[number - self._batch_first]
        if self._columns.image_is_struct:
            value = value["bytes"]
        if not value.is_valid:
            raise ImageError("unsupported", "the row holds no bytes, but perhaps a path to a file elsewhere")
        check_bytes(value.as_buffer().size, options)
        return bytes(value.as_py())

    def _open_group(self, group: int) -> None:
        self._first += self._rows
        self._group, self._batch, self._batch_first = group, (), self._first
        about = self._table.metadata.row_group(group)
        self._rows = about.num_rows
        mean = about.total_byte_size // max(1, self._rows)
        rows = max(1, min(_NAMES_AT_ONCE, _BYTES_AT_ONCE // max(1, mean)))
        column = self._columns.image + (".bytes" if self._columns.image_is_struct else "")
        self._batches = self._table.iter_batches(rows, row_groups=[group], columns=[column])
