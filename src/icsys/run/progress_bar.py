"""Progress bars of runs, for notebooks, scripts and the command line."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from icsys.setting_fields import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Self

    from tqdm import tqdm

    from icsys.run.progress import Progress
    from icsys.summary import RunSummary


class ProgressBar:
    """A progress bar of runs: the argument ``progress`` of :func:`~icsys.run.compress.compress_folder`.

    In a ``with`` statement it is shown until the end of the block, otherwise during each run.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: tqdm | None = None

    def __call__(self, progress: Progress) -> None:
        """Show the progress of a run."""
        if self._bar is None:
            self.__enter__()
        self._draw(progress)

    def __enter__(self) -> Self:
        from tqdm.auto import tqdm  # noqa: PLC0415 - slow, because it detects notebooks

        self._bar = tqdm(desc=self._title, unit=" images", leave=True)
        self._draw = progress_drawer(self._bar, self._title)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def during_run(self) -> AbstractContextManager[object]:
        """Return a context that shows the bar, unless it is shown already."""
        return self if self._bar is None else nullcontext()


def progress_bar(title: str = "Compressing") -> ProgressBar:
    """Return a progress bar for a run: a widget in a notebook, a line of text on a terminal.

    Parameters
    ----------
    title
        Text before the bar.

    Returns
    -------
    ProgressBar
        The argument ``progress`` of :func:`~icsys.run.compress.compress_folder`, with or without a ``with`` statement.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import compress_folder, progress_bar
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos = Path(folder, "Uncompressed")
    ...     photos.mkdir()
    ...     Image.linear_gradient("L").save(photos / "a.png")
    ...     summary = compress_folder(photos, Path(folder, "Compressed"), progress=progress_bar())
    ...     with progress_bar("Once more") as progress:
    ...         again = compress_folder(photos, Path(folder, "Compressed"), progress=progress)
    >>> summary.compressed, again.skipped
    (1, 1)
    """
    return ProgressBar(Text("TITLE").accept("title", title))


def progress_drawer(bar: tqdm, title: str) -> Callable[[Progress], None]:
    """Return a function that shows the progress of a run on a tqdm bar, and of another after it."""
    summary: RunSummary | None = None
    drawn = _run_drawer(bar, title)

    def draw(progress: Progress) -> None:
        nonlocal summary, drawn
        if progress.looked_at is None and progress.summary is not summary:
            if summary is not None:
                bar.reset(progress.total)
                drawn = _run_drawer(bar, title)
            summary = progress.summary
        drawn(progress)

    return draw


def _run_drawer(bar: tqdm, title: str) -> Callable[[Progress], None]:
    """Return a function that shows the progress of one run."""
    shown = ""
    passes = 0

    def draw(progress: Progress) -> None:
        nonlocal shown, passes
        if progress.looked_at is not None:
            if not passes:
                passes = 1
                bar.set_description_str("Colours, pass 1 of 2", refresh=False)
            if progress.total != bar.total:
                bar.total = progress.total
            bar.update(progress.looked_at - bar.n)
            bar.refresh()
            return
        if passes == 1:
            passes = 2
            bar.reset(progress.total)
            bar.set_description_str(f"{title}, pass 2 of 2")
        if progress.note != shown:
            # Time and rate of images start here.
            _restart_clock(bar)
            bar.bar_format = "{desc} [{elapsed}]" if progress.note else None
            bar.set_description_str(progress.note or (f"{title}, pass 2 of 2" if passes else title))
            shown = progress.note
        if progress.total != bar.total:
            start, first = bar.start_t, bar.initial
            _restart_clock(bar, progress.total)  # the only way to change the length of a notebook's bar
            bar.start_t, bar.initial = start, first
        if progress.note:
            bar.refresh()
        if progress.result is not None:
            bar.set_postfix(failed=progress.summary.failed, refresh=False)
            bar.update()

    return draw


def _restart_clock(bar: tqdm, total: int | None = None) -> None:
    """Set the clock of a bar to zero and keep its count."""
    done = bar.n
    bar.reset(total)
    bar.n = bar.last_print_n = bar.initial = done
