"""The exact bytes of all images of an output folder, and of a dry run into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.layout import MANIFEST
from icsys.records.manifest import DONE, STALE, read_rows, row_kind
from icsys.results import IMAGE, Compressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.files.rooted_path import RootedPath
    from icsys.run.progress import Progress


class Total(NamedTuple):
    """Bytes of all images in a folder, and of them those whose sources are gone or have other outputs now."""

    bytes: int
    stale: int
    images: int


class DryTotal:
    """Follows a dry run, and adds what it would write."""

    def __init__(self, progress: Callable[[Progress], object]) -> None:
        self._progress = progress
        self._made: dict[str, int] = {}

    def note(self, progress: Progress) -> None:
        """Note a step of the run, and hand it on."""
        result = progress.result
        if isinstance(result, Compressed):
            self._made[result.output] = result.bytes_out
        self._progress(progress)

    def total(self, destination: RootedPath) -> Total:
        """Return the total after the run that this one stands for."""
        before = total_of(destination, without=self._made)
        made = sum(self._made.values())
        return Total(before.bytes + made, before.stale, before.images + len(self._made))


def total_of(destination: RootedPath, without: dict[str, int] | None = None) -> Total:
    """Return the total of the images that the manifest lists, but for some outputs."""
    total = stale = images = 0
    for _, row in read_rows(destination / MANIFEST):  # one for each output, once a run has ended
        if row["status"] in {DONE, STALE} and row_kind(row) == IMAGE and not (without and row["file_name"] in without):
            total += row["bytes"]
            stale += row["bytes"] if row["status"] == STALE else 0
            images += 1
    return Total(total, stale, images)
