"""Removes stale outputs that ICS wrote: their sources are gone or left out by a rule, or have other outputs now.

The output of a companion is stale, too, if its image is gone or left out.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from icsys.results import UNCHANGED, CompanionWritten, Compressed, LeftOut, Skipped
from icsys.sources.folder import Folder
from icsys.sources.output_names import name_key
from icsys.sources.selected_source import whole_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from icsys.files.rooted_path import RootedPath
    from icsys.journal.journal import Journal
    from icsys.journal.known_outputs import JournalEntry, KnownOutputs
    from icsys.results import Result
    from icsys.sources.base import Source, Task


class Pruner:
    """Finds the stale outputs that can be removed, and removes them.

    It notes all tasks of a run, so its memory grows with their number.
    """

    def __init__(self, source: Source, destination: RootedPath) -> None:
        self._source, self._destination = source, destination
        self._met: set[str] = set()
        self._undone: set[str] = set()
        self._left_out: set[str] = set()
        self._outputs: dict[str, str] = {}  # by name_key

    def note_task(self, task: Task) -> None:
        """Note that a task has been met."""
        self._met.add(task.source)
        self._outputs[name_key(task.output)] = task.output

    def note_result(self, result: Result) -> None:
        """Note a source whose output this run has neither made nor found done, or that a rule leaves out."""
        is_done = isinstance(result, Compressed | CompanionWritten) or (
            isinstance(result, Skipped) and result.reason == UNCHANGED
        )
        if isinstance(result, LeftOut):
            self._left_out.add(result.source)
        elif not is_done:
            self._undone.add(result.source)

    def choose(self, stale: Iterable[str], entries: KnownOutputs, journal: Journal) -> list[str]:
        """Return the stale outputs to remove: regular files that hold what their row describes."""
        return [
            output
            for output in stale
            if (entry := entries.get(output)) is not None
            and entry.pack is None
            and not self._is_file_of_another(output)
            and self._is_due(entry)
            and self._has_hash(output, journal.read(entry.position).get("sha256"))
        ]

    def _is_due(self, entry: JournalEntry) -> bool:
        """Return whether a stale output belongs to no source any more.

        Its source, or the image of a companion, is gone or left out by a rule, or has another output now. A source that
        is there and that this run did not meet for another reason is neither.
        """
        source, picture = entry.source, entry.picture
        if source in self._left_out or picture in self._left_out:
            return True
        if source in self._undone or picture in self._undone:
            return False
        if source in self._met:
            return True
        return self._is_gone(source) or (bool(picture) and picture not in self._met and self._is_gone(picture))

    def _is_gone(self, source: str) -> bool:
        whole = whole_of(self._source)
        return not (isinstance(whole, Folder) and os.path.lexists(whole.path / source))

    def _is_file_of_another(self, output: str) -> bool:
        """Return whether the file is that of a task whose output has the same name in a file system such as NTFS."""
        other = self._outputs.get(name_key(output))
        if other is None or other == output:  # a task that was left out has no output now
            return False
        try:
            one, two = ((self._destination / name).status() for name in (output, other))
        except OSError:
            return True
        return one is not None and two is not None and os.path.samestat(one, two)

    def _has_hash(self, output: str, sha256: object) -> bool:
        try:
            return (self._destination / output).sha256() == sha256
        except OSError:  # a link, a folder, or unreadable
            return False

    def remove(self, outputs: Iterable[str]) -> list[str]:
        """Remove outputs and the folders that this leaves empty; return the outputs that are gone."""
        removed: list[str] = []
        for output in outputs:
            with suppress(OSError):
                (self._destination / output).unlink(missing_ok=True)
                removed.append(output)
        folders = {output.rpartition("/")[0] for output in removed}
        for folder in folders:
            with suppress(OSError):
                self._destination.at(folder).sync()
        for folder in sorted(folders, key=len, reverse=True):
            with suppress(OSError):  # it holds something
                while folder:
                    (self._destination / folder).rmdir()
                    folder = folder.rpartition("/")[0]  # noqa: PLW2901 - up to the destination
        return removed
