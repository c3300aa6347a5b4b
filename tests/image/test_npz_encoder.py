"""NumPy's archives: NumPy and Python's own ZIP reader get back what went in, and the bytes do not depend on the day."""

import io
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from icsys.errors import ImageError
from icsys.image import npz_encoder as npz
from icsys.image.npz_encoder import encode_npz

names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
arrays = hnp.arrays(
    st.sampled_from([np.uint8, np.uint16]), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=20)
)


@given(st.dictionaries(names, arrays, max_size=4))
def test_numpy_reads_what_was_written(contents):
    with np.load(io.BytesIO(encode_npz(contents)), allow_pickle=False) as read:
        assert read.files == list(contents)
        for name, array in contents.items():
            assert read[name].dtype == array.dtype
            np.testing.assert_array_equal(read[name], array)


@given(arrays)
def test_a_zip_reader_finds_nothing_wrong(array):
    with zipfile.ZipFile(io.BytesIO(encode_npz({"a": array, "b": array}))) as file:
        assert file.testzip() is None
        assert [(entry.filename, entry.date_time[:3]) for entry in file.infolist()] == [
            ("a.npy", (1980, 1, 1)),
            ("b.npy", (1980, 1, 1)),
        ]


def test_another_day_gives_the_same_bytes(monkeypatch):
    contents = {"indices": np.arange(600, dtype=np.uint16).reshape(20, 30)}
    today = encode_npz(contents)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    assert encode_npz(contents) == today


def test_rows_that_are_not_one_after_the_other_are_written_as_they_are_seen():
    array = np.arange(60, dtype=np.uint8).reshape(6, 10)[::2, ::-1]
    np.testing.assert_array_equal(np.load(io.BytesIO(encode_npz({"a": array})))["a"], array)


def test_an_array_that_a_zip_file_cannot_hold_is_refused(monkeypatch):
    monkeypatch.setattr(npz, "_MOST_BYTES", 1000)
    with pytest.raises(ImageError, match="at most 1000") as caught:
        encode_npz({"a": np.zeros(1001, np.uint8)})
    assert caught.value.code == "too_large"
