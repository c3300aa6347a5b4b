"""Reads single images from arrays: the bytes that the file of each image had."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, Self

from icsys.files.bounded_lines import lines_of
from icsys.files.parsing import from_json
from icsys.image.arrays.image_row import RowForm
from icsys.layout import DATASET, IMAGE_NAMES, PALETTES
from icsys.records.dataset_json import form_in, read_dataset_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from icsys.files.rooted_path import RootedPath

_HEADER = 128  # bytes, as ICS writes ``.npy`` files


class FindsBytes(Protocol):
    """What finds the bytes of the file of a manifest row."""

    def find(self, row: dict[str, Any]) -> bytes:
        """Return the bytes; OSError if their hash is not the one in the row."""

    def open(self, row: dict[str, Any]) -> BinaryIO:
        """Open the file of a companion that is in no pack; OSError likewise."""


class ArrayReader:
    """The images of a split.

    Parameters
    ----------
    find
        Returns where a file of the output folder is, given its path.
    name
        The path of the array of the images.
    form
        The form of the arrays from ``shards.json``; by default that in ``dataset.json``.

    Raises
    ------
    OSError
        If a file cannot be read.
    """

    def __init__(self, find: Callable[[str], RootedPath], name: str, form: Sequence[int] = ()) -> None:
        self._form = RowForm(*form) if form else form_in(read_dataset_json(find(DATASET)))
        folder = name.rpartition("/")[0]
        with ExitStack() as stack:
            self._images: BinaryIO = stack.enter_context(find(name).open())
            self._names: BinaryIO = stack.enter_context(find(f"{folder}/{IMAGE_NAMES}").open())
            self._palettes: BinaryIO | None = None
            if self._form.colors:
                self._palettes = stack.enter_context(find(f"{folder}/{PALETTES}").open())
                size = os.fstat(self._palettes.fileno()).st_size
                self._is_shared = size == _HEADER + self._form.palette_bytes
            self._opened = stack.pop_all()

    def names(self) -> Iterator[str]:
        """Yield the names of the images, in order."""
        self._names.seek(0)
        for _, line in lines_of(self._names):
            try:
                yield str(from_json(line))
            except ValueError as error:
                raise OSError(f"{IMAGE_NAMES} is damaged: {error}") from None

    def image(self, number: int) -> bytes:
        """Return the file of an image; OSError if the arrays end before it."""
        row = _part(self._images, self._form.row_bytes, number)
        palette = b""
        if self._palettes is not None:
            palette = _part(self._palettes, self._form.palette_bytes, 0 if self._is_shared else number)
        return self._form.header + row + palette

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self._opened.close()


def _part(file: BinaryIO, size: int, number: int) -> bytes:
    """Return one of many equal parts of an array; its size is compared with that of the file before memory is taken."""
    begin = _HEADER + number * size
    if begin + size > os.fstat(file.fileno()).st_size:
        raise OSError("an array ends before its last image")
    file.seek(begin)
    data = file.read(size)
    if len(data) != size:
        raise OSError("an array ends before its last image")
    return data


def read_arrays(find: Callable[[str], RootedPath], name: str, form: Sequence[int] = ()) -> Generator[tuple[str, bytes]]:
    """Yield name and bytes of each image of a split, in order; OSError if a file cannot be read."""
    with ArrayReader(find, name, form) as reader:
        for number, member in enumerate(reader.names()):
            yield member, reader.image(number)
