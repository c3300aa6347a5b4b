"""Whole batches of tensors from what ``icsys.load`` opens: no step is done image by image in Python."""

from __future__ import annotations

import queue
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from icsys.errors import UsageError
from icsys.loading.batch_form import batch_form
from icsys.setting_fields import whole_number
from icsys.torch.on_device import DevicePixels
from icsys.torch.tensor_types import form_dtype, tensor_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from icsys.loading.dataset import Dataset

    Batch = tuple[torch.Tensor, torch.Tensor]

_MOST = 2**31 - 1
_MOST_PREFETCHED = 1024
_WAIT = 0.1  # seconds between looks at whether a pass is over
_ORDER, _FLIPS = 0, 1  # what random numbers are for


@dataclass(eq=False, repr=False)
class BatchLoader:
    """An iterable of batches (pixels, labels) for training; ``icsys.torch.loader`` is its short name.

    A pass over it is one epoch, which is over with its last batch: each has an order of its own. A pass that is broken
    off before begins again.

    Parameters
    ----------
    data
        What :func:`icsys.load` has opened, or a view of it.
    batch_size
        Images in a batch; the last may have fewer.
    shuffle
        Whether each epoch has its own random order.
    seed
        Decides orders and flips, together with the number of the epoch: the same batches, whatever threads there are.
    device
        Where the tensors are. For another device than "cpu", packed indices and palettes are sent there and become
        pixels on it.
    layout, dtype, mean, std
        Of the pixels, as for :meth:`icsys.Dataset.pixels`.
    flip
        Whether half of the images, chosen anew for each epoch, are mirrored left to right.
    drop_last
        Whether a last batch with fewer images, and images that do not divide evenly among processes, are left out.
    threads
        Number of threads that make the pixels of a batch.
    prefetch
        Number of batches made ahead by a thread; 0 makes each when it is asked for.
    rank, world
        Number of this process, and of all processes that train together. Each gets equally many images; unless
        ``drop_last``, a few are given twice for that.
    epoch
        Number of the first epoch.

    Raises
    ------
    UsageError
        If a value is not one of those expected.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> import icsys
    >>> from icsys.torch import loader
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat/a.png", "cat/b.png", "dog/a.png"):
    ...         Path(folder, "in", name).parent.mkdir(parents=True, exist_ok=True)
    ...         Image.linear_gradient("L").save(Path(folder, "in", name))
    ...     options = icsys.Options(colors=4, size="8x8")
    ...     _ = icsys.compress_folder(Path(folder, "in"), Path(folder, "out"), options)
    ...     for pixels, labels in loader(icsys.load(Path(folder, "out")), 2, shuffle=False):
    ...         print(tuple(pixels.shape), labels.tolist())
    (2, 3, 8, 8) [0, 0]
    (1, 3, 8, 8) [1]
    """

    data: Dataset
    batch_size: int
    shuffle: bool = True
    seed: int = 0
    device: str | torch.device = "cpu"
    layout: str = "CHW"
    dtype: Any = "float32"
    mean: Sequence[float] | float | None = None
    std: Sequence[float] | float | None = None
    flip: bool = False
    drop_last: bool = False
    threads: int = 1
    prefetch: int = 2
    rank: int = 0
    world: int = 1
    epoch: int = 0
    _given: int = field(default=0, init=False)  # batches of the epoch that were given out
    _goes_on: bool = field(default=False, init=False)  # whether the next pass begins behind these

    def __post_init__(self) -> None:
        """Check all values."""
        self._form = batch_form(self.layout, form_dtype(self.dtype), self.mean, self.std)
        lowest = {"batch_size": 1, "seed": 0, "threads": 1, "prefetch": 0, "world": 1, "rank": 0, "epoch": 0}
        highest = {"threads": 4096, "prefetch": _MOST_PREFETCHED, "rank": self.world - 1}
        for name, low in lowest.items():
            setattr(self, name, whole_number(name, getattr(self, name), low, highest.get(name, _MOST)))
        self._on_device = None
        if torch.device(self.device).type != "cpu":
            self._on_device = DevicePixels(self.data, self._form, torch.device(self.device))

    def __len__(self) -> int:
        """Return the number of batches of an epoch, for this process."""
        images = self._images_each()
        return images // self.batch_size if self.drop_last else -(-images // self.batch_size)

    def __iter__(self) -> Generator[Batch]:
        self._given, self._goes_on = self._given if self._goes_on else 0, False
        return self._pass(self.epoch, self._given)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass, which begins with its first batch."""
        self.epoch, self._given, self._goes_on = whole_number("epoch", epoch, 0, _MOST), 0, False

    def state_dict(self) -> dict[str, int]:
        """Return where training is: the epoch, and the number of its batches that were given out, with the seed."""
        return {"epoch": self.epoch, "batch": self._given} | self._fixed()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where :meth:`state_dict` was taken: the next pass has the rest of that epoch.

        Raises
        ------
        UsageError
            If it is of a loader with another seed, other sizes, or another number of images or processes.
        """
        for name, value in self._fixed().items():
            if state.get(name) != value:
                raise UsageError(f"the state has {name}={state.get(name)!r}: expected {value}, as this loader has")
        self.epoch = whole_number("epoch", state.get("epoch"), 0, _MOST)
        self._given, self._goes_on = whole_number("batch", state.get("batch"), 0, len(self)), True

    def _fixed(self) -> dict[str, int]:
        """Return what decides which images are in which batch."""
        names = ("seed", "batch_size", "world", "shuffle", "drop_last")
        return {name: int(getattr(self, name)) for name in names} | {"images": len(self.data)}

    def _pass(self, epoch: int, first: int) -> Generator[Batch]:
        """Yield the batches of an epoch from one on."""
        batches = self._batches(*self._order(epoch), first)
        with closing(_ahead(batches, self.prefetch) if self.prefetch else batches) as made:
            for batch in made:
                self._given += 1
                if self._given == len(self):  # who counts batches asks for no more, and begins the next pass
                    self.epoch, self._given = epoch + 1, 0
                yield batch
        if first == len(self):
            self.epoch, self._given = epoch + 1, 0

    def _order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """Return which rows this process takes, in order, and which of them are mirrored."""
        count, each = len(self.data), self._images_each()
        order = self._random(epoch, _ORDER).permutation(count) if self.shuffle else np.arange(count)
        rows = np.resize(order, each * self.world)[self.rank :: self.world] if count else order
        if not self.flip:
            return rows, None
        return rows, self._random(epoch, _FLIPS).integers(0, 2, count, dtype=bool)[rows]

    def _random(self, epoch: int, purpose: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.seed, epoch, purpose))))

    def _images_each(self) -> int:
        """Return the number of images of each process in an epoch."""
        count = len(self.data)
        return count // self.world if self.drop_last else -(-count // self.world)

    def _batches(self, rows: NDArray[np.int64], flips: NDArray[np.bool_] | None, first: int) -> Generator[Batch]:
        labels = self.data.labels
        for number in range(first, len(self)):
            here = slice(number * self.batch_size, (number + 1) * self.batch_size)
            chosen, flags = rows[here], None if flips is None else flips[here]
            target = torch.from_numpy(labels[chosen])
            if self._on_device is not None:
                yield self._on_device.batch(chosen, flags), target.to(self.device)
            else:
                pixels = self.data.pixels(chosen, **self._form.keywords(), flip=flags, threads=self.threads)
                yield tensor_of(pixels, self._form.dtype), target


loader = BatchLoader


def _ahead(batches: Generator[Batch], most: int) -> Generator[Batch]:
    """Yield batches that a thread makes ahead; the thread ends with the pass, however that ends."""
    made: queue.Queue[Batch | BaseException | None] = queue.Queue(most)
    is_over = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not is_over.is_set():
            with suppress(queue.Full):
                made.put(item, timeout=_WAIT)
                return

    def make() -> None:
        try:
            for batch in batches:
                put(batch)
                if is_over.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where batches are taken
            put(error)

    maker = threading.Thread(target=make, name="icsys batches", daemon=True)
    maker.start()
    try:
        while (batch := made.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        is_over.set()
        maker.join()
