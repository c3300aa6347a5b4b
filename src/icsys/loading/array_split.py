"""A split in arrays: indices and palettes, or pixels, mapped into memory when they are first used."""

from __future__ import annotations

import zlib
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import MissingArrayError, UsageError
from icsys.files.bounded_lines import lines_of
from icsys.files.parsing import from_json
from icsys.image.arrays.expand import expand_batch, unpack_batch
from icsys.image.arrays.packing import index_dtype, packed_width
from icsys.layout import DATASET, IMAGE_NAMES, INDICES, LABELS, PALETTES, PIXELS
from icsys.loading.batch_form import INDEX, show_pixels
from icsys.loading.npy_file import map_array
from icsys.loading.stored_dataset import check_stored_dataset, read_stored_dataset
from icsys.loading.stored_labels import StoredLabels, label_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.loading.batch_changes import BatchChanges
    from icsys.loading.batch_form import BatchForm
    from icsys.loading.stored_dataset import StoredDataset, StoredFile, StoredSplit

_RGB = 3
_UNLABELLED = -1
_AT_ONCE = 2**16  # labels


class ArraySplit:
    """The arrays of a split. Sent to another process, it takes their paths along and maps them there.

    Parameters
    ----------
    folder
        The folder of all splits.
    dataset, split
        What is recorded about them.
    kind
        The kind of masks that was chosen; empty for the only one.

    Raises
    ------
    UsageError
        If the shapes of the arrays do not fit each other.
    """

    def __init__(self, folder: RootedPath, dataset: StoredDataset, split: StoredSplit, kind: str = "") -> None:
        self.name, self._folder, self._dataset, self._split, self._kind = split.name, folder, dataset, split, kind
        self.size = dataset.height, dataset.width
        self._is_current = True  # the record was read just now
        self._check_shapes()

    def __len__(self) -> int:
        return self._split.images

    def __getstate__(self) -> dict[str, Any]:
        """Return what the split is made from, without memory maps."""
        stored = {name: self.__dict__[name] for name in ("name", "_folder", "_dataset", "_split", "_kind", "size")}
        return stored | {"_is_current": False}

    @property
    def has_indices(self) -> bool:
        """Whether there are indices and palettes."""
        return PIXELS not in self._split.files

    @property
    def colors(self) -> int:
        """The number of palette rows; 0 without palettes."""
        return self._split.files[PALETTES].shape[-2] if self.has_indices else 0

    @property
    def bits(self) -> int:
        """Bits of an index; 0 without indices."""
        return self._dataset.bits

    def size_of(self, row: int) -> tuple[int, int]:  # noqa: ARG002 - all images have one size
        """Return height and width of an image."""
        return self.size

    @cached_property
    def indices(self) -> NDArray[Any]:
        """Packed indices, shape (N, H, ceil(W * bits / 8)), uint8, or (N, H, W), uint8 or uint16."""
        return self._map(INDICES)

    @cached_property
    def palettes(self) -> NDArray[np.uint8]:
        """Palettes, shape (N, K, 3), or (K, 3) for one that all images share, uint8."""
        return self._map(PALETTES)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Places of the labels among the classes, shape (N,); -1 for an image without a label."""
        labels, numbers = self._map(LABELS), np.array(self._dataset.class_numbers, np.int64)
        is_counted = np.array_equal(numbers, np.arange(len(numbers)))
        if is_counted and (not len(labels) or (labels.min() >= _UNLABELLED and labels.max() < len(numbers))):
            return labels
        places = np.empty(len(labels), np.int64)
        for begin in range(0, len(labels), _AT_ONCE):
            here = slice(begin, begin + _AT_ONCE)
            places[here] = self._places_of(labels[here], numbers, begin)
        return places

    def _places_of(self, labels: NDArray[np.int64], numbers: NDArray[np.int64], begin: int) -> NDArray[np.int64]:
        """Return the places of labels among the numbers of the classes, whose first is of image ``begin``."""
        places = np.searchsorted(numbers, labels)
        is_known = (
            numbers[np.minimum(places, len(numbers) - 1)] == labels if len(numbers) else np.zeros(len(labels), bool)
        )
        wrong = np.flatnonzero(~is_known & (labels != _UNLABELLED))
        if len(wrong):
            raise UsageError(
                f"{str(self._path(LABELS))!r} has the label {labels[wrong[0]]} at image {begin + wrong[0]}: expected "
                f"the number of one of {len(numbers)} classes, or {_UNLABELLED}; remove it and run ics compress again"
            )
        return np.where(is_known, places, _UNLABELLED)

    @cached_property
    def masks_and_boxes(self) -> StoredLabels:
        """The masks and boxes."""
        self._check_record()
        return StoredLabels(self._folder, self._dataset, self._split, self._kind)

    def with_masks(self, kind: str) -> ArraySplit:
        """Return the split with masks of a kind."""
        self._check_record()
        return ArraySplit(self._folder, self._dataset, self._split, kind)

    @cached_property
    def names(self) -> list[str]:
        """Names of the images, read when they are first used."""
        self._is_current = False
        self._check_record()
        path, names = self._path(IMAGE_NAMES), []
        with suppress(OSError, ValueError), path.open() as file:
            for _, line in lines_of(file):
                names.append(from_json(line))
                if len(names) > len(self) or not isinstance(names[-1], str):
                    break
        if len(names) != len(self) or not all(isinstance(name, str) for name in names):
            raise UsageError(
                f"{str(path)!r} does not hold {len(self)} names, each a JSON text in a line: wrong from line "
                f"{len(names)} on; remove it and run ics compress again"
            )
        return names

    def show(
        self, rows: NDArray[np.int64], form: BatchForm, changes: BatchChanges, *, out: NDArray[Any], threads: int
    ) -> None:
        """Write what a form wishes of rows, with the changes of each, into ``out``, with so many ``threads``."""
        more: Any = {"bits": self._dataset.bits, "width": self._dataset.width, "out": out, "threads": threads}
        if form.layout == INDEX:
            unpack_batch(self.indices, rows, colors=self.colors, **more, **changes.moves())
        elif self.has_indices:
            more |= form.expand_keywords() | changes.keywords()
            expand_batch(self.indices, self.palettes, rows, **more)
        else:
            show_pixels(changes.applied_to(self._pixels[rows]), form, out)

    def prepare(self) -> None:
        """Map all arrays, so that a damaged header is found at once."""
        _ = (self.indices, self.palettes) if self.has_indices else self._pixels
        _ = self.labels
        self.masks_and_boxes.prepare()

    def verify(self) -> None:
        """Read every byte of the files.

        Raises
        ------
        UsageError
            If a block differs from what was written; the message names file and block. Likewise ``dataset.json``.
        """
        check_stored_dataset(self._folder)
        self._is_current = False
        self._check_record()
        for name, stored in self._split.files.items():
            _check_blocks(self._path(name), stored)

    @cached_property
    def _pixels(self) -> NDArray[np.uint8]:
        return self._map(PIXELS)

    def _path(self, name: str) -> RootedPath:
        return self._folder / f"{self.name}/{name}"

    def _map(self, name: str) -> NDArray[Any]:
        if name not in self._split.files:
            raise MissingArrayError(
                f"{str(self._folder)!r} holds pixels of all colours (strategy SO), and no "
                f"{name.partition('.')[0]}: expected a folder of few colours; .pixels() works for both"
            )
        self._check_record()
        return map_array(self._path(name), self._split.files[name])

    def _check_record(self) -> None:
        """Refuse a folder whose arrays were written anew after they were loaded: a run since, or an edited record."""
        if self._is_current:
            return
        try:
            is_same = read_stored_dataset(self._folder) == self._dataset
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise UsageError(f"{str(self._folder / DATASET)!r} has changed since it was loaded: load it again")
        self._is_current = True

    def _check_shapes(self) -> None:
        """Hold the recorded shapes and types against each other; the headers of the files are held against these."""
        count, (height, width), bits = self._split.images, self.size, self._dataset.bits
        packed = packed_width(bits, width)
        expected: dict[str, tuple[str, list[tuple[object, ...]]]] = {
            LABELS: ("int64", [(count,)]),
            PIXELS: ("uint8", [(count, height, width, _RGB)]),
            INDICES: (index_dtype(bits or 8).name, [(count, height, packed)]),
            **label_shapes(self._dataset, self._split),
        }
        for name, stored in self._split.files.items():
            if name == IMAGE_NAMES:
                continue
            rows = stored.shape[-2] if len(stored.shape) > 1 and 1 <= stored.shape[-2] <= 2**bits else "K"
            dtype, shapes = expected.get(name, ("uint8", [(count, rows, _RGB), (rows, _RGB)]))
            if stored.dtype != dtype or stored.shape not in shapes:
                shown = " or ".join(map(str, shapes))
                raise UsageError(
                    f"{str(self._path(name))!r} is recorded as {stored.dtype} {stored.shape}: expected {dtype} {shown} "
                    f"for {count} images of {width} x {height} pixels; run ics compress again"
                )


def _check_blocks(path: RootedPath, stored: StoredFile) -> None:
    """Compare the blocks of a file with their CRC-32."""
    try:
        with path.open() as file:
            for number, expected in enumerate(stored.crc32):
                begin = number * stored.block_bytes
                block = min(stored.block_bytes, stored.bytes - begin)
                if _crc32_of(file, block) != expected:
                    raise UsageError(
                        f"{str(path)!r} has changed in block {number + 1} of {len(stored.crc32)} (from byte {begin}): "
                        "expected what ics wrote; remove it and run ics compress again"
                    )
            if file.read(1):
                raise UsageError(
                    f"{str(path)!r} is longer than the {stored.bytes} bytes that ics wrote; remove it and run ics "
                    "compress again"
                )
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}; run ics compress again") from None


def _crc32_of(file: Any, length: int) -> int:  # noqa: ANN401 - a binary file
    """Return the CRC-32 of the next bytes, in pieces: a forged record may ask for a block larger than the memory."""
    found = 0
    while length > 0 and (piece := file.read(min(length, 2**20))):
        found, length = zlib.crc32(piece, found), length - len(piece)
    return found
