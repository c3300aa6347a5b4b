"""For PyTorch: a compressed folder as a dataset of indices and palettes or of pixels, and ``Quantize`` as a transform.

Needs torch and torchvision: ``pip install 'icsys[torch]'``.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.color.palette import check_palette
from icsys.color.reduce import distinct_of, keep_all, map_to
from icsys.errors import ImageError, MissingExtraError, UsageError
from icsys.files.rooted_path import RootedPath
from icsys.image.decode import to_array
from icsys.image.read_output import read_indexed, read_pixels
from icsys.layout import OWN_PREFIX, PACK_INDEX, PALETTE
from icsys.options import MAX_COLORS, WHITE, Options, rgb_of
from icsys.pipeline import quantize_pixels
from icsys.records.classes import number_classes
from icsys.records.labels import Label, class_folder
from icsys.records.palette_files import load_palettes
from icsys.sources.recorded_labels import told_classes, told_labels

try:
    import torch
    from torchvision import tv_tensors
    from torchvision.datasets import DatasetFolder
    from torchvision.transforms import v2
except ImportError as error:
    raise MissingExtraError("icsys.torch needs torch and torchvision: pip install 'icsys[torch]'") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from numpy.typing import ArrayLike, NDArray

    from icsys.records.palette_files import Palettes

__all__ = ["IndexedImage", "IndexedImageFolder", "Palette", "Quantize", "collate"]

_FORMS = ("indexed", "rgb", "rgba")
_SUFFIXES = (".png", ".webp", ".npz", ".jpg")  # that ICS gives to its outputs
_GREY, _RGB, _RGBA = 1, 3, 4
_LEVELS = 255


class Palette(tv_tensors.TVTensor):
    """The colours that indices stand for; torchvision's transforms leave them as they are."""


