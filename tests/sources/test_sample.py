"""A sample of a folder."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsys.sources.folder import Folder
from icsys.sources.random_sample import draw_sample


@pytest.fixture
def empty_photos(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02}.jpg").touch()
    return tmp_path


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_sample_is_chosen_by_the_seed_in_the_order_of_the_folder(empty_photos, seed, number):
    first, again = (draw_sample(Folder(empty_photos, empty_photos), number, seed) for _ in range(2))
    sources = [work.source for work in first.tasks]
    assert first == again
    assert sources == sorted(set(sources))
    assert len(sources) == min(number, 20)
    assert first.found == 20


def test_every_image_is_as_likely_as_every_other(empty_photos):
    counts = dict.fromkeys((f"{i:02}.jpg" for i in range(20)), 0)
    for seed in range(400):
        for work in draw_sample(Folder(empty_photos, empty_photos), 5, seed).tasks:
            counts[work.source] += 1
    # 400 samples of a quarter: 100 each, with a standard deviation of 8.7.
    assert all(60 < count < 140 for count in counts.values())
