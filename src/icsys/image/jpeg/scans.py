"""The number of a JPEG's scans, which is bounded before it is decoded."""

from __future__ import annotations

from itertools import islice

from icsys.errors import ImageError
from icsys.image.jpeg.segments import START_OF_SCAN, is_one_scan, jpeg_segments

MAX_SCANS = 100
"""Scans that a JPEG may have. The decoder passes over the whole picture for each; encoders write about ten, and a file
can hold millions."""


def check_scans(data: bytes) -> None:
    """Refuse a JPEG of more than :data:`MAX_SCANS` scans.

    Raises
    ------
    ImageError
        ``too_large``.
    """
    if count_scans(data) > MAX_SCANS:
        raise ImageError("too_large", f"more than {MAX_SCANS} scans: decoding could take minutes")


def count_scans(data: bytes) -> int:
    """Count the scans of a JPEG that a decoder reads, up to one more than :data:`MAX_SCANS`."""
    if is_one_scan(data):
        return 1
    scans = (kind for kind, _, _ in jpeg_segments(data) if kind == START_OF_SCAN)
    return sum(1 for _ in islice(scans, MAX_SCANS + 1))
