"""Memory for batches: used again and again, because new memory costs the system as much time as the pixels in it."""

from __future__ import annotations

import math
import threading
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from icsys.torch.tensor_types import array_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Buffers(ABC):
    """Where batches get their memory from."""

    @abstractmethod
    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of any content, C-contiguous."""

    def copy_of(self, values: NDArray[Any], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor with the values of an array; of bfloat16, the array has the bits."""
        tensor = self.take(values.shape, dtype)
        array_of(tensor)[...] = values
        return tensor


class ReusedBuffers(Buffers):
    """Tensors whose memory is used again once they are let go.

    A tensor made from an array keeps the array alive, and so does all that shares its memory: views, detached tensors,
    what autograd has saved, arrays made from it. An array that is gone, therefore, was let go by all of them.

    Parameters
    ----------
    most
        Number of arrays that are kept for reuse. If the user holds more batches, the others have memory of their own.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: list[tuple[NDArray[np.uint8], weakref.ref[NDArray[Any]]]] = []

    def __reduce__(self) -> tuple[type[ReusedBuffers], tuple[int]]:
        return ReusedBuffers, (self._most,)

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of any content, C-contiguous."""
        size = math.prod(shape) * dtype.itemsize
        if not size:
            return torch.empty(shape, dtype=dtype)
        with self._lock:  # two passes may go on at a time
            memory = self._free(size)
            given = memory[:size]
            self._kept.append((memory, weakref.ref(given)))
            del self._kept[: max(0, len(self._kept) - self._most)]
        return torch.from_numpy(given).view(dtype).view(shape)

    def _free(self, size: int) -> NDArray[np.uint8]:
        """Return free memory, no longer kept; new memory where there is none of this size."""
        for place, (memory, given) in enumerate(self._kept):
            if given() is None and len(memory) >= size:
                del self._kept[place]
                return memory
        return np.empty(size, np.uint8)


class PinnedBuffers(Buffers):
    """Tensors in page-locked memory, which a GPU copies while the program goes on.

    PyTorch hands the memory out again once the tensor is let go and the copies from it are done.
    """

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of any content, C-contiguous."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)
