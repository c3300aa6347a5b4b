"""The quality of a lossy codec within a limit of bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from icsys.pipeline.lossy_quality import even_sample, highest_quality, highest_quality_near

SIZES = st.lists(st.integers(0, 50), min_size=100, max_size=100).map(sorted)


@given(SIZES, st.integers(-1, 60), st.integers(1, 100))
def test_the_highest_quality_within_a_limit_is_found_from_everywhere(sizes, limit, start):
    def size_at(quality):
        return sizes[quality - 1]

    expected = max((q for q in range(1, 101) if size_at(q) <= limit), default=1)
    assert highest_quality(size_at, limit) == expected
    assert highest_quality_near(size_at, limit, start) == expected


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=80), st.integers(1, 40), st.integers(1, 10**7))
def test_a_sample_is_spread_over_all_images_and_within_its_limits(pixels, most_images, most_pixels):
    places = even_sample(pixels, most_images, most_pixels)
    assert places[0] == 0
    assert places == sorted(set(places))
    assert len(places) <= min(most_images, len(pixels))
    assert places[-1] < len(pixels)
    steps = np.diff([*places, len(pixels)])
    assert steps.max() - steps.min() <= 1
