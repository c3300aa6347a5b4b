"""Merges the manifests of shards row by row; the memory needed grows with the shards, and not with the images."""

from __future__ import annotations

import heapq
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import UsageError
from icsys.files.atomic import write_whole
from icsys.files.bounded_lines import LONGEST
from icsys.layout import FAILURES, MANIFEST
from icsys.records.manifest import DONE, LEFT_OUT, STALE, counts_of, from_line, row_kind, to_line
from icsys.records.manifest_rows import failure_in, left_out_in
from icsys.records.pending_outputs import WrittenHashes, load_pending, write_pending
from icsys.results import IMAGE
from icsys.shard import shard_index
from icsys.shards.images_without_output import ImagesWithoutOutput
from icsys.shards.state_folders import state_folder_of
from icsys.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.files.rooted_path import RootedPath
    from icsys.shard import Shard

_BLOCK = 2**16  # bytes of each shard's manifest in memory
_HELD = 2**29  # bytes of all manifests in memory
_LEAST = 2**12
_NAMED = 3


class _Line(NamedTuple):
    """A line of a manifest. Lines compare in the order of the merged manifest; ``shard`` 0 is the folder's own."""

    source: str
    output: str
    shard: int
    text: bytes
    row: dict[str, Any]

    @property
    def weight(self) -> tuple[bool, bool]:
        """Rank among the lines of one output: a shard's line is newer than the folder's, and done outranks stale."""
        return self.shard > 0, self.row.get("status") == DONE

    def as_stale(self) -> _Line:
        """Return the line with a stale output."""
        row = self.row | {"status": STALE}
        return self._replace(text=to_line(row), row=row)


class _ReplacedError(Exception):
    """Lines, by source and output, were written although later lines replace them."""

    def __init__(self, lines: set[tuple[str, str]]) -> None:
        super().__init__()
        self.lines = lines


def merge_manifests(destination: RootedPath, shards: list[Shard], *, packed: bool = False) -> RunSummary:
    """Write manifest, failures and pending outputs of an output folder from those of its shards; return the summary.

    Rows of the folder's own manifest that belong to other shards than ``shards`` are kept. The journals of the shards
    must be in order. They are only read, so after a crash the merge can be repeated.

    Parameters
    ----------
    packed
        Whether images are packed next, which removes all stale outputs.

    Raises
    ------
    UsageError
        If two shards have the same output; nothing is written then.
    """
    undone = ImagesWithoutOutput(destination, shards, packed=packed)
    summary = _join_images(destination, shards, undone)
    failures = _failures(destination, shards, summary, undone)
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


def count_merged(destination: RootedPath) -> RunSummary:
    """Return the summary of a folder whose manifests are merged."""
    summary = RunSummary()
    for line in _read(destination / MANIFEST, 0, _BLOCK):
        if line.row["status"] == LEFT_OUT:
            summary.add(left_out_in(line.row))
        else:
            _count(line, summary)
    for line in _read(destination / FAILURES, 0, _BLOCK):
        summary.add(failure_in(line.row))
    return summary


def _join_images(destination: RootedPath, shards: list[Shard], undone: ImagesWithoutOutput) -> RunSummary:
    """Write the manifest; write it again without replaced lines if an output has moved from one shard to another."""
    replaced: set[tuple[str, str]] = set()
    there = any(
        (state_folder / MANIFEST).is_file()
        for state_folder in (destination, *(state_folder_of(destination, s) for s in shards))
    )
    while there:
        summary = RunSummary()
        try:
            lines = _lines(destination, shards, MANIFEST)
            write_whole(destination / MANIFEST, _images(destination, lines, replaced, summary, undone))
        except _ReplacedError as error:
            replaced |= error.lines
        else:
            return summary
    return RunSummary()


