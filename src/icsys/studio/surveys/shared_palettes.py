"""What photos share, for previews: palettes and numbers of colours, found in the background and kept."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from icsys.choices import MAX_INDEXED_COLORS, SHARED
from icsys.errors import ImageError, UsageError
from icsys.options import Options
from icsys.records.label import label_of
from icsys.records.palette_files import with_file
from icsys.studio.images.file_versions import version_of_file
from icsys.studio.images.photo_cache import as_decoded
from icsys.studio.jobs.job import problem_text
from icsys.studio.surveys.low_urgency import low_urgency_thread
from icsys.studio.surveys.palette_search import FoundPalettes, PaletteSearch

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy as np
    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.image.decode import Admit
    from icsys.records.palette_files import Palettes
    from icsys.run_settings import RunSettings
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.jobs.events import Events

_MOST_WANTED = 4  # views of the page
_MOST_KEPT = 64
_EVERY = 0.5  # seconds between news
_LOOK = 0.2  # seconds between two looks at whether the source is listed
_NEARLY = 0.99  # 1 says that it is found
_KIND = "palette"


class Shared(NamedTuple):
    """How a photo is compressed with what it shares.

    Attributes
    ----------
    options
        The options of a worker of a run.
    palette
        The palette, shape (k, 3), uint8; None for one of the photo's own.
    note
        What differs from the run, and why; empty if nothing does.
    mark
        Distinguishes what is made with other palettes.
    progress
        How far the search is, from 0 to 1; None once what is shared is found.
    palette_hash
        The hash of the palette; empty for one of the photo's own.
    is_of_all
        Whether all photos have this palette.
    """

    options: Options
    palette: NDArray[np.uint8] | None
    note: str
    mark: str
    progress: float | None = None
    palette_hash: str = ""
    is_of_all: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether what the photo shares is still being found."""
        return self.progress is not None


class _Wanted(NamedTuple):
    """Options whose palettes are wanted, and the class if only its palette is."""

    options: Options
    label: str | None


