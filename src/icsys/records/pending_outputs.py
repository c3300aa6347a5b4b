"""Pending outputs: outputs that a run is about to write, and the hashes of outputs that it writes.

Both are for the run after a crash. A file may have been renamed to the path of an output just before the crash, without
a row in the journal. If its output is pending, the file may be from ICS; if its hash is recorded, it is. Pending
outputs are synced to the disk before the outputs are written. Hashes are recorded right before their outputs, without a
sync. A power cut may lose them; a file is then from ICS if it has the marks of a PNG of ICS.
"""

from __future__ import annotations

import hashlib
import json
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
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from icsys.files.rooted_path import RootedPath

_DIGITS = 32  # of a hash: enough to identify a file
_quoted = json.JSONEncoder(ensure_ascii=False).encode


def load_pending(state_folder: RootedPath) -> dict[str, str]:
    """Return the pending outputs of an earlier run.

    Returns
    -------
    dict
        Source by output; an empty source is unknown.
    """
    try:
        values = read_json(state_folder / PENDING)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    if isinstance(values, list):  # of an older version
        values = dict.fromkeys((name for name in values if isinstance(name, str)), "")
    if not isinstance(values, dict):
        return {}
    return {name: source for name, source in values.items() if isinstance(source, str) and is_below(name)}


def write_pending(state_folder: RootedPath, pending: Mapping[str, str]) -> None:
    """Replace the pending outputs on the disk by these."""
    if pending:
        write_whole(state_folder / PENDING, to_line(dict(sorted(pending.items()))))
    else:
        (state_folder / PENDING).unlink(missing_ok=True)
    state_folder.sync()


class WrittenHashes:
    """Hashes of outputs written since the journal was last in order, by this run and by killed runs.

    Workers add hashes, in their threads or processes.
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
        """Record the hash of an output before the output is written."""
        self.add_all([(output, sha256)])

    def add_all(self, hashes: Iterable[tuple[str, str]]) -> None:
        """Record outputs and their hashes before the outputs are written; in one call, so that lines do not mix.

        Raises
        ------
        OSError
            If not all could be recorded.
        """
        # The line break comes first: a line that a full disk has cut off does not spoil the next one.
        lines = "".join([f'\n["{sha256[:_DIGITS]}", {_quoted(output)}]\n' for output, sha256 in hashes])
        data = lines.encode("utf-8", "backslashreplace")  # as in rows: see to_line
        descriptor = self._opened()
        while os.write(descriptor, data) < len(data):  # the disk is nearly full: the next call names the error
            continue

    def _opened(self) -> int:
        with self._opening:  # many threads write
            if self._descriptor is None:
                with open_own(self._path, "ab") as file:
                    self._descriptor = os.dup(file.fileno())
            return self._descriptor

    def keep(self, outputs: Collection[str]) -> None:
        """Keep the hashes of these outputs only."""
        hashes = self._of(outputs)
        kept = [to_line([one, output]) for output in hashes for one in sorted(hashes[output])]
        if kept:
            write_whole(self._path, kept)
        else:  # the next hash creates a new file, because the old one may have a hard link
            self.forget()

    def take_from(self, other: WrittenHashes, outputs: Collection[str]) -> None:
        """Add the hashes that another list has of these outputs."""
        for output, hashes in other._of(outputs).items():
            for sha256 in sorted(hashes):
                self.add(output, sha256)

    def load(self) -> dict[str, set[str]]:
        """Return the hashes by output."""
        return _by_output(self._recorded())

    def _of(self, outputs: Collection[str]) -> dict[str, set[str]]:
        """Return the hashes of these outputs. The list may be long, and is read only if there are any."""
        return _by_output(one for one in self._recorded() if one[0] in outputs) if outputs else {}

    def _recorded(self) -> Iterator[tuple[str, str]]:
        """Yield outputs and their hashes as they were added."""
        try:
            file = self._path.open()
        except (FileNotFoundError, NotADirectoryError):
            return
        with file:
            for _, line in lines_of(file):
                try:
                    sha256, output = from_json(line)
                except (ValueError, TypeError):
                    continue
                if isinstance(sha256, str) and isinstance(output, str):
                    yield output, sha256

    def forget(self) -> None:
        """Remove the list."""
        self._path.unlink(missing_ok=True)


def _by_output(recorded: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    hashes: dict[str, set[str]] = defaultdict(set)
    for output, sha256 in recorded:
        hashes[output].add(sha256)
    return hashes


def copy_pending(state_folder: RootedPath, target: RootedPath, pending: Mapping[str, str]) -> None:
    """Write pending outputs, with their recorded hashes, into another state folder."""
    if pending:
        written = WrittenHashes(target)
        written.keep(pending)
        written.take_from(WrittenHashes(state_folder), pending)
        write_pending(target, pending)


def is_own_output(data: bytes, hashes: Collection[str]) -> bool:
    """Return whether ICS has written a file at the path of a pending output.

    Parameters
    ----------
    data
        Content of the file.
    hashes
        Hashes of the output in :class:`WrittenHashes`.
    """
    if hashes:
        return hashlib.sha256(data).hexdigest()[:_DIGITS] in hashes
    from icsys.image.read_output import is_own_png  # noqa: PLC0415 - only after a crash

    return is_own_png(data)
