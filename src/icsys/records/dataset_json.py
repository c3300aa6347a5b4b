"""``dataset.json``: sizes and types of the arrays of an output folder, with hashes of their files and blocks."""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.files.parsing import read_json
from icsys.image.arrays.image_row import RowForm
from icsys.layout import DATASET, IMAGE_NAMES, INDICES, LABELS, PALETTES, PIXELS
from icsys.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from icsys.files.rooted_path import RootedPath
    from icsys.records.classes import Classes

BYTES_OF_BLOCK = 2**24
"""Bytes of a file that one CRC-32 stands for."""

_FORMAT, _VERSION = "icsys arrays", 1
_PIECE = 2**20

SMALLEST_BLOCK = 2**12
"""Bytes of the smallest block that is checked alone: the number of blocks is bounded in a forged record."""


@dataclass(frozen=True, slots=True)
class ArrayFacts:
    """What is known of arrays before they are written.

    Attributes
    ----------
    form
        Size of the images, and number of colours.
    one_palette
        Whether all images share one palette.
    options
        Options of the run, as plain JSON values.
    """

    form: RowForm
    one_palette: bool
    options: Mapping[str, Any]

    @property
    def array(self) -> str:
        """The file with the images of a split."""
        return INDICES if self.form.colors else PIXELS

    @property
    def files(self) -> tuple[str, ...]:
        """All files of a split; the first is that of the images."""
        palettes = (PALETTES,) if self.form.colors else ()
        return (self.array, *palettes, LABELS, IMAGE_NAMES)


class HashedFile:
    """A file that is written from its beginning to its end, with its hashes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._blocks: list[int] = []
        self.size = 0

    def write(self, data: bytes) -> None:
        """Write bytes at the end."""
        self._file.write(data)
        self._digest.update(data)
        rest = memoryview(data)
        while rest:
            within = self.size % BYTES_OF_BLOCK
            piece = rest[: BYTES_OF_BLOCK - within]
            if within:
                self._blocks[-1] = zlib.crc32(piece, self._blocks[-1])
            else:
                self._blocks.append(zlib.crc32(piece))
            self.size += len(piece)
            rest = rest[len(piece) :]

    @property
    def sha256(self) -> str:
        """Hash of all bytes so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def described(self) -> dict[str, Any]:
        """Return size and hashes as plain values."""
        blocks = {"bytes": BYTES_OF_BLOCK, "crc32": self._blocks}
        return {"bytes": self.size, "sha256": self.sha256, "blocks": blocks}


def dataset_values(
    facts: ArrayFacts, classes: Classes, splits: Mapping[str, Mapping[str, Any]], labels: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of ``dataset.json``.

    Parameters
    ----------
    splits
        Number of images and description of the files of each split, by the name of its folder.
    labels
        What is to be said about masks and boxes.
    """
    form = facts.form
    if form.colors:
        stored: dict[str, Any] = {
            "colors": form.colors,
            "bits": form.bits,
            "packing": _packing(form.bits),
            "palette": "dataset" if facts.one_palette else "image",
        }
    else:
        stored = {"packing": "one uint8 each for red, green and blue of a pixel"}
    numbers = {} if classes.are_counted else {"class_numbers": classes.numbers}
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "width": form.width,
        "height": form.height,
        **stored,
        "classes": classes.names,
        **numbers,
        **labels,
        "splits": splits,
        "options": dict(facts.options),
        "tool_version": __version__,
    }


def _packing(bits: int) -> str:
    """Return in words how indices are stored."""
    if bits >= 8:  # noqa: PLR2004 - bits of a byte
        return f"one uint{bits} for each pixel"
    order = "the first pixel in the highest bits of a byte"
    return f"{bits} bit{'s' * (bits > 1)} a pixel, {order}, each row padded with zeros to whole bytes"


def read_dataset_json(path: RootedPath | Path) -> dict[str, Any]:
    """Return the content of ``dataset.json``; OSError if it cannot be read or is not as ICS writes it."""
    try:
        values = read_json(path)
    except ValueError as error:
        raise OSError(f"{str(path)!r} is not what ics has written: {error}") from None
    if not isinstance(values, dict) or (values.get("format"), values.get("version")) != (_FORMAT, _VERSION):
        raise OSError(f"{str(path)!r} is not what ics has written: expected {_FORMAT!r}, version {_VERSION}")
    return values


def holds_arrays(folder: Path) -> bool:
    """Return whether a folder holds arrays that ICS wrote."""
    try:
        read_dataset_json(folder / DATASET)
    except OSError:
        return False
    return True


def form_in(values: Mapping[str, Any]) -> RowForm:
    """Return the form of images in the content of ``dataset.json``; OSError for unexpected values."""
    width, height, colors = values.get("width"), values.get("height"), values.get("colors", 0)
    if not (_is_side(width) and _is_side(height) and type(colors) is int and 0 <= colors < 2**16 + 1):
        raise OSError(f"dataset.json has width={width!r}, height={height!r}, colors={colors!r}")
    return RowForm(int(width or 0), int(height or 0), colors)


def _is_side(value: object) -> bool:
    return type(value) is int and 1 <= value < 2**20


def damaged_blocks(path: RootedPath, values: Mapping[str, Any], name: str) -> list[str]:
    """Return the blocks of a file whose CRC-32 has changed, as texts with the positions of their bytes.

    Parameters
    ----------
    path
        The file.
    values
        Content of ``dataset.json``.
    name
        The path of the file below the output folder.
    """
    split, _, file_name = name.partition("/")
    try:
        described = values["splits"][split]["files"][file_name]
        size, expected = described["blocks"]["bytes"], described["blocks"]["crc32"]
    except (KeyError, TypeError):
        return []
    if type(size) is not int or size < SMALLEST_BLOCK or not isinstance(expected, list):
        return []
    with path.open() as file:
        end = os.fstat(file.fileno()).st_size
        found = [_crc32(file, min(size, end - begin)) for begin in range(0, end, size)]
    return _differing(found, expected, size)


def _differing(found: Sequence[int], expected: Sequence[object], size: int) -> list[str]:
    count = max(len(found), len(expected))
    return [
        f"block {number + 1} of {count}, from byte {number * size}"
        for number in range(count)
        if found[number : number + 1] != list(expected[number : number + 1])
    ]


def _crc32(file: BinaryIO, length: int) -> int:
    crc32 = 0
    while length > 0 and (piece := file.read(min(length, _PIECE))):
        crc32, length = zlib.crc32(piece, crc32), length - len(piece)
    return crc32
