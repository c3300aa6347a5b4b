"""``icsys.load``: the one door to what ICS has written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.errors import MissingFolderError, UsageError
from icsys.files.locations import disk_path
from icsys.files.rooted_path import RootedPath
from icsys.layout import DATASET
from icsys.loading.array_split import ArraySplit
from icsys.loading.dataset import Dataset
from icsys.loading.folder_split import FolderSplit, read_folder
from icsys.loading.stored_dataset import read_stored_dataset
from icsys.setting_fields import Switch

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from icsys.loading.split import Split


def load(folder: str | os.PathLike[str], *, verify: bool = False) -> Dataset:
    """Open a folder that ICS has written: arrays, image files, or packs of them.

    Arrays (``ics compress --format arrays``) are mapped into memory, and pixels come from indices and palettes without
    any decoding. Image files are decoded when their pixels are asked for, which takes far longer, and those in packs
    are read from their places there.

    Parameters
    ----------
    folder
        The output folder of :func:`compress_folder`.
    verify
        Whether to read every byte first, and compare it with what was written.

    Returns
    -------
    Dataset
        All images, split by split, each split sorted by name. Of a run that goes on, or was stopped, these are the
        images that it has done.

    Raises
    ------
    UsageError
        If the folder is not one that ICS has written, or is damaged; the message names the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import Options, compress_folder, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat/a.png", "cat/b.png", "dog/a.png"):
    ...         Path(folder, "in", name).parent.mkdir(parents=True, exist_ok=True)
    ...         Image.linear_gradient("L").save(Path(folder, "in", name))
    ...     _ = compress_folder(Path(folder, "in"), Path(folder, "out"), Options(colors=4, size="8x8"))
    ...     data = load(Path(folder, "out"))
    ...     data.pixels([0, -1]).shape, data.labels.tolist(), data.names[-1]
    ((2, 3, 8, 8), [0, 0, 1], 'dog/a.png')
    """
    verify = Switch().accept("verify", verify)
    path = disk_path(folder, "folder")
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise MissingFolderError(f"folder {str(path)!r} {what}: expected the output folder of ics compress")
    root = RootedPath(path)
    data, splits = _arrays(root) if (root / DATASET).exists() else _files(root)
    if verify:
        data.verify()
    for split in splits:
        split.prepare()
    return data


def _arrays(root: RootedPath) -> tuple[Dataset, Sequence[Split]]:
    stored = read_stored_dataset(root)
    splits = [ArraySplit(root, stored, split) for split in stored.splits]
    colors = sorted({split.colors for split in splits})
    if len(colors) > 1:
        raise UsageError(
            f"{str(root / DATASET)!r}: the palettes of the splits have {colors} rows: expected one number; "
            "run ics compress again"
        )
    return Dataset(splits, stored.classes), splits


def _files(root: RootedPath) -> tuple[Dataset, Sequence[Split]]:
    images = read_folder(root)
    splits = [FolderSplit(root, name, images) for name in images.rows]
    return Dataset(splits, images.classes), splits
