"""A compressed file is read to its last good byte; the standard library decides what is damaged."""

import bz2
import gzip
import io
import lzma
import os
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys import ImageError
from icsys.sources.archives.decompress import BACK, DecompressedFile

CONTENT = os.urandom(300) + bytes(3000) + bytes(range(256)) * 12 + os.urandom(300)
PACKERS = {
    b"\x1f\x8b": (gzip.compress, gzip.decompress, lambda: zlib.decompressobj(31)),
    b"BZh": (bz2.compress, bz2.decompress, bz2.BZ2Decompressor),
    b"\xfd7zXZ\0": (lzma.compress, lzma.decompress, lzma.LZMADecompressor),
}
kinds = pytest.mark.parametrize("magic", PACKERS)


def unpacked(data, magic, step=777):
    """Return the whole output, read some bytes at a time, and the message about damage."""
    stream = DecompressedFile(io.BytesIO(data), magic)
    parts = []
    while part := stream.read(step):
        parts.append(part)
    return b"".join(parts), stream.damage


def good_bytes(data, magic):
    """Return what comes out before the damage, by the library's own unpacker, fed byte by byte."""
    unpacker, found = PACKERS[magic][2](), b""
    try:
        for value in data:
            found += unpacker.decompress(bytes([value]))
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        pass
    return found


@kinds
@given(contents=st.lists(st.binary(max_size=3000), min_size=1, max_size=3), step=st.integers(1, 5000))
@settings(max_examples=40, deadline=None)
def test_streams_behind_one_another_are_one_content(magic, contents, step):
    pack = PACKERS[magic][0]
    packed = b"".join(pack(content) for content in contents)
    assert unpacked(packed, magic, step) == (b"".join(contents), "")
    assert unpacked(packed + bytes(64), magic, step) == (b"".join(contents), "")
    found, damage = unpacked(packed + b"\0\0x", magic, step)
    assert (found, bool(damage)) == (b"".join(contents), True)


@kinds
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_of_a_cut_stream_all_that_came_before_is_read(magic, data):
    packed = PACKERS[magic][0](CONTENT)
    cut = packed[: data.draw(st.integers(len(magic), len(packed) - 1))]
    found, damage = unpacked(cut, magic)
    assert damage
    assert CONTENT.startswith(found)
    assert len(found) >= len(good_bytes(cut, magic))


@kinds
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_is_damage_unless_the_library_reads_the_same(magic, data):
    pack, unpack, _ = PACKERS[magic]
    packed = bytearray(pack(CONTENT))
    packed[data.draw(st.integers(len(magic), len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    if magic == b"\x1f\x8b" and packed[3] & 0xE0:  # RFC 1952 demands an error here; the module gzip raises none
        assert unpacked(bytes(packed), magic)[1]
        return
    try:
        is_whole = unpack(bytes(packed)) == CONTENT
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        is_whole = False
    found, damage = unpacked(bytes(packed), magic)
    assert bool(damage) != is_whole
    if not is_whole:
        good = good_bytes(bytes(packed), magic)
        assert found[: len(good)] == good[: len(found)]
        assert len(found) >= len(good) - 1  # zlib looks one symbol ahead


@kinds
def test_reading_goes_ahead_and_a_little_back(magic):
    content = os.urandom(1000) * 5000
    stream = DecompressedFile(io.BytesIO(PACKERS[magic][0](content)), magic)
    stream.seek(4_000_000)
    assert stream.read(10) == content[4_000_000:4_000_010]
    assert stream.seek(4_000_000 - BACK // 2) == 4_000_000 - BACK // 2
    assert stream.read(BACK) == content[4_000_000 - BACK // 2 :][:BACK]
    stream.seek(10**8)
    assert (stream.read(1), stream.damage) == (b"", "")


class _Unreadable(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > 0:
            raise OSError(5, "Input/output error")
        return super().read(min(size, 100))


@kinds
def test_a_file_that_cannot_be_read_is_no_damaged_content(magic):
    stream = DecompressedFile(_Unreadable(PACKERS[magic][0](os.urandom(10**5))), magic)
    with pytest.raises(OSError, match="Input/output"):
        stream.read(10**5)
    assert stream.damage == ""


def test_xz_that_needs_gigabytes_is_refused():
    """Its header declares a window of 1.5 GB."""
    packed = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 3 * 2**20}])
    block = bytearray(packed)
    at = block.index(bytes([0x21, 1]), 12) + 2  # the size of the window, in a header with a checksum
    block[at] = 39
    length = (block[12] + 1) * 4
    block[12 + length - 4 : 12 + length] = zlib.crc32(block[12 : 12 + length - 4]).to_bytes(4, "little")
    with pytest.raises(ImageError, match="memory") as caught:
        unpacked(bytes(block), b"\xfd7zXZ\0")
    assert caught.value.code == "too_large"
