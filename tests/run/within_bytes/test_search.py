"""The search finds what a scan of all numbers finds."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from icsys.run.within_bytes.search import SearchRange, largest_within


@settings(max_examples=100)
@given(
    totals=st.lists(st.one_of(st.integers(0, 10**6), st.integers(0, 3)), min_size=1, max_size=300),
    start=st.integers(-5, 400),
    limit=st.one_of(st.floats(0, 2e6), st.integers(0, 299)),
    power=st.floats(0.1, 4),
)
@example(totals=[0, 0], start=0, limit=0.0, power=1.0)
@example(totals=[7, 7, 7, 7, 9], start=4, limit=7.0, power=1.0)
def test_of_rising_totals_the_largest_within_is_that_of_a_scan(totals, start, limit, power):
    """Equal totals, and limits that a total reaches exactly (a whole number is a place among them), included."""
    totals = sorted(totals)
    limit = totals[limit % len(totals)] if isinstance(limit, int) else limit
    low = 3
    found = largest_within(lambda n: totals[n - low], SearchRange(low, low + len(totals) - 1, start, power), limit)
    inside = [n for n in range(low, low + len(totals)) if totals[n - low] <= limit]
    assert found == (inside[-1] if inside else None)


@settings(max_examples=50)
@given(totals=st.lists(st.integers(1, 10**6), min_size=1, max_size=100), limit=st.floats(0, 2e6))
def test_of_any_totals_the_result_is_within_and_the_next_one_is_not(totals, limit):
    found = largest_within(lambda n: totals[n - 1], SearchRange(1, len(totals), 7, 1.7), limit)
    if found is None:
        assert totals[0] > limit
    else:
        assert totals[found - 1] <= limit
        assert found == len(totals) or totals[found] > limit


@settings(max_examples=50)
@given(limit=st.floats(10, 1e9), slack=st.floats(0, 0.5))
def test_with_slack_it_ends_early_within_the_slack(limit, slack):
    tried = []

    def total(n):
        tried.append(n)
        return 0.3 * n**1.8

    found = largest_within(total, SearchRange(1, 10**6, 96, 1.7), limit, slack)
    assert total(found) <= limit
    assert total(found) >= (1 - slack) * limit or total(found + 1) > limit or found == 10**6


@pytest.mark.parametrize("power", [1.0, 1.7, 2.0])
def test_few_steps_are_enough_on_a_power_law(power):
    tried = []

    def total(n):
        tried.append(n)
        return 5.0 * n**power

    found = largest_within(total, SearchRange(1, 8000, 96, 1.7), 5.0 * 1000.5**power, 0.01)
    assert 990 <= found <= 1000
    assert len(tried) <= 6
