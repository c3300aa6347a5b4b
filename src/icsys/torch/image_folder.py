"""A compressed folder as a PyTorch dataset, of indices and palettes or of pixels."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.datasets import DatasetFolder

from icsys.choices import MAX_COLORS, WHITE
from icsys.color.strategy_steps import distinct_of, keep_all, map_to
from icsys.color_and_size_checks import rgb_of
from icsys.errors import ImageError, MissingFolderError, UsageError
from icsys.files.locations import disk_path
from icsys.files.rooted_path import RootedPath
from icsys.image.read_output import read_indexed, read_pixels
from icsys.layout import OWN_PREFIX, PACK_INDEX, PALETTE
from icsys.records.classes import number_classes
from icsys.records.label import Label, class_folder
from icsys.records.palette_files import load_palettes
from icsys.setting_fields import Choice
from icsys.sources.labels_from_manifest import recorded_classes, recorded_companions_of, recorded_labels_of
from icsys.torch.argument_checks import function_or_none
from icsys.torch.indexed_image import LEVELS, RGB, IndexedImage, Palette, to_indexed_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from numpy.typing import NDArray

    from icsys.records.palette_files import Palettes

_FORMS = ("indexed", "rgb", "rgba")
_SUFFIXES = (".png", ".webp", ".npz", ".jpg")  # of the files that ICS writes


class IndexedImageFolder(DatasetFolder):
    """Dataset of a folder that ``ics`` has compressed, with a sub-folder for each class.

    Images, classes and their numbers come in the order of ``torchvision.datasets.ImageFolder``. If the run that filled
    the folder recorded other numbers, those are used, and ``classes`` has the names in their order. Masks in the
    manifest are no images, and a folder of masks is no class.

    Parameters
    ----------
    root
        The folder that holds the class folders.
    form
        "indexed" gives images as :class:`IndexedImage`, "rgb" as ``tv_tensors.Image`` of shape (3, H, W), uint8, and
        "rgba" as one of shape (4, H, W), opaque if the file has no alpha. Files that store no palette (WebP,
        truecolour PNG) get one, from dark to light, if they have up to 65,536 colours.
    background
        Colour ``#RRGGBB`` behind transparent pixels in the form "rgb".
    transform, target_transform
        Applied to an image, and to the number of its class.

    Attributes
    ----------
    palette
        The palette that all images share, shape (k, 3), uint8, or None. A run with ``palette`` writes it beside the
        images or in the folder above. All images then have indices into it, in any file format.

    Raises
    ------
    UsageError
        If the form is unknown or the folder holds packs; while loading, if an image has too many colours for indices.
    MissingFolderError
        If the folder or its class folders do not exist: a UsageError and a FileNotFoundError.
    FileNotFoundError
        If a class folder holds no image.
    ImageError
        While loading, if an image is damaged; the message names its file.

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
        form = Choice(_FORMS, exact=True).accept("form", form)
        disk_path(root, "root")
        transforms = (
            function_or_none(name, value)
            for name, value in (("transform", transform), ("target_transform", target_transform))
        )
        if not Path(root).is_dir():
            raise MissingFolderError(
                f"root={str(root)!r}: expected the folder that ics compress wrote, with a sub-folder for each class; "
                f"there is no such folder, seen from {str(Path.cwd())!r}"
            )
        if Path(root, PACK_INDEX).exists():
            raise UsageError(
                f"root={str(root)!r} holds packs or arrays: expected a folder of images; the packages webdataset and "
                "datasets read packs, and icsys.load reads arrays"
            )
        self.form = form
        self._palettes = _shared_palettes(Path(root))
        below = "#{:02x}{:02x}{:02x}".format(
            *rgb_of(background)
        )  # fails here, not in a loader's worker at the first image
        loads: dict[str, Callable[[str], Any]] = {
            "indexed": self._load_indexed,
            "rgb": partial(_load_rgb, background=below),
            "rgba": _load_rgba,
        }
        loader = partial(_load_named, loads[form])
        self._root, self._companions = Path(root), frozenset(recorded_companions_of(Path(root)))
        super().__init__(root, loader, None, *transforms, self._is_image)
        self.classes = self._known.names
        self.class_to_idx = {name: number for number, name in reversed(list(enumerate(self.classes)))}
        self.palette = self._one_palette()

    def _load_indexed(self, path: str) -> IndexedImage:
        return to_indexed_image(*_read_as_indexed(path, None if self._palettes is None else self._palettes.of(path)))

    def _is_image(self, path: str) -> bool:
        """Return whether a file is an image, and no mask in the manifest."""
        return path.lower().endswith(_SUFFIXES) and (
            not self._companions or Path(path).relative_to(self._root).as_posix() not in self._companions
        )

    def _one_palette(self) -> Palette | None:
        """Return the palette beside the images if the first image uses it."""
        if self._palettes is None or self._palettes.by_class:
            return None
        shared = self._palettes.colors[""]
        stored = _read_as_indexed(self.samples[0][0], shared)[1]
        return Palette(torch.from_numpy(shared)) if np.array_equal(stored, shared) else None

    def find_classes(self, directory: str | PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """Find the class folders with their numbers, without the folders that ICS itself uses."""
        folders: list[str] = []
        with suppress(FileNotFoundError):  # of torchvision, for no folder at all
            folders = [name for name in super().find_classes(directory)[0] if not name.startswith(OWN_PREFIX)]
        if self._companions:
            images = {path.partition("/")[0] for path, _ in recorded_labels_of(Path(directory))}
            others = {path.partition("/")[0] for path in self._companions} - images
            folders = [name for name in folders if name not in others]
        if not folders:
            raise MissingFolderError(
                f"no class folder in {str(directory)!r}: expected a sub-folder for each class, as ics compress writes "
                "it for sources in class folders"
            )
        labels = _labels_of(Path(directory), folders)
        self._known = number_classes(labels.values(), recorded_classes(Path(directory)))
        numbers = self._known.numbering()
        places = {number: place for place, number in enumerate(self._known.numbers)}
        return folders, {
            folder: places[numbers[label.name or ""] if label.number is None else label.number]
            for folder, label in labels.items()
        }


def _load_named(load: Any, path: str) -> Any:  # noqa: ANN401 - the type that ``load`` returns
    """Load an image; if it is damaged, name its file in the error."""
    try:
        return load(path)
    except ImageError as error:
        raise ImageError(error.code, f"{path!r}: {error}") from error


def _labels_of(root: Path, folders: list[str]) -> dict[str, Label]:
    """Return the label of each class folder: the one in the manifest, or else its name."""
    recorded: dict[str, Label] = {}
    for path, label in recorded_labels_of(root):
        folder = path.partition("/")[0]
        if label.name is not None and folder in {label.name, class_folder(label.name)}:
            recorded.setdefault(folder, label)
    return {folder: recorded.get(folder, Label(folder)) for folder in folders}


def _shared_palettes(root: Path) -> Palettes | None:
    """Return the shared palettes of a run, from the folder or, if it is a split, from the folder above."""
    for folder in (root, root.absolute().parent):
        with suppress(UsageError):
            return load_palettes(RootedPath(folder) / PALETTE)
    return None


def _read_as_indexed(path: str, shared: NDArray[np.uint8] | None) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
    """Return indices and palette of a file: the stored ones, or those of its pixels in a shared palette."""
    data = Path(path).read_bytes()
    stored = read_indexed(data)
    if stored is not None:
        return stored
    pixels = read_pixels(data, background=None)
    distinct = distinct_of(pixels.reshape(-1, pixels.shape[2]))
    few = None if shared is None or pixels.shape[2] != RGB else map_to(distinct, shared)
    if few is None or few.sse:  # then some pixel's colour is missing in the shared palette
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
    if pixels.shape[2] == RGB:
        pixels = torch.nn.functional.pad(pixels, (0, 1), value=LEVELS)
    return tv_tensors.Image(pixels.movedim(-1, 0).contiguous())
