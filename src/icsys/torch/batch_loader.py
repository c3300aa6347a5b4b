"""Whole batches of tensors from what ``icsys.load`` opens: no step is done image by image in Python."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch

from icsys.errors import UsageError
from icsys.loading.batch_form import batch_form, index_form
from icsys.loading.epoch_order import check_shuffle, check_world, images_of_process, order_of_epoch, share_of_process
from icsys.loading.random_changes import COLOR_CHANGES, RandomChanges
from icsys.setting_fields import Choice, whole_number
from icsys.torch.argument_checks import loaded, short_repr, switch
from icsys.torch.batch_maker import BatchMaker
from icsys.torch.prefetch import made_ahead
from icsys.torch.tensor_types import form_dtype

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from icsys.loading.batch_form import BatchForm
    from icsys.loading.dataset import Dataset
    from icsys.loading.epoch_order import Shuffle
    from icsys.torch.batch_maker import Batch, TargetKind

_MOST = 2**31 - 1
_MOST_PREFETCHED = 1024
_FORMS = ("pixels", "indices")


@dataclass(eq=False, repr=False)
class BatchLoader:
    """An iterable of batches (pixels, labels) or (indices, labels) for training; ``loader`` is its short name.

    A pass over it is one epoch, which is over with its last batch: each has an order of its own. A pass that is broken
    off before begins again.

    Parameters
    ----------
    data
        What :func:`icsys.load` has opened, or a view of it.
    batch_size
        Images in a batch; the last may have fewer.
    shuffle
        True for a random order of each epoch, False for the order of the data. "blocks" for data larger than memory on
        slow disks: blocks of 32 neighbouring images come in random order, and the images of 512 blocks are mixed.
    seed
        Decides orders and changes, together with the number of the epoch: the same batches, whatever threads there are.
    device
        Where the tensors are. For another device than "cpu", packed indices and palettes are sent there and become
        pixels on it.
    layout, dtype, mean, std
        Of the pixels, as for :meth:`icsys.Dataset.pixels`; "CHW" and "float32" if left out.
    flip
        Whether half of the images, chosen anew for each epoch, are mirrored left to right.
    crop
        Height and width in pixels of what is kept of each image, at a random place.
    shift
        Most pixels by which images are moved, at random, up or down and left or right; edges repeat.
    brightness, contrast, saturation, hue
        How far colours change at random, as in torchvision's ``ColorJitter``, but in this order: 0.2 for factors from
        0.8 to 1.2; hue in turns of its circle, up to 0.5. Palettes are changed, not pixels: contrast is about middle
        grey.
    target
        "labels", or "masks", shape (n, H, W), uint8 or int32: flipped, cropped and shifted as the images are.
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
    pin
        Whether batches are in page-locked memory, from which ``to("cuda", non_blocking=True)`` copies fast.
    resident
        For another device than "cpu": whether indices and palettes of all images are kept there; "auto" for where they
        take at most half of the memory that a CUDA device has free.
    form
        "pixels", or "indices" for one index a pixel, shape (n, H, W), uint8, or int32 above 256 colours: for models
        that embed the indices of a palette that all images share.

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
    shuffle: Shuffle = True
    seed: int = 0
    device: str | torch.device = "cpu"
    layout: str | None = None
    dtype: Any = None
    mean: Sequence[float] | float | None = None
    std: Sequence[float] | float | None = None
    flip: bool = False
    crop: tuple[int, int] | None = None
    shift: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    target: TargetKind = "labels"
    drop_last: bool = False
    threads: int = 1
    prefetch: int = 2
    rank: int = 0
    world: int = 1
    epoch: int = 0
    pin: bool = False
    resident: bool | Literal["auto"] = "auto"
    form: Literal["pixels", "indices"] = "pixels"
    _given: int = field(default=0, init=False)  # batches of the epoch that were given out
    _goes_on: bool = field(default=False, init=False)  # whether the next pass begins behind these

    def __post_init__(self) -> None:
        """Check all values."""
        self.data = loaded(self.data)
        lowest = {"batch_size": 1, "seed": 0, "threads": 1, "prefetch": 0, "epoch": 0}
        highest = {"threads": 4096, "prefetch": _MOST_PREFETCHED}
        for name, low in lowest.items():
            setattr(self, name, whole_number(name, getattr(self, name), low, highest.get(name, _MOST)))
        self.shuffle, (self.rank, self.world) = check_shuffle(self.shuffle), check_world(self.rank, self.world)
        colors = self.brightness, self.contrast, self.saturation, self.hue
        self._changes = RandomChanges(self.flip, self.crop, self.shift, *colors)
        self._changes.check_images(self.data)
        self.drop_last, self.pin = switch("drop_last", self.drop_last), switch("pin", self.pin)
        self._maker = BatchMaker(self.data, self._batch_form(), self.target, self.threads)
        self._choose_place(_device(self.device))

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

    def state_dict(self) -> dict[str, int | str]:
        """Return where training is: the epoch, and the number of its batches that were given out, with the seed."""
        return {"epoch": self.epoch, "batch": self._given} | self._fixed()

    def load_state_dict(self, state: dict[str, int | str]) -> None:
        """Go on where :meth:`state_dict` was taken: the next pass has the rest of that epoch.

        Raises
        ------
        UsageError
            If it is of a loader with another seed, other sizes, or another number of images or processes.
        """
        if not isinstance(state, dict):
            raise UsageError(f"state={short_repr(state)}: expected what state_dict() has returned")
        for name, value in self._fixed().items():
            found = state.get(name)
            if not isinstance(found, int | str) or found != value:
                raise UsageError(f"the state has {name}={short_repr(found)}: expected {value}, as this loader has")
        self.epoch = whole_number("epoch", state.get("epoch"), 0, _MOST)
        self._given, self._goes_on = whole_number("batch", state.get("batch"), 0, len(self)), True

    def _fixed(self) -> dict[str, int | str]:
        """Return what decides which images are in which batch."""
        shuffle = self.shuffle if isinstance(self.shuffle, str) else int(self.shuffle)
        sizes = {name: int(getattr(self, name)) for name in ("seed", "batch_size", "world", "drop_last")}
        return {**sizes, "shuffle": shuffle, "images": len(self.data)}

    def _pass(self, epoch: int, first: int) -> Generator[Batch]:
        """Yield the batches of an epoch from one on."""
        batches = self._batches(epoch, first)
        with closing(made_ahead(batches, self.prefetch) if self.prefetch else batches) as made:
            for begun in made:
                self._given += 1
                if self._given == len(self):  # who counts batches asks for no more, and begins the next pass
                    self.epoch, self._given = epoch + 1, 0
                yield self._maker.end(begun)
        if first == len(self):
            self.epoch, self._given = epoch + 1, 0

    def _images_each(self) -> int:
        """Return the number of images of each process in an epoch."""
        return images_of_process(len(self.data), self.world, drop_last=self.drop_last)

    def _batches(self, epoch: int, first: int) -> Generator[tuple[Any, torch.Tensor]]:
        """Yield batches as far as a thread makes them ahead."""
        changes = self._changes.of_epoch(self.data, self.seed, epoch)
        order = order_of_epoch(len(self.data), self.shuffle, self.seed, epoch)
        rows = share_of_process(order, self.rank, self.world, drop_last=self.drop_last)
        for number in range(first, len(self)):
            chosen = rows[number * self.batch_size : (number + 1) * self.batch_size]
            yield self._maker.begin(chosen, changes.at(chosen))

    def _batch_form(self) -> BatchForm:
        """Return the form of a batch."""
        of_pixels = {name: getattr(self, name) for name in ("layout", "dtype", "mean", "std")}
        if Choice(_FORMS, exact=True).accept("form", self.form) == "pixels":
            self.layout = "CHW" if self.layout is None else self.layout
            self.dtype = "float32" if self.dtype is None else self.dtype
            return batch_form(self.layout, form_dtype(self.dtype), self.mean, self.std)
        for name, value in of_pixels.items():
            if value is not None:
                raise UsageError(
                    f"{name}={short_repr(value)} with form='indices': expected no {name}, or form='pixels'"
                )
        for name in COLOR_CHANGES:
            if value := getattr(self, name):
                raise UsageError(
                    f"{name}={value!r} with form='indices': expected 0, since colours are changed in palettes, or "
                    "form='pixels'"
                )
        _ = self.data.indices  # which raises the error that says why there are none
        return index_form(self.data.bits, signed=True)

    def _choose_place(self, device: torch.device) -> None:
        """Choose where pixels are made."""
        if device.type != "cpu":
            if self.pin:
                raise UsageError(f"pin=True with device={str(device)!r}: expected one of them")
            self._maker.choose_device(device, resident=self.resident)
        elif not isinstance(self.resident, str) or self.resident != "auto":
            raise UsageError(
                f"resident={short_repr(self.resident)} with device='cpu': expected another device, or no resident"
            )
        else:
            # Those ahead, the one in work, and the last two that were given out.
            self._maker.choose_memory(most=self.prefetch + 3, pin=self.pin)


loader = BatchLoader


def _device(device: str | torch.device) -> torch.device:
    """Return a device from what a user gives."""
    try:
        return torch.device(device)
    except (RuntimeError, TypeError, ValueError):
        raise UsageError(f"device={short_repr(device)}: expected one of PyTorch, such as 'cpu' or 'cuda'") from None
