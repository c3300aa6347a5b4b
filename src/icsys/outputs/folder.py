"""Outputs as files below a folder."""

from __future__ import annotations

import stat
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from icsys.files.atomic import sweep, write_whole
from icsys.files.links import LinkError, is_link
from icsys.layout import RESERVED
from icsys.outputs.base import NOTHING, OutputStat
from icsys.outputs.group import write_group
from icsys.records.pending_outputs import is_own_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from icsys.files.held_folder import HeldFolder
    from icsys.files.rooted_path import RootedPath
    from icsys.outputs.base import NewOutput
    from icsys.records.pending_outputs import WrittenHashes

_PART = 2**20  # bytes of a file that is copied


class FolderOutputs:
    """Outputs below a folder.

    Parameters
    ----------
    folder
        The folder; created with the first output.
    mark
        Part of the names of this run's temporary files.
    read_only
        Do not remove temporary files of killed runs.
    apart
        Whether the state folder is elsewhere. Folders of images may then have the names of its files.
    written
        Where the hash of each output is recorded before the output is written. Default: nowhere.
    """

    def __init__(
        self,
        folder: RootedPath,
        *,
        mark: str = "",
        read_only: bool = False,
        apart: bool = False,
        written: WrittenHashes | None = None,
    ) -> None:
        self._folder = folder
        self._mark, self._read_only, self._apart = mark, read_only, apart
        self._written = written
        self._links: dict[str, str | None] = {}
        self._hashes: dict[str, set[str]] | None = None
        # The folder of the last output, kept open because tasks come folder by folder.
        self._held: tuple[str, HeldFolder, ExitStack] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open folder: workers only write."""
        return vars(self) | {"_held": None}

    def stat(self, output: str) -> OutputStat:
        """See Outputs; a link above the output is an obstacle. Temporary files in a folder are removed on first use."""
        folder, _, name = output.rpartition("/")
        top = output.partition("/")[0]
        if not self._apart and top.casefold() in RESERVED:
            what = "folder" if folder else "file"
            return OutputStat(obstacle=f"the {what} {top!r} has the name of a file of ics")
        link = self._link_above(folder)
        if link is not None:
            return OutputStat(obstacle=f"the folder {link!r} is a link")
        held = self._hold(folder)
        found = None if held is None else held.status(name)
        if found is None:
            return NOTHING
        if stat.S_ISREG(found.st_mode):
            return OutputStat(found.st_size)
        kind = "link" if is_link(found) else "folder" if stat.S_ISDIR(found.st_mode) else "device"
        return OutputStat(obstacle=f"{output!r} is a {kind}")

    def exists(self, output: str) -> bool:
        """See Outputs."""
        try:
            return (self._folder / output).exists()
        except OSError:  # a folder above it has become a link, which may be undone
            return True

    def read(self, output: str) -> bytes:
        """See Outputs."""
        return (self._folder / output).read_bytes()

    def is_own_output(self, output: str) -> bool:
        """See Outputs: the hash of the file is recorded, or the file has the marks of a PNG of ICS."""
        if self._hashes is None:
            self._hashes = self._written.load() if self._written else {}
        try:
            return is_own_output(self.read(output), self._hashes.get(output, ()))
        except OSError:
            return False

    def write_all(self, files: Sequence[NewOutput]) -> list[OSError | None]:
        """See Outputs: all files are brought onto the disk together, and their hashes are recorded in one call."""
        if self._written is not None:
            try:
                self._written.add_all([(output, sha256) for output, _, sha256 in files])
            except OSError as error:
                return [error] * len(files)
        return write_group(self._folder, [(output, data) for output, data, _ in files], mark=self._mark)

    def write_file(self, output: str, file: BinaryIO, sha256: str) -> None:
        """See Outputs."""
        if self._written is not None:
            self._written.add_all([(output, sha256)])
        write_whole(self._folder / output, iter(partial(file.read, _PART), b""), mark=self._mark)

    def clean_temporary(self, folders: Iterable[str]) -> None:
        """See Outputs."""
        for folder in folders:
            sweep(self._folder.at(folder), mark=self._mark)

    def sync(self, folders: Iterable[str]) -> None:
        """See Outputs: these folders are synced, and all folders above them."""
        settled = set()
        for folder in folders:
            while folder not in settled:
                settled.add(folder)
                folder = folder.rpartition("/")[0]  # noqa: PLW2901 - up to the destination
        for folder in settled:
            self._folder.at(folder).sync()

    def commit(self, *, closing: bool = False) -> None:
        """See Outputs: the state folder is on the disk already."""

    def _hold(self, folder: str) -> HeldFolder | None:
        """Return a folder, opened; None if it does not exist."""
        if self._held is None or self._held[0] != folder:
            if self._held is not None:
                self._held[2].close()
                self._held = None
            stack = ExitStack()
            try:
                held = stack.enter_context(self._folder.at(folder).held())
            except OSError:
                return None
            self._held = folder, held, stack
        return self._held[1]

    def _link_above(self, folder: str) -> str | None:
        """Return the folder, or one above it, that is a link; writing through it would leave the destination."""
        above: list[str] = []  # a list instead of recursion: folders may be nested deeper than Python's calls
        while folder not in self._links:
            above.append(folder)
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        link = self._links.get(folder)
        for name in reversed(above):
            if link is None and name:
                try:
                    found = (self._folder / name).status()
                    link = name if found is not None and is_link(found) else None
                except LinkError:
                    link = name
            if link is None and not self._read_only:
                sweep(self._folder.at(name), mark=self._mark)
            self._links[name] = link
        return link
