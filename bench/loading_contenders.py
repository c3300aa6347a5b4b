"""The ways from a disk to a batch for a model that the benchmark of loading compares.

Each is opened as its own documentation shows it, and gives batches (pixels, labels): uint8, or float32 normalised, CHW.
"""

# ruff: noqa: PLC0415 - each process loads only what its contender needs

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import loading_sets as sets
from arrays import MEAN, STD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Batch = tuple[Any, Any]
    Epoch = Callable[[int], Iterable[Batch]]

DTYPES = ("float32", "uint8")
_SHUFFLED_AT_ONCE = 1000  # samples that WebDataset's documentation holds in memory for a shuffle


class Setup(NamedTuple):
    """How batches are wished.

    Attributes
    ----------
    folder
        Of the sets.
    dtype
        "uint8", or "float32" for normalised pixels.
    cores
        Workers of PyTorch's ``DataLoader``, where one core has none but the process itself; threads of ICS.
    images
        At most so many of a folder of image files.
    """

    folder: Path
    side: int
    dtype: str = "float32"
    cores: int = 1
    batch: int = 256
    images: int | None = None
    is_shuffled: bool = True

    @property
    def form(self) -> dict[str, Any]:
        """As ICS takes it."""
        norm = {"mean": MEAN, "std": STD} if self.dtype != "uint8" else {}
        return {"dtype": self.dtype, **norm}


class Contender(NamedTuple):
    """A name, what it reads below the folder of the sets, what opens it, and whether only a part is measured."""

    name: str
    files: tuple[str, ...]
    open: Callable[[Setup], Epoch]
    is_slow: bool = False


def image_folder(name: str, *, resize: bool = False) -> Callable[[Setup], Epoch]:
    """Return what opens a folder of image files with torchvision."""

    def open_folder(setup: Setup) -> Epoch:
        from torch.utils.data import Subset
        from torchvision.datasets import ImageFolder
        from torchvision.transforms import CenterCrop, Compose, Resize

        steps = [Resize(setup.side), CenterCrop(setup.side)] if resize else []
        data = ImageFolder(str(setup.folder / name), Compose([*steps, *_to_tensor(setup)]))
        count = min(setup.images or len(data), len(data))
        chosen = np.linspace(0, len(data) - 1, count).astype(int).tolist()
        return _loaded(data if count == len(data) else Subset(data, chosen), setup)

    return open_folder


def _to_tensor(setup: Setup) -> list[Any]:
    from torchvision.transforms import Normalize, PILToTensor, ToTensor

    return [PILToTensor()] if setup.dtype == "uint8" else [ToTensor(), Normalize(MEAN, STD)]


def _loaded(data: Any, setup: Setup) -> Epoch:  # noqa: ANN401 - a map-style dataset
    """Return what gives the batches of a dataset through PyTorch's ``DataLoader``."""
    from torch.utils.data import DataLoader

    loader = DataLoader(data, setup.batch, shuffle=setup.is_shuffled, **_workers(setup))
    return lambda _: loader


def _workers(setup: Setup) -> dict[str, Any]:
    count = setup.cores if setup.cores > 1 else 0
    return {"num_workers": count, "persistent_workers": count > 0}


def open_tars(setup: Setup) -> Epoch:
    """Open the tar files with WebDataset."""
    import webdataset
    from torchvision.transforms import Compose

    urls = sorted(str(path) for path in (setup.folder / sets.TARS / "data").glob("*.tar"))
    data = webdataset.WebDataset(urls, shardshuffle=len(urls) if setup.is_shuffled else False, empty_check=False)
    data = data.shuffle(_SHUFFLED_AT_ONCE) if setup.is_shuffled else data
    data = data.decode("pil").to_tuple("png", "cls").map_tuple(Compose(_to_tensor(setup)), int).batched(setup.batch)
    loader = webdataset.WebLoader(data, batch_size=None, **_workers(setup))
    return lambda _: loader


