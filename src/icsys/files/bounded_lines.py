"""Lines of bounded length: a longer line, which ICS never writes, is skipped without filling the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 2**22
"""The longest line that is read, in bytes; lines that ICS writes are far shorter."""


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    r"""Yield the byte position and the bytes of each line; a line longer than :data:`LONGEST` gives empty bytes.

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
