"""The number of distinct values is NumPy's, up to a most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.image import geometry
from icsys.image.masks.distinct_values import count_values


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3, 4]), st.sampled_from([np.uint8, np.uint16]), st.integers(1, 60))
def test_values_are_counted_up_to_a_most(seed, channels, dtype, most):
    random = np.random.default_rng(seed)
    top = random.choice([1, 2, 5, 300, 65535])
    values = random.integers(0, min(top, np.iinfo(dtype).max), (random.integers(1, 9), 11, channels), endpoint=True)
    values = values.astype(dtype)[..., 0] if channels == 1 else values.astype(dtype)
    expected = len(np.unique(values.reshape(-1, channels), axis=0))
    assert count_values(values, most) == (expected if expected <= most else None)


@pytest.mark.parametrize("channels", [1, 3])
def test_bands_are_counted_together(channels, monkeypatch):
    monkeypatch.setattr(geometry, "BAND_PIXELS", 20)
    values = np.arange(90, dtype=np.uint16).reshape(30, 3).repeat(channels, 1).reshape(30, 3, channels)
    values = values[..., 0] if channels == 1 else values
    assert count_values(values, 90) == 90
    assert count_values(values, 89) is None
