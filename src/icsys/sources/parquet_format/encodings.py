"""Numbers as Parquet packs them: runs, bit-packed groups and differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.sources.parquet_format.decompress_pages import ByteStream

_LARGEST_BLOCK = 2**16  # numbers


def read_bit_width(flow: ByteStream) -> int:
    """Read the number of bits of each packed number, at most 32."""
    width = flow.read(1)[0]
    if width > 32:  # noqa: PLR2004 - bits
        raise ImageError("broken", f"numbers of {width} bits")
    return width


def runs(flow: ByteStream, width: int) -> Iterator[int]:
    """Unpack runs of equal numbers and groups of bit-packed ones (RLE), without an end: the caller counts."""
    size = (width + 7) // 8
    mask = (1 << width) - 1
    while True:
        head = _varint(flow)
        if head & 1:
            for _ in range(head >> 1):
                packed = int.from_bytes(flow.read(width), "little")
                for _ in range(8):
                    yield packed & mask
                    packed >>= width
        else:
            value = int.from_bytes(flow.read(size), "little")
            for _ in range(head >> 1):
                yield value


def _varint(flow: ByteStream) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = flow.read(1)[0]
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the bit for more bytes
            return value
    raise ImageError("broken", "a number of more than 64 bits")


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def deltas(flow: ByteStream, most: int) -> Iterator[int]:
    """Unpack numbers from their differences (DELTA_BINARY_PACKED), at most ``most``."""
    block, parts, count, value = _varint(flow), _varint(flow), _varint(flow), _signed(_varint(flow))
    if not (0 < parts <= block <= _LARGEST_BLOCK) or block % (8 * parts) or count > most:
        raise ImageError("broken", f"{count} numbers in blocks of {block} in {parts} parts")
    if count:
        yield value
    count -= 1
    while count > 0:
        least = _signed(_varint(flow))
        for width in flow.read(parts):
            if count <= 0:
                break
            if width > 64:  # noqa: PLR2004 - bits
                raise ImageError("broken", f"numbers of {width} bits")
            for _ in range(block // parts // 8):
                packed = int.from_bytes(flow.read(width), "little")
                for _ in range(min(8, count)):
                    value += least + (packed & ((1 << width) - 1))
                    packed >>= width
                    yield value
                count -= 8


def as_signed(values: Iterator[int], bits: int) -> Iterator[int]:
    """Wrap numbers into the range of signed integers of so many bits."""
    half, whole = 1 << (bits - 1), 1 << bits
    return ((value + half) % whole - half for value in values)
