"""What a dataset asks of each of its splits, whether they are arrays or files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.loading.batch_changes import BatchChanges
    from icsys.loading.batch_form import BatchForm
    from icsys.loading.stored_labels import SplitLabels

_SHARED = 2  # axes of a palette that all images share


class Split(Protocol):
    """A split of a dataset: its arrays, or its images in files."""

    name: str

    @property
    def has_indices(self) -> bool:
        """Whether there are indices and palettes."""

    @property
    def colors(self) -> int:
        """Number of colours in a palette; 0 without palettes."""

    @property
    def bits(self) -> int:
        """Bits of an index; 0 without indices."""

    def __len__(self) -> int: ...

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of every image, or None."""

    def size_of(self, row: int) -> tuple[int, int]:
        """Return height and width of an image."""

    @property
    def indices(self) -> NDArray[Any]:
        """Packed indices."""

    @property
    def palettes(self) -> NDArray[np.uint8]:
        """Palettes."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Numbers of classes."""

    @property
    def masks_and_boxes(self) -> SplitLabels:
        """Masks and boxes."""

    def with_masks(self, kind: str) -> Split:
        """Return the split with masks of a kind."""

    @property
    def names(self) -> list[str]:
        """Names of images."""

    def show(
        self, rows: NDArray[np.int64], form: BatchForm, changes: BatchChanges, *, out: NDArray[Any], threads: int
    ) -> None:
        """Write what a form wishes of rows, with the changes of each, into ``out``, with so many ``threads``."""

    def prepare(self) -> None:
        """Find at once what can be found without reading all."""

    def verify(self) -> None:
        """Read every byte."""


def indices_of(split: Split) -> NDArray[Any]:
    """Return the packed indices of a split."""
    return split.indices


def palettes_of_each(split: Split) -> NDArray[np.uint8]:
    """Return a palette for each image of a split, shape (N, K, 3); one that they share is there once in memory."""
    palettes = split.palettes
    return np.broadcast_to(palettes, (len(split), *palettes.shape)) if palettes.ndim == _SHARED else palettes


def masks_of(split: Split) -> NDArray[Any]:
    """Return the masks of a split."""
    return split.masks_and_boxes.masks
