"""Writes the masks and boxes of a split, image by image, into arrays."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import ImageError
from icsys.image.masks.mask_numbers import mask_numbers
from icsys.layout import ALL_BOXES, BOX_LABELS, BOX_STARTS, mask_arrays
from icsys.packs.companion_names import column_of
from icsys.results import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from icsys.image.arrays.image_row import RowForm
    from icsys.packs.array_labels.survey import Survey
    from icsys.packs.companions import Companions
    from icsys.packs.read_arrays import FindsBytes
    from icsys.records.dataset_json import HashedFile

_SIDES = 4


class LabelArrays:
    """The arrays of masks and boxes of all splits, which are written one after the other.

    Parameters
    ----------
    survey
        What was found.
    form
        That of the images, whose size masks have.
    """

    def __init__(self, survey: Survey, form: RowForm, companions: Companions, finder: FindsBytes) -> None:
        self._survey, self._form = survey, form
        self._companions, self._finder = companions, finder
        self._places = survey.boxes.places() if survey.boxes else []
        self._boxes: Iterator[tuple[int, tuple[float, float, float, float], int]] = iter(())
        self._next: tuple[int, tuple[float, float, float, float], int] | None = None
        self._image = self._end = self._written = 0

    def close(self) -> None:
        """Forget the boxes."""
        if self._survey.boxes is not None:
            self._survey.boxes.close()

    @property
    def facts(self) -> dict[str, Any]:
        """What ``dataset.json`` says about masks and boxes of all splits; nothing where there are none."""
        found: dict[str, Any] = {}
        if self._survey.masks:
            ignored = {kind: int(np.iinfo(dtype).max) for kind, dtype in self._survey.masks.items()}
            found["masks"] = {kind: {"ignore": value} for kind, value in ignored.items()}
        if self._survey.boxes is not None:
            classes = self._survey.boxes.classes()
            found["boxes"] = {"from": self._survey.source, "order": "x1, y1, x2, y2 in pixels"}
            found["box_classes"] = classes.names
            found |= {"box_class_numbers": classes.numbers} if classes.numbers else {}
        return found

    def arrays(self, images: int) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Return type and shape of each array of the next split, which has so many images."""
        found: dict[str, tuple[str, tuple[int, ...]]] = {}
        for kind, dtype in self._survey.masks.items():
            masks, flags = mask_arrays(kind)
            found[masks] = dtype.newbyteorder("<").str, (images, self._form.height, self._form.width)
            found[flags] = "|b1", (images,)
        if self._survey.boxes is not None:
            count = self._survey.boxes.count(self._end, self._end + images)
            found |= {
                ALL_BOXES: ("<f4", (count, _SIDES)),
                BOX_LABELS: ("<i8", (count,)),
                BOX_STARTS: ("<i8", (images + 1,)),
            }
        return found

    def begin(self, images: int, files: Mapping[str, HashedFile]) -> None:
        """Begin the next split."""
        self._image, self._end, self._written = self._end, self._end + images, 0
        if self._survey.boxes is not None:
            self._boxes = self._survey.boxes.of(self._image, self._end)
            self._next = next(self._boxes, None)
            files[BOX_STARTS].write(struct.pack("<q", 0))

    def write(self, row: Mapping[str, Any], files: Mapping[str, HashedFile]) -> None:
        """Write what the next image has.

        Raises
        ------
        OSError
            If a mask is not as the manifest has it, or has another size than the images.
        """
        if self._survey.masks:
            self._write_masks(row, files)
        if self._survey.boxes is not None:
            self._write_boxes(files)
        self._image += 1

    def _write_masks(self, row: Mapping[str, Any], files: Mapping[str, HashedFile]) -> None:
        found = {column_of(one.name): one.row for one in self._companions.of(row) if one.row["kind"] == MASK}
        for kind, dtype in self._survey.masks.items():
            masks, flags = mask_arrays(kind)
            size = self._form.height * self._form.width * dtype.itemsize
            data = self._mask(found[kind], dtype) if kind in found else b"\xff" * size  # the highest number
            files[masks].write(data)
            files[flags].write(struct.pack("?", kind in found))

    def _mask(self, row: dict[str, Any], dtype: np.dtype[Any]) -> bytes:
        """Return the numbers of a mask as they are stored."""
        try:
            values = mask_numbers(self._finder.find(row))
        except ImageError:
            values = np.empty(0, dtype)
        if values.shape != (self._form.height, self._form.width):
            raise OSError(
                f"the mask {row['file_name']!r} has another size than this run gives: run again with --overwrite always"
            )
        return values.astype(dtype.newbyteorder("<")).tobytes()

    def _write_boxes(self, files: Mapping[str, HashedFile]) -> None:
        sides, places = bytearray(), bytearray()
        while self._next is not None and self._next[0] == self._image:
            _, one, kind = self._next
            sides += struct.pack("<4f", *one)
            places += struct.pack("<q", self._places[kind])
            self._written += 1
            self._next = next(self._boxes, None)
        files[ALL_BOXES].write(bytes(sides))
        files[BOX_LABELS].write(bytes(places))
        files[BOX_STARTS].write(struct.pack("<q", self._written))
