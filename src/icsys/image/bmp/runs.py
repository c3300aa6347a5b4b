"""Runs of equal pixels in a BMP, which may leave pixels out."""

from __future__ import annotations

_END_OF_ROW, _END_OF_PICTURE, _MOVE = 0, 1, 2  # what follows a run of no pixels


def unpacked_runs(data: bytes, start: int, size: tuple[int, int], *, halves: bool) -> tuple[bytearray, bool]:
    """Unpack the runs of a BMP (RLE8 and RLE4 of the Windows BMP format).

    Parameters
    ----------
    data
        The file.
    start
        Where the runs begin.
    size
        Width and height in pixels.
    halves
        Whether a position takes half a byte.

    Returns
    -------
    (bytearray, bool)
        Positions in the palette, a byte for each pixel in the order of the file, 0 where the runs leave pixels out, as
        most readers show them; and whether the runs end as they should, and not with the file.
    """
    width, height = size
    positions = bytearray(width * height)
    x = y = 0
    while start + 2 <= len(data) and y < height:
        count, value = data[start], data[start + 1]
        start += 2
        if count:
            run = bytes([value >> 4, value & 15]) * -(-count // 2) if halves else bytes([value]) * count
        elif value == _END_OF_ROW:
            x, y = 0, y + 1
            continue
        elif value == _END_OF_PICTURE:
            return positions, True
        elif value == _MOVE:
            right, down = data[start : start + 2].ljust(2, b"\0")
            x, y, start = x + right, y + down, start + 2
            continue
        else:
            count = value
            length = -(-count // 2) if halves else count
            run = data[start : start + length]
            run = bytes(half for byte in run for half in (byte >> 4, byte & 15)) if halves else run
            start += length + length % 2
        kept = max(0, min(count, len(run), width - x))
        at = y * width + x
        positions[at : at + kept] = run[:kept]
        x += count
    return positions, y >= height or (y == height - 1 and x >= width)
