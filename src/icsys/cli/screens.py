"""What a terminal shows while something goes on, on standard error."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from icsys.report.terminal_text import image_line
from icsys.results import to_record
from icsys.run.progress_bar import progress_drawer

if TYPE_CHECKING:
    from tqdm import tqdm

    from icsys.report.comparison import ComparisonProgress
    from icsys.run.progress import Progress
    from icsys.verify.folder import Checked


class _Screen:
    """Standard error while something goes on: a bar, where that is a terminal, and lines that leave the bar whole."""

    def __init__(self, title: str) -> None:
        self._bar = _new_bar(title) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _say(self, line: str) -> None:
        with suppress(OSError):  # whoever read it has gone, or its disk is full: no reason to leave images undone
            print(line, file=sys.stderr) if self._bar is None else self._bar.write(line, file=sys.stderr)


class RunScreen(_Screen):
    """Shows a run: a bar, and a line per image if asked for."""

    _title = "Compressing"

    def __init__(self, *, json: bool, verbose: bool) -> None:
        super().__init__(self._title)
        self.files: list[dict[str, object]] = []
        self._draw = None if self._bar is None else progress_drawer(self._bar, self._title)
        self._keep_files = json
        self._verbose = verbose

    def show(self, progress: Progress) -> None:
        """Take in one more step of the run."""
        if progress.notice:
            self._say(progress.notice)
        if self._keep_files and progress.result is not None:
            self.files.append(to_record(progress.result))
        if self._verbose and progress.result is not None:
            self._say(image_line(progress.result))
        if self._draw is not None:
            self._draw(progress)


class CompareScreen(_Screen):
    """Shows a comparison: a bar, and what is expected of it."""

    def __init__(self) -> None:
        super().__init__("Loading")
        self._told = False

    def show(self, step: ComparisonProgress) -> None:
        """Take in one more step."""
        if step.estimate is not None and not self._told:
            self._told = True
            self._say(f"Estimated time: {step.estimate:.1f} s")
        if self._bar is not None:
            self._bar.set_description_str(step.note, refresh=False)
            self._bar.total = step.total or None
            self._bar.update(step.done - self._bar.n)


class VerifyScreen(_Screen):
    """Shows how far a folder is verified."""

    def __init__(self) -> None:
        super().__init__("Verifying")

    def show(self, checked: Checked) -> None:
        """Take in one more step."""
        if self._bar is not None:
            self._bar.total = checked.total
            self._bar.update(checked.done - self._bar.n)


def _new_bar(title: str) -> tqdm:
    """Return a bar on standard error."""
    # Where there is no terminal a short run ends before they are loaded.
    import shutil  # noqa: PLC0415

    from tqdm import tqdm  # noqa: PLC0415

    columns, lines = shutil.get_terminal_size()
    # Left to look for itself, tqdm shows no bar at all on a terminal that does not know its size.
    return tqdm(desc=title, unit=" images", file=sys.stderr, ncols=columns, nrows=lines)
