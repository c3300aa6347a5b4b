"""Outputs as objects. Each folder is listed once, so no image costs a request of its own."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from icsys.layout import RESERVED
from icsys.outputs.base import NOTHING, OutputStat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from icsys.files.object_store import Objects
    from icsys.outputs.base import NewOutput

_REMEMBERED = 16  # folders


class Commit(Protocol):
    """Saves the state folder in the store."""

    def __call__(self, *, closing: bool = False) -> None:
        """See :meth:`icsys.outputs.base.Outputs.commit`."""


class ObjectOutputs:
    """Outputs as objects below a URL.

    It can be pickled for worker processes, which only write.
    """

    def __init__(self, objects: Objects, commit: Commit | None = None) -> None:
        self._objects, self._commit = objects, commit
        self._listed: OrderedDict[str, dict[str, int | None] | OSError] = OrderedDict()

    def __reduce__(self) -> tuple[type[ObjectOutputs], tuple[Any, ...]]:
        return ObjectOutputs, (self._objects,)

    def stat(self, output: str) -> OutputStat:
        """See Outputs; OSError if the folder cannot be listed, so that existing objects are unknown."""
        try:
            output.encode()
        except UnicodeEncodeError:
            return OutputStat(obstacle="names of objects are UTF-8, and its name is not")
        if "?versionId=" in output:
            return OutputStat(obstacle="an object whose name has ?versionId= cannot be read")
        if output in RESERVED:
            return OutputStat(obstacle=f"the file {output!r} has the name of a file of ics")
        folder, _, name = output.rpartition("/")
        listed = self._list(folder)
        if name not in listed:
            return NOTHING
        size = listed[name]
        return NOTHING if size is None else OutputStat(size)  # None: a folder, which may have the name of an object

    def exists(self, output: str) -> bool:
        """See Outputs."""
        return self.stat(output).size is not None

    def read(self, output: str) -> bytes:
        """See Outputs."""
        return self._objects.read(output)

    def is_own_output(self, output: str) -> bool:
        """See Outputs: any object there counts, as the store's pending outputs are as protected as its objects."""
        return self.exists(output)

    def write_all(self, files: Sequence[NewOutput]) -> list[OSError | None]:
        """See Outputs: one after another; stores have hashes of their own."""
        errors: list[OSError | None] = []
        for output, data, _ in files:
            try:
                self._objects.write(output, data)
                errors.append(None)
            except OSError as error:
                errors.append(error)
        return errors

    def write_file(self, output: str, file: BinaryIO, sha256: str) -> None:  # noqa: ARG002 - as in write_all
        """See Outputs: the client takes the whole content."""
        self._objects.write(output, file.read())

    def clean_temporary(self, folders: Iterable[str]) -> None:
        """See Outputs: objects are written whole, without temporary files."""

    def sync(self, folders: Iterable[str]) -> None:
        """See Outputs: a written object is safe already."""

    def commit(self, *, closing: bool = False) -> None:
        """See Outputs."""
        if self._commit is not None:
            self._commit(closing=closing)

    def _list(self, folder: str) -> dict[str, int | None]:
        """Return the listing of a folder, kept from the first request; empty if the folder above does not list it."""
        above = []
        while folder not in self._listed:
            above.append(folder)
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        listed = self._recall(folder) if folder in self._listed else {}
        for below in reversed(above):
            if below and below.rpartition("/")[2] not in listed:
                listed = {}
            else:
                try:
                    listed = self._objects.listing(below)
                except OSError as error:
                    self._remember(below, error)
                    raise
            self._remember(below, listed)
        return listed

    def _recall(self, folder: str) -> dict[str, int | None]:
        self._listed.move_to_end(folder)
        listed = self._listed[folder]
        if isinstance(listed, OSError):
            raise listed  # without another round of retries
        return listed

    def _remember(self, folder: str, listed: dict[str, int | None] | OSError) -> None:
        self._listed[folder] = listed
        while len(self._listed) > _REMEMBERED:
            self._listed.popitem(last=False)
