"""The names in a tree of folders: one walk keeps a few facts of each folder, and a few folders are read again."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from icsys.image.decode import IMAGE_SUFFIXES
from icsys.sources.companions.name_words import MASK_WORDS
from icsys.sources.output_names import name_key

if TYPE_CHECKING:
    from icsys.sources.companions.tree_files import TreeFiles

LOSSLESS_SUFFIXES = frozenset({".png", ".apng", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
"""Of images whose format may keep the value of every pixel."""

_FEW = 512  # names
_HELD_LISTS = 8  # folders


class SeenFolder(NamedTuple):
    """What one walk keeps of a folder.

    Attributes
    ----------
    images
        Number of files with the suffix of an image.
    lossless
        Number of images that may be masks by their suffix.
    suffixes
        The suffixes of all other files, in lower case.
    has_mask_words
        Whether the name of a file may be that of a mask beside its picture.
    """

    images: int
    lossless: int
    suffixes: frozenset[str]
    has_mask_words: bool


class TreeNames:
    """The names below the top of a tree.

    Attributes
    ----------
    folders
        Every folder by its path, in order; the top has an empty one.
    """

    def __init__(self, files: TreeFiles) -> None:
        self.files = files
        self._once: dict[SeenFolder, SeenFolder] = {}
        self._children: dict[str, list[str]] | None = None
        self.folders: dict[str, SeenFolder] = dict(
            sorted(((path, self._seen(names)) for path, names in files.folders()), key=itemgetter(0))
        )
        self.names = lru_cache(_HELD_LISTS)(files.names)
        """See :meth:`TreeFiles.names`; a few folders are held."""

    def images(self, folder: str) -> int:
        """Return the number of images in a folder; 0 if there is no such folder."""
        seen = self.folders.get(folder)
        return seen.images if seen else 0

    def children(self, folder: str) -> list[str]:
        """Return the paths of the folders in a folder."""
        if self._children is None:
            self._children = defaultdict(list)
            for path in self.folders:
                if path:
                    self._children[path.rpartition("/")[0]].append(path)
        return self._children.get(folder, [])

    def alike(self, folders: set[str]) -> dict[str, tuple[str, ...]]:
        """Return, for each of some folders, all folders of equal :func:`name_key` if they are several."""
        keys = {name_key(folder) for folder in folders}
        found = defaultdict[str, list[str]](list)
        for path in self.folders:
            if (key := name_key(path)) in keys:
                found[key].append(path)
        return {path: tuple(found[name_key(path)]) for path in sorted(folders) if len(found[name_key(path)]) > 1}

    def _seen(self, names: list[str]) -> SeenFolder:
        """Return the facts of a folder; equal ones are one object, because most folders of a tree are alike."""
        counts = Counter([name[name.rfind(".") :].lower() if "." in name else "" for name in names])
        images = lossless = 0
        suffixes = set[str]()
        for suffix, count in counts.items():
            if suffix in IMAGE_SUFFIXES:
                images += count
                lossless += count if suffix in LOSSLESS_SUFFIXES else 0
            else:
                suffixes.add(suffix)
        # Masks that are lossy are only worth a word, so a few names are enough.
        text = "/".join(names if lossless else names[:_FEW] if images else ()).lower()
        may_be = any(word in text for word in MASK_WORDS)
        seen = SeenFolder(images, lossless, frozenset(suffixes), may_be)
        return self._once.setdefault(seen, seen)