class IndexedImage(NamedTuple):
    """An image of few colours, or a batch of them.

    Torchvision's geometric transforms (v2) take it as it is: they move indices as they move masks, without mixing any.

    Attributes
    ----------
    indices
        Shape (H, W) or (B, H, W), uint8, or int32 above 256 colours.
    palette
        Shape (n, 3) or (B, n, 3), uint8; 4 instead of 3 where an entry, in a batch of any image, is not opaque.
    """

    indices: torch.Tensor
    palette: torch.Tensor

    def to_rgb(self, background: str = WHITE) -> torch.Tensor:
        """Return the pixels, shape (3, H, W) or (B, 3, H, W), uint8, over a background ``#RRGGBB``."""
        palette = self.palette.as_subclass(torch.Tensor)
        if palette.shape[-1] == _RGBA:
            below = torch.tensor(rgb_of(background), dtype=torch.int32, device=palette.device)
            wide = palette.to(torch.int32)
            levels, opacity = wide[..., :_RGB], wide[..., _RGB:]
            mixed = levels * opacity + below * (_LEVELS - opacity)
            palette = ((mixed + _LEVELS // 2) // _LEVELS).to(torch.uint8)
        return self._pixels(palette)

    def to_rgba(self) -> torch.Tensor:
        """Return the pixels, shape (4, H, W) or (B, 4, H, W), uint8; all are opaque where the palette has no alpha."""
        palette = self.palette.as_subclass(torch.Tensor)
        if palette.shape[-1] == _RGB:
            palette = torch.nn.functional.pad(palette, (0, 1), value=_LEVELS)
        return self._pixels(palette)

    def _pixels(self, palette: torch.Tensor) -> torch.Tensor:
        """Give every pixel its row of a palette."""
        indices = self.indices.as_subclass(torch.Tensor).long()
        if palette.ndim == 2:  # noqa: PLR2004 - no batch
            pixels = palette[indices]
        else:
            pixels = palette[torch.arange(len(palette), device=palette.device)[:, None, None], indices]
        return tv_tensors.Image(pixels.movedim(-1, -3).contiguous())


class IndexedImageFolder(DatasetFolder):
    """A folder that ``ics`` has compressed, with a sub-folder for each class.

    The order of the images is that of ``torchvision.datasets.ImageFolder``, and so are the classes and their numbers,
    unless the run that has filled the folder knew others: then ``classes`` has the names in the order of their numbers.

    Parameters
    ----------
    root
        The folder that holds the class folders.
    form
        "indexed" gives images as :class:`IndexedImage`, "rgb" as ``tv_tensors.Image`` of shape (3, H, W), uint8, and
        "rgba" as one of shape (4, H, W), opaque where a file has no alpha. Files that store no palette (WebP,
        truecolour PNG) get one, from dark to light, if they have up to 65,536 colours.
    background
        Colour ``#RRGGBB`` that "rgb" lays over what is transparent in files of ``--alpha keep``.
    transform, target_transform
        Applied to an image, and to the number of its class.

    Attributes
    ----------
    palette
        The palette that all images share, shape (k, 3), uint8, or None: the one that a run with ``palette`` has left
        beside them or in the folder above. All images come with its indices then, whatever their file format.

    Raises
    ------
    UsageError
        If the form is unknown or the folder holds shards; and from an image that has too many colours to be indexed.
    FileNotFoundError
        If there are no class folders, or one of them holds no image.
    ImageError
        From an image that is damaged; its file is named.

    Examples
    --------
    >>> import tempfile
    >>> import icsys
    >>> from PIL import Image
    >>> from torch.utils.data import DataLoader
    >>> from icsys.torch import IndexedImageFolder, collate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for label in ("cat", "dog"):
    ...         Path(folder, "in", label).mkdir(parents=True)
    ...         Image.linear_gradient("L").save(Path(folder, "in", label, "a.png"))
    ...     _ = icsys.compress_folder(Path(folder, "in"), Path(folder, "out"), icsys.Options(colors=4, step=8))
    ...     dataset = IndexedImageFolder(Path(folder, "out"))
    ...     images, labels = next(iter(DataLoader(dataset, batch_size=2, collate_fn=collate)))
    >>> dataset.classes, labels.tolist()
    (['cat', 'dog'], [0, 1])
    >>> images.indices.shape, images.palette.shape, images.to_rgb().shape
    (torch.Size([2, 32, 32]), torch.Size([2, 4, 3]), torch.Size([2, 3, 32, 32]))
    """

    def __init__(
        self,
        root: str | PathLike[str],
        form: str = "indexed",
        *,
        background: str = WHITE,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        if form not in _FORMS:
            raise UsageError(f"form={form!r}: expected one of {', '.join(_FORMS)}")
        if Path(root, PACK_INDEX).exists():
            raise UsageError(
                f"root={str(root)!r} holds shards: expected a folder of images; the packages webdataset and datasets "
                "read shards"
            )
        self.form = form
        self._palettes = _shared_palettes(Path(root))
        below = "#{:02x}{:02x}{:02x}".format(*rgb_of(background))  # refused here, not in a worker at the first image
        loads: dict[str, Callable[[str], Any]] = {
            "indexed": self._load_indexed,
            "rgb": partial(_load_rgb, background=below),
            "rgba": _load_rgba,
        }
        loader = partial(_load_named, loads[form])
        super().__init__(root, loader, _SUFFIXES, transform, target_transform)
        self.classes = self._known.names
        self.class_to_idx = {name: number for number, name in reversed(list(enumerate(self.classes)))}
        self.palette = self._one_palette()

    def _load_indexed(self, path: str) -> IndexedImage:
        return _indexed(*_read_as_indexed(path, None if self._palettes is None else self._palettes.of(path)))

    def _one_palette(self) -> Palette | None:
        """Return the palette beside the images, if they are seen to have it."""
        if self._palettes is None or self._palettes.by_class:
            return None
        shared = self._palettes.colors[""]
        stored = _read_as_indexed(self.samples[0][0], shared)[1]
        return Palette(torch.from_numpy(shared)) if np.array_equal(stored, shared) else None

    def find_classes(self, directory: str | PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """Find the class folders with their numbers; what ICS keeps for itself while a folder is filled is none."""
        folders = [name for name in super().find_classes(directory)[0] if not name.startswith(OWN_PREFIX)]
        if not folders:
            raise FileNotFoundError(f"no class folder in {str(directory)!r}")
        labels = _labels_of(Path(directory), folders)
        self._known = number_classes(labels.values(), told_classes(Path(directory)))
        numbers = self._known.numbering()
        places = {number: place for place, number in enumerate(self._known.numbers)}
        return folders, {
            folder: places[numbers[label.name or ""] if label.number is None else label.number]
            for folder, label in labels.items()
        }


def collate(batch: Sequence[tuple[IndexedImage, Any]]) -> tuple[IndexedImage, Any]:
    """Make one batch of indexed images of one size, for ``DataLoader(collate_fn=collate)``.

    Parameters
    ----------
    batch
        Images with their targets.

    Returns
    -------
    IndexedImage, targets
        Indices of shape (B, H, W), palettes of shape (B, n, 3) with n of the longest one (black fills up the others,
        and no index means it), and what PyTorch's own collate makes of the targets.
    """
    images = [image for image, _ in batch]
    channels = max(image.palette.shape[1] for image in images)
    palettes = torch.zeros((len(images), max(len(image.palette) for image in images), channels), dtype=torch.uint8)
    for whole, image in zip(palettes, images, strict=True):
        whole[: len(image.palette), _RGB:] = _LEVELS  # opaque
        whole[: len(image.palette), : image.palette.shape[1]] = image.palette
    indices = torch.stack([image.indices for image in images])
    targets = torch.utils.data.default_collate([target for _, target in batch])
    return IndexedImage(tv_tensors.Mask(indices), Palette(palettes)), targets


class Quantize(v2.Transform):
    """Reduce the colours of every image, as :func:`icsys.quantize` does; for torchvision's ``Compose``, v2 or v1.

    Takes PIL images and tensors of shape (..., C, H, W) with one or three channels, uint8 or floating from 0 to 1, and
    gives the same kind. Masks, boxes and labels beside an image stay as they are. Of a batch every image gets a
    palette of its own.

    Parameters
    ----------
    colors
        Number of colours K, 1 to 65536.
    strategy, seed, effort, space, dither
        As for :func:`icsys.quantize`.
    palette
        Shape (k, 3): the palette that all images are mapped to, instead of one of their own.
    indexed
        Give an :class:`IndexedImage` for every image instead of its pixels; not for batches.

    Raises
    ------
    UsageError
        If a parameter is not accepted; and from an image that is none of the above.

    Examples
    --------
    >>> import torch
    >>> from torchvision.transforms import v2
    >>> from icsys.torch import Quantize
    >>> prepare = v2.Compose([v2.Resize(16), Quantize(colors=4), v2.ToDtype(torch.float32, scale=True)])
    >>> image = prepare(torch.arange(3 * 64 * 64).reshape(3, 64, 64).to(torch.uint8))
    >>> image.shape, len(image.flatten(1).unique(dim=1).T)
    (torch.Size([3, 16, 16]), 4)
    """

    def __init__(
        self,
        colors: int = 32,
        *,
        strategy: str = "MKM",
        seed: int = 0,
        effort: str = "fast",
        space: str = "srgb",
        dither: str = "none",
        palette: ArrayLike | None = None,
        indexed: bool = False,
    ) -> None:
        super().__init__()
        self.options = Options(colors=colors, strategy=strategy, seed=seed, effort=effort, space=space, dither=dither)
        if self.options.strategy == "SO":
            raise UsageError("strategy='SO' reduces no colours: expected one of MKM, FKM, MBKM")
        self.palette = None if palette is None else check_palette(palette)
        self.indexed = indexed

    def extra_repr(self) -> str:
        """Say how it was set up, for ``repr``."""
        return f"colors={self.options.colors}, strategy={self.options.strategy!r}, indexed={self.indexed}"

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401, ARG002 - torchvision's own signature
        """Reduce the colours of one input, or hand it back if it is no image."""
        if isinstance(inpt, tv_tensors.TVTensor) and not isinstance(inpt, tv_tensors.Image | tv_tensors.Video):
            return inpt
        if not isinstance(inpt, torch.Tensor):
            grey = inpt.mode in {"1", "L"}
            self._check_grey(grey=grey)
            few = quantize_pixels(to_array(inpt), self.options, self.palette)
            return (
                _indexed(few.indices, few.palette) if self.indexed else few.to_image().convert("L" if grey else "RGB")
            )
        self._check(inpt)
        self._check_grey(grey=inpt.shape[-3] == _GREY)
        levels = inpt.detach().as_subclass(torch.Tensor).cpu()
        if levels.is_floating_point():
            levels = (levels * _LEVELS).round().clamp(0, _LEVELS).to(torch.uint8)
        if self.indexed:
            return self._reduce(levels)
        images = levels.reshape(-1, *levels.shape[-3:])
        shown = (
            torch.stack([self._reduce(image).to_rgb()[: image.shape[0]] for image in images]) if len(images) else images
        )
        shown = shown.as_subclass(torch.Tensor).reshape(levels.shape)
        if inpt.is_floating_point():
            shown = shown.to(inpt.dtype) / _LEVELS
        shown = shown.to(inpt.device)
        return tv_tensors.wrap(shown, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else shown

    def _check(self, image: torch.Tensor) -> None:
        fits = image.ndim == _RGB if self.indexed else image.ndim >= _RGB
        kind = image.dtype == torch.uint8 or image.is_floating_point()
        if not (fits and kind and image.shape[-3] in (_GREY, _RGB) and 0 not in image.shape[-2:]):
            shape = "(C, H, W)" if self.indexed else "(..., C, H, W)"
            raise UsageError(
                f"a tensor of shape {tuple(image.shape)} and type {image.dtype}: expected {shape} with 1 or 3 "
                "channels, uint8 or floating from 0 to 1"
            )

    def _check_grey(self, *, grey: bool) -> None:
        """Refuse to give a grey image colours that it has no channels for."""
        palette = self.palette
        if grey and not self.indexed and palette is not None and (palette != palette[:, :1]).any():
            raise UsageError(
                "a grey image and a palette with colours: expected indexed=True, or images of three channels"
            )

    def _reduce(self, image: torch.Tensor) -> IndexedImage:
        """Reduce the colours of one image, shape (C, H, W), uint8."""
        pixels = np.ascontiguousarray(image.movedim(0, -1).numpy())
        few = quantize_pixels(pixels if len(image) == _RGB else pixels[..., 0], self.options, self.palette)
        return _indexed(few.indices, few.palette)


def _indexed(indices: NDArray[np.integer], palette: NDArray[np.uint8]) -> IndexedImage:
    """Wrap indices, shape (H, W), and a palette, shape (n, 3) or (n, 4)."""
    # PyTorch computes little with uint16.
    wide = indices if indices.dtype == np.uint8 else indices.astype(np.int32)
    return IndexedImage(tv_tensors.Mask(torch.from_numpy(wide)), Palette(torch.from_numpy(palette)))


def _load_named(load: Any, path: str) -> Any:  # noqa: ANN401 - what ``load`` returns
    """Load an image; name its file if it is damaged."""
    try:
        return load(path)
    except ImageError as error:
        raise ImageError(error.code, f"{path!r}: {error}") from error


def _labels_of(root: Path, folders: list[str]) -> dict[str, Label]:
    """Return the label of each class folder: what the manifest tells of its images, or else its name."""
    told: dict[str, Label] = {}
    for path, label in told_labels(root):
        folder = path.partition("/")[0]
        if label.name is not None and folder in {label.name, class_folder(label.name)}:
            told.setdefault(folder, label)
    return {folder: told.get(folder, Label(folder)) for folder in folders}


def _shared_palettes(root: Path) -> Palettes | None:
    """Return the palettes that a run has left in a folder or the one above it, of which the folder is a split."""
    for folder in (root, root.absolute().parent):
        with suppress(UsageError):
            return load_palettes(RootedPath(folder) / PALETTE)
    return None


def _read_as_indexed(path: str, shared: NDArray[np.uint8] | None) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
    """Return indices and palette of a file: those that it stores, or those that its pixels have in a shared palette."""
    data = Path(path).read_bytes()
    stored = read_indexed(data)
    if stored is not None:
        return stored
    pixels = read_pixels(data, background=None)
    distinct = distinct_of(pixels.reshape(-1, pixels.shape[2]))
    few = None if shared is None or pixels.shape[2] != _RGB else map_to(distinct, shared)
    if few is None or few.sse:  # no pixel has a colour that is not in its palette
        if len(distinct) > MAX_COLORS:
            raise UsageError(
                f"{path!r} has {len(distinct)} colours: expected a folder whose colours were reduced, or form='rgb'"
            )
        few = keep_all(distinct)
    return few.indices.reshape(pixels.shape[:2]), few.palette


def _load_rgb(path: str, background: str) -> torch.Tensor:
    pixels = torch.from_numpy(read_pixels(Path(path).read_bytes(), background))
    return tv_tensors.Image(pixels.movedim(-1, 0).contiguous())


def _load_rgba(path: str) -> torch.Tensor:
    pixels = torch.from_numpy(read_pixels(Path(path).read_bytes(), background=None))
    if pixels.shape[2] == _RGB:
        pixels = torch.nn.functional.pad(pixels, (0, 1), value=_LEVELS)
    return tv_tensors.Image(pixels.movedim(-1, 0).contiguous())