def open_table(setup: Setup) -> Epoch:
    """Open the Parquet files with Hugging Face's ``datasets``, which copies them into a cache of Arrow files."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datasets import Image, disable_progress_bars, load_dataset

    disable_progress_bars()
    files = sorted(str(path) for path in (setup.folder / sets.TABLE / "data").glob("*.parquet"))
    data = load_dataset("parquet", data_files=files, split="train", cache_dir=str(setup.folder / _CACHE))
    data = data.select_columns(["image", "label"]).cast_column("image", Image(mode="RGB")).with_format("torch")
    loader = _loaded(data, setup)(0)
    scale, shift = _scale_and_shift_in_torch() if setup.dtype != "uint8" else (None, None)

    def epoch(_: int) -> Iterator[Batch]:
        for batch in loader:
            pixels = batch["image"]
            yield pixels if scale is None else pixels.float().mul_(scale).sub_(shift), batch["label"]

    return epoch


_CACHE = "table-cache"


def _scale_and_shift() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what a level is multiplied with, and what is then subtracted, each of shape (3, 1, 1)."""
    std = np.reshape(STD, (3, 1, 1))
    return (1 / (255 * std)).astype(np.float32), (np.reshape(MEAN, (3, 1, 1)) / std).astype(np.float32)


def _scale_and_shift_in_torch() -> tuple[Any, Any]:
    import torch

    scale, shift = map(torch.from_numpy, _scale_and_shift())
    return scale, shift


