"""The images that a run takes, of all that are listed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.choices import PACKINGS

if TYPE_CHECKING:
    import threading
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Task
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.images.run_selection import RunSelection


_FEW = 256  # images that are all measured anyway


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
        self._placed: tuple[Hashable, list[tuple[int, Task]]] | None = None
        self._edition = 0

    def of(self, settings: RunSettings, stop: threading.Event) -> Population | None:
        """Return the images of a run; None if ``stop`` is set before they are found."""
        if self._edition != self._images.edition:
            self._edition, self._sizes = self._images.edition, None
            self._known.clear()
            self._placed = None
        key = settings.shard, settings.drop_duplicates, settings.masks, settings.table
        if key not in self._known:
            found = self._find(settings, stop)
            if stop.is_set():
                return None
            self._known[key] = found
        return self._known[key]

    def placed(
        self, options: Options, settings: RunSettings, images: int, stop: threading.Event
    ) -> list[tuple[int, Task]]:
        """Return the images of a run with their outputs, in its order, where packs hold them or splits divide them.

        Few are divided as by a run, which looks for photos that show the same; many by their classes alone.

        Raises
        ------
        UsageError
            If a run cannot divide them in this way.
        """
        if options.format not in PACKINGS and settings.split is None:
            return []
        key = options.suffix, options.format, options.seed, options.palette, json.dumps(settings.given())
        if self._placed is None or self._placed[0] != key:
            looks = images <= _FEW and options.format in PACKINGS
            found = self._selection.placed(options, settings, stop, looks=looks)
            if stop.is_set():
                return []
            self._placed = key, found
        return self._placed[1]

    @property
    def class_names(self) -> Sequence[str]:
        """The names of the classes by number, where the source has them."""
        return self._images.source.classes

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
            size = self._images.size(number)
            if size is None:
                return np.ones(len(numbers))
            sizes[place] = size
        return sizes
