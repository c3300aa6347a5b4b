"""One batch of tensors: pixels or indices, and targets, changed alike, on the processor or on another device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import torch

from icsys.errors import UsageError
from icsys.loading.batch_form import INDEX
from icsys.setting_fields import Choice
from icsys.torch.batch_buffers import PinnedBuffers, ReusedBuffers
from icsys.torch.on_device import DevicePixels, Sender, is_resident
from icsys.torch.tensor_types import array_of, torch_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.loading.batch_changes import BatchChanges
    from icsys.loading.batch_form import BatchForm
    from icsys.loading.dataset import Dataset
    from icsys.torch.batch_buffers import Buffers

TargetKind: TypeAlias = Literal["labels", "masks"]
Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor]

_TARGETS = ("labels", "masks")


class BatchMaker:
    """Makes batches of a dataset.

    Parameters
    ----------
    data
        The images.
    form
        The form of their pixels, or of indices.
    target
        What comes with them.
    threads
        Number of threads for the images of a batch.

    Raises
    ------
    UsageError
        If the dataset has no such targets.
    """

    def __init__(self, data: Dataset, form: BatchForm, target: TargetKind, threads: int) -> None:
        target = cast("TargetKind", Choice(_TARGETS, exact=True).accept("target", target))
        self._data, self._form, self._target, self._threads = data, form, target, threads
        self._buffers: Buffers = ReusedBuffers(0)
        self._sender: Sender | None = None
        self._on_device: DevicePixels | None = None
        if target == "masks":
            _ = data.masks  # which raises the error that says why there are none

    def choose_memory(self, *, most: int, pin: bool) -> None:
        """Choose that batches are in page-locked memory, or in that of up to ``most`` earlier ones."""
        if pin and not torch.cuda.is_available():
            raise UsageError("pin=True is for copies to a GPU, and PyTorch finds none here: expected pin=False")
        self._buffers = PinnedBuffers() if pin else ReusedBuffers(most)

    def choose_device(self, device: torch.device, *, resident: bool | str) -> None:
        """Choose that images are made on a device from packed rows and palettes, which are kept there or sent.

        Where the dataset has none, the pixels are sent.
        """
        if self._data.bits:
            self._sender = self._on_device = DevicePixels(self._data, self._form, device, resident=resident)
            return
        self._sender = Sender(device)
        self._buffers = self._sender.buffers
        if is_resident(resident, device, math.inf):
            raise UsageError("resident=True for images without indices, whose pixels are sent: expected no resident")

    def begin(self, rows: NDArray[np.int64], changes: BatchChanges) -> tuple[Any, torch.Tensor]:
        """Return what a batch of rows is made from, as far as the processor makes it; a thread may do that ahead."""
        if self._on_device is None:
            return self._images(rows, changes), self._targets(rows, changes)
        return self._on_device.parcel(rows, changes), self._targets(rows, changes)

    def end(self, begun: tuple[Any, torch.Tensor]) -> Batch:
        """Return the batch. Work of a GPU is queued in the current stream of the thread that calls this."""
        if self._sender is None:
            return begun
        images = self._sender.sent(begun[0]) if self._on_device is None else self._on_device.images(begun[0])
        return images, self._sender.sent(begun[1])

    def _images(self, rows: NDArray[np.int64], changes: BatchChanges) -> torch.Tensor:
        """Return pixels, or indices, on the processor."""
        wished = {"threads": self._threads, **changes.moves()}
        size, kind = self._data.size or (0, 0), torch_dtype(self._form.dtype)
        if self._form.layout == INDEX:
            indices = self._buffers.take(self._form.shape(len(rows), *changes.size_of(size)), kind)
            self._data.unpacked_indices(rows, **wished, out=array_of(indices))
            return indices
        wished |= self._form.keywords() | {"palettes": changes.palettes}
        if self._data.size is None:  # files of several sizes, which take longer to decode than to copy
            return self._buffers.copy_of(self._data.pixels(rows, **wished), kind)
        pixels = self._buffers.take(self._form.shape(len(rows), *changes.size_of(size)), kind)
        self._data.pixels(rows, **wished, out=array_of(pixels))
        return pixels

    def _targets(self, rows: NDArray[np.int64], changes: BatchChanges) -> torch.Tensor:
        """Return labels, or masks that are changed as the images are."""
        if self._target == "labels":
            return self._held(self._data[rows].labels)  # which reads no others
        masks = changes.applied_to(self._data.masks[rows][..., None])[..., 0]
        # PyTorch supports few operations on uint16.
        return self._held(masks.astype(np.int32) if masks.dtype == np.uint16 else masks)

    def _held(self, values: NDArray[Any]) -> torch.Tensor:
        """Return values in memory from which they are copied to where they are needed."""
        if self._sender is not None:
            return self._sender.held(values)
        if isinstance(self._buffers, PinnedBuffers):
            return self._buffers.copy_of(values, torch_dtype(values.dtype.name))
        tensor: torch.Tensor = torch.from_numpy(values)
        return tensor
