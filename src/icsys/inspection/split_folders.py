"""The split and the class of each image, by the folders of all images."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MEANINGS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
# COCO has train2017, others have test_images.
_NAME = re.compile(rf"(?i)({'|'.join(_MEANINGS)})(?:[ ._-]?(?:\d{{2,4}}|images?|imgs?|set|data))?")
_CONTAINERS = frozenset({"image", "images", "img", "imgs", "jpegimages", "leftimg8bit", "photos", "pictures"})


class FoundPlace(NamedTuple):
    """Where an image belongs.

    Attributes
    ----------
    split
        Name of the folder of its split; None if it lies in none.
    purpose
        What the split is for: ``train``, ``validation`` or ``test``; None without a split.
    label
        Name of its class; None if it has none.
    """

    split: str | None
    purpose: str | None
    label: str | None


def purpose_of(name: str) -> str | None:
    """Return what a split of this name is for: ``train``, ``validation`` or ``test``; None for any other name.

    Examples
    --------
    >>> [purpose_of(name) for name in ("Train", "val2017", "test_images", "trains")]
    ['train', 'validation', 'test', None]
    """
    found = _NAME.fullmatch(name)
    return _MEANINGS[found[1].lower()] if found else None


class SplitFolders:
    """Finds the folders of splits among the folders of all images.

    A folder is one if its name is that of a split, and a folder of another split stands beside it, or all its images
    lie in sub-folders, or no other folder is beside it. A folder ``train`` of images among folders of other classes is
    a class. Only the first one from the top counts: within a split, a folder ``train`` is a class.

    Parameters
    ----------
    folders
        The paths of all folders that hold images, with forward slashes; empty for the top.

    Examples
    --------
    >>> folders = SplitFolders(["train/cat", "test/cat"])
    >>> folders.place_of("test/cat/a.jpg")
    FoundPlace(split='test', purpose='test', label='cat')
    """

    def __init__(self, folders: Iterable[str]) -> None:
        with_images = set(folders)
        below: dict[str, set[str]] = defaultdict(set)
        for folder in with_images:
            for above in _and_above(folder):
                below[above.rpartition("/")[0]].add(above)
        self._splits = {
            folder for beside in below.values() for folder in beside if _is_split(folder, beside, with_images)
        }
        self._known: dict[str, FoundPlace] = {}

    def place_of(self, path: str) -> FoundPlace:
        """Return where an image belongs, by its path."""
        folder = path.rpartition("/")[0]
        if folder not in self._known:
            self._known[folder] = self._find(folder)
        return self._known[folder]

    def _find(self, folder: str) -> FoundPlace:
        split = next((above for above in reversed(list(_and_above(folder))) if above in self._splits), None)
        names = [
            above.rpartition("/")[2]
            for above in _and_above(folder)
            if above != split and above.rpartition("/")[2].casefold() not in _CONTAINERS
        ]
        label = names[0] if names else None
        if split is None:
            return FoundPlace(None, None, label)
        name = split.rpartition("/")[2]
        return FoundPlace(name, purpose_of(name), label)


def _is_split(folder: str, beside: set[str], with_images: set[str]) -> bool:
    purpose = _purpose(folder)
    if purpose is None:
        return False
    others = beside - {folder}
    is_alone = not others and folder.rpartition("/")[0] not in with_images
    return is_alone or folder not in with_images or any(_purpose(other) not in {None, purpose} for other in others)


def _purpose(folder: str) -> str | None:
    return purpose_of(folder.rpartition("/")[2])


def _and_above(folder: str) -> Iterator[str]:
    """Yield the paths of a folder and of all folders above it, from the last one up."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
