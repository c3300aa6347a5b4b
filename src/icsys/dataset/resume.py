"""What is left to do of a source, after what earlier runs have done."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from icsys.dataset.manifest import STALE
from icsys.dataset.whole import sweep
from icsys.results import FOREIGN, NOT_FAILED, UNCHANGED, Failed, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from icsys.dataset.folder import Task
    from icsys.dataset.journal import Entry, Journal, Known


@dataclass(frozen=True, slots=True)
class Work:
    """An image to do.

    Attributes
    ----------
    source, output
        Paths below the source and the destination folder, with forward slashes.
    done_sha256
        Hash of the source that the output was made from with the same options; None where it has to be made.
    """

    source: str
    output: str
    done_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """An image that is done, but whose line has to be written anew, because it was called stale."""

    skipped: Skipped
    entry: Entry


class Resume:
    """Decides what is left to do.

    Parameters
    ----------
    images
        The folder in which outputs lie.
    known, claimed
        What earlier runs have written for certain, and what they may have written just before they were killed.
    hash_of
        Gives the hash of all that decides an output's bytes beside its source.
    overwrite
        Whether all is done anew, and files that ICS did not write are replaced.
    retry_failed
        Whether only sources that failed are taken up.
    read_only
        Whether not even the remains of a killed run may be removed.
    shards
        Files that hold outputs which need not lie in a folder any more.
    others
        Outputs that ICS has written for sources that are not this run's concern.
    mark
        Of this run's temporary files.
    """

    def __init__(
        self,
        source: Path,
        images: Path,
        journal: Journal,
        known: Known,
        claimed: Collection[str],
        *,
        hash_of: Callable[[str], str],
        overwrite: bool,
        retry_failed: bool,
        read_only: bool,
        shards: Collection[str],
        others: Collection[str],
        mark: str,
    ) -> None:
        self._source, self._destination = str(source), str(images)
        self._folder = images
        self._shards = shards
        self._journal, self._known, self._claimed = journal, known, claimed
        self._hash_of = hash_of
        self._overwrite, self._retry_failed, self._read_only = overwrite, retry_failed, read_only
        self._others, self._mark = others, mark
        self._links: dict[str, str | None] = {}
        self.unmet = set(known.done)
        """Outputs of earlier runs that no source has asked for yet."""

    def decide(self, task: Task) -> Work | Skipped | Again | Failed:
        """Tell what becomes of a source: to be done, or the result that it has without being worked on."""
        self.unmet.discard(task.output)
        if self._retry_failed and task.source not in self._known.failed:
            return Skipped(source=task.source, output=task.output, reason=NOT_FAILED)
        try:
            found = os.lstat(f"{self._destination}/{task.output}")
        except OSError:
            found = None
        obstacle = self._obstacle(task.output, found)
        if obstacle is not None:
            message = f"its output cannot be written, because {obstacle}: move that away first"
            return Failed(source=task.source, code="blocked", message=message)
        entry = self._known.done.get(task.output)
        packed = found is None and entry is not None and entry.shard in self._shards
        if self._overwrite or (found is None and not packed):
            return Work(task.source, task.output)
        if entry is not None:
            return self._compare(task, entry, entry.bytes if found is None else found.st_size)
        if task.output in self._claimed or task.output in self._others:
            return Work(task.source, task.output)
        return Skipped(source=task.source, output=task.output, reason=FOREIGN)

    def _obstacle(self, output: str, found: os.stat_result | None) -> str | None:
        """Say what is in the way of an output that must not be written over or through."""
        link = self._link_above(output)
        if link is not None:
            return f"the folder {link!r} is a link"
        if found is None or stat.S_ISREG(found.st_mode):
            return None
        kind = "link" if stat.S_ISLNK(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "device"
        return f"{output!r} is a {kind}"

    def _compare(self, task: Task, entry: Entry, size: int) -> Work | Skipped | Again:
        """Decide by the line of an output that is there and ours."""
        if (entry.source, entry.options_hash, entry.bytes) != (task.source, self._hash_of(task.output), size):
            return Work(task.source, task.output)
        try:
            source = os.stat(f"{self._source}/{task.source}")  # noqa: PTH116 - a Path for each of a million files costs
        except OSError:
            return Work(task.source, task.output)  # which will find out what is wrong
        if source.st_size != entry.source_bytes:
            return Work(task.source, task.output)
        row = None
        if task.output in self._claimed:
            # A crash came while it was written anew: its size alone does not tell which of the two it is.
            row = self._journal.read(entry.position)
            if _sha256(self._folder / task.output) != row.get("sha256"):
                return Work(task.source, task.output)
        if source.st_mtime_ns != entry.source_mtime_ns:
            row = row or self._journal.read(entry.position)
            return Work(task.source, task.output, row.get("source_sha256"))
        skipped = Skipped(source=task.source, output=task.output, reason=UNCHANGED)
        return Again(skipped, entry) if entry.status == STALE or task.source in self._known.failed else skipped

    def _link_above(self, output: str) -> str | None:
        """Return the folder above an output that is a link, by which writing would leave the destination."""
        folder = output.rpartition("/")[0]
        above: list[str] = []  # a list instead of recursion: folders may be nested deeper than Python's calls
        while folder not in self._links:
            above.append(folder)
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        link = self._links.get(folder)
        for name in reversed(above):
            if link is None and name and os.path.islink(f"{self._destination}/{name}"):  # noqa: PTH114 - as above
                link = name
            if link is None and not self._read_only:
                sweep(self._folder / name, mark=self._mark)
            self._links[name] = link
        return link


def _sha256(path: Path) -> str | None:
    """Return the hash of a file; None if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
