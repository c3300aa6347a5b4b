"""The manifests of shards become one, line by line: memory follows the number of shards, never that of images."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from icsys.dataset.claims import load_claims, write_claims
from icsys.dataset.manifest import DONE, FAILURES, MANIFEST, from_line
from icsys.dataset.shard import shard_index
from icsys.dataset.shards import books_of
from icsys.dataset.whole import sync_folder, write_whole
from icsys.errors import UsageError
from icsys.results import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from icsys.dataset.shard import Shard
    from icsys.results import RunSummary

_BLOCK = 2**16  # bytes of each shard's manifest that are held at once
_NAMED = 3


@dataclass(frozen=True, slots=True, order=True)
class _Line:
    """A line of a manifest, in the order of the merged one; ``shard`` is None for the books of the whole folder."""

    source: str
    output: str
    row: dict[str, Any] = field(compare=False)
    text: bytes = field(compare=False)
    shard: Shard | None = field(compare=False)

    @property
    def weight(self) -> tuple[bool, bool]:
        """What makes one of two lines of one output right: that of a shard is younger, and stale yields to done."""
        return self.shard is not None, self.row.get("status") == DONE


def join(destination: Path, shards: list[Shard], summary: RunSummary) -> None:
    """Write manifest and failures of an output folder from those of its shards, and add up what the lines tell.

    What the folder's own books say of the shards that are not among ``shards`` stays as it is. The shards' books are
    in order, and are left as they are.

    Raises
    ------
    UsageError
        If the shards contradict one another; nothing is written then.
    """
    outdone = _find_outdone(_lines(destination, shards, MANIFEST))
    # In this order, as at the end of every run; until the shards' books are gone a crash costs another merge.
    failures = _failures(destination, shards, summary)
    first = next(failures, None)
    if first is None:
        (destination / FAILURES).unlink(missing_ok=True)
    else:
        write_whole(destination / FAILURES, chain([first], failures))
    if any((books / MANIFEST).exists() for books in (destination, *(books_of(destination, s) for s in shards))):
        write_whole(destination / MANIFEST, _images(destination, shards, outdone, summary))
    claims = {claim for shard in shards for claim in load_claims(books_of(destination, shard))}
    if len(shards) < shards[0].count:
        claims |= load_claims(destination)
    write_claims(destination, claims)
    sync_folder(destination)


def _images(
    destination: Path, shards: list[Shard], outdone: set[tuple[str, str]], summary: RunSummary
) -> Iterator[bytes]:
    """Draw the lines of the merged manifest, and count them."""
    for line in _lines(destination, shards, MANIFEST):
        if (line.source, line.output) in outdone:
            continue
        if line.row.get("status") == DONE:
            _count(line.row, summary)
        else:
            summary.stale.append(line.output)
        yield line.text


def _count(row: dict[str, Any], summary: RunSummary) -> None:
    summary.images += 1
    summary.compressed += 1
    summary.animated += row["frames"] > 1
    summary.damaged += bool(row["warning"])
    summary.bytes_in += row["source_bytes"]
    summary.bytes_out += row["bytes"]
    summary.elements_in += row["source_width"] * row["source_height"] * row["source_channels"]
    summary.elements_out += row["width"] * row["height"] * row["channels"]


def _failures(destination: Path, shards: list[Shard], summary: RunSummary) -> Iterator[bytes]:
    """Draw the lines of the merged failures, and count them; a folder that no shard could list is one failure."""
    last = None
    for line in _lines(destination, shards, FAILURES):
        if line.source != last:
            summary.add(Failed(source=line.source, code=line.row["code"], message=line.row["message"]))
            yield line.text
        last = line.source


def _lines(destination: Path, shards: list[Shard], name: str) -> Iterator[_Line]:
    """Draw the lines of all books in their common order."""
    return heapq.merge(
        _old_lines(destination, shards, name), *(_shard_lines(destination, shard, name) for shard in shards)
    )


def _old_lines(destination: Path, shards: list[Shard], name: str) -> Iterator[_Line]:
    """Draw the lines of the folder's own books that no shard has taken over."""
    indices, count = {shard.index for shard in shards}, shards[0].count
    for line in _read(destination / name, None):
        if shard_index(line.source, count) not in indices:
            yield line


def _shard_lines(destination: Path, shard: Shard, name: str) -> Iterator[_Line]:
    """Draw the lines of a shard, and refuse what cannot be its own."""
    for line in _read(books_of(destination, shard) / name, shard):
        # Any shard may have met a folder that it could not list.
        if name == MANIFEST and not shard.owns(line.source):
            raise UsageError(
                f"shard {shard} of {str(destination)!r} tells of {line.source!r}, which is in another shard: "
                "its books were renamed or changed; remove them and run the shard again"
            )
        yield line


def _read(path: Path, shard: Shard | None) -> Iterator[_Line]:
    """Read lines; the file is open for a block at a time, as there may be more shards than files may be open."""
    position, rest = 0, b""
    while path.exists():
        with path.open("rb") as file:
            file.seek(position)
            block = file.read(_BLOCK)
        if not block:
            return
        position += len(block)
        *whole, rest = (rest + block).split(b"\n")
        for text in whole:
            row = from_line(text + b"\n")
            if row is not None:
                yield _Line(row["source_path"], row.get("file_name") or "", row, text + b"\n", shard)


def _find_outdone(lines: Iterator[_Line]) -> set[tuple[str, str]]:
    """Return source and output of the lines that another line of the same output has made void.

    An output lies in the folder that its source lies in, and sorted lines leave a folder once for all, so no more is
    remembered than one folder and those that it lies in.
    """
    outdone: set[tuple[str, str]] = set()
    clashes: list[str] = []
    folders: list[tuple[str, dict[str, _Line]]] = []
    for line in lines:
        folder = line.source[: line.source.rfind("/") + 1]
        while folders and not line.source.startswith(folders[-1][0]):
            folders.pop()
        if not folders or folders[-1][0] != folder:
            folders.append((folder, {}))
        outputs = folders[-1][1]
        other = outputs.setdefault(line.output, line)
        if other is line:
            continue
        right, void = (line, other) if line.weight > other.weight else (other, line)
        if right.weight == void.weight and all(right.weight):
            clashes.append(
                f"{right.output!r} is the output of {right.source!r} in shard {right.shard} "
                f"and of {void.source!r} in shard {void.shard}"
            )
        outputs[line.output] = right
        outdone.add((void.source, void.output))
    if clashes:
        more = f", and {len(clashes) - _NAMED} more" if len(clashes) > _NAMED else ""
        raise UsageError(
            f"{'; '.join(clashes[:_NAMED])}{more}: the shards saw different files. "
            "Remove these outputs and run those shards again over one source folder"
        )
    return outdone
