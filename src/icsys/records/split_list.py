"""``splits.jsonl``: the split of each image of a source, so that images which come later move no others.

The first line has the shares and the seed; each of the others has an image and its split.
"""

from __future__ import annotations

from array import array
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.errors import UsageError
from icsys.files.atomic import write_whole
from icsys.files.bounded_lines import lines_of
from icsys.files.parsing import from_json
from icsys.layout import SPLITS
from icsys.records.manifest import to_line
from icsys.selection import SplitShares, parse_shares
from icsys.shard import path_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath


class SplitTable(NamedTuple):
    """The splits of images in 10 bytes an image.

    Attributes
    ----------
    names
        The names of the splits, sorted.
    keys
        Shape (n,), uint64: the :func:`split_key` of each image, sorted.
    splits
        Shape (n,), int16: the number of each image's split in ``names``.
    """

    names: tuple[str, ...]
    keys: NDArray[np.uint64]
    splits: NDArray[np.int16]

    def of(self, source: str) -> str | None:
        """Return the split of an image by its path; None if it has none."""
        key = np.uint64(split_key(source))
        at = int(np.searchsorted(self.keys, key))
        return self.names[self.splits[at]] if at < len(self.keys) and self.keys[at] == key else None

    def of_all(self, keys: NDArray[np.uint64]) -> NDArray[np.int16]:
        """Return the splits of images by their keys; -1 where there is none."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int16)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.splits[at], np.int16(-1))


def split_table(names: Iterable[str], keys: NDArray[np.uint64], splits: NDArray[np.int16]) -> SplitTable:
    """Return a table of images in any order."""
    order = np.argsort(keys, kind="stable")
    return SplitTable(tuple(names), keys[order], splits[order].astype(np.int16))


def split_key(source: str) -> int:
    """Return a hash of an image's path, of 64 bits, which is the same on all machines."""
    return int.from_bytes(path_digest(source)[8:16], "big")  # other bits than those of the shard


class SplitList(NamedTuple):
    """The content of ``splits.jsonl``."""

    shares: SplitShares
    seed: int
    table: SplitTable


def read_split_list(destination: RootedPath) -> SplitList | None:
    """Return the list of an output folder; None if there is none.

    Raises
    ------
    UsageError
        If a line is not as ICS writes it.
    """
    path = destination / SPLITS
    keys, splits = array("Q"), array("h")
    number = 1
    try:
        with path.open() as file:
            lines = lines_of(file)
            header = from_json(next(lines, (0, b""))[1])
            shares, seed = parse_shares(str(header["split"])), int(header["seed"])
            numbers = {name: i for i, name in enumerate(sorted(shares.names))}
            for number, (_, line) in enumerate(lines, 2):  # noqa: B007 - for the error
                row = from_json(line)
                keys.append(split_key(row["source_path"]))
                splits.append(numbers[row["split"]])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, UsageError):
        raise UsageError(
            f"{str(path)!r}, line {number}: expected an image and its split, as ics has written them; restore the "
            "file, delete it to split anew, or name another destination"
        ) from None
    table = split_table(sorted(shares.names), np.array(keys, np.uint64), np.array(splits, np.int16))
    return SplitList(shares, seed, table)


def write_split_list(destination: RootedPath, shares: SplitShares, seed: int, new: Iterable[tuple[str, str]]) -> None:
    """Add images with their splits to the list of an output folder, which is made if there is none; whole or not."""
    path = destination / SPLITS

    def lines() -> Iterator[bytes]:
        with ExitStack() as stack:
            yield to_line({"split": str(shares), "seed": seed})
            if path.exists():
                file = stack.enter_context(path.open())
                yield from (line if line.endswith(b"\n") else line + b"\n" for at, line in lines_of(file) if at)
        yield from (to_line({"source_path": source, "split": split}) for source, split in new)

    write_whole(path, lines())
    destination.sync()
