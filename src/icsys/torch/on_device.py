"""Pixels and indices made on the device that trains: packed rows and palettes lie there or are sent, far smaller.

Pixels of datasets without palettes are sent as they are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from icsys.errors import UsageError
from icsys.loading.batch_form import INDEX, level_table
from icsys.torch.batch_buffers import PinnedBuffers, ReusedBuffers
from icsys.torch.tensor_types import tensor_of, torch_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.loading.batch_changes import BatchChanges
    from icsys.loading.batch_form import BatchForm
    from icsys.loading.dataset import Dataset
    from icsys.loading.row_selection import ArrayRows
    from icsys.torch.batch_buffers import Buffers

    Stored = NDArray[Any] | ArrayRows

_BYTE = 8
_LOWER_HALF = 0xFFFF
_SHARED = 2  # axes of a palette that all images share
_CHANNELS = 3
_AT_ONCE = 1 << 26  # bytes that are sent together where the whole set is sent


class Parcel(NamedTuple):
    """What a device is sent of a batch; None for what it has or needs not.

    Attributes
    ----------
    numbers
        Shape (n, 4), int64: the place of each image in ``indices``, the row and the column where its part begins, which
        may lie outside, and whether it is mirrored.
    kept
        Height and width of the parts; None for images as they are.
    indices
        As stored, of these images.
    palettes
        Shape (n, K, 3), or (K, 3) for one that all share.
    """

    numbers: torch.Tensor
    kept: tuple[int, int] | None
    indices: torch.Tensor | None
    palettes: torch.Tensor | None


class Sender:
    """Sends arrays to a device.

    Parameters
    ----------
    device
        The device.

    Raises
    ------
    UsageError
        If PyTorch cannot use it.
    """

    def __init__(self, device: torch.device) -> None:
        _check_usable(device)
        self._device = device
        # From memory that is not page-locked, only a copy that is waited for is sure to read it in time.
        self._is_cuda = device.type == "cuda"
        self.buffers: Buffers = PinnedBuffers() if self._is_cuda else ReusedBuffers(0)
        """Memory from which the device copies without making the program wait."""

    def held(self, values: NDArray[Any]) -> torch.Tensor:
        """Return a copy of values in such memory."""
        return self.buffers.copy_of(values, torch_dtype(values.dtype.name))

    def sent(self, held: torch.Tensor | None) -> Any:  # noqa: ANN401 - a tensor, or None for None
        """Return a tensor on the device."""
        return None if held is None else held.to(self._device, non_blocking=self._is_cuda)


class DevicePixels(Sender):
    """Makes batches of pixels, or of indices, on a device; the numbers equal those of :class:`icsys.Dataset`.

    Parameters
    ----------
    data
        A dataset of arrays with indices.
    form
        The form of the pixels, or of indices.
    device
        The device.
    resident
        Whether indices and palettes of all images are kept there; "auto" for where they take at most half of the memory
        that a CUDA device has free.

    Raises
    ------
    UsageError
        If the dataset has no indices, PyTorch cannot use the device, or ``resident`` is none of these.
    """

    def __init__(self, data: Dataset, form: BatchForm, device: torch.device, *, resident: bool | str = "auto") -> None:
        self._indices, self._palettes = data.indices, data.palettes
        super().__init__(device)
        self._bits, self._form = data.bits, form
        self._size = data.size or (0, 0)
        self._shares_palette = len(self._palettes.shape) == _SHARED
        self._levels = None if form.layout == INDEX else tensor_of(_levels_of(form), form.dtype).to(device)
        kept = [self._indices] if self._levels is None else [self._indices, self._palettes]
        self._all: list[torch.Tensor] | None = None
        if is_resident(resident, device, sum(map(_bytes_of, kept))):
            self._all = list(map(self._moved, kept))

    @property
    def is_resident(self) -> bool:
        """Whether all indices and palettes are on the device."""
        return self._all is not None

    def parcel(self, rows: NDArray[np.int64], changes: BatchChanges) -> Parcel:
        """Return what the device is sent for the images of rows; a thread may do that ahead."""
        numbers = np.zeros((len(rows), 4), np.int64)
        numbers[:, 0] = rows if self.is_resident else np.arange(len(rows))
        if changes.crop is not None:
            numbers[:, 1], numbers[:, 2] = changes.crop[:2]
        if changes.shift is not None:
            numbers[:, 1:3] -= np.stack(changes.shift, axis=1)
        if changes.flip is not None:
            numbers[:, 3] = changes.flip
        is_whole = changes.crop is None and changes.shift is None and changes.flip is None
        indices = None if self.is_resident else self._packed(self._indices, rows)
        palettes = None
        if changes.palettes is not None:
            palettes = self.held(changes.palettes)
        elif not self.is_resident and self._levels is not None:
            shared = self._shares_palette
            palettes = self.held(np.asarray(self._palettes)) if shared else self._packed(self._palettes, rows)
        return Parcel(self.held(numbers), None if is_whole else changes.size_of(self._size), indices, palettes)

    def images(self, parcel: Parcel) -> torch.Tensor:
        """Return the pixels of a batch, or its indices. A CUDA device makes them in its stream; nothing waits here."""
        numbers, indices, palettes = (self.sent(one) for one in (parcel.numbers, parcel.indices, parcel.palettes))
        if self._all is not None:
            indices, *every_palette = self._all
            if palettes is None and every_palette:
                every = every_palette[0]
                palettes = every if self._shares_palette else every.index_select(0, numbers[:, 0])
        if parcel.kept is not None:
            places = self._part(indices, numbers, parcel.kept)
        else:
            places = self._unpacked(indices.index_select(0, numbers[:, 0]) if self.is_resident else indices)
        colors = (self._palettes if palettes is None else palettes).shape[-2]
        if colors < 1 << self._bits:  # as the kernels do with indices past a palette
            places = places.clamp(max=colors - 1)
        return places.contiguous() if self._levels is None else self._looked_up(places.long(), palettes, self._levels)

    def batch(self, rows: NDArray[np.int64], changes: BatchChanges) -> torch.Tensor:
        """Return the pixels of rows, or their indices."""
        return self.images(self.parcel(rows, changes))

    def _packed(self, stored: Stored, rows: NDArray[np.int64]) -> torch.Tensor:
        """Return rows of stored arrays, held."""
        chosen = stored[rows]
        # PyTorch reckons with few unsigned numbers.
        return self.held(chosen.view(np.int16) if chosen.dtype == np.uint16 else chosen)

    def _moved(self, stored: Stored) -> torch.Tensor:
        """Return a whole array on the device, sent in pieces: it may be larger than the memory here."""
        kind = torch.int16 if stored.dtype == np.uint16 else torch.uint8
        whole = torch.empty(stored.shape, dtype=kind, device=self._device)
        step = max(1, _AT_ONCE * len(stored) // max(1, _bytes_of(stored)))
        for begin in range(0, len(stored), step):
            piece = np.array(stored[begin : begin + step])
            whole[begin : begin + step] = torch.from_numpy(piece.view(np.int16) if kind == torch.int16 else piece)
        return whole

    def _unpacked(self, packed: torch.Tensor) -> torch.Tensor:
        """Return one index a pixel. The first pixel lies in the highest bits of a byte."""
        if self._bits >= _BYTE:
            return packed if self._bits == _BYTE else packed.int() & _LOWER_HALF
        shifts = torch.arange(_BYTE - self._bits, -1, -self._bits, device=self._device, dtype=torch.uint8)
        indices = (packed[..., None] >> shifts) & (2**self._bits - 1)
        return indices.flatten(-2)[..., : self._size[1]]

    def _part(self, packed: torch.Tensor, numbers: torch.Tensor, kept: tuple[int, int]) -> torch.Tensor:
        """Return one index a pixel of the parts of images, mirrored where wished; edges repeat."""
        (height, width), columns = self._size, packed.shape[2]
        image, top, left, mirrored = numbers.unbind(1)
        rows, across = (torch.arange(side, device=self._device) for side in kept)
        down = (top[:, None] + rows).clamp(0, height - 1)
        across = torch.where(mirrored[:, None] > 0, kept[1] - 1 - across, across)
        across = (left[:, None] + across).clamp(0, width - 1)
        each = max(1, _BYTE // self._bits)  # pixels of a byte
        places = ((image[:, None] * height + down) * columns)[:, :, None] + (across // each)[:, None, :]
        taken = torch.take(packed, places)
        if self._bits >= _BYTE:
            return taken if self._bits == _BYTE else taken.int() & _LOWER_HALF
        shifts = (_BYTE - self._bits - self._bits * (across % each)).to(torch.uint8)
        return (taken >> shifts[:, None, :]) & (2**self._bits - 1)

    def _looked_up(self, places: torch.Tensor, palettes: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
        """Return the pixels of indices, shape (n, h, w), in palettes: one gather for all channels."""
        count, height, width = places.shape
        values = levels[palettes.long(), torch.arange(_CHANNELS, device=self._device)]
        colors = values.shape[-2]
        if self._form.layout == "CHW":
            planes = values.movedim(-1, -2).expand(count, _CHANNELS, colors)
            flat = places.reshape(count, 1, height * width).expand(count, _CHANNELS, height * width)
            return planes.gather(2, flat).view(count, _CHANNELS, height, width)
        if values.ndim > _SHARED:
            places = places + colors * torch.arange(count, device=self._device)[:, None, None]
        chosen = values.reshape(-1, _CHANNELS).index_select(0, places.reshape(-1))
        return chosen.view(count, height, width, _CHANNELS)


def _levels_of(form: BatchForm) -> NDArray[Any]:
    """Return what each level of each channel becomes, shape (256, 3)."""
    if form.dtype == "uint8":
        return np.repeat(np.arange(256, dtype=np.uint8)[:, None], _CHANNELS, axis=1)
    return level_table(form.dtype, form.mean, form.std).copy()


def _check_usable(device: torch.device) -> None:
    """Refuse a device that PyTorch has not got."""
    try:
        torch.empty(0, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as error:  # each kind of device has its own
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"device={str(device)!r} cannot be used here ({reason}): expected another, such as 'cpu'"
        ) from None


def is_resident(resident: object, device: torch.device, size: float) -> bool:
    """Return whether arrays of so many bytes are kept on a device."""
    if isinstance(resident, bool | np.bool_):
        return bool(resident)
    if not isinstance(resident, str) or resident != "auto":
        raise UsageError(f"resident={resident!r}: expected True, False or 'auto'")
    return device.type == "cuda" and size <= torch.cuda.mem_get_info(device)[0] // 2


def _bytes_of(stored: Stored) -> int:
    return math.prod(stored.shape) * stored.dtype.itemsize
