"""Pixels made on the device that trains: packed indices and palettes are sent there, which are far smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from icsys.loading.batch_form import level_table
from icsys.torch.tensor_types import tensor_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.loading.batch_form import BatchForm, Flags
    from icsys.loading.dataset import Dataset

_BYTE = 8
_LOWER_HALF = 0xFFFF
_SHARED = 2  # axes of a palette that all images share


class DevicePixels:
    """Makes batches of pixels on a device; the numbers equal those of :meth:`icsys.Dataset.pixels`.

    Parameters
    ----------
    data
        A dataset of arrays with indices.
    form
        The form of the pixels.
    device
        The device.

    Raises
    ------
    UsageError
        If the dataset has no indices.
    """

    def __init__(self, data: Dataset, form: BatchForm, device: torch.device) -> None:
        self._indices, self._palettes = data.indices, data.palettes
        self._bits, self._form, self._device = data.bits, form, device
        self._width = data.size[1] if data.size else 0
        if form.dtype == "uint8":
            levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        else:
            levels = level_table(form.dtype, form.mean, form.std)
        self._levels = tensor_of(levels.copy(), form.dtype).to(device)

    def batch(self, rows: NDArray[np.int64], flip: Flags) -> torch.Tensor:
        """Return the pixels of rows, mirrored where there is a flag."""
        palettes = self._palettes if len(self._palettes.shape) == _SHARED else self._palettes[rows]
        colors = self._sent(np.asarray(palettes)).long()
        values = self._levels[colors, torch.arange(3, device=self._device)]
        indices = self._unpacked(self._indices[rows])
        if flip is not None:
            flags = self._sent(flip)[:, None, None]
            indices = torch.where(flags, indices.flip(-1), indices)
        indices = indices.clamp(max=values.shape[-2] - 1).long()  # as the kernels do with indices past a palette
        if values.ndim == _SHARED:
            pixels = values[indices]
        else:
            pixels = values[torch.arange(len(rows), device=self._device)[:, None, None], indices]
        return pixels.movedim(-1, 1).contiguous() if self._form.layout == "CHW" else pixels

    def _sent(self, values: NDArray[np.generic]) -> torch.Tensor:
        sent: torch.Tensor = torch.from_numpy(np.array(values)).to(self._device)
        return sent

    def _unpacked(self, stored: NDArray[Any]) -> torch.Tensor:
        """Send packed indices; return one index a pixel. The first pixel lies in the highest bits of a byte."""
        if stored.dtype == np.uint16:  # PyTorch reckons with few unsigned numbers
            return self._sent(stored.view(np.int16)).int() & _LOWER_HALF
        packed = self._sent(stored).int()
        if self._bits == _BYTE:
            return packed
        shifts = torch.arange(_BYTE - self._bits, -1, -self._bits, device=self._device, dtype=torch.int32)
        indices = (packed[..., None] >> shifts) & (2**self._bits - 1)
        return indices.flatten(-2)[..., : self._width]
