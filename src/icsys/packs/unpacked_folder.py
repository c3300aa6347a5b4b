"""Outputs of a run whose images are packed at its end: single files until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.layout import RESERVED, UNPACKED
from icsys.outputs.base import OutputStat
from icsys.outputs.folder import FolderOutputs
from icsys.records.pack_index import load_pack_index

if TYPE_CHECKING:
    from icsys.files.rooted_path import RootedPath
    from icsys.records.pending_outputs import WrittenHashes


class UnpackedFolder(FolderOutputs):
    """Outputs below a folder of their own; what earlier runs have left as single files is beside the packs.

    Parameters
    ----------
    destination
        The folder of the packs.
    mark, read_only, written
        As for :class:`~icsys.outputs.folder.FolderOutputs`.
    """

    def __init__(
        self,
        destination: RootedPath,
        *,
        mark: str = "",
        read_only: bool = False,
        written: WrittenHashes | None = None,
    ) -> None:
        super().__init__(destination / UNPACKED, mark=mark, read_only=read_only, apart=True, written=written)
        index = load_pack_index(destination)
        self._single_files = frozenset(index.files if index else ())
        self._beside = FolderOutputs(destination, mark=mark, read_only=True) if self._single_files else None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what workers do not need: they only write."""
        return super().__getstate__() | {"_beside": None}

    def stat(self, output: str) -> OutputStat:
        """See Outputs; a file beside the packs counts if there is no new one."""
        if output.casefold() in RESERVED:
            return OutputStat(obstacle=f"the file {output!r} has the name of a file of ics")
        found = super().stat(output)
        is_there = found.size is not None or bool(found.obstacle)
        beside = None if is_there else self._earlier(output)
        return found if beside is None else beside.stat(output)

    def exists(self, output: str) -> bool:
        """See Outputs."""
        beside = self._earlier(output)
        return super().exists(output) or (beside is not None and beside.exists(output))

    def read(self, output: str) -> bytes:
        """See Outputs."""
        beside = None if super().exists(output) else self._earlier(output)
        return super().read(output) if beside is None else beside.read(output)

    def _earlier(self, output: str) -> FolderOutputs | None:
        """Return the folder of the packs if an earlier run has left an output there as a single file."""
        return self._beside if output in self._single_files else None
