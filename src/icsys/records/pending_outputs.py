"""Outputs that a run is about to write, on the disk before any of them is, and hashes of those that it writes.

After a crash they tell what is ours though no line of the journal says so: a file that was renamed into its place just
before the end. A claim says that a file may be ours, its hash that it is. The hash is written right before the file,
and not brought onto the disk by itself: where a power cut has taken it, the file is ours if it is such a PNG as no
other program writes.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from icsys.files.atomic import open_own, write_whole
from icsys.files.bounded_lines import lines_of
from icsys.files.parsing import from_json, read_json
from icsys.files.relative_names import is_below
from icsys.layout import PENDING, WRITTEN
from icsys.records.manifest import to_line

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping

    from icsys.files.rooted_path import RootedPath

_DIGITS = 32  # of a hash, which make the list shorter and are as good


def load_pending(state_folder: RootedPath) -> dict[str, str]:
    """Return the outputs that an earlier run has claimed and not accounted for.

    Returns
    -------
    dict
        The source of each; an empty text where that is not known.
    """
    try:
        values = read_json(state_folder / PENDING)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    if isinstance(values, list):  # as older versions have written them
        values = dict.fromkeys((name for name in values if isinstance(name, str)), "")
    if not isinstance(values, dict):
        return {}
    return {name: source for name, source in values.items() if isinstance(source, str) and is_below(name)}


def write_pending(state_folder: RootedPath, pending: Mapping[str, str]) -> None:
    """Claim these outputs and no others."""
    if pending:
        write_whole(state_folder / PENDING, to_line(dict(sorted(pending.items()))))
    else:
        (state_folder / PENDING).unlink(missing_ok=True)
    state_folder.sync()


class WrittenHashes:
    """Hashes of the outputs that runs have written since the books were last in order, those before a crash included.

    Workers add to it, in their threads or processes.
    """

    def __init__(self, state_folder: RootedPath) -> None:
        self._path = state_folder / WRITTEN
        self._descriptor: int | None = None
        self._opening = threading.Lock()

    def __reduce__(self) -> tuple[type[WrittenHashes], tuple[RootedPath]]:
        return WrittenHashes, (self._path.parent,)

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def add(self, output: str, sha256: str) -> None:
        """Note an output that is about to take its place; in one call, so that lines of others never cut it."""
        # The end comes first: a line that a full disk has cut does not spoil the next one.
        os.write(self._opened(), b"\n" + to_line([sha256[:_DIGITS], output]))

    def _opened(self) -> int:
        with self._opening:  # by one of many threads
            if self._descriptor is None:
                with open_own(self._path, "ab") as file:
                    self._descriptor = os.dup(file.fileno())
            return self._descriptor

    def keep(self, outputs: Container[str]) -> None:
        """Begin anew, with what is known of these outputs."""
        hashes = self.load()
        kept = [to_line([one, output]) for output in hashes if output in outputs for one in sorted(hashes[output])]
        if kept:
            write_whole(self._path, kept)
        else:  # lines are added to a new file, and never to one that may have another name elsewhere: a hard link
            self.forget()

    def take_from(self, other: WrittenHashes, outputs: Container[str]) -> None:
        """Note what another list knows of these outputs, too."""
        for output, hashes in other.load().items():
            for sha256 in sorted(hashes) if output in outputs else ():
                self.add(output, sha256)

    def load(self) -> dict[str, set[str]]:
        """Return the hashes by output."""
        hashes: dict[str, set[str]] = defaultdict(set)
        try:
            file = self._path.open()
        except (FileNotFoundError, NotADirectoryError):
            return hashes
        with file:
            for _, line in lines_of(file):
                try:
                    sha256, output = from_json(line)
                except (ValueError, TypeError):
                    continue
                if isinstance(sha256, str) and isinstance(output, str):
                    hashes[output].add(sha256)
        return hashes

    def forget(self) -> None:
        """Remove the list: every output is in the journal."""
        self._path.unlink(missing_ok=True)


def copy_pending(state_folder: RootedPath, others: RootedPath, pending: Mapping[str, str]) -> None:
    """Give other books claims of these, with the hashes of what was written."""
    if pending:
        written = WrittenHashes(others)
        written.keep(pending)
        written.take_from(WrittenHashes(state_folder), pending)
        write_pending(others, pending)


def is_own_output(data: bytes, hashes: Collection[str]) -> bool:
    """Tell whether a file in the place of an output that is claimed was written by a run.

    Parameters
    ----------
    data
        The file.
    hashes
        Those that :class:`Written` has of the output.
    """
    if hashes:
        return hashlib.sha256(data).hexdigest()[:_DIGITS] in hashes
    from icsys.image.read_output import is_own_png  # noqa: PLC0415 - only after a crash

    return is_own_png(data)
