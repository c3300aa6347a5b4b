"""Where outputs lie: what a run asks of the place, and a folder of this machine as its first member."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple, Protocol

from icsys.dataset.manifest import FAILURES, GIMP_PALETTE, MANIFEST, PALETTE, RUN
from icsys.dataset.packing import INDEX
from icsys.dataset.whole import leads_elsewhere, sweep, sync_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Found(NamedTuple):
    """What lies in the place of an output.

    Attributes
    ----------
    size
        Of it in bytes; None where nothing lies there.
    obstacle
        What keeps the output from being written, in words; empty where nothing does.
    """

    size: int | None = None
    obstacle: str = ""


NOTHING = Found()

RESERVED = (MANIFEST, FAILURES, RUN, INDEX, PALETTE, GIMP_PALETTE)
"""Names at the top of an output folder that files of ours have, so that no folder of images can have them."""


class Outputs(Protocol):
    """Where outputs lie, each by its path with forward slashes.

    ``write`` is called by workers, in their threads or processes; all else in the thread that runs the run.
    """

    def look(self, output: str) -> Found:
        """Tell what lies in the place of an output that is to be decided on; asked folder by folder.

        OSError if that cannot be told.
        """

    def holds(self, output: str) -> bool:
        """Tell whether anything lies there."""

    def read(self, output: str) -> bytes:
        """Return the bytes of an output; OSError if it cannot be read."""

    def write(self, output: str, data: bytes) -> None:
        """Write an output whole or not at all; OSError if it cannot be written."""

    def tidy(self, folders: Iterable[str]) -> None:
        """Remove what killed runs have left of unfinished outputs in these folders."""

    def settle(self, folders: Iterable[str]) -> None:
        """Make certain that the outputs written into these folders stay; called before a line tells of them."""

    def commit(self, *, closing: bool = False) -> None:
        """Make certain that a run after this one finds the books as they are; called before outputs that are claimed.

        ``closing`` says that the books are about to be put in order.
        """


class FolderOutputs:
    """A folder.

    Parameters
    ----------
    folder
        It; made with the first output.
    mark
        Of the temporary files of this run.
    read_only
        Whether not even the remains of a killed run may be removed.
    apart
        Whether the books lie elsewhere, so that folders may have their names.
    """

    def __init__(self, folder: Path, *, mark: str = "", read_only: bool = False, apart: bool = False) -> None:
        self._folder, self._path = folder, str(folder)
        self._mark, self._read_only, self._apart = mark, read_only, apart
        self._links: dict[str, str | None] = {}

    def look(self, output: str) -> Found:
        """See Outputs; links are not written through, and each folder is tidied when first met."""
        top, slash, _ = output.partition("/")
        if slash and not self._apart and top.casefold() in RESERVED:
            return Found(obstacle=f"the folder {top!r} has the name of a file that ics keeps there")
        link = self._link_above(output)
        if link is not None:
            return Found(obstacle=f"the folder {link!r} is a link")
        try:
            found = os.lstat(f"{self._path}/{output}")
        except OSError:
            return NOTHING
        if stat.S_ISREG(found.st_mode):
            return Found(found.st_size)
        kind = "link" if stat.S_ISLNK(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "device"
        return Found(obstacle=f"{output!r} is a {kind}")

    def holds(self, output: str) -> bool:
        """See Outputs."""
        return os.path.lexists(f"{self._path}/{output}")

    def read(self, output: str) -> bytes:
        """See Outputs."""
        return (self._folder / output).read_bytes()

    def write(self, output: str, data: bytes) -> None:
        """See Outputs."""
        write_whole(self._folder / output, data, mark=self._mark)

    def tidy(self, folders: Iterable[str]) -> None:
        """See Outputs."""
        for folder in folders:
            sweep(self._folder / folder, mark=self._mark)

    def settle(self, folders: Iterable[str]) -> None:
        """See Outputs: the names in them and in the folders above are brought onto the disk."""
        settled = set()
        for folder in folders:
            while folder not in settled:
                settled.add(folder)
                folder = folder.rpartition("/")[0]  # noqa: PLW2901 - up to the destination
        for folder in settled:
            sync_folder(self._folder / folder)

    def commit(self, *, closing: bool = False) -> None:
        """See Outputs: the books lie on the disk as they are written."""

    def _link_above(self, output: str) -> str | None:
        """Return the folder above an output that is a link, by which writing would leave the folder."""
        folder = output.rpartition("/")[0]
        above: list[str] = []  # a list instead of recursion: folders may be nested deeper than Python's calls
        while folder not in self._links:
            above.append(folder)
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        link = self._links.get(folder)
        for name in reversed(above):
            if link is None and name and leads_elsewhere(f"{self._path}/{name}"):
                link = name
            if link is None and not self._read_only:
                sweep(self._folder / name, mark=self._mark)
            self._links[name] = link
        return link
