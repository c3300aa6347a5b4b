"""Which photos a run with the present settings leaves out, found in the background as the page shows them."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.studio.images.run_selection import Selected
from icsys.studio.jobs.job import problem_text
from icsys.studio.surveys.low_urgency import low_urgency_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.run_settings import RunSettings
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.images.run_selection import RunSelection
    from icsys.studio.jobs.events import Events

LEFT_OUT_NEWS = "left_out"
"""The kind of news."""

_RULES = ("min_side", "max_aspect", "drop_duplicates", "shard", "masks", "table")  # settings that leave photos out
_EVERY = 0.5  # seconds between news
_LOOK = 0.2  # seconds between two looks at whether the source is listed
_MOST_KEPT = 8  # settings
_MOST_WANTED = 2000  # photos; what was asked for before them is out of sight


class _Asked:
    """What is known for some settings."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings
        self.by_name: Selected | None = None
        self.by_size: dict[int, tuple[str, str]] = {}  # the version of the file, and the sentence
        self.wanted: OrderedDict[int, None] = OrderedDict()
        self.problem = ""

    @property
    def has_work(self) -> bool:
        """Whether something is still to be found."""
        return self.by_name is None or bool(self.wanted)

    def sentence(self, number: int) -> str | None:
        """Return why a photo is left out; empty if it is not, and None if that is not known yet."""
        named = self.by_name and self.by_name.left_out.get(number)
        if named:
            return named[1]
        found = self.by_size.get(number, ("", None))[1] if self.settings.size_rules else ""
        return found if found or self.by_name is not None else None


class LeftOutImages:
    """Finds for each photo whether a run leaves it out, in a thread of low urgency.

    Parameters
    ----------
    images
        The photos.
    selection
        The rules of a run.
    begun
        The settings that the source was opened with.
    events
        Where news of the kind :data:`LEFT_OUT_NEWS` go, when more is known.
    """

    def __init__(self, images: ImageList, selection: RunSelection, begun: RunSettings, events: Events) -> None:
        self._images, self._selection, self._begun, self._events = images, selection, begun, events
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, settings: RunSettings) -> str:
        """Return the key of settings, by which the page asks; empty if they leave no photo out."""
        usual = self._begun.replace(min_side=None, max_aspect=None, drop_duplicates=None, shard=None)
        if all(getattr(settings, name) == getattr(usual, name) for name in _RULES):
            return ""
        values = {name: str(getattr(settings, name)) for name in _RULES} | {"edition": str(self._images.edition)}
        key = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
        with self._changed:
            self._asked.setdefault(key, _Asked(settings))
            self._asked.move_to_end(key)
            while len(self._asked) > _MOST_KEPT:
                self._asked.popitem(last=False)
            self._begin_thread()
        return key

    def sentences(self, key: str, numbers: Sequence[int]) -> dict[int, str]:
        """Return why photos are left out, as far as that is known, and have the others looked at."""
        with self._changed:
            asked = self._asked.get(key)
            if asked is None:
                return {}
        has_sizes = asked.settings.size_rules is not None
        older = [number for number in numbers if has_sizes and not self._is_known(asked, number)]
        with self._changed:
            found = {number: asked.sentence(number) for number in numbers}
            if older:
                for number in older:
                    asked.wanted[number] = None
                    asked.wanted.move_to_end(number)
                while len(asked.wanted) > _MOST_WANTED:
                    asked.wanted.popitem(last=False)
            self._begin_thread()
        return {number: text for number, text in found.items() if text}

    def sentence(self, key: str, number: int) -> str | None:
        """Return why a photo is left out; empty if it is not, and None if that is not known yet.

        Raises
        ------
        UsageError
            If there is no photo of this number.
        """
        self._images[number]  # refuses other numbers
        with self._changed:
            asked = self._asked.get(key)
        if asked is None:
            return ""
        if not self._is_known(asked, number):
            self._look_at(asked, number)
        return asked.sentence(number)

    def about(self, key: str) -> str:
        """Return what else is to be said of settings; empty if nothing is."""
        with self._changed:
            asked = self._asked.get(key)
        if asked is None or asked.by_name is None or not asked.by_name.unlisted:
            return asked.problem if asked else ""
        count = asked.by_name.unlisted
        what = "1 more photo" if count == 1 else f"{count:,} more photos"
        return f"A run takes {what} with these settings: the studio was opened with other masks."

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all that is wanted is known; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, timeout)

    def close(self) -> None:
        """End the search."""
        self._stop.set()
        with self._changed:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _begin_thread(self) -> None:
        if self._thread is None and not self._stop.is_set() and any(one.has_work for one in self._asked.values()):
            self._thread = low_urgency_thread("icsys left out", self._work)
            self._thread.start()

    def _work(self) -> None:
        told, is_new = time.monotonic(), False
        while True:
            with self._changed:
                key, asked = next(
                    ((key, one) for key, one in reversed(self._asked.items()) if one.has_work), ("", None)
                )
                if asked is None or self._stop.is_set():
                    self._thread = None
                    self._changed.notify_all()
                    return
                number = None if asked.by_name is None else asked.wanted.popitem()[0]
            if number is None:
                self._find_names(asked)
                is_new = True
            else:
                is_new = self._look_at(asked, number) or is_new
            if is_new and (not asked.has_work or time.monotonic() > told + _EVERY):
                told, is_new = time.monotonic(), False
                self._tell(key)

    def _find_names(self, asked: _Asked) -> None:
        while not self._images.is_complete and not self._stop.is_set():
            self._images.wait(_LOOK)
        try:
            asked.by_name = self._selection.by_name(asked.settings, self._stop)
        except Exception as error:  # noqa: BLE001 - it is shown on the page
            asked.by_name, asked.problem = Selected({}), problem_text(error)

    def _look_at(self, asked: _Asked, number: int) -> bool:
        """Find whether a photo breaks a rule of size; return whether that is news. One that is not read breaks none."""
        version, broken = self._version(number), None
        with suppress(ImageError, OSError, MemoryError):
            broken = self._selection.by_size(number, asked.settings)
        text = broken[1] if broken else ""
        before = asked.by_size.get(number, ("", ""))[1]
        asked.by_size[number] = version, text
        return text != before

    def _is_known(self, asked: _Asked, number: int) -> bool:
        """Return whether a photo was looked at as its file is now."""
        return number in asked.by_size and asked.by_size[number][0] == self._version(number)

    def _version(self, number: int) -> str:
        try:
            return self._images.version(number)
        except (ImageError, OSError):
            return ""

    def _tell(self, key: str) -> None:
        if not self._stop.is_set():
            self._events.publish(LEFT_OUT_NEWS, {"key": key, "about": self.about(key)})
