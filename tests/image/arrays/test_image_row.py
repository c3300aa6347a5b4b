"""The file of one image of arrays: a header and the bytes of the arrays, as a spelled-out reader finds them."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from icsys import ImageError
from icsys.image.arrays.image_row import ROW_SIGNATURE, RowForm, decode_row, encode_index_row, encode_pixel_row
from icsys.image.read_output import read_indexed, read_pixels

sides = st.integers(1, 19)


@st.composite
def few_colors(draw):
    """Indices, a palette, and a number of colours that was asked for."""
    colors = draw(st.sampled_from([1, 2, 3, 4, 5, 16, 17, 256, 257, 1000]))
    number = draw(st.integers(1, colors))
    palette = draw(arrays.arrays(np.uint8, (number, 3)))
    indices = draw(arrays.arrays(np.uint16, (draw(sides), draw(sides)), elements=st.integers(0, number - 1)))
    return indices, palette, colors


def bits_of(colors):
    return next(bits for bits in (1, 2, 4, 8, 16) if colors <= 2**bits)


@given(few_colors())
def test_indices_come_first_then_the_palette_filled_up_with_its_last_colour(given):
    indices, palette, colors = given
    height, width = indices.shape
    data = encode_index_row(indices, palette, colors)
    assert data[:20] == ROW_SIGNATURE + struct.pack("<III", width, height, colors)
    bits = bits_of(colors)
    row = -(-width * bits // 8)
    digits = "".join(f"{byte:08b}" for byte in data[20 : 20 + height * row])
    for y in range(height):
        for x in range(width):
            place = y * row * 8 + x * bits
            number = int(digits[place : place + bits], 2)
            assert (number if bits < 16 else number >> 8 | (number & 255) << 8) == indices[y, x]
    stored = np.frombuffer(data[20 + height * row :], np.uint8).reshape(colors, 3)
    assert (stored[: len(palette)] == palette).all()
    assert (stored[len(palette) :] == palette[-1]).all()


@given(few_colors())
def test_what_is_read_is_what_was_written(given):
    indices, palette, colors = given
    data = encode_index_row(indices, palette, colors)
    found, entries = read_indexed(data)
    assert found.dtype == (np.uint8 if colors <= 256 else np.uint16)
    np.testing.assert_array_equal(found, indices)
    assert entries.shape == (colors, 3)
    np.testing.assert_array_equal(read_pixels(data), palette[indices])


@given(st.tuples(sides, sides).flatmap(lambda size: arrays.arrays(np.uint8, (*size, 3))))
def test_pixels_are_stored_as_they_are(pixels):
    data = encode_pixel_row(pixels)
    height, width = pixels.shape[:2]
    assert data == ROW_SIGNATURE + struct.pack("<III", width, height, 0) + pixels.tobytes()
    np.testing.assert_array_equal(read_pixels(data), pixels)
    assert read_indexed(data) is None


def test_grey_pixels_become_colours():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(decode_row(encode_pixel_row(grey))["pixels"], np.stack([grey] * 3, axis=2))


@given(few_colors(), st.data())
def test_a_file_that_is_cut_or_longer_is_refused(given, data):
    whole = encode_index_row(*given)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for damaged in whole[:cut], whole + b"\0":
        with pytest.raises(ImageError):
            read_pixels(damaged)


@pytest.mark.parametrize("colors", [2**16 + 1, 2**32 - 1])
def test_forged_headers_are_refused(colors):
    for size in (0, 0), (1, 1), (2**32 - 1, 2**32 - 1):
        with pytest.raises(ImageError):
            read_pixels(ROW_SIGNATURE + struct.pack("<III", *size, colors) + bytes(100))


def test_an_index_without_a_colour_is_refused():
    data = encode_index_row(np.array([[0, 2]]), np.zeros((3, 3), np.uint8), 3)
    forged = data[:20] + bytes([0b00110000]) + data[21:]
    with pytest.raises(ImageError):
        read_pixels(forged)


def test_a_form_takes_only_files_of_its_own_form():
    data = encode_index_row(np.array([[0, 1, 0]]), np.zeros((2, 3), np.uint8), 3)
    form = RowForm(3, 1, 3)
    assert (form.bits, form.row_shape, form.row_bytes, form.palette_bytes) == (2, (1, 1), 1, 9)
    row, palette = form.parts(data)
    assert (row, palette) == (bytes([0b00010000]), bytes(9))
    for other in RowForm(1, 3, 3), RowForm(3, 1, 4), RowForm(3, 1, 0), RowForm(4, 1, 3):
        assert other.parts(data) is None