class SharedPalettes:
    """Gives what photos share, and finds it in a thread of low urgency.

    Parameters
    ----------
    images
        The images.
    settings
        How the run works.
    events
        Where news of the kind ``palette`` go.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    place_of
        Says where the palette file of options is read, as for :func:`~icsys.records.palette_files.with_file`.
    """

    def __init__(
        self,
        images: ImageList,
        settings: RunSettings,
        events: Events,
        admit: Admit,
        place_of: Callable[[Options], RootedPath | None] = lambda _: None,
    ) -> None:
        self._place_of = place_of
        self._images, self.settings, self._events = images, settings, events
        self._search = PaletteSearch(images, settings, admit)
        self._found: OrderedDict[Hashable, FoundPalettes | Exception] = OrderedDict()
        self._wanted: OrderedDict[Hashable, _Wanted] = OrderedDict()
        self._changed = threading.Condition()
        self._current: tuple[Hashable, threading.Event] | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._next_news = self._progress = 0.0

    def of(self, number: int, options: Options) -> Shared:
        """Return what an image shares with these options; until that is found, what it has alone.

        Raises
        ------
        UsageError
            If a run with these options could not start.
        ImageError
            If there is no palette for this image.
        """
        if options.palette == "image" and options.per != "dataset":
            return Shared(options, None, "", "")
        path = self._images[number].task.output
        if options.palette not in {"image", *SHARED}:
            is_given = options.colors != Options().colors
            options, palettes = with_file(options, colors_given=is_given, place=self._place_of(options))
            return _with_palettes(options, path, palettes, "")
        self._search.check(options)
        label = label_of(path) if options.palette == "class" and self._search.is_sampled else None
        found = self._found_for(options, label)
        if found is None:
            alone = options.replace(per="image") if options.per == "dataset" else options.replace(palette="image")
            what = "number of colours" if options.per == "dataset" else "palette"
            note = f"The {what} for all photos is being found. Until then, this photo has its own."
            return Shared(alone, None, note, "alone", self._progress)
        if found.palettes is None:
            return self._with_colors(options, found)
        shared = _with_palettes(options, path, found.palettes, self._note(found))
        if label is not None and options.most_colors > MAX_INDEXED_COLORS:  # as if another class had so many
            return shared._replace(options=shared.options.replace(colors=options.most_colors))
        return shared

    def found(self, number: int, options: Options, stop: threading.Event) -> Shared:
        """Return what an image shares once that is found, or what it has alone if ``stop`` is set before.

        Errors are those of :meth:`of`.
        """
        while (shared := self.of(number, options)).is_alone and not stop.is_set():
            self.wait(_LOOK)
        return shared

    def takes_classes_alone(self, options: Options) -> bool:
        """Return whether the palette of each class is a search of its own, as there are many images."""
        return options.palette == "class" and self._search.is_sampled

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all that is wanted is found; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._wanted and self._thread is None, timeout)

    def close(self) -> None:
        """End the search."""
        with self._changed:
            self._is_closed = True
            self._wanted.clear()
            if self._current:
                self._current[1].set()
            thread = self._thread
        if thread:
            thread.join()

    def _with_colors(self, options: Options, found: FoundPalettes) -> Shared:
        chosen = found.colors
        assert chosen is not None  # noqa: S101 - one of both is found
        share = f"{options.quality_share:.0%} of {found.taken} photos"
        note = f"{chosen.colors} colours for all photos: {share} reach {chosen.target} with them."
        if self.settings.selects:
            note += " The run leaves photos out or divides them first, so its number may differ."
        return Shared(options.replace(colors=chosen.colors), None, note, f"colors={chosen.colors}")

    def _note(self, found: FoundPalettes) -> str:
        notes = []
        if found.taken < found.total:
            notes.append(f"The palette is found from {found.taken:,} of {found.total:,} photos; the run takes all.")
        if self.settings.selects:
            notes.append("The run leaves photos out or divides them first, so its palette may differ.")
        return " ".join(notes)

    def _found_for(self, options: Options, label: str | None) -> FoundPalettes | None:
        """Return what was found; begin the search, and return None, if nothing was."""
        key = self._images.edition, _deciding(options), label
        with self._changed:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
            elif not self._is_closed:
                self._want(key, _Wanted(options, label))
        if isinstance(found, Exception):
            raise UsageError(problem_text(found))
        return found

    def _want(self, key: Hashable, wanted: _Wanted) -> None:
        """Put options before the others that are waited for; what was asked for long ago is dropped."""
        self._wanted[key] = wanted
        self._wanted.move_to_end(key)
        while len(self._wanted) > _MOST_WANTED:
            dropped, _ = self._wanted.popitem(last=False)
            if self._current and self._current[0] == dropped:
                self._current[1].set()
        if self._thread is None:
            self._thread = low_urgency_thread("icsys palettes", self._work)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._wanted:
                    self._thread = None
                    self._changed.notify_all()
                    return
                key, wanted = next(reversed(self._wanted.items()))
                stop = threading.Event()
                self._current, self._progress = (key, stop), 0.0
            found = self._find(wanted, stop)
            with self._changed:
                self._current = None
                if not stop.is_set():
                    self._wanted.pop(key, None)
                    self._found[key] = found
                    while len(self._found) > _MOST_KEPT:
                        self._found.popitem(last=False)
            self._tell(stop, found)

    def _find(self, wanted: _Wanted, stop: threading.Event) -> FoundPalettes | Exception:
        try:
            while not self._images.is_complete and not stop.is_set():
                self._images.wait(_LOOK)
            return self._search.find(*wanted, stop, partial(self._report, stop))
        except Exception as error:  # noqa: BLE001 - it is shown on the page
            return error

    def _report(self, stop: threading.Event, done: int, total: int) -> None:
        self._progress = min(done / max(total, 1), _NEARLY)
        now = time.monotonic()
        if now >= self._next_news and not stop.is_set():
            self._next_news = now + _EVERY
            self._events.publish(_KIND, {"state": "running", "done": done, "total": total})

    def _tell(self, stop: threading.Event, found: FoundPalettes | Exception) -> None:
        if stop.is_set():
            self._events.publish(_KIND, {"state": "stopped"})
        elif isinstance(found, Exception):
            self._events.publish(_KIND, {"state": "failed", "error": problem_text(found)})
        else:
            self._events.publish(_KIND, {"state": "done", "done": found.taken, "total": found.total})


def palette_version(options: Options) -> str:
    """Return the version of the file that holds the palette; an empty text if options name none."""
    return "" if options.palette in {"image", *SHARED} else version_of_file(options.palette)


def _deciding(options: Options) -> tuple[object, ...]:
    """Return what decides the palettes, or the number of colours, that photos share."""
    if options.per == "dataset":
        return (options,)
    finding = (getattr(options, one.name) for one in fields(options) if one.metadata.get("finds_palette"))
    return (*finding, options.space, as_decoded(options))


def _with_palettes(options: Options, path: str, palettes: Palettes | None, note: str) -> Shared:
    assert palettes is not None  # noqa: S101 - the options name some
    palette = palettes.of(path)
    if palette is None:
        label = label_of(path)
        where = "for it could be used" if not palettes.by_class or label is None else f"of the class {label!r} is known"
        raise ImageError("no_palette", f"there is no palette: no image {where}")
    own = options.replace(colors=palettes.n_colors, keep_colors=None, count_power=None)
    hashed = palettes.hash_of(path)
    mark = hashed + str(palettes.n_colors)
    return Shared(own, palette, note, mark, palette_hash=hashed, is_of_all=not palettes.by_class)
