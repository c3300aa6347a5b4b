"""Labels, masks and boxes of a dataset, chosen as its images are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import UsageError
from icsys.loading.given_labels import check_labels
from icsys.loading.row_selection import as_array, choose_rows, rows_by_part, without_copy
from icsys.loading.split import masks_of
from icsys.setting_fields import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    from icsys.loading.given_labels import Labels
    from icsys.loading.row_selection import ArrayRows, Rows
    from icsys.loading.split import Split
    from icsys.loading.stored_labels import SplitLabels


class DatasetLabels:
    """The labels, masks and boxes of a dataset; what :class:`~icsys.loading.dataset.Dataset` has beside pixels."""

    classes: list[str]
    _splits: tuple[Split, ...]
    _rows: Rows
    _given_labels: Labels | None

    @property
    def labels(self) -> NDArray[np.int64]:
        """Number of the class of each image, shape (N,), int64; -1 without a label."""
        if self._given_labels is not None:
            return self._given_labels
        return np.asarray(without_copy(self._splits, lambda split: split.labels, self._rows))

    def with_labels(self, labels: Sequence[str] | Sequence[int] | NDArray[Any], classes: Sequence[str] = ()) -> Self:
        """Return the same images with other labels, such as those in a table.

        Parameters
        ----------
        labels
            One for each image, in the order of ``names``: names of classes, or whole numbers. "" or -1: no label.
        classes
            The names of the classes in the order of their numbers; by default the names in ``labels``, sorted. Numbers
            may have no names: those of the images themselves, ``range(len(data))``, come with each batch of a loader,
            and choose its targets from any array.

        Raises
        ------
        UsageError
            If there is not one label for each image, or one is no such name or number.
        """
        given, names = check_labels(labels, classes, len(self._rows))
        make: Any = type(self)
        changed: Self = make(self._splits, names, self._rows, given)
        return changed

    def _labels_at(self, key: object) -> Labels | None:
        """Return the given labels of chosen images; None where those of the folder count."""
        if self._given_labels is None:
            return None
        places: Any = choose_rows(range(len(self._rows)), key)
        return self._given_labels[as_array(places)]

    @property
    def masks(self) -> NDArray[Any] | ArrayRows:
        """Masks, shape (N, H, W), uint8, or uint16 where a mask file has 16 bits; as :attr:`indices`, read when used.

        The numbers are those in the mask files. An image without a mask has 255, or 65535, everywhere.

        Raises
        ------
        UsageError
            If the folder has no masks in arrays, or several kinds: :meth:`choose_masks` takes one. It is an
            AttributeError, too, so that ``hasattr`` is false.
        """
        return without_copy(self._splits, masks_of, self._rows)

    @property
    def has_mask(self) -> NDArray[np.bool_]:
        """Whether each image has a mask, shape (N,), bool; UsageError as for :attr:`masks`."""
        return np.asarray(without_copy(self._splits, lambda split: split.masks_and_boxes.has_mask, self._rows))

    @property
    def mask_kinds(self) -> list[str]:
        """The kinds of masks: "mask" where images have one each, or the folders or endings that tell them apart."""
        return list(self._splits[0].masks_and_boxes.kinds)

    def choose_masks(self, kind: str) -> Self:
        """Return the same images with masks of another kind.

        Raises
        ------
        UsageError
            If there is no such kind.
        """
        known = self.mask_kinds
        given: Any = kind
        if not isinstance(given, str) or given not in known:
            shown = ", ".join(known) or "no kinds: the folder holds no masks in arrays"
            raise UsageError(f"masks {kind!r}: expected one of {shown}{did_you_mean(str(kind), known)}")
        splits = [split.with_masks(kind) for split in self._splits]
        make: Any = type(self)
        chosen: Self = make(splits, self.classes, self._rows, self._given_labels)
        return chosen

    @property
    def boxes(self) -> BoxRows:
        """Boxes of each image: ``boxes[i]`` is an array (m, 4) of x1, y1, x2, y2 in pixels and one of classes, (m,).

        Raises
        ------
        UsageError
            If the folder has no boxes in arrays; an AttributeError, too, so that ``hasattr`` is false.
        """
        return BoxRows([split.masks_and_boxes for split in self._splits], self._rows)

    @property
    def box_classes(self) -> list[str]:
        """Names of the classes of boxes; empty without boxes."""
        return list(self._splits[0].masks_and_boxes.box_classes)

    @property
    def box_class_numbers(self) -> list[int]:
        """The number that label files have for each of ``box_classes``, such as the id of a category of COCO."""
        return list(self._splits[0].masks_and_boxes.box_class_numbers)


class BoxRows:
    """The boxes of chosen images, which are read when they are indexed.

    An integer gives the boxes of an image, shape (m, 4), float32, x1, y1, x2, y2 in continuous pixels, and the places
    of their classes, shape (m,), int64. A slice, numbers or a mask choose images as NumPy chooses rows. Pickled, they
    take the path of the folder along.
    """

    def __init__(self, parts: Sequence[SplitLabels], rows: Rows) -> None:
        self._parts, self._rows = tuple(parts), rows
        self._starts = [0, *np.cumsum([len(part.box_starts) - 1 for part in parts], dtype=np.int64).tolist()]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - two arrays for an integer, otherwise boxes of fewer images
        chosen = choose_rows(self._rows, key)
        if not isinstance(chosen, int):
            return BoxRows(self._parts, chosen)
        one = next(rows_by_part(np.array([chosen]), self._starts))
        return self._parts[one.part].boxes_of(int(one.rows[0]))

    def __repr__(self) -> str:
        return f"BoxRows({int(self.counts.sum()):,} boxes of {len(self):,} images)"

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of boxes of each image, shape (N,), int64."""
        return np.asarray(without_copy(self._parts, lambda part: np.diff(part.box_starts), self._rows))
