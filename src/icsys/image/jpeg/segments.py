"""The segments of a JPEG, found without decoding it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

START_OF_SCAN = 0xDA
"""The marker of a scan's header."""

_END = 0xD9
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = {0xC0, 0xC1, 0xC9}


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk over the segments of a JPEG, (marker, start, end), to its end marker; the pixels are skipped."""
    position = 2
    while (marker := _MARKER.search(data, position)) and data[marker.end() - 1] != _END:
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        yield data[marker.end() - 1], marker.start(), position


def is_one_scan(data: bytes) -> bool:
    """Return whether a JPEG ends with its first scan: it is sequential, and the scan holds all components.

    The headers suffice for that (ITU-T T.81, B.2), so most files are not searched for scans.
    """
    sequential, components = False, b""
    for kind, start, _ in jpeg_segments(data):
        if kind in _FRAMES:
            sequential, components = kind in _SEQUENTIAL, data[start + 9 : start + 10]
        elif kind == START_OF_SCAN:
            return sequential and data[start + 4 : start + 5] == components
    return False


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return the width and height in a JPEG's frame header (ITU-T T.81, B.2.2); 0x0 if it has none."""
    start = frame_at(data)
    height, width = (int.from_bytes(data[start + at : start + at + 2], "big") for at in (5, 7))
    return width, height


def jpeg_components(data: bytes) -> int:
    """Return the number of components in a JPEG's frame header; 0 if it has none."""
    return int.from_bytes(data[(at := frame_at(data) + 9) : at + 1], "big")


def frame_at(data: bytes) -> int:
    """Return where a JPEG's frame header begins; the end of the data if it has none."""
    return next((start for kind, start, _ in jpeg_segments(data) if kind in _FRAMES), len(data))
