"""``RunJob``: the run of the command line, started from the page; it goes on when the page is closed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ICSError, UsageError
from icsys.files.rooted_path import RootedPath
from icsys.files.url import is_url, shown
from icsys.layout import REPORT
from icsys.run.compress import run_folder
from icsys.run.places import has_images
from icsys.sources.base import passed_over_text
from icsys.studio.jobs.job import Job, problem_text
from icsys.studio.jobs.run_news import RUN_DONE, RUN_FAILED, RUN_STOPPED, RunNews, run_counts
from icsys.studio.settings.kept_options import decided_in
from icsys.studio.settings.texts import command_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.jobs.events import Events
    from icsys.summary import RunSummary

RUN_NEWS = "run"
"""The kind of the news of a run."""

_MOST_WAIT = 20.0  # seconds within which a run that cannot start is refused; later it fails


class RunRequest(NamedTuple):
    """What a run is asked for.

    Attributes
    ----------
    kept
        Options that a run within a number of bytes keeps, though they may have their default values.
    """

    destination: str
    options: Options
    settings: RunSettings
    kept: tuple[str, ...] = ()

    @property
    def decided(self) -> dict[str, Any] | None:
        """The plain values of the options that the user decides beside a number of bytes; None without one."""
        return None if self.settings.total_bytes is None else decided_in(self.options, self.kept)


class RunJob(Job):
    """Runs from one source, one at a time.

    Parameters
    ----------
    source
        As for :func:`~icsys.compress_folder`.
    events
        Where news go.
    """

    def __init__(self, source: Location, events: Events) -> None:
        super().__init__("icsys run", "a run is going on: stop it, or wait for its end")
        self._source, self._events = source, events
        self._news: RunNews | None = None
        self._report_folder: str | None = None

    def start(self, request: RunRequest) -> None:
        """Start a run, and return once it has begun.

        Raises
        ------
        BusyError
            If one is going on.
        UsageError, MissingExtraError
            If it cannot start; nothing was done then.
        """
        fixed = {
            "destination": shown(request.destination),
            "folder": shown(absolute(request.destination)),
            "command": command_of(str(self._source), *request),
            "dry_run": request.settings.dry_run,
            "options": request.options.to_dict(),
            "settings": request.settings.given(),
        }
        news = RunNews(lambda values: self._events.publish(RUN_NEWS, values), fixed)
        refused: list[ICSError] = []
        self.begin(lambda stop: self._work(request, news, stop, refused))
        if not news.is_started.wait(_MOST_WAIT):
            news.is_started.set()
            news.tell(note="Opening the source")
        if refused:
            raise refused[0]

    def latest(self) -> Mapping[str, Any]:
        """Return the latest news."""
        return self._events.latest(RUN_NEWS) or {"state": "none"}

    def stop(self) -> None:
        """End the run after the images in progress; the next one goes on from there."""
        super().stop()
        if self._news is not None and self.is_running:
            self._news.tell(stopping=True)

    def report(self) -> bytes:
        """Return the page about the last run.

        Raises
        ------
        FileNotFoundError
            If there is none.
        """
        if self._report_folder is None:
            raise FileNotFoundError
        # Opened anew each time: held open, the folder would keep its disk, and hide another one of its name.
        return (RootedPath(self._report_folder) / REPORT).read_bytes()

    def _work(self, request: RunRequest, news: RunNews, stop: threading.Event, refused: list[ICSError]) -> None:
        destination, options, settings, _ = request
        self._news, given = news, request.decided
        try:
            summary = run_folder(
                self._source, destination, options, settings, given=given, stop=stop, progress=news.note
            )
            self._check_found(summary, request)
        except Exception as error:  # noqa: BLE001 - shown on the page
            if news.is_started.is_set():
                news.end(None, state=RUN_FAILED, problem=problem_text(error))
            else:
                refused.append(error if isinstance(error, ICSError) else UsageError(problem_text(error)))
                news.is_started.set()
        else:
            self._finish(request, news, summary)

    def _check_found(self, summary: RunSummary, request: RunRequest) -> None:
        if summary.images or summary.stopped:
            return
        destination, settings = request.destination, request.settings
        # There may be about as many shards as images, or more.
        is_empty_shard = settings.shard is not None and has_images(
            self._source, destination, include_outputs=settings.include_outputs
        )
        if not is_empty_shard:
            raise UsageError(no_images_text(self._source, summary))

    def _finish(self, request: RunRequest, news: RunNews, summary: RunSummary) -> None:
        """Write the report of a run, as ``ics report`` does, and say how it has ended.

        The end of the server does not wait for the report of a run that it stops.
        """
        self._report_folder = None
        state = RUN_STOPPED if summary.stopped else RUN_DONE
        values: dict[str, Any] = {"report": False, "report_problem": "", "stopped": summary.stopped}
        is_ending = state == RUN_STOPPED and (self._is_closed or not summary.images)
        has_report = not (is_ending or request.settings.dry_run)
        if has_report and is_url(request.destination):
            values["report_problem"] = "it is made of a folder on this machine, such as a copy of these outputs."
        elif has_report:
            counts = {"done": summary.images, **run_counts(summary)}
            counts |= {"total": summary.images} if state == RUN_DONE else {}
            news.tell(note="Writing the report", stopping=False, left=None, rate=None, **counts)
            from icsys.report.run_page import report_folder  # noqa: PLC0415 - the page is shown before

            try:
                self._report_folder = str(report_folder(request.destination).parent)
                values["report"] = True
            except Exception as error:  # noqa: BLE001 - the run is done all the same
                values["report_problem"] = problem_text(error)
        chosen = summary.bytes_chosen
        values["chosen"] = str(chosen) if chosen else ""
        news.end(summary, total=None if state == RUN_STOPPED else summary.images, state=state, **values)


def absolute(place: str) -> str:
    """Return the whole path of a folder; URLs stay as they are."""
    return place if is_url(place) else os.path.abspath(place)  # noqa: PTH100 - follows no link


def no_images_text(source: Location, summary: RunSummary) -> str:
    """Return the sentence about a source without images."""
    others = [f"{summary.ignored} ignored: not images, hidden, or links"] if summary.ignored else []
    others += [passed_over_text(summary.outputs_passed_over)] if summary.outputs_passed_over else []
    noted = f" ({'; '.join(others)})" if others else ""
    return f"no images found in {shown(str(source))!r}{noted}: expected photos there, or in the archives there"
