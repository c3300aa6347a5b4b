"""The images that a run takes, of all that are listed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.choices import ARRAYS
from icsys.engine.executor import Executor
from icsys.inspection.equal_files import equal_files
from icsys.packs.arrays_format import folder_of_split
from icsys.records.splits import split_of
from icsys.sources.folder import Folder

if TYPE_CHECKING:
    import threading
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.images.image_list import ImageList


class Population(NamedTuple):
    """The images of a run.

    Attributes
    ----------
    numbers
        Their numbers in the list, shape (n,).
    sizes
        Bytes of their files, shape (n,); ones where they are unknown.
    duplicates
        Images that are left out because their file equals an earlier one.
    """

    numbers: NDArray[np.int64]
    sizes: NDArray[np.float64]
    duplicates: int


class Populations:
    """Finds the images of a run, and keeps what it found.

    Parameters
    ----------
    images
        The images, all of them listed when they are asked for.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, admit: Admit) -> None:
        self._images, self._admit = images, admit
        self._known: dict[Hashable, Population] = {}
        self._sizes: NDArray[np.float64] | None = None
        self._equal: set[int] | None = None
        self._splits: dict[bool, Counter[str]] = {}

    def of(self, options: Options, settings: RunSettings, stop: threading.Event) -> Population | None:
        """Return the images of a run; None if ``stop`` is set before they are found."""
        key = settings.shard, settings.drop_duplicates
        if key not in self._known:
            found = self._find(options, settings, stop)
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
            self._splits[is_array] = Counter(part(self._images[number].task.output) for number in range(count))
        return self._splits[is_array]

    def _find(self, options: Options, settings: RunSettings, stop: threading.Event) -> Population:
        numbers = list(range(len(self._images)))
        equal: set[int] = set()
        if settings.drop_duplicates is not None:
            if self._equal is None:
                executor = Executor("threads", 1, None, remote=False, stop=stop, admit=self._admit)
                names = equal_files(self._images.source, executor, options)
                equal = set(self._images.numbers_of(names).values())
                self._equal = None if stop.is_set() else equal
            equal = self._equal or equal
        shard = settings.shard
        if shard is not None:
            numbers = [number for number in numbers if shard.owns(self._images[number].task.source)]
        kept = np.array([number for number in numbers if number not in equal], np.int64)
        sizes = self._sizes_of_all(stop) if self._sizes is None else self._sizes
        self._sizes = None if stop.is_set() else sizes
        return Population(kept, sizes[kept], len(numbers) - len(kept))

    def _sizes_of_all(self, stop: threading.Event) -> NDArray[np.float64]:
        """Return the size of each file, or ones where that takes long to find."""
        sizes = np.ones(len(self._images))
        for number in range(len(self._images)):
            if stop.is_set():
                break
            size = self._size(number)
            if size is None:
                return np.ones(len(self._images))
            sizes[number] = size
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
