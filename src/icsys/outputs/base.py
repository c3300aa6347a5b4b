"""The interface to outputs: a folder or an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO


class OutputStat(NamedTuple):
    """What exists at the path of an output.

    Attributes
    ----------
    size
        Size of the file in bytes; None if there is none.
    obstacle
        Why no output can be written there, as part of a sentence; empty if it can.
    """

    size: int | None = None
    obstacle: str = ""


NOTHING = OutputStat()


class NewOutput(NamedTuple):
    """An output to write.

    Attributes
    ----------
    output
        Its path, with forward slashes.
    data
        Its content.
    sha256
        The hash of ``data``, in hexadecimal digits.
    """

    output: str
    data: bytes
    sha256: str


class Outputs(Protocol):
    """Where outputs are written. Paths of outputs have forward slashes.

    Workers call ``write_all``, in their threads or processes. The thread of the run calls all other methods.
    """

    def stat(self, output: str) -> OutputStat:
        """Return what exists at the path of an output; OSError if that cannot be checked. Called folder by folder."""

    def exists(self, output: str) -> bool:
        """Return whether an output exists, or cannot be checked."""

    def read(self, output: str) -> bytes:
        """Return the bytes of an output; OSError if it cannot be read."""

    def is_own_output(self, output: str) -> bool:
        """Return whether ICS has written the file at the path of a pending output."""

    def write_all(self, files: Sequence[NewOutput]) -> list[OSError | None]:
        """Write outputs, each whole or not at all; return for each of them None, or why it could not be written."""

    def write_file(self, output: str, file: BinaryIO, sha256: str) -> None:
        """Write an output whole or not at all, with the content of a file from its position; OSError if that fails.

        It is on the disk when this returns. ``sha256``: the hash of the content, in hexadecimal digits.
        """

    def clean_temporary(self, folders: Iterable[str]) -> None:
        """Remove temporary files of killed runs from these folders."""

    def sync(self, folders: Iterable[str]) -> None:
        """Sync the outputs in these folders to the disk; called before rows that describe them are synced."""

    def commit(self, *, closing: bool = False) -> None:
        """Save the state folder for later runs; called before pending outputs are written.

        ``closing``: the run is about to put its journal in order.
        """
