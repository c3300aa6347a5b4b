"""Opening arrays larger than memory, and reading rows at their end, takes neither time nor memory."""

import numpy as np
import pytest

import icsys
from array_folders import BLOCK, pixels_of, random_split
from icsys import UsageError
from large_arrays import COLORS, MANY, MEGABYTE, SIDE, large, own_memory

FEW = 20_000


@pytest.fixture
def last():
    return random_split(5, SIDE, SIDE, COLORS)


def test_ten_gigabytes_are_opened_and_read_at_their_end(tmp_path, last):
    folder = large(tmp_path, MANY, last)
    before = own_memory()
    data = icsys.load(folder)
    assert (len(data), data.bits, data.indices.nbytes) == (MANY, 4, MANY * SIDE * SIDE // 2)
    np.testing.assert_array_equal(data.pixels(slice(-5, None), "HWC"), pixels_of(last))
    np.testing.assert_array_equal(data[-5:].labels, last["labels"])
    np.testing.assert_array_equal(data[::-1].pixels([0, 4, MANY - 1], "HWC")[:2], pixels_of(last)[[4, 0]])
    assert not data.pixels([0, MANY // 2]).any()
    assert own_memory() - before < 16 * MEGABYTE


def test_a_changed_bit_far_behind_is_named(tmp_path, last):
    folder = large(tmp_path, FEW, last, hashed=True)
    icsys.load(folder, verify=True)
    with (folder / "all" / "indices.npy").open("r+b") as file:
        file.seek(2 * BLOCK + 5)
        file.write(b"\x01")
    with pytest.raises(UsageError, match=r"indices.npy' has changed in block 3 of 3"):
        icsys.load(folder, verify=True)
