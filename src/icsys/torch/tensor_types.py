"""Arrays of pixels as tensors without a copy, also of types that NumPy lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from icsys.loading.batch_form import BFLOAT16, BFLOAT16_BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def form_dtype(dtype: Any) -> Any:  # noqa: ANN401 - of torch or of NumPy
    """Return the type that :func:`~icsys.loading.batch_form.batch_form` takes for pixels of a type of either."""
    name = str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else dtype
    # NumPy's own name where the package that brings the type is loaded; the bits do without it.
    is_bfloat16 = name == BFLOAT16 if isinstance(name, str) else getattr(name, "name", "") == BFLOAT16
    return BFLOAT16_BITS if is_bfloat16 else name


def tensor_of(array: NDArray[Any], dtype: str) -> torch.Tensor:
    """Return a tensor in the memory of an array.

    Parameters
    ----------
    array
        Any shape; uint16 for "bfloat16_bits".
    dtype
        The type of a :class:`~icsys.loading.batch_form.BatchForm`.
    """
    if dtype == BFLOAT16_BITS:
        tensor: torch.Tensor = torch.from_numpy(array.view(np.int16))
        return tensor.view(torch.bfloat16)
    plain: torch.Tensor = torch.from_numpy(array)
    return plain


def torch_dtype(name: str) -> torch.dtype:
    """Return the type of tensors for a type of a :class:`~icsys.loading.batch_form.BatchForm`, or of NumPy."""
    return torch.bfloat16 if name == BFLOAT16_BITS else getattr(torch, name)


def array_of(tensor: torch.Tensor) -> NDArray[Any]:
    """Return an array in the memory of a tensor; of bfloat16, the bits as uint16."""
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
