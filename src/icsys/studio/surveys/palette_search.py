"""The palette, or the number of colours, that many images share, found as a run finds it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from icsys.choices import ALL
from icsys.engine import available_cores
from icsys.engine.executor import Executor
from icsys.errors import ImageError, UsageError
from icsys.records.label import label_of
from icsys.records.splits import ImageFolders
from icsys.run.choose_colors import SAMPLE, with_chosen_colors
from icsys.run.count_results import RunMonitor
from icsys.run.shared_palette import find_palettes
from icsys.run.worker import WorkerContext
from icsys.sources.folder import Folder
from icsys.sources.selected_source import SelectedSource

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.outputs.base import Outputs
    from icsys.records.palette_files import Palettes
    from icsys.run.progress import Progress
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Source
    from icsys.studio.images.image_list import ImageList
    from icsys.summary import ColorsChosen

MOST_IMAGES = 2000
"""Images up to which all of them give a palette; of more, a sample does."""

SAMPLED = 500
"""Images of such a sample."""


@dataclass(frozen=True, slots=True)
class FoundPalettes:
    """What images share.

    Attributes
    ----------
    palettes
        The palettes; None for one number of colours.
    colors
        The number of colours, and how it was found; None for palettes.
    taken, total
        Images that were looked at, and all that a run takes.
    """

    palettes: Palettes | None
    colors: ColorsChosen | None
    taken: int
    total: int


class PaletteSearch:
    """Finds what the images of a source share, with some options.

    Parameters
    ----------
    images
        The images.
    settings
        How the run works.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, settings: RunSettings, admit: Admit) -> None:
        self._images, self._settings, self._admit = images, settings, admit

    @property
    def is_sampled(self) -> bool:
        """Whether there are too many images to look at all."""
        return len(self._images) > MOST_IMAGES

    def check(self, options: Options) -> None:
        """Refuse palettes of classes where a run does."""
        source = self._images.source
        if options.palette == "class" and not isinstance(source, Folder):
            raise UsageError(
                f"palette='class' with source {source.shown!r}: expected a folder, where each class lies together"
            )

    def find(
        self, options: Options, label: str | None, stop: threading.Event, report: Callable[[int, int], object]
    ) -> FoundPalettes:
        """Look at images and find what they share.

        Parameters
        ----------
        options
            With a shared palette, or with one number of colours for all images.
        label
            The class whose palette is wanted where images are sampled; others are left out then.
        stop
            Ends the search; the result is then of no use.
        report
            Called with how many images are done, and all.

        Raises
        ------
        UsageError, MissingExtraError
            As by a run.
        """
        count = len(self._images)
        if options.per == "dataset":
            total = min(SAMPLE, count)
            monitor = RunMonitor(_reporting(report, total), stop, None)
            context = WorkerContext(self._images.source, cast("Outputs", None), options)  # nothing is written
            with_chosen_colors(context, self._executor(stop), monitor)
            return FoundPalettes(None, monitor.summary.colors_chosen, total, count)
        source, taken, total = self._chosen(options, label)
        monitor = RunMonitor(_reporting(report, taken), stop, None)
        palettes = find_palettes(source, None, options, self._settings, executor=self._executor(stop), monitor=monitor)
        return FoundPalettes(palettes, None, taken, total)

    def _executor(self, stop: threading.Event) -> Executor:
        return Executor("threads", max(1, available_cores() // 2), None, False, stop, admit=self._admit)

    def _chosen(self, options: Options, label: str | None) -> tuple[Source, int, int]:
        """Return the source with the images that are looked at, their number, and that of all that count."""
        source, count = self._images.source, len(self._images)
        if not self.is_sampled:
            for number in self._images.present:
                with suppress(ImageError, OSError):
                    self._images.version(number)  # so that a look tells once one of them has changed
            return source, count, count
        names = [self._images[number].task.source for number in self._images.present]
        folder = options.palette_from
        if folder is not None and folder != ALL:
            chosen = ImageFolders((folder,))
            names = list(filter(chosen.hold, names))
        if options.palette == "class":
            names = [name for name in names if (label_of(name) or "") == (label or "")]
        total = len(names)
        random = np.random.default_rng(options.seed)
        kept = {names[place] for place in random.permutation(total)[:SAMPLED]}
        excluded = {
            name: ("sample", "")
            for name in (self._images[number].task.source for number in self._images.present)
            if name not in kept
        }
        return SelectedSource(source, None, excluded), len(kept), total


def _reporting(report: Callable[[int, int], object], total: int) -> Callable[[Progress], object]:
    notes = 0

    def progress(at: Progress) -> None:
        nonlocal notes
        notes += 1  # one for each image where none is counted
        report(min(total, notes) if at.looked_at is None else at.looked_at, total)

    return progress
