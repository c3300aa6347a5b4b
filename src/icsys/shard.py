"""Shards: N disjoint parts of the sources, so that independent machines together do every image once."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass

from icsys.errors import UsageError

MAX_SHARDS = 100_000
_TEXT = re.compile(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Part ``index``, counted from 1, of ``count`` parts of a dataset.

    Examples
    --------
    >>> [str(shard) for shard in all_shards(3) if shard.owns("train/cat/a.jpg")]
    ['1/3']
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def name(self) -> str:
        """The shard as a part of a file name."""
        return f"{self.index}-of-{self.count}"

    def owns(self, source: str) -> bool:
        """Return whether a source is in this shard."""
        return shard_index(source, self.count) == self.index


def shard_index(source: str, count: int) -> int:
    """Return which of ``count`` shards a source is in, by its path below the source folder with forward slashes.

    The hash of the path decides, so independent machines agree. Its bytes are hashed, so that the locale does not
    matter. They are normalised first, because file systems of macOS change the Unicode form. The rules are those of
    Unicode 3.2, which are the same in every version of Python.

    Examples
    --------
    >>> shard_index("train/cat/a.jpg", 3)
    1
    """
    return int.from_bytes(path_digest(source)[:8], "big") % count + 1


def path_digest(source: str) -> bytes:
    """Return the SHA-256 of the path of a source, which is the same on all machines; see :func:`shard_index`."""
    text = os.fsencode(source).decode("utf-8", "surrogateescape")
    if not text.isascii():
        text = unicodedata.ucd_3_2_0.normalize("NFC", text)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def mark_of(shard: Shard | None) -> str:
    """Return the mark in the names of a shard's temporary files: a run removes only those with its own mark."""
    return f"{shard.name}-" if shard else ""


def all_shards(count: int) -> list[Shard]:
    """Return all ``count`` shards, in order."""
    return [Shard(index, count) for index in range(1, count + 1)]


def parse_shard(value: object) -> Shard:
    """Read ``"2/4"``, a pair of whole numbers, or a shard.

    Raises
    ------
    UsageError
        If it is none of these, or there is no such shard.
    """
    pair: object = value
    if isinstance(value, Shard):
        pair = (value.index, value.count)
    elif isinstance(value, str) and (match := _TEXT.fullmatch(value)):
        pair = (int(match[1]), int(match[2]))
    if (
        isinstance(pair, tuple | list)
        and len(pair) == 2  # noqa: PLR2004 - index and count
        and all(isinstance(number, int) and not isinstance(number, bool) for number in pair)
        and 1 <= pair[0] <= pair[1] <= MAX_SHARDS
    ):
        return Shard(pair[0], pair[1])
    raise UsageError(f"shard={value!r}: expected I/N such as 2/4, with I from 1 to N and N at most {MAX_SHARDS}")
