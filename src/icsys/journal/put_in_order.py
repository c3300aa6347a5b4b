"""The end of a run: one row for each output and each image left out, sorted by source; failures in their own file.

The rows of a run are nearly in order, because its workers do a few images at a time. They are sorted in a window of a
few megabytes on their way from the journal to the new manifest, so memory does not grow with the images. Where that is
not enough, as for the rows of several runs, the window makes sorted parts of the file, which are then merged.
"""

from __future__ import annotations

import heapq
import os
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from icsys.files.atomic import scratch_file, write_whole
from icsys.files.bounded_lines import lines_of
from icsys.layout import FAILURES, MANIFEST
from icsys.outputs.folder import FolderOutputs
from icsys.records.manifest import LEFT_OUT, STALE, from_line, to_line
from icsys.records.row_columns import key_from_line, key_of_own

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Iterator

    from icsys.files.rooted_path import RootedPath
    from icsys.journal.journal import Journal

    _Line = tuple[str, str, int, bytes]  # source, output, a number that grows with its place in the journal, text

_WINDOW = 2**22  # bytes of lines
_READ = 2**22  # bytes of all sorted parts in memory
_LEAST = 2**12


def compact(
    journal: Journal, *, complete: bool, stale: Collection[str], exists: Callable[[str], bool] | None = None
) -> None:
    """Keep one row for each output and each image left out, sorted by source, and move failures to their own file.

    Outputs of sources that fail, or that a rule leaves out, become stale.

    Parameters
    ----------
    journal
        The journal of the run that ends now, closed. Its ``left_out_before`` are kept.
    complete
        Whether that run has met all sources; failures of earlier runs are then dropped.
    stale
        Outputs whose sources the run has not met.
    exists
        Returns whether an output exists. Default: outputs are beside the manifest.
    """
    folder = journal.folder
    manifest, failures = folder / MANIFEST, folder / FAILURES
    failed = journal.failures
    if not complete:
        failed = {s: line for s, line in journal.known.failures.items() if s not in journal.mended} | failed
    # In this order, a crash between the two files leaves a journal that is still right.
    if failed:
        write_whole(failures, (line for _, line in sorted(failed.items())))
    else:
        failures.unlink(missing_ok=True)
    if (stale or failed or not journal.in_order) and manifest.is_file():
        journal.known.done.release()
        exists = exists or FolderOutputs(folder).exists
        lines, undone = _kept_lines(journal), {*failed, *journal.left_out, *journal.left_out_before}
        _write_sorted(manifest, _with_stale(lines, stale, undone, exists) if stale or undone else lines)
    folder.sync()


def _kept_lines(journal: Journal) -> Iterator[_Line]:
    """Yield the lines that no later line replaces, without failures, in the order of the journal."""
    start, live = journal.start, journal.known.done.live_positions()
    next_live = next(live, None)
    with (journal.folder / MANIFEST).open() as file:
        for position, line in lines_of(file):
            is_whole = line.endswith(b"\n")
            kept = journal.left_out_before
            if position >= start:
                key, kept = key_of_own(line) if is_whole else key_from_line(line), journal.left_out
            elif position == next_live:
                next_live = next(live, None)
                key = key_from_line(line)
            elif kept:
                key = key_from_line(line)
                key = None if key is None or key.output else key
            else:
                continue
            if key is not None and (key.output or (key.status == LEFT_OUT and key.source in kept)):
                yield key.source, key.output, position, line if is_whole else line + b"\n"


def _with_stale(
    lines: Iterable[_Line], outputs: Container[str], sources: Container[str], exists: Callable[[str], bool]
) -> Iterator[_Line]:
    """Set the status of these outputs, and of the outputs of these sources; drop what does not exist."""
    for line in lines:
        source, output, position, text = line
        if not (output and (output in outputs or source in sources)):
            yield line
        elif exists(output):
            yield source, output, position, to_line((from_line(text) or {}) | {"status": STALE})


def _write_sorted(path: RootedPath, lines: Iterable[_Line]) -> None:
    """Write lines to a file, sorted; of several lines of one source and output the last counts."""
    with scratch_file(path) as scratch:
        with scratch.open("xb") as file:
            ends = _write_parts(file, lines)
            file.flush()
            os.fsync(file.fileno())
        if len(ends) == 1:
            scratch.replace(path)
            return
        with scratch.open() as file:
            size = max(_LEAST, _READ // len(ends))
            parts = (_read_part(file, i, *place, size) for i, place in enumerate(pairwise([0, *ends])))
            write_whole(path, _last_of_each(heapq.merge(*parts)))


def _write_parts(file: BinaryIO, lines: Iterable[_Line]) -> list[int]:
    """Write sorted parts of lines to a file; return where each ends."""
    ends = []
    last: _Line | None = None
    for block in _sorted_blocks(lines):
        if last is not None and block[0] < last:
            file.write(last[3])
            ends.append(file.tell())
            last = None
        for line in block:
            if last is not None and (line[0] != last[0] or line[1] != last[1]):
                file.write(last[3])
            last = line
    if last is not None:
        file.write(last[3])
    return [*ends, file.tell()]


def _sorted_blocks(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Yield lines in blocks; the later half of what the window holds waits for lines that belong before it."""
    held: list[_Line] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line[3])
        if size >= _WINDOW and len(held) > 1:
            held.sort()
            block = held[: len(held) // 2]
            del held[: len(block)]
            size -= sum(len(one[3]) for one in block)
            yield block
    held.sort()
    if held:
        yield held


def _read_part(file: BinaryIO, number: int, start: int, end: int, size: int) -> Iterator[_Line]:
    """Read the lines of a sorted part, some at a time."""
    while start < end:
        file.seek(start)
        block = file.read(min(size, end - start))
        if not block.endswith(b"\n"):
            block += file.readline()
        start += len(block)
        for line in block.split(b"\n")[:-1]:
            key = key_from_line(line)
            if key is not None:
                yield key.source, key.output, number, line + b"\n"


def _last_of_each(lines: Iterable[_Line]) -> Iterator[bytes]:
    """Yield the texts of sorted lines; of several lines of one source and output the last."""
    last: _Line | None = None
    for line in lines:
        if last is not None and (line[0] != last[0] or line[1] != last[1]):
            yield last[3]
        last = line
    if last is not None:
        yield last[3]
