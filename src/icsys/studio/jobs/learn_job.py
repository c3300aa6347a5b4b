"""``LearnJob``: what a model keeps of the source, found out from the page; it goes on when the page is closed."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from icsys.errors import ICSError
from icsys.report.humanize import printable
from icsys.report.learned.learn_json import learned_values
from icsys.report.learned.words import (
    STAND_IN,
    ended_words,
    recommendation_words,
    resolution_words,
    split_words,
    verdict_words,
)
from icsys.studio.images.file_versions import version_of_file
from icsys.studio.jobs.job import BusyError, Job, problem_text

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from pathlib import Path

    from icsys.files.locations import Location
    from icsys.files.rooted_path import RootedPath
    from icsys.learning.learn_progress import LearnProgress
    from icsys.learning.learn_settings import LearnSettings
    from icsys.learning.learned import Learned
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.jobs.events import Events

LEARN_NEWS = "learn"
"""The kind of the news of learning."""

_PAUSE = 0.2  # seconds between two news


class LearnJob(Job):
    """Finds out what a model keeps of one source, as ``ics learn`` does, and keeps the last result.

    Parameters
    ----------
    source
        As for :func:`~icsys.learn`.
    settings
        How it is read.
    events
        Where news go.
    """

    def __init__(self, source: Location, settings: RunSettings, events: Events) -> None:
        super().__init__("icsys learn", "this is being found out already: stop it, or wait for its end")
        self._source, self._settings, self._events = source, settings, events
        self._values: dict[str, Any] = {"state": "none"}
        self._told = 0.0
        self._told_one = threading.RLock()
        self._shown: tuple[Path, str] | None = None  # the file of the last result, and its version
        self.learned: dict[str, Any] | None = None
        """The last result: what ``learn.json`` has, ``words`` about it, and ``verdicts``; None if there is none."""

    def start(self, options: Options, settings: LearnSettings, *, given_geometry: bool) -> None:
        """Start the work; a source that cannot be learned from ends it with a ``problem``.

        Raises
        ------
        BusyError
            If it is going on.
        """
        self.begin(lambda stop: self._work(options, settings, stop, given_geometry=given_geometry))

    def show(self, path: Path, place: RootedPath | None = None) -> None:
        """Let the result of a file take the place of the last one.

        Parameters
        ----------
        place
            Where it is read, without a link on the way; None to read it by its name.

        Raises
        ------
        BusyError
            If work goes on, whose result would replace it.
        UsageError
            If the file is not as ``ics learn`` writes it.
        """
        if self.is_running:
            raise BusyError(self._busy)
        from icsys.report.learned.read_learned import read_learned  # noqa: PLC0415 - few sources have one

        version = version_of_file(path)
        learned = read_learned(place or path)
        self._shown = path, version
        self.learned = _result(learned) | {"file": str(path), "about": learned.source}
        self._values = {"state": "shown", "stopping": False, "problem": ""}
        self._tell()

    def renew(self, offered: Container[Path], place_of: Callable[[Path], RootedPath | None]) -> None:
        """Read the file of the last result once more if it is another one by now, and still offered.

        A file that is no result any more leaves the last one as it was. ``place_of`` says where it is read, as for
        :meth:`show`.
        """
        if self._shown is None or self.is_running:
            return
        path, version = self._shown
        if path in offered and version_of_file(path) not in {version, ""}:
            with suppress(ICSError):
                self.show(path, place_of(path))

    def latest(self) -> Mapping[str, Any]:
        """Return the latest news."""
        return self._values

    def stop(self) -> None:
        """End the work; what was judged is kept."""
        super().stop()
        if self._values["state"] == "running":
            self._tell(stopping=True)

    def _work(self, options: Options, settings: LearnSettings, stop: threading.Event, *, given_geometry: bool) -> None:
        start = time.monotonic()
        self._values = {
            "minutes": settings.minutes,
            "message": "",
            "stopping": False,
            "problem": "",
            "state": "running",
        }
        self._tell(done=0, total=None, note="Listing", left=None)
        from icsys.learning.learn import learn_source  # noqa: PLC0415 - the page is shown before

        try:
            learned = learn_source(
                self._source,
                options,
                settings,
                given_geometry=given_geometry,
                run=self._settings,
                stop=stop,
                progress=self._note,
            )
        except Exception as error:  # noqa: BLE001 - shown on the page
            self._tell(state="failed", problem=problem_text(error))
            return
        if learned.arms or not stop.is_set():
            self.learned, self._shown = _result(learned), None
        self._tell(state="stopped" if stop.is_set() else "done", stopping=False, seconds=time.monotonic() - start)

    def _note(self, progress: LearnProgress) -> None:
        message = printable(progress.message) or self._values["message"]
        is_new = progress.note != self._values["note"] or message != self._values["message"]
        now = time.monotonic()
        if not is_new and now - self._told < _PAUSE:
            return
        self._told = now
        self._tell(
            done=progress.done,
            total=progress.total,
            note=progress.note,
            left=progress.seconds_left,
            message=message,
        )

    def _tell(self, **values: Any) -> None:  # noqa: ANN401 - plain values
        with self._told_one:
            self._values = {**self._values, **values}
            self._events.publish(LEARN_NEWS, self._values)


def _result(learned: Learned) -> dict[str, Any]:
    """Return what ``learn.json`` has, with the words of the page."""
    verdicts = {arm.name: verdict_words(arm) for arm in learned.arms}
    return learned_values(learned) | {"words": _words(learned), "verdicts": verdicts}


def _words(learned: Learned) -> list[str]:
    """Return what was found, in sentences."""
    if not learned.arms:
        return list(ended_words(learned))
    return [
        recommendation_words(learned),
        resolution_words(learned),
        split_words(learned),
        *ended_words(learned),
        STAND_IN,
    ]
