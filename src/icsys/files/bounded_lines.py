"""Lines of a file that anybody may have written: one that is too long for any of ours is passed over, unread."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 2**22
"""Bytes of the longest line that is read; names and messages of ours come to far less."""


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    r"""Yield the lines of a file with their positions; one of more than :data:`LONGEST` bytes as an empty one.

    Examples
    --------
    >>> import io
    >>> list(lines_of(io.BytesIO(b"one" + bytes(LONGEST) + b"one too\ntwo")))
    [(0, b''), (4194315, b'two')]
    """
    position = file.tell()
    while line := file.readline(LONGEST):
        begin, length, whole = position, len(line), line
        while not line.endswith(b"\n") and (line := file.readline(LONGEST)):
            length, whole = length + len(line), b""
        position += length
        yield begin, whole
