"""The exact bytes of all images of an output folder, and of a dry run into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.layout import MANIFEST
from icsys.records.manifest import DONE, STALE, read_rows, row_kind
from icsys.results import IMAGE, Compressed, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from icsys.files.rooted_path import RootedPath
    from icsys.run.progress import Progress


class Total(NamedTuple):
    """Bytes of all images in a folder, and of them those without a source in the run, or with other outputs now."""

    bytes: int
    stale: int
    images: int


class DryTotal:
    """Follows a dry run, and adds what it would write."""

    def __init__(self, progress: Callable[[Progress], object]) -> None:
        self._progress = progress
        self._made: dict[str, int] = {}
        self._kept: set[str] = set()

    def note(self, progress: Progress) -> None:
        """Note a step of the run, and hand it on."""
        result = progress.result
        if isinstance(result, Compressed):
            self._made[result.output] = result.bytes_out
        elif isinstance(result, Skipped):
            self._kept.add(result.output)
        self._progress(progress)

    def total(self, destination: RootedPath, pruned: Iterable[str] = ()) -> Total:
        """Return the total after the run that this one stands for, which removes the outputs ``pruned``."""
        before = total_of(destination, {*self._made, *pruned}, self._kept)
        made = sum(self._made.values())
        return Total(before.bytes + made, before.stale, before.images + len(self._made))


def total_of(destination: RootedPath, without: Collection[str] = (), kept: Collection[str] | None = None) -> Total:
    """Return the total of the images that the manifest lists.

    Parameters
    ----------
    without
        Outputs to leave out.
    kept
        The only outputs that are not stale; None if the manifest tells which are.
    """
    total = stale = images = 0
    for _, row in read_rows(destination / MANIFEST):  # one for each output, once a run has ended
        if row["status"] not in {DONE, STALE} or row_kind(row) != IMAGE:  # others have no output
            continue
        name = row["file_name"]
        if name not in without:
            total += row["bytes"]
            stale += row["bytes"] if row["status"] == STALE or (kept is not None and name not in kept) else 0
            images += 1
    return Total(total, stale, images)
