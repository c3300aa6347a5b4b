"""Indices packed into bits: against bits written one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from icsys.errors import UsageError
from icsys.image.arrays.packing import bits_for, index_dtype, pack_rows, packed_width, unpack_rows

BITS = (1, 2, 4, 8, 16)


@st.composite
def some_indices(draw):
    bits = draw(st.sampled_from(BITS))
    shape = draw(arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=19))
    return draw(arrays.arrays(index_dtype(bits), shape, elements=st.integers(0, (1 << bits) - 1))), bits


def packed_one_by_one(row, bits):
    text = "".join(format(int(index), f"0{bits}b") for index in row)
    text += "0" * (-len(text) % 8)
    return [int(text[at : at + 8], 2) for at in range(0, len(text), 8)]


@given(some_indices())
def test_packed_rows_unpack_to_the_same_indices(case):
    indices, bits = case
    packed = pack_rows(indices, bits)
    assert packed.dtype == index_dtype(bits)
    assert packed.shape == (*indices.shape[:-1], packed_width(bits, indices.shape[-1]))
    found = unpack_rows(packed, bits, indices.shape[-1])
    assert found.dtype == indices.dtype
    np.testing.assert_array_equal(found, indices)


@given(some_indices())
def test_the_first_pixel_has_the_highest_bits_and_zeros_fill_the_last_byte(case):
    indices, bits = case
    packed = pack_rows(indices, bits)
    if bits < 8:
        for place in np.ndindex(indices.shape[:-1]):
            assert packed[place].tolist() == packed_one_by_one(indices[place], bits)
    else:
        assert packed is indices


@given(st.integers(1, 1 << 16))
def test_the_bits_are_the_fewest_that_number_the_colours(colors):
    assert bits_for(colors) == next(bits for bits in BITS if 2**bits >= colors)


@pytest.mark.parametrize("colors", [0, -1, (1 << 16) + 1])
def test_a_number_of_colours_that_no_bits_hold_is_refused(colors):
    with pytest.raises(UsageError, match=f"{colors} colours: expected 1 to 65536"):
        bits_for(colors)


def test_what_cannot_be_packed_is_refused():
    with pytest.raises(UsageError, match="index 4 at 2 bits: expected indices below 4"):
        pack_rows(np.array([0, 4], np.uint8), 2)
    with pytest.raises(UsageError, match="indices of int64 at 8 bits: expected uint8"):
        pack_rows(np.zeros(3, np.int64), 8)
    with pytest.raises(UsageError, match="3 bits a pixel: expected 1, 2, 4, 8 or 16"):
        pack_rows(np.zeros(3, np.uint8), 3)


@pytest.mark.parametrize(
    ("packed", "bits", "width"),
    [
        (np.zeros((2, 3), np.uint8), 4, 7),
        (np.zeros((2, 3), np.uint16), 4, 6),
        (np.zeros((2, 3), np.uint8), 16, 3),
        (np.zeros((), np.uint8), 1, 0),
    ],
)
def test_rows_of_another_width_or_dtype_are_not_unpacked(packed, bits, width):
    with pytest.raises(UsageError, match=r"expected \(\.\.\., "):
        unpack_rows(packed, bits, width)
