"""A dataset as arrays for scikit-learn: read at once, or as they are indexed."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.loading.batch_changes import BatchChanges
from icsys.loading.batch_form import batch_form, index_form
from icsys.loading.dataset_labels import DatasetLabels
from icsys.loading.row_selection import ArrayRows, as_array
from icsys.setting_fields import Choice, Switch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.loading.batch_form import BatchForm
    from icsys.loading.split import Split

_FORMS = ("pixels", "indices")


class NumpyExport(DatasetLabels):
    """What scikit-learn asks of a dataset; a part of :class:`~icsys.loading.dataset.Dataset`."""

    def to_numpy(
        self,
        X: str = "pixels",  # noqa: N803 - scikit-learn's name
        *,
        lazy: bool = False,
        flat: bool = False,
    ) -> tuple[NDArray[Any] | ArrayRows, NDArray[np.int64]]:
        """Return all images and their labels.

        Parameters
        ----------
        X
            "pixels", shape (N, H, W, 3), uint8; or "indices", shape (N, H, W), uint8 or uint16, one index a pixel.
        lazy
            Whether images stay on the disk: ``X`` is an :class:`~icsys.loading.row_selection.ArrayRows`. Indexing it,
            as ``train_test_split`` and cross-validation do, reads the rows that are asked for; ``numpy.asarray`` reads
            all. If False, all are read now.
        flat
            Whether each image is one row of numbers, shape (N, H * W * 3) or (N, H * W), as estimators take it.

        Returns
        -------
        X, y
            The images, and ``labels``.

        Raises
        ------
        UsageError
            If the images have several sizes, or there are no indices.
        """
        form = self._form_of(Choice(_FORMS, exact=True).accept("X", X))
        lazy, flat = Switch().accept("lazy", lazy), Switch().accept("flat", flat)
        numbers = as_array(self._rows)
        size = self._size(numbers) or (0, 0)
        images_of: Any = partial(_SplitImages, form=form, size=size, flat=flat)
        images = ArrayRows(self._splits, images_of, self._rows)
        if lazy:
            return images, np.array(self.labels)
        read = np.empty(form.shape(len(numbers), *size), form.array_dtype)
        self._show(numbers, form, BatchChanges(), read, 1)
        return read.reshape(images.shape), np.array(self.labels)

    def to_bunch(self, X: str = "pixels") -> Any:  # noqa: ANN401, N803 - a Bunch
        """Return all images as scikit-learn's own datasets come: a :class:`sklearn.utils.Bunch`.

        Its ``images`` are those of :meth:`to_numpy`, ``data`` the same with one row an image, ``target`` the labels,
        and ``target_names`` the classes.
        """
        from sklearn.utils import Bunch  # noqa: PLC0415 - it takes a second to load

        images, labels = self.to_numpy(X)
        data = np.asarray(images).reshape(len(images), math.prod(images.shape[1:]))
        return Bunch(
            data=data, images=images, target=labels, target_names=np.array(self.classes, dtype=str), DESCR=repr(self)
        )

    def _form_of(self, X: str) -> BatchForm:  # noqa: N803 - as above
        if X == "pixels":
            return batch_form("HWC", "uint8", None, None)
        for split in self._splits:
            _ = split.indices  # which raises the error that says why there are none
        return index_form(self._splits[0].bits)

    def _size(self, rows: NDArray[np.int64] | None = None) -> tuple[int, int] | None:
        raise NotImplementedError

    def _show(
        self, rows: NDArray[np.int64], form: BatchForm, changes: BatchChanges, out: NDArray[Any], threads: int
    ) -> None:
        raise NotImplementedError


class _SplitImages:
    """The images of a split as an array whose rows are read as they are indexed.

    Parameters
    ----------
    split
        The split.
    form
        What is shown of an image.
    size
        Height and width of the images.
    flat
        Whether an image is one row of numbers.
    """

    def __init__(self, split: Split, form: BatchForm, size: tuple[int, int], *, flat: bool) -> None:
        self._split, self._form, self._size, self.dtype = split, form, size, form.array_dtype
        count, *each = form.shape(len(split), *size)
        self.shape = (count, math.prod(each)) if flat else (count, *each)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        out = np.empty(self._form.shape(len(rows), *self._size), self.dtype)
        self._split.show(rows, self._form, BatchChanges(), out=out, threads=1)
        return out.reshape(len(rows), *self.shape[1:])
