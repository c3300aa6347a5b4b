"""The photos that a run leaves out, and the rule of each: those of the run itself, by the same functions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from icsys.engine.executor import Executor
from icsys.results import MASK
from icsys.run.select_images import excluded_duplicates, splits_of_run
from icsys.run.worker import broken_size_rule
from icsys.sources.base import Companion, Task
from icsys.sources.selected_source import SelectedSource

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.images.image_list import ImageList

_MOST_KEPT = 16  # settings


class Selected(NamedTuple):
    """What becomes of the listed photos by their names and files.

    Attributes
    ----------
    left_out
        The rule that leaves a photo out, and a sentence that says so, by its number.
    unlisted
        Photos of the run that are not listed, as the source was opened with other settings.
    """

    left_out: Mapping[int, tuple[str, str]]
    unlisted: int = 0


class RunSelection:
    """Finds what a run leaves out, and keeps what it found.

    Parameters
    ----------
    images
        The photos.
    options
        The limits are used where files are read.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, options: Options, admit: Admit) -> None:
        self._images, self._options, self._admit = images, options, admit
        self._found: OrderedDict[Hashable, Selected] = OrderedDict()
        self._equal: tuple[int, dict[str, tuple[str, str]]] | None = None
        self._one = threading.Lock()  # what one has found is there for the next

    def by_name(self, settings: RunSettings, stop: threading.Event) -> Selected:
        """Return what shards, patterns of masks and equal files leave out, of all photos once they are listed.

        What is found when ``stop`` is set is not complete.
        """
        key = self._images.edition, settings.shard, settings.masks, settings.table, settings.drop_duplicates
        with self._one:
            found = self._found.get(key) or self._find(settings, stop)
            if not stop.is_set():
                self._found[key] = found
                self._found.move_to_end(key)
                while len(self._found) > _MOST_KEPT:
                    self._found.popitem(last=False)
        return found

    def by_size(self, number: int, settings: RunSettings) -> tuple[str, str] | None:
        """Return the rule of size that a photo breaks, and a sentence that says so; None if it breaks none.

        Raises
        ------
        UsageError
            If there is no photo of this number.
        ImageError, OSError
            If it cannot be read.
        """
        if settings.size_rules is None:
            return None
        return broken_size_rule(self._images.read(number, self._options), self._options, settings.size_rules)

    def placed(
        self, options: Options, settings: RunSettings, stop: threading.Event, *, looks: bool
    ) -> list[tuple[int, Task]]:
        """Return the photos that a run takes, in its order, with their numbers and outputs.

        Parameters
        ----------
        looks
            Whether photos are read to divide them among splits; see :func:`~icsys.run.select_images.splits_of_run`.

        Raises
        ------
        UsageError
            If a run cannot divide them in this way.
        """
        images, source = self._images, self._images.opened_with(settings)
        selected = self.by_name(settings, stop).left_out
        excluded = {images[number].task.source: why for number, why in selected.items()}
        splits = None
        if settings.split is not None:
            splits, excluded = splits_of_run(
                source, excluded, options, settings, executor=self._executor(stop), looks=looks
            )
        numbers = {images[number].task.source: number for number in images.present}
        placed = []
        for planned in SelectedSource(source, splits, excluded).plan(options.suffix):
            if stop.is_set():
                break
            if isinstance(planned, Task) and planned.source in numbers:
                placed.append((numbers[planned.source], planned))
        return placed

    def _executor(self, stop: threading.Event) -> Executor:
        return Executor("threads", 1, None, remote=False, stop=stop, admit=self._admit)

    def _find(self, settings: RunSettings, stop: threading.Event) -> Selected:
        found: dict[int, tuple[str, str]] = {}
        if settings.drop_duplicates is not None:
            found |= self._equal_files(stop)
        found |= self._of_other_shards(settings)
        masks, unlisted = self._masks(settings, stop)
        return Selected(found | masks, unlisted)

    def _equal_files(self, stop: threading.Event) -> dict[int, tuple[str, str]]:
        edition, equal = self._equal or (-1, {})
        if edition != self._images.edition:
            edition = self._images.edition
            equal = excluded_duplicates(self._images.source, self._options, self._executor(stop))
            self._equal = None if stop.is_set() else (edition, equal)
        return {number: equal[name] for name, number in self._images.numbers_of(equal).items()}

    def _of_other_shards(self, settings: RunSettings) -> dict[int, tuple[str, str]]:
        shard = settings.shard
        if shard is None:
            return {}
        others = "shard", f"it belongs to another part of the images than --shard {shard}"
        images = self._images
        return {number: others for number in images.present if not shard.owns(images[number].task.source)}

    def _masks(self, settings: RunSettings, stop: threading.Event) -> tuple[dict[int, tuple[str, str]], int]:
        """Return what other patterns of masks leave out, and the number of photos that only they let in."""
        source = self._images.opened_with(settings)
        if source is self._images.source:
            return {}, 0
        taken, masks = set[str](), set[str]()
        for planned in source.plan(""):
            if stop.is_set():
                break
            if isinstance(planned, Task):
                taken.add(planned.source)
            elif isinstance(planned, Companion) and planned.kind == MASK:
                masks.add(planned.task.source)
        found: dict[int, tuple[str, str]] = {}
        for number in self._images.present:
            name = self._images[number].task.source
            if name not in taken:
                what = f"a mask by --masks {settings.masks}" if name in masks else "no photo with these settings"
                found[number] = "masks", f"it is {what}"
        return found, len(taken) - (len(self._images) - len(found))
