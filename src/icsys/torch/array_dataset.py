"""A map-style dataset of PyTorch from what ``icsys.load`` opens, for code that brings its own ``DataLoader``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset as TorchDataset

from icsys.loading.batch_form import batch_form
from icsys.torch.argument_checks import function_or_none, loaded
from icsys.torch.tensor_types import form_dtype, tensor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.loading.dataset import Dataset


class ArrayDataset(TorchDataset):
    """Pixels, shape (3, H, W), and the label of each image; :func:`as_dataset` makes it.

    PyTorch's ``DataLoader`` asks for a whole batch at a time, so its pixels are made at once. Its worker processes get
    the path of the folder and open it themselves.
    """

    def __init__(self, data: Dataset, transform: Callable[[Any], Any] | None, **form: Any) -> None:  # noqa: ANN401
        self.data, self._transform, self._form = loaded(data), function_or_none("transform", transform), form
        self.classes = data.classes
        self.targets = data.labels

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Any, int]]:
        """Return several images; ``DataLoader`` calls it with those of a batch."""
        rows = np.asarray(indices, np.int64)
        pixels = tensor_of(self.data.pixels(rows, **self._form), self._form["dtype"])
        change = self._transform or (lambda image: image)
        return [(change(image), label) for image, label in zip(pixels, self.targets[rows].tolist(), strict=True)]


def as_dataset(
    data: Dataset,
    *,
    layout: str = "CHW",
    dtype: Any = "float32",  # noqa: ANN401 - of torch or of NumPy
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    transform: Callable[[Any], Any] | None = None,
) -> ArrayDataset:
    """Return a map-style dataset for ``torch.utils.data.DataLoader``.

    Parameters
    ----------
    data
        What :func:`icsys.load` has opened, or a view of it.
    layout, dtype, mean, std
        Of the pixels, as for :meth:`icsys.Dataset.pixels`.
    transform
        Applied to the tensor of each image.

    Raises
    ------
    UsageError
        If a value is not one of those expected.
    """
    form = batch_form(layout, form_dtype(dtype), mean, std)
    return ArrayDataset(data, transform, **form.keywords())
