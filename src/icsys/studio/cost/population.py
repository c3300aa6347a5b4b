"""The images that a run takes, of all that are listed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.choices import ARRAYS
from icsys.packs.arrays_format import folder_of_split
from icsys.records.splits import split_of
from icsys.sources.folder import Folder

if TYPE_CHECKING:
    import threading
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.images.run_selection import RunSelection


class Population(NamedTuple):
    """The images of a run.

    Attributes
    ----------
    numbers
        Their numbers in the list, shape (n,).
    sizes
        Bytes of their files, shape (n,); ones where they are unknown.
    left_out
        How many images each rule leaves out by names and files, by the name of its setting.
    unlisted
        Images of the run that are not listed.
    """

    numbers: NDArray[np.int64]
    sizes: NDArray[np.float64]
    left_out: Counter[str]
    unlisted: int


class Populations:
    """Finds the images of a run, and keeps what it found.

    Parameters
    ----------
    images
        The images, all of them listed when they are asked for.
    selection
        Which of them a run leaves out.
    """

    def __init__(self, images: ImageList, selection: RunSelection) -> None:
        self._images, self._selection = images, selection
        self._known: dict[Hashable, Population] = {}
        self._sizes: NDArray[np.float64] | None = None
        self._splits: dict[bool, Counter[str]] = {}
        self._edition = 0

    def of(self, settings: RunSettings, stop: threading.Event) -> Population | None:
        """Return the images of a run; None if ``stop`` is set before they are found."""
        if self._edition != self._images.edition:
            self._edition, self._sizes = self._images.edition, None
            self._known.clear()
            self._splits.clear()
        key = settings.shard, settings.drop_duplicates, settings.masks, settings.table
        if key not in self._known:
            found = self._find(settings, stop)
            if stop.is_set():
                return None
            self._known[key] = found
        return self._known[key]

    def splits(self, options: Options, settings: RunSettings) -> Counter[str]:
        """Return how many images lie in each part that has packs of its own, of all images."""
        count = len(self._images)
        if settings.split is not None:
            return Counter({name: round(share * count) for name, share in settings.split.fractions.items()})
        is_array = options.format == ARRAYS
        if is_array not in self._splits:
            part = folder_of_split if is_array else split_of
            self._splits[is_array] = Counter(part(self._images[one].task.output) for one in self._images.present)
        return self._splits[is_array]

    def _find(self, settings: RunSettings, stop: threading.Event) -> Population:
        left_out, unlisted = self._selection.by_name(settings, stop)
        present = np.array(self._images.present, np.int64)
        is_kept = np.array([number not in left_out for number in present.tolist()], bool)
        sizes = self._sizes_of(present.tolist(), stop) if self._sizes is None else self._sizes
        self._sizes = None if stop.is_set() else sizes
        return Population(present[is_kept], sizes[is_kept], Counter(rule for rule, _ in left_out.values()), unlisted)

    def _sizes_of(self, numbers: list[int], stop: threading.Event) -> NDArray[np.float64]:
        """Return the size of each file, or ones where that takes long to find."""
        sizes = np.ones(len(numbers))
        for place, number in enumerate(numbers):
            if stop.is_set():
                break
            size = self._size(number)
            if size is None:
                return np.ones(len(numbers))
            sizes[place] = size
        return sizes

    def _size(self, number: int) -> int | None:
        """Return the size of a file; 0 if it is gone, and None if it is unknown."""
        source: Any = self._images.source
        task = self._images[number].task
        if not isinstance(source, Folder) and getattr(task.place, "size", None) is None:
            return None  # a server would be asked for each
        try:
            return source.stat(task)[0]
        except OSError:
            return 0
