"""The manifests of shards become one, line by line: memory follows the number of shards, never that of images."""

from __future__ import annotations

import heapq
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import UsageError
from icsys.files.atomic import write_whole
from icsys.files.bounded_lines import LONGEST
from icsys.layout import FAILURES, MANIFEST
from icsys.partition import shard_index
from icsys.records.manifest import DONE, counts_of, from_line
from icsys.records.pending_outputs import WrittenHashes, load_pending, write_pending
from icsys.results import Failed, RunSummary
from icsys.shards.state import state_folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.files.rooted_path import RootedPath
    from icsys.partition import Shard

_BLOCK = 2**16  # bytes of each shard's manifest that are held at once, where there is room
_HELD = 2**29  # bytes of all of them
_LEAST = 2**12
_NAMED = 3


class _Line(NamedTuple):
    """A line of a manifest; they compare in the order of the merged one, and ``shard`` is 0 for the folder's own."""

    source: str
    output: str
    shard: int
    text: bytes
    row: dict[str, Any]

    @property
    def weight(self) -> tuple[bool, bool]:
        """What makes one of two lines of one output right: that of a shard is younger, and stale yields to done."""
        return self.shard > 0, self.row.get("status") == DONE


class _OutdoneError(Exception):
    """Lines were written before others that make them void, given by source and output."""

    def __init__(self, lines: set[tuple[str, str]]) -> None:
        super().__init__()
        self.lines = lines


def join(destination: RootedPath, shards: list[Shard]) -> RunSummary:
    """Write manifest and failures of an output folder from those of its shards, and add up what the lines tell.

    What the folder's own books say of the shards that are not among ``shards`` stays as it is. The shards' books are
    in order, and are left as they are: until they are gone a crash costs no more than another merge.

    Raises
    ------
    UsageError
        If the shards contradict one another; nothing is written then.
    """
    summary = _join_images(destination, shards)
    failures = _failures(destination, shards, summary)
    first = next(failures, None)
    if first is None:
        (destination / FAILURES).unlink(missing_ok=True)
    else:
        write_whole(destination / FAILURES, chain([first], failures))
    pending = load_pending(destination) if len(shards) < shards[0].count else {}
    written = WrittenHashes(destination)
    written.keep(pending)
    for state_folder in (state_folder_of(destination, shard) for shard in shards):
        some = load_pending(state_folder)
        pending |= some
        written.take_from(WrittenHashes(state_folder), some)
    write_pending(destination, pending)
    destination.sync()
    return summary


def _join_images(destination: RootedPath, shards: list[Shard]) -> RunSummary:
    """Write the manifest: in one go as a rule, and anew where an output has passed from one shard to another."""
    outdone: set[tuple[str, str]] = set()
    there = any(
        (state_folder / MANIFEST).is_file()
        for state_folder in (destination, *(state_folder_of(destination, s) for s in shards))
    )
    while there:
        summary = RunSummary()
        try:
            write_whole(destination / MANIFEST, _images(destination, shards, outdone, summary))
        except _OutdoneError as error:
            outdone |= error.lines
        else:
            return summary
    return RunSummary()


def _images(
    destination: RootedPath, shards: list[Shard], outdone: set[tuple[str, str]], summary: RunSummary
) -> Iterator[bytes]:
    """Draw the lines of the merged manifest, one for each output, and count them."""
    too_late: set[tuple[str, str]] = set()
    clashes: list[str] = []
    drawn = _Drawn()
    for line in _lines(destination, shards, MANIFEST):
        if (line.source, line.output) in outdone:
            continue
        outputs = drawn.beside(line)
        other = outputs.setdefault(line.output, line)
        if other is not line:
            if line.weight == other.weight and all(line.weight):
                clashes.append(_clash(other, line))
            if line.weight <= other.weight:
                continue
            too_late.add((other.source, other.output))
            outputs[line.output] = line
        if line.row.get("status") == DONE:
            summary.add_counts(counts_of(line.row))
        else:
            summary.stale.append(line.output)
        yield line.text
    if clashes:
        more = f", and {len(clashes) - _NAMED} more" if len(clashes) > _NAMED else ""
        raise UsageError(
            f"{'; '.join(clashes[:_NAMED])}{more}: the shards saw different files. "
            "Remove these outputs and run those shards again over one source folder"
        )
    if too_late:
        raise _OutdoneError(too_late)


class _Drawn:
    """The lines that were drawn, by their outputs, as far as one that follows may have the same.

    An output lies in the folder that its source lies in, and sorted lines leave a folder once for all, so no more is
    remembered than one folder and those that it lies in.
    """

    def __init__(self) -> None:
        self._folders: list[tuple[str, dict[str, _Line]]] = []

    def beside(self, line: _Line) -> dict[str, _Line]:
        """Return those in the folder of a line, which is not among them yet."""
        folder = line.source[: line.source.rfind("/") + 1]
        while self._folders and not line.source.startswith(self._folders[-1][0]):
            self._folders.pop()
        if not self._folders or self._folders[-1][0] != folder:
            self._folders.append((folder, {}))
        return self._folders[-1][1]


def _clash(one: _Line, other: _Line) -> str:
    return (
        f"{one.output!r} is the output of {one.source!r} in shard {one.shard} "
        f"and of {other.source!r} in shard {other.shard}"
    )


def _failures(destination: RootedPath, shards: list[Shard], summary: RunSummary) -> Iterator[bytes]:
    """Draw the lines of the merged failures, and count them; a folder that no shard could list is one failure."""
    last = None
    for line in _lines(destination, shards, FAILURES):
        if line.source != last:
            summary.add(Failed(source=line.source, code=line.row["code"], message=line.row["message"]))
            yield line.text
        last = line.source


def _lines(destination: RootedPath, shards: list[Shard], name: str) -> Iterator[_Line]:
    """Draw the lines of all books in their common order."""
    return heapq.merge(
        _old_lines(destination, shards, name), *(_shard_lines(destination, shard, name) for shard in shards)
    )


def _old_lines(destination: RootedPath, shards: list[Shard], name: str) -> Iterator[_Line]:
    """Draw the lines of the folder's own books that no shard has taken over."""
    indices, count = {shard.index for shard in shards}, shards[0].count
    for line in _read(destination / name, 0, _BLOCK):
        if shard_index(line.source, count) not in indices:
            yield line


def _shard_lines(destination: RootedPath, shard: Shard, name: str) -> Iterator[_Line]:
    """Draw the lines of a shard, and refuse what cannot be its own."""
    block = max(_LEAST, min(_BLOCK, _HELD // shard.count))
    for line in _read(state_folder_of(destination, shard) / name, shard.index, block):
        # Any shard may have met a folder that it could not list.
        if name == MANIFEST and not shard.owns(line.source):
            raise UsageError(
                f"shard {shard} of {str(destination)!r} tells of {line.source!r}, which is in another shard: "
                "its books were renamed or changed; remove them and run the shard again"
            )
        yield line


def _read(path: RootedPath, shard: int, size: int) -> Iterator[_Line]:
    """Read lines; the file is open for a block at a time, as there may be more shards than files may be open."""
    position, rest = 0, b""
    while path.is_file():
        with path.open() as file:
            file.seek(position)
            block = file.read(size)
        if not block and not rest:
            return
        position += len(block)
        *whole, rest = (rest + (block or b"\n")).split(b"\n")
        if len(rest) > LONGEST:
            rest = b"too long"  # as ``read_lines`` passes it over
        for text in whole:
            row = from_line(text + b"\n")
            if row is not None:
                yield _Line(row["source_path"], row.get("file_name") or "", shard, text + b"\n", row)
