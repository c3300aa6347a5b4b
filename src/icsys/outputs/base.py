"""The interface of a place for outputs: a folder or an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class OutputStat(NamedTuple):
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


NOTHING = OutputStat()


class Outputs(Protocol):
    """Where outputs lie, each by its path with forward slashes.

    ``write`` is called by workers, in their threads or processes; all else in the thread that runs the run.
    """

    def stat(self, output: str) -> OutputStat:
        """Tell what lies in the place of an output that is to be decided on; asked folder by folder.

        OSError if that cannot be told.
        """

    def exists(self, output: str) -> bool:
        """Tell whether anything lies there, as far as that can be told; else it may."""

    def read(self, output: str) -> bytes:
        """Return the bytes of an output; OSError if it cannot be read."""

    def is_own_output(self, output: str) -> bool:
        """Tell whether what lies in the place of an output that an earlier run has claimed was written by it."""

    def write(self, output: str, data: bytes, sha256: str) -> None:
        """Write an output with a hash whole or not at all; OSError if it cannot be written."""

    def clean_temporary(self, folders: Iterable[str]) -> None:
        """Remove what killed runs have left of unfinished outputs in these folders."""

    def sync(self, folders: Iterable[str]) -> None:
        """Make certain that the outputs written into these folders stay; called before a line tells of them."""

    def commit(self, *, closing: bool = False) -> None:
        """Make certain that a run after this one finds the books as they are; called before outputs that are claimed.

        ``closing`` says that the books are about to be put in order.
        """
