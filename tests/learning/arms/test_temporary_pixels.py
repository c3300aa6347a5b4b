"""Pixels in temporary files."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.learning.arms.temporary_pixels import StoredPixels, new_pixels


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12), st.randoms())
def test_pixels_of_any_sizes_come_back_from_many_threads(tmp_path_factory, sizes, random):
    path = tmp_path_factory.mktemp("pixels") / "pixels"
    pictures = [np.random.default_rng(row).integers(0, 256, (*size, 3), np.uint8) for row, size in enumerate(sizes)]
    order = random.sample(range(len(sizes)), len(sizes))
    stored = StoredPixels(path, len(sizes))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda row: stored.add(row, pictures[row]), order))
        again = list(pool.map(stored.read, range(len(sizes))))
    assert all(np.array_equal(one, picture) for one, picture in zip(again, pictures, strict=True))
    stored.remove()
    assert not path.exists()


def test_pixels_of_one_size_are_zero_and_lie_in_the_file(tmp_path):
    pixels = new_pixels(tmp_path / "pixels", 2, 5)
    assert (pixels.shape, pixels.dtype) == ((2, 5, 5, 3), np.uint8)
    assert not pixels.any()
    pixels[1] = 7
    pixels.flush()
    assert (tmp_path / "pixels").read_bytes() == bytes(75) + bytes([7]) * 75
    assert new_pixels(tmp_path / "none", 0, 5).shape == (0, 5, 5, 3)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve room")
def test_room_is_taken_when_the_pixels_are_made_and_a_full_disk_is_an_error(tmp_path, monkeypatch):
    new_pixels(tmp_path / "pixels", 100, 64)
    assert (tmp_path / "pixels").stat().st_blocks * 512 >= 100 * 64 * 64 * 3

    def fail(number):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", lambda *_: fail(errno.ENOSPC))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        new_pixels(tmp_path / "full", 2, 5)
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: fail(errno.EOPNOTSUPP))
    assert new_pixels(tmp_path / "other", 2, 5).shape == (2, 5, 5, 3)
