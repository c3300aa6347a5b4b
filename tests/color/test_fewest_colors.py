"""The search ends where K is enough and K - 1 is not, in few trials."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.color.fewest_colors import Trial, fewest_colors


def searched(errors, goal, **settings):
    """Search among errors by K = 1, 2, ...; return the K found, whether it is enough, and what was tried."""
    tried = []

    def attempt(k):
        tried.append(k)
        error = errors[k - 1]
        met = error <= goal
        return Trial(k, met, math.log(error / goal) if error else -math.inf)

    found = fewest_colors(attempt, len(errors), **settings)
    return found.made, found.met, tried


errors = st.floats(0, 1e6, allow_subnormal=False)


@given(st.lists(errors, min_size=1, max_size=300), st.floats(1e-3, 1e3), st.integers(1, 400))
def test_k_is_enough_and_one_less_is_not_whatever_the_errors_are(errors, goal, start):
    k, met, tried = searched(errors, goal, start=start)
    assert met == (errors[k - 1] <= goal)
    if met:
        assert k == 1 or errors[k - 2] > goal
        assert k == 1 or k - 1 in tried
    else:
        assert k == len(errors)
    assert len(tried) == len(set(tried))
    assert set(tried) <= set(range(1, len(errors) + 1))


@given(st.lists(errors, min_size=1, max_size=300), st.floats(1e-3, 1e3), st.integers(1, 400))
def test_of_errors_that_only_fall_it_is_the_smallest_k(errors, goal, start):
    errors.sort(reverse=True)
    k, met, _ = searched(errors, goal, start=start)
    enough = [i + 1 for i, error in enumerate(errors) if error <= goal]
    assert (k, met) == ((enough[0], True) if enough else (len(errors), False))


@pytest.mark.parametrize("power", [0.4, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("wanted", [1, 3, 17, 40, 41, 90, 255, 256])
def test_errors_as_those_of_photos_need_few_trials(power, wanted):
    errors = [k**-power for k in range(1, 257)]
    k, met, tried = searched(errors, wanted**-power * (1 + 1e-9))
    assert (k, met) == (wanted, True)
    assert len(tried) <= 7


def test_what_256_colours_miss_is_known_after_few_trials():
    k, met, tried = searched([k**-0.7 for k in range(1, 257)], 1e-3)
    assert (k, met) == (256, False)
    assert len(tried) <= 3
