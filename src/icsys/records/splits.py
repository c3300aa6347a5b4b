"""Splits: the folders of a dataset that hold its images for training, for validation and for tests."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TRAIN = "train"

# Folder names that Hugging Face's loaders recognize as a split, with the name of the split.
_SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


def split_of(file_name: str) -> str:
    """Return the split of an image: the one that its top folder names, otherwise ``train``."""
    top, slash, _ = file_name.partition("/")
    return _SPLITS.get(top.casefold(), TRAIN) if slash else TRAIN


def standard_split(name: str) -> str | None:
    """Return the split that loaders take a folder of this name for: train, validation or test; None for another name.

    Examples
    --------
    >>> standard_split("val"), standard_split("fold1")
    ('validation', None)
    """
    return _SPLITS.get(name.casefold())


class TrainFolders:
    """Finds the folders for training among the folders of all images."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._splits: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._with_images: set[str] = set()
        self._in_no_split: set[str] = set()

    def add(self, path: str) -> None:
        """Take note of the folders of one image, by its path."""
        folder = path.rpartition("/")[0]
        if folder == self._folder:
            return
        self._folder = folder
        if _split_named(folder) == TRAIN:
            self._with_images.add(folder)
        is_in_split = False
        for above in _and_above(folder):
            split = _split_named(above)
            if split:
                self._splits[above.rpartition("/")[0]][split].add(above)
                is_in_split = True
        if not is_in_split:
            self._in_no_split.add("/".join(folder.split("/", _LEVELS)[:_LEVELS]))

    def found(self) -> tuple[str, ...]:
        """Return the folders for training, by path; none if that is unclear.

        A folder counts if it is named ``train`` or ``training``, and either a folder of another split stands beside it
        or all its images lie in sub-folders. A folder ``train`` of images among folders of other classes is a class.
        It is unclear where images in no split lie outside the folders that hold the splits: ``pets/train`` decides
        nothing about images in ``cars``.
        """
        found = {
            folder
            for beside in self._splits.values()
            for folder in beside.get(TRAIN, ())
            if len(beside) > 1 or folder not in self._with_images
        }
        # In a split, a folder "train" is a class.
        splits = {
            folder
            for beside in self._splits.values()
            if not found.isdisjoint(beside.get(TRAIN, ()))
            for folders in beside.values()
            for folder in folders
        }
        found = {one for one in found if splits.isdisjoint(_and_above(one.rpartition("/")[0]))}
        around = {one.rpartition("/")[0] for one in found}
        is_clear = all(not around.isdisjoint((*_and_above(other), "")) for other in self._in_no_split)
        return tuple(sorted(found)) if is_clear else ()


class ImageFolders:
    """The images that lie in chosen folders.

    Parameters
    ----------
    patterns
        Paths of folders, or patterns of them with ``*``, ``?`` and ``[]``. An image lies in a folder also where
        sub-folders are between; ``*`` stands for any characters, slashes too.

    Examples
    --------
    >>> chosen = ImageFolders(["train", "*/dev"])
    >>> [chosen.hold(path) for path in ("train/cat/a.jpg", "x/dev/b.jpg", "x/train/c.jpg", "train.jpg")]
    [True, True, False, False]
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._exact = frozenset(patterns)
        self._patterns = [pattern for pattern in patterns if not _MAGIC.isdisjoint(pattern)]
        self._last = ("", False)

    def hold(self, path: str) -> bool:
        """Return whether an image lies in one of the folders, by its path."""
        folder = path.rpartition("/")[0]
        if folder != self._last[0]:  # images come folder by folder
            self._last = folder, any(map(self._is_chosen, _and_above(folder)))
        return self._last[1]

    def _is_chosen(self, folder: str) -> bool:
        return folder in self._exact or any(fnmatch.fnmatchcase(folder, pattern) for pattern in self._patterns)


_MAGIC = frozenset("*?[")
_LEVELS = 3  # of folders that are kept of an image in no split, so that a million folders take little memory


def _split_named(folder: str) -> str | None:
    """Return the split that the last name of a folder's path stands for."""
    return _SPLITS.get(folder.rpartition("/")[2].casefold())


def _and_above(folder: str) -> Iterator[str]:
    """Yield the paths of a folder and of all folders above it, from the last one up."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
