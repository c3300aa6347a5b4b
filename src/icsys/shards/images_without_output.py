"""Images without an output, and the files that go with them: an image and its mask may lie in different shards."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from icsys.layout import FAILURES, MANIFEST
from icsys.records.manifest import DONE, LEFT_OUT, STALE, from_line, read_lines, read_rows, row_kind
from icsys.results import IMAGE
from icsys.shard import shard_index
from icsys.shards.state_folders import state_folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from icsys.files.rooted_path import RootedPath
    from icsys.shard import Shard

_MARKS = tuple(f'"status": "{status}"'.encode() for status in (LEFT_OUT, STALE))


class ImagesWithoutOutput:
    """The images that fail or that a rule leaves out, in all shards of an output folder.

    A shard does the masks, annotations and sidecars of images that other shards do. One run does none of those whose
    image has no output; after a merge they are gone, too. Its memory grows with the number of such images.
    """

    def __init__(self, destination: RootedPath, shards: list[Shard], *, packed: bool = False) -> None:
        self._destination, self._packed = destination, packed
        self._undone = set[str]()
        self._had_output = set[str]()
        merged, count = {shard.index for shard in shards}, shards[0].count
        self._add(destination, lambda source: shard_index(source, count) not in merged)
        for shard in shards:
            self._add(state_folder_of(destination, shard), lambda _: True)

    def _add(self, folder: RootedPath, counts: Callable[[str], bool]) -> None:
        for line in read_lines(folder / MANIFEST):
            row = from_line(line) if any(mark in line for mark in _MARKS) else None
            if row is not None and row_kind(row) == IMAGE and counts(row["source_path"]):
                (self._had_output if row["status"] == STALE else self._undone).add(row["source_path"])
        for _, row in read_rows(folder / FAILURES):
            if row_kind(row) == IMAGE and counts(row["source_path"]):
                self._undone.add(row["source_path"])

    def has_image_of(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is about a file that goes with one of these images."""
        picture = row.get("picture")
        return row_kind(row) != IMAGE and isinstance(picture, str) and picture in self._undone

    def is_to_be_removed(self, row: Mapping[str, Any]) -> bool:
        """Return whether the output of such a file is what its row describes, and never had an image.

        If the image had an output in an earlier run, both are stale, and the user decides what becomes of them. Where
        images are packed, all stale outputs are removed then.
        """
        if self._packed or row["status"] != DONE or row["picture"] in self._had_output:
            return False
        with suppress(OSError):
            place = self._destination / row["file_name"]
            return place.status() is None or place.sha256() == row["sha256"]
        return False
