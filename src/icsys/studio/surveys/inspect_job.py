"""An inspection of the source in the background, with news for the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ImageError
from icsys.run_settings import INSPECTED, RunSettings
from icsys.studio.jobs.job import problem_text
from icsys.studio.surveys.newest_job import NewestJob

if TYPE_CHECKING:
    import threading

    from icsys.files.locations import Location
    from icsys.inspection.inspection import Inspection
    from icsys.inspection.progress import InspectionProgress
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.jobs.events import Events

AT_ONCE = 2000
"""Images below which a source is inspected without being asked."""

_KIND = "inspection"
_EVERY = 0.25  # seconds between news
_LOOK = 0.2  # seconds between two looks at whether the source is listed


class BrokenImage(NamedTuple):
    """What is wrong with an image, and the version of its file then: another one may be whole."""

    message: str
    version: str


class InspectJob(NewestJob):
    """Inspects the source once, or again when it is asked.

    Parameters
    ----------
    source
        What to inspect.
    images
        The images, with the numbers by which the page knows them.
    settings
        How the source is read.
    events
        Where news of the kind ``inspection`` go.
    """

    def __init__(self, source: Location, images: ImageList, settings: RunSettings, events: Events) -> None:
        super().__init__("icsys inspection")
        self._source, self._images, self._events = source, images, events
        chosen = {name: getattr(settings, name) for name in INSPECTED}
        self._settings = RunSettings(**chosen).replace(engine="threads", jobs=1)
        self._was_begun = self._was_asked = False
        self._next_news = 0.0
        self.broken: dict[int, BrokenImage] = {}
        """What is wrong with broken images, by their numbers; known at the end."""

    def begin(self) -> None:
        """Begin an inspection, unless one is going on."""
        self._was_begun = self._was_asked = True
        self.start(self._work, unless_going=True)

    def begin_if_small(self) -> None:
        """Begin the first inspection if the source is small: where there is much to read, the user decides."""
        if not self._was_begun:
            self._was_begun = True
            self.start(self._work, unless_going=True)

    def _version(self, number: int) -> str:
        """Return the version of the file of an image; an empty text if it is gone."""
        try:
            return self._images.version(number)
        except (ImageError, OSError):
            return ""

    def _work(self, stop: threading.Event) -> None:
        """Inspect; what was found is told even if the inspection is ended before."""
        while not self._was_asked and not self._images.is_complete and not stop.is_set():
            self._images.wait(_LOOK)
        if stop.is_set() or not (self._was_asked or 0 < len(self._images) < AT_ONCE):
            return
        self._events.publish(_KIND, {"state": "running", "done": 0, "total": None, "note": "Listing"})
        edition = self._images.edition
        try:
            self._publish(self._inspect(stop), edition)
        except Exception as error:  # noqa: BLE001 - it is shown on the page
            text = problem_text(error)
            self._events.publish(_KIND, {"state": "failed", "error": text})

    def _inspect(self, stop: threading.Event) -> Inspection:
        from icsys.inspection.inspect_folder import inspect_source  # noqa: PLC0415 - the page is shown before

        return inspect_source(self._source, self._settings, stop=stop, progress=self._report)

    def _report(self, at: InspectionProgress) -> None:
        now = time.monotonic()
        if now >= self._next_news:
            self._next_news = now + _EVERY
            self._events.publish(_KIND, {"state": "running", "done": at.done, "total": at.total, "note": at.note})

    def _publish(self, found: Inspection, edition: int) -> None:
        from icsys.studio.surveys.inspected_values import inspected_values  # noqa: PLC0415 - as above

        numbers = self._images.numbers_of(_names(found))
        broken = [(numbers[one.source], one.message) for one in found.broken if one.source in numbers]
        self.broken = {number: BrokenImage(message, self._version(number)) for number, message in broken}
        values: dict[str, Any] = {**inspected_values(found, numbers.get), "edition": edition}
        self._events.publish(_KIND, {"state": "stopped" if found.stopped else "done", **values})


def _names(found: Inspection) -> list[str]:
    """Return the paths of all images that the page may name."""
    groups = [
        name for kind in (found.duplicates, found.near_duplicates, found.leaks) for group in kind for name in group
    ]
    ranked = [name for name, _ in (*found.darkest, *found.blurriest)]
    return [*groups, *ranked, *(one.source for one in found.broken)]
