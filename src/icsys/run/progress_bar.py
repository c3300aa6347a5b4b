"""A run as a bar: how it is drawn, whoever made the bar, and one for notebooks and scripts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tqdm import tqdm

    from icsys.run.progress import Progress


@contextmanager
def progress_bar(title: str = "Compressing") -> Iterator[Callable[[Progress], None]]:
    """Show a bar while a run goes on: Jupyter's own inside a notebook, a line of text on a terminal.

    Parameters
    ----------
    title
        What stands before the bar.

    Yields
    ------
    Callable
        What :func:`~icsys.run.compress.compress_folder` takes as ``progress``.

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
    ...     with progress_bar("Small photos") as progress:
    ...         summary = compress_folder(photos, Path(folder, "Compressed"), progress=progress)
    >>> summary.compressed
    1
    """
    from tqdm.auto import tqdm  # noqa: PLC0415 - looks for a notebook, which takes time

    with tqdm(desc=title, unit=" images", leave=True) as bar:
        yield drawing(bar, title)


def drawing(bar: tqdm, title: str) -> Callable[[Progress], None]:
    """Return what draws the steps of a run on a bar of tqdm's."""
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
            # What was loaded is no image: time and rate count from here.
            _begin_again(bar)
            bar.bar_format = "{desc} [{elapsed}]" if progress.note else None
            bar.set_description_str(progress.note or (f"{title}, pass 2 of 2" if passes else title))
            shown = progress.note
        if progress.total != bar.total:
            start, first = bar.start_t, bar.initial
            _begin_again(bar, progress.total)  # a notebook's bar learns its length in no other way
            bar.start_t, bar.initial = start, first
        if progress.note:
            bar.refresh()
        if progress.result is not None:
            bar.set_postfix(failed=progress.summary.failed, refresh=False)
            bar.update()

    return draw


def _begin_again(bar: tqdm, total: int | None = None) -> None:
    """Set the clock of a bar to zero and leave what it has counted."""
    done = bar.n
    bar.reset(total)
    bar.n = bar.last_print_n = bar.initial = done
