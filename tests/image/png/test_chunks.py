"""The chunks of a PNG against the parts that the file was put together from."""

import struct
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers import image_bytes
from icsys.image.png.chunks import chunks_of, has_sound_pixels, holds_only_pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = st.sampled_from([b"IHDR", b"tEXt", b"IDAT", b"gAMA"])
PARTS = st.lists(st.tuples(KINDS, st.binary(max_size=20), st.booleans()), max_size=6)


def chunk(kind, content, sound=True):
    checksum = zlib.crc32(kind + content) ^ (not sound)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


@given(PARTS, st.binary(max_size=11))
def test_all_whole_chunks_are_found_in_their_order(parts, tail):
    data = SIGNATURE + b"".join(chunk(*part) for part in parts) + tail
    found = list(chunks_of(data))
    assert [(one.kind, one.content, one.is_sound) for one in found] == parts
    assert [one.whole for one in found] == [chunk(*part) for part in parts]


@given(PARTS, KINDS)
def test_the_walk_ends_with_the_first_chunk_of_the_last_kind(parts, last):
    data = SIGNATURE + b"".join(chunk(*part) for part in parts)
    kinds = [kind for kind, _, _ in parts]
    expected = kinds[: kinds.index(last) + 1] if last in kinds else kinds
    assert [one.kind for one in chunks_of(data, last)] == expected


@given(st.integers(0, 200))
def test_a_cut_file_has_the_chunks_before_the_cut(kept):
    data = image_bytes(np.zeros((3, 5), np.uint8))
    whole = list(chunks_of(data))
    assert [one.kind for one in whole] == [b"IHDR", b"IDAT", b"IEND"]
    cut = list(chunks_of(data[:kept]))
    assert [one.whole for one in cut] == [one.whole for one in whole if one.end + 4 <= kept]


@given(PARTS, st.binary(max_size=3), st.booleans())
def test_the_fast_tests_equal_a_walk(parts, tail, ended):
    parts = [(b"IHDR", bytes(13), True), *parts, *([(b"IEND", b"", True)] if ended else [])]
    data = SIGNATURE + b"".join(chunk(*part) for part in parts) + tail
    kinds = [kind for kind, _, _ in parts]
    assert has_sound_pixels(data) == all(sound for kind, _, sound in parts if kind == b"IDAT")
    assert holds_only_pixels(data) == (set(kinds[1:-1]) <= {b"IDAT"} and ended and not tail)


@given(st.integers(0, 200))
def test_a_cut_file_holds_more_than_whole_pixels(kept):
    data = image_bytes(np.zeros((3, 5), np.uint8))
    assert holds_only_pixels(data[:kept]) == (kept >= len(data))
    assert has_sound_pixels(data[:kept])
