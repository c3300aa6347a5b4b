"""A split in image files, or in packs of them: its images are decoded when they are asked for."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.choices import ARRAYS
from icsys.errors import ImageError, MissingArrayError, UsageError
from icsys.files.failure_reason import failure_reason
from icsys.image.read_output import read_pixels
from icsys.layout import MANIFEST, NO_SPLIT, UNPACKED
from icsys.loading.batch_form import show_pixels
from icsys.loading.stored_labels import NoLabelArrays
from icsys.packs.arrays_format import folder_of_split
from icsys.packs.read_file_or_pack import OutputPlace, OutputReader
from icsys.records.classes import number_classes
from icsys.records.label import from_columns
from icsys.records.manifest import is_done_image, read_rows, row_kind
from icsys.records.output_folders import missing_manifest
from icsys.records.pack_index import load_pack_index
from icsys.records.run_json import read_run
from icsys.results import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.loading.batch_changes import BatchChanges
    from icsys.loading.batch_form import BatchForm
    from icsys.records.label import Label

_AT_ONCE = 256  # files that are read before they are decoded or compared


class FolderSplit:
    """The images of a split.

    Sent to another process, it takes the path of the folder along and reads the manifest there.

    Parameters
    ----------
    folder
        The output folder.
    name
        The folder of the split, or "all".
    images
        What :func:`read_folder` has found.
    """

    has_indices = False
    colors = bits = 0

    def __init__(self, folder: RootedPath, name: str, images: FolderImages) -> None:
        self.name, self._folder, self.images, self._stamp = name, folder, images, images.stamp

    def __len__(self) -> int:
        return len(self.images.rows[self.name])

    def __getstate__(self) -> dict[str, Any]:
        """Return what the split is made from, without the rows of the manifest."""
        return {"name": self.name, "_folder": self._folder, "_stamp": self._stamp}

    @cached_property
    def images(self) -> FolderImages:
        """What the manifest says, which another process reads again."""
        images = read_folder(self._folder)
        if images.stamp != self._stamp:
            raise UsageError(f"the manifest in {str(self._folder)!r} has changed since it was loaded: load it again")
        return images

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Places of the labels in ``classes``, shape (N,); -1 for an image without a label."""
        return np.array([row.label for row in self._rows], np.int64)

    @cached_property
    def names(self) -> list[str]:
        """Names of the images, without the folder of the split."""
        begin = 0 if self.name == NO_SPLIT else len(self.name) + 1
        return [row.place.output[begin:] for row in self._rows]

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width, if all images share them."""
        sizes = self.images.sizes
        return next(iter(sizes)) if len(sizes) == 1 else None

    def size_of(self, row: int) -> tuple[int, int]:
        """Return height and width of an image."""
        return self._rows[row].size

    @property
    def indices(self) -> NDArray[Any]:
        """Image files give pixels only."""
        raise self._no_arrays("indices")

    @property
    def palettes(self) -> NDArray[np.uint8]:
        """Image files give pixels only."""
        raise self._no_arrays("palettes")

    @property
    def masks_and_boxes(self) -> NoLabelArrays:
        """Masks and label files are files, too."""
        return NoLabelArrays(self._no_arrays)

    def with_masks(self, kind: str) -> FolderSplit:  # noqa: ARG002 - there is none to choose
        """Return the same split."""
        return self

    def show(
        self, rows: NDArray[np.int64], form: BatchForm, changes: BatchChanges, *, out: NDArray[Any], threads: int
    ) -> None:
        """Write the pixels of rows, with the changes of each, into ``out``, with so many ``threads`` that decode."""
        for begin in range(0, len(rows), _AT_ONCE):
            here = slice(begin, begin + _AT_ONCE)
            numbers = rows[here].tolist()
            chosen, files = [self._rows[row] for row in numbers], self._read(numbers)
            with ThreadPoolExecutor(threads) as decoders:
                pixels = np.stack(list(decoders.map(_decoded, chosen, files)))
            show_pixels(changes.at(here).applied_to(pixels), form, out[here])

    def prepare(self) -> None:
        """Read the list of packs; the manifest is read already, and files are decoded one by one."""
        _ = self._reader

    def verify(self) -> None:
        """Read every file; UsageError if one differs from its row in the manifest, which the message names."""
        for begin in range(0, len(self), _AT_ONCE):
            numbers = range(begin, min(begin + _AT_ONCE, len(self)))
            for row, data in zip(self._rows[begin : begin + _AT_ONCE], self._read(numbers), strict=True):
                if hashlib.sha256(data).hexdigest() != row.sha256:
                    where = row.place.output if row.place.pack is None else row.place.pack
                    raise UsageError(
                        f"{row.place.output!r} has changed: expected what ics wrote; remove {where!r} and run ics "
                        "compress again"
                    )

    @property
    def _rows(self) -> list[_Row]:
        return self.images.rows[self.name]

    @cached_property
    def _reader(self) -> OutputReader:
        return OutputReader(self._folder, [row.place for row in self._rows])

    def _read(self, rows: Sequence[int]) -> list[bytes]:
        """Return the bytes of files."""
        try:
            return self._reader.read(rows)
        except OSError as error:
            reason = failure_reason(error)[1]
            raise UsageError(f"{str(self._folder)!r}: {reason}; run ics compress again") from None

    def _no_arrays(self, what: str) -> MissingArrayError:
        index = load_pack_index(self._folder)
        if index is not None and index.format == ARRAYS and (self._folder / UNPACKED).is_dir():
            return MissingArrayError(
                f"{str(self._folder)!r} holds a run of --format arrays that is not at its end, so no {what} yet: "
                "expected a finished one; run ics compress again; .pixels() gives the images that are done"
            )
        return MissingArrayError(
            f"{str(self._folder)!r} holds image files, which have no {what} in arrays: expected a folder that "
            "ics compress --format arrays has written; .pixels() works for both"
        )


class _Row(NamedTuple):
    """What is needed of a row of the manifest."""

    place: OutputPlace
    sha256: str
    size: tuple[int, int]
    label: int


class FolderImages(NamedTuple):
    """The images of an output folder by split, the classes, the sizes, and size and time of the manifest."""

    rows: dict[str, list[_Row]]
    classes: tuple[str, ...]
    sizes: set[tuple[int, int]]
    stamp: tuple[int, int]


def read_folder(folder: RootedPath) -> FolderImages:
    """Read the manifest of an output folder; its splits, and the images of each, are sorted by name, as in arrays.

    Raises
    ------
    UsageError
        If there is no manifest, or it cannot be read.
    """
    path = folder / MANIFEST
    try:
        status = path.status()
        if status is None:
            raise missing_manifest(Path(str(folder)))
        done = dict(_done_rows(folder))
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}; check its permissions") from None
    names = read_run(folder).get("classes")
    table = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    classes = number_classes({from_columns(row) for row in done.values()}, table)
    by_number = {number: place for place, number in enumerate(classes.numbers)}
    by_name = {name: by_number[number] for name, number in classes.numbering().items()}
    rows: dict[str, list[_Row]] = {}
    for name in sorted(done):
        row = done[name]
        place = OutputPlace(name, row.get("shard"), row["bytes"], row.get("member") or "", row.get("sample") or "")
        label = _place_of(from_columns(row), by_number, by_name)
        kept = _Row(place, row["sha256"], (row["height"], row["width"]), label)
        rows.setdefault(folder_of_split(name), []).append(kept)
    sizes = {row.size for split in rows.values() for row in split}
    rows = dict(sorted(rows.items())) or {NO_SPLIT: []}
    return FolderImages(rows, tuple(classes.names), sizes, (status.st_size, status.st_mtime_ns))


def _place_of(label: Label, by_number: dict[int, int], by_name: dict[str, int]) -> int:
    """Return the place of a label among the classes; -1 for none."""
    if label.name is None:
        return -1
    return by_name[label.name] if label.number is None else by_number[label.number]


def _done_rows(folder: RootedPath) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the last row of each image that is done."""
    last: dict[str, dict[str, Any]] = {}
    for _, row in read_rows(folder / MANIFEST):
        if "file_name" in row and row_kind(row) == IMAGE:
            last[row["file_name"]] = row
    return ((name, row) for name, row in last.items() if is_done_image(row))


def _decoded(row: _Row, data: bytes) -> NDArray[np.uint8]:
    """Return the pixels of a file; an error names it."""
    try:
        pixels = read_pixels(data)
    except ImageError as error:
        raise ImageError(error.code, f"{row.place.output!r}: {error}") from error
    if pixels.shape[:2] != row.size:
        raise ImageError("corrupt", f"{row.place.output!r} has another size than its row in the manifest says")
    return pixels
