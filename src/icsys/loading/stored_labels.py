"""Masks and boxes of a split in arrays, mapped into memory when they are first used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from icsys.errors import MissingArrayError, UsageError
from icsys.layout import ALL_BOXES, BOX_LABELS, BOX_STARTS, mask_arrays
from icsys.loading.npy_file import map_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.loading.stored_dataset import StoredDataset, StoredSplit

_SIDES = 4
_BYTE_END = 255


class SplitLabels(Protocol):
    """What a dataset asks of the masks and boxes of a split.

    Attributes
    ----------
    kinds
        The kinds of masks that there are.
    box_classes, box_class_numbers
        Names of the classes of boxes, and the numbers that label files have for them; empty without boxes.
    """

    kinds: list[str]
    box_classes: list[str]
    box_class_numbers: list[int]

    @property
    def masks(self) -> NDArray[Any]:
        """Masks, shape (N, H, W), uint8 or uint16."""

    @property
    def has_mask(self) -> NDArray[np.bool_]:
        """Whether each image has a mask, shape (N,)."""

    @property
    def box_starts(self) -> NDArray[np.int64]:
        """Where the boxes of each image begin, and the end of the last, shape (N + 1,)."""

    def boxes_of(self, row: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the boxes of an image, shape (m, 4), and their classes, shape (m,)."""


class StoredLabels:
    """The masks and boxes of a split in arrays; see :class:`SplitLabels`.

    Parameters
    ----------
    folder
        The folder of all splits.
    dataset, split
        What is recorded about them.
    kind
        The kind of masks that was chosen; empty for the only one.
    """

    def __init__(self, folder: RootedPath, dataset: StoredDataset, split: StoredSplit, kind: str) -> None:
        self._folder, self._split, self._kind = folder, split, kind
        self.kinds = list(dataset.masks)
        self._has_boxes = dataset.box_classes is not None
        self.box_classes, self.box_class_numbers = list(dataset.box_classes or ()), list(dataset.box_class_numbers)

    def __getstate__(self) -> dict[str, Any]:
        """Return what they are made from, without arrays."""
        return {name: value for name, value in self.__dict__.items() if not isinstance(value, np.ndarray)}

    @cached_property
    def masks(self) -> NDArray[Any]:
        """Masks, shape (N, H, W), uint8 or uint16.

        Raises
        ------
        MissingArrayError
            If there are none, or several kinds and none was chosen.
        """
        return self._map(mask_arrays(self._chosen)[0])

    @cached_property
    def has_mask(self) -> NDArray[np.bool_]:
        """Whether each image has a mask, shape (N,); errors as those of :attr:`masks`."""
        return np.asarray(self._map(mask_arrays(self._chosen)[1]).view(np.uint8) != 0)

    @cached_property
    def box_starts(self) -> NDArray[np.int64]:
        """Where the boxes of each image begin, and the end of the last, shape (N + 1,).

        Raises
        ------
        MissingArrayError
            If there are no boxes.
        UsageError
            If numbers are out of range.
        """
        if not self._has_boxes:
            raise MissingArrayError(
                f"{str(self._folder)!r} holds no boxes in arrays: expected labels of COCO, VOC or YOLO beside the "
                "photos that ics compress --format arrays was given"
            )
        starts = np.array(self._map(BOX_STARTS))
        count = self._split.files[ALL_BOXES].shape[0]
        if starts[0] != 0 or starts[-1] != count or (starts[1:] < starts[:-1]).any():
            raise UsageError(
                f"{self._name(BOX_STARTS)} does not rise from 0 to the number of {count} boxes; remove it and run ics "
                "compress again"
            )
        return starts

    def boxes_of(self, row: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the boxes of an image, shape (m, 4), and their classes, shape (m,).

        Raises
        ------
        UsageError
            As of :attr:`box_starts`, or if a class is none of those recorded.
        """
        begin, end = self.box_starts[row : row + 2].tolist()
        boxes, labels = self._boxes[begin:end].astype(np.float32), self._box_labels[begin:end].astype(np.int64)
        wrong = (labels < 0) | (labels >= len(self.box_classes))
        if wrong.any():
            raise UsageError(
                f"{self._name(BOX_LABELS)} has the class {labels[wrong][0]}: expected one of "
                f"{len(self.box_classes)} classes; remove it and run ics compress again"
            )
        return boxes, labels

    def prepare(self) -> None:
        """Map all arrays, so that a damaged header is found at once."""
        for kind in self.kinds:
            _ = [self._map(name) for name in mask_arrays(kind)]
        if self._has_boxes:
            _ = self.box_starts, self._boxes, self._box_labels

    @cached_property
    def _boxes(self) -> NDArray[Any]:
        return self._map(ALL_BOXES)

    @cached_property
    def _box_labels(self) -> NDArray[Any]:
        return self._map(BOX_LABELS)

    @property
    def _chosen(self) -> str:
        """The kind of masks that was chosen, or the only one."""
        if not self.kinds:
            raise MissingArrayError(
                f"{str(self._folder)!r} holds no masks in arrays: expected masks of one number a pixel beside the "
                "photos that ics compress --format arrays was given"
            )
        if not self._kind and len(self.kinds) > 1:
            raise MissingArrayError(
                f"{str(self._folder)!r} holds masks of several kinds: expected one of them, such as "
                f"choose_masks({self.kinds[0]!r}); there are {', '.join(self.kinds)}"
            )
        return self._kind or self.kinds[0]

    def _map(self, name: str) -> NDArray[Any]:
        return map_array(self._folder / f"{self._split.name}/{name}", self._split.files[name])

    def _name(self, name: str) -> str:
        return repr(str(self._folder / f"{self._split.name}/{name}"))


class NoLabelArrays:
    """The masks and boxes of a split in files, which are no arrays; see :class:`SplitLabels`.

    Parameters
    ----------
    refused
        Returns the error about what is asked for.
    """

    def __init__(self, refused: Callable[[str], MissingArrayError]) -> None:
        self._refused = refused
        self.kinds: list[str] = []
        self.box_classes: list[str] = []
        self.box_class_numbers: list[int] = []

    @property
    def masks(self) -> NDArray[Any]:
        """Masks are files."""
        raise self._refused("masks")

    @property
    def has_mask(self) -> NDArray[np.bool_]:
        """Masks are files."""
        raise self._refused("masks")

    @property
    def box_starts(self) -> NDArray[np.int64]:
        """Boxes are in label files."""
        raise self._refused("boxes")

    def boxes_of(self, row: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:  # noqa: ARG002
        """Boxes are in label files."""
        raise self._refused("boxes")


def label_shapes(dataset: StoredDataset, split: StoredSplit) -> dict[str, tuple[str, list[tuple[object, ...]]]]:
    """Return the types and shapes that the arrays of masks and boxes must have, by their names."""
    expected: dict[str, tuple[str, list[tuple[object, ...]]]] = {}
    for kind, ignored in dataset.masks.items():
        masks, flags = mask_arrays(kind)
        dtype = "uint8" if ignored == _BYTE_END else "uint16"
        expected[masks] = dtype, [(split.images, dataset.height, dataset.width)]
        expected[flags] = "bool", [(split.images,)]
    if dataset.box_classes is not None:
        shape = split.files[BOX_LABELS].shape
        count = shape[0] if len(shape) == 1 else "M"
        expected |= {ALL_BOXES: ("float32", [(count, _SIDES)]), BOX_LABELS: ("int64", [(count,)])}
        expected[BOX_STARTS] = "int64", [(split.images + 1,)]
    return expected
