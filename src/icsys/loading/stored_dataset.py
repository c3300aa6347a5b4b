"""``dataset.json``: what a folder of arrays says about itself.

Anyone may have written it, so every value is checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.parsing import read_json
from icsys.files.relative_names import is_below
from icsys.layout import (
    ALL_BOXES,
    BOX_LABELS,
    BOX_STARTS,
    DATASET,
    IMAGE_NAMES,
    INDICES,
    LABELS,
    PALETTES,
    PIXELS,
    is_mask_kind,
    mask_arrays,
)
from icsys.records.pack_index import load_pack_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.files.rooted_path import RootedPath

_FORMAT, _VERSION = "icsys arrays", 1
_BITS = (1, 2, 4, 8, 16)
_DTYPES = ("uint8", "uint16", "int64", "bool", "float32")
_IGNORED = (255, 65535)
_MOST = 2**48  # of bytes and images; far above what disks hold, far below what 64 bits overflow
_MOST_SIDE, _MOST_COLORS, _MOST_AXES = 2**20, 2**16, 4
_MOST_LABEL = 2**63
_CRC32 = 2**32 - 1
_SHOWN = 60  # characters of a refused value


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of arrays as recorded: its size in bytes, and the CRC-32 of each block of ``block_bytes``.

    ``dtype`` and ``shape`` are those of the array; empty for a file that holds none.
    """

    bytes: int
    dtype: str
    shape: tuple[int, ...]
    block_bytes: int
    crc32: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredSplit:
    """A split as recorded: the name of its folder, its number of images, and its files by name."""

    name: str
    images: int
    files: dict[str, StoredFile]


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """Content of ``dataset.json``, as far as it is needed to read the arrays.

    ``bits`` are those of an index; 0 if the files hold pixels. ``colors`` is the number of colours asked for, or 0.
    ``class_numbers`` are the numbers that the labels of ``classes`` have in the files, rising. ``masks`` has the value
    of pixels without a mask by the kind of masks. ``box_classes`` are the names of the classes of boxes, None without
    boxes, and ``box_class_numbers`` the numbers that label files have for them, rising.
    """

    width: int
    height: int
    colors: int
    bits: int
    classes: tuple[str, ...]
    class_numbers: tuple[int, ...]
    splits: tuple[StoredSplit, ...]
    masks: dict[str, int] = field(default_factory=dict)
    box_classes: tuple[str, ...] | None = None
    box_class_numbers: tuple[int, ...] = ()


def read_stored_dataset(folder: RootedPath) -> StoredDataset:
    """Read the record of a folder of arrays.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UsageError
        If it is not as ICS writes it; the message names the file, the key and the value.
    """
    path = folder / DATASET
    try:
        record = read_json(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error}; run ics compress again") from None
    return _dataset_of(_Table(str(path), "", record))


def check_stored_dataset(folder: RootedPath) -> None:
    """Compare ``dataset.json`` with its hash in ``shards.json``; a folder without that, such as a copy, will do.

    Raises
    ------
    UsageError
        If it has changed, or ``shards.json`` is not as ICS writes it.
    """
    index, path = load_pack_index(folder), folder / DATASET
    recorded = [pack.sha256 for pack in index.packs if pack.name == DATASET] if index else []
    if index is None or index.state != "complete":
        return
    try:
        found = path.sha256()
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}; run ics compress again") from None
    if recorded != [found]:
        raise UsageError(f"{str(path)!r} has changed: expected what ics wrote; run ics compress again")


class _Table:
    """A JSON object whose values are checked as they are taken."""

    def __init__(self, file: str, place: str, values: object) -> None:
        self._file, self._place = file, place
        if not isinstance(values, dict):
            raise self.refused("", values, "an object")
        self.values: dict[str, Any] = values

    def refused(self, key: str, value: object, expected: str) -> UsageError:
        """Return the error about a value."""
        shown = repr(value)
        shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
        name = f"{self._place}{key}".strip(".") or "its content"
        return UsageError(f"{self._file!r}: {name}={shown}: expected {expected}; run ics compress again")

    def whole(self, key: str, low: int, high: int) -> int:
        """Return a whole number within bounds."""
        value = self.values.get(key)
        if type(value) is not int or not low <= value <= high:
            raise self.refused(key, value, f"a whole number from {low} to {high}")
        return value

    def one_of(self, key: str, values: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a text or a number
        """Return one of some values."""
        value = self.values.get(key)
        if not any(type(value) is type(one) and value == one for one in values):
            raise self.refused(key, value, " or ".join(map(repr, values)))
        return value

    def listed(self, key: str, what: str, fits: Callable[[Any], bool], most: int = _MOST) -> tuple[Any, ...]:
        """Return the values of a list if all of them fit."""
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) > most or not all(map(fits, value)):
            raise self.refused(key, value, f"a list of {what}")
        return tuple(value)

    def table(self, key: str) -> _Table:
        """Return an object within this one."""
        return _Table(self._file, f"{self._place}{key}.", self.values.get(key))