class RawRows:
    """Raw pixels in an array, rows taken and normalised by NumPy; picklable, so that workers map the file themselves.

    Shape and type of the pixels of several rows are (n, 3, H, W), uint8 or float32.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup, self._labels = setup, np.load(setup.folder / sets.RAW_LABELS)
        self._raw: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, rows: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        if self._raw is None:
            self._raw = np.load(self._setup.folder / sets.RAW, mmap_mode="r")
        pixels: NDArray[Any] = self._raw[rows]
        if self._setup.dtype != "uint8":
            scale, shift = _scale_and_shift()
            pixels = pixels.astype(np.float32)
            pixels *= scale
            pixels -= shift
        return pixels, self._labels[rows]


class _BatchesOfRows:
    """The rows of each batch of a pass."""

    def __init__(self, count: int, setup: Setup) -> None:
        self._count, self._setup, self.number = count, setup, 0

    def __len__(self) -> int:
        whole, rest = divmod(self._count, self._setup.batch)
        return whole + (rest > 0)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        rows = np.arange(self._count)
        if self._setup.is_shuffled:
            rows = np.random.default_rng(self.number).permutation(rows)
            self.number += 1
        for first in range(0, self._count, self._setup.batch):
            yield rows[first : first + self._setup.batch]


def open_raw(setup: Setup) -> Epoch:
    """Open the array of raw pixels with NumPy; several cores read it in workers of a ``DataLoader``."""
    data = RawRows(setup)
    batches = _BatchesOfRows(len(data), setup)
    if setup.cores == 1:
        return lambda _: (data[rows] for rows in batches)
    from torch.utils.data import DataLoader

    loader = DataLoader(data, batch_size=None, sampler=batches, **_workers(setup))
    return lambda _: loader


def open_raw_in_torch(setup: Setup) -> Epoch:
    """Open the array of raw pixels as a tensor, whose rows PyTorch takes and normalises in its threads."""
    import torch

    pixels = torch.from_numpy(np.load(setup.folder / sets.RAW, mmap_mode="c"))  # it warns of read-only memory
    labels = torch.from_numpy(np.load(setup.folder / sets.RAW_LABELS))
    scale, shift = _scale_and_shift_in_torch()
    batches = _BatchesOfRows(len(labels), setup)

    def epoch(_: int) -> Iterator[Batch]:
        for rows in map(torch.from_numpy, batches):
            taken = pixels[rows]
            yield taken if setup.dtype == "uint8" else taken.float().mul_(scale).sub_(shift), labels[rows]

    return epoch


def icsys_loader(name: str) -> Callable[[Setup], Epoch]:
    """Return what opens an output folder of ICS for PyTorch."""

    def open_loader(setup: Setup) -> Epoch:
        import icsys
        from icsys.torch import loader

        data = icsys.load(setup.folder / name)
        batches = loader(data, setup.batch, shuffle=setup.is_shuffled, threads=setup.cores, **setup.form)
        return lambda _: batches

    return open_loader


def icsys_pixels(name: str) -> Callable[[Setup], Epoch]:
    """Return what opens arrays of ICS for NumPy: batches are written to the same memory."""

    def open_pixels(setup: Setup) -> Epoch:
        import icsys

        data = icsys.load(setup.folder / name)
        labels, batches = data.labels, _BatchesOfRows(len(data), setup)
        out = np.empty((setup.batch, 3, setup.side, setup.side), setup.dtype)

        def epoch(_: int) -> Iterator[Batch]:
            for rows in batches:
                yield data.pixels(rows, **setup.form, out=out[: len(rows)], threads=setup.cores), labels[rows]

        return epoch

    return open_pixels


def open_beton(name: str) -> Callable[[Setup], Epoch]:
    """Return what opens a file of FFCV."""

    def open_file(setup: Setup) -> Epoch:
        from ffcv.fields.decoders import IntDecoder, SimpleRGBImageDecoder
        from ffcv.loader import Loader, OrderOption
        from ffcv.transforms import NormalizeImage, ToTensor, ToTorchImage

        levels = (
            [] if setup.dtype == "uint8" else [NormalizeImage(255 * np.array(MEAN), 255 * np.array(STD), np.float32)]
        )
        loader = Loader(
            str(setup.folder / name),
            setup.batch,
            num_workers=setup.cores,
            order=OrderOption.RANDOM if setup.is_shuffled else OrderOption.SEQUENTIAL,
            drop_last=False,
            pipelines={
                "image": [SimpleRGBImageDecoder(), *levels, ToTensor(), ToTorchImage()],
                "label": [IntDecoder(), ToTensor()],
            },
        )

        def epoch(_: int) -> Iterator[Batch]:
            for pixels, labels in loader:
                yield pixels, labels.flatten()

        return epoch

    return open_file


REFERENCE = "ImageFolder, JPEG of the final size"
RAW_NUMPY, FEW_PIXELS = "raw uint8 in .npy, NumPy", "ICS arrays, 16 colours, `pixels`"
CONTENDERS = (
    Contender("ImageFolder, originals", (sets.ORIGINALS,), image_folder(sets.ORIGINALS, resize=True), is_slow=True),
    Contender(REFERENCE, (sets.JPEG,), image_folder(sets.JPEG)),
    Contender("ImageFolder, WebP of the final size", (sets.WEBP,), image_folder(sets.WEBP)),
    Contender("ImageFolder, PNG of 16 colours", (sets.PNG,), image_folder(sets.PNG)),
    Contender("WebDataset, PNG of 16 colours", (f"{sets.TARS}/data",), open_tars),
    Contender("Hugging Face datasets, PNG of 16 colours", (f"{sets.TABLE}/data", _CACHE), open_table),
    Contender(RAW_NUMPY, (sets.RAW, sets.RAW_LABELS), open_raw),
    Contender("raw uint8 in .npy, PyTorch", (sets.RAW, sets.RAW_LABELS), open_raw_in_torch),
    *(
        Contender(f"FFCV, {words}", (name,), open_beton(name))
        for name, words in ((sets.BETON_JPEG, "JPEG of the final size"), (sets.BETON_RAW, "raw pixels"))
        if sets.HAS_FFCV
    ),
    Contender("ICS, PNG of 16 colours, `loader`", (sets.PNG,), icsys_loader(sets.PNG)),
    Contender("ICS arrays, 256 colours, `loader`", (sets.MANY,), icsys_loader(sets.MANY)),
    Contender("ICS arrays, 256 colours, `pixels`", (sets.MANY,), icsys_pixels(sets.MANY)),
    Contender("ICS arrays, 16 colours, `loader`", (sets.FEW,), icsys_loader(sets.FEW)),
    Contender(FEW_PIXELS, (sets.FEW,), icsys_pixels(sets.FEW)),
)
