"""The weighted colours of an image agree with numpy.unique."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from icsys.color.histogram import Histogram, unpack

# Few values, so that colours repeat.
pixels = st.sampled_from([1, 3]).flatmap(
    lambda channels: arrays(
        np.uint8, st.tuples(st.integers(1, 60), st.just(channels)), elements=st.sampled_from([0, 1, 7, 254, 255])
    )
)


@given(pixels)
def test_distinct_colours_and_counts_are_those_of_numpy(pixels):
    histogram = Histogram(pixels)
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    np.testing.assert_array_equal(histogram.colors, colors)
    np.testing.assert_array_equal(histogram.counts, counts)


@given(pixels)
def test_packing_loses_nothing(pixels):
    histogram = Histogram(pixels)
    np.testing.assert_array_equal(unpack(histogram.packed, histogram.channels), pixels)