def _dataset_of(record: _Table) -> StoredDataset:
    record.one_of("format", (_FORMAT,))
    record.one_of("version", (_VERSION,))
    width, height = record.whole("width", 1, _MOST_SIDE), record.whole("height", 1, _MOST_SIDE)
    classes = record.listed("classes", "names", lambda name: isinstance(name, str))
    numbers = _class_numbers(record, "class_numbers", len(classes))
    masks, box_classes, box_numbers = _masks_of(record), *_box_classes_of(record)
    labels = [name for kind in masks for name in mask_arrays(kind)]
    labels += [] if box_classes is None else [ALL_BOXES, BOX_LABELS, BOX_STARTS]
    table = record.table("splits")
    if not table.values:
        raise record.refused("splits", table.values, "at least one split")
    splits = tuple(_split_of(table, name, labels) for name in table.values)
    kinds = {PIXELS in split.files for split in splits}
    if len(kinds) > 1:
        raise record.refused("splits", list(table.values), f"{PIXELS} in all of them or in none")
    more = masks, box_classes, box_numbers
    if kinds == {True}:
        return StoredDataset(width, height, 0, 0, classes, numbers, splits, *more)
    bits, colors = record.one_of("bits", _BITS), record.whole("colors", 1, _MOST_COLORS)
    if colors > 2**bits:
        raise record.refused("colors", colors, f"at most {2**bits} colours of {bits} bits")
    return StoredDataset(width, height, colors, bits, classes, numbers, splits, *more)


def _class_numbers(record: _Table, key: str, count: int) -> tuple[int, ...]:
    """Return the number of each class; without the key they count from 0."""
    if key not in record.values:
        return tuple(range(count))
    numbers = record.listed(key, "whole numbers", lambda value: type(value) is int and abs(value) < _MOST_LABEL)
    if len(numbers) != count or any(low >= high for low, high in pairwise(numbers)):
        raise record.refused(key, list(numbers), f"{count} numbers, rising")
    return numbers


def _masks_of(record: _Table) -> dict[str, int]:
    """Return the value of pixels without a mask, by the kind of masks; nothing without the key."""
    if "masks" not in record.values:
        return {}
    masks = record.table("masks")
    for kind in masks.values:
        if not is_mask_kind(kind):
            raise masks.refused(kind, "…", "a kind of masks in lower case letters, digits and underscores")
    return {kind: masks.table(kind).one_of("ignore", _IGNORED) for kind in masks.values}


def _box_classes_of(record: _Table) -> tuple[tuple[str, ...] | None, tuple[int, ...]]:
    """Return names and numbers of the classes of boxes; None without the key."""
    if "box_classes" not in record.values:
        return None, ()
    names = record.listed("box_classes", "names", lambda name: isinstance(name, str))
    return names, _class_numbers(record, "box_class_numbers", len(names))


def _split_of(table: _Table, name: str, labels: list[str]) -> StoredSplit:
    if not is_below(name) or "/" in name or "\\" in name or name.startswith("."):
        raise table.refused(name, "…", "the name of a folder as the name of a split")
    split = table.table(name)
    images, files = split.whole("images", 0, _MOST), split.table("files")
    needed = (PIXELS,) if PIXELS in files.values else (INDICES, PALETTES)
    names = (*needed, LABELS, IMAGE_NAMES, *labels)
    return StoredSplit(name, images, {one: _file_of(files.table(one), one) for one in names})


def _file_of(file: _Table, name: str) -> StoredFile:
    size = file.whole("bytes", 0, _MOST)
    blocks = file.table("blocks")
    block = blocks.whole("bytes", 1, _MOST)
    crc32 = blocks.listed("crc32", "CRC-32 numbers", lambda value: type(value) is int and 0 <= value <= _CRC32)
    if len(crc32) != -(-size // block):
        raise blocks.refused("crc32", crc32, f"{-(-size // block)} numbers for {size} bytes")
    if name == IMAGE_NAMES:
        return StoredFile(size, "", (), block, crc32)
    dtype = file.one_of("dtype", _DTYPES)
    shape = file.listed("shape", "at most 4 sizes", lambda side: type(side) is int and 0 <= side <= _MOST, _MOST_AXES)
    return StoredFile(size, dtype, shape, block, crc32)