def _images(
    destination: RootedPath,
    lines: Iterator[_Line],
    replaced: set[tuple[str, str]],
    summary: RunSummary,
    undone: ImagesWithoutOutput,
) -> Iterator[bytes]:
    """Yield the lines of the merged manifest, one for each output, and count them."""
    too_late: set[tuple[str, str]] = set()
    clashes: list[str] = []
    without_image: list[str] = []
    seen = _SeenLines()
    for line in _with_images(lines, undone, without_image):
        if (line.source, line.output) in replaced:
            continue
        if line.row["status"] == LEFT_OUT:
            summary.add(left_out_in(line.row))
            yield line.text
            continue
        outputs = seen.in_folder_of(line)
        other = outputs.setdefault(line.output, line)
        if other is not line:
            if line.weight == other.weight and all(line.weight):
                clashes.append(_clash(other, line))
            if line.weight <= other.weight:
                continue
            too_late.add((other.source, other.output))
            outputs[line.output] = line
        _count(line, summary)
        yield line.text
    if clashes:
        more = f", and {len(clashes) - _NAMED} more" if len(clashes) > _NAMED else ""
        raise UsageError(
            f"{'; '.join(clashes[:_NAMED])}{more}: the shards saw different files. "
            "Remove these outputs and run those shards again over one source folder"
        )
    if too_late:
        raise _ReplacedError(too_late)
    # Their shards still have the rows, so a merge that ends here can be repeated.
    for output in without_image:
        (destination / output).unlink(missing_ok=True)


def _with_images(lines: Iterator[_Line], undone: ImagesWithoutOutput, removed: list[str]) -> Iterator[_Line]:
    """Yield the lines, without those of files whose image has no output; list their outputs that are to be removed."""
    for line in lines:
        if not undone.has_image_of(line.row):
            yield line
        elif undone.is_to_be_removed(line.row):
            removed.append(line.output)
        else:
            yield line.as_stale()


def _count(line: _Line, summary: RunSummary) -> None:
    """Count the output of a line."""
    if line.row["status"] != DONE:
        summary.stale.append(line.output)
    elif row_kind(line.row) == IMAGE:
        summary.add_counts(counts_of(line.row))
    else:
        row = line.row
        warning = f"{row['source_path']!r}: {row['warning']}" if row["warning"] else ""
        summary.count_companion(row["kind"], row["dropped"], warning)


class _SeenLines:
    """Earlier lines, by output, whose output a later line may have, too.

    An output is in the same folder as its source, and sorted lines do not return to a folder they have left. So only
    the current folder and the folders above it are kept.
    """

    def __init__(self) -> None:
        self._folders: list[tuple[str, dict[str, _Line]]] = []

    def in_folder_of(self, line: _Line) -> dict[str, _Line]:
        """Return the earlier lines in the folder of a line; the caller adds the line."""
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


def _failures(
    destination: RootedPath, shards: list[Shard], summary: RunSummary, undone: ImagesWithoutOutput
) -> Iterator[bytes]:
    """Yield the lines of the merged failures, and count them; a folder that no shard could list counts once."""
    last = None
    for line in _lines(destination, shards, FAILURES):
        if line.source != last and not undone.has_image_of(line.row):
            summary.add(failure_in(line.row))
            yield line.text
        last = line.source


def _lines(destination: RootedPath, shards: list[Shard], name: str) -> Iterator[_Line]:
    """Yield the lines of the folder and of all shards, sorted."""
    return heapq.merge(
        _old_lines(destination, shards, name), *(_shard_lines(destination, shard, name) for shard in shards)
    )


def _old_lines(destination: RootedPath, shards: list[Shard], name: str) -> Iterator[_Line]:
    """Yield the folder's own lines that belong to no shard in ``shards``."""
    indices, count = {shard.index for shard in shards}, shards[0].count
    for line in _read(destination / name, 0, _BLOCK):
        if shard_index(line.source, count) not in indices:
            yield line


def _shard_lines(destination: RootedPath, shard: Shard, name: str) -> Iterator[_Line]:
    """Yield the lines of a shard; UsageError for a source of another shard."""
    block = max(_LEAST, min(_BLOCK, _HELD // shard.count))
    for line in _read(state_folder_of(destination, shard) / name, shard.index, block):
        # Failures are not checked: a folder that could not be listed is in those of every shard.
        if name == MANIFEST and not shard.owns(line.source):
            raise UsageError(
                f"the state folder of shard {shard} of {str(destination)!r} has {line.source!r}, a source of another "
                "shard: it was renamed or changed, so remove it and run the shard again"
            )
        yield line


def _read(path: RootedPath, shard: int, size: int) -> Iterator[_Line]:
    """Read lines. The file is opened for each block, because there may be more shards than files can be open."""
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
            rest = b"too long"  # no row, as for ``bounded_lines``
        for text in whole:
            row = from_line(text + b"\n")
            if row is not None:
                yield _Line(row["source_path"], row.get("file_name") or "", shard, text + b"\n", row)
