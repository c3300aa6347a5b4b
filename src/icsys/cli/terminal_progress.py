"""Progress on standard error: a bar on a terminal, and lines of text."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from icsys.report.terminal_reports import image_line
from icsys.results import to_record
from icsys.run.progress_bar import progress_drawer

if TYPE_CHECKING:
    from tqdm import tqdm

    from icsys.inspection.progress import InspectionProgress
    from icsys.learning.learn_progress import LearnProgress
    from icsys.report.comparison import ComparisonProgress
    from icsys.run.progress import Progress
    from icsys.summary import RunSummary
    from icsys.verify.folder import Checked


_REFRESH = 0.1  # seconds between two states of a bar
_MOST_SECONDS, _MOST_MINUTES = 90, 90  # that are not shown as minutes, and as hours


class _Screen:
    """Progress on standard error: a bar if that is a terminal, and lines above the bar."""

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar = _new_bar(title) if sys.stderr.isatty() and not quiet else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _print(self, line: str) -> None:
        if self._quiet:
            return
        with suppress(OSError):  # a closed pipe or a full disk must not end the run
            print(line, file=sys.stderr) if self._bar is None else self._bar.write(line, file=sys.stderr)


class RunScreen(_Screen):
    """Progress of a run: a bar, and a line per image with --verbose."""

    _title = "Compressing"

    def __init__(self, *, json: bool, verbose: bool, quiet: bool = False) -> None:
        super().__init__(self._title, quiet=quiet)
        self.files: list[dict[str, object]] = []
        self._draw = None if self._bar is None else progress_drawer(self._bar, self._title)
        self._keep_files = json
        self._verbose = verbose
        self._summary: RunSummary | None = None

    def show(self, progress: Progress) -> None:
        """Show one step of the run."""
        if progress.notice:
            self._print(progress.notice)
        if progress.summary is not self._summary:  # another run over the same images begins
            self._summary = progress.summary
            self.files.clear()
        if self._keep_files and progress.result is not None:
            self.files.append(to_record(progress.result))
        if self._verbose and progress.result is not None:
            self._print(image_line(progress.result))
        if self._draw is not None:
            self._draw(progress)


class CompareScreen(_Screen):
    """Progress of a comparison: a bar, and an estimate of the time."""

    def __init__(self) -> None:
        super().__init__("Loading")
        self._has_estimate = False

    def show(self, step: ComparisonProgress) -> None:
        """Show one step."""
        if step.estimate is not None and not self._has_estimate:
            self._has_estimate = True
            self._print(f"Estimated time: {step.estimate:.1f} s")
        if self._bar is not None:
            self._bar.set_description_str(step.note, refresh=False)
            self._bar.total = step.total or None
            self._bar.update(step.done - self._bar.n)


class VerifyScreen(_Screen):
    """Progress of a verification: a bar."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__("Verifying", quiet=quiet)

    def show(self, checked: Checked) -> None:
        """Show one step."""
        if self._bar is not None:
            self._bar.total = checked.total
            self._bar.update(checked.done - self._bar.n)


class InspectScreen(_Screen):
    """Progress of an inspection: a bar for each step."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__("Listing", quiet=quiet)
        self._note = "Listing"

    def show(self, progress: InspectionProgress) -> None:
        """Show one step."""
        if self._bar is None:
            return
        if progress.note != self._note:
            self._note = progress.note
            self._bar.reset(progress.total)
            self._bar.set_description_str(progress.note, refresh=False)
        if progress.total != self._bar.total:
            self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)


class LearnScreen(_Screen):
    """Progress of ``ics learn``: a bar for each step, the time that is left in all, and what it says meanwhile."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__("Listing", quiet=quiet)
        self._note, self._shown_at = "", 0.0
        if self._bar is not None:
            self._bar.bar_format = "{desc}: |{bar}| {n_fmt}/{total_fmt}{postfix}"
            self._bar.refresh()

    def show(self, progress: LearnProgress) -> None:
        """Show one step."""
        if progress.message:
            self._print(progress.message)
        if self._bar is None:
            return
        is_new = progress.note != self._note
        if is_new:
            self._note = progress.note
            self._bar.set_description_str(progress.note, refresh=False)
            self._bar.reset(progress.total)  # draws the bar
        self._bar.total, self._bar.n = progress.total, progress.done
        if progress.seconds_left is not None:
            self._bar.set_postfix_str(f"about {time_text(progress.seconds_left)} left in all", refresh=False)
        # A step may be one of hours, which shows its state at once, or one of thousands a second.
        if is_new or progress.done == progress.total or time.monotonic() - self._shown_at > _REFRESH:
            self._shown_at = time.monotonic()
            self._bar.refresh()


def time_text(seconds: float) -> str:
    """Format about how long something takes.

    Examples
    --------
    >>> time_text(3.2), time_text(88), time_text(130), time_text(7000)
    ('5 s', '90 s', '2 min', '1.9 h')
    """
    if seconds < _MOST_SECONDS:
        return f"{max(5, 5 * round(seconds / 5))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < _MOST_MINUTES else f"{minutes / 60:.1f} h"


def _new_bar(title: str) -> tqdm:
    """Return a bar on standard error."""
    # Imported only for a terminal: the import takes longer than a short run.
    import shutil  # noqa: PLC0415

    from tqdm import tqdm  # noqa: PLC0415

    columns, lines = shutil.get_terminal_size()
    # tqdm shows no bar on a terminal of unknown size, so the size is passed.
    return tqdm(desc=title, unit=" images", file=sys.stderr, ncols=columns, nrows=lines)
